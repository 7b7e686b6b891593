"""Directories: the figures of every directory of an image, all layers together, and the ones that say most.

Directories are numbered as they are met, those above before those below, so that one pass from the back adds each to
the one above it. Below MAX_DEPTH rows count for the directory at that depth: a path can have thousands of components.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from ocisize.analysis.model import Group, LayerAnalysis
from ocisize.analysis.sums import Sums, add_up, group_rest
from ocisize.files import decode_name

MAX_DEPTH = 64
_NEARLY_ALL = 0.8  # of a directory
_LARGE = 0.1  # of an image
_FEW = 3  # children


class Directories:
    """Directories by number, 0 is the root; columns beside each other."""

    def __init__(self) -> None:
        self.paths: list[bytes] = [b""]
        self.parents: list[int] = [0]
        self.depths: list[int] = [0]
        self.numbers: Mapping[bytes, int] = _Numbers(self)  #: given when first asked for

    def add(self, path: bytes, parent: int) -> int:
        """Give a directory its number."""
        self.paths.append(path)
        self.parents.append(parent)
        self.depths.append(self.depths[parent] + 1)
        return len(self.paths) - 1

    def children(self) -> list[list[int]]:
        """By number, the directories directly in each."""
        found: list[list[int]] = [[] for _ in self.paths]
        for number, parent in enumerate(self.parents[1:], 1):
            found[parent].append(number)
        return found

    def add_up(self, layers: Sequence[LayerAnalysis]) -> Sums:
        """The figures of what is directly in each directory; raises ValueError for layers without file tables."""
        numbers = self.numbers
        return add_up(layers, lambda _, paths: [numbers[path.rpartition(b"/")[0]] for path in paths], self.paths)

    def with_all_below(self, own: Sums) -> Sums:
        """The figures of everything below each directory, from those of what is directly in it."""
        own.grow(len(self.paths))
        whole = own.copy()
        for column in whole.columns:
            for number in range(len(self.paths) - 1, 0, -1):
                column[self.parents[number]] += column[number]
        return whole


class _Numbers(dict[bytes, int]):
    """Directory → its number; a new one comes behind those above it."""

    def __init__(self, directories: Directories) -> None:
        super().__init__({b"": 0})
        self._directories = directories

    def __missing__(self, directory: bytes) -> int:
        deep = directory.count(b"/") >= MAX_DEPTH
        at = b"/".join(directory.split(b"/", MAX_DEPTH)[:MAX_DEPTH]) if deep else directory
        missing = []
        while at not in self:
            missing.append(at)
            at = at.rpartition(b"/")[0]
        number = self[at]
        for path in reversed(missing):
            number = self[path] = self._directories.add(path, number)
        self[directory] = number
        return number


def main_directories(directories: Directories, own: Sums, most: int) -> tuple[Group, ...]:
    """Directories that say where the bytes are, largest first, and together what they leave; no two overlap.

    The root is divided into its children, and so is a directory of which one of them holds nearly all, or a few of them
    do and it is a large part of the image: ``/usr`` says little, ``node_modules`` says more than any package in it.
    ``own`` are the figures of what is directly in each; names are those of ``Groups.directories``.
    """
    whole, children = directories.with_all_below(own), directories.children()
    heap = [(-whole.content[0], b"", 0, True)]
    found: list[Group] = []
    while heap and len(found) < most:
        size, path, number, undivided = heapq.heappop(heap)
        below = [child for child in children[number] if whole.content[child]]
        if (
            undivided
            and below
            and (not number or _is_vague(-size, whole.content[0], [whole.content[child] for child in below]))
        ):
            for child in below:
                heapq.heappush(heap, (-whole.content[child], directories.paths[child], child, True))
            heapq.heappush(heap, (-own.content[number], path, number, False))
        elif size:
            name = "/" + decode_name(path + b"/" if path else b"")
            found.append((whole if undivided else own).group(number, name if undivided else name + "*"))
    return (*found, group_rest(whole.group(0, None), found))


def _is_vague(size: int, image_size: int, children: Sequence[int]) -> bool:
    """Whether a directory's children say more than it does."""
    several = _FEW if size >= _LARGE * image_size else 1
    return sum(heapq.nlargest(several, children)) >= _NEARLY_ALL * size
