"""TabLine: the names of the lists in one line, with the keys that show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text
from textual.message import Message
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

_TREE = "Tree"
_SHOWN, _OTHER = Style(bold=True, reverse=True), Style()


class TabLine(Static):
    """The tabs; a click on one shows it."""

    DEFAULT_CSS = "TabLine { height: 1; }"

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - as Textual has it
        super().__init__("", id=id, markup=False)
        self._names: Sequence[str] = [_TREE]
        self._chosen = 0

    def show(self, names: Sequence[str], chosen: int) -> None:
        """Show the tree and lists with some names."""
        self._names = [_TREE, *names]
        self.select(chosen)

    def select(self, chosen: int) -> None:
        """Show that a tab is the chosen one."""
        self._chosen = chosen
        self.update(Text.assemble(*((label, _SHOWN if number == chosen else _OTHER) for number, label in self._labels())))

    def _labels(self) -> list[tuple[int, str]]:
        labels = [f" {number + 1} {name} " for number, name in enumerate(self._names)]
        if sum(map(len, labels)) > self.size.width:
            labels = [label[1:] for label in labels]
        return list(enumerate(labels))

    def on_resize(self) -> None:
        """Use the room that there is."""
        self.select(self._chosen)

    def on_click(self, event: events.Click) -> None:
        """Tell which tab is under the mouse."""
        end = 0
        for number, label in self._labels():
            end += len(label)
            if event.x < end:
                self.post_message(self.Chosen(number))
                return
