"""An IndexAnalysis for people: the platforms beside each other, and what differs, largest first, on one screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO, TypeAlias

from rich.text import Text

from ocisize.model.platforms import Drift, IndexAnalysis, OnlyThere, StepDrift
from ocisize.report.text.page import new_table, open_page
from ocisize.report.words.incomplete import AT_LEAST, NOTE, describe_layer, headline, mark_incomplete
from ocisize.report.words.units import UNKNOWN, human_size, shorten_step
from ocisize.text import count_of, printable

if TYPE_CHECKING:
    from rich.console import Console

    from ocisize.model.budget import Verdict

MOST_LINES = 40
_MOST_PLATFORMS = 14
_MOST_VERDICTS = 6
_MOST_GAPS = 6
_SLIGHT = 0.01  #: of the largest image; what differs less is not worth a line

#: bytes, what differs, and in lines of their own who has it and why
_Item: TypeAlias = tuple[int, str, list[str]]


def write_index(
    index: IndexAnalysis,
    file: TextIO,
    *,
    verdicts: Mapping[str, Sequence[Verdict]] | None = None,
    width: int | None = None,
    color: bool | None = None,
) -> None:
    """Write at most MOST_LINES lines; ``verdicts`` are those on each platform's image, of which the failed are named."""
    with open_page(file, width=width, color=color) as console:
        used = _header(console, index)
        used += _verdicts(console, index, verdicts or {})
        used += _platforms(console, index)
        _drift(console, index, MOST_LINES - used)


def _line(console: Console, text: str, style: str = "") -> None:
    """One line, cut to fit."""
    console.print(Text(printable(text), style=style), no_wrap=True, overflow="ellipsis", crop=True)


def _header(console: Console, index: IndexAnalysis) -> int:
    named = index.reference not in (None, index.source)
    name = f"{index.source} · {index.reference}" if named else index.source
    _line(console, index.reference if index.format == "registry" and index.reference else name, "bold")
    parts = [count_of(len(index.analyses), "platform")]
    if index.stored_size is not None:
        parts.append(f"{AT_LEAST if index.unread else ''}{human_size(index.stored_size)} in all, shared layers once")
    if index.attestations:
        parts.append(f"{count_of(index.attestations, 'attestation')} left out")
    _line(console, " · ".join(parts), "dim")
    lines = [f"index {index.digest}"] if index.digest else []
    if index.absent:
        lines.append(f"not there, so not analysed: {', '.join(index.absent)}")
    for text in lines:
        _line(console, text, "dim")
    gaps = list(_gaps(index))
    for text in gaps:
        _line(console, text, "red")
    return 2 + len(lines) + len(gaps)


def _gaps(index: IndexAnalysis) -> Iterator[str]:
    """What could not be read: images, and layers of the others."""
    gaps = [f"not read: {each.platform or each.digest}: {each.error}" for each in index.unread]
    gaps += [
        f"{name}: {headline(each)}; {describe_layer(each.unread[0])}" for name, each in index.analyses.items() if each.unread
    ]
    yield from gaps[:_MOST_GAPS]
    if len(gaps) > _MOST_GAPS:
        yield f"… and {len(gaps) - _MOST_GAPS} more (-f json has all)"
    if gaps:
        yield f"incomplete: {NOTE}; drift leaves out what was read in part"


def _verdicts(console: Console, index: IndexAnalysis, verdicts: Mapping[str, Sequence[Verdict]]) -> int:
    if not any(verdicts.values()):
        return 0
    from ocisize.report.words.budgets import describe, headline

    broken = [
        (each.outcome.value, name, describe(each, index.analyses[name]))
        for outcome in ("fail", "warn")
        for name, found in verdicts.items()
        for each in found
        if each.outcome.value == outcome
    ]
    console.print()
    if not broken:
        _line(console, headline([verdict for found in verdicts.values() for verdict in found]), "bold")
        return 2
    _line(
        console,
        f"Budgets: {len(broken)} not kept, on {len({name for _, name, _ in broken})} of {len(verdicts)} platforms",
        "bold",
    )
    for outcome, name, text in broken[:_MOST_VERDICTS]:
        _line(console, f"{outcome.upper()} {name}: {text}", "red" if outcome == "fail" else "yellow")
    rest = len(broken) - _MOST_VERDICTS
    if rest > 0:
        _line(console, f"… and {rest} more (-f json has all)", "dim")
    return 2 + min(len(broken), _MOST_VERDICTS) + (rest > 0)


