"""Growth: the directories that say where an image grew, in few lines that add up to the whole.

What grew directly in a directory is a net figure: a new version in place of an old one is their difference. A directory
weighs the sum of all net figures in it and below, each taken as a positive number, so that a folder that was renamed is
seen though it comes to nothing. The root is divided, and directories as long as a few of those in them hold nearly all
that they weigh.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from ocisize.analysis.comparison import DirectoryChange, FileChanges, Stored
from ocisize.analysis.runs import MAX_DEPTH, Directories
from ocisize.files import IntArray, decode_name

_NEARLY_ALL = 0.8  # of a directory
_LARGE = 0.1  # of all that changed
_FEW = 3  # directories in one
_MOST = 0.5


class Growth:
    """What changes in files made of the directories."""

    def __init__(self, changes: FileChanges) -> None:
        self._changes = changes
        self._directories = Directories(MAX_DEPTH)
        self._old = self._directories_of(changes.before, changes.before_rows)
        self._new = self._directories_of(changes.after, changes.after_rows)

    def _directories_of(self, stored: Stored, rows: IntArray) -> list[int]:
        """By change, the number of the directory; that of the root where a side has no file."""
        numbers, paths = self._directories.numbers, stored.paths
        return [numbers[paths[row].rpartition(b"/")[0]] if row >= 0 else 0 for row in rows]

    def find(self, most: int) -> list[DirectoryChange]:
        """The ``most`` directories that weigh most, the largest growth first; no two overlap."""
        changes, paths = self._changes, self._directories.paths
        old, new = changes.before, changes.after
        growth = self._sum(old.sizes, new.sizes)
        known = old.compressed_sizes is not None and new.compressed_sizes is not None
        compressed = self._sum(old.compressed_sizes or (), new.compressed_sizes or ()) if known else [0] * len(paths)
        files = [0] * len(paths)
        for first, second, row in zip(self._old, self._new, changes.after_rows, strict=True):
            files[second if row >= 0 else first] += 1
        own = growth, compressed, files
        whole = [self._with_all_below(column) for column in own]
        found = []
        for number, undivided in self._divide(self._with_all_below(list(map(abs, growth))), growth, most):
            figures = [column[number] for column in (whole if undivided else own)]
            name = "/" + decode_name(paths[number] + b"/" if number else b"") + ("" if undivided else "*")
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

    def main_directory(self, rows: Iterable[int]) -> str:
        """The smallest directory in which most of what some changes made is."""
        changes, directories = self._changes, self._directories
        net: dict[int, int] = {}
        for row in rows:
            old, new = changes.before_rows[row], changes.after_rows[row]
            if old >= 0:
                net[self._old[row]] = net.get(self._old[row], 0) - changes.before.sizes[old]
            if new >= 0:
                net[self._new[row]] = net.get(self._new[row], 0) + changes.after.sizes[new]
        weights: dict[int, int] = {}
        for start, growth in net.items():
            number = start
            while number:
                weights[number] = weights.get(number, 0) + abs(growth)
                number = directories.parents[number]
        total = sum(map(abs, net.values()))
        most = max((number for number, weight in weights.items() if weight > _MOST * total), default=0)
        return "/" + decode_name(directories.paths[most] + b"/" if most else b"")

    def _sum(self, old: Sequence[int], new: Sequence[int]) -> list[int]:
        """A figure of what changed directly in each directory."""
        found = [0] * len(self._directories.paths)
        changes = self._changes
        for number, row in zip(self._old, changes.before_rows, strict=True):
            if row >= 0:
                found[number] -= old[row]
        for number, row in zip(self._new, changes.after_rows, strict=True):
            if row >= 0:
                found[number] += new[row]
        return found

    def _with_all_below(self, own: Sequence[int]) -> list[int]:
        """A figure of everything below each directory, from that of what is directly in it."""
        whole = list(own)
        for number in range(len(whole) - 1, 0, -1):
            whole[self._directories.parents[number]] += whole[number]
        return whole


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
