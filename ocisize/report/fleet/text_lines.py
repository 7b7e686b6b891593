"""Lines that the text reports of a fleet share: paragraphs, and how much was left out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from ocisize.report.text.lines import Line


def count_more(count: int) -> Iterator[Line]:
    """A line that says how many rows were left out, if there are any."""
    if count > 0:
        yield Line((f"… {count:,} more; --top shows more", "dim"))


def wrap(text: str, width: int, style: str = "", *, indent: str = "") -> Iterator[Line]:
    """The lines of a paragraph."""
    lines = textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    return (Line((line, style)) for line in lines)
