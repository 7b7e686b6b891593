"""The console of text reports, and their tables, whose cells are shortened to the width of their columns."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TextIO, TypeVar

from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.report.words.image import name_image
from ocisize.report.words.incomplete import NOTE, headline, list_unread
from ocisize.report.words.units import UNKNOWN, human_size, shorten_path
from ocisize.text import printable

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderResult

T = TypeVar("T")
_PIPE_WIDTH = 120  # for files, pipes and CI logs, whose readers scroll
_PADDING = re.compile(r"(?:\s|\x1b\[[0-9;]*m)+\Z")  # with the codes of styles among the blanks
_MIN_CELL_WIDTH = 12  # characters
_MAX_WIDTH = 160  # wider lines are harder to read, not easier


class Fitted(NamedTuple):
    """A table cell: a text with the function that shortens it: ``shorten(text, width)``; ``prefix`` is never shortened.

    >>> from rich.console import Console
    >>> Console(width=20).print(Fitted("/usr/lib/python3/dist-packages/numpy"))
    /usr/lib/…/numpy
    """

    text: str
    shorten: Callable[[str, int], str] = shorten_path
    prefix: str = ""
    dim: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width - len(self.prefix)
        text = Text.assemble((self.prefix, "dim"), (self.shorten(self.text, room), "dim" if self.dim else ""))
        text.no_wrap, text.overflow = True, "ellipsis"
        yield text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        width = len(self.prefix) + len(self.text)
        return Measurement(min(width, _MIN_CELL_WIDTH), width)


@contextmanager
def open_page(file: TextIO, *, width: int | None = None, color: bool | None = None) -> Iterator[Console]:
    """A console whose output is written to ``file`` at the end; ``color`` None means only on a terminal."""
    plain = color is False or (color is None and not file.isatty())
    page = io.StringIO()
    console = Console(
        file=page,
        width=width,
        force_terminal=not plain,
        no_color=plain or None,
        highlight=False,
        soft_wrap=False,
        legacy_windows=False,
        emoji=False,
        markup=False,
    )
    if width is None and plain and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    console.width = min(console.width, _MAX_WIDTH)
    yield console
    # Tables are padded to the full width, which is of no use. A page is written by us, not by rich, which would end the
    # program where its reader has had enough.
    file.writelines(_PADDING.sub(lambda end: "".join(end[0].split()), line) + "\n" for line in page.getvalue().splitlines())


def print_name(console: Console, analysis: Analysis) -> None:
    """Print the name of the image, and below it the unread layers."""
    console.print(Text(printable(name_image(analysis)), style="bold"), overflow="fold")
    if not analysis.complete:
        console.print(Text(headline(analysis), style="bold red"))
        for line in list_unread(analysis):
            console.print(Padding(Text(line, style="red", overflow="fold"), (0, 0, 0, 2)))
        console.print(Text(NOTE, style="dim"), overflow="fold")


def layer_title(layer: LayerAnalysis) -> str:
    """The heading of a layer."""
    return f"layer {layer.index}: {layer.build_step.text or layer.digest[:19]}"


def new_table(console: Console, title: str, columns: Sequence[str], left: int) -> Table:
    """A table of number columns and, at the end, ``left`` text columns; the last one takes the remaining width."""
    console.print()
    console.print(Text(title, style="bold"))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, expand=True, header_style="dim")
    for number, name in enumerate(columns):
        last = number == len(columns) - 1
        table.add_column(
            name, justify="right" if number < len(columns) - left else "left", no_wrap=True,
            overflow="ellipsis", ratio=1 if last else None,
        )  # fmt: skip
    return table


def drop_unknown(columns: Sequence[str], rows: Sequence[tuple[T, ...]]) -> tuple[list[str], list[tuple[T, ...]]]:
    """A table without columns that have no known values."""
    keep = [index for index, _ in enumerate(columns) if any(row[index] not in (UNKNOWN, "") for row in rows)]
    return [columns[index] for index in keep], [tuple(row[index] for index in keep) for row in rows]


def print_rows(console: Console, title: str, columns: Sequence[str], rows: Sequence[tuple[str, ...]], left: int) -> None:
    """Print a table of files, paths last and shortened to fit; columns of unknown figures are left out."""
    columns, rows = drop_unknown(columns, rows)
    table = new_table(console, title, columns, left)
    for row in rows:
        table.add_row(*row[:-1], Fitted(row[-1]))
    console.print(table)


def print_rest(console: Console, count: int, size: int) -> None:
    """Print how many rows a list leaves out, and their bytes."""
    if count > 0:
        console.print(Text(f"… and {count:,} more, {human_size(size)}", style="dim"))
