"""The lines of two trees side by side, and of one tree with the sizes of both images where there is less room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.browse.entries import Order
from ocisize.browse.spans import Line, Span
from ocisize.model.file_changes import KINDS, FileChangeKind
from ocisize.report.words.units import cut, human_size, shorten_path
from ocisize.text import count_of, decode_name, printable, signed_size

if TYPE_CHECKING:
    from ocisize.browse.changes.tree import ChangeNode, ChangeTree

SIGNS = {
    FileChangeKind.ADDED: "+",
    FileChangeKind.REMOVED: "-",
    FileChangeKind.CHANGED: "~",
    FileChangeKind.MOVED: ">",
    FileChangeKind.STORED_AGAIN: "=",
    FileChangeKind.STORED_ONCE: "=",
    FileChangeKind.NOT_COMPARED: "?",
}
_STYLES = {FileChangeKind.ADDED: "added", FileChangeKind.REMOVED: "removed", FileChangeKind.CHANGED: "changed"}
_SIDE_BY_SIDE = 110  # columns from which there are two trees
_SIZE, _GROWTH = 8, 9  # columns of a size and of a growth with a blank before
_ABSENT = "-"  # the size on a side that does not have the entry
_MAX_INDENT = 24  # columns
_NAME = 28  # columns of the name of the older image


def show_change(node: ChangeNode, width: int, *, is_open: bool = False) -> Line:
    """A row of both trees: the sign, and on each side size and name; with less room sizes and growth beside one tree."""
    style = _STYLES.get(node.kind, "") if node.kind is not None else ""
    sign = Span(f" {SIGNS[node.kind] if node.kind is not None else ' '}", style)
    before = Span(f"{_show_size(node.before_size, is_there=node.in_before):>{_SIZE}}")
    after = Span(f"{_show_size(node.after_size, is_there=node.in_after):>{_SIZE}}")
    growth = Span(f"{signed_size(node.growth, '='):>{_GROWTH}}", "bold")
    name_style = style or ("directory" if node.is_directory else "")
    if width < _SIDE_BY_SIDE:
        room = width - 2 - 2 * _SIZE - 2 - _GROWTH
        return [sign, before, Span(" "), after, growth, Span(_show_name(node, room, is_open=is_open), name_style)]
    left, right = _split(width)
    here = _show_name(node, left - 2 - _SIZE, is_open=is_open) if node.in_before else ""
    there = _show_name(node, right - _SIZE - _GROWTH, is_open=is_open) if node.in_after else ""
    padding = " " * (left - 2 - _SIZE - len(here))
    return [sign, before, Span(here, name_style), Span(f"{padding}│", "dim"), after, growth, Span(there, name_style)]


def _split(width: int) -> tuple[int, int]:
    """The columns of both sides; the line between them takes one, and the growth is on the right side."""
    left = (width - 1 - _GROWTH) // 2
    return left, width - 1 - left


def _show_size(size: int | None, *, is_there: bool) -> str:
    return human_size(size) if is_there else _ABSENT


def _show_name(node: ChangeNode, room: int, *, is_open: bool) -> str:
    indent = min(2 * node.depth, _MAX_INDENT, max(room - 12, 0))
    arrow = ("▾ " if is_open else "▸ ") if node.is_directory else "  "
    name = printable(decode_name(node.name)) + "/" * node.is_directory
    return f"  {' ' * indent}{arrow}{cut(name, max(room - indent - 5, 4))}"[: max(room, 0)]


def head_of_changes(tree: ChangeTree, width: int) -> str:
    """The heads of the columns, and which files are shown."""
    shown = "files that differ" if tree.kind is None else f"files: {tree.kind}"
    name = f"Name ({'download' if tree.shows_download else 'unpacked'}, {shown})"
    if width < _SIDE_BY_SIDE:
        return f"  {'Before':>{_SIZE}} {'After':>{_SIZE}}{'Growth':>{_GROWTH}}    {name}"
    left, _ = _split(width)
    return f"{'':2}{'Before':>{_SIZE}}    {name}".ljust(left + 1) + f"{'After':>{_SIZE}}{'Growth':>{_GROWTH}}    Name"


def describe_changes(tree: ChangeTree) -> str:
    """How many files of each kind differ, and the growth of the image, as the report has them."""
    comparison, changes = tree.columns.comparison, tree.columns.changes
    counts = [(kind, changes.kinds.count(KINDS.index(kind))) for kind in tree.columns.kinds]
    named = ", ".join(f"{count:,} {kind}" for kind, count in counts) or "none"
    growth = comparison.compressed_growth if tree.order is Order.DOWNLOAD else comparison.growth
    word = "download" if tree.order is Order.DOWNLOAD else "unpacked"
    other = shorten_path(printable(comparison.before.source), _NAME)
    return f"compared with {other}: {signed_size(growth)} {word}; {count_of(len(changes), 'stored file')} differ: {named}"
