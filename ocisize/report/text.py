"""An Analysis for people: totals, layers, wasted files, largest files. Fits 80 columns and uses what is wider."""

from __future__ import annotations

import heapq
import io
import os
from collections.abc import Iterable, Sequence
from typing import TextIO, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ocisize.analysis.model import Analysis, DiveFigures, LayerAnalysis
from ocisize.files import FileEntry
from ocisize.report.advice import write_advice
from ocisize.report.units import UNKNOWN, human_size, percent, printable, shorten_path

_PIPE_WIDTH = 120  # for files, pipes and CI logs, whose readers scroll
_MAX_WIDTH = 160  # wider lines are harder to read, not easier
_FORMATS = {
    "registry": "registry",
    "docker-archive": "docker archive",
    "oci-archive": "OCI archive",
    "oci-layout": "OCI layout",
}


def write_text(
    analysis: Analysis, file: TextIO, *, top: int = 10, width: int | None = None, color: bool | None = None
) -> None:
    """Write the report; ``color`` None means where ``file`` is a terminal."""
    plain = color is False or (color is None and not file.isatty())
    console = Console(
        file=io.StringIO() if plain else file,
        width=width,
        force_terminal=color,
        no_color=plain or None,
        highlight=False,
        soft_wrap=False,
        legacy_windows=False,
        emoji=False,
        markup=False,
    )
    if width is None and plain and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    console.width = min(console.width, _MAX_WIDTH)
    _header(console, analysis)
    _totals(console, analysis)
    _layers(console, analysis.layers)
    write_advice(console, analysis, top)
    _waste(console, analysis, top)
    _largest(console, analysis.layers, top)
    if plain:  # tables are padded to the full width, which is of no use to files and pipes
        text = cast("io.StringIO", console.file).getvalue()
        file.writelines(line.rstrip() + "\n" for line in text.splitlines())


def _print_pairs(console: Console, pairs: Iterable[tuple[str, str, str]]) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold", style="dim")
    for name, value, note in pairs:
        grid.add_row(name, value, note)
    console.print(grid)


def _header(console: Console, analysis: Analysis) -> None:
    name = analysis.source if analysis.reference in (None, analysis.source) else f"{analysis.source} · {analysis.reference}"
    if analysis.format == "registry" and analysis.reference:
        name = analysis.reference
    console.print(Text(printable(name), style="bold"), overflow="fold")
    count = len(analysis.layers)
    compressions = ", ".join(sorted({layer.compression for layer in analysis.layers}))
    stored = f"{_FORMATS.get(analysis.format, analysis.format)}, {count} layer{'s' * (count != 1)}"
    lines = [
        f"{analysis.platform} · {stored}{f' ({compressions})' if compressions else ''}"
        + (f" · created {printable(analysis.created[:10])}" if analysis.created else ""),
        f"manifest {analysis.digest}" if analysis.digest else f"image id {analysis.config_digest}",
        _verification(analysis.layers),
    ]
    for line in lines:
        console.print(Text(printable(line), style="dim"), overflow="fold")
    console.print()


def _verification(layers: Sequence[LayerAnalysis]) -> str:
    if not layers:
        return "nothing to verify: there are no layers"
    unverified = sum(not (layer.digest_verified or layer.diff_id_verified) for layer in layers)
    if not unverified:
        contents = all(layer.diff_id_verified for layer in layers)
        return f"verified: the digest of every layer{' as stored and as unpacked' if contents else ''}"
    return f"not verified: {unverified} plain layer{'s were' if unverified > 1 else ' was'} read in place (--verify checks)"


def _totals(console: Console, analysis: Analysis) -> None:
    wire, wasted_wire = analysis.compressed_size, analysis.wasted_compressed_size
    waste_note = f"{percent(analysis.wasted_ratio)} of unpacked"
    if wire is None:
        wire_note = "unknown: this archive holds the layers uncompressed"
    else:
        wire_note = f"{wire:,} bytes of layers to download with nothing cached"
        waste_note += f", {human_size(wasted_wire)} of wire" + (f" ({percent((wasted_wire or 0) / wire)})" if wire else "")
    pairs = [
        ("Wire", human_size(wire), wire_note),
        ("Unpacked", human_size(analysis.content_size), f"{analysis.file_count:,} files in all layers"),
        ("Live", human_size(analysis.live_size), "what a container sees"),
        ("Waste", human_size(analysis.wasted_size), waste_note),
        ("Duplicates", human_size(analysis.duplicate_size), "same content at several visible paths"),
        ("On disk", human_size(analysis.disk_size), "a node's snapshots, in 4 KiB blocks"),
        ("Efficiency", percent(analysis.efficiency), "live / unpacked"),
    ]
    if analysis.dive is not None:
        pairs.append(("dive", percent(analysis.dive.efficiency), _dive_note(analysis.dive)))
    _print_pairs(console, pairs)


