"""Screens of ``ocisize browse`` as text: for snapshots, and for samples in the documentation.

``python -m tests.browse.screens [--compare OLDER] COLUMNSxLINES IMAGE [KEY ...]`` prints the screen of an image after keys, by
Textual's names.
``python -m tests.browse.screens`` writes the snapshots in ``tests/browse/snapshots`` again.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ocisize import Analysis, Analyzer, compare
from ocisize.browse.app import BrowseApp
from ocisize.browse.background import Loaded
from ocisize.cli.commands.browse import save
from textual.pilot import Pilot

IMAGE = "testdata/example.tar"
FOLDER = Path(__file__).parent / "snapshots"
SIZES = ((80, 24), (120, 40))  # columns and lines
KEYS = {
    "main": (),
    "fixes": ("2",),
    "packages": ("3",),
    "waste": ("4",),
    "duplicates": ("5",),
    "secrets": ("6",),
    "help": ("question_mark",),
    "filter": ("slash", *"*.types", "enter"),
    "layer": ("tab", "tab", "down", "down", "tab"),
    "wasted": ("w", "N"),
    "marked": ("m", "m", "x"),
}
_DEADLINE = 120.0  # seconds; a machine that does much else is slow
_POLL = 0.05  # seconds
_STILL = 10  # polls without a change after which a screen is ready


class Snapshot(NamedTuple):
    """A stored screen."""

    name: str
    columns: int
    lines: int

    @property
    def path(self) -> Path:
        """The file that has it."""
        return FOLDER / f"{self.name}-{self.columns}x{self.lines}.txt"


SNAPSHOTS = [Snapshot(name, *size) for name in KEYS for size in SIZES]


def read_image(name: str = IMAGE) -> Analysis:
    """Analyze an image as the command does."""
    analyzer = Analyzer(packages=True, keep_packages=True, hash_content=True, estimate_download=True)
    return analyzer.analyze(name)


def text_of(app: object) -> str:
    """The lines of a screen, without blanks at their ends."""
    strips = app.screen._compositor.render_strips()  # type: ignore[attr-defined]
    return "".join("".join(segment.text for segment in strip).rstrip() + "\n" for strip in strips)


def capture(
    loaded: Loaded, size: tuple[int, int], keys: Sequence[str], is_ready: Callable[[str], bool] = lambda text: False
) -> str:
    """Press keys on the screen of an image, and return the screen as text.

    Args:
        loaded: the image.
        size: columns and lines.
        keys: by Textual's names; they are pressed when all of the image is shown.
        is_ready: whether a screen is the expected one; any other screen is returned when it no longer changes.

    """

    async def run() -> str:
        app = BrowseApp(
            Path(loaded.analysis.source).name if loaded.comparison else loaded.analysis.source, lambda report: loaded, save
        )
        async with app.run_test(size=size) as pilot:
            await _until(pilot, lambda: bool(app.panels) and app._owners is not None)
            await pilot.press(*keys)
            return await _settle(pilot, is_ready)

    return asyncio.run(run())


async def _until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _DEADLINE
    while not condition():
        assert time.monotonic() < end, text_of(pilot.app)
        await pilot.pause(_POLL)


async def _settle(pilot: Pilot[None], is_ready: Callable[[str], bool]) -> str:
    shown, same = "", 0
    while same < _STILL:
        await pilot.pause(_POLL)
        text = text_of(pilot.app)
        if is_ready(text):
            return text
        same = same + 1 if text == shown else 0
        shown = text
    return shown


def write_snapshots() -> None:
    """Write all snapshots again."""
    FOLDER.mkdir(exist_ok=True)
    loaded = Loaded(read_image())
    for snapshot in SNAPSHOTS:
        snapshot.path.write_text(capture(loaded, snapshot[1:], KEYS[snapshot.name]), "utf-8")


def main(arguments: Sequence[str]) -> None:
    """Print a screen, or write the snapshots."""
    if not arguments:
        write_snapshots()
        return
    comparison = None
    if arguments[0] == "--compare":
        _, older, *arguments = arguments
        comparison = compare(read_image(older), read_image(arguments[1]))
    size, name, *keys = arguments
    columns, lines = map(int, size.split("x"))
    loaded = Loaded(read_image(name) if comparison is None else comparison.after, (), comparison)
    print(capture(loaded, (columns, lines), keys), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
