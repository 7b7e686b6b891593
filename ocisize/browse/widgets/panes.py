"""The panes: layers, the tree, search results, lists, and details."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.browse.entries import Entries, Node, Order
from ocisize.browse.spans import (
    Line,
    Span,
    largest_weight,
    measure_columns,
    show_cells,
    show_layer,
    show_node,
    wrap_words,
)
from ocisize.browse.widgets.folding import FoldingPane
from ocisize.browse.widgets.line_list import LineList
from ocisize.report.words.units import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocisize.browse.details import Detail
    from ocisize.browse.layer_rows import LayerRow
    from ocisize.browse.marked import MarkedPaths
    from ocisize.browse.panels import Panel
    from ocisize.browse.tree import TreeView

_MEASURED = 500  # rows of a list that its columns are fitted to
_STEP_LINES = 3  # of the whole build step of a layer
_LABEL = 13  # columns of a label of details


class LayerPane(LineList):
    """The image and its layers."""

    rows: Sequence[LayerRow] = ()

    @property
    def count(self) -> int:
        """The number of lines."""
        return len(self.rows)

    def line(self, number: int, width: int) -> Line:
        """A layer."""
        return show_layer(self.rows[number], width)

    @property
    def whole_step(self) -> str:
        """The build step of the cursor's layer if the line of the layer does not have all of it."""
        if self.cursor >= self.count:
            return ""
        row, width = self.rows[self.cursor], max(self.size.width, _LABEL)
        if row.layer is None or self.line(self.cursor, width)[-1].text == row.step:
            return ""
        lines = wrap_words(" ".join(filter(None, (f"layer {row.layer}", row.lines, row.step))), width)
        if len(lines) > _STEP_LINES:
            lines[_STEP_LINES - 1 :] = [cut(" ".join(lines[_STEP_LINES - 1 : _STEP_LINES + 1]), width)]
        return "\n".join(lines)


class EntryPane(LineList):
    """Entries of an image: those of the tree, or those that a search found."""

    def __init__(self, marked: MarkedPaths, *, id: str | None = None) -> None:  # noqa: A002 - as Textual has it
        super().__init__(id=id)
        self.marked = marked
        self._largest: dict[tuple[int, Order], int] = {}

    def node_at(self, number: int) -> Node:
        """The entry of a line."""
        raise NotImplementedError

    @property
    def node(self) -> Node | None:
        """The entry of the cursor."""
        return self.node_at(self.cursor) if self.cursor < self.count else None

    def reload(self, cursor: int | None = None) -> None:
        """Draw all lines again."""
        self._largest.clear()
        super().reload(cursor)

    def largest(self, entries: Entries, order: Order) -> int:
        """The largest figure of the entries beside a line."""
        key = id(entries), order
        if key not in self._largest:
            self._largest[key] = largest_weight(entries, order)
        return self._largest[key]


class TreePane(FoldingPane, EntryPane):
    """The tree of directories."""

    view: TreeView | None = None

    @property
    def folding(self) -> TreeView | None:
        """The tree."""
        return self.view

    def node_at(self, number: int) -> Node:
        """The entry of a line."""
        if self.view is None:
            raise IndexError(number)
        return self.view.node(number)

    def line(self, number: int, width: int) -> Line:
        """An entry."""
        tree = self.view
        if tree is None:
            return []
        node = tree.node(number)
        return show_node(
            node,
            tree.order,
            self.largest(tree.rows[number].entries, tree.order),
            width,
            depth=tree.depth(number),
            is_open=tree.is_open(number),
            is_marked=node.path in self.marked,
        )


class ResultPane(EntryPane):
    """What a search found, in one list with whole paths."""

    found: Entries | None = None
    order: Order = Order.SIZE

    @property
    def count(self) -> int:
        """The number of lines."""
        return 0 if self.found is None else len(self.found.order)

    def node_at(self, number: int) -> Node:
        """The entry of a line."""
        if self.found is None:
            raise IndexError(number)
        return self.found.node(self.found.order[number])

    def line(self, number: int, width: int) -> Line:
        """An entry with its path."""
        if self.found is None:
            return []
        node = self.node_at(number)
        largest = self.largest(self.found, self.order)
        return show_node(node, self.order, largest, width, is_marked=node.path in self.marked)


class PanelPane(LineList):
    """A list behind a tab."""

    panel: Panel | None = None
    _widths: Sequence[int] = ()

    @property
    def count(self) -> int:
        """The number of lines."""
        return 0 if self.panel is None else self.panel.count

    def show(self, panel: Panel) -> None:
        """Show a list."""
        self.panel = panel
        self._widths = measure_columns(panel, [panel.row(number) for number in range(min(panel.count, _MEASURED))])
        self.scroll_to(y=0, animate=False, force=True, immediate=True)
        self.reload(0)

    def head(self, width: int) -> str:
        """The heads of the columns."""
        if self.panel is None:
            return ""
        return "".join(span.text for span in show_cells(self.panel.columns, self.panel.figures, self._widths, width))

    def line(self, number: int, width: int) -> Line:
        """A row of the list."""
        if self.panel is None:
            return []
        return show_cells(self.panel.row(number).cells, self.panel.figures, self._widths, width)


class DetailPane(LineList):
    """The details of the entry or row at the cursor of another pane, wrapped."""

    details: Sequence[Detail] = ()
    _kept: tuple[int, list[tuple[Line, str]]] = (0, [])  # the width of the wrapped lines, and these

    @property
    def count(self) -> int:
        """The number of lines."""
        return len(self._wrapped(max(self.size.width, 20)))

    def show(self, details: Sequence[Detail]) -> None:
        """Show other details."""
        self.details, self._kept = details, (0, [])
        self.scroll_to(y=0, animate=False, force=True, immediate=True)
        self.reload(0)

    def line(self, number: int, width: int) -> Line:
        """A line of details."""
        return self._wrapped(max(width, 20))[number][0]

    @property
    def path(self) -> str:
        """The path that the line of the cursor leads to; "" if it leads to none."""
        lines = self._wrapped(max(self.size.width, 20))
        return lines[self.cursor][1] if self.cursor < len(lines) else ""

    def _wrapped(self, width: int) -> list[tuple[Line, str]]:
        if self._kept[0] != width:
            self._kept = width, self._wrap(width)
        return self._kept[1]

    def _wrap(self, width: int) -> list[tuple[Line, str]]:
        room = max(width - _LABEL, 8)
        lines: list[tuple[Line, str]] = []
        for detail in self.details:
            label = detail.label
            for text in wrap_words(detail.text, room):
                lines.append(([Span(f"{label[: _LABEL - 1]:<{_LABEL}}", "dim"), Span(text)], detail.path))
                label = ""
        return lines
