"""The directories in which an image grew: a short list that adds up to the whole growth.

The growth of a directory is a net figure: a new version of a file in place of an old one counts with the difference. The
weight of a directory is the sum of the absolute growths of all directories in it and below it, so that a renamed
directory has a weight although its growth is 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, islice, repeat
from operator import sub
from typing import TypeAlias

from ocisize.filesystem.directories import MAX_DEPTH, DirectoryIndex, split_runs
from ocisize.model.comparison import DirectoryChange
from ocisize.model.file_changes import FileChangeKind, FileChanges, FileChangeSpan, FileColumns, column_of
from ocisize.sizes.directories import divide
from ocisize.tar.filetable import IntArray
from ocisize.text import decode_name

_MIN_MAIN_SHARE = 0.5  # of a layer's change, for a directory to be named as its main one
_OF_BEFORE = {
    FileChangeKind.CHANGED,
    FileChangeKind.NOT_COMPARED,
    FileChangeKind.REMOVED,
    FileChangeKind.STORED_ONCE,
}  # kinds of files that BEFORE has at the same path

_LayerPair: TypeAlias = "tuple[int | None, int | None]"  # a layer of BEFORE whose files AFTER lacks, or one of AFTER
_Runs: TypeAlias = "tuple[list[int], Sequence[int]]"  # first row of each run, and the row count; directory of each run


class DirectoryGrowth:
    """The changes of files, added up by directory.

    Files of one directory mostly follow each other; each such run is added up at once.
    """

    def __init__(self, changes: FileChanges) -> None:
        self._changes = changes
        self._directories = DirectoryIndex(MAX_DEPTH)
        self._growth, self._compressed, self._files = [0], [0], [0]  # by directory, of what is directly in it
        self._growth_by_layer: dict[_LayerPair, dict[int, int]] = {}  # by layer, then by directory
        for span in changes.spans():
            self._add(span)

    def _add(self, span: FileChangeSpan) -> None:
        """Add changes of one kind and layer to the directories they are in."""
        before, after = self._changes.before, self._changes.after
        old, new = self._changes.before_rows[span.rows], self._changes.after_rows[span.rows]
        growth = self._growth_by_layer.setdefault((span.before, span.after), {})
        runs = self._runs(column_of(after.paths, new) if span.after is not None else column_of(before.paths, old))
        if span.after is not None:
            self._add_side(after, new, runs, 1, growth)
        if span.kind is FileChangeKind.MOVED:
            self._add_side(before, old, self._runs(column_of(before.paths, old)), -1, growth)
        elif span.kind in _OF_BEFORE:
            self._add_side(before, old, runs, -1, growth)
        bounds, numbers = runs
        for number, start, end in zip(numbers, bounds, islice(bounds, 1, None), strict=False):
            self._files[number] += end - start

    def _runs(self, paths: Sequence[bytes]) -> _Runs:
        starts, numbers = split_runs(paths, self._directories)
        added = len(self._directories) - len(self._growth)
        for column in (self._growth, self._compressed, self._files):
            column.extend(repeat(0, added))
        return [*starts, len(paths)], numbers

    def _add_side(self, stored: FileColumns, rows: IntArray, runs: _Runs, sign: int, growth: dict[int, int]) -> None:
        bounds, numbers = runs
        for number, size in zip(numbers, _sums(stored.sizes, rows, bounds), strict=True):
            self._growth[number] += sign * size
            growth[number] = growth.get(number, 0) + sign * size
        if stored.compressed_sizes is not None:
            for number, size in zip(numbers, _sums(stored.compressed_sizes, rows, bounds), strict=True):
                self._compressed[number] += sign * size

    def find(self, count: int) -> list[DirectoryChange]:
        """Return the ``count`` directories with the largest weights, the largest growth first; no two overlap."""
        before, after = self._changes.before, self._changes.after
        known = before.compressed_sizes is not None and after.compressed_sizes is not None
        directories, own = self._directories, (self._growth, self._compressed, self._files)
        whole = [directories.subtree_sums(column) for column in own]
        own_weights = list(map(abs, self._growth))
        changes = []
        for number, undivided in divide(directories, directories.subtree_sums(own_weights), own_weights, count):
            growth, compressed, files = (column[number] for column in (whole if undivided else own))
            path = directories.paths[number]
            name = "/" + decode_name(path + b"/" if number else b"") + ("" if undivided else "*")
            changes.append(_change(name, growth, compressed if known else None, files))
        return sorted(changes, key=lambda change: (-abs(change.growth), change.name or ""))

    def main_directory(self, before: int | None, after: int | None) -> str:
        """Return the deepest directory with more than half of the change of a layer, as ``/usr/lib/``.

        ``before`` and ``after`` are the indexes of the layer in both images. The change is the absolute growth by
        directory of the files of AFTER, and of those that only BEFORE has.
        """
        parents, weights = self._directories.parents, dict[int, int]()
        for layer in ((None, after), (before, None)):
            for number, growth in self._growth_by_layer.get(layer, {}).items():
                weights[number] = weights.get(number, 0) + growth
        weights = {number: abs(growth) for number, growth in weights.items()}
        total = sum(weights.values())
        for start in list(weights):  # all directories above them
            number = parents[start]
            while number not in weights:
                weights[number] = 0
                number = parents[number]
        deepest_first = sorted(weights, reverse=True)
        for number in deepest_first[:-1]:
            weights[parents[number]] += weights[number]
        main = next((number for number in deepest_first if weights[number] > _MIN_MAIN_SHARE * total), 0)
        return "/" + decode_name(self._directories.paths[main] + b"/" if main else b"")


def _sums(values: Sequence[int], rows: IntArray, bounds: Sequence[int]) -> Iterator[int]:
    """Values of rows added up by run."""
    sums = column_of(list(accumulate(column_of(values, rows), initial=0)), bounds)
    return map(sub, islice(sums, 1, None), sums)


def _change(name: str | None, growth: int, compressed: int | None, files: int) -> DirectoryChange:
    return DirectoryChange(name=name, growth=growth, compressed_growth=compressed, file_count=files)


def with_rest(changes: Sequence[DirectoryChange], growth: int, compressed: int | None, files: int) -> list[DirectoryChange]:
    """Return directories, followed by one without a name: what they leave of the image's growth, if anything.

    ``growth`` and ``compressed`` are bytes of the whole image, ``files`` is the number of all files that changed.
    """
    compressed_growths = [change.compressed_growth for change in changes]
    known = compressed is not None and None not in compressed_growths
    rest = _change(
        None,
        growth - sum(change.growth for change in changes),
        (compressed or 0) - sum(size or 0 for size in compressed_growths) if known else None,
        files - sum(change.file_count for change in changes),
    )
    return [*changes, rest] if rest.growth or rest.compressed_growth or rest.file_count else list(changes)
