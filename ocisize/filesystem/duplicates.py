"""Visible files with content that another visible path has, too."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, compress
from operator import mul, ne

from ocisize.filesystem.overlay import Overlay
from ocisize.tar.content_hash import HASH_SIZE
from ocisize.tar.filetable import NO_HASH, FileTable, IntArray
from ocisize.tar.row_values import row_values
from ocisize.values import evolve, field, frozen

_MAX_BUCKET_ROWS = 1 << 17  # rows that are compared at once, about: their contents take 150 bytes each
_MAX_BUCKETS = 255  # their numbers are bytes


@frozen
class Duplicates:
    """Visible rows of one layer with content that an earlier visible row has; lower layers come first."""

    size: int = 0  #: bytes of the rows
    rows: IntArray = field(factory=lambda: array("q"))
    #: for each of ``rows``: the earlier row, counted through all layers
    originals: IntArray = field(factory=lambda: array("q"))
    #: for each of ``rows``: its place among ``KnownDuplicates``, -1 for none; empty if nothing is known
    known: IntArray = field(factory=lambda: array("i"))


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
    buckets = min(1 + starts[-1] // _MAX_BUCKET_ROWS, _MAX_BUCKETS)
    numbers = [_number_buckets(table, hiders, buckets) for table, hiders in zip(tables, overlay.hidden_by, strict=True)]
    for bucket in range(1, buckets + 1):  # one after the other: a dict of all contents takes too much memory
        is_bucket = bytes(number == bucket for number in range(256))
        seen: dict[bytes, int] = {}
        for of_layer, table, by_row, start in zip(duplicates, tables, numbers, starts, strict=False):
            rows = list(compress(range(len(by_row)), by_row.translate(is_bucket)))
            add_repeated(of_layer, table, rows, start, seen)
    return [with_size(of_layer, table) for of_layer, table in zip(duplicates, tables, strict=True)]


def with_size(duplicates: Duplicates, table: FileTable) -> Duplicates:
    """The duplicates of a layer with the sum of their sizes."""
    return evolve(duplicates, size=sum(row_values(table.sizes, duplicates.rows)))


def _number_buckets(table: FileTable, hidden_by: IntArray, buckets: int) -> bytes:
    """By row, the number of its bucket from 1 on, by the first byte of its hash; 0 if a container sees no content of it."""
    number_of = bytes(1 + first % buckets for first in range(256))
    shown = [size > 0 > hider for size, hider in zip(table.sizes, hidden_by, strict=True)]
    return bytes(map(mul, shown, table.hashes[::HASH_SIZE].translate(number_of)))


def add_repeated(duplicates: Duplicates, table: FileTable, rows: list[int], start: int, seen: dict[bytes, int]) -> None:
    """Add those of some rows with content that is in ``seen``, and enter the others there."""
    hashes = table.hashes
    values = [hashes[row * HASH_SIZE : (row + 1) * HASH_SIZE] for row in rows]
    numbers = list(map(start.__add__, rows))
    originals = list(map(seen.setdefault, values, numbers))
    is_repeated = map(ne, originals, numbers)
    for row, original, value in compress(zip(rows, originals, values, strict=True), is_repeated):
        if value != NO_HASH:
            duplicates.rows.append(row)
            duplicates.originals.append(original)
