"""What a report on a comparison is about: two images, the verdicts on budgets of AFTER, and the lines of its Dockerfile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage, Subject
from ocisize.values import frozen

if TYPE_CHECKING:
    from ocisize.model.analysis import Analysis
    from ocisize.model.budget import Verdict
    from ocisize.model.comparison import Comparison


@frozen(kw_only=True)
class DiffSubject:
    """A comparison, with AFTER as an image of which budgets are checked."""

    comparison: Comparison
    image: ReportedImage  #: AFTER, its verdicts, and the lines of its Dockerfile

    @classmethod
    def of(cls, comparison: Comparison, options: ReportOptions) -> DiffSubject:
        """A comparison, with the verdicts and the Dockerfile of ``options``; both are about AFTER."""
        (image,) = Subject.of_image(comparison.after, options).images
        return cls(comparison=comparison, image=image)

    @property
    def before(self) -> Analysis:
        """The image that growth is measured from."""
        return self.comparison.before

    @property
    def after(self) -> Analysis:
        """The image that the budgets limit."""
        return self.comparison.after

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """The verdicts on the budgets of AFTER; limits of growth are measured from BEFORE."""
        return self.image.verdicts
