"""An image and its baseline, as a value that the text and JSON reports are written from."""

from __future__ import annotations

from ocisize.budgets.baseline import Entry
from ocisize.model.analysis import Analysis
from ocisize.model.budget import Verdict
from ocisize.values import frozen


@frozen(kw_only=True)
class BaselineComparison:
    """An image, its entry in the baseline, and the verdicts on its growth."""

    name: str  #: of the image in the baseline
    analysis: Analysis
    new: Entry  #: of the image as it is now
    old: Entry | None  #: None if the baseline does not have the image
    verdicts: tuple[Verdict, ...] = ()
    file: str  #: of the baseline
    written: bool = False  #: whether the file was changed
