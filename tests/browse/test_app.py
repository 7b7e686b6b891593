"""The keys of the screen, pressed on the example image in a terminal of 80 columns."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ocisize import Analysis, Analyzer
from ocisize.browse.app import BrowseApp
from ocisize.browse.background import Loaded
from ocisize.browse.entries import Order
from ocisize.browse.widgets.panes import DetailPane, LayerPane, ResultPane, TreePane
from ocisize.cli.commands.browse import save
from textual import _time, events
from textual.geometry import Size
from textual.pilot import Pilot
from textual.timer import Timer
from textual.widgets import Input

Steps = Callable[[BrowseApp, Pilot[None]], Awaitable[None]]
WAIT = 2000  # times; a machine that does much else is slow
_FOOTER_OF_LISTS = "? Help / Search N Wasted x Export Esc Back q Quit"


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return Analyzer(packages=True, keep_packages=True, hash_content=True).analyze("testdata/example.tar")


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait for work in threads and timers."""
    for _ in range(WAIT):
        await pilot.pause(0.02)
        if condition():
            return
    raise AssertionError(screen_of(pilot.app))


def screen_of(app: object) -> str:
    strips = app.screen._compositor.render_strips()  # type: ignore[attr-defined]
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


def play(analysis: Analysis, steps: Steps, size: tuple[int, int] = (80, 24), *, layer: int | None = None) -> BrowseApp:
    """Run the app, read the image, and carry out steps."""

    async def run() -> BrowseApp:
        app = BrowseApp("example.tar", lambda report: Loaded(analysis), save, layer=layer)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.tree_view is not None and len(app.panels) == 5)
            await steps(app, pilot)
        return app

    return asyncio.run(run())


def test_the_first_screen(analysis: Analysis) -> None:
    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "Stored in" in screen_of(app))
        text = screen_of(app)
        assert "example.tar · 1.59 MB download · 2.93 MB unpacked · 261 kB waste" in text
        assert " 1 Tree  2 Fix first  3 Packages  4 Waste  5 Duplicates  6 Secrets" in text
        assert "1   372k  528k  187k apt-get…" in text
        assert "1.98 MB       - ▸ bin/" in text

    play(analysis, steps)


@pytest.mark.parametrize(
    "keys", [("right", "down", "left", "left"), ("l", "j", "h", "h"), ("enter", "enter"), ("space", "space")]
)
def test_directories_open_and_close(analysis: Analysis, keys: tuple[str, ...]) -> None:
    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        before = app.query_one(TreePane).count
        await pilot.press(keys[0])
        assert app.query_one(TreePane).count == before + 2
        await pilot.press(*keys[1:])
        pane = app.query_one(TreePane)
        assert (pane.count, pane.cursor) == (before, 0)

    play(analysis, steps)


def test_moving(analysis: Analysis) -> None:
    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        pane = app.query_one(TreePane)
        await pilot.press("G")
        assert pane.cursor == pane.count - 1
        await pilot.press("down", "k", "up")
        assert pane.cursor == pane.count - 3
        await pilot.press("g", "pagedown", "pageup", "up")
        assert pane.cursor == 0

    play(analysis, steps)


def test_orders(analysis: Analysis) -> None:
    """The entry of the cursor stays the same."""

    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        pane, first = app.query_one(TreePane), {}
        await pilot.press("j")
        for key in "wdns":
            await pilot.press(key)
            first[key] = pane.node_at(0).name
            assert pane.node is not None and pane.node.name == b"usr"
        assert first == {"w": b"var", "d": b"bin", "n": b"app", "s": b"bin"}

    play(analysis, steps)


