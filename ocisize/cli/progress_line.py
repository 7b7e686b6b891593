"""ProgressLine: one line on a terminal that says how far the layers of an image are read, and how long the rest takes."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, TextIO

from ocisize.report.words.units import human_seconds, human_size
from ocisize.text import plural

if TYPE_CHECKING:
    from types import TracebackType

    from ocisize.layer.progress import Progress

_DELAY = 0.5  # seconds before the line is first shown: most saved images are read by then
_INTERVAL = 0.2  # seconds between two drawings
_MIN_TIME = 1.0  # seconds after which a rate means something
_WINDOW = 10.0  # seconds of which the rate is the average
_WIDTH = 80  # columns of a terminal that does not say how wide it is
_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15, "EB": 10**18}


class ProgressLine:
    """Draws the line from a thread while it is entered, and removes it at the end. ``update`` is for ``on_progress``.

    A thread draws, so that the rate falls where a server sends nothing.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._progress: Progress | None = None
        self._rate = Rate()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ocisize-progress", daemon=True)
        self._shown = 0  # columns

    def update(self, progress: Progress) -> None:
        """Note how far the layers are read."""
        self._progress = progress

    def __enter__(self) -> ProgressLine:  # noqa: PYI034 - Self is new in Python 3.11
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._draw("")

    def _run(self) -> None:
        wait = _DELAY
        while not self._ended.wait(wait):
            wait = _INTERVAL
            if text := self._describe(time.monotonic()):
                self._draw(text)

    def _describe(self, now: float) -> str:
        """The text of the line at a time; "" before anything is known."""
        if self._progress is None:
            return ""
        self._rate.add(now, self._progress.total_done)
        return describe_progress(self._progress, self._rate.bytes_per_second())

    def _draw(self, text: str) -> None:
        """Replace the line; a terminal that is gone is no error."""
        if not (text or self._shown):
            return
        try:
            text = text[: (os.get_terminal_size(self._stream.fileno()).columns or _WIDTH) - 1]
            self._stream.write(f"\r{text}{' ' * (self._shown - len(text))}" + ("" if text else "\r"))
            self._stream.flush()
        except OSError:
            self._ended.set()
        self._shown = len(text)


class Rate:
    """The bytes per second of the last seconds.

    >>> rate = Rate()
    >>> for second in range(5):
    ...     rate.add(second, 1000 * second)
    >>> rate.bytes_per_second()
    1000.0
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, done: int) -> None:
        """Add the bytes that are done at a time, given in seconds."""
        self._samples.append((now, done))
        while now - self._samples[0][0] > _WINDOW:
            self._samples.popleft()

    def bytes_per_second(self) -> float | None:
        """The average rate; None after less than a second."""
        if not self._samples:
            return None
        (begun, before), (now, done) = self._samples[0], self._samples[-1]
        return (done - before) / (now - begun) if now - begun >= _MIN_TIME else None


def describe_progress(progress: Progress, rate: float | None) -> str:
    """The text of the line; ``rate`` in bytes per second, None while it is unknown.

    >>> from ocisize import Progress
    >>> half = Progress(layer=3, layers=8, done=1, size=2, layers_done=2, total_done=115_000_000, total_size=628_000_000)
    >>> describe_progress(half, 12_000_000)
    '2 of 8 layers · 115/628 MB · 12.0 MB/s · 43 s left'
    >>> describe_progress(half, 0)
    '2 of 8 layers · 115/628 MB · waiting for data'
    >>> pipe = Progress(layer=2, layers=3, done=1, size=2, layers_done=2, total_done=115_000_000, total_size=None)
    >>> describe_progress(pipe, 12_000_000)
    'reading the archive · 115 MB · 12.0 MB/s'
    """
    if progress.total_size is None:
        return _describe_pipe(progress, rate)
    parts = [f"{progress.layers_done:,} of {progress.layers:,} {plural(progress.layers, 'layer')}"]
    left = progress.total_size - progress.total_done
    if left <= 0:
        return " · ".join([*parts, human_size(progress.total_size), "analyzing"])
    parts.append(_show_share(progress.total_done, progress.total_size))
    if rate:
        seconds = left / rate
        parts += [f"{human_size(round(rate))}/s", f"{f'{seconds:.0f} s' if seconds < 59.5 else human_seconds(seconds)} left"]
    elif rate is not None:
        parts.append("waiting for data")
    return " · ".join(parts)


def _describe_pipe(progress: Progress, rate: float | None) -> str:
    """The text for a pipe, whose size is not known."""
    if progress.waits_for:
        return progress.waits_for
    parts = ["reading the archive", human_size(progress.total_done)]
    if rate is not None:
        parts.append(f"{human_size(round(rate))}/s" if rate else "waiting for data")
    return " · ".join(parts)


def _show_share(done: int, total: int) -> str:
    """Two sizes in the unit of the second: ``115/628 MB``."""
    number, unit = human_size(total).split(" ")
    digits = len(number.partition(".")[2])
    return f"{done / _UNITS[unit]:.{digits}f}/{number} {unit}"
