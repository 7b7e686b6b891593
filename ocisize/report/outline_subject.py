"""What a report on outlines is about: one image, the images of all platforms, or two images compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ocisize.model.outline import IndexOutline, Outline
from ocisize.model.unread import unread_analysis
from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage
from ocisize.values import evolve, frozen

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict
    from ocisize.model.outline_comparison import OutlineComparison


@frozen(kw_only=True)
class ReportedOutline:
    """An image of which only the documents were read, and the verdicts on its budgets."""

    outline: Outline
    platform: str = ""  #: named in each row of a document about several images, "" in a document about one
    verdicts: Sequence[Verdict] = ()

    def as_image(self) -> ReportedImage:
        """The same for code that names images and shows verdicts, with an analysis none of whose layers was read."""
        return ReportedImage(analysis=unread_analysis(self.outline), platform=self.platform, verdicts=self.verdicts)


@frozen(kw_only=True)
class OutlineSubject:
    """One image, or the images of an index in its order; ``index`` is None for one image."""

    images: Sequence[ReportedOutline]
    index: IndexOutline | None = None

    @classmethod
    def of_image(cls, outline: Outline, options: ReportOptions) -> OutlineSubject:
        """One image, with the verdicts of ``options``."""
        return cls(images=[ReportedOutline(outline=outline, verdicts=options.verdicts)])

    @classmethod
    def of_index(cls, index: IndexOutline, verdicts: Mapping[str, Sequence[Verdict]]) -> OutlineSubject:
        """The images of all platforms, under the names of the index: the configs of images often lack the variant."""
        images = [
            ReportedOutline(
                outline=evolve(outline, platform=name),
                platform=name,
                verdicts=verdicts.get(name, ()),
            )
            for name, outline in index.outlines.items()
        ]
        return cls(images=images, index=index)


@frozen(kw_only=True)
class OutlineDiffSubject:
    """Two images compared by their documents, and AFTER with the verdicts on its budgets."""

    comparison: OutlineComparison
    image: ReportedOutline  #: AFTER

    @classmethod
    def of(cls, comparison: OutlineComparison, options: ReportOptions) -> OutlineDiffSubject:
        """A comparison, with the verdicts of ``options``."""
        return cls(comparison=comparison, image=ReportedOutline(outline=comparison.after, verdicts=options.verdicts))
