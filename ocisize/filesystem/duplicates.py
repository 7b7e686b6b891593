"""Visible files with content that another visible path has, too."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, compress

from ocisize.filesystem.overlay import Overlay
from ocisize.tar.filetable import HASH_SIZE, NO_HASH, FileTable, IntArray
from ocisize.values import evolve, field, frozen

_MAX_BUCKET_ROWS = 1 << 18  # rows that are compared at once, about


@frozen
class Duplicates:
    """Visible rows of one layer with content that an earlier visible row has; lower layers come first."""

    size: int = 0  #: bytes of the rows
    rows: IntArray = field(factory=lambda: array("q"))
    #: for each of ``rows``: the earlier row, counted through all layers
    originals: IntArray = field(factory=lambda: array("q"))


def find_duplicates(tables: Sequence[FileTable], overlay: Overlay) -> list[Duplicates]:
    """Return the duplicates of each layer, base first: of each visible content all rows but the first.

    >>> from ocisize import analyze
    >>> from ocisize.filesystem.overlay import overlay_all
    >>> tables = [layer.files for layer in analyze("testdata/example.tar").layers]
    >>> [duplicates.size for duplicates in find_duplicates(tables, overlay_all(tables))]
    [0, 0, 0, 0, 73816]
    """
    duplicates = [Duplicates() for _ in tables]
    starts = list(accumulate(map(len, tables), initial=0))
    buckets = 1 + starts[-1] // _MAX_BUCKET_ROWS  # one after the other: a dict of all contents takes too much memory
    for bucket in range(buckets):
        in_bucket = bytes(first % buckets == bucket for first in range(256))
        seen: dict[bytes, int] = {}
        for layer, (table, hidden_by) in enumerate(zip(tables, overlay.hidden_by, strict=True)):
            if table.hashes:
                _add_repeated(duplicates[layer], table, hidden_by, starts[layer], in_bucket, seen)
    return [
        evolve(of_layer, size=sum(table.sizes[row] for row in of_layer.rows))
        for of_layer, table in zip(duplicates, tables, strict=True)
    ]


def _add_repeated(
    duplicates: Duplicates, table: FileTable, hidden_by: IntArray, start: int, in_bucket: bytes, seen: dict[bytes, int]
) -> None:
    """Add the visible rows of a bucket with content that is in ``seen``, and enter the others there."""
    hashes, sizes = table.hashes, table.sizes
    for row in compress(range(len(table)), hashes[::HASH_SIZE].translate(in_bucket)):
        if not sizes[row] or hidden_by[row] >= 0:
            continue
        value = hashes[row * HASH_SIZE : (row + 1) * HASH_SIZE]
        if value == NO_HASH:
            continue
        number = start + row
        original = seen.setdefault(value, number)
        if original != number:
            duplicates.rows.append(row)
            duplicates.originals.append(original)
