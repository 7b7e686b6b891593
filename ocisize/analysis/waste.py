"""Wasted entries and duplicate content, from the tables and what the merge says of their rows."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from ocisize.analysis.model import CAUSES, WastedEntry, WasteTable
from ocisize.analysis.overlay import Overlay
from ocisize.files import HASH_SIZE, NO_HASH, REGULAR, FileTable, IntArray, decode_name


def find_waste(tables: Sequence[FileTable], overlay: Overlay) -> WasteTable:
    """All stored files that cannot be seen, largest first; files without content waste nothing."""
    found: list[WastedEntry] = []
    for layer, (table, hidden_by) in enumerate(zip(tables, overlay.hidden_by, strict=True)):
        rows = [row for row, by in enumerate(hidden_by) if by >= 0 and table.sizes[row] > 0]
        compressed = table.compressed_sizes
        found.extend(
            WastedEntry(
                decode_name(path),
                table.sizes[row],
                compressed[row] if compressed is not None else None,
                CAUSES[overlay.causes[layer][row]],
                layer,
                hidden_by[row],
            )
            for row, path in zip(rows, table.paths.select(rows), strict=True)
        )
    found.sort(key=lambda entry: (-entry.size, entry.path, entry.held_by))
    waste = WasteTable()
    for entry in found:
        waste.append(entry)
    return waste


def find_duplicates(tables: Sequence[FileTable], overlay: Overlay) -> list[int]:
    """Per layer, the visible bytes whose content already stands at another visible path, lower layers first."""
    seen: set[bytes] = set()
    duplicated = [0] * len(tables)
    for layer, (table, hidden_by) in enumerate(zip(tables, overlay.hidden_by, strict=True)):
        if not table.hashes:
            continue
        hashes = bytes(table.hashes)
        for row, size in enumerate(table.sizes):
            if size and hidden_by[row] < 0:
                value = hashes[row * HASH_SIZE : (row + 1) * HASH_SIZE]
                if row in table.apparent_sizes:  # the same bytes between other holes are another content
                    value += b"%d" % table.apparent_sizes[row]
                if value in seen:
                    duplicated[layer] += size
                elif value[:HASH_SIZE] != NO_HASH:
                    seen.add(value)
    return duplicated


def rows_to_hash(tables: Sequence[FileTable]) -> list[IntArray]:
    """Per table, the rows whose content could equal another's: regular files of a size that stands twice."""
    once: set[int] = set()
    often: set[int] = set()
    for table in tables:
        for size in table.sizes:
            (often if size in once else once).add(size)
    often.discard(0)
    return [
        array("q", [row for row, size in enumerate(table.sizes) if size in often and table.kinds[row] == REGULAR])
        for table in tables
    ]
