"""The largest directories and file types side by side, in a few lines of the text report."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ocisize.model.sizes import Group, Groups
from ocisize.report.text.fitted import Fitted
from ocisize.report.words.units import cut, human_size
from ocisize.text import printable

if TYPE_CHECKING:
    from rich.console import Console

_TITLE = "Where the bytes are (stored in all layers: live and wasted)"
_NUMBER_WIDTH = 7  # characters of a size


def print_groups(console: Console, groups: Groups | None, top: int) -> None:
    """Print half as many rows as the lists of files have; nothing if no directory has bytes."""
    if groups is None:
        return
    directories, types = (_largest(division, (top + 1) // 2) for division in (groups.directories, groups.file_types))
    if not directories:
        return
    download_known = all(group.compressed_size is not None for group in directories)
    numbers = ("Size", "Download") if download_known else ("Size",)
    console.print()
    console.print(Text(_TITLE, style="bold"))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for name in ("Directory", "File type"):
        for number in numbers:
            table.add_column(number, justify="right", no_wrap=True, min_width=_NUMBER_WIDTH)
        table.add_column(name)
    for directory, file_type in zip_longest(directories, types):
        path = Fitted("" if directory is None else printable(directory.name or ""))
        type_name = Fitted("" if file_type is None else printable(file_type.name or ""), cut)
        table.add_row(*_sizes(directory, numbers), path, *_sizes(file_type, numbers), type_name)
    console.print(table)


def _largest(groups: Sequence[Group], count: int) -> list[Group]:
    return [group for group in groups if group.name is not None and group.content_size][:count]


def _sizes(group: Group | None, columns: Sequence[str]) -> list[str]:
    if group is None:
        return [""] * len(columns)
    return [human_size(group.content_size), human_size(group.compressed_size)][: len(columns)]
