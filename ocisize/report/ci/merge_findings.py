"""The same finding, or step of a plan, about the images of several platforms becomes one."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.findings import Finding
from ocisize.model.plan import PlanStep
from ocisize.model.sizes import weight_of
from ocisize.report.ci.levels import LEVELS, AlertLevel, level_of
from ocisize.report.subject import ReportedImage
from ocisize.report.words.advice import is_secret
from ocisize.report.words.findings import fingerprints
from ocisize.tuples import NamedTuple

_Row = tuple[ReportedImage, Finding]


class MergedFinding(NamedTuple):
    """The same finding about one or several images."""

    image: ReportedImage  #: where it saves most
    finding: Finding  #: there
    platforms: tuple[str, ...]  #: all that have it
    level: AlertLevel  #: the loudest on these platforms


def merge_findings(images: Sequence[ReportedImage]) -> list[MergedFinding]:
    """The findings about all images; findings with the same fingerprint become one.

    Secrets come first, then the largest savings; the findings about a single image keep their order.
    """
    groups: dict[str, list[_Row]] = {}
    for image in images:
        for finding, fingerprint in zip(image.findings, fingerprints(image.findings), strict=True):
            groups.setdefault(fingerprint, []).append((image, finding))
    merged = []
    for rows in groups.values():
        largest, finding = max(rows, key=lambda row: _saving(row[1]))
        level = min((level_of(found, image) for image, found in rows), key=LEVELS.index)
        merged.append(MergedFinding(largest, finding, tuple(image.platform for image, _ in rows), level))
    return merged if len(images) == 1 else sorted(merged, key=_rank, reverse=True)


def _rank(row: MergedFinding) -> tuple[bool, tuple[int, int]]:
    return is_secret(row.finding), _saving(row.finding)


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
