"""The text report on an index: the platforms side by side and their differences, largest first, on one screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO, TypeAlias

from rich.text import Text

from ocisize.model.platforms import Drift, IndexAnalysis, OnlyThere, StepDrift
from ocisize.report.text.page import open_page
from ocisize.report.text.tables import new_table
from ocisize.report.words.image import describe_trust
from ocisize.report.words.incomplete import AT_LEAST, NOTE, describe_layer, headline, mark_incomplete
from ocisize.report.words.units import UNKNOWN, human_size, shorten_step
from ocisize.text import count_of, name_input, printable

if TYPE_CHECKING:
    from rich.console import Console

    from ocisize.model.budget import Verdict

MAX_LINES = 40
_MAX_PLATFORMS = 14
_MAX_VERDICTS = 6
_MAX_GAPS = 6
_MIN_SHARE = 0.01  #: of the largest image; smaller differences are not shown

#: bytes, what differs, and lines that say which platforms have it and why
_Item: TypeAlias = tuple[int, str, list[str]]


def write_index(
    index: IndexAnalysis,
    file: TextIO,
    *,
    verdicts: Mapping[str, Sequence[Verdict]] | None = None,
    width: int | None = None,
    color: bool | None = None,
) -> None:
    """Write at most MAX_LINES lines; ``verdicts`` are those on each platform's image. Only violations are listed."""
    with open_page(file, width=width, color=color) as console:
        used = _header(console, index)
        used += _verdicts(console, index, verdicts or {})
        used += _platforms(console, index)
        _drift(console, index, MAX_LINES - used)


def _line(console: Console, text: str, style: str = "") -> None:
    """One line, cut to fit."""
    console.print(Text(printable(text), style=style), no_wrap=True, overflow="ellipsis", crop=True)


def _header(console: Console, index: IndexAnalysis) -> int:
    source = name_input(index.source)
    named = index.reference not in (None, source)
    name = f"{source} · {index.reference}" if named else source
    _line(console, index.reference if index.format == "registry" and index.reference else name, "bold")
    parts = [count_of(len(index.analyses), "platform")]
    if index.stored_size is not None:
        parts.append(f"{AT_LEAST if index.unread else ''}{human_size(index.stored_size)} in all, shared layers once")
    if index.attestations:
        parts.append(f"{count_of(index.attestations, 'attestation')} left out")
    _line(console, " · ".join(parts), "dim")
    lines = [f"index {index.digest}"] if index.digest else []
    if index.absent:
        lines.append(f"not analyzed, manifest missing: {', '.join(index.absent)}")
    for text in lines:
        _line(console, text, "dim")
    hosts = [host for analysis in index.analyses.values() for host in analysis.unverified_hosts]
    lines += (trust := describe_trust(list(dict.fromkeys(hosts))))
    for text in trust:
        _line(console, text, "yellow")
    gaps = list(_gaps(index))
    for text in gaps:
        _line(console, text, "red")
    return 2 + len(lines) + len(gaps)


def _gaps(index: IndexAnalysis) -> Iterator[str]:
    """The images that could not be read, and the layers of other images."""
    gaps = [f"not read: {image.platform or image.digest}: {image.error}" for image in index.unread]
    gaps += [
        f"{name}: {headline(analysis)}; {describe_layer(analysis.unread[0])}"
        for name, analysis in index.analyses.items()
        if analysis.unread
    ]
    yield from gaps[:_MAX_GAPS]
    if len(gaps) > _MAX_GAPS:
        yield f"… and {len(gaps) - _MAX_GAPS} more (-f json has all)"
    if gaps:
        yield f"incomplete: {NOTE}; differences do not include partly read images"


def _verdicts(console: Console, index: IndexAnalysis, verdicts: Mapping[str, Sequence[Verdict]]) -> int:
    if not any(verdicts.values()):
        return 0
    from ocisize.report.words.budgets import describe, headline

    violations = [
        (verdict.outcome.value, name, describe(verdict, index.analyses[name]))
        for outcome in ("fail", "warn")
        for name, image_verdicts in verdicts.items()
        for verdict in image_verdicts
        if verdict.outcome.value == outcome
    ]
    console.print()
    if not violations:
        _line(console, headline([verdict for image_verdicts in verdicts.values() for verdict in image_verdicts]), "bold")
        return 2
    _line(
        console,
        f"Budgets: {len(violations)} not passed, on {len({name for _, name, _ in violations})} of {len(verdicts)} platforms",
        "bold",
    )
    for outcome, name, text in violations[:_MAX_VERDICTS]:
        _line(console, f"{outcome.upper()} {name}: {text}", "red" if outcome == "fail" else "yellow")
    rest = len(violations) - _MAX_VERDICTS
    if rest > 0:
        _line(console, f"… and {rest} more (-f json has all)", "dim")
    return 2 + min(len(violations), _MAX_VERDICTS) + (rest > 0)


