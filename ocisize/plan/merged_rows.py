"""Rows by layer, merged: ascending and each once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from operator import lt
from typing import TypeAlias

RowsByLayer: TypeAlias = "Mapping[int, Sequence[int]]"
Place: TypeAlias = "tuple[int, int]"  #: layer and row


def by_layer(places: Iterable[Place]) -> dict[int, list[int]]:
    """Rows by their layers, ascending and each once.

    >>> by_layer([(1, 5), (0, 2), (1, 3), (1, 5)])
    {0: [2], 1: [3, 5]}
    """
    rows: dict[int, set[int]] = defaultdict(set)
    for layer, row in places:
        rows[layer].add(row)
    return _sort_by_layer(rows)


def merge_rows(parts: Iterable[RowsByLayer]) -> dict[int, list[int]]:
    """Rows of several mappings, ascending and each once.

    >>> merge_rows([{1: [5]}, {0: [2], 1: [3, 5]}])
    {0: [2], 1: [3, 5]}
    """
    rows: dict[int, list[Sequence[int]]] = defaultdict(list)
    for part in parts:
        for layer, chosen in part.items():
            if chosen:
                rows[layer].append(chosen)
    return {
        layer: list(sort_rows(rows[layer][0])) if len(rows[layer]) == 1 else sorted(set().union(*rows[layer]))
        for layer in sorted(rows)
    }


def sort_rows(rows: Collection[int]) -> Sequence[int]:
    """Rows ascending and each once; most are already, and to see that takes half the time."""
    if isinstance(rows, Sequence) and all(map(lt, rows, islice(rows, 1, None))):
        return rows
    return sorted({*rows})


def _sort_by_layer(rows: Mapping[int, Collection[int]]) -> dict[int, list[int]]:
    """Rows by layer, both ascending, without layers that have none."""
    return {layer: sorted(rows[layer]) for layer in sorted(rows) if rows[layer]}
