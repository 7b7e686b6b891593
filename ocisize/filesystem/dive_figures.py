"""The figures that dive gives for the same layers, with its counting faults.

Rules, as https://github.com/wagoodman/dive 0.13.1 has them, beside those of the trees in ``dive_tree``:

* Only leaves are counted, children before siblings in byte order, under their path without one ``.wh.``. A whiteout
  counts what it removes if that is a directory, else 0. A whiteout of nothing ends the counting of its layer.
* efficiency = sum of each path's smallest copy / sum of all copies. Wasted is every copy, the live one too, of the
  paths that were counted twice or more. A path whose first whiteout removes nothing has a smallest copy of -1.
* What a whiteout removes is looked up in the lower layers laid over each other; for the first layer, in itself.

Only overlapping rows are counted at first, in any order, and all others by subtraction. If a rule applies to other rows or
depends on the order, all rows are counted in dive's order. Both ways take linear time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ocisize.filesystem.dive_tree import (
    Stack,
    directories_above,
    is_dive_whiteout,
    list_marked,
    make_nodes,
    parent_of,
    size_reader,
    tree_order,
)
from ocisize.filesystem.overlap import RowSelection, find_overlapping_rows
from ocisize.filesystem.whiteout import is_aufs, whiteout_target
from ocisize.model.analysis import DiveFigures
from ocisize.tar.filetable import DIRECTORY, FileTable
from ocisize.text import decode_name
from ocisize.values import define, frozen

_WORD = (1 << 64) - 1  # dive adds layer sizes in 64 bits without a sign


@frozen
class RepeatedFile:
    """A path that dive counted more than once."""

    path: str  #: with a leading slash
    count: int
    size: int  #: bytes of all copies


def find_dive_figures(tables: Sequence[FileTable], selection: Sequence[RowSelection] | None = None) -> DiveFigures:
    """Return the figures of dive for the layers, base first.

    ``selection``: what ``find_overlapping_rows`` gives for the tables, if it is known.

    >>> from ocisize import analyze
    >>> figures = find_dive_figures([layer.files for layer in analyze("testdata/example.tar").layers])
    >>> figures.wasted_size, figures.image_size, f"{figures.efficiency:.4f}"
    (334796, 2931632, '0.9110')
    """
    count = _count_selected(tables, find_overlapping_rows(tables) if selection is None else selection) or _count_all(tables)
    return DiveFigures(
        efficiency=float(count.smallest) / float(count.total) if count.total else 1.0,
        wasted_size=sum(copies.total for copies in count.copies.values() if copies.count > 1) & _WORD,
        image_size=sum(count.layer_sizes) & _WORD,
        user_size=sum(count.layer_sizes[1:]) & _WORD,
        layer_sizes=tuple(count.layer_sizes),
    )


def find_repeated_files(tables: Sequence[FileTable]) -> list[RepeatedFile]:
    """Return the paths that dive lists as inefficient, in the order in which dive finds them.

    >>> from ocisize import analyze
    >>> find_repeated_files([layer.files for layer in analyze("testdata/example.tar").layers])[0]
    RepeatedFile(path='/var/cache/apt/archives/ca-certificates_20250419~deb12u2_all.deb', count=2, size=160948)
    """
    count = _count_all(tables)
    repeated = ((path, count.copies[path]) for path in count.repeated)
    return [RepeatedFile("/" + decode_name(path), copies.count, copies.total) for path, copies in repeated]


@define
class _Copies:
    """All copies of a path: bytes of all, bytes of the smallest, how many."""

    total: int = 0
    smallest: int = -1
    count: int = 0

    def add(self, size: int) -> None:
        self.total += size
        self.count += 1
        if size < self.smallest or self.smallest < 0:
            self.smallest = size


class _Count:
    """The table of paths that dive keeps while layers are counted."""

    def __init__(self) -> None:
        self.total = 0  #: bytes of all copies of all paths
        self.copies: dict[bytes, _Copies] = {}  #: of all paths but those with one copy
        self.repeated: list[bytes] = []  #: paths in the order in which they got their second copy
        self.layer_sizes: list[int] = []
        self._first: dict[bytes, int] = {}  # bytes of first copies

    @property
    def smallest(self) -> int:
        """Bytes of the smallest copies of all paths."""
        return self.total - sum(copies.total - copies.smallest for copies in self.copies.values())

    def add(self, path: bytes, size: int) -> None:
        """Count a copy."""
        self.total += size
        if path in self.copies:
            copies = self.copies[path]
            copies.add(size)
        elif path in self._first:
            first = self._first[path]
            copies = self.copies[path] = _Copies(first, first, 1)
            copies.add(size)
        else:
            self._first[path] = size
            return
        if copies.count == 2:
            self.repeated.append(path)

    def add_all(self, leaves: dict[bytes, int]) -> None:
        """Count copies of different paths in any order, except more empty ones of empty files, which change no figure."""
        for path in leaves.keys() & self._first.keys():
            size = leaves.pop(path)
            if size or self._first[path] or path in self.copies:
                self.add(path, size)
        self.total += sum(leaves.values())
        self._first |= leaves

    def add_nothing(self, path: bytes) -> None:
        """Enter a path without a copy."""
        if path not in self._first:
            self._first[path] = 0
            self.copies[path] = _Copies()


def _count_selected(tables: Sequence[FileTable], selection: Sequence[RowSelection]) -> _Count | None:
    """Count selected rows in table order, and all others as paths with one copy; None if all rows must be counted.

    Directories without selected content count as leaves: they have no size, and no file has their path.
    """
    marked = list(map(list_marked, tables))
    if any(is_dive_whiteout(path) for paths in marked[:1] for path in paths) or any(map(_is_odd, tables, selection, marked)):
        return None
    count, stack = _Count(), Stack(marked)
    for table, selected, names in zip(tables, selection, marked, strict=True):
        size_of = size_reader(table)
        size = sum(table.sizes) + sum(size_of(row) - table.sizes[row] for row in table.claimed_sizes)
        count.layer_sizes.append(size & _WORD)
        count.total += size - sum(map(size_of, selected.rows))
        nodes = make_nodes(table, selected.rows, selected.paths, names)
        leaves = _find_leaves(nodes, size_of)
        whiteouts = {path for path in names if path in leaves and is_dive_whiteout(path)}
        ends = [path for path in whiteouts if stack.size_below(whiteout_target(path)) is None]
        if ends:
            end = min(ends, key=tree_order)
            if not _is_counted_before(end, nodes, table):
                count.add_nothing(whiteout_target(end))
            passed_over = _size_from(end, range(len(table)), table.paths, size_of)
            count.total -= passed_over - _size_from(end, selected.rows, selected.paths, size_of)
            leaves = {path: size for path, size in leaves.items() if tree_order(path) < tree_order(end)}
        for path in whiteouts & leaves.keys():
            del leaves[path]
            count.add(whiteout_target(path), stack.size_below(whiteout_target(path)) or 0)
        count.add_all(leaves)
        stack.lay(table, nodes, size_of)
    return count


def _is_odd(table: FileTable, selected: RowSelection, marked: Sequence[bytes]) -> bool:
    """Whether rows that overlap no other row change a figure of dive."""
    return (
        any(table.kinds[row] == DIRECTORY for row in table.claimed_sizes)
        or any(b"/.wh." in b"/" + parent_of(path) and not is_aufs(path) for path in marked)
        or any(path[:2] in (b"", b"..") for path in table.paths.select(sorted(selected.special)))
    )


def _is_counted_before(whiteout: bytes, nodes: dict[bytes, int], table: FileTable) -> bool:
    """Whether dive has counted the path that a whiteout names, as a row of the same layer that is counted by subtraction.

    The name of such a row sorts before ``.wh.``, so dive comes to the row before the whiteout: ``.a`` before ``.wh..a``.
    """
    target = whiteout_target(whiteout)
    if target in nodes or tree_order(target) > tree_order(whiteout):
        return False
    return any(path == target for _, path in table.paths.select_with(target + b"\0"))


def _size_from(start: bytes, rows: Sequence[int], paths: Sequence[bytes], size_of: Callable[[int], int]) -> int:
    """Bytes of the rows that dive comes to after a path."""
    place = tree_order(start)
    return sum(size_of(row) for row, path in zip(rows, paths, strict=True) if tree_order(path) > place)


def _count_all(tables: Sequence[FileTable]) -> _Count:
    """Count as dive does."""
    marked = list(map(list_marked, tables))
    count, stack = _Count(), Stack(marked)
    for index, (table, names) in enumerate(zip(tables, marked, strict=True)):
        size_of, paths = size_reader(table), list(table.paths)
        size = sum(map(size_of, range(len(table))))
        if b"" in paths:  # dive passes over "." but not over "/"
            rooted = set(table.paths.rooted)
            size -= sum(size_of(row) for row, path in enumerate(paths) if not path and row not in rooted)
        count.layer_sizes.append(size & _WORD)
        nodes = make_nodes(table, range(len(table)), paths, names)
        if index == 0:
            stack.copy(table, nodes, size_of)
        _add_in_order(count, _find_leaves(nodes, size_of), stack)
        stack.lay(table, nodes, size_of)
    return count


def _add_in_order(count: _Count, leaves: dict[bytes, int], stack: Stack) -> None:
    """Count leaves, children before siblings, up to the first whiteout of nothing."""
    for path in sorted(leaves, key=tree_order):
        if not is_dive_whiteout(path):
            count.add(path, leaves[path])
            continue
        removed = stack.size_below(whiteout_target(path))
        if removed is None:
            count.add_nothing(whiteout_target(path))
            return
        count.add(whiteout_target(path), removed)


def _find_leaves(nodes: dict[bytes, int], size_of: Callable[[int], int]) -> dict[bytes, int]:
    """The nodes without nodes below them, with their sizes."""
    leaves = dict(zip(nodes, map(size_of, nodes.values()), strict=True))
    for directory in directories_above(nodes):
        leaves.pop(directory, None)
    return leaves
