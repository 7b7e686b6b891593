"""TreeView: the rows of the tree pane, and what keys do to them: open, close, sort, jump."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ocisize.browse.entries import Entries, Node, Order, Shares, list_directory
from ocisize.browse.scope import Scope, ScopeCache, check_scope
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ocisize.browse.image_index import ImageIndex
    from ocisize.model.sizes import Group

_RowT = TypeVar("_RowT")
_MAX_OPENED = 100_000  # rows that a jump opens on its way


class Row(NamedTuple):
    """A row on the screen: a position in the entries of an opened directory."""

    entries: Entries
    position: int

    @property
    def directory(self) -> int:
        """The number of the directory; -1 of any other entry."""
        return self.entries.numbers[self.position]


class TreeView:
    """The tree of an image as a list of rows. Directories are read when they are opened.

    >>> import ocisize
    >>> from ocisize.browse.image_index import ImageIndex
    >>> tree = TreeView(ImageIndex(ocisize.analyze("testdata/example.tar")))
    >>> [(tree.node(row).name, tree.node(row).group.content_size) for row in range(len(tree))][:2]
    [(b'bin', 1982256), (b'usr', 540596)]
    >>> tree.open(0)
    >>> tree.node(1).path
    b'bin/busybox'
    """

    def __init__(self, index: ImageIndex, scope: Scope | None = None, order: Order = Order.SIZE) -> None:
        """Show an indexed image; raises ViewError for a layer that it does not have."""
        self.index, self.order = index, order
        self._cache = ScopeCache(index)
        self._opened: dict[int, Entries] = {}
        self.rows: list[Row] = []
        self.show(Scope() if scope is None else scope)

    def __len__(self) -> int:
        return len(self.rows)

    def prepare(self, scope: Scope) -> None:
        """Compute what ``show`` needs of a scope, which takes a fraction of a second for large images; also in a thread."""
        self._cache.figures(check_scope(self.index, scope))

    def show(self, scope: Scope) -> None:
        """Show another scope; the same directories stay open as far as it has them."""
        self.scope = check_scope(self.index, scope)
        self.figures = self._cache.figures(scope)
        self.shares = Shares.of(self.index, scope)
        opened = [number for number in self._opened if self.figures.shown[number]]
        self._opened = {}
        self._root = self._list(0, 0)
        for number in opened:
            self._opened[number] = self._list(number, self._depth_of(number))
        self._flatten()

    @property
    def total(self) -> Group:
        """The figures of all that is shown."""
        return self.figures.group(0)

    def node(self, row: int) -> Node:
        """The entry of a row."""
        entries, position = self.rows[row]
        return entries.node(position)

    def depth(self, row: int) -> int:
        """The number of directories above the entry of a row, without the root."""
        return self.rows[row].entries.depth

    def is_open(self, row: int) -> bool:
        """Whether the row is a directory that is open."""
        return self.rows[row].directory in self._opened

    def open(self, row: int) -> None:
        """Open the directory of a row; nothing happens if it is open, or no directory."""
        number = self.rows[row].directory
        if number < 0 or number in self._opened:
            return
        self._opened[number] = self._list(number, self.depth(row) + 1)
        self.rows[row + 1 : row + 1] = self._walk(self._opened[number])

    def close(self, row: int) -> None:
        """Close the directory of a row; directories in it are open again when it is opened."""
        number = self.rows[row].directory
        if self._opened.pop(number, None) is not None:
            del self.rows[row + 1 : self._end(row)]

    def close_all(self) -> None:
        """Close all directories."""
        self._opened.clear()
        self._flatten()

    def sort(self, order: Order) -> None:
        """Sort all entries in another order."""
        self.order = order
        for entries in (self._root, *self._opened.values()):
            entries.sort(order)
        self._flatten()

    def parent(self, row: int) -> int | None:
        """The row of the directory that the entry of a row is in; None for the root."""
        depth = self.depth(row)
        return next((above for above in range(row - 1, -1, -1) if self.depth(above) < depth), None) if depth else None

    def find(self, path: bytes) -> int | None:
        """The row of a path if it is shown."""
        directory = self.index.find_directory(path)
        parent = self.index.find_directory(path.rpartition(b"/")[0]) or 0
        fallback = None
        for number, (entries, position) in enumerate(self.rows):
            if entries.directory == parent and entries.path(position) == path:
                if entries.numbers[position] == directory or directory is None:
                    return number
                fallback = number
        return fallback

    def reveal(self, path: bytes) -> int | None:
        """Open the directories above a path and return its row; None if the scope does not have it."""
        names = path.split(b"/")
        for depth in range(1, len(names)):
            number = self.index.find_directory(b"/".join(names[:depth]))
            if number is not None and number not in self._opened and self.figures.shown[number]:
                self._opened[number] = self._list(number, depth)
        self._flatten()
        return self.find(path)

    def next_wasted(self, row: int, *, backwards: bool = False) -> int | None:
        """The row of the next entry below a row, or above it, that wastes bytes and is no directory; None without waste.

        Directories with waste are opened on the way, also that of the row itself. Behind the last row the search goes on at
        the other end.
        """
        if not self.total.wasted_size:
            return None
        if not backwards and 0 <= row < len(self.rows) and self._wastes(row):
            self.open(row)
        current, turned = row, False
        for _ in range(_MAX_OPENED):
            current += -1 if backwards else 1
            if not 0 <= current < len(self.rows):
                if turned:
                    return None
                turned, current = True, len(self.rows) if backwards else -1
                continue
            if not self._wastes(current):
                continue
            number = self.rows[current].directory
            if number < 0:
                return current
            if number not in self._opened:
                self.open(current)
                current = self._end(current) if backwards else current
        return None

    def _wastes(self, row: int) -> bool:
        entries, position = self.rows[row]
        return entries.wasted[position] > 0

    def _list(self, number: int, depth: int) -> Entries:
        entries = list_directory(self.index, self.figures, self.shares, number, depth=depth)
        entries.sort(self.order)
        return entries

    def _depth_of(self, number: int) -> int:
        depth = 0
        while number:
            number, depth = self.index.parents[number], depth + 1
        return depth

    def _end(self, row: int) -> int:
        """The row behind everything that is shown below the entry of a row."""
        depth = self.depth(row)
        return next((end for end in range(row + 1, len(self.rows)) if self.depth(end) <= depth), len(self.rows))

    def _flatten(self) -> None:
        self.rows = list(self._walk(self._root))

    def _walk(self, entries: Entries) -> Iterator[Row]:
        """The rows of some entries and of the opened directories below, from the top."""
        return walk_opened(
            _list_rows(entries),
            lambda row: None if (opened := self._opened.get(row.directory)) is None else _list_rows(opened),
        )


def _list_rows(entries: Entries) -> Iterator[Row]:
    return (Row(entries, position) for position in entries.order)


def walk_opened(rows: Iterator[_RowT], open_rows: Callable[[_RowT], Iterator[_RowT] | None]) -> Iterator[_RowT]:
    """Return rows, each followed by those below it; ``open_rows`` returns the rows of an opened directory, else None."""
    waiting = [rows]
    while waiting:
        row = next(waiting[-1], None)
        if row is None:
            waiting.pop()
            continue
        yield row
        if (below := open_rows(row)) is not None:
            waiting.append(below)
