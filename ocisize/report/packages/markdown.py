"""The packages of an image as Markdown, for comments of pull requests and step summaries: the table of the text report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from ocisize.model.analysis import Analysis
from ocisize.model.packages import Inventory
from ocisize.report.ci.markdown_text import Table, code_span, escape_text, keep_together
from ocisize.report.packages.rows import Part, TableRow, list_rows
from ocisize.report.packages.words import NOT_OWNED, describe_inventory
from ocisize.report.words.image import name_image
from ocisize.report.words.units import human_size
from ocisize.sizes.packages import PackageListing

_MAX_LENGTH = 60_000  # bytes; a comment of GitHub has 65,536 characters at most


def write_markdown(analysis: Analysis, inventory: Inventory, listing: PackageListing, file: TextIO) -> None:
    """Write a listing; its last row is the image, to which the others add up."""
    rows = list_rows(analysis, inventory, listing)
    waste = any(row.wasted_size for row in rows)
    columns = " | ".join(["Download", "Unpacked", *["Waste"] * waste, "Layer", "Kind", "Package", "Why"])
    head = f"## Packages of {code_span(name_image(analysis))}\n\n{escape_text(describe_inventory(inventory))}\n"
    table = Table("row", columns, left=3)
    file.write(head + table.fill([_row(row, waste=waste) for row in rows], _MAX_LENGTH))


def _row(row: TableRow, *, waste: bool) -> str:
    cells: Sequence[str] = [
        keep_together(human_size(row.compressed_size)),
        "" if row.part is Part.OVERHEAD else keep_together(human_size(row.content_size)),
        *([keep_together(human_size(row.wasted_size)) if row.wasted_size else ""] * waste),
        "" if row.layer is None else str(row.layer),
        row.kind,
        _name(row),
        ", ".join(filter(None, [NOT_OWNED.lower() if row.part is Part.UNOWNED else "", escape_text(row.why)])),
    ]
    return f"| {' | '.join(cells)} |"


def _name(row: TableRow) -> str:
    if row.part is Part.TOTAL:
        return f"**{row.name}**"
    if row.part is Part.PACKAGES:
        return " ".join(filter(None, [code_span(row.name), escape_text(row.version)]))
    return escape_text(row.name)
