"""The text report of ``ocisize tree``: sizes, a bar, and the names of the largest directories and files as a tree.

Bars show stored bytes as a share of the whole; hidden bytes are drawn lighter at the end of a bar.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from rich.table import Table
from rich.text import Text

from ocisize.model.analysis import Analysis
from ocisize.model.sizes import Group
from ocisize.report.text.page import layer_title, open_page, print_name
from ocisize.report.text.tables import Fitted
from ocisize.report.words.image import describe_platform
from ocisize.report.words.units import human_size, percent
from ocisize.sizes.files import SortOrder
from ocisize.sizes.tree import TreeNode
from ocisize.text import count_of, printable
from ocisize.values import frozen

if TYPE_CHECKING:
    from rich.console import Console

_LIVE, _WASTED = "█", "░"
_EIGHTHS = " ▏▎▍▌▋▊▉"  # of a character, from none to seven
_BARS = ((110, 20), (70, 10), (0, 0))  # characters of a line from which a bar has so many
_NUMBER_WIDTH, _PERCENT_WIDTH = 7, 7


def write_tree(
    analysis: Analysis,
    tree: TreeNode,
    file: TextIO,
    *,
    layer: int | None = None,
    order: SortOrder = SortOrder.SIZE,
    width: int | None = None,
    color: bool | None = None,
) -> None:
    """Write a tree of ``analysis`` or of one layer; ``color`` None means only on a terminal."""
    with open_page(file, width=width, color=color) as console:
        print_name(console, analysis)
        _print_subject(console, analysis, tree, layer)
        console.print()
        _print_nodes(console, tree, order)


def _print_subject(console: Console, analysis: Analysis, tree: TreeNode, layer: int | None) -> None:
    subject = count_of(len(analysis.layers), "layer") if layer is None else layer_title(analysis.layers[layer])
    files = count_of(tree.group.file_count, "file")
    legend = f" · {_LIVE} live {_WASTED} wasted" if tree.group.wasted_size else ""
    console.print(
        Text(printable(f"{describe_platform(analysis)} · {subject} · {files}{legend}"), style="dim"), overflow="fold"
    )


def _print_nodes(console: Console, tree: TreeNode, order: SortOrder) -> None:
    whole = _weight(tree.group, order)[0]
    bar = next(width for min_width, width in _BARS if console.width >= min_width)
    columns = ["Live", *(["Waste"] if tree.group.wasted_size else [])]
    if tree.group.compressed_size is not None:
        columns.append("Download")
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, expand=True, header_style="dim")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True, min_width=_NUMBER_WIDTH)
    table.add_column("%", justify="right", no_wrap=True, min_width=_PERCENT_WIDTH)
    if bar:
        table.add_column("", no_wrap=True, width=bar)
    table.add_column("Path", ratio=1)
    for line in _lines(tree, order):
        weight, wasted = _weight(line.group, order)
        cells = {
            "Live": human_size(line.group.live_size),
            "Waste": human_size(line.group.wasted_size) if line.group.wasted_size else "-",
            "Download": human_size(line.group.compressed_size),
        }
        share = percent(weight / whole) if whole else "-"
        path = Fitted(line.label, prefix=line.branches, dim=line.is_rest)
        bars = [_bar(weight, wasted, whole, bar)] if bar else []
        table.add_row(*(cells[name] for name in columns), share, *bars, path)
    console.print(table)


def _weight(group: Group, order: SortOrder) -> tuple[int, int]:
    """The size of a group by ``order``, and the wasted part of it."""
    if order == SortOrder.DOWNLOAD:
        return group.compressed_size or 0, group.wasted_compressed_size or 0
    return group.content_size, group.wasted_size


@frozen
class _Line:
    branches: str
    label: str
    group: Group
    is_rest: bool


def _lines(node: TreeNode, order: SortOrder, label: str = "/", branches: str = "", stem: str = "") -> Iterator[_Line]:
    """The lines of a node and of everything below; ``stem`` is the prefix of the lines below."""
    yield _Line(branches, label, node.group, is_rest=False)
    others = node.others if node.others is not None and _weight(node.others, order)[0] else None
    inside = f"{node.group.name}/" if node.group.name else ""
    for number, child in enumerate(node.children, 1):
        last = number == len(node.children) and others is None
        name = printable((child.group.name or "").removeprefix(inside)) + "/" * child.is_directory
        yield from _lines(child, order, name, stem + ("└ " if last else "├ "), stem + ("  " if last else "│ "))
    if others is not None:
        count = others.file_count
        label = f"… {count_of(count, 'more file')}" if count else "… directories and links"
        yield _Line(f"{stem}└ ", label, others, is_rest=True)


def _bar(weight: int, wasted: int, whole: int, width: int) -> Text:
    """A bar of ``width`` for the whole: first what is live, to an eighth of a character, then what is wasted."""
    if not whole:
        return Text("")
    eighths = 8 * width * (weight - wasted) // whole
    live = _LIVE * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
    dead = _WASTED * (round(width * weight / whole) - len(live))
    return Text.assemble((live, "green"), (dead, "red"))
