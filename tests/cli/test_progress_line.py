"""The progress: one line on a terminal, removed at the end; never in a report or a pipe."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

from ocisize import Progress
from ocisize.cli.progress_line import ProgressLine, Rate, describe_progress
from tests.images import build_image, layer, write_layout


def progress(done: int, *, layers_done: int = 0) -> Progress:
    return Progress(0, 3, done, 10**6, layers_done=layers_done, total_done=done, total_size=2_500_000_000)


def read_all(leader: int, follower: int) -> str:
    """What was written to a terminal so far."""
    os.write(follower, b"<end>")
    drawn = b""
    while not drawn.endswith(b"<end>"):
        drawn += os.read(leader, 65536)
    return drawn.removesuffix(b"<end>").decode()


def test_the_line_is_redrawn_and_removed() -> None:
    """Every drawing begins at the first column, and the last one leaves an empty line."""
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as stream:
        with ProgressLine(stream) as line:
            line.update(progress(1_000_000_000))
            time.sleep(1)
        drawn = read_all(leader, follower)
    os.close(leader)
    assert drawn.startswith("\r0 of 3 layers · 1.00/2.50 GB")
    assert "\n" not in drawn and drawn.split("\r")[-2].isspace() and drawn.endswith("\r")


def test_the_report_begins_on_an_empty_line(tmp_path: Path) -> None:
    """A short run draws nothing; a longer one removes its line."""
    layout = write_layout(build_image([layer({"a": b"1"})]), tmp_path / "l")
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "ocisize", str(layout)]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=follower, text=True, timeout=60, check=True)
    assert read_all(leader, follower).split("\r")[-1] == ""
    os.close(follower)
    os.close(leader)
    assert "\x1b" not in result.stdout


def test_what_the_line_says() -> None:
    """Layers, bytes in one unit, rate and time left; without a rate, less."""
    assert describe_progress(progress(0), None) == "0 of 3 layers · 0.00/2.50 GB"
    assert describe_progress(progress(5 * 10**8), 10**7) == "0 of 3 layers · 0.50/2.50 GB · 10.0 MB/s · 3 min 20 s left"
    assert describe_progress(progress(2_500_000_000, layers_done=3), 10**7) == "3 of 3 layers · 2.50 GB · analyzing"


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """A server that stalls has no rate after ten seconds."""
    rate = Rate()
    assert rate.bytes_per_second() is None
    for second, done in enumerate([0, 100, 200, *[300] * 20]):
        rate.add(second, done)
    assert rate.bytes_per_second() == 0
