"""The largest files among rows of several layers, and the names of rows."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from ocisize.tar.filetable import FileTable
from ocisize.tar.row_values import row_values
from ocisize.text import decode_name

Place: TypeAlias = "tuple[int, int]"  #: layer and row
Columns: TypeAlias = "Mapping[int, Sequence[int]]"  #: by layer, numbers of some rows of it

_SAMPLE = 512  # sizes, about: their largest ones exclude most others


def sizes_by_layer(rows: Columns, tables: Sequence[FileTable]) -> dict[int, tuple[int, ...]]:
    """Return the sizes of rows by layer, in bytes of content; ``tables`` are those of all layers."""
    return {layer: row_values(tables[layer].sizes, chosen) for layer, chosen in rows.items()}


def largest_places(rows: Columns, sizes: Columns, count: int) -> list[Place]:
    """Return the largest files among rows by layer, largest first; files without content are left out.

    Args:
        rows: by layer.
        sizes: of these rows, as ``sizes_by_layer`` returns them.
        count: of places.

    >>> largest_places({0: [3, 7], 2: [1]}, {0: [0, 50], 2: [60]}, 2)
    [(2, 1), (0, 7)]

    """
    largest: list[tuple[int, int, int]] = []
    for layer, chosen in rows.items():
        column = sizes[layer]
        sample = column[:: 1 + len(column) // _SAMPLE]
        least = max(1, heapq.nlargest(count, sample)[-1] if len(sample) >= count else 0)
        large = [place for place, size in enumerate(column) if size >= least]  # a third of the time of nlargest
        largest += heapq.nsmallest(count, [(-column[place], layer, chosen[place]) for place in large])
    return [(layer, row) for _, layer, row in heapq.nsmallest(count, largest)]


def names_of(places: Iterable[Place], tables: Sequence[FileTable]) -> dict[Place, str]:
    """Return the paths of some rows as text."""
    rows_by_layer: dict[int, set[int]] = defaultdict(set)
    for layer, row in places:
        rows_by_layer[layer].add(row)
    names: dict[Place, str] = {}
    for layer, rows in rows_by_layer.items():
        ordered = sorted(rows)
        paths = tables[layer].paths.select(ordered)
        names.update(((layer, row), decode_name(path)) for row, path in zip(ordered, paths, strict=True))
    return names
