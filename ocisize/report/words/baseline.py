"""An image beside its baseline, as a value that text and JSON are written from."""

from __future__ import annotations

import attrs

from ocisize.budgets.baseline import Entry
from ocisize.model.analysis import Analysis
from ocisize.model.budget import Verdict


@attrs.frozen(kw_only=True)
class BaselineComparison:
    """An image, what its baseline says of it, and what became of both."""

    name: str  #: how the baseline knows the image
    analysis: Analysis
    now: Entry
    kept: Entry | None  #: None where the baseline does not have the image
    verdicts: tuple[Verdict, ...] = ()
    file: str  #: of the baseline
    written: bool = False  #: whether that was changed
