"""find_growth: the directories that say where an image grew, in few lines that add up to the whole.

What grew directly in a directory is a net figure: a new version in place of an old one is their difference. A directory
weighs the sum of all net figures in it and below, each taken as a positive number, so that a folder that was renamed is
seen though it comes to nothing. Beginning at the root, directories are divided as long as a few of those in them hold
nearly all that they weigh.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from ocisize.analysis.comparison import DirectoryChange, FileChanges
from ocisize.files import decode_name

_MAX_DEPTH = 64  # files further down count for the directory there: a path can have thousands of components
_NEARLY_ALL = 0.8  # of a directory
_LARGE = 0.1  # of all that changed
_FEW = 3  # directories in one
_MOST = 0.5


class _Directories:
    """Directories by number, the root 0 and each behind the one above it, with what grew directly in them."""

    def __init__(self) -> None:
        self.numbers = {b"": 0}
        self.paths = [b""]
        self.parents = [0]
        self.growth, self.compressed, self.files = [0], [0], [0]

    def number(self, directory: bytes) -> int:
        """The number of a directory, a new one if need be."""
        found = self.numbers.get(directory)
        if found is not None:
            return found
        parts = directory.split(b"/")[:_MAX_DEPTH]
        number, path = 0, b""
        for part in parts:
            path = path + b"/" + part if path else part
            if path not in self.numbers:
                self.numbers[path] = len(self.paths)
                self.paths.append(path)
                self.parents.append(number)
                for column in (self.growth, self.compressed, self.files):
                    column.append(0)
            number = self.numbers[path]
        self.numbers[directory] = number
        return number

    def add(self, path: bytes, growth: int, compressed: int, files: int) -> None:
        """Count a file for its directory."""
        number = self.number(path.rpartition(b"/")[0])
        self.growth[number] += growth
        self.compressed[number] += compressed
        self.files[number] += files

    def with_all_below(self, own: Sequence[int]) -> list[int]:
        """A figure of everything below each directory, from that of what is directly in it."""
        whole = list(own)
        for number in range(len(whole) - 1, 0, -1):
            whole[self.parents[number]] += whole[number]
        return whole


def find_growth(changes: FileChanges, rows: Iterable[int], most: int) -> list[DirectoryChange]:
    """The ``most`` directories in which the changes ``rows`` made the largest difference; no two overlap."""
    directories = _add_up(changes, rows)
    weights = directories.with_all_below([abs(growth) for growth in directories.growth])
    own = directories.growth, directories.compressed, directories.files
    whole = [directories.with_all_below(column) for column in own]
    children: list[list[int]] = [[] for _ in weights]
    for number, parent in enumerate(directories.parents[1:], 1):
        if weights[number]:
            children[parent].append(number)
    known = changes.before.compressed_sizes is not None and changes.after.compressed_sizes is not None
    heap = [(-weights[0], b"", 0, True)]
    found: list[DirectoryChange] = []
    while heap and len(found) < most:
        weight, path, number, undivided = heapq.heappop(heap)
        if undivided and _is_vague(-weight, weights[0], [weights[child] for child in children[number]]):
            for child in children[number]:
                heapq.heappush(heap, (-weights[child], directories.paths[child], child, True))
            heapq.heappush(heap, (-abs(directories.growth[number]), path, number, False))
        elif weight:
            growth, compressed, files = (column[number] for column in (whole if undivided else own))
            name = "/" + decode_name(path + b"/" if path else b"") + ("" if undivided else "*")
            found.append(_change(name, growth, compressed if known else None, files))
    return sorted(found, key=lambda each: (-abs(each.growth), each.name or ""))


def main_directory(changes: FileChanges, rows: Iterable[int]) -> str:
    """The smallest directory in which most of what the changes ``rows`` made is."""
    directories = _add_up(changes, rows)
    weights = directories.with_all_below([abs(growth) for growth in directories.growth])
    most = max((number for number, weight in enumerate(weights) if weight > _MOST * weights[0]), default=0)
    return "/" + decode_name(directories.paths[most] + b"/" if most else b"")


def _add_up(changes: FileChanges, rows: Iterable[int]) -> _Directories:
    directories = _Directories()
    old, new = changes.before, changes.after
    wire_before, wire_after = old.compressed_sizes or [0] * len(old.paths), new.compressed_sizes or [0] * len(new.paths)
    for row in rows:
        first, second = changes.before_rows[row], changes.after_rows[row]
        if first >= 0:
            directories.add(old.paths[first], -old.sizes[first], -wire_before[first], second < 0)
        if second >= 0:
            directories.add(new.paths[second], new.sizes[second], wire_after[second], 1)
    return directories


def _is_vague(weight: int, total: int, children: Sequence[int]) -> bool:
    """Whether what is in a directory says more than it does."""
    several = _FEW if weight >= _LARGE * total else 1
    return bool(children) and sum(heapq.nlargest(several, children)) >= _NEARLY_ALL * weight


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
