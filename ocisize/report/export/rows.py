"""All stored rows of an image, for formats that list files."""

from __future__ import annotations

from ocisize.errors import ReportError
from ocisize.filesystem.visibility import overlay_of
from ocisize.model.analysis import Analysis
from ocisize.tar.filetable import FileTable, IntArray


def stored_rows(analysis: Analysis) -> list[tuple[FileTable, IntArray]]:
    """For each layer, base first: its file table, and for each row the layer that hides it, or -1.

    Raises ReportError if a file table is missing.
    """
    tables = [layer.files for layer in analysis.layers if layer.files is not None]
    if len(tables) < len(analysis.layers):
        raise ReportError("this format lists every file, but the analysis was saved without its file tables")
    return list(zip(tables, overlay_of(analysis).hidden_by, strict=True))
