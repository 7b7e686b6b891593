"""Ctrl-C ends the program within a moment, whatever it is waiting for.

Python raises KeyboardInterrupt between two of its own instructions. A thread that looks up a host's name, a file on a
network that does not answer or a long search are one instruction each, and at exit Python waits for all threads. So a
second thread, which the signal wakes at once, ends the process where it has not ended by itself. A program that draws on a
terminal ends with the terminal in the same way.
"""

from __future__ import annotations

import os
import signal
import threading
import time

GRACE = 1.0  # seconds to close connections and restore the terminal
STATUS = 130  # as shells have it: 128 and the number of the signal
HUNG_UP = 129  # the status of a program whose terminal was closed, as shells have it
_CLEAR_LINE = b"\r\x1b[K"  # of the progress


def end_in_time() -> None:
    """Watch for Ctrl-C from now on; for the main thread of a program, not of a host application."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader,), name="ocisize-interrupts", daemon=True).start()


def _watch(reader: int) -> None:
    while os.read(reader, 1) != bytes([signal.SIGINT]):  # other signals with a handler
        pass
    time.sleep(GRACE)
    if os.isatty(2):
        os.write(2, _CLEAR_LINE)
    os._exit(STATUS)


def end_with_terminal(descriptor: int) -> None:
    """End the process when the terminal of a file descriptor is closed, also while the main thread waits for something."""
    threading.Thread(target=_watch_terminal, args=(descriptor,), name="ocisize-terminal", daemon=True).start()


def _watch_terminal(descriptor: int) -> None:
    while os.isatty(descriptor):  # a signal would be lost on a main thread that waits
        time.sleep(GRACE)
    time.sleep(GRACE)
    os._exit(HUNG_UP)
