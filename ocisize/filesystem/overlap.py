"""The rows of an image's layers that can hide or be hidden: only these must be laid over each other.

Most paths are in one layer only, in directories that no other layer touches. A directory is contested if rows of two layers
are in it, if a row replaces or removes it or a directory above it, or if a hard link leads into it. Directories are compared
first, piece by piece, then the paths of the rows in contested directories. A row can hide or be hidden if

* its path occurs twice, at least once as something else than a directory,
* it is in or below a directory that a row replaces, or that a whiteout removes,
* a whiteout names its path,
* it is a hard link or the target of one.

All other rows stay visible. Time and memory are a fraction of what laying all rows over each other takes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import compress, repeat
from operator import or_

from ocisize.filesystem.directories import ImageRuns
from ocisize.filesystem.layer_overlap import (
    IS_DIRECTORY,
    IS_OTHER,
    LayerOverlap,
    find_repeated,
    markers,
    odd_rows,
    parent_of,
    scan_layer_paths,
)
from ocisize.filesystem.whiteout import OPAQUE_MARKER, whiteout_target
from ocisize.tar.filetable import DIRECTORY, HARD_LINK, SYMLINK, FileTable, IntArray
from ocisize.tar.paths import clean_name
from ocisize.values import frozen


@frozen
class RowSelection:
    """Some rows of a table with their paths."""

    rows: Sequence[int]  #: ascending
    paths: Sequence[bytes]  #: of ``rows``, in their order
    special: frozenset[int]  #: rows that are no entries of a filesystem: whiteout markers, paths that none can hold


def find_overlapping_rows(tables: Sequence[FileTable], runs: ImageRuns | None = None) -> list[RowSelection]:
    """Return the rows of each layer that can hide or be hidden; all others are visible.

    ``tables``: of the layers, base first. ``runs`` are those of the tables. If they are empty, they are filled while the
    paths are scanned, which avoids a second pass.

    >>> from ocisize import analyze
    >>> tables = [layer.files for layer in analyze("testdata/example.tar").layers]
    >>> [(len(table), len(chosen.rows)) for table, chosen in zip(tables, find_overlapping_rows(tables))]
    [(99, 0), (197, 2), (4, 2), (2, 2), (3, 2)]
    """
    scan = _OverlapScan(ImageRuns() if runs is None else runs)
    for table in tables:
        scan.add(table)
    return scan.overlapping_rows()


def select_all_rows(tables: Sequence[FileTable]) -> list[RowSelection]:
    """Return all rows of each layer: the selection where paths lead through symlinks, or a hard link has no target."""
    return [
        RowSelection(
            range(len(table)),
            table.paths,
            frozenset(
                [*markers(table), *(row for first, paths in table.paths.pieces() for row in odd_rows(table, first, paths))]
            ),
        )
        for table in tables
    ]


class _OverlapScan:
    """Scans the directories of all layers for contested ones."""

    def __init__(self, runs: ImageRuns) -> None:
        self._tables: list[FileTable] = []
        self._runs = runs
        self._paths, self._parents = runs.directories.paths, runs.directories.parents
        self._numbers = runs.directories.numbers
        self._special: list[frozenset[int]] = []
        self._last_layer = array("I")  # by directory: the last layer with rows in it or below it, counted from 1
        self._contested = bytearray()  # by directory
        self._removed = bytearray()  # by directory: whether a row replaces or removes it or a directory above it
        self._named: set[bytes] = set()  # paths that whiteouts name, and opaque directories
        self._linked: set[bytes] = set()  # paths of hard links, and of their targets

    def add(self, table: FileTable) -> None:
        """Scan the next layer: its paths, or what is kept of them."""
        self._tables.append(table)
        index, kept = len(self._tables) - 1, table.derived.get(LayerOverlap)
        if isinstance(kept, LayerOverlap) and (index < len(self._runs.tables) or self._runs.add_kept(table)):
            overlap = kept
        else:
            overlap = scan_layer_paths(table, self._runs, index)
        self._enter(self._runs.tables[index].directories)
        self._mark(overlap.contested)
        self._special.append(frozenset(overlap.special))
        for path in table.paths.select(overlap.special):
            directory, _, name = path.rpartition(b"/")
            self._named.add(directory if name == OPAQUE_MARKER else whiteout_target(path))
        links = sorted(row for row in table.links if table.kinds[row] == HARD_LINK)
        for row, path in zip(links, table.paths.select(links), strict=True):
            self._linked.update((path, clean_name(table.links[row])))

    def _enter(self, numbers: Iterable[int]) -> None:
        """Record a layer with rows in some directories; those that it shares with a layer before it are contested."""
        self._last_layer.extend(repeat(0, len(self._paths) - len(self._last_layer)))
        self._grow()
        layer, last_layer = len(self._tables), self._last_layer
        for number in numbers:
            while last_layer[number] != layer:
                if last_layer[number]:
                    self._contested[number] = True
                last_layer[number] = layer
                number = self._parents[number]  # noqa: PLW2901 - up to what is recorded

    def _grow(self) -> None:
        """Make room for directories that got a number meanwhile."""
        self._contested.extend(repeat(0, len(self._paths) - len(self._contested)))

    def _mark(self, directories: Iterable[bytes]) -> None:
        """Mark directories as contested."""
        chosen = list(map(self._numbers.__getitem__, directories))
        self._grow()
        for number in chosen:
            self._contested[number] = True

    def overlapping_rows(self) -> list[RowSelection]:
        """Return the rows of each layer that can hide or be hidden, and special rows."""
        linked = set(map(parent_of, self._linked))
        if not linked <= self._numbers.keys():
            return select_all_rows(self._tables)  # no such target, or it is reached through a symlink
        self._removed.extend(repeat(0, len(self._paths)))
        self._mark(linked)
        self._mark_below(self._named)
        candidates = list(map(self._select_contested, range(len(self._tables))))
        replaced = set[bytes]()
        for table, chosen in zip(self._tables, candidates, strict=True):
            is_directory = map(self._numbers.__contains__, chosen.paths)
            for row, path in compress(zip(chosen.rows, chosen.paths, strict=True), is_directory):
                if table.kinds[row] != DIRECTORY:
                    if table.kinds[row] in (SYMLINK, HARD_LINK):  # a hard link to a symlink is one
                        return select_all_rows(self._tables)
                    replaced.add(path)
        if self._mark_below(replaced):
            candidates = list(map(self._select_contested, range(len(self._tables))))
        overlapping = _find_overlapping_paths(self._tables, candidates) | self._named | self._linked | replaced
        return [self._select_rows(index, chosen, overlapping) for index, chosen in enumerate(candidates)]

    def _mark_below(self, roots: set[bytes]) -> bool:
        """Mark directories and all below them as contested and removed; return False if there are none."""
        known = roots & self._numbers.keys()
        if not known:
            return False
        below = bytearray(len(self._paths))
        for directory in known:
            below[self._numbers[directory]] = True
        for number in range(1, len(below)):  # parents come first
            if below[self._parents[number]]:
                below[number] = True
        for number in compress(range(len(below)), below):
            self._contested[number] = self._removed[number] = True
        return True

    def _select_contested(self, index: int) -> RowSelection:
        """All rows of a layer in contested directories, and special rows."""
        table, special = self._tables[index], self._special[index]
        chosen = self._rows_in(self._contested, index)
        rows = array("q", sorted(special.union(chosen))) if special else chosen
        return RowSelection(rows, list(table.paths.select(rows)), special)

    def _select_rows(self, index: int, candidates: RowSelection, overlapping: set[bytes]) -> RowSelection:
        """The candidates of a layer with overlapping paths or in removed directories, and special rows."""
        flags = bytes(map(overlapping.__contains__, candidates.paths))
        if others := candidates.special.union(self._rows_in(self._removed, index)):
            flags = bytes(map(or_, flags, map(others.__contains__, candidates.rows)))
        rows = array("q", compress(candidates.rows, flags))
        return RowSelection(rows, list(compress(candidates.paths, flags)), candidates.special)

    def _rows_in(self, directories: bytearray, index: int) -> IntArray:
        """The rows of a layer in directories with a flag ("q")."""
        rows, runs = array("q"), self._runs.tables[index]
        flags = map(directories.__getitem__, runs.directories)
        for start, end, _ in compress(runs.spans(len(self._tables[index])), flags):
            rows.extend(range(start, end))
        return rows


def _find_overlapping_paths(tables: Sequence[FileTable], candidates: Sequence[RowSelection]) -> set[bytes]:
    """The paths that two rows have, unless all their rows are directories."""
    overlapping, others, directories = set[bytes](), set[bytes](), set[bytes]()
    for table, chosen in zip(tables, candidates, strict=True):
        kinds = bytes(map(table.kinds.__getitem__, chosen.rows))
        directories.update(compress(chosen.paths, kinds.translate(IS_DIRECTORY)))
        paths = list(compress(chosen.paths, kinds.translate(IS_OTHER)))
        distinct = set(paths)
        if len(distinct) != len(paths):
            overlapping.update(find_repeated(paths))
        overlapping |= distinct & others
        others |= distinct
    return overlapping | (others & directories)
