"""Every stored row of an image with what became of it, for formats that list files."""

from __future__ import annotations

from ocisize.errors import ReportError
from ocisize.filesystem.visibility import overlay_of
from ocisize.model.analysis import Analysis
from ocisize.tar.filetable import FileTable, IntArray


def stored_rows(analysis: Analysis) -> list[tuple[FileTable, IntArray]]:
    """Per layer, base first: its table, and by row the layer that hides it or -1; ReportError where there are no tables."""
    tables = [layer.files for layer in analysis.layers if layer.files is not None]
    if len(tables) < len(analysis.layers):
        raise ReportError("this format lists every file, but the analysis was saved without its file tables")
    return list(zip(tables, overlay_of(analysis).hidden_by, strict=True))
