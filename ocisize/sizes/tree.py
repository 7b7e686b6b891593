"""make_tree: the largest directories and files of an image, or of one layer, as a tree that fits a screen.

A node weighs at least as much as any below it, so the largest nodes of all hang together. A directory that holds nothing
but one other is left out: the other's path tells of it.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import chain

import attrs

from ocisize.filesystem.directories import MAX_DEPTH, DirectoryIndex
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.sizes import Group
from ocisize.sizes.directories import directory_sums, subtree_totals
from ocisize.sizes.files import Order, check_order
from ocisize.sizes.rows import GroupTotals, add_numbered, directory_runs, empty_sums, iter_pieces, paid_shares, remainder
from ocisize.tar.filetable import REGULAR
from ocisize.text import decode_name


@attrs.frozen(kw_only=True)
class TreeNode:
    """A directory with everything below it, or a file, in all the layers at hand.

    The group's name is the path, which begins with no slash; that of the root is empty.
    """

    group: Group
    is_directory: bool
    children: tuple[TreeNode, ...] = ()  #: the largest of what is below it, largest first
    others: Group | None = None  #: what is below it and below none of the children; None where that is nothing


@attrs.frozen(order=True)
class _Candidate:
    """A directory or file below the root; those that are shown first come first."""

    weight: int  #: negative
    depth: int
    path: bytes
    is_directory: bool
    number: int


def make_tree(
    layers: Sequence[LayerAnalysis], *, most: int, depth: int | None = None, order: Order = Order.SIZE
) -> TreeNode:
    """The root with the ``most`` largest nodes below it, none deeper than ``depth``.

    Raises ViewError, and ValueError for layers without file tables, as they are in an analysis read back from JSON.
    """
    check_order(layers, order)
    deepest = MAX_DEPTH if depth is None else min(depth, MAX_DEPTH)
    runs = directory_runs(layers)
    directories = runs.directories
    whole = subtree_totals(directories, directory_sums(layers, runs))
    numbers = {path: number for number, path in enumerate(_large_files(layers, most, order), 1)}
    sums = empty_sums(layers)
    sums.grow(len(numbers) + 1)
    for rows in iter_pieces(layers, runs):
        add_numbered(sums, rows, [numbers.get(path, 0) for path in rows.piece.paths])
    candidates = chain(_directories(directories, whole, deepest, order), _files(numbers, sums, deepest, order))
    below: dict[int, list[_Candidate]] = {0: []}  # chosen directory → chosen ones that hang from it
    for chosen in heapq.nsmallest(most, candidates):
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


def _weights(sums: GroupTotals, order: Order) -> Sequence[int]:
    return sums.compressed if order == Order.DOWNLOAD else sums.content


def _directories(directories: DirectoryIndex, whole: GroupTotals, deepest: int, order: Order) -> list[_Candidate]:
    """All directories that weigh anything, without those that hold nothing but one other."""
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


def _files(numbers: dict[bytes, int], sums: GroupTotals, deepest: int, order: Order) -> list[_Candidate]:
    weights = _weights(sums, order)
    return [
        _Candidate(-weights[number], path.count(b"/") + 1, path, False, number)
        for path, number in numbers.items()
        if path and weights[number] and path.count(b"/") < deepest
    ]


def _large_files(layers: Sequence[LayerAnalysis], most: int, order: Order) -> list[bytes]:
    """Paths among which are those of the ``most`` files that weigh most, all copies of a path together.

    One copy of a path weighs no less than its share of all, and as many paths as are asked for weigh no less than the
    smallest of that many rows from every layer.
    """
    shares = paid_shares(layers)
    tables = [(at, layer.files) for at, layer in enumerate(layers) if layer.files is not None]
    columns = [(table, shares[at] if order == Order.DOWNLOAD else table.sizes) for at, table in tables]
    heaviest = heapq.nlargest(most * len(layers), chain.from_iterable(column or () for _, column in columns))
    least = max(1, min(heaviest, default=1) // len(layers) if layers else 1)
    found: dict[bytes, None] = {}
    for table, column in columns:
        rows = [row for row, weight in enumerate(column or ()) if weight >= least and table.kinds[row] == REGULAR]
        found.update(dict.fromkeys(table.paths.select(rows)))
    return list(found)
