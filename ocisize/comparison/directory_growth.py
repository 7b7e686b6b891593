"""Growth: the directories that say where an image grew, in few lines that add up to the whole.

What grew directly in a directory is a net figure: a new version in place of an old one is their difference. A directory
weighs the sum of all net figures in it and below, each taken as a positive number, so that a folder that was renamed is
seen though it comes to nothing. The root is divided, and directories as long as a few of those in them hold nearly all
that they weigh.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice, repeat
from operator import sub
from typing import TypeAlias

from ocisize.filesystem.directories import MAX_DEPTH, DirectoryIndex
from ocisize.model.comparison import DirectoryChange
from ocisize.model.file_changes import FileChangeKind, FileChanges, FileChangeSpan, FileColumns, column_of
from ocisize.tar.filetable import IntArray
from ocisize.text import decode_name

_NEARLY_ALL = 0.8  # of a directory
_LARGE = 0.1  # of all that changed
_FEW = 3  # directories in one
_MOST = 0.5
_OF_BEFORE = {
    FileChangeKind.CHANGED,
    FileChangeKind.NOT_COMPARED,
    FileChangeKind.REMOVED,
    FileChangeKind.STORED_ONCE,
}  # BEFORE has the path

_Layer: TypeAlias = tuple[int | None, int | None]  #: of BEFORE what AFTER does not have, or of AFTER
_Runs: TypeAlias = tuple[list[int], list[int]]  #: where runs begin, and the last one ends; their directories


class DirectoryGrowth:
    """What changes in files made of the directories.

    Files of a directory mostly stand one behind the other; they are added up as a run.
    """

    def __init__(self, changes: FileChanges) -> None:
        self._changes = changes
        self._directories = DirectoryIndex(MAX_DEPTH)
        self._growth, self._compressed, self._files = [0], [0], [0]  # of what is directly in each directory
        self._net: dict[_Layer, dict[int, int]] = {}  # by the layer that changes belong to, then by directory
        for span in changes.spans():
            self._add(span)

    def _add(self, span: FileChangeSpan) -> None:
        """Add changes of one kind and layer to the directories they are in."""
        before, after = self._changes.before, self._changes.after
        old, new = self._changes.before_rows[span.rows], self._changes.after_rows[span.rows]
        net = self._net.setdefault((span.before, span.after), {})
        runs = self._runs(column_of(after.paths, new) if span.after is not None else column_of(before.paths, old))
        if span.after is not None:
            self._add_side(after, new, runs, 1, net)
        if span.kind is FileChangeKind.MOVED:
            self._add_side(before, old, self._runs(column_of(before.paths, old)), -1, net)
        elif span.kind in _OF_BEFORE:
            self._add_side(before, old, runs, -1, net)
        bounds, numbers = runs
        for number, start, end in zip(numbers, bounds, islice(bounds, 1, None), strict=False):
            self._files[number] += end - start

    def _runs(self, paths: Sequence[bytes]) -> _Runs:
        """Where the directory changes, with the length at the end; and its number in between."""
        last, bounds, found = None, list[int](), list[int]()
        numbers = self._directories.numbers
        for row, path in enumerate(paths):
            directory = path.rpartition(b"/")[0]
            if directory != last:
                last = directory
                bounds.append(row)
                found.append(numbers[directory])
        missing = len(self._directories) - len(self._growth)
        for column in (self._growth, self._compressed, self._files):
            column.extend(repeat(0, missing))
        return [*bounds, len(paths)], found

    def _add_side(self, stored: FileColumns, rows: IntArray, runs: _Runs, sign: int, net: dict[int, int]) -> None:
        bounds, numbers = runs
        for number, size in zip(numbers, _sums(stored.sizes, rows, bounds), strict=True):
            self._growth[number] += sign * size
            net[number] = net.get(number, 0) + sign * size
        if stored.compressed_sizes is not None:
            for number, size in zip(numbers, _sums(stored.compressed_sizes, rows, bounds), strict=True):
                self._compressed[number] += sign * size

    def find(self, most: int) -> list[DirectoryChange]:
        """The ``most`` directories that weigh most, the largest growth first; no two overlap."""
        before, after = self._changes.before, self._changes.after
        known = before.compressed_sizes is not None and after.compressed_sizes is not None
        own = self._growth, self._compressed, self._files
        whole = [self._with_all_below(column) for column in own]
        found = []
        for number, undivided in self._divide(self._with_all_below(list(map(abs, self._growth))), self._growth, most):
            figures = [column[number] for column in (whole if undivided else own)]
            path = self._directories.paths[number]
            name = "/" + decode_name(path + b"/" if number else b"") + ("" if undivided else "*")
            found.append(_change(name, figures[0], figures[1] if known else None, figures[2]))
        return sorted(found, key=lambda each: (-abs(each.growth), each.name or ""))

    def _divide(self, weights: Sequence[int], own: Sequence[int], most: int) -> list[tuple[int, bool]]:
        """Directories with all below, or (False) just what is directly in them; those that weigh most."""
        children = [[child for child in below if weights[child]] for below in self._directories.children()]
        heap = [(-weights[0], b"", 0, True)]
        found: list[tuple[int, bool]] = []
        while heap and len(found) < most:
            weight, path, number, undivided = heapq.heappop(heap)
            below = [weights[child] for child in children[number]]
            if undivided and below and (not number or _is_vague(-weight, weights[0], below)):
                for child in children[number]:
                    heapq.heappush(heap, (-weights[child], self._directories.paths[child], child, True))
                heapq.heappush(heap, (-abs(own[number]), path, number, False))
            elif weight:
                found.append((number, undivided))
        return found

    def main_directory(self, before: int | None, after: int | None) -> str:
        """The smallest directory in which most of what a layer changed is: one of AFTER, and of BEFORE what it lost."""
        parents, weights = self._directories.parents, dict[int, int]()
        for layer in ((None, after), (before, None)):
            for number, growth in self._net.get(layer, {}).items():
                weights[number] = weights.get(number, 0) + growth
        weights = {number: abs(growth) for number, growth in weights.items()}
        total = sum(weights.values())
        for start in list(weights):  # all above them
            number = parents[start]
            while number not in weights:
                weights[number] = 0
                number = parents[number]
        ordered = sorted(weights, reverse=True)
        for number in ordered[:-1]:
            weights[parents[number]] += weights[number]
        most = next((number for number in ordered if weights[number] > _MOST * total), 0)
        return "/" + decode_name(self._directories.paths[most] + b"/" if most else b"")

    def _with_all_below(self, own: Sequence[int]) -> list[int]:
        """A figure of everything below each directory, from that of what is directly in it."""
        whole = list(own)
        for number in range(len(whole) - 1, 0, -1):
            whole[self._directories.parents[number]] += whole[number]
        return whole


def _sums(values: Sequence[int], rows: IntArray, bounds: Sequence[int]) -> Iterator[int]:
    """Values of rows added up by run."""
    sums = column_of(list(accumulate(column_of(values, rows), initial=0)), bounds)
    return map(sub, islice(sums, 1, None), sums)


def _is_vague(weight: int, total: int, children: Sequence[int]) -> bool:
    """Whether what is in a directory says more than it does."""
    several = _FEW if weight >= _LARGE * total else 1
    return sum(heapq.nlargest(several, children)) >= _NEARLY_ALL * weight


def _change(name: str | None, growth: int, compressed: int | None, files: int) -> DirectoryChange:
    return DirectoryChange(name=name, growth=growth, compressed_growth=compressed, file_count=files)


def with_rest(found: Sequence[DirectoryChange], growth: int, compressed: int | None, files: int) -> list[DirectoryChange]:
    """Directories followed by what they leave of an image's growth, where they leave anything."""
    shown = [each.compressed_growth for each in found]
    known = compressed is not None and None not in shown
    rest = _change(
        None,
        growth - sum(each.growth for each in found),
        (compressed or 0) - sum(size or 0 for size in shown) if known else None,
        files - sum(each.file_count for each in found),
    )
    return [*found, rest] if rest.growth or rest.compressed_growth or rest.file_count else list(found)
