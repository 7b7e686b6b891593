"""The text report of ``ocisize packages``: a table that adds up to the image."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TextIO

from ocisize.model.analysis import Analysis
from ocisize.model.packages import Inventory
from ocisize.report.packages.rows import Part, TableRow, list_rows
from ocisize.report.packages.words import NOT_OWNED, describe_inventory
from ocisize.report.text.alerts import list_head
from ocisize.report.text.layer_list import LayerList, ListedLayer
from ocisize.report.text.lines import MAX_WIDTH, Line, has_color, page_width, spare_columns, write_lines
from ocisize.report.words.units import UNKNOWN, cut, human_size
from ocisize.sizes.packages import PackageGrouping, PackageListing
from ocisize.text import printable
from ocisize.tuples import NamedTuple

_WITH_VERSIONS = 100  # characters of a line from which versions have a column of their own
_WITH_EXCLUSIVE = 130  # characters of a line from which exclusive sizes have a column
_NOTHING = "-"  # in place of zero waste
_HEADINGS = {
    PackageGrouping.PACKAGE: "Package",
    PackageGrouping.SOURCE: "Source package",
    PackageGrouping.ECOSYSTEM: "Ecosystem",
    PackageGrouping.LAYER: "Layer",
}
_STYLES = {Part.OTHERS: "dim", Part.UNOWNED: "", Part.OVERHEAD: "dim", Part.TOTAL: "bold", Part.PACKAGES: ""}
_MAX_LAYERS = 12  # below the table
_PARTS = 2  # of the room for texts, that a column gets if there is too little
_NAME_PARTS = 3  # the same of names
_NAME_PARTS_WITH_VERSION = 4  # the same of names that have a version behind them
_MIN_NAME = 6  # characters of a name that is cut for the version behind it
_GAP = 2  # blanks between two columns
_NARROW_GAP = 1  # the same on a page without a column of versions


class _Column(NamedTuple):
    """A column of the table with its cells."""

    heading: str
    cells: list[str]
    is_number: bool = False  # aligned to the right
    is_flexible: bool = False  # cut to the width of the page
    ends: Sequence[str] = ()  # by cell: a text at its end, which stays where the cell is cut


def write_packages(
    analysis: Analysis,
    inventory: Inventory,
    listing: PackageListing,
    file: TextIO,
    *,
    width: int | None = None,
    color: bool | None = None,
) -> None:
    """Write a listing of the packages of ``analysis``; ``color`` None means only on a terminal."""
    chosen_width = min(width or page_width(file, color) - spare_columns(file), MAX_WIDTH)  # a row can have two cut texts
    lines = _list_lines(analysis, inventory, listing, chosen_width)
    write_lines(lines, file, color=has_color(file, color))


def _list_lines(analysis: Analysis, inventory: Inventory, listing: PackageListing, width: int) -> Iterator[Line]:
    yield from list_head(analysis, width)
    yield Line()
    yield from (Line((line, "bold")) for line in textwrap.wrap(describe_inventory(inventory), width))
    rows = list_rows(analysis, inventory, listing)
    yield from _table(rows, listing.by, width)
    if listing.by is not PackageGrouping.LAYER:
        yield from _list_layers(analysis, rows, width)
    for warning in inventory.warnings:
        yield from (Line((line, "yellow")) for line in textwrap.wrap(f"warning: {printable(warning)}", width))


def _list_layers(analysis: Analysis, rows: Sequence[TableRow], width: int) -> Iterator[Line]:
    """The largest layers that the table names, with their build steps."""
    named = [analysis.layers[index] for index in sorted({row.layer for row in rows if row.layer is not None})]
    has_download = all(layer.compressed_size is not None for layer in named)
    layers = [ListedLayer.of(layer, (layer.compressed_size or 0) if has_download else layer.content_size) for layer in named]
    largest = sorted(layers, key=lambda layer: -layer.size)[:_MAX_LAYERS]
    shown = [layer for layer in layers if layer in largest]
    if shown:
        yield Line()
        yield from LayerList(layers=shown).lines(width, len(shown))


def _table(rows: Sequence[TableRow], by: PackageGrouping, width: int) -> Iterator[Line]:
    """The headings and the rows; a heading is above the files that no package owns."""
    columns = _make_columns(rows, by, width)
    gap = _GAP if width >= _WITH_VERSIONS else _NARROW_GAP
    widths = _fit(columns, width, gap)
    yield Line((_join(columns, widths, [column.heading for column in columns], gap), "dim"))
    ends = columns[0].ends or [""] * len(rows)
    previous = None
    for number, row in enumerate(rows):
        if row.part is Part.UNOWNED and previous is not Part.UNOWNED:
            yield Line((NOT_OWNED, "dim"))
        previous = row.part
        cells = [column.cells[number] for column in columns]
        yield Line((_join(columns, widths, cells, gap, ends[number]), _STYLES[row.part]))


def _make_columns(rows: Sequence[TableRow], by: PackageGrouping, width: int) -> list[_Column]:
    """The columns that have something to say and room to say it; names and versions share one on a narrow page."""
    versions = [row.version for row in rows]
    apart = width >= _WITH_VERSIONS
    names = [_indent(row) + row.name for row in rows]
    if not apart:
        names = [f"{name} {version}".rstrip() for name, version in zip(names, versions, strict=True)]
    whys = [row.why if row.part is not Part.UNOWNED or (apart and by is PackageGrouping.PACKAGE) else "" for row in rows]
    waste = [human_size(row.wasted_size) if row.wasted_size else _NOTHING for row in rows]
    exclusive = [_exclusive(row) for row in rows]
    columns = [
        _Column(_HEADINGS[by], names, is_flexible=True, ends=() if apart else versions),
        *([_Column("Version", versions, is_flexible=True)] if apart and any(versions) else []),
        *([_Column("Kind", [row.kind for row in rows])] if by is not PackageGrouping.ECOSYSTEM else []),
        *_known("Download", [human_size(row.compressed_size) for row in rows]),
        _Column("Unpacked", [_unpacked(row) for row in rows], is_number=True),
        *([_Column("Waste", waste, is_number=True)] if any(row.wasted_size for row in rows) else []),
        *([_Column("Exclusive", exclusive, is_number=True)] if width >= _WITH_EXCLUSIVE and any(exclusive) else []),
        *([] if by is PackageGrouping.LAYER else [_Column("Layer", _layers(rows), is_number=True)]),
        _Column("Why" if by is PackageGrouping.PACKAGE else "Packages", whys, is_flexible=True),
    ]
    return [column for column in columns if any(column.cells)]


def _known(heading: str, cells: list[str]) -> list[_Column]:
    """A column of sizes, unless all are unknown."""
    return [_Column(heading, cells, is_number=True)] if any(cell != UNKNOWN for cell in cells) else []


def _indent(row: TableRow) -> str:
    return "  " if row.part is Part.UNOWNED else ""


def _layers(rows: Sequence[TableRow]) -> list[str]:
    return ["" if row.layer is None else str(row.layer) for row in rows]


def _unpacked(row: TableRow) -> str:
    return "" if row.part is Part.OVERHEAD else human_size(row.content_size)


def _exclusive(row: TableRow) -> str:
    return "" if row.exclusive_size is None else human_size(row.exclusive_size)


def _fit(columns: Sequence[_Column], width: int, gap: int) -> list[int]:
    """The widths of the columns: those of texts share the room that the others leave, and none gets more than it needs."""
    needed = [max(len(column.heading), *map(len, column.cells)) for column in columns]
    rows = zip(*(column.cells for column in columns), strict=True)
    beside = [gap + size for size in needed]
    needed[0] = max(len(columns[0].heading), *(len(row[0]) - sum(beside[1 : _extent(columns, row)]) for row in rows))
    flexible = sorted((number for number, column in enumerate(columns) if column.is_flexible), key=needed.__getitem__)
    room = width - gap * (len(columns) - 1) - sum(needed) + sum(needed[number] for number in flexible)
    name_parts = _NAME_PARTS_WITH_VERSION if any(columns[0].ends) else _NAME_PARTS
    parts = len(flexible[1:]) * _PARTS + name_parts
    for number in flexible:
        own = _PARTS if number else name_parts
        needed[number] = max(min(needed[number], room * own // parts), len(columns[number].heading))
        room -= needed[number]
        parts -= own
    return needed


def _extent(columns: Sequence[_Column], cells: Sequence[str]) -> int:
    """The number of columns that the name of a row takes: those of texts beside it that are empty in the row."""
    end = 1
    while end < len(columns) and not columns[end].is_number and not cells[end]:
        end += 1
    return end


def _join(columns: Sequence[_Column], widths: Sequence[int], cells: Sequence[str], gap: int, ending: str = "") -> str:
    end = _extent(columns, cells)
    room = sum(widths[:end]) + gap * (end - 1)
    parts = [f"{_cut_before(cells[0], ending, room):{room}}"]
    for column, width, cell in zip(columns[end:], widths[end:], cells[end:], strict=True):
        shown = cut(cell, width)
        parts.append(f"{shown:>{width}}" if column.is_number else f"{shown:{width}}")
    return (" " * gap).join(parts)


def _cut_before(text: str, ending: str, width: int) -> str:
    """A text in at most ``width`` characters, cut before its ending if there is room for some of what comes before."""
    room = width - 1 - len(ending)
    if len(text) <= width or not ending or room < _MIN_NAME:
        return cut(text, width)
    return f"{cut(text[: -len(ending)].rstrip(), room)} {ending}"
