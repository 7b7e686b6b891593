"""The windows over the screen: help, and the export of marked paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ocisize.browse.keys import describe_keys
from ocisize.browse.marked import ExportForm
from ocisize.browse.spans import Line, Span
from ocisize.browse.widgets.line_list import LineList

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult

FORMS = {
    ExportForm.DOCKERIGNORE: ("marked.dockerignore", "patterns for .dockerignore"),
    ExportForm.BUDGETS: ("marked.toml", "forbid globs for a budget file"),
    ExportForm.JSON: ("marked.json", "JSON with sizes"),
}


class HelpScreen(ModalScreen[None]):
    """All keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q,enter", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        """Make the window."""
        with VerticalScroll(classes="window") as window:
            window.border_title, window.border_subtitle = "Keys", "Esc: close"
            yield Static(describe_keys(), markup=False)


class FormList(LineList):
    """The forms of an export."""

    @property
    def count(self) -> int:
        """The number of lines."""
        return len(FORMS)

    @property
    def form(self) -> ExportForm:
        """The form of the cursor."""
        return list(FORMS)[self.cursor]

    def line(self, number: int, width: int) -> Line:
        """A form."""
        return [Span(list(FORMS.values())[number][1][:width])]


class ExportScreen(ModalScreen[str]):
    """Asks for the form and the file of an export; the result is a sentence about what was written, "" for nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss('')", "Close")]

    def __init__(self, title: str, write: Callable[[ExportForm, str], str]) -> None:
        """Ask with a title.

        Args:
            title: what is written.
            write: writes to a file, and returns why it could not, "" if it could.

        """
        super().__init__()
        self._title, self._write = title, write

    def compose(self) -> ComposeResult:
        """Make the window."""
        with Vertical(classes="window"):
            yield Static(self._title, markup=False)
            yield FormList(id="forms")
            yield Input(next(iter(FORMS.values()))[0], id="file", select_on_focus=False)
            yield Static("Tab: to the name of the file · Enter: write · Esc: cancel", markup=False, id="note")

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        """Suggest a file for the form."""
        event.stop()
        if isinstance(event.lines, FormList):
            self.query_one("#file", Input).value = FORMS[event.lines.form][0]

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """Write in the chosen form."""
        event.stop()
        self._export()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Write to the file."""
        event.stop()
        self._export()

    def _export(self) -> None:
        name = self.query_one("#file", Input).value.strip()
        problem = self._write(self.query_one(FormList).form, name) if name else "name a file"
        if problem:
            self.query_one("#note", Static).update(problem)
        else:
            self.dismiss(f"wrote {name}")

    def on_key(self, event: events.Key) -> None:
        """Keep keys of the window from the screen below."""
        if event.key == "q":
            event.stop()
