"""Programs that end with their terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from ocisize.cli.signals import HUNG_UP

_WAITING = """
import signal, threading
from ocisize.cli.signals import end_with_terminal

signal.signal(signal.SIGHUP, signal.SIG_IGN)
end_with_terminal(0)
print("ready", flush=True)
threading.Event().wait()
"""


def test_a_program_that_waits_ends_with_its_terminal() -> None:
    """No signal reaches its main thread; while the terminal is there, the program stays."""
    master, slave = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", _WAITING], stdin=slave, stdout=subprocess.PIPE) as process:
        os.close(slave)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert process.poll() is None
        os.close(master)
        assert process.wait(timeout=120) == HUNG_UP
