"""Bolt: a reader of bbolt databases, in which containerd keeps the names of images.

https://github.com/etcd-io/bbolt: a file of pages. Two meta pages name the root of a B+ tree; of those with a valid checksum,
that of the higher transaction counts. A writer never changes a page that a valid meta page leads to: a copy of the file is
whole if the meta pages are the same before and after. The lock that containerd holds is not asked for: nothing is written.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import TypeAlias

from ocisize.errors import ArchiveError
from ocisize.sources.stores.documents import AS_ROOT

_MAGIC, _VERSION = 0xED0CDAED, 2
_PAGE = struct.Struct("<QHHI")  # id, flags, count of elements, pages that follow
_META = struct.Struct("<IIIIQQQQQ")  # magic, version, page size, flags, root, its sequence, freelist, pages, transaction
_CHECKSUM = struct.Struct("<Q")
_BRANCH_ELEMENT = struct.Struct("<IIQ")  # position, size of the key, page
_LEAF_ELEMENT = struct.Struct("<IIII")  # flags, position, sizes of key and value
_BUCKET = struct.Struct("<QQ")  # root page, 0 for a page within the value; sequence
_BRANCH, _LEAF = 1, 2  # flags of pages
_IS_BUCKET = 1  # flag of an element
_ELEMENT_SIZE = 16  # bytes, of both kinds
_FNV_OFFSET, _FNV_PRIME, _64_BITS = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1
_MAX_SIZE = 1 << 30  # bytes of a database
_MAX_DEPTH = 64  # pages from the root to a leaf
_MAX_ELEMENTS = 10_000_000  # that are read
_MIN_BYTES, _MAX_READINGS = 1 << 20, 16  # bytes of values that are read: elements of a broken database may overlap
_PAGE_SIZES = (4096, 8192, 16384, 65536, 1024, 2048, 32768)
_ATTEMPTS = 5  # at a whole copy


class Bucket:
    """A bucket: keys with values or buckets, sorted."""

    def __init__(self, bolt: Bolt, page: memoryview | int) -> None:
        self._bolt, self._page = bolt, page

    def items(self) -> Iterator[tuple[bytes, Item]]:
        """Yield all keys with their values. Raises ArchiveError for a broken database."""
        return self._bolt.read_items(self._page)

    def get(self, *path: bytes) -> Item | None:
        """Return what is at a path of keys through nested buckets, None if there is nothing. Raises as ``items``."""
        found: Item | None = self
        for key in path:
            if not isinstance(found, Bucket):
                return None
            found = next((value for name, value in found.items() if name == key), None)
        return found

    def bucket(self, *path: bytes) -> Bucket | None:
        """Return the bucket at a path of keys, None if there is none. Raises as ``items``."""
        found = self.get(*path)
        return found if isinstance(found, Bucket) else None

    def value(self, *path: bytes) -> bytes | None:
        """Return the value at a path of keys, None if there is none. Raises as ``items``."""
        found = self.get(*path)
        return found if isinstance(found, bytes) else None


Item: TypeAlias = "bytes | Bucket"


class Bolt:
    """A database in memory, with ``path`` for errors. Raises ArchiveError if it is not one.

    >>> Bolt(b"not a database", "meta.db")
    Traceback (most recent call last):
    ocisize.errors.ArchiveError: meta.db is not a bbolt database: no valid meta page
    """

    def __init__(self, data: bytes | bytearray, path: str) -> None:
        self._data, self._path = memoryview(data), path
        self._remaining, self._remaining_bytes = _MAX_ELEMENTS, _MIN_BYTES + _MAX_READINGS * len(data)
        metas = [meta for meta in (_read_meta(data, 0), *(_read_meta(data, size) for size in _PAGE_SIZES)) if meta]
        metas = [meta for meta in metas if meta.offset in (0, meta.page_size)]
        if not metas:
            raise ArchiveError(f"{path} is not a bbolt database: no valid meta page")
        newest = max(metas, key=lambda meta: meta.transaction)
        self._page_size = newest.page_size
        self.root = Bucket(self, newest.root)

    def read_items(self, page: memoryview | int) -> Iterator[tuple[bytes, Item]]:
        """Yield the keys and values of the tree below a page; a number is that of a page of the file.

        Raises ArchiveError for a broken tree.
        """
        pending = [(page, 1)]
        seen = set[int]()
        while pending:
            page, depth = pending.pop()
            if isinstance(page, int):
                if page in seen:
                    raise self._broken(f"page {page} is in the tree twice")
                seen.add(page)
                page = self._load_page(page)
            if depth > _MAX_DEPTH:
                raise self._broken(f"it is deeper than {_MAX_DEPTH} pages")
            try:
                _, flags, count, _ = _PAGE.unpack_from(page)
                if flags & _LEAF:
                    yield from self._read_leaf(page, count)
                elif flags & _BRANCH:
                    pending += [(child, depth + 1) for child in reversed(self._read_branch(page, count))]
                else:
                    raise self._broken(f"a page has the flags {flags:#x}")
            except struct.error:
                raise self._broken("a page is too short") from None

    def _load_page(self, number: int) -> memoryview:
        start = number * self._page_size
        if number < 2 or start + self._page_size > len(self._data):
            raise self._broken(f"there is no page {number}")
        following = _PAGE.unpack_from(self._data, start)[3]
        return self._data[start : start + (following + 1) * self._page_size]

    def _read_branch(self, page: memoryview, count: int) -> list[int]:
        self._count(count)
        return [_BRANCH_ELEMENT.unpack_from(page, _PAGE.size + index * _ELEMENT_SIZE)[2] for index in range(count)]

    def _read_leaf(self, page: memoryview, count: int) -> Iterator[tuple[bytes, Item]]:
        self._count(count)
        for index in range(count):
            start = _PAGE.size + index * _ELEMENT_SIZE
            flags, position, key_size, value_size = _LEAF_ELEMENT.unpack_from(page, start)
            key_start = start + position
            value_start = key_start + key_size
            self._remaining_bytes -= key_size + value_size
            if value_start + value_size > len(page) or self._remaining_bytes < 0:
                raise self._broken("a value ends behind its page, or values overlap")
            key, value = bytes(page[key_start:value_start]), page[value_start : value_start + value_size]
            yield key, self._read_bucket(value) if flags & _IS_BUCKET else bytes(value)

    def _read_bucket(self, value: memoryview) -> Bucket:
        root = _BUCKET.unpack_from(value)[0]
        return Bucket(self, root or value[_BUCKET.size :])

    def _count(self, elements: int) -> None:
        self._remaining -= elements
        if self._remaining < 0:
            raise self._broken(f"more than {_MAX_ELEMENTS} elements were read")

    def _broken(self, why: str) -> ArchiveError:
        return ArchiveError(f"the database {self._path} is broken: {why}")


class _Meta:
    """A valid meta page."""

    def __init__(self, offset: int, page_size: int, root: int, transaction: int) -> None:
        self.offset, self.page_size, self.root, self.transaction = offset, page_size, root, transaction


def _read_meta(data: bytes | bytearray, offset: int) -> _Meta | None:
    """Return the meta page at an offset, None if none is there."""
    start, end = offset + _PAGE.size, offset + _PAGE.size + _META.size
    if end + _CHECKSUM.size > len(data):
        return None
    magic, version, page_size, _, root, _, _, _, transaction = _META.unpack_from(data, start)
    (checksum,) = _CHECKSUM.unpack_from(data, end)
    if (magic, version) != (_MAGIC, _VERSION) or page_size not in _PAGE_SIZES or checksum != _fnv64a(data[start:end]):
        return None
    return _Meta(offset, page_size, root, transaction)


def _fnv64a(data: bytes | bytearray) -> int:
    """Return the FNV-1a hash of 64 bits, by which meta pages are verified.

    >>> hex(_fnv64a(b"a"))
    '0xaf63dc4c8601ec8c'
    """
    value = _FNV_OFFSET
    for byte in data:
        value = (value ^ byte) * _FNV_PRIME & _64_BITS
    return value


def open_bolt(path: str, *, rights_hint: str = AS_ROOT) -> Bolt | None:
    """Return the database of a file as it is now, None if there is no file.

    Raises ArchiveError if it may not be read, is not a database, has more than 1 GiB, or changes again and again.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        hint = rights_hint if isinstance(error, PermissionError) else None
        raise ArchiveError(f"cannot read {path}: {error.strerror}", hint=hint) from None
    try:
        return Bolt(_read_whole(descriptor, path), path)
    finally:
        os.close(descriptor)


def _read_whole(descriptor: int, path: str) -> bytearray:
    """Return a copy of the file during which no transaction ended."""
    for _ in range(_ATTEMPTS):
        before = os.pread(descriptor, 2 * max(_PAGE_SIZES), 0)
        size = os.fstat(descriptor).st_size  # after the meta pages: a transaction may have made the file larger for them
        if size > _MAX_SIZE:
            raise ArchiveError(f"{path} has {size} bytes, more than {_MAX_SIZE}")
        data = _read_bytes(descriptor, size)
        if data[: len(before)] == before == os.pread(descriptor, len(before), 0):
            return data
    raise ArchiveError(f"{path} changed while it was read", hint="try again")


def _read_bytes(descriptor: int, size: int) -> bytearray:
    """Return the first bytes of a file, which may have fewer; a database may be large, so they are in memory once."""
    data, filled = bytearray(size), 0
    with memoryview(data) as view:
        while filled < size and (count := os.preadv(descriptor, [view[filled:]], filled)):
            filled += count
    del data[filled:]
    return data
