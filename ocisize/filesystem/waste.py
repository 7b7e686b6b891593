"""The wasted entries of an image, from the tables of its layers and their overlay.

Why an entry is wasted, its ``Cause``, is decided while layers are laid over each other: see ``overlay``.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from ocisize.filesystem.hidden_rows import find_hidden
from ocisize.filesystem.overlay import Overlay
from ocisize.model.waste import WasteTable
from ocisize.tar.filetable import FileTable
from ocisize.text import decode_name


def find_waste(tables: Sequence[FileTable], overlay: Overlay) -> WasteTable:
    """Return all stored files with content that no container can see, largest first, ties by path and layer.

    >>> from ocisize import analyze
    >>> from ocisize.filesystem.overlay import overlay_all
    >>> tables = [layer.files for layer in analyze("testdata/example.tar").layers]
    >>> [(str(entry.cause), entry.size) for entry in find_waste(tables, overlay_all(tables))][:2]
    [('deleted', 160948), ('metadata-only', 73816)]
    """
    wasted: list[tuple[int, str, int, int]] = []
    for layer, (table, hidden_by) in enumerate(zip(tables, overlay.hidden_by, strict=True)):
        sizes = table.sizes
        rows = [row for row in find_hidden(hidden_by) if sizes[row] > 0]
        wasted += [
            (-sizes[row], decode_name(path), layer, row) for row, path in zip(rows, table.paths.select(rows), strict=True)
        ]
    wasted.sort()
    columns = [table.compressed_sizes for table in tables]
    return WasteTable(
        paths=[path for _, path, _, _ in wasted],
        sizes=array("q", [-size for size, _, _, _ in wasted]),
        compressed_sizes=array(
            "q", [-1 if (column := columns[layer]) is None else column[row] for _, _, layer, row in wasted]
        ),
        causes=bytearray([overlay.causes[layer][row] for _, _, layer, row in wasted]),
        held_by=array("i", [layer for _, _, layer, _ in wasted]),
        hidden_by=array("i", [overlay.hidden_by[layer][row] for _, _, layer, row in wasted]),
    )
