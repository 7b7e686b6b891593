"""Tables of text reports: columns as wide as their cells, the last one cut to the width of the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ocisize.report.text.lines import Line
from ocisize.report.words.units import cut

_GAP = "  "


def list_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, first: int = 0, last: int = 1
) -> Iterator[Line]:
    """The lines of a table, without columns that have no cell.

    The ``first`` columns, the ``last`` ones, and the last one that is shown are texts, the others numbers.
    """
    texts = {*range(first), *range(len(headings) - last, len(headings))}
    kept = [number for number in range(len(headings)) if any(row[number] for row in rows)]
    columns = [[headings[number], *(row[number] for row in rows)] for number in kept]
    widths = [max(map(len, column)) for column in columns]
    widths[-1] = max(width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1), 1)
    for line in range(len(rows) + 1):
        cells = []
        for place, number in enumerate(kept):
            cell = cut(columns[place][line], widths[place])
            is_text = number in texts or place == len(kept) - 1
            cells.append(f"{cell:{widths[place]}}" if is_text else f"{cell:>{widths[place]}}")
        yield Line((_GAP.join(cells), "dim" if line == 0 else ""))
