"""Tables of text reports, whose cells are shortened to the width of their columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ocisize.report.words.units import UNKNOWN, human_size, shorten_path
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

T = TypeVar("T")
_MIN_CELL_WIDTH = 12  # characters


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
