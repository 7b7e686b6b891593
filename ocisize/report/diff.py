"""A Comparison for people: what changed between two images and why, the cause first. Growth has a sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from rich.table import Table
from rich.text import Text

from ocisize.analysis.comparison import Comparison, DirectoryChange, FileSum, LayerChange, Status, add_up
from ocisize.analysis.filechanges import FileChange, FileChanges, Kind
from ocisize.analysis.growth import with_rest
from ocisize.report.figures import name_image
from ocisize.report.page import new_table, open_page, print_rows
from ocisize.report.units import UNKNOWN, human_size, percent, printable

if TYPE_CHECKING:
    from rich.console import Console

_NONE = "-"
_LEAST_SHARE = 0.0005  # smaller ones would be shown as nothing
_LEAST_REASON = 0.001  # of the largest one
_NOTES = {
    "unchanged": "same path and content, compressed otherwise",
    "other": "directories, links, empty files, overhead",
}


def write_diff(
    comparison: Comparison, file: TextIO, *, top: int = 10, width: int | None = None, color: bool | None = None
) -> None:
    """Write the report, lists cut to ``top`` rows; ``color`` None means where ``file`` is a terminal."""
    with open_page(file, width=width, color=color) as console:
        if comparison.same_layers:
            console.print(Text(_nothing_changed(comparison)), overflow="fold")
            return
        _header(console, comparison)
        _totals(console, comparison)
        _reasons(console, comparison, top)
        _suggestions(console, comparison, top)
        _layers(console, comparison.layers)
        if comparison.files is None:
            sides = " and ".join(side.upper() for side in comparison.without_files)
            text = f"Files are not compared: {sides} was saved without them (-f json --files keeps them)."
            console.print()
            console.print(Text(text))
            return
        _kinds(console, comparison)
        _directories(console, comparison, top)
        _files(console, comparison.files, top)


def _nothing_changed(comparison: Comparison) -> str:
    before, after = comparison.before, comparison.after
    count = len(after.layers)
    what = "Nothing changed" if before.config_digest == after.config_digest else "Nothing changed but the config"
    wire = f", {human_size(after.compressed_size)} of wire" if after.compressed_size is not None else ""
    return f"{what}: the same {count} layer{'s' * (count != 1)}{wire}, {human_size(after.content_size)} unpacked."


def _header(console: Console, comparison: Comparison) -> None:
    for name, image in (("before", comparison.before), ("after", comparison.after)):
        console.print(Text(f"{name:6}  {printable(name_image(image))}", style="bold"), overflow="fold")
    platforms = {comparison.before.platform: None, comparison.after.platform: None}
    console.print(Text(" → ".join(printable(platform) for platform in platforms), style="dim"))
    console.print(Text(_headline(comparison), style="bold"), overflow="fold")
    console.print()


def _headline(comparison: Comparison) -> str:
    before, wire, content = comparison.before, comparison.compressed_growth, comparison.growth
    unpacked = f"{_amount(content, before.content_size)} unpacked"
    if wire is None:
        text = f"{_grew(content)} {unpacked}; how much on the wire is unknown, as an archive holds layers uncompressed"
    else:
        same = _grew(wire) == _grew(content) and wire and content
        text = f"{_grew(wire)} {_amount(wire, before.compressed_size or 0)} on the wire, "
        text += unpacked if same else f"{_grew(content)} {unpacked}"
    if comparison.download_size is not None and comparison.after.compressed_size is not None:
        download, whole = human_size(comparison.download_size), human_size(comparison.after.compressed_size)
        text += f". A node with BEFORE downloads {download} of {whole}"
    return f"{text[0].upper()}{text[1:]}."


def _grew(growth: int) -> str:
    return "grew by" if growth > 0 else "shrank by" if growth < 0 else "the same"


def _amount(growth: int, before: int) -> str:
    if not growth:
        return "size"
    share = abs(growth) / before if before else 0.0
    told = f" ({percent(share)})" if share >= _LEAST_SHARE else " (less than 0.1 %)" if before else ""
    return f"{human_size(abs(growth))}{told}"


def _signed(growth: int | None) -> str:
    if growth is None:
        return UNKNOWN
    return f"{'+' if growth > 0 else '-'}{human_size(abs(growth))}" if growth else _NONE


def _totals(console: Console, comparison: Comparison) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", style="bold")
    for name in ("Before", "After", "Growth"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", style="dim", overflow="fold")
    before, after = comparison.before, comparison.after
    notes = {"compressed_size": _exact(comparison.compressed_growth), "content_size": _exact(comparison.growth)}
    for title, name in (
        ("Wire", "compressed_size"), ("Unpacked", "content_size"), ("Live", "live_size"), ("Waste", "wasted_size"),
        ("On disk", "disk_size"),
    ):  # fmt: skip
        old, new = getattr(before, name), getattr(after, name)
        growth = None if old is None or new is None else new - old
        table.add_row(title, human_size(old), human_size(new), _signed(growth), notes.get(name, ""))
    files = after.file_count - before.file_count
    table.add_row("Files", f"{before.file_count:,}", f"{after.file_count:,}", f"{files:+,}" if files else _NONE, "")
    table.add_row("Download", "", human_size(comparison.download_size), "", _download(comparison))
    console.print(table)


def _exact(growth: int | None) -> str:
    return f"{growth:+,} bytes" if growth else ""


def _download(comparison: Comparison) -> str:
    """What a node with BEFORE has already, and what it fetches in vain."""
    fetched = [layer for layer in comparison.layers if layer.download_size]
    count = len(comparison.after.layers)
    shared = sum(layer.status is Status.SHARED for layer in comparison.layers)
    text = f"{shared} of {count} layer{'s' * (count != 1)} shared"
    known = add_up([layer.unchanged for layer in fetched if layer.unchanged is not None]).after_compressed_size
    return f"{text}; {human_size(known)} are files that BEFORE has" if known else text


def _reasons(console: Console, comparison: Comparison, top: int) -> None:
    reasons = comparison.reasons
    if not reasons or not top:
        return
    weights = [abs(each.compressed_growth or 0) or abs(each.growth) for each in reasons]
    least = _LEAST_REASON * max(weights)
    shown = [each for each, weight in zip(reasons, weights, strict=True) if weight >= least][:top]
    _title(console, "Why")
    grid = _grid()
    for reason in shown:
        text = Text(printable(reason.text))
        if reason.compressed_growth is not None and reason.growth:
            text.append(f" ({_signed(reason.growth)} unpacked)", style="dim")
        wire = reason.growth if reason.compressed_growth is None else reason.compressed_growth
        grid.add_row(Text(_signed(wire), style="bold"), text)
    console.print(grid)
    rest = [each for each in reasons if each not in shown]
    if rest:
        wires = [each.growth if each.compressed_growth is None else each.compressed_growth for each in rest]
        layers = f"{len(rest):,} more layer{'s' * (len(rest) != 1)}"
        console.print(Text(f"… and {layers}, {_signed(sum(wires))} together", style="dim"))


def _suggestions(console: Console, comparison: Comparison, top: int) -> None:
    if not comparison.suggestions or not top:
        return
    _title(console, "Advice (bytes of download it is about)")
    grid = _grid()
    for each in comparison.suggestions[:top]:
        size = each.size if each.compressed_size is None else each.compressed_size
        grid.add_row(Text(human_size(size), style="bold"), Text(printable(each.text)))
    console.print(grid)


def _title(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold"))


def _grid() -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    return grid


def _layers(console: Console, layers: Sequence[LayerChange]) -> None:
    columns = ("Layers", "Wire", "Unpacked", "Download", "What", "Instruction")
    table = new_table(console, "Layers, base first (before→after; growth; what a node with BEFORE downloads)", columns, 2)
    for layer in layers:
        old, new = ("·" if index is None else str(index) for index in (layer.before, layer.after))
        table.add_row(
            f"{old}→{new}",
            _signed(layer.compressed_growth),
            _signed(layer.growth),
            _NONE if layer.download_size == 0 else human_size(layer.download_size),
            str(layer.status),
            Text(printable(layer.instruction)),
        )
    console.print(table)


def _kinds(console: Console, comparison: Comparison) -> None:
    layers = comparison.layers
    sums = [(str(kind), comparison.sum_of(kind), "") for kind in Kind]
    rest = {
        "unchanged": add_up([each.unchanged for each in layers if each.unchanged is not None]),
        "other": add_up([each.other for each in layers if each.other is not None]),
    }
    rows = [each for each in sums if each[1].count or each[1].before_size]
    rows += [(name, each, _NOTES[name]) for name, each in rest.items() if each.compressed_growth]
    whole = FileSum(
        before_size=comparison.before.content_size,
        after_size=comparison.after.content_size,
        before_compressed_size=comparison.before.compressed_size,
        after_compressed_size=comparison.after.compressed_size,
    )
    table = new_table(console, "Files by what became of them (growth)", ("Wire", "Unpacked", "Files", "What"), 1)
    for name, each, note in [*rows, ("together", whole, "")]:
        what = Text(name)
        what.append(f"  {note}" if note else "", style="dim")
        table.add_row(
            _signed(each.compressed_growth), _signed(each.growth), f"{each.count:,}" if each.count else _NONE, what
        )
    console.print(table)


def _directories(console: Console, comparison: Comparison, top: int) -> None:
    named = [each for each in comparison.directories if each.name is not None][:top]
    if not named:
        return
    count = len(comparison.files or ())
    shown = with_rest(named, comparison.growth, comparison.compressed_growth, count)
    rows = [
        (_signed(each.growth), _signed(each.compressed_growth), f"{each.file_count:,}", _directory(each)) for each in shown
    ]
    print_rows(console, "Directories (growth)", ("Unpacked", "Wire", "Files", "Path"), rows, 1)


def _directory(change: DirectoryChange) -> str:
    return printable(change.name) if change.name is not None else "(elsewhere)"


def _files(console: Console, files: FileChanges, top: int) -> None:
    if not files or not top:
        return
    shown = files.largest(top)
    rows = [
        (_signed(each.growth), _signed(each.compressed_growth), str(each.kind), _places(each), _path(each))
        for each in shown
    ]  # fmt: skip
    title = f"Files: {len(files):,} (layer before→after)"
    print_rows(console, title, ("Unpacked", "Wire", "What", "Layers", "Path"), rows, 3)
    rest = len(files) - len(shown)
    if rest > 0:
        console.print(Text(f"… and {rest:,} more (-f json has all)", style="dim"))


def _places(change: FileChange) -> str:
    old, new = ("·" if layer is None else str(layer) for layer in (change.before_layer, change.after_layer))
    return f"{old}→{new}"


def _path(change: FileChange) -> str:
    path = "/" + printable(change.path)
    return f"{path} (was /{printable(change.before_path or '')})" if change.kind is Kind.MOVED else path
