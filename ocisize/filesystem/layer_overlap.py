"""What the rows of one layer do to each other: found once for a layer, whatever images have it.

A directory of a layer is contested if the layer has a path in it twice, at least once as something else than a directory, or
has something below such a path. Paths are compared within a piece first, then in directories that rows of two pieces are in
or below. Which directories layers contest with each other is in `overlap`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, compress
from operator import lt

from ocisize.filesystem.directories import MAX_PATH, ImageRuns, Piece
from ocisize.filesystem.whiteout import is_aufs, is_whiteout, marked_rows
from ocisize.tar.filetable import DIRECTORY, FileTable, IntArray
from ocisize.tuples import NamedTuple

IS_DIRECTORY = bytes(kind == DIRECTORY for kind in range(256))  #: by kind, for ``translate``
IS_OTHER = bytes(kind != DIRECTORY for kind in range(256))  #: the opposite


class LayerOverlap(NamedTuple):
    """What the rows of one layer do to each other; kept with the table of the layer."""

    special: IntArray  #: rows ("I") that are no entries of a filesystem, ascending
    contested: list[bytes]  #: directories in which rows of the layer overlap


def scan_layer_paths(table: FileTable, runs: ImageRuns, layer: int) -> LayerOverlap:
    """Find the rows of a layer that can overlap within it; ``layer`` is its place in the runs, or that of the next layer."""
    scan = LayerOverlapScan(table, runs, layer)
    for piece in runs.pieces(table, layer) if layer < len(runs.tables) else runs.read(table, extensions=False):
        scan.add(piece)
    return scan.finish()


class LayerOverlapScan:
    """Scans the paths of one layer, piece by piece, for directories that its own rows contest.

    ``layer`` is its place in the runs, which must be complete after the last piece.
    """

    def __init__(self, table: FileTable, runs: ImageRuns, layer: int) -> None:
        self._table, self._runs, self._layer = table, runs, layer
        self._paths, self._parents = runs.directories.paths, runs.directories.parents
        self._numbers = runs.directories.numbers
        self._special: set[int] = set(markers(table))
        self._last_piece: dict[int, int] = {}  # by directory: the last piece with rows in it or below it
        self._contested: set[int] = set()
        self._listed: set[bytes] = set()  # directories with a row, without most of those that other rows are in or below
        self._before = array("I")  # the directories of the runs so far
        self._pieces = 0
        self._last_path, self._ordered = b"", False  # of the last piece; whether its last run ascends

    def add(self, piece: Piece) -> None:
        """Scan the next piece."""
        directories, others = self._add_piece(piece)
        if b".." in directories or b".." in others or b"" in others or max(map(len, piece.paths)) > MAX_PATH:
            self._special.update(odd_rows(self._table, piece.first, piece.paths))

    def finish(self) -> LayerOverlap:
        """Return what the layer does to itself after the last piece, and keep it with the table."""
        overlap = LayerOverlap(array("I", sorted(self._special)), sorted(self._find_repeated()))
        self._table.derived[LayerOverlap] = overlap
        return overlap

    def count_directories(self) -> int:
        """The number of directories that the layer has or needs for its paths, without the root, after the last piece."""
        return len(self._last_piece.keys() - {0}) + len(self._bare_directories() - {b""})

    def _bare_directories(self) -> set[bytes]:
        """The listed directories that no row of the layer is in or below."""
        known, number_of = self._last_piece, self._numbers.get
        return {path for path in self._listed if number_of(path) not in known}

    def _find_repeated(self) -> set[bytes]:
        """The contested directories with rows that do overlap, once all pieces are known."""
        table, contested = self._table, self._contested
        if not contested:
            return set()
        is_contested = map(contested.__contains__, self._runs.tables[self._layer].directories)
        spans = compress(self._runs.tables[self._layer].spans(len(table)), is_contested)
        kinds, spanned = table.kinds, list(chain.from_iterable(range(start, end) for start, end, _ in spans))
        rows = [row for row in spanned if kinds[row] != DIRECTORY]
        others = list(table.paths.select(rows))
        found = self._bare_directories().intersection(others)
        found.update(path for path in others if self._numbers.get(path) in self._last_piece)
        if len({*others}) != len(others):
            found.update(find_repeated(others))
        return set(map(parent_of, found))

    def _add_piece(self, piece: Piece) -> tuple[set[bytes], set[bytes]]:
        """Scan a piece; return its directories with their parents, and the paths of its other entries."""
        paths, numbers, bounds = piece.paths, piece.directories, piece.bounds
        before = self._before
        uncontested = before and self._ordered and before[-1] == numbers[0] and numbers[0] not in self._contested
        entered = self._enter(numbers)
        kinds = self._table.kinds[piece.first : piece.first + len(paths)]
        others = list(compress(paths, kinds.translate(IS_OTHER)))
        distinct = set(others)
        if len(distinct) != len(others):
            self._mark(map(parent_of, find_repeated(others)))
        listed = set(compress(paths, kinds.translate(IS_DIRECTORY)))
        self._listed |= listed - entered
        entered |= listed
        self._mark(map(parent_of, distinct & entered))
        if uncontested and self._continues_run(paths[: bounds[1]], before, numbers):
            self._contested.discard(numbers[0])
        self._before.extend(numbers)
        last_run = paths[bounds[-2] :]
        self._last_path, self._ordered = paths[-1], all(map(lt, last_run, last_run[1:]))
        return entered, distinct

    def _continues_run(self, run: list[bytes], before: IntArray, numbers: Sequence[int]) -> bool:
        """Return True if this piece continues a directory that the last piece began.

        Its names must strictly ascend across the cut, and it must have no sub-directories; then it is not contested.
        Without this, each row of a directory that is longer than a piece is laid over the others: 0.43 s of CPU time instead
        of 0.08 s for 200,000 rows in ten directories. Of a whole run for an image of Node.js it saves 1 %.
        """
        number = numbers[0]
        directory, count = self._paths[number], before.count(number)
        below = directory + b"/" if directory else b""
        return (
            number not in numbers[1:]
            and all(other == number for other in before[len(before) - count :])
            and all(map(lt, [self._last_path, *run], run))
            and not any(self._paths[other].startswith(below) for other in self._last_piece if other != number)
        )

    def _enter(self, numbers: Iterable[int]) -> set[bytes]:
        """Record a piece with rows in some directories; return the paths of these and of all directories above them."""
        self._pieces += 1
        piece, last_piece, entered = self._pieces, self._last_piece, list[int]()
        for number in numbers:
            while (last := last_piece.get(number)) != piece:
                if last is not None:
                    self._contested.add(number)
                last_piece[number] = piece
                entered.append(number)
                number = self._parents[number]  # noqa: PLW2901 - up to what is recorded
        return set(map(self._paths.__getitem__, entered))

    def _mark(self, directories: Iterable[bytes]) -> None:
        """Mark directories as contested."""
        self._contested.update(map(self._numbers.__getitem__, directories))


def markers(table: FileTable) -> Iterator[int]:
    """Rows that are whiteout markers or files of AUFS."""
    return (row for row, path in marked_rows(table) if is_whiteout(path) or is_aufs(path))


def odd_rows(table: FileTable, first: int, paths: list[bytes]) -> Iterator[int]:
    """Rows with a path that no filesystem can hold: above the root, too long, or that of the root."""
    for row, path in enumerate(paths, first):
        if path[:3] in (b"..", b"../") or len(path) > MAX_PATH or (not path and table.kinds[row] != DIRECTORY):
            yield row


def find_repeated(paths: Iterable[bytes]) -> Iterator[bytes]:
    """The paths that come again, each time they do."""
    seen: set[bytes] = set()
    for path in paths:
        if path in seen:
            yield path
        seen.add(path)


def parent_of(path: bytes) -> bytes:
    """The directory of a path."""
    return path.rpartition(b"/")[0]
