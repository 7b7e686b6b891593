"""The table ``Packages`` of ``rpmdb.sqlite``: a walk over SQLite's b-trees.

Format: https://www.sqlite.org/fileformat2.html. The module ``sqlite3`` needs a file, which this content is not, and a C
parser of databases is more than a hostile image should reach. What only the write-ahead log beside the database has is not
read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from itertools import islice

from ocisize.packages.rpm.blobs import Blob, BrokenDatabase
from ocisize.tuples import NamedTuple

MAGIC = b"SQLite format 3\0"
_INTERIOR, _LEAF = 5, 13  # types of pages of tables
_FILE_HEADER = 100  # bytes at the start of the first page
_MAX_SCHEMA = 1000  # tables and indexes; rpm has 30
_MAX_SQL = 64 << 10  # bytes of a row of the schema


class _Cell(NamedTuple):
    """A row of a table: the start of its record in its page, and the rest in a chain of pages."""

    size: int  # of the whole record
    start: int
    local_size: int  # bytes in the page of the row
    overflow: int  # number of the first page with the rest


class _Pages:
    """A database as pages."""

    def __init__(self, content: bytes) -> None:
        if not content.startswith(MAGIC) or len(content) < _FILE_HEADER:
            raise BrokenDatabase("it is not an SQLite database")
        size = int.from_bytes(content[16:18], "big")
        self.size = 1 << 16 if size == 1 else size
        self.usable = self.size - content[20]
        if self.size < 512 or self.size & (self.size - 1) or self.usable < 480:
            raise BrokenDatabase("its page size is invalid")
        self.content = content

    def start(self, page: int) -> int:
        """The offset of a page; the first one has the number 1."""
        start = (page - 1) * self.size
        if page < 1 or start + self.usable > len(self.content):
            raise BrokenDatabase("a page is missing")
        return start

    def rows(self, root: int) -> Iterator[_Cell]:
        """The rows of a table, in their order."""
        waiting, seen = [root], {root}
        while waiting:
            page = waiting.pop()
            start = self.start(page)
            header = start + (_FILE_HEADER if page == 1 else 0)
            kind = self.content[header]
            if kind not in (_INTERIOR, _LEAF):
                raise BrokenDatabase("a page is not one of a table")
            (count,) = struct.unpack_from(">H", self.content, header + 3)
            pointers = header + (12 if kind == _INTERIOR else 8)
            if pointers + 2 * count > start + self.usable:
                raise BrokenDatabase("a page has more cells than fit")
            offsets = struct.unpack_from(f">{count}H", self.content, pointers)
            if kind == _LEAF:
                yield from (self._cell(start, offset) for offset in offsets)
                continue
            places = (header + 8, *(start + offset for offset in reversed(offsets)))
            for place in places:
                child = self._number(place)
                self.start(child)
                if child in seen:
                    raise BrokenDatabase("two pages lead to the same one")
                seen.add(child)
                waiting.append(child)

    def _cell(self, start: int, offset: int) -> _Cell:
        size, place = _read_varint(self.content, start + offset)
        _, place = _read_varint(self.content, place)  # the row's number
        largest = self.usable - 35
        if size <= largest:
            return _Cell(size, place, size, 0)
        smallest = (self.usable - 12) * 32 // 255 - 23
        local_size = smallest + (size - smallest) % (self.usable - 4)
        if local_size > largest:
            local_size = smallest
        return _Cell(size, place, local_size, self._number(place + local_size))

    def _number(self, place: int) -> int:
        if place + 4 > len(self.content):
            raise BrokenDatabase("it ends too early")
        return int.from_bytes(self.content[place : place + 4], "big")

    def load(self, cell: _Cell) -> bytes:
        """The record of a row."""
        parts = [self.content[cell.start : cell.start + cell.local_size]]
        left, page = cell.size - cell.local_size, cell.overflow
        while left > 0:
            start = self.start(page)
            part = self.content[start + 4 : start + min(self.usable, 4 + left)]
            parts.append(part)
            left -= len(part)
            page = self._number(start)
        return b"".join(parts)


def read_blobs(content: bytes) -> Iterator[Blob]:
    """The blobs in the table ``Packages``; raises BrokenDatabase."""
    pages = _Pages(content)
    root = _find_packages(pages)
    for cell in pages.rows(root):
        yield Blob(cell.size, partial(_load_blob, pages, cell))


def _find_packages(pages: _Pages) -> int:
    """The first page of ``Packages``, from the schema: type, name, table, first page, SQL."""
    for cell in islice(pages.rows(1), _MAX_SCHEMA):
        if cell.size <= _MAX_SQL:
            kind, name, _, root = _read_columns(pages.load(cell), 4)
            if kind == b"table" and name == b"Packages":
                return int.from_bytes(root, "big")
    raise BrokenDatabase("it has no table of packages")


def _load_blob(pages: _Pages, cell: _Cell) -> bytes:
    """The second column of a row; the first one is the row's number."""
    return _read_columns(pages.load(cell), 2)[1]


def _read_columns(record: bytes, count: int) -> list[bytes]:
    """The bytes of the first columns of a record."""
    end, place = _read_varint(record, 0)
    start, columns = end, []
    for _ in range(count):
        if place >= end:
            raise BrokenDatabase("a row has too few columns")
        kind, place = _read_varint(record, place)
        # numbers of 0 to 8 bytes, which are not there if they are 0 or 1, then blobs and texts
        size = (kind - 12) // 2 if kind >= 12 else (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind]
        columns.append(record[start : start + size])
        start += size
    return columns


def _read_varint(content: bytes, place: int) -> tuple[int, int]:
    """A number of one to nine bytes, and the place behind it."""
    value = 0
    for index, byte in enumerate(content[place : place + 9]):
        if index == 8:
            return value << 8 | byte, place + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + index + 1
    raise BrokenDatabase("it ends too early")
