"""Spans: a line of the screen as texts with the names of their styles, made without Textual so that it can be tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.browse.entries import Entries, Node, Order, weigh_group
from ocisize.browse.layer_rows import NO_WASTE, LayerRow
from ocisize.browse.scope import Mark
from ocisize.report.words.units import cut, human_size, shorten_path, shorten_step
from ocisize.text import decode_name, printable
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocisize.browse.panels import Panel, PanelRow

SIGNS = {Mark.UNCHANGED: " ", Mark.ADDED: "+", Mark.CHANGED: "~", Mark.REMOVED: "-", Mark.GONE: "-"}
STYLES = {Mark.UNCHANGED: "", Mark.ADDED: "added", Mark.CHANGED: "changed", Mark.REMOVED: "removed", Mark.GONE: "gone"}
_FIGURE = 8  # columns of a figure with a blank before it
_BAR = 8  # columns
_WIDE, _WIDER = 56, 72  # columns of a tree that has bars, and also the download
_LAYER_WIDE, _LAYER_NARROW = (10, 9, 9), (7, 6, 6)  # columns of download, unpacked and waste of a layer
_WITH_LINES = 40  # columns of layers that have lines of the Dockerfile
_SHORTEST_STEP = 6  # columns
_LONG_STEP = 24  # columns of a build step that is not only named
_MAX_INDENT = 24  # columns
_MAX_COLUMN = 34  # columns of a text in a list that is not the last one


class Span(NamedTuple):
    """A text in one style; it is printable."""

    text: str
    style: str = ""  #: one of the names in ``widgets.line_list.STYLES``


Line = list[Span]


def show_node(
    node: Node, order: Order, largest: int, width: int, *, depth: int = 0, is_open: bool = False, is_marked: bool = False
) -> Line:
    """A row of the tree.

    Args:
        node: the entry.
        order: what the tree is sorted by; its figure is bold.
        largest: the largest figure in the directory, which has a full bar.
        width: columns of the pane.
        depth: directories above it.
        is_open: whether it is an open directory.
        is_marked: whether the user marked it.

    """
    group, style = node.group, STYLES[node.mark]
    spans = [Span("*" if is_marked else " ", "marked"), Span(SIGNS[node.mark], style)]
    spans += _show_figures(node, order, width)
    if width >= _WIDE:
        spans += [Span(" "), *_show_bar(weigh_group(group, order), largest)]
    indent = min(2 * depth, _MAX_INDENT)
    arrow = ("▾ " if is_open else "▸ ") if node.is_directory else "  "
    name = printable(decode_name(node.name)) + "/" * node.is_directory
    room = max(width - sum(len(span.text) for span in spans) - indent - 3, 8)
    return [
        *spans,
        Span(f" {' ' * indent}{arrow}"),
        Span(_fit(name, room), style or ("directory" if node.is_directory else "")),
    ]


def _fit(name: str, room: int) -> str:
    """A name, or the path of a search result, in some columns."""
    return shorten_path(name, room) if "/" in name.rstrip("/") else cut(name, room)


def _show_figures(node: Node, order: Order, width: int) -> Line:
    group = node.group
    figures = [(Order.SIZE, human_size(group.content_size))]
    if width >= _WIDER:
        figures.append((Order.DOWNLOAD, human_size(group.compressed_size)))
    figures.append((Order.WASTE, human_size(group.wasted_size) if group.wasted_size else NO_WASTE))
    styles = {Order.WASTE: "waste" if group.wasted_size else "dim"}
    return [
        Span(f"{text:>{_FIGURE}}", " ".join(filter(None, (styles.get(column, ""), "bold" * (column is order)))))
        for column, text in figures
    ]


def head_of_tree(width: int) -> str:
    """The heads of the columns above the tree."""
    names = ["Unpacked", *(["Download"] if width >= _WIDER else []), "Waste"]
    return "  " + "".join(f"{name:>{_FIGURE}}" for name in names) + " " * (1 + _BAR * (width >= _WIDE)) + " Name"


def _show_bar(figure: int, largest: int) -> Line:
    filled = round(_BAR * figure / largest) if largest else 0
    return [Span("█" * filled, "bar"), Span("·" * (_BAR - filled), "dim")]


def largest_weight(entries: Entries, order: Order) -> int:
    """The largest figure of some entries."""
    return max(entries.weights(order), default=0)


def show_layer(row: LayerRow, width: int) -> Line:
    """A row of the layer pane."""
    number = "" if row.layer is None else str(row.layer)
    wide = width >= _WIDE
    download, unpacked, waste = (
        f"{text if wide else _shorten_figure(text):>{room}}"
        for text, room in zip((row.download, row.unpacked, row.waste), _LAYER_WIDE if wide else _LAYER_NARROW, strict=True)
    )
    spans = [Span(f"{number:>3}{download}{unpacked}", "bold" if row.layer is None else "")]
    spans.append(Span(f"{waste} ", _waste_style(row.waste)))
    lines = f"{row.lines} " if row.lines and width >= _WITH_LINES else ""
    room = max(width - sum(len(span.text) for span in spans) - len(lines), _SHORTEST_STEP)
    step = row.name if room < _LONG_STEP else shorten_step(row.step, room)
    return [*spans, Span(lines, "dim"), Span(cut(step, room), "dim" if row.is_base else "")]


def _shorten_figure(text: str) -> str:
    """A size without blanks and without the B of its unit, for narrow columns.

    >>> [_shorten_figure(text) for text in ("≈ 1.53 MB", "176 B", "-")]
    ['≈1.53M', '176', '-']
    """
    return text.replace(" ", "").removesuffix("B")


def head_of_layers(width: int) -> str:
    """The heads of the columns above the layers."""
    names = ("Download", "Unpacked", "Waste") if width >= _WIDE else ("Downl.", "Unp.", "Waste")
    heads = (f"{name:>{room}}" for name, room in zip(names, _LAYER_WIDE if width >= _WIDE else _LAYER_NARROW, strict=True))
    return f"{'#':>3}{''.join(heads)} Build step"[:width]


def _waste_style(text: str) -> str:
    return "dim" if text == NO_WASTE else "waste"


def measure_columns(panel: Panel, rows: Sequence[PanelRow]) -> list[int]:
    """The width of each column but the last one for some rows."""
    widths = [len(name) for name in panel.columns[:-1]]
    for row in rows:
        widths = [max(width, min(len(cell), _MAX_COLUMN)) for width, cell in zip(widths, row.cells, strict=False)]
    return widths


def show_cells(cells: Sequence[str], figures: int, widths: Sequence[int], width: int, style: str = "") -> Line:
    """A row of a list; the first columns are figures."""
    parts = []
    for number, (cell, room) in enumerate(zip(cells, widths, strict=False)):
        text = cut(cell, room)
        parts.append(f"{text:>{room}}" if number < figures else f"{text:<{room}}")
    begin = "  ".join(parts) + "  "
    room = max(width - len(begin), 8)
    last = cells[-1]
    return [Span(begin, style), Span(shorten_path(last, room) if last.startswith("/") else cut(last, room), style)]


def wrap_words(text: str, width: int) -> list[str]:
    """The lines of a text, broken at blanks; a word that is longer than a line is broken within.

    >>> wrap_words("RUN apt-get update", 10), wrap_words("abcdef", 4), wrap_words("", 4)
    (['RUN', 'apt-get', 'update'], ['abcd', 'ef'], [''])
    """
    lines, rest = [], text
    while len(rest) > width:
        end = rest.rfind(" ", 0, width + 1)
        begin = end + 1 if end > 0 else width
        lines.append(rest[: end if end > 0 else width])
        rest = rest[begin:]
    return [*lines, rest]
