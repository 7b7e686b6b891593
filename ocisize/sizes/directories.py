"""Directories: the figures of every directory of an image, all layers together, and the ones that say most.

Below MAX_DEPTH rows count for the directory at that depth.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from ocisize.filesystem.directories import MAX_DEPTH, DirectoryIndex, ImageRuns
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.sizes import Group
from ocisize.sizes.rows import GroupTotals, add_runs, empty_sums, iter_pieces, remainder
from ocisize.text import decode_name

_NEARLY_ALL = 0.8  # of a directory
_LARGE = 0.1  # of an image
_FEW = 3  # children


def subtree_totals(directories: DirectoryIndex, own: GroupTotals) -> GroupTotals:
    """The figures of everything below each directory, from those of what is directly in it.

    What is deeper than MAX_DEPTH is moved up in ``own``.
    """
    _move_up(directories, own)
    whole = GroupTotals(own.compressed_size_known, *[column[:] for column in own.columns])
    for column in whole.columns:
        if any(column):
            for number in range(len(directories) - 1, 0, -1):
                column[directories.parents[number]] += column[number]
    return whole


def directory_sums(layers: Sequence[LayerAnalysis], runs: ImageRuns) -> GroupTotals:
    """The figures of what is directly in each directory; raises ValueError for layers without file tables."""
    sums = empty_sums(layers, len(runs.directories))
    for rows in iter_pieces(layers, runs):
        add_runs(sums, rows)
    return sums


def _move_up(directories: DirectoryIndex, own: GroupTotals) -> None:
    deep = [number for number, depth in enumerate(directories.depths()) if depth > MAX_DEPTH]
    for column in own.columns:
        for number in reversed(deep):
            column[directories.parents[number]] += column[number]
            column[number] = 0


def main_directories(directories: DirectoryIndex, own: GroupTotals, most: int) -> tuple[Group, ...]:
    """Directories that say where the bytes are, largest first, and together what they leave; no two overlap.

    The root is divided into its children, and so is a directory of which one of them holds nearly all, or a few of them
    do and it is a large part of the image: ``/usr`` says little, ``node_modules`` says more than any package in it.
    ``own`` are the figures of what is directly in each; names are those of ``Groups.directories``.
    """
    whole, children = subtree_totals(directories, own), directories.children()
    heap = [(-whole.content[0], b"", 0, True)]
    found: list[Group] = []
    while heap and len(found) < most:
        size, path, number, undivided = heapq.heappop(heap)
        below = [child for child in children[number] if whole.content[child]]
        if (
            undivided
            and below
            and (not number or children_dominate(-size, whole.content[0], [whole.content[child] for child in below]))
        ):
            for child in below:
                heapq.heappush(heap, (-whole.content[child], directories.paths[child], child, True))
            heapq.heappush(heap, (-own.content[number], path, number, False))
        elif size:
            name = "/" + decode_name(path + b"/" if path else b"")
            found.append((whole if undivided else own).group(number, name if undivided else name + "*"))
    return (*found, remainder(whole.group(0, None), found))


def children_dominate(size: int, image_size: int, children: Sequence[int]) -> bool:
    """Whether a directory's children say more than it does."""
    several = _FEW if size >= _LARGE * image_size else 1
    return sum(heapq.nlargest(several, children)) >= _NEARLY_ALL * size
