"""The directories of an image by number, and the runs of rows in each directory.

Rows of one directory mostly follow each other. What is the same for a directory is looked up once for such a run. Paths are
split once for all users of the runs: 0.1 µs per row, and 1 µs per new directory.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice

from ocisize.tar.filetable import FileTable, IntArray
from ocisize.tuples import NamedTuple
from ocisize.values import field, frozen

MAX_PATH = 4096  #: bytes; PATH_MAX of Linux: nothing can be extracted beyond
NO_EXTENSION = b"/"  #: of names without an extension: no name has it
MAX_DEPTH = 64  #: components of the directories that figures are kept for: a path can have thousands


class DirectoryIndex:
    """All directories that rows are in, and their parents, by number: parents come first, 0 is the root.

    A directory with a path longer than MAX_PATH bytes is a child of its ancestor at MAX_DEPTH; the directories between them
    have no number. If ``max_depth`` is given, a deeper directory has the number of its ancestor at that depth.

    >>> directories = DirectoryIndex()
    >>> directories.numbers[b"usr/lib"]
    2
    >>> directories.paths, list(directories.parents)
    ([b'', b'usr', b'usr/lib'], [0, 0, 1])
    """

    def __init__(self, max_depth: int | None = None) -> None:
        self.max_depth = max_depth
        self.paths: list[bytes] = [b""]
        self.parents: IntArray = array("I", [0])
        self.numbers: dict[bytes, int] = _Numbers(self)  #: path → number, given on the first look-up

    def __len__(self) -> int:
        return len(self.paths)

    def depths(self) -> IntArray:
        """By number, the number of directories above each ("H")."""
        depths = array("H", [0])
        for parent in islice(self.parents, 1, None):
            depths.append(depths[parent] + 1)
        return depths

    def children(self) -> list[list[int]]:
        """By number, the directories directly in each."""
        children: list[list[int]] = [[] for _ in self.paths]
        for number, parent in islice(enumerate(self.parents), 1, None):
            children[parent].append(number)
        return children

    def subtree_sums(self, own: Sequence[int]) -> list[int]:
        """Return the sum of each directory and everything below it, by number, from ``own`` values by number.

        >>> directories = DirectoryIndex()
        >>> number = directories.numbers[b"usr/lib"]
        >>> directories.subtree_sums([1, 10, 100])
        [111, 110, 100]
        """
        sums = list(own)
        for number in range(len(sums) - 1, 0, -1):
            sums[self.parents[number]] += sums[number]
        return sums


class _Numbers(dict[bytes, int]):
    """Path of a directory → number; a new directory gets a number after its parents'."""

    def __init__(self, directories: DirectoryIndex) -> None:
        super().__init__({b"": 0})
        self._paths, self._parents, self._max_depth = directories.paths, directories.parents, directories.max_depth

    def __missing__(self, directory: bytes) -> int:
        if self._max_depth is not None and directory.count(b"/") >= self._max_depth:
            number = self[directory] = self[b"/".join(directory.split(b"/", self._max_depth)[: self._max_depth])]
            return number
        missing, parent = [directory], directory.rpartition(b"/")[0]
        if len(directory) > MAX_PATH and directory.count(b"/") >= MAX_DEPTH:
            parent = b"/".join(directory.split(b"/", MAX_DEPTH)[:MAX_DEPTH])
        while (parent_number := self.get(parent)) is None:
            missing.append(parent)
            parent = parent.rpartition(b"/")[0]
        number = parent_number
        for path in reversed(missing):
            self._parents.append(number)
            number = self[path] = len(self._paths)
            self._paths.append(path)
        return number


@frozen
class DirectoryRuns:
    """The runs of one table; no run goes on from one piece of the paths into the next."""

    starts: IntArray = field(factory=lambda: array("I"))  #: by run, its first row
    directories: IntArray = field(factory=lambda: array("I"))  #: by run, the number of its directory

    def spans(self, rows: int) -> Iterator[tuple[int, int, int]]:
        """First row, row after the last one and directory of each run; ``rows`` is the length of the table."""
        return zip(self.starts, chain(islice(self.starts, 1, None), (rows,)), self.directories, strict=False)


class Extensions(NamedTuple):
    """The extensions of the names of some rows: what follows the last dot of a name.

    A name without a dot, or with only one at its start, has no extension.
    """

    numbers: list[int]  #: by row, the place of its extension in ``names``
    names: Sequence[bytes]  #: NO_EXTENSION first
    without: list[int]  #: the rows without an extension, ascending


class Piece(NamedTuple):
    """Some rows of a table and their runs; rows are counted from the first row of the piece."""

    first: int  #: the row of the table that the piece begins with
    paths: list[bytes]
    directories: Sequence[int]  #: by run, the number of its directory
    bounds: list[int]  #: the first row of each run, and the length of the piece
    known_extensions: Extensions | None = None  #: the extensions, if the names were split with the paths

    def spans(self) -> Iterator[tuple[int, int, int]]:
        """First row, row after the last one and directory of each run."""
        return zip(self.bounds, islice(self.bounds, 1, None), self.directories, strict=False)

    @property
    def rows(self) -> slice:
        """The rows of the table."""
        return slice(self.first, self.first + len(self.paths))

    @property
    def extensions(self) -> Extensions:
        """The extensions of the names."""
        return self.known_extensions or find_extensions(self.paths)


def split_runs(paths: Sequence[bytes], directories: DirectoryIndex) -> tuple[list[int], IntArray]:
    """Return the position of the first path of each run of paths in one directory, and the number ("I") of the directory.

    >>> starts, numbers = split_runs([b"bin/a", b"bin/b", b"etc/c"], DirectoryIndex())
    >>> starts, list(numbers)
    ([0, 2], [1, 2])
    """
    last, starts, numbers, number_of = None, list[int](), array("I"), directories.numbers
    for position, path in enumerate(paths):  # one by one: a list of all split paths costs more than the loop
        directory = path.rpartition(b"/")[0]
        if directory != last:
            last = directory
            starts.append(position)
            numbers.append(number_of[directory])
    return starts, numbers


