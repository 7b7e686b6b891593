"""The console of text reports, and the first lines of a report."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.text import Text

from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.report.text.lines import MAX_WIDTH, PIPE_WIDTH, Line, spare_columns
from ocisize.report.words.image import describe_trust, name_image
from ocisize.report.words.incomplete import NOTE, headline, list_unread
from ocisize.report.words.steps import show_layer
from ocisize.text import printable

_PADDING = re.compile(r"(?:\s|\x1b\[[0-9;]*m)+\Z")  # with the codes of styles among the blanks


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
        console.width = PIPE_WIDTH
    console.width = min(console.width, MAX_WIDTH) - (spare_columns(file) if width is None else 0)
    yield console
    # Tables are padded to the full width, which is of no use. A page is written by us, not by rich, which would end the
    # program where its reader has had enough.
    file.writelines(_PADDING.sub(lambda end: "".join(end[0].split()), line) + "\n" for line in page.getvalue().splitlines())


def print_lines(console: Console, lines: Iterable[Line]) -> None:
    """Print lines that are already cut to the width of the page."""
    for line in lines:
        console.print(Text.assemble(*line.spans), overflow="fold")


def print_name(console: Console, analysis: Analysis) -> None:
    """Print the name of the image, and below it unverified registries and the unread layers."""
    console.print(Text(printable(name_image(analysis)), style="bold"), overflow="fold")
    print_trust(console, analysis.unverified_hosts)
    if not analysis.complete:
        from rich.padding import Padding

        console.print(Text(headline(analysis), style="bold red"))
        for line in list_unread(analysis):
            console.print(Padding(Text(line, style="red", overflow="fold"), (0, 0, 0, 2)))
        console.print(Text(NOTE, style="dim"), overflow="fold")


def print_trust(console: Console, hosts: Sequence[str]) -> None:
    """Print which registries were read without verifying who they are."""
    for line in describe_trust(hosts):
        console.print(Text(printable(line), style="yellow"), overflow="fold")


def layer_title(layer: LayerAnalysis) -> str:
    """The heading of a layer."""
    return f"layer {layer.index}: {show_layer(layer) or layer.digest[:19]}"
