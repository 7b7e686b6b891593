"""contested: which rows of an image's layers can meet at all, so that only those must be laid over each other.

Most paths stand in one layer, in directories that nothing ever happens to. A directory is contested when rows of two
layers lie in it, when a row replaces or removes it or one above it, or when hard links lead into it; only rows in
contested directories can hide or be hidden. Rows are told apart directory by directory, in pieces, so the cost is a
fraction of laying all of them over each other and so is the memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, repeat
from operator import lt

import attrs

from ocisize.filesystem.directories import MAX_PATH, ImageRuns, Piece
from ocisize.filesystem.whiteout import OPAQUE_MARKER, WHITEOUT, is_aufs, is_whiteout
from ocisize.tar.filetable import DIRECTORY, HARD_LINK, SYMLINK, FileTable, IntArray
from ocisize.tar.paths import clean_name, join

_IS_DIRECTORY = bytes(kind == DIRECTORY for kind in range(256))
_IS_OTHER = bytes(kind != DIRECTORY for kind in range(256))


@attrs.frozen
class RowSelection:
    """Some rows of a table, ascending, with their paths; ``special`` ones are no entries of a filesystem."""

    rows: Sequence[int]
    paths: Sequence[bytes]
    special: frozenset[int]


def find_overlapping_rows(tables: Sequence[FileTable], runs: ImageRuns | None = None) -> list[RowSelection]:
    """Per table, the rows that must be laid over each other; all others stay visible whatever happens.

    ``runs``, of which none is read yet, are filled: that takes the same look at all paths.
    """
    survey = _OverlapScan(ImageRuns() if runs is None else runs)
    for table in tables:
        survey.look_at(table)
    return survey.overlapping_rows()


def select_all_rows(tables: Sequence[FileTable]) -> list[RowSelection]:
    """Per table, all rows: what find_contested gives where paths lead through symlinks, or links lead nowhere."""
    return [
        RowSelection(
            range(len(table)),
            table.paths,
            frozenset(
                [*_markers(table), *(row for first, paths in table.paths.pieces() for row in _odd_rows(table, first, paths))]
            ),
        )
        for table in tables
    ]


def _markers(table: FileTable) -> Iterator[int]:
    """Rows that are whiteout markers or files of AUFS."""
    return (row for row, path in table.paths.select_with(WHITEOUT) if is_whiteout(path) or is_aufs(path))


def _odd_rows(table: FileTable, first: int, paths: list[bytes]) -> Iterator[int]:
    """Rows whose path no filesystem can hold."""
    for row, path in enumerate(paths, first):
        if path[:3] in (b"..", b"../") or len(path) > MAX_PATH or (not path and table.kinds[row] != DIRECTORY):
            yield row


class _OverlapScan:
    """What happens to the directories of all layers."""

    def __init__(self, runs: ImageRuns) -> None:
        self._tables: list[FileTable] = []
        self._runs = runs
        self._paths, self._parents = runs.directories.paths, runs.directories.parents
        self._numbers = runs.directories.numbers
        self._special: list[frozenset[int]] = []
        self._seen_in = array("I")  # by directory: the last piece with rows in or below it
        self._contested = bytearray()  # by directory
        self._replaced: set[bytes] = set()  # what whiteouts name, opaque directories
        self._linked: set[bytes] = set()  # directories of hard links and of their targets
        self._pieces = 0
        self._last, self._ordered = b"", False  # last path of the last piece; whether its last run ascends

    def look_at(self, table: FileTable) -> None:
        """Take in the next layer."""
        self._tables.append(table)
        special = set(_markers(table))
        for piece in self._runs.read(table):
            here, others = self._look_at_piece(table, piece)
            if b".." in here or b".." in others or b"" in others or max(map(len, piece.paths)) > MAX_PATH:
                special.update(_odd_rows(table, piece.first, piece.paths))
        self._special.append(frozenset(special))
        for path in table.paths.select(sorted(special)):
            directory, _, name = path.rpartition(b"/")
            self._replaced.add(directory if name == OPAQUE_MARKER else join(directory, name[len(WHITEOUT) :]))
        links = sorted(row for row in table.links if table.kinds[row] == HARD_LINK)
        for row, path in zip(links, table.paths.select(links), strict=True):
            self._linked.update((_parent(path), _parent(clean_name(table.links[row]))))

    def _look_at_piece(self, table: FileTable, piece: Piece) -> tuple[set[bytes], set[bytes]]:
        """Enter the piece's directories; return them, those above them included, and the paths of all else."""
        paths, numbers, bounds = piece.paths, piece.directories, piece.bounds
        before = self._runs.tables[-1].directories[: -len(numbers)]
        clean = before and self._ordered and before[-1] == numbers[0] and not self._contested[numbers[0]]
        here = self._enter(numbers)
        kinds = table.kinds[piece.first : piece.first + len(paths)]
        others = list(compress(paths, kinds.translate(_IS_OTHER)))
        distinct = set(others)
        if len(distinct) != len(others):
            self._contest(map(_parent, _repeated(others)))
        here.update(compress(paths, kinds.translate(_IS_DIRECTORY)))
        self._contest(map(_parent, distinct & here))
        if clean and self._goes_on(paths[: bounds[1]], before, numbers):
            self._contested[numbers[0]] = False
        last_run = paths[bounds[-2] :]
        self._last, self._ordered = paths[-1], all(map(lt, last_run, last_run[1:]))
        return here, distinct

    def _goes_on(self, run: list[bytes], before: IntArray, numbers: Sequence[int]) -> bool:
        """Whether a directory too long for one piece goes on with new names, in order, and holds nothing but them."""
        number = numbers[0]
        directory, count = self._paths[number], before.count(number)
        below = directory + b"/" if directory else b""
        return (
            number not in numbers[1:]
            and all(other == number for other in before[len(before) - count :])
            and all(map(lt, [self._last, *run], run))
            and not any(other.startswith(below) for other in self._paths if other != directory)
        )

    def _enter(self, numbers: Iterable[int]) -> set[bytes]:
        """Note that this piece has rows in some directories, and so something in all above; return all of them."""
        self._pieces += 1
        new = len(self._paths) - len(self._contested)
        self._seen_in.extend(repeat(0, new))
        self._contested.extend(repeat(0, new))
        piece, seen_in, entered = self._pieces, self._seen_in, list[int]()
        for number in numbers:
            at = number
            while seen_in[at] != piece:
                if seen_in[at]:
                    self._contested[at] = True
                seen_in[at] = piece
                entered.append(at)
                at = self._parents[at]
        return set(map(self._paths.__getitem__, entered))

    def _contest(self, directories: Iterable[bytes]) -> None:
        for directory in directories:
            self._contested[self._numbers[directory]] = True

    def overlapping_rows(self) -> list[RowSelection]:
        """Per table, the rows in contested directories and the special ones."""
        if not self._linked <= self._numbers.keys():
            return select_all_rows(self._tables)  # a target that only a symlink can lead to, or none
        self._contest(self._linked)
        self._contest_below(self._replaced)
        found = [self._select(index) for index in range(len(self._tables))]
        replaced = set[bytes]()
        for table, rows in zip(self._tables, found, strict=True):
            for row, path in zip(rows.rows, rows.paths, strict=True):
                if table.kinds[row] != DIRECTORY and path in self._numbers:
                    if table.kinds[row] in (SYMLINK, HARD_LINK):  # a hard link to a symlink is one
                        return select_all_rows(self._tables)
                    replaced.add(path)
        if self._contest_below(replaced):
            found = [self._select(index) for index in range(len(self._tables))]
        return found

    def _contest_below(self, roots: set[bytes]) -> bool:
        """Contest directories and all below them; return whether there are any."""
        found = roots & self._numbers.keys()
        if not found:
            return False
        below = bytearray(len(self._paths))
        for directory in found:
            below[self._numbers[directory]] = True
        for number in range(1, len(below)):  # parents come first
            if below[self._parents[number]]:
                below[number] = True
        for number in compress(range(len(below)), below):
            self._contested[number] = True
        return True

    def _select(self, index: int) -> RowSelection:
        table, special, contested = self._tables[index], self._special[index], self._contested
        chosen = array("q", special)
        for start, end, number in self._runs.tables[index].spans(len(table)):
            if contested[number]:
                chosen.extend(range(start, end))
        rows = array("q", sorted(set(chosen))) if special else chosen
        return RowSelection(rows, list(table.paths.select(rows)), special)


def _repeated(paths: Iterable[bytes]) -> Iterator[bytes]:
    seen: set[bytes] = set()
    for path in paths:
        if path in seen:
            yield path
        seen.add(path)


def _parent(path: bytes) -> bytes:
    return path.rpartition(b"/")[0]
