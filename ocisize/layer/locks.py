"""Locks that a fork leaves open: in the child the thread that held one is gone, and would hold it for ever."""

from __future__ import annotations

import os
import threading
import weakref

_LOCKS: weakref.WeakSet[threading.Lock] = weakref.WeakSet()


def fork_safe(lock: threading.Lock) -> threading.Lock:
    """The same lock, which nobody holds in a process that forks from here."""
    _LOCKS.add(lock)
    return lock


def _open_all() -> None:
    for lock in _LOCKS:
        lock._at_fork_reinit()  # type: ignore[attr-defined]  # noqa: SLF001 - as the standard library does with its own


os.register_at_fork(after_in_child=_open_all)