def test_layers(analysis: Analysis) -> None:
    """A layer shows the image up to it, or itself alone."""

    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        app.query_one(LayerPane).focus()
        await pilot.press("down", "down")
        await until(pilot, lambda: "image up to layer 1: 2.78 MB, 0 B waste" in screen_of(app))
        await pilot.press("a")
        await until(pilot, lambda: "layer 1 alone: 528 kB, 187 kB waste" in screen_of(app))
        assert "│ ~  " in screen_of(app)
        await pilot.press("g")
        await until(pilot, lambda: "Unpacked   Waste  Name" in screen_of(app))

    play(analysis, steps)


def test_the_first_layer_is_that_of_the_option(analysis: Analysis) -> None:
    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "image up to layer 3" in screen_of(app))

    play(analysis, steps, layer=3)


def test_searching(analysis: Analysis) -> None:
    """Results appear while one types; Enter leads to one of them in the tree, Escape ends the search."""

    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"mime")
        results = app.query_one(ResultPane)
        await until(pilot, lambda: results.count > 0 and results.display)
        await until(pilot, lambda: "results" in screen_of(app))
        await pilot.press("enter", "w")
        assert results.node is not None and results.node.path == b"app/mime.types"
        await pilot.press("enter")
        pane = app.query_one(TreePane)
        assert pane.display and pane.node is not None and pane.node.path == b"app/mime.types"
        await pilot.press("slash", *"*.deb")
        await until(pilot, lambda: results.display and results.count == 2)
        await pilot.press("escape")
        assert pane.display and not app.typing and app.focused is pane

    play(analysis, steps)


def test_the_footer_has_the_keys_that_work(analysis: Analysis) -> None:
    """While a text is typed: Enter, the arrow and Escape, and beside the field what makes a text a glob."""

    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"e.t")
        await until(pilot, lambda: "glob: * ? [, or / at an end" in screen_of(app))
        await until(pilot, lambda: screen_of(app).splitlines()[-1].strip() == "Enter ↓ Results Esc Back")
        await pilot.press("down")
        assert app.focused is app.query_one(ResultPane)
        await until(pilot, lambda: screen_of(app).splitlines()[-1].endswith("x Export Esc Back q Quit"))
        await pilot.press("escape")
        await until(pilot, lambda: screen_of(app).splitlines()[-1].endswith("m Mark x Export q Quit"))
        await pilot.press("4")
        await until(pilot, lambda: screen_of(app).splitlines()[-1].strip() == _FOOTER_OF_LISTS)

    play(analysis, steps)


def test_a_glob_that_is_none(analysis: Analysis) -> None:
    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"[a")
        await until(pilot, lambda: "the glob has a '[' without a ']'" in screen_of(app))

    play(analysis, steps)


def test_jumps_to_waste(analysis: Analysis) -> None:
    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        pane, paths = app.query_one(TreePane), []
        for key in "NNNP":
            await pilot.press(key)
            assert pane.node is not None
            paths.append(pane.node.path.rpartition(b"/")[2][:5])
        assert paths == [b"ca-ce", b"media", b"mime.", b"media"]
        await pilot.press("C")
        assert pane.count == 15

    play(analysis, steps)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("2", "apt archives and caches left"),
        ("3", "apt archives"),
        ("4", "metadata-only"),
        ("5", "Duplicates"),
        ("6", "Secrets"),
    ],
)
def test_lists(analysis: Analysis, key: str, text: str) -> None:
    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await until(pilot, lambda: text in screen_of(app))
        await pilot.press("1")
        await until(pilot, lambda: "▸ bin/" in screen_of(app))

    play(analysis, steps)


def test_a_row_of_a_list_leads_to_its_path(analysis: Analysis) -> None:
    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        await pilot.press("4", "down", "enter")
        pane = app.query_one(TreePane)
        assert pane.display and pane.node is not None and pane.node.path == b"app/mime.types"
        await until(pilot, lambda: "stored again with other metadata" in screen_of(app))

    play(analysis, steps)


