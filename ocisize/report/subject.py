"""What a report is about: one image, or the images of all platforms, each with the verdicts on its budgets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from ocisize.model.analysis import Analysis
from ocisize.model.findings import Finding, Severity
from ocisize.report.options import ReportOptions
from ocisize.report.words.advice import is_secret
from ocisize.values import evolve, frozen

if TYPE_CHECKING:
    from ocisize.dockerfile.parse import Instruction
    from ocisize.model.budget import Verdict
    from ocisize.model.comparison import Reason
    from ocisize.model.platforms import IndexAnalysis

_SEVERITIES = tuple(Severity)


@frozen(kw_only=True)
class ReportedImage:
    """An image, the verdicts on its budgets, and the lines of its Dockerfile."""

    analysis: Analysis
    platform: str = ""  #: named in each row of a document about several images, "" in a document about one
    verdicts: Sequence[Verdict] = ()
    reasons: Sequence[Reason] = ()  #: why it grew, the largest growth first, in a comparison
    known_findings: Collection[Finding] | None = None  #: those that BEFORE has, too; None without a comparison
    shown_findings: Sequence[Finding] | None = None  #: those to report, in the order of the advice; None: all of them
    lines: Sequence[Instruction | None] = ()  #: by layer, base first: what wrote it; empty without a Dockerfile

    @property
    def findings(self) -> Sequence[Finding]:
        """The findings about the image: secrets first, then the largest savings."""
        return [*self.secrets, *(finding for finding in self._shown if not is_secret(finding))]

    @property
    def secrets(self) -> Sequence[Finding]:
        """The findings about secrets, the most severe first."""
        return sorted(filter(is_secret, self._shown), key=lambda finding: _SEVERITIES.index(finding.severity))

    @property
    def _shown(self) -> Sequence[Finding]:
        return self.analysis.advice.findings if self.shown_findings is None else self.shown_findings

    def is_new(self, finding: Finding) -> bool:
        """Whether a comparison says that BEFORE does not have a finding."""
        return self.known_findings is not None and finding not in self.known_findings

    @property
    def violations(self) -> list[Verdict]:
        """The verdicts on budgets that failed, then those that warn."""
        from ocisize.model.budget import BudgetStatus

        outcomes = (BudgetStatus.FAIL, BudgetStatus.WARN)
        return [verdict for outcome in outcomes for verdict in self.verdicts if verdict.outcome is outcome]

    def with_platform(self, text: str) -> str:
        """A text with the platform in front if the document is about several images."""
        return f"{self.platform}: {text}" if self.platform else text

    def dockerfile_line(self, finding: Finding) -> Instruction | None:
        """The instruction that wrote the first layer of a finding that the Dockerfile explains; None if it explains none."""
        return next((line for layer in finding.layers if (line := self.layer_line(layer)) is not None), None)

    def step_of(self, layer: int | None) -> str:
        """The text of the build step of a layer, "" for none."""
        return "" if layer is None else self.analysis.layers[layer].build_step.text

    def layer_line(self, layer: int | None) -> Instruction | None:
        """The instruction that wrote a layer; None if the Dockerfile does not explain it."""
        return self.lines[layer] if layer is not None and layer < len(self.lines) else None


@frozen(kw_only=True)
class Subject:
    """One image, or the images of an index in its order; ``index`` is None for one image."""

    images: Sequence[ReportedImage]
    index: IndexAnalysis | None = None

    @classmethod
    def of_image(cls, analysis: Analysis, options: ReportOptions) -> Subject:
        """One image, with the verdicts and the Dockerfile of ``options``."""
        lines = _match_lines(analysis, options)
        return cls(images=[ReportedImage(analysis=analysis, verdicts=options.verdicts, lines=lines)])

    @classmethod
    def of_index(cls, index: IndexAnalysis, options: ReportOptions, verdicts: Mapping[str, Sequence[Verdict]]) -> Subject:
        """The images of all platforms, under the names of the index: the configs of images often lack the variant."""
        images = [
            ReportedImage(
                analysis=evolve(analysis, platform=name),
                platform=name,
                verdicts=verdicts.get(name, ()),
                lines=_match_lines(analysis, options),
            )
            for name, analysis in index.analyses.items()
        ]
        return cls(images=images, index=index)

    @property
    def image(self) -> ReportedImage:
        """The only image; raises ValueError if there are several."""
        (image,) = self.images
        return image

    @property
    def analysis(self) -> Analysis:
        """The analysis of the only image; raises ValueError if there are several."""
        return self.image.analysis

    @property
    def verdicts(self) -> Mapping[str, Sequence[Verdict]]:
        """The verdicts on each image, by platform."""
        return {image.platform: image.verdicts for image in self.images}


def _match_lines(analysis: Analysis, options: ReportOptions) -> Sequence[Instruction | None]:
    """The instructions of the Dockerfile; without one that fits the image, the lines that its provenance names."""
    lines: Sequence[Instruction | None] = ()
    base = analysis.base.found.certain_layers if analysis.base is not None else 0
    if options.parsed_dockerfile is not None:
        from ocisize.dockerfile.lines import find_lines

        lines = find_lines([layer.build_step for layer in analysis.layers], options.parsed_dockerfile, base=base)
    if any(lines[base:]) or all(layer.source is None for layer in analysis.layers):
        return lines
    from ocisize.dockerfile.parse import Instruction

    sources = (layer.source for layer in analysis.layers)
    return [
        None if source is None else Instruction(keyword="", text="", first=source.first, last=source.last)
        for source in sources
    ]
