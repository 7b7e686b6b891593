"""SqliteFile: the tables of an SQLite database, by a walk over its b-trees.

Format: https://www.sqlite.org/fileformat2.html. The module ``sqlite3`` needs a file, which this content is not, and a C
parser of databases is more than a hostile image should reach.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

from ocisize.packages.rpm.blobs import BrokenDatabase
from ocisize.tuples import NamedTuple

MAGIC = b"SQLite format 3\0"
_INTERIOR, _LEAF = 5, 13  # types of pages of tables
_FILE_HEADER = 100  # bytes at the start of the first page
_MAX_SCHEMA = 1000  # tables and indexes; rpm has 30
_MAX_RECORD = 64 << 10  # bytes of a row of the schema and of other tables with small rows
_CONSTANTS = {0: 0, 8: 0, 9: 1}  # values of columns that take no byte; 0 is NULL
_FLOAT = 7  # kind of a column; whole numbers have lower ones
_LOG_MAGICS = (0x377F0682, 0x377F0683)
_LOG_HEADER_SIZE, _FRAME_HEADER_SIZE = 32, 24  # bytes, with checksums at their ends
_LOG_HEADER = struct.Struct(">IIIIII")  # magic, version, page size, number of checkpoints, two salts
_FRAME_HEADER = struct.Struct(">IIII")  # page, pages of the database at the end of a transaction or 0, two salts


class Row(NamedTuple):
    """Where a row of a table is: the start of its record in its page, and the rest in a chain of pages."""

    number: int  #: in the table
    size: int  #: bytes of the whole record
    start: int  #: of the record in the content
    local_size: int  #: bytes of the record in the page of the row
    overflow: int  #: number of the first page with the rest


class SqliteFile:
    """A database; every method raises BrokenDatabase or struct.error for a damaged one, and IndexError.

    Args:
        content: the database.
        log: the write-ahead log beside it, whose name ends with ``-wal``; b"" if there is none.

    """

    def __init__(self, content: bytes, log: bytes = b"") -> None:
        self.content = apply_log(content, log)
        if not self.content.startswith(MAGIC) or len(self.content) < _FILE_HEADER:
            raise BrokenDatabase("it is not an SQLite database")
        size = int.from_bytes(self.content[16:18], "big")
        self.size = 1 << 16 if size == 1 else size
        self.usable = self.size - self.content[20]
        if self.size < 512 or self.size & (self.size - 1) or self.usable < 480:
            raise BrokenDatabase("its page size is invalid")

    def start(self, page: int) -> int:
        """The offset of a page; the first one has the number 1."""
        start = (page - 1) * self.size
        if page < 1 or start + self.usable > len(self.content):
            raise BrokenDatabase("a page is missing")
        return start

    def rows(self, root: int) -> Iterator[Row]:
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

    def _cell(self, start: int, offset: int) -> Row:
        size, place = _read_varint(self.content, start + offset)
        number, place = _read_varint(self.content, place)
        largest = self.usable - 35
        if size <= largest:
            return Row(number, size, place, size, 0)
        smallest = (self.usable - 12) * 32 // 255 - 23
        local_size = smallest + (size - smallest) % (self.usable - 4)
        if local_size > largest:
            local_size = smallest
        return Row(number, size, place, local_size, self._number(place + local_size))

    def _number(self, place: int) -> int:
        if place + 4 > len(self.content):
            raise BrokenDatabase("it ends too early")
        return int.from_bytes(self.content[place : place + 4], "big")

    def load(self, row: Row) -> bytes:
        """The record of a row."""
        parts = [self.content[row.start : row.start + row.local_size]]
        left, page = row.size - row.local_size, row.overflow
        while left > 0:
            start = self.start(page)
            part = self.content[start + 4 : start + min(self.usable, 4 + left)]
            parts.append(part)
            left -= len(part)
            page = self._number(start)
        return b"".join(parts)

    def find_table(self, table: bytes) -> int:
        """The first page of a table, from the schema: type, name, table, first page, SQL."""
        for row in islice(self.rows(1), _MAX_SCHEMA):
            if row.size <= _MAX_RECORD:
                kind, name, _, root = read_columns(self.load(row), 4)
                if kind == b"table" and name == table and isinstance(root, int):
                    return root
        raise BrokenDatabase("a table is missing")

    def read_table(self, table: bytes, count: int) -> Iterator[tuple[int, list[int | bytes]]]:
        """The number and the first columns of each row of a table with small rows, in their order."""
        left = len(self.content)
        for row in self.rows(self.find_table(table)):
            left -= row.size
            if row.size > _MAX_RECORD or left < 0:
                raise BrokenDatabase("its rows overlap")
            yield row.number, read_columns(self.load(row), count)


def apply_log(content: bytes, log: bytes) -> bytes | bytearray:
    """A database with the pages that its write-ahead log replaces; without a usable log, the database as it is."""
    if len(log) < _LOG_HEADER.size:
        return content
    magic, _, page_size, _, *salts = _LOG_HEADER.unpack_from(log)
    if magic not in _LOG_MAGICS or not 512 <= page_size <= 1 << 16:
        return content
    committed: dict[int, int] = {}
    pending: dict[int, int] = {}
    pages = 0
    for start in range(_LOG_HEADER_SIZE, len(log) - _FRAME_HEADER_SIZE - page_size + 1, _FRAME_HEADER_SIZE + page_size):
        page, pages_then, *frame_salts = _FRAME_HEADER.unpack_from(log, start)
        if frame_salts != salts:  # left over from before the log was written from its start again
            break
        pending[page] = start + _FRAME_HEADER_SIZE
        if pages_then:  # the last frame of a transaction
            committed.update(pending)
            pending, pages = {}, pages_then
    size = pages * page_size
    if not committed or size > len(content) + len(log):
        return content
    merged = bytearray(content[:size].ljust(size, b"\0"))
    for page, place in committed.items():
        if 0 < page <= pages:
            merged[(page - 1) * page_size : page * page_size] = log[place : place + page_size]
    return merged


def read_columns(record: bytes, count: int) -> list[int | bytes]:
    """The first columns of a record: whole numbers, or the bytes of anything else. NULL is 0."""
    end, place = _read_varint(record, 0)
    start = end
    columns: list[int | bytes] = []
    for _ in range(count):
        if place >= end:
            raise BrokenDatabase("a row has too few columns")
        kind, place = _read_varint(record, place)
        # numbers of 0 to 8 bytes, which are not there if they are 0 or 1, then blobs and texts
        size = (kind - 12) // 2 if kind >= 12 else (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind]
        content = record[start : start + size]
        if kind in _CONSTANTS:
            columns.append(_CONSTANTS[kind])
        else:
            columns.append(int.from_bytes(content, "big", signed=True) if kind < _FLOAT else content)
        start += size
    return columns


def _read_varint(content: bytes | bytearray, place: int) -> tuple[int, int]:
    """A number of one to nine bytes, and the place behind it."""
    value = 0
    for index, byte in enumerate(content[place : place + 9]):
        if index == 8:
            return value << 8 | byte, place + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + index + 1
    raise BrokenDatabase("it ends too early")
