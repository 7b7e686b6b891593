"""How threads beside the screen leave it time: the thread of the keys waits for them no longer than for a moment.

Only one thread runs Python at a time. The interpreter asks the running thread to make room after 5 ms, and a key passes
several threads until the screen has changed: one reads the terminal, one handles the key, one writes. A sort and a search
for garbage are single steps, which take 100 ms for some hundred thousand objects.
"""

from __future__ import annotations

import gc
import heapq
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from _typeshed import SupportsRichComparison

_SWITCH_SECONDS = 0.0005  # after which a thread makes room for another one
_PIECE = 1 << 13  # items that are sorted in one step: some milliseconds
_T = TypeVar("_T")


class Courtesy:
    """What the interpreter does while the screen is shown; ``stop`` restores all settings."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working = 0
        self._seconds: float | None = None
        self._collects = False

    def start(self) -> None:
        """Let threads make room for each other more often."""
        self._seconds = sys.getswitchinterval()
        sys.setswitchinterval(min(_SWITCH_SECONDS, self._seconds))

    def stop(self) -> None:
        """Let threads run as before."""
        if self._seconds is not None:
            sys.setswitchinterval(self._seconds)
            self._seconds = None
            gc.unfreeze()

    @contextmanager
    def work(self) -> Iterator[None]:
        """Search for no garbage while a thread makes very many objects; nothing that it makes refers to itself."""
        with self._lock:
            if not self._working:
                self._collects = gc.isenabled()
                gc.disable()
            self._working += 1
        try:
            yield
        finally:
            with self._lock:
                self._working -= 1
                if not self._working and self._collects:
                    gc.enable()

    def keep_objects(self) -> None:
        """Leave out all objects that there are from searches for garbage: those of an image stay as long as the screen."""
        if self._seconds is not None:
            gc.freeze()


COURTESY = Courtesy()  #: of the process: its settings are those of the interpreter


def sort_in_pieces(items: Sequence[_T], key: Callable[[_T], SupportsRichComparison]) -> list[_T]:
    """Return sorted items, as ``sorted`` does, in steps between which other threads can run.

    >>> sort_in_pieces([3, 1, 2], key=lambda number: -number)
    [3, 2, 1]
    """
    pieces = [sorted(items[start : start + _PIECE], key=key) for start in range(0, len(items), _PIECE)]
    return pieces[0] if len(pieces) == 1 else list(heapq.merge(*pieces, key=key))
