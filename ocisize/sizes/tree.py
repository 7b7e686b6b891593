"""The largest directories and files of an image, or of one layer, as a tree that fits a screen.

The size of a node is at least that of any node below it, so the largest nodes form a tree. A directory with a single child
directory and nothing else is left out: the path of the child contains it.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from itertools import chain

from ocisize.filesystem.directories import MAX_DEPTH, DirectoryIndex, ImageRuns
from ocisize.filesystem.path_search import find_rows
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.sizes import Group
from ocisize.sizes.directories import directory_sums, subtree_totals
from ocisize.sizes.files import SortOrder, check_order
from ocisize.sizes.rows import (
    GroupTotals,
    LayerColumns,
    add_layer,
    directory_runs,
    empty_sums,
    file_flags,
    layer_columns,
    paid_shares,
    remainder,
)
from ocisize.tar.filetable import REGULAR
from ocisize.text import decode_name
from ocisize.tuples import NamedTuple
from ocisize.values import frozen


@frozen(kw_only=True)
class TreeNode:
    """A directory with everything below it, or a file, in all given layers.

    The name of the group is the path, without a leading slash; that of the root is empty.
    """

    group: Group  #: its sums
    is_directory: bool  #: False for a file
    children: tuple[TreeNode, ...] = ()  #: the largest nodes below it, largest first
    others: Group | None = None  #: all else below it; None if there is nothing else


class _Candidate(NamedTuple):
    """A directory or file below the root; the largest one compares as the smallest."""

    weight: int  #: negative
    depth: int
    path: bytes
    is_directory: bool
    number: int


def make_tree(
    layers: Sequence[LayerAnalysis], *, count: int, depth: int | None = None, order: SortOrder = SortOrder.SIZE
) -> TreeNode:
    """Return the root of a tree with the ``count`` largest nodes, none deeper than ``depth``.

    ``layers``: of an image, base first, all or some. Raises ViewError if ``order`` needs compressed sizes that are unknown,
    and ValueError for layers without file tables, as in an analysis that was read back from JSON.

    >>> import ocisize
    >>> tree = make_tree(ocisize.analyze("testdata/example.tar").layers, count=1)
    >>> [(node.group.name, node.group.content_size) for node in tree.children], tree.others.content_size
    ([('bin', 1982256)], 949376)
    """
    check_order(layers, order)
    deepest = MAX_DEPTH if depth is None else min(depth, MAX_DEPTH)
    runs = directory_runs(layers)
    directories = runs.directories
    columns = layer_columns(layers)
    whole = subtree_totals(directories, directory_sums(columns, runs))
    numbers = {path: number for number, path in enumerate(_large_files(layers, count, order), 1)}
    sums = _sum_files(columns, runs, numbers)
    candidates = chain(_directories(directories, whole, deepest, order), _files(numbers, sums, deepest, order))
    below: dict[int, list[_Candidate]] = {0: []}  # chosen directory → chosen nodes below it
    for chosen in heapq.nsmallest(count, candidates):
        parent = (
            directories.parents[chosen.number]
            if chosen.is_directory
            else directories.numbers[chosen.path.rpartition(b"/")[0]]
        )
        while parent not in below:
            parent = directories.parents[parent]
        below[parent].append(chosen)
        if chosen.is_directory:
            below[chosen.number] = []

    def node(number: int) -> TreeNode:  # recursive, as deep as MAX_DEPTH at most
        children = tuple(
            node(child.number)
            if child.is_directory
            else TreeNode(group=sums.group(child.number, decode_name(child.path)), is_directory=False)
            for child in below[number]
        )
        return _directory(whole.group(number, decode_name(directories.paths[number])), children)

    return node(0)


def _directory(group: Group, children: tuple[TreeNode, ...]) -> TreeNode:
    rest = remainder(group, [child.group for child in children])
    others = rest if children and (rest.content_size or rest.file_count or rest.compressed_size) else None
    return TreeNode(group=group, is_directory=True, children=children, others=others)


def _weights(sums: GroupTotals, order: SortOrder) -> Sequence[int]:
    return sums.compressed if order == SortOrder.DOWNLOAD else sums.content


def _directories(directories: DirectoryIndex, whole: GroupTotals, deepest: int, order: SortOrder) -> list[_Candidate]:
    """All directories with a size, without those that have a single child directory and nothing else."""
    depths, weights = directories.depths(), _weights(whole, order)
    passed = {
        parent
        for number, parent in enumerate(directories.parents)
        if number
        and depths[number] <= deepest
        and 0 < whole.files[number] == whole.files[parent]
        and whole.content[number] == whole.content[parent]
    }
    return [
        _Candidate(-weights[number], depths[number], path, True, number)
        for number, path in enumerate(directories.paths)
        if number and number not in passed and weights[number] and depths[number] <= deepest
    ]


def _files(numbers: dict[bytes, int], sums: GroupTotals, deepest: int, order: SortOrder) -> list[_Candidate]:
    weights = _weights(sums, order)
    return [
        _Candidate(-weights[number], path.count(b"/") + 1, path, False, number)
        for path, number in numbers.items()
        if path and weights[number] and path.count(b"/") < deepest
    ]


def _sum_files(layers: Sequence[LayerColumns], runs: ImageRuns, numbers: Mapping[bytes, int]) -> GroupTotals:
    """The sums of the entries with some paths, by the numbers of the paths; all other entries have the number 0."""
    sums = empty_sums(layers)
    sums.grow(len(numbers) + 1)
    for position, columns in enumerate(layers):
        number_of = {row: numbers[path] for row, path in find_rows(numbers.keys(), columns.table, position, runs)}
        rows, is_file = list(number_of), file_flags(columns.table)
        add_layer(
            sums,
            columns,
            number_of.values(),
            content=map(columns.table.sizes.__getitem__, rows),
            files=map(is_file.__getitem__, rows),
            compressed=map(columns.shares.__getitem__, rows) if columns.shares is not None else None,
            wasted=[number_of.get(row, 0) for row in columns.wasted],
        )
    return sums


def _large_files(layers: Sequence[LayerAnalysis], count: int, order: SortOrder) -> list[bytes]:
    """Paths that include those of the ``count`` largest files, all copies of a path together.

    At least one copy of such a path has 1 / layers of the size of all copies. At least ``count`` paths are as large as the
    smallest of the ``count`` largest rows of each layer.
    """
    shares = paid_shares(layers)
    columns = [
        (layer.files, column if order == SortOrder.DOWNLOAD else layer.files.sizes)
        for layer, column in zip(layers, shares, strict=True)
        if layer.files is not None
    ]
    largest = heapq.nlargest(count * len(layers), chain.from_iterable(column or () for _, column in columns))
    min_size = max(1, min(largest, default=1) // len(layers) if layers else 1)
    paths: dict[bytes, None] = {}
    for table, column in columns:
        rows = [row for row, weight in enumerate(column or ()) if weight >= min_size and table.kinds[row] == REGULAR]
        paths.update(dict.fromkeys(table.paths.select(rows)))
    return list(paths)
