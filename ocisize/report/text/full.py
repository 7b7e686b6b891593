"""The full text report in named sections: figures, layers, plan, findings, directories, lists of files."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING, TextIO

from rich.table import Table
from rich.text import Text

from ocisize.filesystem.whiteout import is_whiteout
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.sizes import Group, Groups
from ocisize.report.packages.section import print_packages
from ocisize.report.sections import SECTIONS
from ocisize.report.text.advice import write_findings
from ocisize.report.text.alerts import list_head, list_secret_lines
from ocisize.report.text.budgets import write_verdicts
from ocisize.report.text.lines import Line
from ocisize.report.text.page import open_page, print_lines
from ocisize.report.text.plan import write_steps
from ocisize.report.text.tables import Fitted, new_table, print_rest, print_rows
from ocisize.report.text.tool_sizes import list_tool_sizes
from ocisize.report.words.context import describe_base, describe_cost, describe_source, describe_system
from ocisize.report.words.download import human_download
from ocisize.report.words.image import describe_form, describe_identity, describe_verification, list_figures
from ocisize.report.words.steps import name_lines_of, show_step
from ocisize.report.words.units import UNKNOWN, cut, human_size, shorten_steps
from ocisize.sizes.cost import CostAssumptions, default_assumptions
from ocisize.sizes.tool_sizes import tool_sizes
from ocisize.tar.filetable import FileEntry
from ocisize.text import printable

if TYPE_CHECKING:
    from rich.console import Console

    from ocisize.model.budget import Verdict

_GROUPS_TITLE = "Where the bytes are (stored in all layers: live and wasted)"
_NUMBER_WIDTH = 7  # characters of a size
_UNCERTAIN = "? "  # before a build step that may belong to another layer
_WIDE = 110  # characters of a line from which the layers have a column more


def write_sections(
    analysis: Analysis,
    file: TextIO,
    *,
    sections: Collection[str] = SECTIONS,
    top: int = 5,
    width: int | None = None,
    color: bool | None = None,
    assumptions: CostAssumptions | None = None,
    verdicts: Sequence[Verdict] = (),
) -> None:
    """Write some sections of the report, ``top`` rows in each of their lists; ``color`` None means only on a terminal.

    With ``assumptions`` each finding shows what it saves in dollars a year; without them only the image's cost is shown.
    """
    known = assumptions or default_assumptions()
    writers: Mapping[str, Callable[[Console], None]] = {
        "secrets": lambda console: _print_block(console, list_secret_lines(analysis, console.width, None)),
        "budgets": lambda console: write_verdicts(console, analysis, verdicts),
        "figures": lambda console: _figures(console, analysis),
        "base": lambda console: _print_figures(console, (*describe_base(analysis), *describe_source(analysis))),
        "system": lambda console: _print_figures(console, describe_system(analysis)),
        "cost": lambda console: _print_figures(console, describe_cost(analysis, known)),
        "sizes": lambda console: _print_block(console, [*list_tool_sizes(tool_sizes(analysis), console.width)]),
        "layers": lambda console: _layers(console, analysis.layers),
        "plan": lambda console: write_steps(console, analysis, top, assumptions),
        "findings": lambda console: write_findings(console, analysis, top, assumptions),
        "directories": lambda console: _groups(console, analysis.groups, top),
        "packages": lambda console: print_packages(console, analysis.packages, top),
        "waste": lambda console: _waste(console, analysis, top),
        "largest": lambda console: _largest(console, analysis.layers, top),
    }
    with open_page(file, width=width, color=color) as console:
        print_lines(console, list_head(analysis, console.width, verdicts))
        for name, write in writers.items():
            if name in sections:
                write(console)


def _print_block(console: Console, lines: Sequence[Line]) -> None:
    if lines:
        console.print()
        print_lines(console, lines)


def _figures(console: Console, analysis: Analysis) -> None:
    console.print()
    for line in (
        describe_form(analysis),
        describe_identity(analysis),
        describe_verification(analysis.layers, analysis.format),
    ):
        console.print(Text(printable(line), style="dim"), overflow="fold")
    _print_figures(console, list_figures(analysis))


def _print_figures(console: Console, figures: Iterable[tuple[str, str, str]]) -> None:
    rows = list(figures)
    if not rows:
        return
    console.print()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold", style="dim")
    for name, value, note in rows:
        grid.add_row(name, value, note)
    console.print(grid)


def _layers(console: Console, layers: Sequence[LayerAnalysis]) -> None:
    wide = console.width >= _WIDE
    lines = [name_lines_of(layer) for layer in layers]
    has_lines = any(lines)
    columns = ["#", "Download", "Unpacked", *["On disk"] * wide, "Files", "Waste", "Hides", *["Lines"] * has_lines]
    title = "Layers, base first (waste: hidden bytes in it; hides: bytes that it hides)"
    table = new_table(console, title, [*columns, "Build step"], 1 + has_lines)
    steps = [printable(show_step(layer.build_step) or f"({layer.digest[:19]})") for layer in layers]

    @cache
    def shorten_all(width: int) -> Mapping[str, str]:
        return dict(zip(steps, shorten_steps(steps, width), strict=True))

    for layer, place, step in zip(layers, lines, steps, strict=True):
        uncertain = bool(layer.build_step.shown) and not layer.build_step_certain
        prefix = _UNCERTAIN if uncertain else ""
        cells: list[str | Text] = [*_layer_cells(layer, wide=wide), *[Text(place)] * has_lines]
        table.add_row(*cells, Fitted(step, lambda text, width: shorten_all(width)[text], prefix))
    console.print(table)


def _layer_cells(layer: LayerAnalysis, *, wide: bool) -> list[str]:
    if layer.failure is not None:
        return [str(layer.index), human_download(layer), *[UNKNOWN] * (4 + wide)]
    return [
        str(layer.index),
        human_download(layer),
        human_size(layer.content_size),
        *([human_size(layer.disk_size)] if wide else []),
        f"{layer.file_count:,}",
        human_size(layer.wasted_size) if layer.wasted_size else "-",
        human_size(layer.hides_size) if layer.hides_size else "-",
    ]


def _groups(console: Console, groups: Groups | None, top: int) -> None:
    """Print the largest directories and file types side by side, half as many rows as the lists of files have."""
    if groups is None:
        return
    directories, types = (_largest_groups(division, (top + 1) // 2) for division in (groups.directories, groups.file_types))
    if not directories:
        return
    download_known = all(group.compressed_size is not None for group in directories)
    numbers = ("Size", "Download") if download_known else ("Size",)
    console.print()
    console.print(Text(_GROUPS_TITLE, style="bold"))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for name in ("Directory", "File type"):
        for number in numbers:
            table.add_column(number, justify="right", no_wrap=True, min_width=_NUMBER_WIDTH)
        table.add_column(name)
    for directory, file_type in zip_longest(directories, types):
        path = Fitted("" if directory is None else printable(directory.name or ""))
        type_name = Fitted("" if file_type is None else printable(file_type.name or ""), cut)
        table.add_row(*_group_sizes(directory, numbers), path, *_group_sizes(file_type, numbers), type_name)
    console.print(table)


def _largest_groups(groups: Sequence[Group], count: int) -> list[Group]:
    return [group for group in groups if group.name is not None and group.content_size][:count]


def _group_sizes(group: Group | None, columns: Sequence[str]) -> list[str]:
    if group is None:
        return [""] * len(columns)
    return [human_size(group.content_size), human_size(group.compressed_size)][: len(columns)]


def _waste(console: Console, analysis: Analysis, top: int) -> None:
    count = len(analysis.waste)
    if not count:
        console.print()
        console.print("No wasted files." if analysis.complete else "No wasted files among the layers that were read.")
        return
    if not top:
        return
    shown = analysis.waste[:top]
    rows = [
        (human_size(entry.size), human_size(entry.compressed_size), str(entry.cause),
         f"{entry.held_by}→{entry.hidden_by}", "/" + printable(entry.path))
        for entry in shown
    ]  # fmt: skip
    title = f"Wasted files: {count:,}, {human_size(analysis.wasted_size)} (layer that stores → layer that hides)"
    print_rows(console, title, ("Size", "Download", "Cause", "Layers", "Path"), rows, 3)
    print_rest(console, count - len(shown), analysis.wasted_size - sum(entry.size for entry in shown))


def _largest(console: Console, layers: Sequence[LayerAnalysis], top: int) -> None:
    candidates: list[tuple[FileEntry, LayerAnalysis]] = [
        (entry, layer)
        for layer in layers
        if layer.files is not None
        for entry in layer.files.largest(top)
        if entry.size or not is_whiteout(entry.path.encode("utf-8", "surrogateescape"))
    ]
    largest = heapq.nsmallest(top, candidates, key=lambda pair: (-pair[0].size, pair[0].path, pair[1].index))
    if not any(entry.size for entry, _ in largest):
        return
    rows = [
        (human_size(entry.size), human_size(entry.compressed_size),
         str(layer.index), "/" + printable(entry.path))
        for entry, layer in largest
    ]  # fmt: skip
    count = sum(layer.file_count for layer in layers)
    print_rows(console, f"Largest files of {count:,}", ("Size", "Download", "Layer", "Path"), rows, 1)
    size = sum(layer.content_size for layer in layers)
    print_rest(console, count - len(rows), size - sum(entry.size for entry, _ in largest))
