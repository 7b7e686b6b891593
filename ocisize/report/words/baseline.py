"""An image and its baseline, as a value that the text and JSON reports are written from."""

from __future__ import annotations

from ocisize.budgets.baseline import BaselineEntry
from ocisize.model.analysis import Analysis
from ocisize.model.budget import Verdict
from ocisize.values import frozen


@frozen(kw_only=True)
class BaselineComparison:
    """An image, its entry in the baseline, and the verdicts on its growth."""

    name: str  #: of the image in the baseline
    analysis: Analysis
    new: BaselineEntry  #: of the image as it is now
    old: BaselineEntry | None  #: None if the baseline does not have the image
    verdicts: tuple[Verdict, ...] = ()
    file: str  #: of the baseline
    written: bool = False  #: whether the file was changed
