"""``ocisize browse`` beside dive and ncdu, in tmux at 120 columns and 40 lines: start, memory, keys and search.

    python benchmarks/browse.py OUT [--case NAME ...] [--write]

OUT has the inputs of build.sh. Each program opens the docker save archive of each case. ncdu reads no images: its row has the export
``ocisize IMAGE -f ncdu`` and ncdu after it. ``--write`` writes browse.md, which report.py includes in RESULTS.md. Needs tmux;
programs that are not installed are left out.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import attrs
import tables
from results import describe_machine, find_program
from revisions import REPOSITORY

CASES = ("node-service", "packages", "node")
TEXT = "README"  # that is searched
PATIENCE = 300.0  # seconds for a program
STILL = 1.0  # seconds without a change after which a screen is complete
LONG_STILL = 5.0  # the same of a search, which may show nothing while it works
WRITTEN = """\
Each program opened the `docker save` archive of the image in tmux, with 120 columns and 40 lines, and nothing of it was in a cache
of ocisize. *First screen* is the time from the command until layers or files with sizes are shown, *peak* the largest resident memory
of a process by the end, *key* the time from `↓` until the screen changed, and *search* the time from the first key of
a search for `{text}` until the screen no longer changed. Measured {date} with `benchmarks/browse.py`, one run each,
on {machine};
{versions}.

{figures}

Keys to the largest wasted file, from the first screen, and what each cannot do:

