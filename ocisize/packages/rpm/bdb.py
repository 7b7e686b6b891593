"""The headers in ``Packages``, a hash of Berkeley DB, which rpm wrote before 2020.

Format: ``src/dbinc/db_page.h`` of Berkeley DB 5.3. Numbers have the byte order of the machine that wrote them. A
value that is larger than a quarter of a page is in a chain of pages of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

from ocisize.packages.limits import MAX_PACKAGES
from ocisize.packages.rpm.blobs import Blob, BrokenDatabase, slice_of
from ocisize.tuples import NamedTuple

_HASH_MAGIC = 0x061561
_MAGIC_AT = 12
_HASH_PAGES = (2, 13)  # unsorted, as Berkeley DB 4.5 and older have them, and sorted
_OVERFLOW_PAGE = 7
_PAGE_HEADER = 26  # bytes
_HERE, _ELSEWHERE = 1, 3  # kinds of values: in the page, and in a chain of pages
_MAX_ENTRIES = 4 * MAX_PACKAGES  # a key and a value for each package, twice as many to be safe
_MIN_VALUE = 16  # bytes; a smaller value is the counter of packages


def is_bdb(content: bytes) -> bool:
    """Whether this is a hash of Berkeley DB."""
    return _byte_order(content) is not None


def _byte_order(content: bytes) -> str | None:
    magic = content[_MAGIC_AT : _MAGIC_AT + 4]
    return next((order for order in "<>" if magic == struct.pack(f"{order}I", _HASH_MAGIC)), None)


class _PageHeader(NamedTuple):
    next_page: int
    entries: int  # on overflow pages, the number of references
    free_offset: int  # on overflow pages, the number of bytes
    kind: int


class _Pages:
    """A database as pages; the first one, with the number 0, describes the others."""

    def __init__(self, content: bytes) -> None:
        order = _byte_order(content)
        if order is None or len(content) < 512:
            raise BrokenDatabase("it is not a hash of Berkeley DB")
        self.order, self.content = order, content
        (self.size,) = struct.unpack_from(f"{order}I", content, 20)
        if not 512 <= self.size <= 1 << 16 or self.size & (self.size - 1):
            raise BrokenDatabase("its page size is invalid")
        if content[24]:
            raise BrokenDatabase("it is encrypted")
        self.count = len(content) // self.size
        self._entries = 0

    def header(self, page: int) -> _PageHeader:
        if not 0 < page < self.count:
            raise BrokenDatabase("a page is missing")
        fields = struct.unpack_from(f"{self.order}IHHxB", self.content, page * self.size + 16)
        return _PageHeader(*fields)

    def blobs_of(self, page: int) -> Iterator[Blob]:
        """The values of a page of the hash; keys and values take turns, and are stored from the end of the page."""
        header = self.header(page)
        start = page * self.size
        if header.kind not in _HASH_PAGES:
            return
        self._entries += header.entries
        if _PAGE_HEADER + 2 * header.entries > self.size or self._entries > _MAX_ENTRIES:
            raise BrokenDatabase("it has more entries than fit")
        offsets = struct.unpack_from(f"{self.order}{header.entries}H", self.content, start + _PAGE_HEADER)
        for key, value in zip(offsets[::2], offsets[1::2], strict=False):
            if not _PAGE_HEADER <= value < key <= self.size:
                raise BrokenDatabase("an entry is not in its page")
            kind = self.content[start + value]
            if kind == _HERE and key - value - 1 >= _MIN_VALUE:
                yield Blob(key - value - 1, partial(slice_of, self.content, start + value + 1, start + key))
            elif kind == _ELSEWHERE and value + 12 <= self.size:
                first, size = struct.unpack_from(f"{self.order}II", self.content, start + value + 4)
                yield Blob(max(size, _MIN_VALUE), partial(self._load, first, size))

    def _load(self, page: int, size: int) -> bytes:
        """The bytes of a chain of pages. All but the last are full, so even a circle ends after ``size`` bytes."""
        parts = []
        left = size
        while left > 0:
            header = self.header(page)
            if header.kind != _OVERFLOW_PAGE or header.free_offset != min(left, self.size - _PAGE_HEADER):
                raise BrokenDatabase("a package is not complete")
            start = page * self.size + _PAGE_HEADER
            parts.append(self.content[start : start + header.free_offset])
            left -= header.free_offset
            page = header.next_page
        return b"".join(parts)


def read_blobs(content: bytes) -> Iterator[Blob]:
    """The blobs of a database; raises BrokenDatabase."""
    pages = _Pages(content)
    for page in range(1, pages.count):
        yield from pages.blobs_of(page)
