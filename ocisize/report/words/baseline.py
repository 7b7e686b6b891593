"""An image and its baseline, as a value that the text and JSON reports are written from, and what a missing one needs."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.budgets.baseline import BaselineEntry
from ocisize.model.analysis import Analysis
from ocisize.model.budget import Verdict
from ocisize.text import printable
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


def describe_missing(comparisons: Sequence[BaselineComparison]) -> str:
    """A line about images that a baseline file does not have: ``no baseline of app (linux/amd64) in baseline.json``."""
    (name,) = {comparison.name for comparison in comparisons}
    platforms = ", ".join(comparison.analysis.platform for comparison in comparisons)
    return printable(f"no baseline of {name} ({platforms}) in {comparisons[0].file}")
