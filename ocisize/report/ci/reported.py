"""What formats for CI report on: one image, or those of all platforms, each with its verdicts and its steps' lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ocisize.history.dockerfile import Instruction, find_lines
from ocisize.model.analysis import Analysis
from ocisize.model.budget import BudgetStatus, Verdict
from ocisize.model.findings import Finding
from ocisize.report.options import ReportOptions
from ocisize.report.words.budgets import by_severity
from ocisize.report.words.findings import fingerprints

_Row = tuple["ReportedImage", Finding]


@attrs.frozen(kw_only=True)
class ReportedImage:
    """An image, and what is told of it beside its analysis."""

    analysis: Analysis
    platform: str = ""  #: named in each row of a document on several images, "" in one on a single image
    verdicts: Sequence[Verdict] = ()
    lines: Sequence[Instruction | None] = ()  #: by layer: what wrote it in the Dockerfile

    @property
    def findings(self) -> Sequence[Finding]:
        """What the advice found, largest savings first."""
        return self.analysis.advice.findings

    @property
    def violations(self) -> list[Verdict]:
        """The verdicts on budgets that are not kept, failing ones first."""
        return [verdict for verdict in by_severity(self.verdicts) if verdict.outcome is not BudgetStatus.PASS]

    def with_platform(self, text: str) -> str:
        """A text with the platform in front where there are several."""
        return f"{self.platform}: {text}" if self.platform else text

    def dockerfile_line(self, finding: Finding) -> Instruction | None:
        """The first instruction of the Dockerfile that a finding is about; None where none is known."""
        known = (self.lines[layer] for layer in finding.layers if layer < len(self.lines))
        return next((line for line in known if line is not None), None)


def report_on(analysis: Analysis, options: ReportOptions) -> ReportedImage:
    """A single image with what the options know of it."""
    return _report_on(analysis, options, options.verdicts, "")


def report_on_all(
    analyses: Mapping[str, Analysis], options: ReportOptions, verdicts: Mapping[str, Sequence[Verdict]]
) -> list[ReportedImage]:
    """The images of all platforms, in the index's order and by its names: configs often lack the variant."""
    return [
        _report_on(attrs.evolve(each, platform=name), options, verdicts.get(name, ()), name)
        for name, each in analyses.items()
    ]


def _report_on(analysis: Analysis, options: ReportOptions, verdicts: Sequence[Verdict], platform: str) -> ReportedImage:
    base = analysis.base.found.certain_layers if analysis.base is not None else 0
    lines = find_lines([layer.instruction for layer in analysis.layers], options.instructions, base=base)
    return ReportedImage(analysis=analysis, platform=platform, verdicts=verdicts, lines=lines)


def merge_findings(images: Sequence[ReportedImage]) -> list[tuple[ReportedImage, Finding, tuple[str, ...]]]:
    """The findings of all images, those once that are the same on several platforms: the one that saves most stands for
    them, with the platforms that have it. Largest savings first; of one image as they are.
    """
    groups: dict[str, list[_Row]] = {}
    for image in images:
        for finding, fingerprint in zip(image.findings, fingerprints(image.findings), strict=True):
            groups.setdefault(fingerprint, []).append((image, finding))
    merged = []
    for rows in groups.values():
        largest, finding = max(rows, key=lambda row: _saving(row[1]))
        merged.append((largest, finding, tuple(image.platform for image, _ in rows)))
    return merged if len(images) == 1 else sorted(merged, key=lambda row: _saving(row[1]), reverse=True)


def _saving(finding: Finding) -> tuple[int, int]:
    wire = finding.compressed_size
    return finding.size if wire is None else wire, finding.size
