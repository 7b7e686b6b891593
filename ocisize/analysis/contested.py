"""contested: which rows of an image's layers can meet at all, so that only those must be laid over each other.

Most paths stand in one layer, in directories that nothing ever happens to. A directory is contested when rows of two
layers lie in it, when a row replaces or removes it or one above it, or when hard links lead into it; only rows in
contested directories can hide or be hidden. Rows are told apart directory by directory, in pieces, so the cost is a
fraction of laying all of them over each other and so is the memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, pairwise
from operator import lt

import attrs

from ocisize.files import DIRECTORY, HARD_LINK, SYMLINK, FileTable, IntArray
from ocisize.paths import clean_name

WHITEOUT = b".wh."
OPAQUE_MARKER = b".wh..wh..opq"
AUFS = b".wh..wh."  # bookkeeping of the AUFS storage driver, at the root of old layers
MAX_PATH = 4096  # bytes; PATH_MAX of Linux: nothing can be extracted beyond
_IS_DIRECTORY = bytes(kind == DIRECTORY for kind in range(256))
_IS_OTHER = bytes(kind != DIRECTORY for kind in range(256))


@attrs.frozen
class Rows:
    """Some rows of a table, ascending, with their paths; ``special`` ones are no entries of a filesystem."""

    rows: Sequence[int]
    paths: Sequence[bytes]
    special: frozenset[int]


def find_contested(tables: Sequence[FileTable]) -> list[Rows]:
    """Per table, the rows that must be laid over each other; all others stay visible whatever happens."""
    survey = _Survey()
    for table in tables:
        survey.look_at(table)
    return survey.contested_rows()


def select_everything(tables: Sequence[FileTable]) -> list[Rows]:
    """Per table, all rows: what find_contested gives where paths lead through symlinks, or links lead nowhere."""
    return [
        Rows(
            range(len(table)),
            table.paths,
            frozenset(row for first, paths in table.paths.pieces() for row in _special_rows(table, first, paths)),
        )
        for table in tables
    ]


def _special_rows(table: FileTable, first: int, paths: list[bytes]) -> Iterator[int]:
    """Rows that are whiteouts or AUFS bookkeeping, or whose path no filesystem can hold."""
    for row, path in enumerate(paths, first):
        whiteout = WHITEOUT in path and (path.rpartition(b"/")[2].startswith(WHITEOUT) or path.startswith(AUFS))
        if whiteout or path[:3] in (b"..", b"../") or len(path) > MAX_PATH or (not path and table.kinds[row] != DIRECTORY):
            yield row


class _Survey:
    """The directories of all layers, numbered, and where runs of rows lie in them."""

    def __init__(self) -> None:
        self._tables: list[FileTable] = []
        self._special: list[frozenset[int]] = []
        self._directories: dict[bytes, int] = {}
        self._seen_in = array("i")  # by directory: the last piece that has rows in it or below it
        self._contested = bytearray()  # by directory
        self._runs: list[tuple[IntArray, IntArray]] = []  # per table: first row of each run, its directory
        self._replaced: set[bytes] = set()  # what whiteouts name, opaque directories
        self._linked: set[bytes] = set()  # directories of hard links and of their targets
        self._pieces = 0
        self._last, self._ordered = b"", False  # last path of the last piece; whether its last run ascends

    def look_at(self, table: FileTable) -> None:
        """Take in the next layer."""
        self._tables.append(table)
        self._runs.append((array("q"), array("i")))
        whiteouts, special = table.paths.contain(WHITEOUT), set[int]()
        for first, paths in table.paths.pieces():
            here, others = self._look_at_piece(table, first, paths)
            if whiteouts or b".." in here or b".." in others or b"" in others or max(map(len, paths)) > MAX_PATH:
                special.update(_special_rows(table, first, paths))
        self._special.append(frozenset(special))
        for path in table.paths.select(sorted(special)):
            directory, _, name = path.rpartition(b"/")
            self._replaced.add(directory if name == OPAQUE_MARKER else _join(directory, name[len(WHITEOUT) :]))
        links = sorted(row for row in table.links if table.kinds[row] == HARD_LINK)
        for row, path in zip(links, table.paths.select(links), strict=True):
            self._linked.update((_parent(path), _parent(clean_name(table.links[row]))))

    def _look_at_piece(self, table: FileTable, first: int, paths: list[bytes]) -> tuple[set[bytes], set[bytes]]:
        """Enter the piece's directories; return them, those above them included, and the paths of all else."""
        self._pieces += 1
        starts, numbers = self._runs[-1]
        runs = len(starts)
        clean = bool(runs) and self._ordered and not self._contested[numbers[-1]]
        current, here = None, set[bytes]()
        for row, path in enumerate(paths, first):  # 0.1 µs a row
            directory = path.rpartition(b"/")[0]
            if directory != current:
                current = directory
                starts.append(row)
                numbers.append(self._enter(directory if len(directory) <= MAX_PATH else b"", here))
        kinds = table.kinds[first : first + len(paths)]
        others = list(compress(paths, kinds.translate(_IS_OTHER)))
        distinct = set(others)
        if len(distinct) != len(others):
            self._contest(map(_parent, _repeated(others)))
        here.update(compress(paths, kinds.translate(_IS_DIRECTORY)))
        self._contest(map(_parent, distinct & here))
        if clean and numbers[runs] == numbers[runs - 1]:
            run = paths[: starts[runs + 1] - first if runs + 1 < len(starts) else None]
            if self._goes_on(run, runs):
                self._contested[numbers[runs]] = False
        last_run = paths[starts[-1] - first :]
        self._last, self._ordered = paths[-1], all(map(lt, last_run, last_run[1:]))
        return here, distinct

    def _goes_on(self, run: list[bytes], index: int) -> bool:
        """Whether a directory too long for one piece goes on with new names, in order, and holds nothing but them."""
        directory, numbers = _parent(run[0]), self._runs[-1][1]
        count = numbers.count(numbers[index])
        below = directory + b"/" if directory else b""
        return (
            count <= index + 1
            and all(number == numbers[index] for number in numbers[index + 1 - count : index + 1])
            and all(map(lt, [self._last, *run], run))
            and not any(other.startswith(below) for other in self._directories if other != directory)
        )

    def _enter(self, directory: bytes, here: set[bytes]) -> int:
        """Note that this piece has rows in a directory, and so something in all directories above; return its number."""
        if directory in here:
            return self._directories[directory]
        at = directory
        while at not in here:
            here.add(at)
            number = self._directories.setdefault(at, len(self._seen_in))
            if number == len(self._seen_in):
                self._seen_in.append(self._pieces)
                self._contested.append(False)
            elif self._seen_in[number] != self._pieces:
                self._seen_in[number] = self._pieces
                self._contested[number] = True
            at = _parent(at)
        return self._directories[directory]

    def _contest(self, directories: Iterable[bytes]) -> None:
        for directory in directories:
            self._contested[self._directories[directory]] = True

    def contested_rows(self) -> list[Rows]:
        """Per table, the rows in contested directories and the special ones."""
        if not self._linked <= self._directories.keys():
            return select_everything(self._tables)  # a target that only a symlink can lead to, or none
        self._contest(self._linked)
        self._contest_below(self._replaced)
        found = [self._select(index) for index in range(len(self._tables))]
        replaced = set[bytes]()
        for table, rows in zip(self._tables, found, strict=True):
            for row, path in zip(rows.rows, rows.paths, strict=True):
                if table.kinds[row] != DIRECTORY and path in self._directories:
                    if table.kinds[row] in (SYMLINK, HARD_LINK):  # a hard link to a symlink is one
                        return select_everything(self._tables)
                    replaced.add(path)
        if self._contest_below(replaced):
            found = [self._select(index) for index in range(len(self._tables))]
        return found

    def _contest_below(self, roots: set[bytes]) -> bool:
        """Contest directories and all below them; return whether there are any."""
        below = roots & self._directories.keys()
        if not below:
            return False
        for directory in sorted(self._directories):  # parents come first
            if directory and _parent(directory) in below:
                below.add(directory)
        self._contest(below)
        return True

    def _select(self, index: int) -> Rows:
        table, special, contested = self._tables[index], self._special[index], self._contested
        starts, numbers = self._runs[index]
        chosen = array("q", special)
        for (start, end), number in zip(pairwise([*starts, len(table)]), numbers, strict=True):
            if contested[number]:
                chosen.extend(range(start, end))
        rows = array("q", sorted(set(chosen))) if special else chosen
        return Rows(rows, list(table.paths.select(rows)), special)


def _repeated(paths: Iterable[bytes]) -> Iterator[bytes]:
    seen: set[bytes] = set()
    for path in paths:
        if path in seen:
            yield path
        seen.add(path)


def _parent(path: bytes) -> bytes:
    return path.rpartition(b"/")[0]


def _join(directory: bytes, name: bytes) -> bytes:
    return directory + b"/" + name if directory else name
