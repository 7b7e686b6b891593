"""The program in a real terminal: it is left as it was, by keys and by signals, and nothing else is written to."""

from __future__ import annotations

import ctypes
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocisize.cli.main import main

DEADLINE = 120.0  # seconds; a machine that does much else is slow
_ALTERNATE, _MAIN = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """A terminal in which the program runs."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.ours, theirs = pty.openpty()
        _set_size(self.ours, 24, 80)
        self.theirs = theirs
        self.before = termios.tcgetattr(theirs)
        values = {**os.environ, "TERM": "xterm-256color", "LINES": "24", "COLUMNS": "80", **(environment or {})}
        command = [sys.executable, "-m", "ocisize", "browse", *arguments, "--no-cache"]
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=values, start_new_session=True
        )
        self.written = b""

    def read_until(self, condition: Callable[[bytes], bool]) -> None:
        end = time.monotonic() + DEADLINE
        while not condition(self.written):
            assert time.monotonic() < end, self.written[-2000:]
            if select.select([self.ours], [], [], 0.1)[0]:
                self.written += os.read(self.ours, 1 << 16)
            elif self.process.poll() is not None:
                assert condition(self.written), self.written[-2000:]

    def read_all(self) -> None:
        """Read until nothing comes for a second: the program sleeps then."""
        while select.select([self.ours], [], [], 1)[0]:
            self.written += os.read(self.ours, 1 << 16)

    def press(self, keys: bytes) -> None:
        os.write(self.ours, keys)

    def wait(self) -> int:
        """The exit status, when all that was written is read."""
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None:
            assert time.monotonic() < end
            if select.select([self.ours], [], [], 0.1)[0]:
                self.written += os.read(self.ours, 1 << 16)
        while select.select([self.ours], [], [], 0)[0]:
            self.written += os.read(self.ours, 1 << 16)
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def opened() -> Iterator[Callable[..., Terminal]]:
    terminals = list[Terminal]()

    def open_terminal(*arguments: str, environment: dict[str, str] | None = None) -> Terminal:
        terminals.append(Terminal(*arguments, environment=environment))
        return terminals[-1]

    yield open_terminal
    for terminal in terminals:
        terminal.close()


@pytest.mark.parametrize("key", [b"q", b"\x03"], ids=["q", "ctrl-c"])
def test_keys_leave_the_terminal_as_it_was(opened: Callable[..., Terminal], key: bytes) -> None:
    terminal = opened("testdata/example.tar")
    terminal.read_until(lambda text: b"bin/" in text and b"Fix first" in text)
    terminal.press(key)
    assert terminal.wait() == 0
    assert terminal.written.count(_ALTERNATE) == terminal.written.count(_MAIN) == 1
    assert termios.tcgetattr(terminal.theirs) == terminal.before


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGHUP])
def test_signals_leave_the_terminal_as_it_was(opened: Callable[..., Terminal], name: signal.Signals) -> None:
    terminal = opened("testdata/example.tar")
    terminal.read_until(lambda text: b"bin/" in text)
    terminal.process.send_signal(name)
    assert terminal.wait() == 128 + name
    assert terminal.written.endswith(_MAIN) or _MAIN in terminal.written
    assert termios.tcgetattr(terminal.theirs) == terminal.before


@pytest.mark.skipif(sys.platform != "linux", reason="finds threads in /proc")
def test_a_signal_that_another_thread_gets(opened: Callable[..., Terminal]) -> None:
    """The main thread, which runs Python's handlers, sleeps in the event loop and is woken."""
    terminal = opened("testdata/example.tar", environment={"LINES": "", "COLUMNS": ""})
    terminal.read_until(lambda text: b"bin/" in text and b"Stored in" in text)
    process = terminal.process.pid
    threads = [int(name) for name in os.listdir(f"/proc/{process}/task") if int(name) != process]
    assert threads
    for lines, thread in enumerate(threads, 30):
        terminal.read_all()
        _set_size(terminal.ours, lines, 80)  # no signal: it is not the terminal that controls the process
        written = len(terminal.written)
        assert ctypes.CDLL(None).tgkill(process, thread, signal.SIGWINCH) == 0
        last_line = f"\x1b[{lines};1H".encode()
        terminal.read_until(lambda text, written=written, last=last_line: last in text[written:])  # type: ignore[misc]
    terminal.press(b"q")
    assert terminal.wait() == 0


def test_a_size_of_which_no_signal_tells(opened: Callable[..., Terminal]) -> None:
    """The terminal does not control the process, so that no new size sends a signal; the screen follows."""
    terminal = opened("testdata/example.tar", environment={"LINES": "", "COLUMNS": ""})
    terminal.read_until(lambda text: b"bin/" in text and b"Stored in" in text)
    for lines in (30, 40):
        written = len(terminal.written)
        _set_size(terminal.ours, lines, 80)
        last_line = f"\x1b[{lines};1H".encode()
        terminal.read_until(lambda text, written=written, last=last_line: last in text[written:])  # type: ignore[misc]
    terminal.press(b"q")
    assert terminal.wait() == 0


def _set_size(descriptor: int, lines: int, columns: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def test_no_color(opened: Callable[..., Terminal]) -> None:
    """With NO_COLOR, nothing has a hue: red, green and blue of each color are the same."""
    terminal = opened("testdata/example.tar", environment={"NO_COLOR": "1", "COLORTERM": "truecolor"})
    terminal.read_until(lambda text: b"bin/" in text)
    terminal.press(b"q")
    terminal.wait()
    import re

    for match in re.finditer(rb"[34]8;2;(\d+);(\d+);(\d+)", terminal.written):
        assert len(set(match.groups())) == 1


def test_an_error_is_printed_on_the_terminal(opened: Callable[..., Terminal], tmp_path: Path) -> None:
    """Of an image that cannot be read, after the screen was left."""
    terminal = opened(str(tmp_path / "none.tar"))
    assert terminal.wait() == 2
    last = terminal.written.rpartition(_MAIN)[2]
    assert b"no such file or folder" in last
    assert termios.tcgetattr(terminal.theirs) == terminal.before


def test_an_absent_layer(opened: Callable[..., Terminal]) -> None:
    terminal = opened("testdata/example.tar", "--layer", "9")
    assert terminal.wait() == 2
    assert b"there is no layer 9" in terminal.written.rpartition(_MAIN)[2]


def test_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["browse", "testdata/example.tar"]) == 2
    assert capfd.readouterr().err.splitlines() == [
        "error: ocisize browse needs a terminal; input and output are something else",
        "hint: ocisize tree IMAGE and ocisize files IMAGE print lists",
    ]


def test_without_textual(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """One line says how to install it."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["browse", "testdata/example.tar"]) == 2
    assert "hint: pip install 'ocisize[browse]'" in capfd.readouterr().err


def test_standard_input_has_the_keys(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    assert main(["browse", "-"]) == 2
    assert "docker save -o app.tar" in capfd.readouterr().err
