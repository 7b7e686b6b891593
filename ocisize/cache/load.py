"""load_entry: an entry from a store to what it holds, or to nothing if it is damaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ocisize.cache.entry import BadEntry, max_unpacked, unpack_entry
from ocisize.cache.store import Cache, discard
from ocisize.limits import Limits
from ocisize.logs import Logger

_ValueT = TypeVar("_ValueT")
_log = Logger(__name__)


def load_entry(
    store: Cache,
    key: str,
    limits: Limits,
    unpack: Callable[[list[bytes]], _ValueT],
    *,
    damage: tuple[type[Exception], ...] = (BadEntry,),
) -> _ValueT | None:
    """Return what ``unpack`` makes of the sections of an entry; None if there is none, or if it is damaged.

    Args:
        store: the entries. A damaged one is removed.
        key: of the entry.
        limits: bound what it may unpack to.
        unpack: raises an error of ``damage`` for sections that cannot be right.
        damage: the errors that mean a damaged entry.

    """
    entry = store.get(key)
    if entry is None:
        return None
    try:
        return unpack(unpack_entry(key, entry, max_size=max_unpacked(limits)))
    except damage as error:
        _log.info("damaged entry %s of the cache: %s", key, error)
        discard(store, key)
        return None