def _split_only(paths: Sequence[bytes], directories: DirectoryIndex) -> tuple[list[int], IntArray, None]:
    """What ``split_runs`` returns, without extensions."""
    return (*split_runs(paths, directories), None)


def split_names(paths: Sequence[bytes], directories: DirectoryIndex) -> tuple[list[int], IntArray, Extensions]:
    """Return what ``split_runs`` does, and the extensions: in one loop, which takes half the time of a second one.

    >>> split_names([b"bin/a", b"bin/b.py", b"etc/.c"], DirectoryIndex())[2]
    Extensions(numbers=[0, 1, 0], names=(b'/', b'py'), without=[0, 2])
    """
    last, starts, numbers, number_of = None, list[int](), array("I"), directories.numbers
    extension_numbers, without, number_of_extension = list[int](), list[int](), _Positions({NO_EXTENSION: 0})
    add = extension_numbers.append
    for position, path in enumerate(paths):
        directory, _, name = path.rpartition(b"/")
        if directory != last:
            last = directory
            starts.append(position)
            numbers.append(number_of[directory])
        stem, _, extension = name.rpartition(b".")
        if stem:
            add(number_of_extension[extension])
        else:
            add(0)
            without.append(position)
    return starts, numbers, Extensions(extension_numbers, tuple(number_of_extension), without)


def find_extensions(paths: Sequence[bytes]) -> Extensions:
    """Return the extensions of names whose runs are known."""
    number_of, names = _Positions({NO_EXTENSION: 0}), [path.rpartition(b"/")[2] for path in paths]
    numbers = [number_of[extension] if stem else 0 for stem, _, extension in [name.rpartition(b".") for name in names]]
    return Extensions(numbers, tuple(number_of), [row for row, number in enumerate(numbers) if not number])


class _Positions(dict[bytes, int]):
    """Key → its place in the order of the first look-ups."""

    def __missing__(self, key: bytes) -> int:
        number = self[key] = len(self)
        return number


class KeptRuns(NamedTuple):
    """The runs of a table without the directories of other tables; kept with the table, for all analyses of its layer."""

    starts: IntArray  #: by run, its first row
    directories: IntArray  #: by run ("I"), its directory: numbered in the order of their first rows
    paths: list[bytes]  #: of the directories

    @classmethod
    def of(cls, runs: DirectoryRuns, paths: Sequence[bytes]) -> KeptRuns:
        """The runs of a table, whose directories are numbered with those of other tables; ``paths`` are those of all."""
        numbers = {number: position for position, number in enumerate(dict.fromkeys(runs.directories))}
        return cls(
            runs.starts, array("I", map(numbers.__getitem__, runs.directories)), list(map(paths.__getitem__, numbers))
        )


class ImageRuns:
    """The runs of the tables of an image, whose directories are numbered together."""

    def __init__(self) -> None:
        self.directories = DirectoryIndex()
        self.tables: list[DirectoryRuns] = []  #: by table, in the order in which they were read

    def read(self, table: FileTable, *, extensions: bool = True) -> Iterator[Piece]:
        """Find the runs of the next table, and yield its pieces; the runs are complete after the last piece.

        ``extensions``: whether the pieces are read for extensions, too, which are then found in the same loop.
        """
        if self.add_kept(table):
            return self.pieces(table, len(self.tables) - 1)
        return self._read_first(table, split_names if extensions else _split_only)

    def add_kept(self, table: FileTable) -> bool:
        """Add the runs of the next table if they are kept with it, and return whether they are. No path is split for it."""
        kept = table.derived.get(KeptRuns)
        if not isinstance(kept, KeptRuns):
            return False
        numbers = list(map(self.directories.numbers.__getitem__, kept.paths))
        self.tables.append(DirectoryRuns(kept.starts, array("I", map(numbers.__getitem__, kept.directories))))
        return True

    def add(self, table: FileTable) -> None:
        """Add the runs of the next table."""
        for _ in () if self.add_kept(table) else self._read_first(table, _split_only):
            pass

    def _read_first(
        self,
        table: FileTable,
        split: Callable[[Sequence[bytes], DirectoryIndex], tuple[list[int], IntArray, Extensions | None]],
    ) -> Iterator[Piece]:
        """Find the runs, and keep them with the table."""
        runs = DirectoryRuns()
        self.tables.append(runs)
        for first, paths in table.paths.pieces():
            starts, numbers, extensions = split(paths, self.directories)
            runs.starts.extend([first + start for start in starts])
            runs.directories.extend(numbers)
            yield Piece(first, paths, numbers, [*starts, len(paths)], extensions)
        table.derived[KeptRuns] = KeptRuns.of(runs, self.directories.paths)

    def pieces(self, table: FileTable, index: int) -> Iterator[Piece]:
        """Yield the pieces of a table again; ``index`` is its place in the order in which tables were read."""
        runs, begin = self.tables[index], 0
        for first, paths in table.paths.pieces():
            end = bisect_left(runs.starts, first + len(paths), begin)
            bounds = [*[start - first for start in runs.starts[begin:end]], len(paths)]
            yield Piece(first, paths, runs.directories[begin:end], bounds)
            begin = end


def find_runs(tables: Sequence[FileTable]) -> ImageRuns:
    """Return the runs of the tables of an image, base first."""
    runs = ImageRuns()
    for table in tables:
        runs.add(table)
    return runs
