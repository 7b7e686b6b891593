"""Pipes with a writer at the other end, as a shell makes them for ``docker save app | ocisize -``."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import attrs

PATIENCE = 30.0  #: seconds in which a writer ends


@attrs.define
class Writer:
    """What writes to a pipe; ``written`` are its bytes, ``broken`` says whether the reader closed the pipe before the end."""

    path: str  #: of the end to read from
    written: int = 0
    broken: bool = False
    ended: threading.Event = attrs.field(factory=threading.Event)


@contextmanager
def piped(data: bytes, *, step: int = 1 << 16) -> Iterator[Writer]:
    """Give a pipe into which a thread writes the data, ``step`` bytes at a time."""
    reading, writing = os.pipe()
    writer = Writer(f"/dev/fd/{reading}")

    def write() -> None:
        try:
            for start in range(0, len(data), step):
                writer.written += os.write(writing, data[start : start + step])
        except BrokenPipeError:
            writer.broken = True
        finally:
            os.close(writing)
            writer.ended.set()

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield writer
    finally:
        with suppress(OSError):
            os.close(reading)
        thread.join(PATIENCE)
    assert writer.ended.is_set()


@contextmanager
def standard_input(data: bytes) -> Iterator[Writer]:
    """Give a pipe as standard input of this process."""
    before = os.dup(0)
    with piped(data) as writer:
        try:
            os.dup2(int(writer.path.rpartition("/")[2]), 0)
            yield writer
        finally:
            os.dup2(before, 0)
            os.close(before)
