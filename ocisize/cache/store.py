"""Cache: what a store of entries must do; ``DiskCache`` is the one of the command line."""

from __future__ import annotations

from typing import Protocol


class Cache(Protocol):
    """Two methods; no base class is needed. Threads and processes may use a store at once.

    A key is a relative path of letters, digits, ``.``, ``-`` and ``/``, of at most 255 characters. An entry is checked when
    it is read, so a store may lose entries, return old ones, or damage them. It is not authenticated: whoever can write to
    the store can change the figures of later reports.

    Neither method should raise an error: a store that fails has nothing, and keeps nothing. A store may have a third method,
    ``discard(key)``, which is called for an entry that turned out to be damaged.

    >>> class Memory(dict):
    ...     def put(self, key, data):
    ...         self[key] = data
    >>> cache: Cache = Memory()
    >>> cache.put("layers-v1/sha256/ab/abcd", b"entry")
    >>> cache.get("layers-v1/sha256/ab/abcd"), cache.get("layers-v1/sha256/cd/cdef")
    (b'entry', None)
    """

    def get(self, key: str, /) -> bytes | None:
        """Return the entry with this key, None if there is none."""
        ...

    def put(self, key: str, data: bytes, /) -> object:
        """Keep an entry, in the place of one with the same key."""
        ...


def discard(cache: Cache, key: str) -> None:
    """Remove a damaged entry from a store that can do so; in any other one, the next ``put`` replaces it."""
    remove = getattr(cache, "discard", None)
    if remove is not None:
        remove(key)
