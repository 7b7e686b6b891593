"""The figures of every directory of an image, all layers together, and the short list that says where the bytes are.

Rows deeper than MAX_DEPTH count for the directory at that depth.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice, pairwise, repeat
from operator import sub

from ocisize.filesystem.directories import MAX_DEPTH, DirectoryIndex, DirectoryRuns, ImageRuns
from ocisize.model.sizes import Group
from ocisize.sizes.rows import GroupTotals, LayerColumns, add_layer, empty_sums, file_flags, remainder
from ocisize.tar.filetable import FileTable, IntArray
from ocisize.text import decode_name
from ocisize.tuples import NamedTuple

_MIN_CHILDREN_SHARE = 0.8  # of a directory's bytes, for its largest children to be listed in its place
_MIN_LARGE_SHARE = 0.1  # of the image, for a directory to be large
_MAX_CHILDREN = 3  # children that may take the place of a large directory; of a smaller one, one child


def subtree_totals(directories: DirectoryIndex, own: GroupTotals) -> GroupTotals:
    """Return the figures of each directory with everything below it.

    ``own`` has the figures of what is directly in each directory, by number. Those of directories deeper than MAX_DEPTH
    are moved up in ``own``.
    """
    _move_up(directories, own)
    columns = [directories.subtree_sums(column) if any(column) else column[:] for column in own.columns]
    return GroupTotals(own.compressed_size_known, *columns)


class RunSums(NamedTuple):
    """The sums of a layer's rows over each run of rows in one directory; kept with the table of the layer."""

    content: IntArray
    files: IntArray
    compressed: IntArray | None

    @classmethod
    def of(cls, table: FileTable, starts: IntArray) -> RunSums:
        """The sums of the runs that begin at ``starts``."""
        kept = table.derived.get(cls)
        if isinstance(kept, cls) and (kept.compressed is not None or table.compressed_sizes is None):
            return kept
        bounds, shares = [*starts, len(table)], table.compressed_sizes
        sizes, flags = table.sizes, file_flags(table)
        sums = table.derived[cls] = cls(
            array("q", [sum(sizes[start:end]) for start, end in pairwise(bounds)]),
            array("I", [flags.count(1, start, end) for start, end in pairwise(bounds)]),
            array("q", [sum(shares[start:end]) for start, end in pairwise(bounds)]) if shares is not None else None,
        )
        return sums


def sum_runs(figures: Iterable[int], bounds: Sequence[int]) -> Iterator[int]:
    """Return the sums of the figures from each bound to the next one."""
    totals = list(accumulate(figures, initial=0))
    sums_before = list(map(totals.__getitem__, bounds))
    return map(sub, islice(sums_before, 1, None), sums_before)


def directory_sums(layers: Sequence[LayerColumns], runs: ImageRuns) -> GroupTotals:
    """Return the figures of what is directly in each directory of an image."""
    sums = empty_sums(layers, len(runs.directories))
    for columns, layer_runs in zip(layers, runs.tables, strict=True):
        numbers, own = layer_runs.directories, RunSums.of(columns.table, layer_runs.starts)
        wasted = _numbers_of(columns, layer_runs)
        add_layer(sums, columns, numbers, content=own.content, files=own.files, compressed=own.compressed, wasted=wasted)
    return sums


def _numbers_of(columns: LayerColumns, runs: DirectoryRuns) -> list[int]:
    """The directories of the wasted rows of a layer."""
    if not columns.wasted:
        return []
    spans = runs.spans(len(columns.table))
    by_row = list(chain.from_iterable(repeat(number, end - start) for start, end, number in spans))
    return list(map(by_row.__getitem__, columns.wasted))


def _move_up(directories: DirectoryIndex, own: GroupTotals) -> None:
    deep = [number for number, depth in enumerate(directories.depths()) if depth > MAX_DEPTH]
    for column in own.columns:
        for number in reversed(deep):
            column[directories.parents[number]] += column[number]
            column[number] = 0


def main_directories(directories: DirectoryIndex, own: GroupTotals, count: int) -> tuple[Group, ...]:
    """Return the ``count`` directories that say where the bytes are, largest first, and one group for all the rest.

    No two overlap. Names are those of ``Groups.directories``: ``/usr/lib/`` with everything below it, ``/usr/lib/*``
    without. ``own`` has the figures of what is directly in each directory, by number.
    """
    whole = subtree_totals(directories, own)
    groups: list[Group] = []
    for number, undivided in divide(directories, whole.content, own.content, count):
        path = directories.paths[number]
        name = "/" + decode_name(path + b"/" if path else b"")
        groups.append((whole if undivided else own).group(number, name if undivided else name + "*"))
    return (*groups, remainder(whole.group(0, None), groups))


def divide(
    directories: DirectoryIndex, weights: Sequence[int], own_weights: Sequence[int], count: int
) -> list[tuple[int, bool]]:
    """Divide the root into at most ``count`` directories, largest first, that say more than the root.

    A directory is divided if its children say more than it does: ``/usr`` says little, ``node_modules`` says more than any
    package in it. ``weights`` are those of each directory with everything below it, by number, ``own_weights`` those of what
    is directly in it. Returns numbers of directories, each with True for all below it, False for what is directly in it.

    >>> directories = DirectoryIndex()
    >>> number = directories.numbers[b"usr/lib/python3"]
    >>> own = [0, 0, 10, 90]
    >>> [(directories.paths[n], whole) for n, whole in divide(directories, directories.subtree_sums(own), own, 5)]
    [(b'usr/lib/python3', True), (b'usr/lib', False)]
    """
    children = [[child for child in below if weights[child]] for below in directories.children()]
    heap = [(-weights[0], b"", 0, True)]
    parts: list[tuple[int, bool]] = []
    while heap and len(parts) < count:
        weight, path, number, undivided = heapq.heappop(heap)
        below = children[number]
        if undivided and below and (not number or _children_dominate(-weight, weights[0], [weights[c] for c in below])):
            for child in below:
                heapq.heappush(heap, (-weights[child], directories.paths[child], child, True))
            heapq.heappush(heap, (-own_weights[number], path, number, False))
        elif weight:
            parts.append((number, undivided))
    return parts


def _children_dominate(weight: int, image_weight: int, children: Sequence[int]) -> bool:
    """Return True if the largest child of a directory has at least 80 % of its weight.

    Of a directory with at least 10 % of the image, the three largest children together need that share.
    """
    count = _MAX_CHILDREN if weight >= _MIN_LARGE_SHARE * image_weight else 1
    return sum(heapq.nlargest(count, children)) >= _MIN_CHILDREN_SHARE * weight
