"""BrowseApp: the keys of ``ocisize browse``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from ocisize.browse.dialogs import ExportScreen, HelpScreen
from ocisize.browse.entries import Node, Order
from ocisize.browse.keys import KEYS, TYPED_ACTIONS
from ocisize.browse.panes_app import PanesApp
from ocisize.browse.widgets.change_pane import ChangePane
from ocisize.browse.widgets.panes import EntryPane, PanelPane, ResultPane, TreePane
from ocisize.text import count_of, decode_name, human_size, printable

if TYPE_CHECKING:
    from ocisize.browse.marked import ExportForm


_FIRST = ("filter", "results")  # actions that the app gets before the focused widget


class BrowseApp(PanesApp):
    """The screen of one image, with its keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                key.keys,
                key.action,
                key.footer or key.about,
                show=bool(key.footer),
                key_display=key.shown if key.action in TYPED_ACTIONS else None,
                priority=key.action in _FIRST,
            )
            for key in KEYS
            if key.action
        ),
        *(Binding(str(number), f"tab({number - 1})", show=False) for number in range(1, 9)),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]

    @property
    def node(self) -> Node | None:
        """The entry of the cursor; None in lists."""
        pane = self.pane
        return pane.node if isinstance(pane, EntryPane) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does something now; the footer shows such keys only."""
        if len(self.screen_stack) != 1:
            return action not in _FIRST
        if isinstance(self.focused, Input):
            return action in TYPED_ACTIONS or action == "interrupt"
        pane = self.pane
        is_sorted = isinstance(pane, EntryPane) or (isinstance(pane, ChangePane) and parameters != (Order.WASTE.value,))
        applies = {
            "results": False,
            "leave": not isinstance(pane, TreePane) or self.typing,
            "next_kind": isinstance(pane, ChangePane),
            "mark": isinstance(pane, EntryPane),
            "alone": isinstance(pane, EntryPane),
            "sort": is_sorted,
            "next_wasted": not isinstance(pane, ResultPane),
        }
        return applies.get(action, True)

    def action_help(self) -> None:
        """Show all keys."""
        self.push_screen(HelpScreen())

    def action_filter(self) -> None:
        """Ask for what to search."""
        field = self.find("#filter", Input)
        self.find("#search").display = True
        self.screen.set_focus(field)  # at once, so that the field gets the next key, which may be here already
        self.show_tab(0)

    def action_results(self) -> None:
        """Go from the field of the search to the results, which get the next key."""
        self.search_now()
        self.screen.set_focus(self.pane)

    def action_leave(self) -> None:
        """End the search, or go back to the tree."""
        if self.typing or self.searching:
            self.end_search()
        else:
            self.show_tab(0)

    def action_interrupt(self) -> None:
        """Leave the screen, also while a text is typed."""
        self.exit()

    def action_leave_program(self) -> None:
        """Leave the screen."""
        self.exit()

    def action_tab(self, number: int) -> None:
        """Show the tree (0), or a list."""
        self.show_tab(number)

    def action_sort(self, name: str) -> None:
        """Sort the tree and the results of a search, and stay at the same entry."""
        tree, order = self.tree_view, Order(name)
        if isinstance(self.pane, ChangePane):
            self.pane.rearrange(lambda changes: changes.sort(order))
            self.show_heads()
            return
        if tree is None:
            return
        pane, results = self.find(TreePane), self.find(ResultPane)
        path = pane.node.path if pane.node is not None else b""
        tree.sort(order)
        pane.reload(tree.find(path) or 0)
        results.order = order
        if results.found is not None:
            results.found.sort(order)
            results.reload(0)
        self.show_heads()

    def action_next_kind(self) -> None:
        """Show the files of the next status in the trees of two images, or all again."""
        if isinstance(self.pane, ChangePane):
            self.pane.rearrange(lambda changes: changes.show_next())
            self.show_heads()

    def action_next_wasted(self) -> None:
        """Go to the next wasted file."""
        self._jump(backwards=False)

    def action_previous_wasted(self) -> None:
        """Go to the wasted file before."""
        self._jump(backwards=True)

    def _jump(self, *, backwards: bool) -> None:
        tree, pane = self.tree_view, self.find(TreePane)
        if tree is None:
            return
        self.end_search()
        self.show_tab(0)
        row = tree.next_wasted(pane.cursor, backwards=backwards)
        if row is None:
            self.notify("nothing here is wasted")
        else:
            pane.reload(row)

    def action_close_all(self) -> None:
        """Close all directories."""
        if isinstance(self.pane, ChangePane):
            self.pane.rearrange(lambda changes: changes.close_all())
        elif self.tree_view is not None:
            self.tree_view.close_all()
            self.find(TreePane).reload(0)

    def action_alone(self) -> None:
        """Show the layer alone, or the image up to the layer."""
        self.alone = not self.alone
        self.change_scope()

    def action_mark(self) -> None:
        """Mark the path of the cursor, and go to the next one."""
        if (node := self.node) is not None:
            self.marked.toggle(node)
            self.pane.action_move(1)
            self.show_heads()

    def action_copy(self) -> None:
        """Copy the path of the cursor to the clipboard of the terminal; what could control a terminal is escaped."""
        pane, path = self.pane, ""
        if (node := self.node) is not None:
            path = decode_name(node.path)
        elif isinstance(pane, PanelPane) and pane.panel is not None and pane.cursor < pane.count:
            path = pane.panel.row(pane.cursor).path
        elif isinstance(pane, ChangePane) and (change := pane.node) is not None:
            path = decode_name(change.path)
        if path:
            self.copy_to_clipboard(f"/{printable(path)}")
            self.notify(f"copied /{printable(path)}", markup=False)

    def action_export(self) -> None:
        """Write the marked paths to a file."""
        if not self.marked:
            self.notify("no path is marked: m marks one")
            return
        title = f"Write {count_of(len(self.marked), 'marked path')}, {human_size(self.marked.content_size)}"
        self.push_screen(ExportScreen(title, self._export), self._tell)

    def _export(self, form: ExportForm, name: str) -> str:
        if self.tree_view is None:
            return ""
        return self.save(name, self.marked.export(form, self.tree_view.index))

    def _tell(self, text: str | None) -> None:
        if text:
            self.notify(printable(text), markup=False)
