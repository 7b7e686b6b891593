"""What other tools show for an image, as a table with the formula of each figure and notes below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ocisize.model.tool_sizes import ToolSize
from ocisize.report.text.lines import Line, wrap
from ocisize.report.words.tool_sizes import TITLE, explain_unknown, list_notes, write_size
from ocisize.text import printable

_WIDE = 110  # characters of a line from which the formulas are in the table
_INDENT = "  "


def list_platforms(
    images: Iterable[tuple[str, Sequence[ToolSize]]], of_index: Sequence[ToolSize], width: int
) -> Iterator[Line]:
    """The lines for the images of several platforms, each with its name above its figures, and for their index."""
    for platform, rows in images:
        yield Line((printable(platform), "bold"))
        yield from list_tool_sizes(rows, width)
        yield Line()
    if of_index:
        yield Line(("The index", "bold"))
        yield from list_tool_sizes(of_index, width)


def list_tool_sizes(rows: Sequence[ToolSize], width: int) -> Iterator[Line]:
    """The lines of the table and of its notes in ``width`` characters; narrow ones have the formulas below the figures."""
    sizes = [write_size(row) for row in rows]
    widths = [max(map(len, column)) for column in (sizes, [row.tool for row in rows], [row.figure for row in rows])]
    wide = width >= _WIDE
    yield Line((TITLE, "bold"))
    for row, size in zip(rows, sizes, strict=True):
        cells = f"  {row.tool:{widths[1]}}  {row.figure:{widths[2]}}"
        formula = f"  = {row.formula}"
        yield Line((f"{size:>{widths[0]}}", "bold"), cells, (formula if wide else "", "dim"))
        if not wide:
            yield Line((f"{'':{widths[0]}}{formula}", "dim"))
    yield Line()
    for note in (*list_notes(rows), *explain_unknown(rows)):
        for line in wrap(note, width, indent=_INDENT, break_on_hyphens=False):
            yield Line((line, "dim"))
