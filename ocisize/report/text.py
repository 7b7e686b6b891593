"""An Analysis for people: totals, layers, wasted files, largest files. Fits 80 columns and uses what is wider."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from rich.table import Table
from rich.text import Text

from ocisize.analysis.cost import Assumptions, default_assumptions
from ocisize.analysis.model import Analysis, DiveFigures, LayerAnalysis
from ocisize.files import FileEntry
from ocisize.report.advice import write_advice
from ocisize.report.context import describe_context
from ocisize.report.groups import print_groups
from ocisize.report.options import ReportOptions
from ocisize.report.page import new_table, open_page, print_name, print_rest, print_rows
from ocisize.report.units import human_size, percent, printable

if TYPE_CHECKING:
    from rich.console import Console

    from ocisize.analysis.verdict import Verdict

_FORMATS = {
    "registry": "registry",
    "docker-archive": "docker archive",
    "oci-archive": "OCI archive",
    "oci-layout": "OCI layout",
}


def write(analysis: Analysis, file: TextIO, options: ReportOptions) -> None:
    """Write the report at the width of the terminal or of a pipe."""
    write_text(
        analysis,
        file,
        top=options.top,
        color=options.color,
        assumptions=options.assumptions,
        verdicts=options.verdicts,
    )


def write_text(
    analysis: Analysis,
    file: TextIO,
    *,
    top: int = 10,
    width: int | None = None,
    color: bool | None = None,
    assumptions: Assumptions | None = None,
    verdicts: Sequence[Verdict] = (),
) -> None:
    """Write the report, verdicts first; ``color`` None means where ``file`` is a terminal.

    Where ``assumptions`` are given, findings tell what they save in dollars, too; else only the image's cost is shown.
    """
    with open_page(file, width=width, color=color) as console:
        _header(console, analysis)
        if verdicts:
            from ocisize.report.verdicts import write_verdicts

            write_verdicts(console, analysis, verdicts)
        _totals(console, analysis)
        _context(console, analysis, assumptions or default_assumptions())
        _layers(console, analysis.layers)
        print_groups(console, analysis.groups, top)
        write_advice(console, analysis, top, assumptions)
        _waste(console, analysis, top)
        _largest(console, analysis.layers, top)


def _print_pairs(console: Console, pairs: Iterable[tuple[str, str, str]]) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold", style="dim")
    for name, value, note in pairs:
        grid.add_row(name, value, note)
    console.print(grid)


def _header(console: Console, analysis: Analysis) -> None:
    print_name(console, analysis)
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


def _context(console: Console, analysis: Analysis, assumptions: Assumptions) -> None:
    lines = list(describe_context(analysis, assumptions))
    if lines:
        console.print()
        _print_pairs(console, lines)


def _layers(console: Console, layers: Sequence[LayerAnalysis]) -> None:
    wide = console.width >= 110
    columns = ["#", "Wire", "Unpacked", *(["On disk"] if wide else []), "Files", "Waste", "Hides"]
    title = "Layers, base first (waste: dead bytes it holds; hides: bytes it makes dead)"
    table = new_table(console, title, [*columns, "Instruction"], 1)
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
    print_rows(console, title, ("Size", "Wire", "Cause", "Layers", "Path"), rows, 3)
    print_rest(console, count - len(shown), analysis.wasted_size - sum(entry.size for entry in shown))


def _largest(console: Console, layers: Sequence[LayerAnalysis], top: int) -> None:
    found: list[tuple[FileEntry, LayerAnalysis]] = [
        (entry, layer)
        for layer in layers
        if layer.files is not None
        for entry in layer.files.largest(top)
        if entry.size or not entry.path.rpartition("/")[2].startswith(".wh.")
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
    print_rows(console, f"Largest files of {count:,}", ("Size", "Wire", "Layer", "Path"), rows, 1)
    size = sum(layer.content_size for layer in layers)
    print_rest(console, count - len(rows), size - sum(entry.size for entry, _ in largest))
