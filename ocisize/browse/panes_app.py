"""Screen: the panes of ``ocisize browse``, and what fills them. What they show comes from the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.widgets import Static

from ocisize.browse.background import Loaded, Opening, Read
from ocisize.browse.changes.details import describe_change
from ocisize.browse.changes.lines import describe_changes
from ocisize.browse.courtesy import COURTESY
from ocisize.browse.details import Detail, describe_layer, describe_node
from ocisize.browse.layer_rows import list_layers
from ocisize.browse.scope import Scope
from ocisize.browse.search_app import SearchApp
from ocisize.browse.spans import head_of_layers, head_of_tree
from ocisize.browse.titles import describe_found, describe_image, describe_scope
from ocisize.browse.widgets.change_pane import ChangePane
from ocisize.browse.widgets.line_list import LineList
from ocisize.browse.widgets.panes import DetailPane, EntryPane, LayerPane, PanelPane, ResultPane, TreePane
from ocisize.browse.widgets.tab_line import TabLine
from ocisize.report.words.units import shorten_path
from ocisize.text import decode_name, printable

if TYPE_CHECKING:
    from ocisize.browse.changes.tree import ChangeTree
    from ocisize.browse.owners import PackageOwners
    from ocisize.browse.panels import Panel
    from ocisize.browse.tree import TreeView

Save = Callable[[str, str], str]  #: writes a text to a new file, and returns why it could not; "" if it could
_MIDDLE: Sequence[type[LineList]] = (TreePane, ResultPane, PanelPane, ChangePane)  # of which one is shown
_CHANGES = "Diff"  # the tab of two images side by side
_NAME = 28  # columns of the name of the image
_DETAILS_DELAY, _SCOPE_DELAY = 0.05, 0.08  # seconds without a key before work begins
_STOP_SECONDS = 2.0  # that leaving waits for a read to end


class PanesApp(SearchApp):
    """The panes of one image. ``error`` is what kept it from being read, None if nothing did."""

    def __init__(
        self, name: str, read: Read, save: Save, *, layer: int | None = None, begin_with_changes: bool = False
    ) -> None:
        """Browse an image.

        Args:
            name: of the image, as the user gave it.
            read: reads the image, in a thread.
            save: writes exported paths.
            layer: the layer that is shown first; None: the image.
            begin_with_changes: show what differs from the other image first.

        """
        super().__init__()
        self.error: BaseException | None = None
        self.image_name, self.save, self._first_layer = name, save, layer
        self.panels: Sequence[Panel] = ()
        self._begins_with_changes = begin_with_changes
        self._owners: PackageOwners | None = None
        self.alone = False
        self._tab = 0
        self._widths: dict[str | None, int] = {}  # of the panes, by id
        self._opening = Opening(
            read,
            on_progress=lambda text: self.call_back(self._show_title, text),
            on_tree=lambda loaded, tree: self.call_back(self._show_image, loaded, tree),
            on_panels=lambda panels, changes: self.call_back(self._take_panels, panels, changes),
            on_owners=lambda owners: self.call_back(self._take_owners, owners),
            on_error=lambda error: self.call_back(self._fail, error),
        )

    def on_mount(self) -> None:
        """Begin to read the image."""
        self._show_title("reading")
        self.show_pane()
        self.find(TreePane).focus()
        self.leave_on_signals()
        self.watch_size()
        COURTESY.start()
        self._opening.start()

    def on_unmount(self) -> None:
        """Stop all work."""
        if self.finder is not None:
            self.finder.stop()
        self._opening.stop(_STOP_SECONDS)
        COURTESY.stop()

    def on_descendant_focus(self) -> None:
        """Show the details of what has the cursor."""
        self.later("details", _DETAILS_DELAY, self._show_details)

    def _fail(self, error: BaseException) -> None:
        self.error = error
        self.exit()

    def _show_title(self, text: str) -> None:
        self.find("#title", Static).update(f"{shorten_path(printable(self.image_name), _NAME)} · {printable(text)}")

    def _show_image(self, loaded: Loaded, tree: TreeView) -> None:
        self.tree_view = tree
        layers, pane = self.find(LayerPane), self.find(TreePane)
        layers.rows, pane.view = list_layers(loaded.analysis, loaded.lines), tree
        pane.reload(0)
        layers.reload(0 if self._first_layer is None else min(self._first_layer + 1, len(layers.rows) - 1))
        self.place_panes(self.size)
        self.search_now()  # for what was typed while the image was read

    def _take_panels(self, panels: Sequence[Panel], changes: ChangeTree | None) -> None:
        self.panels, self.find(ChangePane).view = panels, changes
        self.find(TabLine).show(
            [*(panel.title for panel in panels), *([_CHANGES] if changes is not None else [])], self._tab
        )
        self.show_pane()
        if self._begins_with_changes and not self._tab and changes is not None:
            self.show_tab(len(panels) + 1)
            self.find(ChangePane).reload(0)

    def _take_owners(self, owners: PackageOwners) -> None:
        self._owners = owners
        self.later("details", _DETAILS_DELAY, self._show_details)

    def show_heads(self) -> None:
        """Say above the panes what they show."""
        if not self.screen_stack:
            return
        if self.tree_view is not None:
            self._show_title(describe_image(self.tree_view.index.analysis, self.marked))
        layers = self.find(LayerPane)
        self.find("#left-head", Static).update(head_of_layers(layers.size.width))
        self.find("#layer", Static).update(layers.whole_step)
        head, width = self.find("#head", Static), max(self.find("#middle").size.width, 20)
        pane = self.pane
        if isinstance(pane, ChangePane) and pane.view is not None:
            self._show_title(describe_changes(pane.view))
        if isinstance(pane, PanelPane | ChangePane) and self.panels:
            head.update(pane.head(width))
        elif self.finder is not None:
            head.update(describe_found(self.finder.search))
        elif self.tree_view is not None and self.tree_view.scope != Scope():
            head.update(describe_scope(self.tree_view))
        else:
            head.update(head_of_tree(width))

    @property
    def pane(self) -> LineList:
        """The pane in the middle."""
        if self._tab:
            return self.find(ChangePane if self.panels and self._tab > len(self.panels) else PanelPane)
        return self.find(ResultPane) if self.searching else self.find(TreePane)

    def show_tab(self, number: int) -> None:
        """Show the tree (0), or a list."""
        if number <= len(self.panels) + (self.find(ChangePane).view is not None):
            self._tab = number
            self.show_pane()
            if self.focused is None or not self.focused.display or isinstance(self.focused, LineList):
                self.screen.set_focus(self.pane)  # at once: the next key may be here already

    def show_pane(self) -> None:
        """Show the pane of the tab, and hide the others."""
        self.find("#left").display = not self._tab
        for pane in map(self.find, _MIDDLE):
            pane.display = pane is self.pane
        self.place_panes(self.size)
        panel = self.find(PanelPane)
        if self._tab and self._tab <= len(self.panels) and panel.panel is not self.panels[self._tab - 1]:
            panel.show(self.panels[self._tab - 1])
        self.find(TabLine).select(self._tab)
        self.call_after_refresh(self.show_heads)
        self.later("details", _DETAILS_DELAY, self._show_details)

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        """Show the layer, or the details of the entry."""
        if not self.screen_stack:  # the app is ending
            return
        if self._widths.get(event.lines.id) != event.lines.size.width:
            self._widths[event.lines.id] = event.lines.size.width
            self.show_heads()
        if isinstance(event.lines, LayerPane):
            self.show_heads()
            self.later("scope", _SCOPE_DELAY, self.change_scope)
        if not isinstance(event.lines, DetailPane):
            self.later("details", _DETAILS_DELAY, self._show_details)

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """Open the entry, or show it in the tree."""
        pane = event.lines
        if isinstance(pane, TreePane):
            pane.toggle()
        elif isinstance(pane, ResultPane) and pane.node is not None:
            self._reveal(pane.node.path)
        elif isinstance(pane, PanelPane) and pane.panel is not None and (path := pane.panel.row(pane.cursor).path):
            self._reveal(path.encode("utf-8", "surrogateescape"))
        elif isinstance(pane, DetailPane) and pane.path:
            self._reveal(pane.path.encode("utf-8", "surrogateescape"))
        elif isinstance(pane, LayerPane):
            self.pane.focus()
        elif isinstance(pane, ChangePane) and (node := pane.node) is not None:
            if node.is_directory:
                pane.toggle()
            else:
                self.find(DetailPane).focus()

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        """Show another tab."""
        self.show_tab(event.number)

    def change_scope(self) -> None:
        """Show the layer of the cursor; its figures are computed in a thread."""
        tree, layers = self.tree_view, self.find(LayerPane)
        if tree is None or not layers.rows:
            return
        layer = layers.rows[layers.cursor].layer
        scope = Scope(layer, alone=self.alone and layer is not None)
        if scope != tree.scope:
            self.run_worker(lambda: self._prepare(tree, scope), thread=True, exclusive=True, group="scope")

    def _prepare(self, tree: TreeView, scope: Scope) -> None:
        tree.prepare(scope)
        self.call_back(self._show_scope, tree, scope)

    def _show_scope(self, tree: TreeView, scope: Scope) -> None:
        pane = self.find(TreePane)
        path = pane.node.path if pane.node is not None else b""
        tree.show(scope)
        pane.reload(tree.find(path) or 0)
        self.show_heads()
        if self.searching:
            self.search()

    def _show_details(self) -> None:
        pane, details = self.pane, list[Detail]()
        layers = self.find(LayerPane)
        if layers.has_focus and layers.rows and self.tree_view is not None:
            details = describe_layer(self.tree_view.index, layers.rows[layers.cursor].layer)
        elif isinstance(pane, EntryPane) and self.tree_view is not None and (node := pane.node) is not None:
            details = describe_node(self.tree_view.index, node, self._owners)
        elif isinstance(pane, PanelPane) and pane.panel is not None:
            details = [Detail(pane.panel.title, pane.panel.summary)]
            if pane.cursor < pane.count:
                details += [Detail("", text) for text in pane.panel.row(pane.cursor).details]
        elif isinstance(pane, ChangePane) and pane.view is not None and (change := pane.node) is not None:
            details = describe_change(pane.view, change)
        self.find(DetailPane).show(details)

    def _reveal(self, path: bytes) -> None:
        """Show a path in the tree, in the whole image if the layer does not have it."""
        tree = self.tree_view
        if tree is None:
            return
        row = tree.reveal(path)
        if row is None:
            tree.show(Scope())
            self.find(LayerPane).reload(0)
            row = tree.reveal(path)
        if row is None:
            self.notify(f"/{printable(decode_name(path))} is not in the image", markup=False)
            return
        self.end_search()
        self.show_tab(0)
        self.find(TreePane).reload(row)
