"""Wasted entries and duplicate content, from the tables and what the merge says of their rows."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, compress

import attrs

from ocisize.analysis.model import WasteTable
from ocisize.analysis.overlay import Overlay
from ocisize.files import HASH_SIZE, NO_HASH, FileTable, IntArray, decode_name

_BUCKET = 1 << 18  # rows


def find_waste(tables: Sequence[FileTable], overlay: Overlay) -> WasteTable:
    """All stored files that cannot be seen, largest first; files without content waste nothing."""
    found: list[tuple[int, str, int, int]] = []
    for layer, (table, hidden_by) in enumerate(zip(tables, overlay.hidden_by, strict=True)):
        sizes = table.sizes
        rows = [row for row, by in enumerate(hidden_by) if by >= 0 and sizes[row] > 0]
        found += [
            (-sizes[row], decode_name(path), layer, row) for row, path in zip(rows, table.paths.select(rows), strict=True)
        ]
    found.sort()
    wire = [table.compressed_sizes for table in tables]
    return WasteTable(
        paths=[path for _, path, _, _ in found],
        sizes=array("q", [-size for size, _, _, _ in found]),
        compressed_sizes=array("q", [-1 if (shares := wire[layer]) is None else shares[row] for _, _, layer, row in found]),
        causes=bytearray([overlay.causes[layer][row] for _, _, layer, row in found]),
        held_by=array("i", [layer for _, _, layer, _ in found]),
        hidden_by=array("i", [overlay.hidden_by[layer][row] for _, _, layer, row in found]),
    )


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


def rows_to_hash(tables: Sequence[FileTable], above: int = 0) -> list[IntArray]:
    """Per table, the rows of more than ``above`` bytes whose content could equal another's: of a size that stands twice."""
    counts = Counter(size for table in tables for size in table.sizes if size > above)  # only regular files have a size
    often = {size for size, count in counts.items() if count > 1}
    return [array("q", [row for row, size in enumerate(table.sizes) if size in often]) for table in tables]
