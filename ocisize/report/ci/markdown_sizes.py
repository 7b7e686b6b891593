"""What other tools show for images, as a folded table in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.analysis import Analysis
from ocisize.model.outline import Outline
from ocisize.report.ci.markdown_budgets import table_row
from ocisize.report.ci.markdown_text import Table, escape_text, keep_together
from ocisize.report.subject import ReportedImage
from ocisize.report.words.tool_sizes import TITLE, write_size
from ocisize.sizes.tool_sizes import tool_sizes

_NEEDS_LAYERS = "needs the layers"


def write_sizes(images: Sequence[ReportedImage], documents: Sequence[Analysis | Outline], room: int) -> str:
    """A row for each figure of each image in at most ``room`` bytes; ``documents`` have the figures of ``images``."""
    columns = f"{'Platform | ' if images[0].platform else ''}Size | Tool | Figure | Formula | Notes"
    rows = []
    for image, document in zip(images, documents, strict=True):
        for row in tool_sizes(document):
            notes = "; ".join(filter(None, (row.doubt, row.note, _NEEDS_LAYERS * row.needs_layers)))
            cells = (keep_together(write_size(row)), *map(escape_text, (row.tool, row.figure, row.formula, notes)))
            rows.append(table_row(image, cells))
    return Table("figure", columns, left=4).fill(rows, room, summary=TITLE)
