"""Fix: one change that a rule of the plan makes or proposes, before the simulation counts what the change saves."""

from __future__ import annotations

from ocisize.history.shell import shorten
from ocisize.model.findings import Category, Confidence
from ocisize.plan.merged_rows import RowsByLayer
from ocisize.values import field, frozen

_MAX_TITLE = 200  # characters; commands of hostile images name thousands of paths
_MAX_ACTION = 4000  # characters


def _shorten_title(title: str) -> str:
    return shorten(title, _MAX_TITLE)


def _shorten_action(action: str) -> str:
    return shorten(action, _MAX_ACTION)


@frozen(kw_only=True, eq=False)
class Fix:
    """A change, with the rows that no layer stores after it. The fields are those of ``PlanStep``."""

    title: str = field(converter=_shorten_title)
    confidence: Confidence
    category: Category
    layers: tuple[int, ...]
    action: str = field(converter=_shorten_action)
    rows: RowsByLayer
    caution: str = ""
    ignored: tuple[str, ...] = ()
    in_patch: bool = True