def _platforms(console: Console, index: IndexAnalysis) -> int:
    spreads = {each.name: each for each in index.drift.figures}
    download = spreads["compressed_size"]
    shown = download if None not in download.values else spreads["content_size"]
    measure = "download" if shown is download else "unpacked"
    columns = ("Download", "Unpacked", "Live", "Waste", "Layers", "Findings", "Ratio", "Platform")
    table = new_table(console, f"Platforms (ratio: {measure} to the smallest)", columns, 1)
    ratios = dict(zip(index.drift.platforms, shown.ratios, strict=True))
    rows = list(index.analyses.items())
    for name, each in rows[:_MOST_PLATFORMS]:
        sizes = (each.compressed_size, each.content_size, each.live_size, each.wasted_size)
        figures = [mark_incomplete(each, column, human_size(size)) for column, size in zip(columns, sizes, strict=False)]
        ratio = ratios.get(name)
        counts = (str(len(each.layers)), str(len(each.advice.findings)))
        share = UNKNOWN if ratio is None else f"{ratio:.2f}"
        table.add_row(*figures, *counts, share, Text(printable(name)))
    console.print(table)
    rest = len(rows) - _MOST_PLATFORMS
    if rest > 0:
        _line(console, f"… and {rest} more (-f json has all)", "dim")
    return 3 + min(len(rows), _MOST_PLATFORMS) + (rest > 0)


def _drift(console: Console, index: IndexAnalysis, room: int) -> None:
    if len(index.drift.platforms) < 2:
        return
    console.print()
    items = sorted(_items(index), key=lambda item: -item[0])
    largest = max((size or 0 for each in index.drift.figures for size in each.values), default=0)
    telling = [item for item in items if item[0] >= _SLIGHT * largest] or items[:1]
    if not telling:
        _line(console, "Drift: none; the platforms differ in nothing that is compared", "bold")
        return
    _line(console, "Drift between the platforms, largest first", "bold")
    room, shown = room - 3, 0
    for size, what, details in telling:
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
    """All that differs; what a step's layer alone has is told with the step where that explains its size."""
    drift, told = index.drift, set[tuple[str, int]]()
    there: dict[tuple[str, int], OnlyThere] = {}  #: the largest of each layer
    for only in drift.only_there:
        if only.directory is not None:
            there.setdefault((only.platform, only.layer), only)
    for step in drift.steps:
        if step.difference or step.missing:
            largest = [
                (platform, layer)
                for platform, layer, size in zip(drift.platforms, step.layers, step.sizes, strict=True)
                if layer is not None and size == max(each or 0 for each in step.sizes) and (platform, layer) in there
            ]
            details = [_who_has(step, drift)]
            if largest and not step.missing:
                details.append(f"only {largest[0][0]} has {_describe(there[largest[0]])}")
            told.update(largest)
            yield step.difference, step.build_step.text or "a layer without a build step", details
    for (platform, layer), only in there.items():
        if (platform, layer) not in told:
            yield only.weight, f"layer {layer} of {platform}", [f"only this platform has {_describe(only)}"]
    for finding in drift.findings:
        others = [name for name in drift.platforms if name not in finding.platforms]
        who = f"only {_names(finding.platforms)}, not {_names(others)}"
        yield finding.difference, f"{finding.id}: {finding.title}", [who]


def _describe(only: OnlyThere) -> str:
    return f"{only.directory}: {count_of(only.file_count, 'file')}, {human_size(only.weight)}"


def _who_has(step: StepDrift, drift: Drift) -> str:
    """Who has how much of it, largest first; who has as much stands together."""
    by_size: dict[str, list[str]] = {}
    order = sorted(zip(drift.platforms, step.layers, step.sizes, strict=True), key=lambda each: -(each[2] or 0))
    for name, layer, size in order:
        by_size.setdefault("no such layer" if layer is None else human_size(size), []).append(name)
    return " · ".join(f"{size} {_names(names)}" for size, names in by_size.items())


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
