"""Wasted entries and duplicate content, from the tables and what the merge says of their rows."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import compress

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


def find_duplicates(tables: Sequence[FileTable], overlay: Overlay) -> list[int]:
    """Per layer, the visible bytes whose content already stands at another visible path, lower layers first."""
    duplicated = [0] * len(tables)
    buckets = 1 + sum(map(len, tables)) // _BUCKET  # one after the other: all contents at once take much memory
    for bucket in range(buckets):
        in_bucket = bytes(first % buckets == bucket for first in range(256))
        seen: set[bytes] = set()
        for layer, (table, hidden_by) in enumerate(zip(tables, overlay.hidden_by, strict=True)):
            if table.hashes:
                duplicated[layer] += _repeated_size(table, hidden_by, in_bucket, seen)
    return duplicated


def _repeated_size(table: FileTable, hidden_by: IntArray, in_bucket: bytes, seen: set[bytes]) -> int:
    """Bytes of the visible files whose content was seen; the others' are added. Contents go by their hash's first byte."""
    hashes, sizes, apparent_sizes, total = table.hashes, table.sizes, table.apparent_sizes, 0
    for row in compress(range(len(table)), hashes[::HASH_SIZE].translate(in_bucket)):
        size = sizes[row]
        if not size or hidden_by[row] >= 0:
            continue
        value = bytes(hashes[row * HASH_SIZE : (row + 1) * HASH_SIZE])
        if value == NO_HASH:
            continue
        if row in apparent_sizes:  # the same bytes between other holes are another content
            value += b"%d" % apparent_sizes[row]
        if value in seen:
            total += size
        else:
            seen.add(value)
    return total


def rows_to_hash(tables: Sequence[FileTable], above: int = 0) -> list[IntArray]:
    """Per table, the rows of more than ``above`` bytes whose content could equal another's: of a size that stands twice."""
    counts = Counter(size for table in tables for size in table.sizes if size > above)  # only regular files have a size
    often = {size for size, count in counts.items() if count > 1}
    return [array("q", [row for row, size in enumerate(table.sizes) if size in often]) for table in tables]
