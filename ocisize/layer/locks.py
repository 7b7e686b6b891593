"""Locks that are open in a forked child: the thread that held a lock in the parent does not exist there to release it."""

from __future__ import annotations

import os
import threading
import weakref

_LOCKS: weakref.WeakSet[threading.Lock] = weakref.WeakSet()


def fork_safe(lock: threading.Lock) -> threading.Lock:
    """Return the same lock, which a process that forks from this one will find open.

    >>> lock = fork_safe(threading.Lock())
    >>> lock.locked()
    False
    """
    _LOCKS.add(lock)
    return lock


def _open_all() -> None:
    for lock in _LOCKS:
        lock._at_fork_reinit()  # type: ignore[attr-defined]  # noqa: SLF001 - as the standard library does with its own


os.register_at_fork(after_in_child=_open_all)
