"""Scope: which layers the tree shows; and the figures and marks of all directories in it."""

from __future__ import annotations

import enum
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING

from ocisize.errors import ViewError
from ocisize.filesystem.directories import ImageRuns
from ocisize.sizes.directories import directory_sums
from ocisize.sizes.rows import GroupTotals, LayerColumns, layer_columns
from ocisize.values import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ocisize.browse.image_index import ImageIndex
    from ocisize.model.sizes import Group
    from ocisize.tar.filetable import IntArray

_MAX_KEPT = 4  # scopes whose figures are kept


class Mark(enum.IntEnum):
    """What the layer of a scope does to an entry."""

    UNCHANGED = 0  #: a lower layer has it, or the scope is the image
    ADDED = 1  #: no lower layer has it
    CHANGED = 2  #: a lower layer has it, and this layer stores it again, or changes what is in it
    REMOVED = 3  #: this layer hides it
    GONE = 4  #: a layer below hides it; in the scope of the image: any layer


@frozen
class Scope:
    """The layers that the tree shows.

    Without a layer that is the image. With a layer it is the image up to this layer, and marks say what this layer does; or
    if ``alone`` what the layer stores, without the others.
    """

    layer: int | None = None  #: index of the layer; None: the image
    alone: bool = False  #: this layer only

    def __attrs_post_init__(self) -> None:
        """Refuse a single layer without an index."""
        if self.alone and self.layer is None:
            raise ValueError("no layer to show alone")

    def last(self, index: ImageIndex) -> int:
        """Index of the highest layer that is shown."""
        return len(index.layers) - 1 if self.layer is None else self.layer

    def layers(self, index: ImageIndex) -> range:
        """The indexes of the layers that are shown."""
        last = self.last(index)
        return range(last if self.alone else 0, last + 1)

    def hides(self, hidden_by: int, last: int) -> bool:
        """Whether a row that a layer hides, or none (-1), is hidden in the scope whose highest layer is ``last``.

        What a layer alone stores is hidden if any layer of the image hides it, as its figures in reports say.
        """
        return hidden_by >= 0 and (self.alone or hidden_by <= last)


@frozen
class ScopeFigures:
    """The figures of each directory with everything below it, by number, and its mark."""

    scope: Scope
    sums: GroupTotals
    marks: bytes  #: of directories, as ``Mark``
    shown: bytes  #: by directory, 1 if layers of the scope have it

    def group(self, number: int, name: str | None = None) -> Group:
        """The sums of a directory."""
        return self.sums.group(number, name)


class ScopeCache:
    """Computes the figures of scopes, and keeps those of the last ones."""

    def __init__(self, index: ImageIndex) -> None:
        """Compute figures of an indexed image."""
        self.index = index
        self.figures: Callable[[Scope], ScopeFigures] = lru_cache(_MAX_KEPT)(lambda scope: sum_scope(index, scope))


def check_scope(index: ImageIndex, scope: Scope) -> Scope:
    """Return a scope; raises ViewError if the image has no such layer."""
    from ocisize.sizes.files import select_layers

    select_layers(index.layers, scope.layer)
    if not index.layers:
        raise ViewError("the image has no layers")
    return scope


def sum_scope(index: ImageIndex, scope: Scope) -> ScopeFigures:
    """Compute the figures of all directories in a scope; those of the root are the figures of the layers in reports."""
    chosen, last = scope.layers(index), scope.last(index)
    runs = ImageRuns()
    runs.directories, runs.tables = index.runs.directories, [index.runs.tables[layer] for layer in chosen]
    columns = layer_columns([index.layers[layer] for layer in chosen])
    if not scope.alone and last < len(index.layers) - 1:
        columns = [_hidden_until(last, part, index.hidden_by[layer]) for layer, part in zip(chosen, columns, strict=True)]
    own = directory_sums(columns, runs)
    subtree_sums = index.runs.directories.subtree_sums
    sums = GroupTotals(own.compressed_size_known, *[array("q", subtree_sums(column)) for column in own.columns])
    present = _find_present(index, chosen)
    return ScopeFigures(scope, sums, bytes(_mark_directories(index, scope, last)), bytes(number >= 0 for number in present))


