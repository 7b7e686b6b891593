"""Where the bytes are: the largest directories and file types side by side, a few lines of the text report."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ocisize.model.sizes import Group, Groups
from ocisize.report.words.units import cut, human_size, shorten_path
from ocisize.text import printable

if TYPE_CHECKING:
    from rich.console import Console

_TITLE = "Where the bytes are (stored in all layers: live and wasted)"
_LONGEST_TYPE = 27  # characters
_NUMBER = 8  # characters of a column, the gap included
_LEAST_TYPE = 21  # to which types are cut for paths that lack room
_LEAST, _ENOUGH = 12, 26  # characters for paths


def print_groups(console: Console, groups: Groups | None, top: int) -> None:
    """Half as many rows as the lists of files have; nothing where no bytes are."""
    if groups is None:
        return
    directories, types = (_first(division, (top + 1) // 2) for division in (groups.directories, groups.file_types))
    if not directories:
        return
    wire = all(group.compressed_size is not None for group in directories)
    numbers = ("Size", "Wire") if wire else ("Size",)
    console.print()
    console.print(Text(_TITLE, style="bold"))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    width = _width_of_paths(console.width, len(numbers), directories, types)
    rest = console.width - 2 * len(numbers) * _NUMBER - width - 1
    for name, room in (("Directory", width), ("File type", None)):
        for number in numbers:
            table.add_column(number, justify="right", no_wrap=True, min_width=_NUMBER - 1)
        table.add_column(name, no_wrap=True, overflow="ellipsis", width=room)
    for directory, file_type in zip_longest(directories, types):
        path = "" if directory is None else shorten_path(printable(directory.name or ""), width)
        name = "" if file_type is None else cut(printable(file_type.name or ""), rest)
        table.add_row(*_sizes(directory, wire=wire), Text(path), *_sizes(file_type, wire=wire), Text(name))
    console.print(table)


def _first(groups: Sequence[Group], count: int) -> list[Group]:
    return [group for group in groups if group.name is not None and group.content_size][:count]


def _width_of_paths(width: int, numbers: int, directories: Sequence[Group], types: Sequence[Group]) -> int:
    """Characters for paths: no more than they take, and what the numbers and the names of the types leave."""
    longest = min(max(len(group.name or "") for group in types), _LONGEST_TYPE)
    room = width - 2 * numbers * _NUMBER - 2
    wanted = max(len(printable(group.name or "")) for group in directories)
    return max(_LEAST, min(wanted, max(room - max(longest, len("File type")), min(_ENOUGH, room - _LEAST_TYPE))))


def _sizes(group: Group | None, *, wire: bool) -> list[str]:
    if group is None:
        return ["", ""] if wire else [""]
    return [human_size(group.content_size), *([human_size(group.compressed_size)] if wire else [])]
