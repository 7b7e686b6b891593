"""LineList: a list of any length, of which only the visible lines are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual import events

    from ocisize.browse.spans import Line

#: name of a style → how it looks; without colors, signs and words say the same
STYLES: Mapping[str, Style] = {
    "added": Style(color="green"),
    "changed": Style(color="yellow"),
    "removed": Style(color="red"),
    "gone": Style(color="red", dim=True),
    "waste": Style(color="red"),
    "marked": Style(color="magenta", bold=True),
    "directory": Style(bold=True),
    "bar": Style(color="blue"),
    "bold": Style(bold=True),
    "dim": Style(dim=True),
}
_CURSOR, _CURSOR_ELSEWHERE = Style(reverse=True), Style(bold=True, underline=True)


class LineList(ScrollView, can_focus=True):
    """A list with a cursor. Subclasses say how many lines there are, and make the one that is asked for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "jump(0)", "First", show=False),
        Binding("end,G", "jump(-1)", "Last", show=False),
        Binding("enter,space", "choose", "Open", show=False),
    ]
    DEFAULT_CSS = "LineList { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }"

    class Moved(Message):
        """The cursor is at another line, or the lines are other ones."""

        def __init__(self, lines: LineList) -> None:
            super().__init__()
            self.lines = lines

    class Chosen(Message):
        """The line of the cursor was chosen by Enter, Space or a second click."""

        def __init__(self, lines: LineList) -> None:
            super().__init__()
            self.lines = lines

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - as Textual has it
        super().__init__(id=id, classes=classes)
        self.cursor = 0

    @property
    def count(self) -> int:
        """The number of lines."""
        return 0

    def line(self, number: int, width: int) -> Line:
        """A line in at most ``width`` columns."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """The line at a row of the screen."""
        number, width, base = y + self.scroll_offset.y, self.size.width, self.rich_style
        if number >= self.count:
            return Strip.blank(width, base)
        style = base
        if number == self.cursor:
            style += _CURSOR if self.has_focus else _CURSOR_ELSEWHERE
        segments = []
        for text, names in self.line(number, width):
            own = style
            for name in names.split():
                own += STYLES[name]
            segments.append(Segment(text, own))
        return Strip(segments).adjust_cell_length(width, style)

    def reload(self, cursor: int | None = None) -> None:
        """Draw all lines again, with the cursor at a line."""
        self.virtual_size = Size(0, self.count)
        self._put_cursor(self.cursor if cursor is None else cursor)

    def _put_cursor(self, number: int) -> None:
        self.cursor = max(min(number, self.count - 1), 0)
        height = max(self.size.height, 1)
        top = self.scroll_offset.y
        if not top <= self.cursor < top + height:
            goal = self.cursor if self.cursor < top else self.cursor - height + 1
            if not top - height <= self.cursor < top + 2 * height:
                goal = max(self.cursor - height // 2, 0)  # a jump: with the lines around it
            self.scroll_to(y=goal, animate=False, force=True, immediate=True)
        self.refresh()
        self.post_message(self.Moved(self))

    def action_move(self, lines: int) -> None:
        """Move the cursor by some lines."""
        self._put_cursor(self.cursor + lines)

    def action_page(self, pages: int) -> None:
        """Move the cursor by pages."""
        self._put_cursor(self.cursor + pages * max(self.size.height - 1, 1))

    def action_jump(self, number: int) -> None:
        """Move the cursor to the first line, or to the last one (-1)."""
        self._put_cursor(number if number >= 0 else self.count - 1)

    def action_choose(self) -> None:
        """Choose the line of the cursor."""
        if self.count:
            self.post_message(self.Chosen(self))

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the line under the mouse; choose it if it is there."""
        number = event.y + self.scroll_offset.y
        if number < self.count:
            was_there = number == self.cursor
            self._put_cursor(number)
            if was_there:
                self.action_choose()

    def on_focus(self) -> None:
        """Draw the cursor of a list with the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw the cursor of a list without the focus."""
        self.refresh()

    def on_resize(self) -> None:
        """Fit the lines into the new width."""
        self.reload()
