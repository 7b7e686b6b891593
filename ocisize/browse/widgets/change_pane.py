"""ChangePane: two images side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.browse.changes.lines import head_of_changes, show_change
from ocisize.browse.widgets.folding import FoldingPane

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocisize.browse.changes.tree import ChangeNode, ChangeTree
    from ocisize.browse.spans import Line


class ChangePane(FoldingPane):
    """Two trees, whose rows are aligned: a directory is open in both or in none."""

    view: ChangeTree | None = None

    @property
    def folding(self) -> ChangeTree | None:
        """Both trees."""
        return self.view

    @property
    def node(self) -> ChangeNode | None:
        """The row of the cursor."""
        return self.view.node(self.cursor) if self.view is not None and self.cursor < self.count else None

    def head(self, width: int) -> str:
        """The heads of the columns."""
        return "" if self.view is None else head_of_changes(self.view, width)

    def line(self, number: int, width: int) -> Line:
        """A row of both trees."""
        return [] if self.view is None else show_change(self.view.node(number), width, is_open=self.view.is_open(number))

    def rearrange(self, change: Callable[[ChangeTree], object]) -> None:
        """Sort or filter both trees, and stay at the same row."""
        if self.view is not None:
            node = self.node
            change(self.view)
            self.reload((self.view.find(node) if node is not None else None) or 0)
