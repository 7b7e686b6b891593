"""The outlines of an index as text: the platforms side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ocisize.model.outline import IndexOutline, Outline
from ocisize.model.sizes import sum_known
from ocisize.report.outline_subject import ReportedOutline
from ocisize.report.text.lines import Line, wrap
from ocisize.report.words.flow import join_parts
from ocisize.report.words.image import describe_trust
from ocisize.report.words.outline import NOT_KNOWN, day_of
from ocisize.report.words.units import cut, human_size
from ocisize.text import count_of, printable

_MAX_VERDICTS = 6
_MAX_PLATFORMS = 30


def list_index(index: IndexOutline, images: Sequence[ReportedOutline], width: int) -> Iterator[Line]:
    """The index, the budgets that are not kept, and a row for each platform."""
    named = index.format == "registry" and index.reference
    yield Line((cut(printable(index.reference if named and index.reference else index.source), width), "bold"))
    parts = [count_of(len(index.outlines), "platform")]
    if index.stored_size is not None:
        parts.append(f"{human_size(index.stored_size)} in all, shared layers once")
    if index.attestations:
        parts.append(f"{count_of(index.attestations, 'attestation')} left out")
    yield from (Line((line, "dim")) for line in join_parts(parts, width))
    if index.digest:
        yield Line((cut(f"index {index.digest}", width), "dim"))
    yield from (Line((line, "dim")) for line in wrap(f"{NOT_KNOWN}.", width))
    hosts = [host for image in images for host in image.outline.unverified_hosts]
    for text in describe_trust(list(dict.fromkeys(hosts))):
        yield from (Line((line, "yellow")) for line in wrap(printable(text), width))
    for text in _gaps(index):
        yield Line((cut(printable(text), width), "red"))
    yield from _verdicts(images, width)
    yield Line()
    yield from _platforms(images, width)


def _gaps(index: IndexOutline) -> Iterator[str]:
    if index.absent:
        yield f"manifest missing: {', '.join(index.absent)}"
    for image in index.unread:
        yield f"not read: {image.platform or image.digest}: {image.error}"
    for name, outline in index.outlines.items():
        if outline.layer_mismatch:
            yield f"incomplete: {name}: {outline.layer_mismatch}"


def _verdicts(images: Sequence[ReportedOutline], width: int) -> Iterator[Line]:
    """The counts of verdicts, and a line for each budget that failed or warns."""
    verdicts = [verdict for image in images for verdict in image.verdicts]
    if not verdicts:
        return
    from ocisize.model.budget import BudgetStatus
    from ocisize.report.words.budgets import describe, headline

    yield Line()
    yield Line((cut(headline(verdicts), width), "bold"))
    lines = [
        Line((cut(printable(f"{outcome.upper()} {image.platform}: {describe(verdict, reported.analysis)}"), width), style))
        for outcome, style in ((BudgetStatus.FAIL, "red"), (BudgetStatus.WARN, "yellow"))
        for image, reported in zip(images, [image.as_image() for image in images], strict=True)
        for verdict in image.verdicts
        if verdict.outcome is outcome
    ]
    yield from lines[:_MAX_VERDICTS]
    if len(lines) > _MAX_VERDICTS:
        yield Line((f"… and {len(lines) - _MAX_VERDICTS:,} more (-f json has all)", "dim"))


def _platforms(images: Sequence[ReportedOutline], width: int) -> Iterator[Line]:
    """A table with the download, what only this image has of it, the layers and the day of each platform."""
    counts = Counter(digest for image in images for digest in {layer.digest for layer in image.outline.layers})
    yield Line((f"{'Download':>9}  {'Own':>8}  {'Layers':>6}  {'Created':10}  Platform", "dim"))
    for image in images[:_MAX_PLATFORMS]:
        outline = image.outline
        size, own = human_size(outline.compressed_size), human_size(_own_size(outline, counts))
        row = f"{size:>9}  {own:>8}  {len(outline.layers):>6}  {day_of(outline.created):10}  {printable(image.platform)}"
        yield Line(cut(row, width))
    if len(images) > _MAX_PLATFORMS:
        yield Line((f"… and {len(images) - _MAX_PLATFORMS:,} more (-f json has all)", "dim"))


def _own_size(outline: Outline, counts: Mapping[str, int]) -> int | None:
    """The download of the layers that no other platform has; None if unknown."""
    own = {layer.digest: layer.compressed_size for layer in outline.layers if counts[layer.digest] == 1}
    return sum_known(own.values())
