"""Lines that the text reports of a fleet share: tables, paragraphs, and how much was left out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from ocisize.report.text.lines import Line
from ocisize.report.words.units import cut

_GAP = "  "  # between columns


def list_table(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, texts: int = 1) -> Iterator[Line]:
    """The lines of a table: the last ``texts`` columns are texts, and the last one is cut to the width of the page."""
    kept = [number for number in range(len(headings)) if any(row[number] for row in rows)]
    first_text = len(headings) - texts
    columns = [[headings[number], *(row[number] for row in rows)] for number in kept]
    widths = [max(map(len, column)) for column in columns]
    widths[-1] = max(width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1), 1)
    for line in range(len(rows) + 1):
        cells = [
            f"{cell:{size}}" if number >= first_text else f"{cell:>{size}}"
            for number, column, size in zip(kept, columns, widths, strict=True)
            for cell in [cut(column[line], size)]
        ]
        yield Line((_GAP.join(cells), "dim" if line == 0 else ""))


def count_more(count: int) -> Iterator[Line]:
    """A line that says how many rows were left out, if there are any."""
    if count > 0:
        yield Line((f"… {count:,} more; --top shows more", "dim"))


def wrap(text: str, width: int, style: str = "", *, indent: str = "") -> Iterator[Line]:
    """The lines of a paragraph."""
    lines = textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    return (Line((line, style)) for line in lines)
