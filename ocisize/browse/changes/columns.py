"""The stored files that differ between two images, by directory, with the sums of both sides."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING

from ocisize.browse.image_index import group_by
from ocisize.filesystem.directories import DirectoryIndex, find_runs, split_runs
from ocisize.model.file_changes import KINDS, FileChangeKind, column_of
from ocisize.sizes.rows import add_figures
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ocisize.model.analysis import Analysis
    from ocisize.model.comparison import Comparison
    from ocisize.model.file_changes import FileChanges, FileColumns

_MAX_KEPT = 8  # filters whose sums are kept: one for each kind of change, and none


class Side(NamedTuple):
    """Sizes of one image, by entry or by directory."""

    content: Sequence[int]  #: bytes of content
    compressed: Sequence[int]  #: bytes of download; 0 if they are unknown


class ChangeSums(NamedTuple):
    """The sums of each directory with everything below it, by number, of the entries of one kind or of all."""

    before: Side
    after: Side
    files: Sequence[int]  #: number of entries
    kinds: Mapping[FileChangeKind, Sequence[int]]  #: number of entries of each kind that there is


class ChangeColumns:
    """The files that differ as entries in columns, grouped by directory.

    A file that moved is two entries: the first is where AFTER has the file, the second where BEFORE has it. So the growth of
    a directory is that of the report. Any other file is one entry.
    """

    def __init__(self, comparison: Comparison, changes: FileChanges) -> None:
        """Group the files of a comparison; takes a second for 300,000 of them."""
        self.comparison, self.changes = comparison, changes
        old, new = changes.before, changes.after
        code = KINDS.index(FileChangeKind.MOVED)
        self._moved = range(bisect_left(changes.kinds, code), bisect_right(changes.kinds, code))
        #: by entry, the position in the columns of the changes
        self.positions: Sequence[int] = array("I", [*range(len(changes)), *self._moved])
        pairs = zip(changes.before_rows, changes.after_rows, strict=True)
        self.paths: Sequence[bytes] = [
            *(new.paths[after] if after >= 0 else old.paths[before] for before, after in pairs),
            *column_of(old.paths, changes.before_rows[self._moved.start : self._moved.stop]),
        ]
        self.directories = DirectoryIndex()
        starts, runs = split_runs(self.paths, self.directories)
        self.numbers = array("I")
        for start, end, number in zip(starts, [*starts[1:], len(self.paths)], runs, strict=False):
            self.numbers.extend(repeat(number, end - start))
        self._bounds, self._order = group_by(self.numbers, len(self.directories))
        self._child_bounds, self._child_order = group_by(self.directories.parents[1:], len(self.directories))
        before_rows = [*changes.before_rows, *column_of(changes.before_rows, self._moved)]
        for entry in self._moved:
            before_rows[entry] = -1
        self.before = _side(old, before_rows)
        self.after = _side(new, [*changes.after_rows, *repeat(-1, len(self._moved))])
        self.download_known = old.compressed_sizes is not None and new.compressed_sizes is not None
        self.kinds: Sequence[FileChangeKind] = [kind for code, kind in enumerate(KINDS) if code in changes.kinds]
        self.in_before: Collection[bytes] | None = _find_directories(comparison.before)
        self.in_after: Collection[bytes] | None = _find_directories(comparison.after)
        #: the sums of entries of one kind, or of all (None)
        self.sums: Callable[[FileChangeKind | None], ChangeSums] = lru_cache(_MAX_KEPT)(self._sum)

    def kind(self, entry: int) -> FileChangeKind:
        """How the file of an entry differs."""
        return KINDS[self.changes.kinds[self.positions[entry]]]

    def is_origin(self, entry: int) -> bool:
        """Whether an entry is the place that a file left when it moved."""
        return entry >= len(self.changes)

    def entries_in(self, directory: int) -> Sequence[int]:
        """The entries that are directly in a directory."""
        return self._order[self._bounds[directory] : self._bounds[directory + 1]]

    def children(self, directory: int) -> list[int]:
        """The directories that are directly in a directory."""
        bounds = self._child_bounds
        return [child + 1 for child in self._child_order[bounds[directory] : bounds[directory + 1]]]

    def _entries_of(self, kind: FileChangeKind | None) -> list[slice]:
        """The entries of one kind: changes are sorted by kind, and the places that moved files left are last."""
        if kind is None:
            return [slice(0, len(self.paths))]
        code = KINDS.index(kind)
        own = slice(bisect_left(self.changes.kinds, code), bisect_right(self.changes.kinds, code))
        return [own, slice(len(self.changes), len(self.paths))] if kind is FileChangeKind.MOVED else [own]

    def _sum(self, kind: FileChangeKind | None) -> ChangeSums:
        sums, parts = self.directories.subtree_sums, self._entries_of(kind)

        def add(column: Sequence[int] | None) -> list[int]:
            own = [0] * len(self.directories)
            for part in parts:
                numbers = self.numbers[part]
                add_figures(own, numbers, repeat(1, len(numbers)) if column is None else column[part])
            return sums(own)

        before, after = (Side(*map(add, side)) for side in (self.before, self.after))
        files = add(None)
        if kind is not None:
            return ChangeSums(before, after, files, {kind: files})
        return ChangeSums(before, after, files, {other: self.sums(other).files for other in self.kinds})


def _side(stored: FileColumns, rows: Sequence[int]) -> Side:
    """The sizes of rows; row -1, which is none, has size 0."""
    content = column_of([*stored.sizes, 0], rows)
    return Side(content, column_of([*(stored.compressed_sizes or [0] * len(stored.sizes)), 0], rows))


def _find_directories(analysis: Analysis) -> Collection[bytes] | None:
    """The directories in which an image stores anything; None if it was saved without a part of its files."""
    tables = [layer.files for layer in analysis.layers if layer.files is not None]
    return find_runs(tables).directories.numbers if len(tables) == len(analysis.layers) else None
