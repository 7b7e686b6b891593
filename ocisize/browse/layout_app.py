"""LayoutApp: where the panes are on the screen, and how threads and timers reach them."""

from __future__ import annotations

import asyncio
import shutil
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar, overload

from textual.app import App
from textual.containers import Container, Horizontal, Vertical
from textual.events import Resize
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Footer, Input, Static

from ocisize.browse.marked import MarkedPaths
from ocisize.browse.widgets.change_pane import ChangePane
from ocisize.browse.widgets.panes import DetailPane, LayerPane, PanelPane, ResultPane, TreePane
from ocisize.browse.widgets.tab_line import TabLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

_WIDE = 120  # columns from which the details are beside the tree
_DETAIL_LINES = 7  # of the details below the tree, with the line above them
_OTHER_LINES = 3  # of the title, the tabs and the footer
_LAYER_LINES = 5  # of the layer pane beside the layers: the head, the whole step of one layer, and a blank line
_RESIZE_DELAY = 0.05  # seconds in which Textual gives screens a new size
_SIZE_INTERVAL = 1.0  # seconds between looks at the size of the terminal
_HINT = " glob: * ? [, or / at an end"  # beside the field of the search: what makes a text a glob
_KILLED = 128  # added to the number of a signal in the exit status, as shells do
_WidgetT = TypeVar("_WidgetT", bound=Widget)


class LayoutApp(App[None]):
    """The empty panes."""

    CSS = """
    Screen { layout: vertical; }
    #title, .head { height: 1; text-style: bold; }
    #title, .head { text-wrap: nowrap; text-overflow: ellipsis; }
    .head { color: $text-muted; text-style: none; }
    #outer { layout: grid; height: 1fr; }
    #outer.narrow { grid-size: 2 2; grid-columns: 32 1fr; }
    #outer.wide { grid-size: 2 2; grid-columns: 50 1fr; }
    #outer.narrow #details, #outer.list #details, #outer.list #middle { column-span: 2; }
    #outer.wide #middle { row-span: 2; }
    #outer.wide.list { grid-size: 2 1; grid-columns: 1fr 40; }
    #outer.wide.list #middle, #outer.wide.list #details { column-span: 1; row-span: 1; }
    #left { border-right: solid $primary-darken-2; }
    #layer { height: auto; max-height: 3; color: $text-muted; }
    #details { border-top: solid $primary-darken-2; }
    #outer.wide #details { border-right: solid $primary-darken-2; }
    #outer.wide.list #details { border-top: none; border-right: none; border-left: solid $primary-darken-2; }
    #search { height: 1; }
    #filter { height: 1; width: 1fr; min-width: 20; border: none; padding: 0; }
    #hint { height: 1; width: auto; max-width: 50%; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    ModalScreen { align: center middle; }
    .window { width: 76; max-width: 100%; height: auto; max-height: 100%; border: solid $primary; padding: 0 1; }
    #forms { height: 3; }
    """
    ENABLE_COMMAND_PALETTE = False

    def __init__(self) -> None:
        super().__init__()
        self.marked = MarkedPaths()
        self._delays: dict[str, asyncio.TimerHandle] = {}

    def compose(self) -> ComposeResult:
        """Make the panes."""
        yield Static("", id="title", markup=False)
        yield TabLine(id="tabs")
        with Container(id="outer", classes="narrow"):
            with Vertical(id="left"):
                yield Static("", id="left-head", classes="head", markup=False)
                yield LayerPane(id="layers")
                yield Static("", id="layer", markup=False)
            with Vertical(id="middle"):
                yield Static("", id="head", classes="head", markup=False)
                yield TreePane(self.marked, id="tree")
                yield ResultPane(self.marked, id="results")
                yield PanelPane(id="panel")
                yield ChangePane(id="changes")
            yield DetailPane(id="details")
        with Horizontal(id="search") as search:
            search.display = False
            yield Input(placeholder="text, or a glob such as *.pyc", id="filter", compact=True)
            yield Static(_HINT, id="hint", markup=False)
        yield Footer(show_command_palette=False, compact=True)

    @overload
    def find(self, name: str) -> Widget: ...
    @overload
    def find(self, name: str, kind: type[_WidgetT]) -> _WidgetT: ...
    @overload
    def find(self, name: type[_WidgetT]) -> _WidgetT: ...
    def find(self, name: str | type[Widget], kind: type[Widget] = Widget) -> Widget:
        """A widget of the panes, also while a window is over them."""
        panes = self.screen_stack[0]
        return panes.query_one(name, kind) if isinstance(name, str) else panes.query_one(name)

    def on_resize(self, event: Resize) -> None:
        """Put the details where there is room."""
        if not self.screen_stack:
            return
        self.later("resize", _RESIZE_DELAY, self._fit_screens)
        self.place_panes(event.size)
        self.call_after_refresh(self.show_heads)

    def place_panes(self, size: Size) -> None:
        """Put the details below the layers, or beside a list; where there is less room, and for two trees, below all."""
        outer, layers = self.find("#outer"), self.find(LayerPane)
        wide = size.width >= _WIDE and not self.find(ChangePane).display
        is_list = not self.find("#left").display
        outer.set_class(wide, "wide")
        outer.set_class(not wide, "narrow")
        outer.set_class(is_list, "list")
        room = max(size.height - _OTHER_LINES, 2)
        if not wide:
            outer.styles.grid_rows = f"1fr {min(_DETAIL_LINES, room // 2)}"
        else:
            outer.styles.grid_rows = "1fr" if is_list else f"{min(layers.count + _LAYER_LINES, room // 2)} 1fr"

    def _fit_screens(self) -> None:
        """Give the size of the terminal to screens that do not have it, as Textual's own timer may have been dropped."""
        for screen in self.screen_stack:
            if screen.outer_size != self.size:
                screen.post_message(Resize(self.size, self.size))

    def watch_size(self) -> None:
        """Take the size of the terminal every second: a signal, or what Textual makes of one, may be lost."""
        if self.is_headless:
            return
        size = Size(*shutil.get_terminal_size())
        if size != self.size:
            self.post_message(Resize(size, size))
        else:
            self._fit_screens()
        self.later("size", _SIZE_INTERVAL, self.watch_size)

    def show_heads(self) -> None:
        """Say above the panes what they show."""
        raise NotImplementedError

    def leave_on_signals(self) -> None:
        """Leave the screen when the program is ended, or the terminal is closed.

        The event loop then wakes for every signal, as Textual needs for SIGWINCH: a signal may come in another thread.
        """
        with suppress(NotImplementedError, RuntimeError, ValueError):  # not on Windows, and not beside the main thread
            for name in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(name, self.exit, None, _KILLED + name)

    def call_back(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a method from another thread; a screen that is gone is no error."""

        def call() -> None:
            if self.is_running and self.screen_stack:
                function(*arguments)

        with suppress(RuntimeError):
            self.call_from_thread(call)

    def later(self, name: str, seconds: float, function: Callable[[], object]) -> None:
        """Call a function when nothing has asked for it for some time.

        The event loop keeps the time: Textual drops a timer if the process was interrupted for longer than its delay while
        the timer began.
        """
        if (delay := self._delays.get(name)) is not None:
            delay.cancel()
        self._delays[name] = asyncio.get_running_loop().call_later(seconds, self._call, function)

    def _call(self, function: Callable[[], object]) -> None:
        if self.is_running and self.screen_stack:
            self.call_later(function)
