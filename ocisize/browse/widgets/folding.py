"""FoldingPane: a tree whose directories keys open and close."""

from __future__ import annotations

from typing import ClassVar, Protocol

from textual.binding import Binding, BindingType

from ocisize.browse.widgets.line_list import LineList


class Folding(Protocol):
    """A tree as a list of rows."""

    def __len__(self) -> int: ...

    def is_open(self, row: int, /) -> bool:
        """Whether the row is a directory that is open."""

    def open(self, row: int, /) -> None:
        """Open the directory of a row."""

    def close(self, row: int, /) -> None:
        """Close the directory of a row."""

    def parent(self, row: int, /) -> int | None:
        """The row of the directory that a row is in; None for the root."""


class FoldingPane(LineList):
    """A pane of such a tree; it is empty before there is one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "open", "Open", show=False),
        Binding("left,h", "close", "Close", show=False),
    ]

    @property
    def folding(self) -> Folding | None:
        """The tree."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """The number of lines."""
        return 0 if self.folding is None else len(self.folding)

    def action_open(self) -> None:
        """Open the directory of the cursor; go into it if it is open."""
        if self.folding is None or not self.count:
            return
        if self.folding.is_open(self.cursor):
            self.action_move(1)
        else:
            self.folding.open(self.cursor)
            self.reload()

    def action_close(self) -> None:
        """Close the directory of the cursor, or go to the directory above."""
        if self.folding is None or not self.count:
            return
        if self.folding.is_open(self.cursor):
            self.folding.close(self.cursor)
            self.reload()
        elif (parent := self.folding.parent(self.cursor)) is not None:
            self.reload(parent)

    def toggle(self) -> None:
        """Open the directory of the cursor, or close it."""
        if self.folding is None or not self.count:
            return
        change = self.folding.close if self.folding.is_open(self.cursor) else self.folding.open
        change(self.cursor)
        self.reload()
