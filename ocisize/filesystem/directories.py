"""Runs: where the rows of an image stand, its directories by number and the runs of rows in each.

Rows of one directory mostly stand one behind the other, so that what holds for a directory is asked once for a run of
them. Paths are split for that once, 0.1 µs a row, for all who want to know; a new directory costs ten times that.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain, islice

import attrs

from ocisize.tar.filetable import FileTable, IntArray

MAX_PATH = 4096  #: bytes; PATH_MAX of Linux: nothing can be extracted beyond
MAX_DEPTH = 64  #: components of the directories that figures are kept for: a path can have thousands


class DirectoryIndex:
    """All directories that rows stand in, and those above them, by number: those above come first, 0 is the root.

    One that is longer than MAX_PATH hangs from the one above it at MAX_DEPTH; what lies between has no number. One that is
    ``deepest`` or more below the root has the number of the one above it at that depth.
    """

    def __init__(self, deepest: int | None = None) -> None:
        self.deepest = deepest
        self.paths: list[bytes] = [b""]
        self.parents: IntArray = array("I", [0])
        self.numbers: dict[bytes, int] = _Numbers(self)  #: given when first asked for

    def __len__(self) -> int:
        return len(self.paths)

    def depths(self) -> IntArray:
        """By number, how many directories stand above each."""
        found = array("H", [0])
        for parent in islice(self.parents, 1, None):
            found.append(found[parent] + 1)
        return found

    def children(self) -> list[list[int]]:
        """By number, the directories directly in each."""
        found: list[list[int]] = [[] for _ in self.paths]
        for number, parent in islice(enumerate(self.parents), 1, None):
            found[parent].append(number)
        return found


class _Numbers(dict[bytes, int]):
    """Directory → its number; a new one comes behind those above it."""

    def __init__(self, directories: DirectoryIndex) -> None:
        super().__init__({b"": 0})
        self._paths, self._parents, self._deepest = directories.paths, directories.parents, directories.deepest

    def __missing__(self, directory: bytes) -> int:
        if self._deepest is not None and directory.count(b"/") >= self._deepest:
            number = self[directory] = self[b"/".join(directory.split(b"/", self._deepest)[: self._deepest])]
            return number
        missing, at = [directory], directory.rpartition(b"/")[0]
        if len(directory) > MAX_PATH and directory.count(b"/") >= MAX_DEPTH:
            at = b"/".join(directory.split(b"/", MAX_DEPTH)[:MAX_DEPTH])
        while (above := self.get(at)) is None:
            missing.append(at)
            at = at.rpartition(b"/")[0]
        number = above
        for path in reversed(missing):
            self._parents.append(number)
            number = self[path] = len(self._paths)
            self._paths.append(path)
        return number


@attrs.frozen
class DirectoryRuns:
    """The runs of one table; none reaches from one piece of its paths into the next."""

    starts: IntArray = attrs.field(factory=lambda: array("I"))  #: first row of each
    directories: IntArray = attrs.field(factory=lambda: array("I"))  #: the number of its directory

    def spans(self, rows: int) -> Iterator[tuple[int, int, int]]:
        """First row, row behind the last one and directory of each run; ``rows`` is the table's length."""
        return zip(self.starts, chain(islice(self.starts, 1, None), (rows,)), self.directories, strict=False)


@attrs.frozen
class Piece:
    """Some rows of a table and their runs, rows counted from the first of the piece."""

    first: int  #: row of the table
    paths: list[bytes]
    directories: Sequence[int]  #: by run: number
    bounds: list[int]  #: where runs begin; and the piece's length

    def spans(self) -> Iterator[tuple[int, int, int]]:
        """First row, row behind the last one and directory of each run."""
        return zip(self.bounds, islice(self.bounds, 1, None), self.directories, strict=False)


class ImageRuns:
    """The runs of an image's tables; their directories are numbered together."""

    def __init__(self) -> None:
        self.directories = DirectoryIndex()
        self.tables: list[DirectoryRuns] = []  #: of those that were read

    def read(self, table: FileTable) -> Iterator[Piece]:
        """Find the runs of the next table; its pieces are given as they are found."""
        runs, numbers = DirectoryRuns(), self.directories.numbers
        self.tables.append(runs)
        for first, paths in table.paths.pieces():
            last, bounds, directories = None, list[int](), array("I")
            for row, path in enumerate(paths):  # one by one: lists of what is split cost more than the loop
                directory = path.rpartition(b"/")[0]
                if directory != last:
                    last = directory
                    bounds.append(row)
                    directories.append(numbers[directory])
            runs.starts.extend([first + bound for bound in bounds])
            runs.directories.extend(directories)
            yield Piece(first, paths, directories, [*bounds, len(paths)])

    def pieces(self, table: FileTable, index: int) -> Iterator[Piece]:
        """The pieces of a table, the ``index``-th that was read, once more."""
        runs, begin = self.tables[index], 0
        for first, paths in table.paths.pieces():
            end = bisect_left(runs.starts, first + len(paths), begin)
            bounds = [*[start - first for start in runs.starts[begin:end]], len(paths)]
            yield Piece(first, paths, runs.directories[begin:end], bounds)
            begin = end


def find_runs(tables: Sequence[FileTable]) -> ImageRuns:
    """Split the paths of all tables."""
    runs = ImageRuns()
    for table in tables:
        for _ in runs.read(table):
            pass
    return runs
