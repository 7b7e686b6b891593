"""ChangeTree: the rows of two trees side by side, and what keys do to both at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.browse.entries import Order
from ocisize.browse.tree import walk_opened
from ocisize.model.file_changes import FileChangeKind
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ocisize.browse.changes.columns import ChangeColumns, ChangeSums


class ChangeNode(NamedTuple):
    """A directory in which files differ, or such a file; sizes are bytes of content, or of download if asked for."""

    path: bytes  #: without a leading slash
    name: bytes  #: the last component
    directory: int  #: number of the directory; -1 of a file
    entry: int  #: of the columns; -1 of a directory
    depth: int  #: directories above, without the root
    before_size: int | None  #: bytes of the files that differ in BEFORE, None if they are unknown
    after_size: int | None  #: bytes of the files that differ in AFTER, None if they are unknown
    in_before: bool  #: whether BEFORE has it
    in_after: bool  #: whether AFTER has it
    kind: FileChangeKind | None  #: how the file differs, or all files of the directory; None if they differ in several ways

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.directory >= 0

    @property
    def growth(self) -> int | None:
        """Bytes that AFTER has more than BEFORE; None if one side is unknown."""
        return None if self.before_size is None or self.after_size is None else self.after_size - self.before_size


class _Row(NamedTuple):
    """A row on the screen."""

    directory: int  #: number of the directory; -1 of a file
    entry: int  #: of the columns; -1 of a directory
    depth: int


class ChangeTree:
    """Both trees as one list of rows. Directories are listed when they are opened.

    >>> import ocisize
    >>> from ocisize.browse.changes.columns import ChangeColumns
    >>> names = "testdata/golden/01-single-layer.tar", "testdata/golden/10-delete-file.tar"
    >>> comparison = ocisize.compare(*[ocisize.analyze(name) for name in names])
    >>> tree = ChangeTree(ChangeColumns(comparison, comparison.files))
    >>> [(tree.node(row).name, tree.node(row).growth) for row in range(len(tree))]
    [(b'app', 2000)]
    """

    def __init__(self, columns: ChangeColumns) -> None:
        """Show the files of a comparison, the largest growth first."""
        self.columns = columns
        self.order = Order.SIZE  #: what rows are sorted by: growth of content, or of the download; or their names
        self.kind: FileChangeKind | None = None  #: the only kind of files that is shown; None: all
        self._opened: dict[int, list[_Row]] = {}
        self._rows: list[_Row] = []
        self.show(None)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def sums(self) -> ChangeSums:
        """The sums of the files that are shown, by directory."""
        return self.columns.sums(self.kind)

    @property
    def shows_download(self) -> bool:
        """Whether sizes are those of the download."""
        return self.order is Order.DOWNLOAD

    def show(self, kind: FileChangeKind | None) -> None:
        """Show files of one kind, or all; the same directories stay open as far as they have such files."""
        self.kind = kind
        self._list_again()

    def show_next(self) -> None:
        """Show the next kind of files that there is, and all after the last one."""
        kinds = [None, *self.columns.kinds]
        self.show(kinds[(kinds.index(self.kind) + 1) % len(kinds)])

    def sort(self, order: Order) -> None:
        """Sort all rows in another order; files have no waste to be sorted by."""
        if order is not Order.WASTE:
            self.order = order
            self._list_again()

    def _list_again(self) -> None:
        files = self.sums.files
        opened = [number for number in self._opened if files[number]]
        root = self._list(0, 0)
        self._opened = {number: self._list(number, self._depth_of(number)) for number in opened}
        self._rows = list(self._walk(root))

    def _depth_of(self, directory: int) -> int:
        depth = 0
        while directory:
            directory, depth = self.columns.directories.parents[directory], depth + 1
        return depth

    def _list(self, directory: int, depth: int) -> list[_Row]:
        columns, files = self.columns, self.sums.files
        rows = [_Row(child, -1, depth) for child in columns.children(directory) if files[child]]
        shown = (entry for entry in columns.entries_in(directory) if self.kind in (None, columns.kind(entry)))
        rows += [_Row(-1, entry, depth) for entry in shown]
        return [row for _, row in sorted((self._key(row), row) for row in rows)]

    def _key(self, row: _Row) -> tuple[int, int, bytes]:
        path = self._path(row)
        if self.order is Order.NAME:
            return 0, 0, path
        before, after = self._sizes(row)
        return -abs(after - before), -(before + after), path

    def _path(self, row: _Row) -> bytes:
        return self.columns.directories.paths[row.directory] if row.directory >= 0 else self.columns.paths[row.entry]

    def _sizes(self, row: _Row) -> tuple[int, int]:
        number, sides = row.entry, (self.columns.before, self.columns.after)
        if row.directory >= 0:
            number, sides = row.directory, (self.sums.before, self.sums.after)
        field = 1 if self.shows_download and self.columns.download_known else 0
        return sides[0][field][number], sides[1][field][number]

    def node(self, number: int) -> ChangeNode:
        """The directory or file of a row."""
        row = self._rows[number]
        columns, path = self.columns, self._path(row)
        before, after = (None, None) if self.shows_download and not columns.download_known else self._sizes(row)
        if row.directory >= 0:
            counts, files = self.sums.kinds, self.sums.files[row.directory]
            kind = next((kind for kind, count in counts.items() if count[row.directory] == files), None)
            in_before = columns.in_before is None or path in columns.in_before
            in_after = columns.in_after is None or path in columns.in_after
        else:
            position = columns.positions[row.entry]
            kind, is_origin = columns.kind(row.entry), columns.is_origin(row.entry)
            in_before = columns.changes.before_rows[position] >= 0 and is_origin == (kind is FileChangeKind.MOVED)
            in_after = columns.changes.after_rows[position] >= 0 and not is_origin
        name = path.rpartition(b"/")[2]
        return ChangeNode(path, name, row.directory, row.entry, row.depth, before, after, in_before, in_after, kind)

    def is_open(self, number: int) -> bool:
        """Whether the row is a directory that is open."""
        return self._rows[number].directory in self._opened

    def open(self, number: int) -> None:
        """Open the directory of a row; nothing happens if it is open, or a file."""
        row = self._rows[number]
        if row.directory < 0 or row.directory in self._opened:
            return
        self._opened[row.directory] = self._list(row.directory, row.depth + 1)
        self._rows[number + 1 : number + 1] = self._walk(self._opened[row.directory])

    def close(self, number: int) -> None:
        """Close the directory of a row; directories in it are open again when it is opened."""
        row = self._rows[number]
        if self._opened.pop(row.directory, None) is not None:
            after = range(number + 1, len(self._rows))
            end = next((lower for lower in after if self._rows[lower].depth <= row.depth), len(self._rows))
            del self._rows[number + 1 : end]

    def close_all(self) -> None:
        """Close all directories."""
        self._opened.clear()
        self._list_again()

    def parent(self, number: int) -> int | None:
        """The row of the directory that a row is in; None for the root."""
        depth = self._rows[number].depth
        above = range(number - 1, -1, -1)
        return next((upper for upper in above if self._rows[upper].depth < depth), None) if depth else None

    def find(self, node: ChangeNode) -> int | None:
        """The row of a node if it is shown."""
        key = node.directory, node.entry
        return next((number for number, row in enumerate(self._rows) if (row.directory, row.entry) == key), None)

    def _walk(self, rows: Sequence[_Row]) -> Iterator[_Row]:
        """Rows, and those of the opened directories below, from the top."""
        return walk_opened(
            iter(rows), lambda row: iter(self._opened[row.directory]) if row.directory in self._opened else None
        )
