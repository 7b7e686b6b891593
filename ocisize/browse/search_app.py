"""SearchApp: the field of the search, and the thread that fills its results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input, Static

from ocisize.browse.background import Finder
from ocisize.browse.layout_app import LayoutApp
from ocisize.browse.search import Search
from ocisize.browse.widgets.panes import ResultPane
from ocisize.errors import InvalidGlob
from ocisize.text import printable

if TYPE_CHECKING:
    from ocisize.browse.tree import TreeView
    from ocisize.browse.widgets.line_list import LineList

_SEARCH_DELAY = 0.15  # seconds without a key before a search begins


class SearchApp(LayoutApp):
    """Panes with a search in the tree; ``finder`` is the search whose results are shown, None if there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.tree_view: TreeView | None = None
        self.finder: Finder | None = None

    @property
    def pane(self) -> LineList:
        """The pane in the middle."""
        raise NotImplementedError

    def show_pane(self) -> None:
        """Show the pane in the middle, and hide the others."""
        raise NotImplementedError

    @property
    def searching(self) -> bool:
        """Whether results of a search are shown."""
        return self.finder is not None

    @property
    def typing(self) -> bool:
        """Whether the field of the search is shown."""
        return self.find("#search").display

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while the user types."""
        if event.input.id == "filter":
            self.later("search", _SEARCH_DELAY, self.search)

    def search_now(self) -> None:
        """Begin the search for the text of the field, unless it began."""
        if self.finder is None or self.finder.search.query != self.find("#filter", Input).value:
            self.search()

    def search(self) -> None:
        """Search for the text of the field; without a text, show the tree."""
        if self.finder is not None:
            self.finder.stop()
            self.finder = None
        tree, query = self.tree_view, self.find("#filter", Input).value
        if tree is not None and query:
            try:
                search = Search(tree.index, tree.figures, tree.shares, query)
            except InvalidGlob as error:
                self.show_pane()
                self.call_after_refresh(self.find("#head", Static).update, printable(f"the glob {error.reason}"))
                return
            results = self.find(ResultPane)
            results.found, results.order = search.found, tree.order
            self.finder = Finder(search, lambda: tree.order, lambda: self.call_back(self._show_results))
            self.finder.start()
        self.show_pane()
        self._show_results()

    def _show_results(self) -> None:
        results = self.find(ResultPane)
        results.reload()
        self.show_heads()

    def end_search(self) -> None:
        """Leave the search for the tree."""
        if self.finder is not None:
            self.finder.stop()
            self.finder = None
        field = self.find("#filter", Input)
        with self.prevent(Input.Changed):
            field.value = ""
        self.find("#search").display = False
        self.show_pane()
        if field.has_focus or self.focused is None or not self.focused.display:
            self.screen.set_focus(self.pane)
