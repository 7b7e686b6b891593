"""Stored bytes: chunks from anywhere, and FileRegion for those that lie in a local file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import attrs

CHUNK = 64 << 10  # what one step reads: small enough that a cut connection loses little


def close_chunks(chunks: Iterable[bytes]) -> None:
    """Let go of where chunks come from, if it can be told: a connection that an error's traceback keeps stays open."""
    close = getattr(chunks, "close", None)
    if close is not None:
        close()


@attrs.define
class FileRegion:
    """``size`` bytes from ``offset`` of an open local file, readable in order or by offset.

    Does not own ``descriptor``: whoever opened the file closes it. Reads by offset, so threads can share the file.
    """

    descriptor: int
    offset: int
    size: int
    position: int = 0
    owner: object = attrs.field(default=None, repr=False)  #: kept alive as long as the region is, e.g. to close the file

    def __iter__(self) -> Iterator[bytes]:
        """The bytes in chunks, from the start; fewer than ``size`` when the file is cut."""
        position = 0
        while chunk := self.read_at(position, CHUNK):
            yield chunk
            position += len(chunk)

    def read_at(self, position: int, count: int) -> bytes:
        """Up to ``count`` bytes from ``position`` within the region."""
        return os.pread(self.descriptor, max(min(count, self.size - position), 0), self.offset + position)

    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes from the current position."""
        piece = self.read_at(self.position, count)
        self.position += len(piece)
        return piece

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer from the current position."""
        count = min(len(buffer), self.size - self.position)
        if count <= 0:
            return 0
        count = os.preadv(self.descriptor, [buffer[:count]], self.offset + self.position)
        self.position += count
        return count

    def skip(self, count: int, /) -> int:
        """Move on by up to ``count`` bytes without reading them."""
        file_end = os.fstat(self.descriptor).st_size - self.offset
        count = max(min(count, min(self.size, file_end) - self.position), 0)
        self.position += count
        return count

    def part(self, offset: int, size: int) -> FileRegion:
        """A region within this one."""
        return FileRegion(self.descriptor, self.offset + offset, size, owner=self.owner)
