"""find_duplicates: visible files whose content is visible at another path, too."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, compress

import attrs

from ocisize.filesystem.overlay import Overlay
from ocisize.tar.filetable import HASH_SIZE, NO_HASH, FileTable, IntArray

_BUCKET = 1 << 18  # rows


@attrs.frozen
class Duplicates:
    """Visible rows of one layer whose content already stands at another visible path, lower layers first."""

    size: int = 0  #: bytes of the rows
    rows: IntArray = attrs.field(factory=lambda: array("q"))
    originals: IntArray = attrs.field(factory=lambda: array("q"))  #: where it stands: the row, counted through all layers


def find_duplicates(tables: Sequence[FileTable], overlay: Overlay) -> list[Duplicates]:
    """Per layer, the rows with content that is visible elsewhere; of each content all but the first are duplicates."""
    found = [Duplicates() for _ in tables]
    starts = list(accumulate(map(len, tables), initial=0))
    buckets = 1 + starts[-1] // _BUCKET  # one after the other: all contents at once take much memory
    for bucket in range(buckets):
        in_bucket = bytes(first % buckets == bucket for first in range(256))
        seen: dict[bytes, int] = {}
        for layer, (table, hidden_by) in enumerate(zip(tables, overlay.hidden_by, strict=True)):
            if table.hashes:
                _add_repeated(found[layer], table, hidden_by, starts[layer], in_bucket, seen)
    return [
        attrs.evolve(each, size=sum(table.sizes[row] for row in each.rows))
        for each, table in zip(found, tables, strict=True)
    ]


def _add_repeated(
    found: Duplicates, table: FileTable, hidden_by: IntArray, start: int, in_bucket: bytes, seen: dict[bytes, int]
) -> None:
    """Add the visible files whose content was seen; the others' are noted. Contents go by their hash's first byte."""
    hashes, sizes, apparent_sizes = table.hashes, table.sizes, table.apparent_sizes
    for row in compress(range(len(table)), hashes[::HASH_SIZE].translate(in_bucket)):
        if not sizes[row] or hidden_by[row] >= 0:
            continue
        value = bytes(hashes[row * HASH_SIZE : (row + 1) * HASH_SIZE])
        if value == NO_HASH:
            continue
        if row in apparent_sizes:  # the same bytes between other holes are another content
            value += b"%d" % apparent_sizes[row]
        number = start + row
        original = seen.setdefault(value, number)
        if original != number:
            found.rows.append(row)
            found.originals.append(original)
