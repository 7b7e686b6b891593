"""The same finding, or step of a plan, about the images of several platforms becomes one."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.findings import Finding
from ocisize.model.plan import PlanStep
from ocisize.model.sizes import weight_of
from ocisize.report.subject import ReportedImage
from ocisize.report.words.findings import fingerprints

_Row = tuple[ReportedImage, Finding]


def merge_findings(images: Sequence[ReportedImage]) -> list[tuple[ReportedImage, Finding, tuple[str, ...]]]:
    """The findings about all images; findings with the same fingerprint become one.

    Returns for each finding the image where it saves most, the finding there, and all platforms that have it. The
    largest savings come first; the findings about a single image keep their order.
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


def merge_steps(images: Sequence[ReportedImage]) -> list[tuple[ReportedImage, PlanStep, tuple[str, ...]]]:
    """The steps of the plans of all images; steps with the same title and action become one.

    Returns for each step the image where it saves most, the step there, and all platforms that have it. The largest savings
    come first; the steps of a single image keep their order.
    """
    groups: dict[tuple[str, str, tuple[str, ...]], list[tuple[ReportedImage, PlanStep]]] = {}
    for image in images:
        for number, step in enumerate(image.analysis.plan.steps):
            key = (step.title, step.action, step.ignored) if len(images) > 1 else (str(number), "", ())
            groups.setdefault(key, []).append((image, step))
    merged = []
    for rows in groups.values():
        largest, step = max(rows, key=lambda row: _saving(row[1]))
        merged.append((largest, step, tuple(image.platform for image, _ in rows)))
    return merged if len(images) == 1 else sorted(merged, key=lambda row: _saving(row[1]), reverse=True)


def _saving(change: Finding | PlanStep) -> tuple[int, int]:
    return weight_of(change.compressed_size, change.size), change.size
