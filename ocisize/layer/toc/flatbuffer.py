"""FlatBuffers tables, of which only what zTOCs need: https://flatbuffers.dev/internals/.

Every position is checked against the buffer: ``struct`` would read before its start with negative ones.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ocisize.layer.toc.unusable import Unusable

_INT32, _UINT32, _UINT16, _INT64 = struct.Struct("<i"), struct.Struct("<I"), struct.Struct("<H"), struct.Struct("<q")


class FlatTable:
    """One table in a buffer; fields are given by their number, and a field that is absent has its default.

    Its methods raise Unusable for positions outside of the buffer.
    """

    __slots__ = ("_buffer", "_fields", "_position")

    def __init__(self, buffer: bytes, position: int) -> None:
        self._buffer, self._position = buffer, position
        fields = position - self._read(_INT32, position)
        size = self._read(_UINT16, fields)
        if size < 4 or fields + size > len(buffer):
            raise Unusable("its zTOC has a malformed table")
        self._fields = buffer[fields + 4 : fields + size]

    @classmethod
    def root(cls, buffer: bytes) -> FlatTable:
        """The table that the buffer begins with."""
        return cls(buffer, _read(buffer, _UINT32, 0))

    def number(self, field: int, kind: struct.Struct = _INT64) -> int:
        """A number of ``kind``; 0 if it is absent."""
        position = self._place(field)
        return self._read(kind, position) if position else 0

    def unsigned(self, field: int) -> int:
        """A number of 32 bits without a sign; 0 if it is absent."""
        return self.number(field, _UINT32)

    def text(self, field: int) -> bytes:
        """A string or a vector of bytes; empty if it is absent."""
        position = self._target(field)
        return bytes(_vector(self._buffer, position, 1)) if position else b""

    def table(self, field: int) -> FlatTable:
        """The table in a field, which must be there."""
        position = self._target(field)
        if not position:
            raise Unusable("its zTOC lacks a table")
        return FlatTable(self._buffer, position)

    def tables(self, field: int) -> Iterator[FlatTable]:
        """The tables of a vector."""
        return (FlatTable(self._buffer, position) for position in self._targets(field))

    def texts(self, field: int) -> Iterator[bytes]:
        """The strings of a vector."""
        return (bytes(_vector(self._buffer, position, 1)) for position in self._targets(field))

    def _targets(self, field: int) -> Iterator[int]:
        position = self._target(field)
        if position:
            offsets = _vector(self._buffer, position, 4)
            for place, (offset,) in enumerate(_UINT32.iter_unpack(offsets)):
                yield position + 4 + 4 * place + offset

    def _place(self, field: int) -> int:
        """The position of a field, 0 if it is absent."""
        if 2 * field + 2 > len(self._fields):
            return 0
        (offset,) = _UINT16.unpack_from(self._fields, 2 * field)
        return self._position + offset if offset else 0

    def _target(self, field: int) -> int:
        """The position that a field refers to, 0 if it is absent."""
        position = self._place(field)
        return position + self._read(_UINT32, position) if position else 0

    def _read(self, kind: struct.Struct, position: int) -> int:
        return _read(self._buffer, kind, position)


def _read(buffer: bytes, kind: struct.Struct, position: int) -> int:
    if not 0 <= position <= len(buffer) - kind.size:
        raise Unusable("its zTOC refers to bytes outside of it")
    value: int = kind.unpack_from(buffer, position)[0]
    return value


def _vector(buffer: bytes, position: int, item_size: int) -> memoryview:
    """The bytes of a vector."""
    size = _read(buffer, _UINT32, position) * item_size
    if size > len(buffer) - position - 4:
        raise Unusable("its zTOC refers to bytes outside of it")
    return memoryview(buffer)[position + 4 : position + 4 + size]
