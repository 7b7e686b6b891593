"""Wasted entries and duplicate content, from the tables and what the merge says of their rows."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from ocisize.filesystem.overlay import Overlay
from ocisize.model.waste import WasteTable
from ocisize.tar.filetable import FileTable
from ocisize.text import decode_name


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
