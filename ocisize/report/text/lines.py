"""Lines of styled text, written without a terminal library: it would take longer to load than the screen to write."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "magenta": "35", "cyan": "36"}
PIPE_WIDTH = 120  #: for files, pipes and CI logs, whose readers scroll
MAX_WIDTH = 160  #: wider lines are harder to read, not easier
_ASCII_COLUMNS = 3  # that ``...`` and ``->`` take beside those of the signs for which they are written


class Line:
    """One line of a report: texts, each plain or with a style such as ``bold red``.

    >>> Line(("SECRET", "bold red"), " /app/.env").render(color=True)
    '\\x1b[1;31mSECRET\\x1b[0m /app/.env'
    """

    def __init__(self, *spans: str | tuple[str, str]) -> None:
        self.spans = tuple((span, "") if isinstance(span, str) else span for span in spans)

    def render(self, *, color: bool) -> str:
        """The text of the line, with the codes of its styles or without; blanks at its end are left out."""
        if not color:
            return "".join(text for text, _ in self.spans).rstrip()
        return "".join(_paint(text, style) for text, style in self.spans).rstrip()


def _paint(text: str, style: str) -> str:
    codes = ";".join(_CODES[word] for word in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text.strip() else text


def wrap(text: str, width: int, *, indent: str = "", first_indent: str = "", break_on_hyphens: bool = True) -> list[str]:
    """Return a text without line ends as lines of a width, those after the first one indented; [] for no text.

    A text that fits, as most do, is not given to textwrap, whose import takes as long as a report.

    >>> wrap("two words", 9), wrap("two words", 8, indent=" "), wrap("", 8)
    (['two words'], ['two', ' words'], [])
    """
    if text.isprintable() and text == text.strip() and len(first_indent) + len(text) <= width:
        return [first_indent + text] if text else []
    import textwrap

    return textwrap.wrap(
        text, width, initial_indent=first_indent, subsequent_indent=indent, break_on_hyphens=break_on_hyphens
    )


def has_color(file: TextIO, color: bool | None) -> bool:  # noqa: FBT001 - the value of an option
    """Whether to color a report: as asked for, or on a terminal that has colors."""
    if color is not None:
        return color
    return file.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in ("dumb", "unknown")


def page_width(file: TextIO, color: bool | None) -> int:  # noqa: FBT001 - the value of an option
    """The characters of a line: those of the terminal, or of COLUMNS; without both more, as for a pipe."""
    return min(_file_width(file, color), MAX_WIDTH) - spare_columns(file)


def spare_columns(file: TextIO) -> int:
    """The columns to leave free at the end of a line where ASCII replaces signs, because the file is not UTF-8."""
    encoding = getattr(file, "encoding", None) or "utf-8"
    return 0 if encoding.lower().startswith("utf") else _ASCII_COLUMNS


def _file_width(file: TextIO, color: bool | None) -> int:  # noqa: FBT001 - the value of an option
    terminal = color is not False and (color or file.isatty())
    fallback = (80, 24) if terminal else (PIPE_WIDTH, 24)
    if terminal or "COLUMNS" in os.environ:
        import shutil  # for a pipe, this would import lzma and bz2 for nothing

        return shutil.get_terminal_size(fallback).columns
    return PIPE_WIDTH


def write_lines(lines: Iterable[Line], file: TextIO, *, color: bool) -> None:
    """Write lines to a file."""
    file.writelines(line.render(color=color) + "\n" for line in lines)