def _hidden_until(last: int, columns: LayerColumns, hidden_by: IntArray) -> LayerColumns:
    """The columns of a layer as they are when all layers above ``last`` are gone."""
    return columns._replace(wasted=[row for row in columns.wasted if hidden_by[row] <= last])


def _find_present(index: ImageIndex, layers: Iterable[int]) -> list[int]:
    """By directory, the highest of some layers that has it or something below it, -1 if none has."""
    present = [-1] * len(index.paths)
    for layer in layers:
        for number in index.runs.tables[layer].directories:
            present[number] = layer
        for number in index.stored_directories[layer]:
            present[number] = layer
    for number in range(len(present) - 1, 0, -1):
        parent = index.parents[number]
        present[parent] = max(present[parent], present[number])
    return present


def _find_removed(index: ImageIndex, layers: Iterable[int]) -> list[int]:
    """By directory, the highest of some layers that removes it, or a directory above it; -1 if none does."""
    removed = [-1] * len(index.paths)
    for layer in layers:
        for number in index.removed[layer]:
            removed[number] = layer
    for number in range(1, len(removed)):
        removed[number] = max(removed[number], removed[index.parents[number]])
    return removed


def _find_touched(index: ImageIndex, layer: int) -> list[int]:
    """By directory, the number of entries in it that a layer stores or hides."""
    touched = [0] * len(index.paths)
    runs = index.runs.tables[layer]
    for start, end, number in runs.spans(len(index.tables[layer])):
        touched[number] += end - start
    for lower in range(layer):
        hidden_by = index.hidden_by[lower]
        for row, number in zip(index.hidden_rows[lower], index.hidden_in[lower], strict=True):
            touched[number] += hidden_by[row] == layer
    return index.runs.directories.subtree_sums(touched)


def _mark_directories(index: ImageIndex, scope: Scope, last: int) -> Iterable[int]:
    now = _exist(index, range(last + 1))
    if scope.layer is None:
        return (Mark.UNCHANGED if exists else Mark.GONE for exists in now)
    if scope.layer == 0:  # nothing to compare it with: no mark says more
        return (Mark.UNCHANGED for _ in now)
    stored = set(index.stored_directories[last])
    touched = _find_touched(index, last)
    before = _exist(index, range(last))
    return (
        (Mark.CHANGED if touched[number] or number in stored else Mark.UNCHANGED)
        if is_there and was_there
        else Mark.ADDED
        if is_there
        else Mark.REMOVED
        if was_there
        else Mark.GONE
        for number, (is_there, was_there) in enumerate(zip(now, before, strict=True))
    )


def _exist(index: ImageIndex, layers: range) -> Sequence[bool]:
    """By directory, whether a container of the image with these layers sees it."""
    present, removed = _find_present(index, layers), _find_removed(index, layers)
    return [highest >= 0 and highest >= remover for highest, remover in zip(present, removed, strict=True)]


def mark_rows(rows: Iterable[tuple[int, int]], scope: Scope, last: int) -> Mark:
    """The mark of an entry that is no directory.

    Args:
        rows: by stored copy, the index of its layer and of the layer that hides it, -1 for none; base first.
        scope: the layers that are shown.
        last: the highest layer that is shown.

    """
    is_there = was_there = is_stored = False
    for layer, hidden_by in rows:
        if not 0 <= hidden_by <= last:
            is_there = True
            is_stored |= layer == last
        if layer < last and not 0 <= hidden_by < last:
            was_there = True
    if scope.layer is None:
        return Mark.UNCHANGED if is_there else Mark.GONE
    if not is_there:
        return Mark.REMOVED if was_there else Mark.GONE
    if scope.layer == 0 or not is_stored:
        return Mark.UNCHANGED
    return Mark.CHANGED if was_there else Mark.ADDED