def _platforms(console: Console, index: IndexAnalysis) -> int:
    spreads = {spread.name: spread for spread in index.drift.figures}
    download = spreads["compressed_size"]
    shown = download if None not in download.values else spreads["content_size"]
    measure = "download" if shown is download else "unpacked"
    columns = ("Download", "Unpacked", "Live", "Waste", "Layers", "Findings", "Ratio", "Platform")
    table = new_table(console, f"Platforms (ratio: {measure} to the smallest)", columns, 1)
    ratios = dict(zip(index.drift.platforms, shown.ratios, strict=True))
    rows = list(index.analyses.items())
    for name, analysis in rows[:_MAX_PLATFORMS]:
        sizes = (analysis.compressed_size, analysis.content_size, analysis.live_size, analysis.wasted_size)
        figures = [mark_incomplete(analysis, column, human_size(size)) for column, size in zip(columns, sizes, strict=False)]
        ratio = ratios.get(name)
        counts = (str(len(analysis.layers)), str(len(analysis.advice.findings)))
        share = UNKNOWN if ratio is None else f"{ratio:.2f}"
        table.add_row(*figures, *counts, share, Text(printable(name)))
    console.print(table)
    rest = len(rows) - _MAX_PLATFORMS
    if rest > 0:
        _line(console, f"… and {rest} more (-f json has all)", "dim")
    return 3 + min(len(rows), _MAX_PLATFORMS) + (rest > 0)


def _drift(console: Console, index: IndexAnalysis, room: int) -> None:
    if len(index.drift.platforms) < 2:
        return
    console.print()
    items = sorted(_items(index), key=lambda item: -item[0])
    largest = max((size or 0 for spread in index.drift.figures for size in spread.values), default=0)
    significant = [item for item in items if item[0] >= _MIN_SHARE * largest] or items[:1]
    if not significant:
        _line(console, "No differences between the platforms", "bold")
        return
    _line(console, "Differences between the platforms, largest first", "bold")
    room, shown = room - 3, 0
    for size, what, details in significant:
        room -= 1 + len(details)
        if room < 0:
            break
        _line(console, f"{human_size(size):>7} {shorten_step(what, console.width - 8)}")
        for text in details:
            _line(console, f"        {text}", "dim")
        shown += 1
    if len(items) > shown:
        _line(console, f"… and {len(items) - shown} more (-f json has all)", "dim")


def _items(index: IndexAnalysis) -> Iterator[_Item]:
    """All differences. Files that only one layer has are shown with the build step whose size they explain."""
    drift, explained = index.drift, set[tuple[str, int]]()
    largest_only: dict[tuple[str, int], OnlyThere] = {}  #: the largest of each layer
    for only in drift.only_there:
        if only.directory is not None:
            largest_only.setdefault((only.platform, only.layer), only)
    for step in drift.steps:
        if step.difference or step.missing:
            max_size = max(size or 0 for size in step.sizes)
            largest = [
                (platform, layer)
                for platform, layer, size in zip(drift.platforms, step.layers, step.sizes, strict=True)
                if layer is not None and size == max_size and (platform, layer) in largest_only
            ]
            details = [_who_has(step, drift)]
            if largest and not step.missing:
                details.append(f"only {largest[0][0]} has {_describe(largest_only[largest[0]])}")
            explained.update(largest)
            yield step.difference, step.build_step.shown or "a layer without a build step", details
    for (platform, layer), only in largest_only.items():
        if (platform, layer) not in explained:
            yield only.weight, f"layer {layer} of {platform}", [f"only this platform has {_describe(only)}"]
    for finding in drift.findings:
        others = [name for name in drift.platforms if name not in finding.platforms]
        who = f"only {_names(finding.platforms)}, not {_names(others)}"
        yield finding.difference, f"{finding.id}: {finding.title}", [who]


def _describe(only: OnlyThere) -> str:
    return f"{only.directory}: {count_of(only.file_count, 'file')}, {human_size(only.weight)}"


def _who_has(step: StepDrift, drift: Drift) -> str:
    """The platforms grouped by the size of the layer, largest first."""
    by_size: dict[str, list[str]] = {}
    order = sorted(zip(drift.platforms, step.layers, step.sizes, strict=True), key=lambda row: -(row[2] or 0))
    for name, layer, size in order:
        by_size.setdefault("no such layer" if layer is None else human_size(size), []).append(name)
    return " · ".join(f"{size} {_names(names)}" for size, names in by_size.items())


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
