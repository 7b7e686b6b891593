"""The program in tmux, as people use it: from a shell, which finds its terminal as it was."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browse.screens import SNAPSHOTS
from tests.pairs import write_layouts
from tests.tools import program

ROOT = Path(__file__).parent.parent.parent
IMAGE = ROOT / "testdata" / "example.tar"
DEADLINE = 120.0  # seconds; a machine that does much else is slow
_STATE = "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_cursor_flag} #{insert_flag} #{wrap_flag}"


class Tmux:
    """A shell in a window of tmux, whose server is its own."""

    def __init__(self, folder: Path) -> None:
        self.socket = tempfile.mkdtemp(prefix="tmux")  # short: the path of a socket has at most 107 bytes
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PS1": "$ ",
            "ENV": "",
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
        }
        environment.pop("TMUX", None)
        size = ("-x", "80", "-y", "24")
        command = [*self._command, "-f", "/dev/null", "new-session", "-d", *size, "-c", str(folder), "sh"]
        subprocess.run(command, env=environment, check=True, timeout=DEADLINE)

    @property
    def _command(self) -> list[str]:
        return [program("tmux"), "-S", f"{self.socket}/s"]

    def do(self, *arguments: str) -> str:
        return subprocess.run(
            [*self._command, *arguments], check=True, capture_output=True, encoding="utf-8", timeout=DEADLINE
        ).stdout

    def press(self, *keys: str) -> None:
        self.do("send-keys", *keys)

    def run(self, line: str) -> None:
        self.do("send-keys", "-l", line)
        self.press("Enter")

    def browse(self, *arguments: str) -> None:
        self.run(shlex.join([sys.executable, "-m", "ocisize", "browse", *arguments, "--no-cache"]) + '; echo "status $?"')

    @property
    def screen(self) -> str:
        return "".join(line.rstrip() + "\n" for line in self.do("capture-pane", "-p").splitlines())

    def wait(self, condition: Callable[[str], bool]) -> str:
        end = time.monotonic() + DEADLINE
        while not condition(screen := self.screen):
            assert time.monotonic() < end, f"{self.size} in the terminal\n{screen}"
            time.sleep(0.05)
        return screen

    @property
    def size(self) -> str:
        """Lines and columns that the program finds: if they are the expected ones, tmux has not lost the new size."""
        terminal = self.do("display-message", "-p", "#{pane_tty}").strip()
        with open(terminal, "rb") as file:
            return "{1} x {0}".format(*os.get_terminal_size(file.fileno()))

    def settings(self, folder: Path) -> tuple[str, str]:
        """The settings of the terminal as the shell and as tmux see them."""
        (folder / "stty").unlink(missing_ok=True)
        self.run("clear; stty -g > stty.new && mv stty.new stty")
        self.wait(lambda screen: (folder / "stty").exists())
        return (folder / "stty").read_text(), self.do("display-message", "-p", _STATE)

    def close(self) -> None:
        subprocess.run([*self._command, "kill-server"], capture_output=True, timeout=DEADLINE)
        shutil.rmtree(self.socket, ignore_errors=True)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    tmux = Tmux(tmp_path)
    yield tmux
    tmux.close()


def _is_ready(screen: str) -> bool:
    return "▸ bin/" in screen and "2 Fix first" in screen


def test_a_session(tmux: Tmux, tmp_path: Path) -> None:
    """Open, search, mark, export and leave; the shell has its lines and its terminal again."""
    before = tmux.settings(tmp_path)
    tmux.run("echo kept")
    tmux.wait(lambda screen: "\nkept\n" in screen)
    tmux.browse(str(IMAGE))
    assert "kept" not in tmux.wait(_is_ready)
    tmux.press("/")
    tmux.do("send-keys", "-l", "*.deb")
    tmux.wait(lambda screen: "2 results" in screen and "archives/" in screen)
    tmux.press("Enter", "m")
    tmux.wait(lambda screen: "1 marked, 161 kB" in screen)
    tmux.press("x")
    tmux.wait(lambda screen: "Write 1 marked path" in screen)
    tmux.press("Down", "Down", "Enter")
    tmux.wait(lambda screen: "wrote marked.json" in screen)
    tmux.press("Escape")
    tmux.wait(_is_ready)
    tmux.press("q")
    screen = tmux.wait(lambda screen: "status 0" in screen)
    assert "\nkept\n" in screen
    assert "Fix first" not in screen
    assert tmux.settings(tmp_path) == before
    (row,) = json.loads((tmp_path / "marked.json").read_text())
    assert row["path"].startswith("var/cache/apt/archives/ca-certificates_")
    assert row["wasted_size"] == row["content_size"] > 0


def test_the_screen_follows_the_window(tmux: Tmux) -> None:
    tmux.browse(str(IMAGE))
    tmux.wait(_is_ready)
    tmux.do("resize-window", "-x", "120")
    tmux.wait(lambda screen: "\nPath         /bin/ " in screen and "RUN … apt-get" in screen)
    tmux.do("resize-window", "-y", "40")
    tmux.wait(lambda screen: "\nPath         /bin/ " in screen and "q Quit" in screen.splitlines()[39])
    tmux.do("resize-window", "-x", "30", "-y", "8")
    tmux.wait(lambda screen: len(screen.splitlines()) == 8 and "? Help" in screen)
    tmux.do("resize-window", "-x", "80", "-y", "24")
    expected = next(one for one in SNAPSHOTS if (one.name, one.columns) == ("main", 80)).path.read_text("utf-8")
    tmux.wait(lambda screen: screen.splitlines()[1:] == expected.splitlines()[1:])  # the title has the path of the image
    tmux.press("q")
    tmux.wait(lambda screen: "status 0" in screen)


def _find_program(tmux: Tmux) -> int:
    """The process of ocisize, a child of the shell."""
    shell = tmux.do("display-message", "-p", "#{pane_pid}").strip()
    return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])


def _wait_for_end(process: int) -> None:
    end = time.monotonic() + DEADLINE
    while Path(f"/proc/{process}").exists() and "(zombie)" not in _state(process):
        assert time.monotonic() < end
        time.sleep(0.05)


def _state(process: int) -> str:
    try:
        return Path(f"/proc/{process}/status").read_text()
    except OSError:
        return "(zombie)"


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_a_killed_program(tmux: Tmux, tmp_path: Path) -> None:
    """SIGTERM, as kill sends it."""
    before = tmux.settings(tmp_path)
    tmux.browse(str(IMAGE))
    tmux.wait(_is_ready)
    os.kill(_find_program(tmux), 15)
    tmux.wait(lambda screen: "status 143" in screen)
    assert tmux.settings(tmp_path) == before


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
@pytest.mark.parametrize("is_read", [True, False])
def test_a_closed_terminal(tmux: Tmux, tmp_path: Path, is_read: bool) -> None:
    """The program ends, also while it waits for an image."""
    os.mkfifo(tmp_path / "image.tar")
    tmux.browse(str(IMAGE) if is_read else "image.tar")
    tmux.wait(_is_ready if is_read else lambda screen: "image.tar · " in screen and "q Quit" in screen)
    process = _find_program(tmux)
    tmux.do("kill-pane")
    _wait_for_end(process)


def test_leaving_before_the_image_is_read(tmux: Tmux, tmp_path: Path) -> None:
    """Keys for a tree that is not there yet do nothing."""
    os.mkfifo(tmp_path / "image.tar")
    before = tmux.settings(tmp_path)
    tmux.browse("image.tar")
    tmux.wait(lambda screen: "image.tar · " in screen and "q Quit" in screen)
    tmux.press("j", "l", "N", "m", "x", "y", "w", "4", "a", "C", "Enter", "Tab", "?")
    tmux.wait(lambda screen: "go to the next wasted file" in screen)
    tmux.press("Escape")
    tmux.wait(lambda screen: "go to the next wasted file" not in screen)
    tmux.press("q")
    tmux.wait(lambda screen: "status 0" in screen)
    assert tmux.settings(tmp_path) == before


def test_two_images(tmux: Tmux, tmp_path: Path) -> None:
    """With an older image, a list has the files that differ, with both sizes and the status; Enter shows one in the tree."""
    write_layouts(tmp_path)
    tmux.browse("after", "--compare", "before")
    tmux.wait(lambda screen: "7 Changes" in screen)
    tmux.press("7")
    screen = tmux.wait(lambda screen: "25 stored files differ from" in screen and "/usr/lib/git-core/" in screen)
    assert "Before    After    Growth  Status" in screen
    assert " -  15.0 kB  +15.0 kB  added   -→1" in screen
    tmux.press("Enter")
    tmux.wait(lambda screen: "Path         /usr/lib/git-core/file00" in screen and "Stored in    layer 1" in screen)
    tmux.press("8", "Right")
    tmux.wait(lambda screen: " +     0 B   375 kB  +375 kB    ▸ lib/" in screen)
    tmux.press("q")
    tmux.wait(lambda screen: "status 0" in screen)


def test_two_images_side_by_side(tmux: Tmux, tmp_path: Path) -> None:
    """``ocisize diff`` opens them, and both trees are as wide as the terminal allows."""
    write_layouts(tmp_path)
    command = [sys.executable, "-m", "ocisize", "diff", "after", "before", "--browse", "--no-cache"]
    tmux.run(shlex.join(command) + '; echo "status $?"')
    tmux.wait(lambda screen: "compared with after: -375 kB unpacked; 25 stored files differ: 25" in screen)
    tmux.do("resize-window", "-x", "120")
    tmux.press("Right", "Right", "Right", "Right", "Right")
    tmux.press("Down")
    row = re.compile(r"^ -  375 kB      ▾ git-core/ +│       -  -375 kB\n -", re.MULTILINE)
    tmux.wait(lambda screen: bool(row.search(screen)) and "Before       layer 1 RUN apt-get update" in screen)
    tmux.press("q")
    tmux.wait(lambda screen: "status 0" in screen)
