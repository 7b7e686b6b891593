"""Fix: one change that a rule of the plan makes or proposes, before the simulation counts what the change saves."""

from __future__ import annotations

import attrs

from ocisize.model.findings import Category, Confidence
from ocisize.plan.rows import RowsByLayer


@attrs.frozen(kw_only=True, eq=False)
class Fix:
    """A change, with the rows that no layer stores after it. The fields are those of ``PlanStep``."""

    title: str
    confidence: Confidence
    category: Category
    layers: tuple[int, ...]
    action: str
    rows: RowsByLayer
    caution: str = ""
    ignored: tuple[str, ...] = ()
    in_patch: bool = True
    findings: tuple[str, ...] = ()  #: ids of findings that it fixes although their rows stay
