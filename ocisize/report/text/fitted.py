"""A table cell that is shortened to the width of its column, when the table is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs
from rich.measure import Measurement
from rich.text import Text

from ocisize.report.words.units import shorten_path

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_MIN_WIDTH = 12  # characters


@attrs.frozen
class Fitted:
    """A text with the function that shortens it: ``shorten(text, width)``; ``prefix`` is never shortened.

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
        return Measurement(min(width, _MIN_WIDTH), width)
