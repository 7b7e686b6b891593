"""Help texts that fit the terminal."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_GAP = "  "  # before and between the columns of a table


class HelpFormatter(argparse.HelpFormatter):
    """Wraps paragraphs, and the right column of tables."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = [line for text_line in text.splitlines() for line in _wrap(text_line, width)]
        return "\n".join(indent + line for line in lines)


def table(title: str, rows: Mapping[str, str]) -> str:
    """A title, and below it a table of names and descriptions."""
    width = max(map(len, rows))
    return "\n".join([title, *(f"{_GAP}{name:{width}}{_GAP}{what}" for name, what in rows.items())])


def _wrap(line: str, width: int) -> list[str]:
    import textwrap

    if not line.startswith(_GAP):
        return textwrap.wrap(line, width, break_on_hyphens=False) or [""]
    name, _, _ = line[len(_GAP) :].partition(_GAP)
    right = len(line) - len(line[len(_GAP) + len(name) :].lstrip())
    return textwrap.wrap(line, width, subsequent_indent=" " * right)
