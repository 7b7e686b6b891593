"""Stored bytes as they are read: chunks from anywhere, and FileRegion for bytes of a local file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from ocisize.values import define, field

CHUNK = 64 << 10  #: bytes of one read: few, so that a failed connection loses little


@runtime_checkable
class _Closable(Protocol):
    def close(self) -> object: ...


def close_chunks(chunks: Iterable[bytes]) -> None:
    """Close an iterable of chunks that has ``close()``, as generators do.

    A generator that is not read to its end keeps its connection open as long as an error's traceback refers to it.

    >>> chunks = (b"chunk" for _ in range(3))
    >>> close_chunks(chunks)
    >>> list(chunks)
    []
    """
    if isinstance(chunks, _Closable):
        chunks.close()


@define
class FileRegion:
    """``size`` bytes from ``offset`` of the open local file ``descriptor``, to read in order or by offset.

    The region does not own the descriptor: the code that opened the file closes it. All reads are by offset, so threads can
    share the descriptor, each with its own region.

    >>> import tempfile
    >>> with tempfile.TemporaryFile(buffering=0) as file:
    ...     _ = file.write(b"0123456789")
    ...     region = FileRegion(file.fileno(), offset=2, size=6)
    ...     region.read(3), region.read_at(4, 10), list(region.part(1, 2))
    (b'234', b'67', [b'34'])
    """

    descriptor: int  #: of the open file
    offset: int  #: of the first byte in the file
    size: int  #: bytes
    position: int = 0  #: of the next ``read``, within the region
    owner: object = field(default=None, repr=False)  #: an object to keep alive as long as the region

    def __iter__(self) -> Iterator[bytes]:
        """The bytes in chunks, from the start; fewer than ``size`` when the file has been cut."""
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
        """Fill the buffer from the current position; return how many bytes were read, 0 at the end."""
        count = min(len(buffer), self.size - self.position)
        if count <= 0:
            return 0
        count = os.preadv(self.descriptor, [buffer[:count]], self.offset + self.position)
        self.position += count
        return count

    def skip(self, count: int, /) -> int:
        """Move on by up to ``count`` bytes without reading; return by how many, fewer at the end of region or file."""
        file_end = os.fstat(self.descriptor).st_size - self.offset
        count = max(min(count, min(self.size, file_end) - self.position), 0)
        self.position += count
        return count

    def skip_and_read(self, count: int, buffer: memoryview, /) -> int:
        """Move on by ``count`` bytes and fill the buffer, as ``skip`` and ``readinto`` do, with one call of the system.

        Return how many bytes were read; 0 if region or file have none there, and then the position stays as it was.
        """
        position = self.position + count
        if position + len(buffer) > self.size:
            buffer = buffer[: max(self.size - position, 0)]
        read_size = os.preadv(self.descriptor, [buffer], self.offset + position)
        if read_size:
            self.position = position + read_size
        return read_size

    def part(self, offset: int, size: int) -> FileRegion:
        """The region of ``size`` bytes from ``offset`` within this region."""
        return FileRegion(self.descriptor, self.offset + offset, size, owner=self.owner)