| | ocisize browse | dive 0.13 | ncdu 1.18 |
|---|---|---|---|
| largest wasted path | `4`: the list; Enter: its place, cause and layers | none: the path is on the screen; the list does not lead to it, and only its first rows show | cannot: knows no waste |
| search | `/`: text or glob, live, sorted results | Ctrl-F: regular expression, filters the tree | cannot |
| sort | size, download, waste, name | size, name | size, name, entries |
| layers | image, up to a layer, one alone | image up to a layer, with changes of one layer or of all | cannot |
| compressed sizes | per layer, directory and file | cannot | one of two columns, from the export |
| packages, fixes, secrets, duplicates | lists | cannot | cannot |
| leave with what was found | `.dockerignore`, `forbid` globs, JSON | cannot | cannot |
"""


@attrs.frozen
class Program:
    """A program with a screen."""

    name: str
    line: Callable[[Path], str]  #: a command for a shell, by archive
    is_shown: Callable[[str], bool]  #: whether a screen has layers or files with sizes
    search: Sequence[str] = ()  #: keys that begin a search; none if there is no search


@attrs.frozen
class Figures:
    """What was measured; None is what a program does not have, or did not reach in time."""

    first_screen: float | None
    peak: int
    key: float | None
    search: float | None


def list_programs() -> Iterator[Program]:
    python = shlex.quote(sys.executable)
    yield Program(
        "ocisize browse",
        lambda archive: f"{python} -m ocisize browse --no-cache {shlex.quote(str(archive))}",
        lambda screen: "▸ " in screen,
        ("/",),
    )
    if dive := find_program("dive"):
        yield Program(
            "dive",
            lambda archive: f"{shlex.quote(dive)} --source docker-archive {shlex.quote(str(archive))}",
            lambda screen: "Current Layer Contents" in screen and "drwx" in screen,
            ("Tab", "C-f"),
        )
    if ncdu := find_program("ncdu"):
        export = f"{python} -m ocisize --no-cache -q -f ncdu"
        yield Program(
            "ocisize -f ncdu, ncdu",
            lambda archive: f"{export} {shlex.quote(str(archive))} > files.json && {shlex.quote(ncdu)} -f files.json",
            lambda screen: "Total disk usage" in screen,
        )


class Window:
    """A window of tmux in which a program runs."""

    def __init__(self, line: str) -> None:
        self.folder = tempfile.mkdtemp(prefix="tmux")
        self.peak = 0
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        environment.pop("TMUX", None)
        self._command = ["tmux", "-S", f"{self.folder}/s", "-f", "/dev/null"]
        size = ("-x", "120", "-y", "40", "-c", self.folder)
        self.begin = time.monotonic()
        subprocess.run([*self._command, "new-session", "-d", *size, f"{line}; sleep 1000"], env=environment, check=True)
        self._shell = int(self.do("display-message", "-p", "#{pane_pid}"))

    def do(self, *arguments: str) -> str:
        return subprocess.run([*self._command, *arguments], check=True, capture_output=True, encoding="utf-8").stdout

    def screen(self, *options: str) -> str:
        """The text of the screen; with ``-e`` also its colors, since a cursor may be only a color."""
        self._measure_peak(self._shell)
        return self.do("capture-pane", "-p", *options)

    def _measure_peak(self, process: int) -> None:
        try:
            status = Path(f"/proc/{process}/status").read_text()
            children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        except OSError:
            return
        self.peak = max(
            [self.peak, *(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))]
        )
        for child in children:
            self._measure_peak(int(child))

    def wait(self, condition: Callable[[str], bool], *options: str) -> float | None:
        """Seconds until the screen is as expected."""
        begin = time.monotonic()
        while not condition(self.screen(*options)):
            if time.monotonic() - begin > PATIENCE:
                return None
            time.sleep(0.005)
        return time.monotonic() - begin

    def settle(self, still: float = STILL) -> float:
        """Seconds until the last change of the screen, after which it is still for some seconds."""
        begin = changed = time.monotonic()
        shown = self.screen()
        while time.monotonic() - changed < still and changed - begin < PATIENCE:
            time.sleep(0.005)
            if (screen := self.screen()) != shown:
                shown, changed = screen, time.monotonic()
        return changed - begin

    def close(self) -> None:
        subprocess.run([*self._command, "kill-server"], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def measure(program: Program, archive: Path) -> Figures:
    """Open an archive, press a key, and search."""
    window = Window(program.line(archive))
    try:
        if window.wait(program.is_shown) is None:
            return Figures(None, window.peak, None, None)
        first_screen = time.monotonic() - window.begin
        window.settle()
        before = window.screen("-e")
        window.do("send-keys", "Down")
        key = window.wait(lambda screen: screen != before, "-e")
        search = None
        if program.search:
            window.settle()
            window.do("send-keys", *program.search)
            time.sleep(0.5)  # until the field has the keyboard
            window.do("send-keys", "-l", TEXT)
            search = window.settle(LONG_STILL)
        return Figures(first_screen, window.peak, key, search)
    finally:
        window.close()


def show(seconds: float | None, unit: str = "s") -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.0f} ms" if unit == "ms" else f"{seconds:.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--case", nargs="+", default=CASES, metavar="NAME")
    parser.add_argument("--write", action="store_true", help="write browse.md instead of printing")
    options = parser.parse_args()
    rows = []
    for case in options.case:
        archive = options.out.resolve() / case / "docker.tar"
        with archive.open("rb") as file:  # so that all programs find the file in the page cache
            while file.read(1 << 24):
                pass
        for program in list_programs():
            figures = measure(program, archive)
            cells = [
                show(figures.first_screen),
                f"{figures.peak / 1e6:.0f} MB",
                show(figures.key, "ms"),
                show(figures.search),
            ]
            rows.append([case, program.name, *cells])
            print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    text = WRITTEN.format(
        text=TEXT,
        date=time.strftime("%Y-%m-%d"),
        machine=describe_machine(),
        versions=", ".join(describe_programs()),
        figures=tables.markdown(["image", "program", "first screen", "peak", "key", "search"], rows, left=2),
    )
    if options.write:
        Path(__file__).with_name("browse.md").write_text(text)
    else:
        print(text)


def describe_programs() -> Iterator[str]:
    from importlib import metadata

    yield f"ocisize {metadata.version('ocisize')}, textual {metadata.version('textual')}"
    for name, flag in (("dive", "--version"), ("ncdu", "-v"), ("tmux", "-V")):
        if program := find_program(name):
            yield subprocess.run([program, flag], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