def _dive_note(figures: DiveFigures) -> str:
    return f"by dive's own rules, wasted {human_size(figures.wasted_size)}: it counts every copy"


def _table(console: Console, title: str, columns: Sequence[str], left: int) -> Table:
    """A table whose first columns are numbers, then ``left`` text columns, the last of which takes the rest."""
    console.print()
    console.print(Text(title, style="bold"))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, expand=True, header_style="dim")
    for number, name in enumerate(columns):
        last = number == len(columns) - 1
        table.add_column(
            name, justify="right" if number < len(columns) - left else "left", no_wrap=True,
            overflow="ellipsis", ratio=1 if last else None,
        )  # fmt: skip
    return table


def _layers(console: Console, layers: Sequence[LayerAnalysis]) -> None:
    wide = console.width >= 110
    columns = ["#", "Wire", "Unpacked", *(["On disk"] if wide else []), "Files", "Waste", "Hides"]
    title = "Layers, base first (waste: dead bytes it holds; hides: bytes it makes dead)"
    table = _table(console, title, [*columns, "Instruction"], 1)
    for layer in layers:
        cells = [
            str(layer.index),
            human_size(layer.compressed_size),
            human_size(layer.content_size),
            *([human_size(layer.disk_size)] if wide else []),
            f"{layer.file_count:,}",
            human_size(layer.wasted_size) if layer.wasted_size else "-",
            human_size(layer.hides_size) if layer.hides_size else "-",
        ]
        doubt = "" if layer.instruction_certain or not layer.instruction else "? "
        instruction = Text(printable(doubt + (layer.instruction or f"({layer.digest[:19]})")))
        table.add_row(*cells, instruction)
    console.print(table)


def _waste(console: Console, analysis: Analysis, top: int) -> None:
    count = len(analysis.waste)
    if not count:
        console.print()
        console.print("No wasted files.")
        return
    if not top:
        return
    shown = analysis.waste[:top]
    rows = [
        (human_size(entry.size), human_size(entry.compressed_size), str(entry.cause),
         f"{entry.held_by}→{entry.hidden_by}", "/" + printable(entry.path))
        for entry in shown
    ]  # fmt: skip
    title = f"Wasted files: {count:,}, {human_size(analysis.wasted_size)} (layer that holds → layer that hides)"
    _file_table(console, title, ("Size", "Wire", "Cause", "Layers", "Path"), rows, 3)
    _print_rest(console, count - len(shown), analysis.wasted_size - sum(entry.size for entry in shown))


def _largest(console: Console, layers: Sequence[LayerAnalysis], top: int) -> None:
    found: list[tuple[FileEntry, LayerAnalysis]] = [
        (entry, layer) for layer in layers if layer.files is not None for entry in layer.files.largest(top)
    ]
    largest = heapq.nsmallest(top, found, key=lambda pair: (-pair[0].size, pair[0].path, pair[1].index))
    if not any(entry.size for entry, _ in largest):
        return
    rows = [
        (human_size(entry.size), human_size(entry.compressed_size),
         str(layer.index), "/" + printable(entry.path))
        for entry, layer in largest
    ]  # fmt: skip
    count = sum(layer.file_count for layer in layers)
    _file_table(console, f"Largest files of {count:,}", ("Size", "Wire", "Layer", "Path"), rows, 1)
    size = sum(layer.content_size for layer in layers)
    _print_rest(console, count - len(rows), size - sum(entry.size for entry, _ in largest))


def _file_table(console: Console, title: str, columns: Sequence[str], rows: Sequence[tuple[str, ...]], left: int) -> None:
    keep = [index for index, _ in enumerate(columns) if any(row[index] != UNKNOWN for row in rows)]
    columns, rows = [columns[index] for index in keep], [tuple(row[index] for index in keep) for row in rows]
    table = _table(console, title, columns, left)
    taken = sum(max(len(name), *(len(row[index]) for row in rows)) + 1 for index, name in enumerate(columns[:-1]))
    for row in rows:
        table.add_row(*row[:-1], Text(shorten_path(row[-1], console.width - taken - 1)))
    console.print(table)


def _print_rest(console: Console, count: int, size: int) -> None:
    if count > 0:
        console.print(Text(f"… and {count:,} more, {human_size(size)}", style="dim"))