def test_marked_paths_are_written(analysis: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into a new file only, in the chosen form."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "marked.json").write_text("mine")

    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        await pilot.press("x")
        assert len(app.screen_stack) == 1
        await pilot.press("m", "m", "k", "m", "x")
        await pilot.press("down", "enter")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert "1 marked, 1.98 MB" in screen_of(app)
        await pilot.press("x", "G", "enter")
        await until(pilot, lambda: "the file exists" in screen_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)

    play(analysis, steps)
    assert (tmp_path / "marked.toml").read_text() == 'forbid = [\n  "/bin",\n]\n'
    assert (tmp_path / "marked.json").read_text() == "mine"


def test_a_path_is_copied(analysis: Analysis) -> None:
    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        await pilot.press("l", "j", "y")
        assert app.clipboard == "/bin/busybox"

    play(analysis, steps)


def test_help(analysis: Analysis) -> None:
    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        await pilot.press("question_mark")
        await until(pilot, lambda: "go to the next wasted file" in screen_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)

    play(analysis, steps)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_leaving(analysis: Analysis, key: str) -> None:
    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await until(pilot, lambda: app._exit)

    assert play(analysis, steps).error is None


def test_wide_terminals_have_details_below_the_layers(analysis: Analysis) -> None:
    """The tree has the whole height; beside a list, details are on the right."""

    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        details, tree, layers = (app.query_one(kind) for kind in (DetailPane, TreePane, LayerPane))
        await until(pilot, lambda: details.size.height > 20 and tree.size.height > 34)
        assert details.region.x == layers.region.x == 0 and details.region.y > layers.region.bottom
        assert " 1   372k  528k  187k RUN … apt-get install -y …│" in screen_of(app)
        await pilot.press("4")
        await until(pilot, lambda: details.region.x > 70 and details.size.height > 34)
        await pilot.press("1")
        await until(pilot, lambda: details.region.x == 0 and layers.size.width == 49)

    play(analysis, steps, (120, 40))


def test_the_whole_step_of_a_layer(analysis: Analysis) -> None:
    """A narrow terminal has figures without units beside the layers, and below them the step that the line has not."""

    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        app.query_one(LayerPane).focus()
        await until(pilot, lambda: "\n     1.59M 2.93M  261k Image   │" in screen_of(app))
        await pilot.press("down", "down")
        await until(pilot, lambda: "layer 1 RUN apt-get update &&  │" in screen_of(app))
        assert "install -y ca-certificates" in screen_of(app)

    play(analysis, steps)


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (40, 10), (300, 80)])
def test_any_size(analysis: Analysis, size: tuple[int, int]) -> None:
    """Nothing fails where nothing fits."""

    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        for key in ("N", "2", "4", "1", "m", "tab", "j", "slash", "a", "escape", "question_mark", "escape"):
            await pilot.press(key)
        await pilot.resize_terminal(80, 24)
        app.query_one(LayerPane).reload(0)  # where nothing is visible, Tab leads to the layers
        app.screen.set_focus(app.query_one(TreePane))
        await until(pilot, lambda: "  # Downl.  Unp. Waste Build st│  Unpacked   Waste  Name" in screen_of(app))
        await pilot.press("g", "N")
        await until(pilot, lambda: "Hidden by    deleted: layer 3" in screen_of(app))

    play(analysis, steps, size)


