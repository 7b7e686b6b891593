"""The queries on docs/fleet.md: ``python -m tests.fleet.queries NAME`` runs the block ``sql`` that begins with ``-- NAME``.

Without a name it lists the tables with their columns. The result is a plain table, with numbers to the right.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import duckdb

from ocisize.fleet.export.schema import TABLES

PAGE = Path(__file__).parent.parent.parent / "docs" / "fleet.md"
_BLOCK = re.compile(r"^```sql\n-- (?P<name>[^\n]+)\n(?P<query>.*?)^```$", re.MULTILINE | re.DOTALL)
_WIDTH = 110


def list_queries() -> dict[str, str]:
    """The queries of the page by name."""
    return {block["name"]: block["query"] for block in _BLOCK.finditer(PAGE.read_text("utf-8"))}


def run_query(query: str) -> str:
    """The result of a query as a text table."""
    cursor = duckdb.connect().execute(query)
    rows = [[column[0] for column in cursor.description or ()], *(list(map(_show, row)) for row in cursor.fetchall())]
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [all(re.fullmatch(r"[\d,]*", cell) for cell in column[1:]) for column in columns]
    lines = (
        "  ".join(
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, numeric, strict=True)
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _show(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else "" if value is None else str(value)


def list_tables() -> str:
    """The tables and their columns."""
    lines = []
    for table in TABLES:
        lines += [f"{table.name}: {table.about}{' (--files)' if table.needs_files else ''}"]
        for column in table.columns:
            head = f"  {column.name:<17}{column.type:<10}"
            lines += textwrap.wrap(
                column.about.replace("`", ""), _WIDTH, initial_indent=head, subsequent_indent=" " * len(head)
            )
    return "\n".join(lines)


if __name__ == "__main__":
    print(run_query(list_queries()[sys.argv[1]]) if len(sys.argv) > 1 else list_tables())
