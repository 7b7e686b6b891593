"""Every stored row of an image with what became of it, for formats that list files."""

from __future__ import annotations

from ocisize.errors import ReportError
from ocisize.filesystem.overlay import overlay_all
from ocisize.model.analysis import Analysis
from ocisize.tar.filetable import FileTable, IntArray


def stored_rows(analysis: Analysis) -> list[tuple[FileTable, IntArray]]:
    """Per layer, base first: its table, and by row the layer that hides it or -1; ReportError where there are no tables."""
    tables = [layer.files for layer in analysis.layers if layer.files is not None]
    if len(tables) < len(analysis.layers):
        raise ReportError("this format lists every file, but the analysis was saved without its file tables")
    hidden_by = [layer.hidden_by for layer in analysis.layers if layer.hidden_by is not None]
    if len(hidden_by) < len(tables):
        hidden_by = list(overlay_all(tables).hidden_by)
    return list(zip(tables, hidden_by, strict=True))