@pytest.fixture
def stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stalls whenever a timer of Textual begins, before its second look at the clock."""
    run, look, stalls = Timer._run, _time.get_time, deque[float]()

    async def run_stalled(timer: Timer) -> None:
        if timer._repeat == 0:
            stalls.extend((0, 60))  # seconds; both looks are before anything is awaited
        await run(timer)

    monkeypatch.setattr(Timer, "_run", run_stalled)
    monkeypatch.setattr(_time, "get_time", lambda: look() + (stalls.popleft() if stalls else 0))


@pytest.mark.usefixtures("stalls")
def test_resizes_while_the_machine_stalls(analysis: Analysis) -> None:
    """Textual drops a timer that is due when it begins, and with it the new size."""

    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        for size in ((120, 40), (80, 24), (100, 30)):
            app.post_message(events.Resize(Size(*size), Size(*size)))
            await until(pilot, lambda size=size: app.screen.size == size)  # type: ignore[misc]
            await until(pilot, lambda: "q Quit" in screen_of(app).splitlines()[-1])

    play(analysis, steps)


@pytest.mark.usefixtures("stalls")
def test_work_after_keys_while_the_machine_stalls(analysis: Analysis) -> None:
    """Details, scopes and searches follow the keys."""

    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "Path         /bin/" in screen_of(app))
        await pilot.press("slash", *"mime")
        await until(pilot, lambda: app.query_one(ResultPane).count > 0)
        await pilot.press("escape")
        app.query_one(LayerPane).focus()
        await pilot.press("down", "down")
        await until(pilot, lambda: "image up to layer 1" in screen_of(app))

    play(analysis, steps)


def test_the_mouse(analysis: Analysis) -> None:
    """A click moves the cursor, a second one opens; a click on a tab shows its list."""

    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        pane = app.query_one(TreePane)
        await pilot.click(TreePane, offset=(5, 1))
        assert pane.cursor == 1
        await pilot.click(TreePane, offset=(5, 1))
        assert pane.view is not None and pane.view.is_open(1)
        await pilot.click("#tabs", offset=(12, 0))
        await until(pilot, lambda: "Saves" in screen_of(app))

    play(analysis, steps)


def test_an_image_that_cannot_be_read() -> None:
    """The screen is left, and the error is kept for the command."""

    def read(report: Callable[[str], None]) -> Loaded:
        report("1 of 2 layers")
        raise ValueError("broken")

    async def run() -> BrowseApp:
        app = BrowseApp("example.tar", read, save)
        async with app.run_test() as pilot:
            await until(pilot, lambda: app._exit)
        return app

    assert str(asyncio.run(run()).error) == "broken"


def test_keys_before_the_image_is_read(analysis: Analysis) -> None:
    """They are no error; the search for a text that was typed is done when the image is read."""
    ready = threading.Event()

    def read(report: Callable[[str], None]) -> Loaded:
        report("1 of 5 layers")
        assert ready.wait(60)
        return Loaded(analysis)

    async def run() -> None:
        app = BrowseApp("example.tar", read, save)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "1 of 5 layers" in screen_of(app))
            for key in (
                "j",
                "l",
                "h",
                "G",
                "N",
                "P",
                "C",
                "a",
                "m",
                "x",
                "y",
                "w",
                "4",
                "7",
                "1",
                "tab",
                "down",
                "enter",
                "tab",
            ):
                await pilot.press(key)
            await pilot.press("question_mark")
            await until(pilot, lambda: "go to the next wasted file" in screen_of(app))
            await pilot.press("escape", "slash", *"deb", "enter", "m")
            ready.set()
            await until(pilot, lambda: app.tree_view is not None and len(app.panels) == 5)
            await until(pilot, lambda: "8 results" in screen_of(app))
            await pilot.press("escape")
            await until(pilot, lambda: "▸ bin/" in screen_of(app))
            assert not app.marked

    asyncio.run(run())


def test_keys_that_come_at_once(analysis: Analysis) -> None:
    """A slow connection brings several keys together: the search gets its text, and the results the keys after it."""

    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        results = app.query_one(ResultPane)
        for key, character in (("slash", "/"), *((sign, sign) for sign in "dns/*"), ("enter", None), ("w", "w")):
            app.post_message(events.Key(key, character))
        await until(pilot, lambda: app.focused is results)
        field = app.query_one("#filter", Input)
        await until(pilot, lambda: field.value == "dns/*" and results.order is Order.WASTE)

    play(analysis, steps)


def test_a_slash_in_a_text(analysis: Analysis) -> None:
    async def steps(app: BrowseApp, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"app/", "slash", "enter")
        assert app.query_one("#filter", Input).value == "app//"

    play(analysis, steps)
