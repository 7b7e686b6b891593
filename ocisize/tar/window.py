"""Window: the part of a tar stream that is in memory, and how to move on in the stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from ocisize.errors import TarError
from ocisize.tar.header import BLOCK

ZEROS = bytes(BLOCK)
_WHOLE_STREAM = 1 << 62  # bytes; more than any stream has
# Bytes to read behind a jump: where one large file was passed over, the next one is often near. Windows of 64 KiB that are
# read whole take 1.06 to 1.1 times the time of a scan in place of services.
_SIZE_AFTER_JUMP = 16 << 10


class ByteStream(Protocol):
    """Where a tar comes from; ``io.BytesIO`` and open binary files are such streams."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Write the next bytes of the stream to ``buffer``; return how many, 0 at the end of the stream."""
        ...


@runtime_checkable
class SkippableStream(ByteStream, Protocol):
    """A stream that can move on without reading, such as a region of a local file."""

    def skip(self, count: int, /) -> int:
        """Move on by up to ``count`` bytes; return by how many, less only at the end of the stream."""
        ...


@runtime_checkable
class _JumpingStream(SkippableStream, Protocol):
    """A stream that can move on and read in one call."""

    def skip_and_read(self, count: int, buffer: memoryview, /) -> int:
        """Move on by ``count`` bytes and read; return how many bytes were read, 0 if nothing was done."""
        ...


class Window:
    """The part of the stream in memory: ``buffer[position:end]``, where ``buffer[0]`` is byte ``base`` of the stream.

    ``position`` may lie behind ``end``: the bytes between are yet to be read, or skipped.

    >>> import io
    >>> window = Window(io.BytesIO(b"header..payload."), size=8)
    >>> window.fill(8), window.read_exactly(7, "the header"), window.offset
    (8, b'header.', 7)
    """

    __slots__ = (
        "_after_jump", "_skip_and_read", "base", "before_move", "blocks", "buffer", "end", "position", "skip", "stream",
        "view",
    )  # fmt: skip

    def __init__(self, stream: ByteStream, size: int) -> None:
        self.stream, self.buffer = stream, bytearray(size)
        self.skip = stream.skip if isinstance(stream, SkippableStream) else None
        self._skip_and_read = stream.skip_and_read if isinstance(stream, _JumpingStream) else None
        self.view = memoryview(self.buffer)
        self._after_jump = self.view[:_SIZE_AFTER_JUMP]
        #: the blocks of the buffer, by number: a look into a list takes a fifth of the time of a slice
        self.blocks = [self.view[start : start + BLOCK] for start in range(0, size - BLOCK + 1, BLOCK)]
        self.base = self.position = self.end = 0
        self.before_move: Callable[[], object] | None = None  #: called before bytes leave the buffer

    @property
    def offset(self) -> int:
        """The position in the stream, in bytes."""
        return self.base + self.position

    @property
    def last_header(self) -> int:
        """The last position of a whole header in the buffer, -1 unless headers lie on blocks of the buffer."""
        return -1 if self.position % BLOCK else self.end - BLOCK

    def fill(self, needed: int) -> int:
        """Move the unused bytes to the start of the buffer and read until it has ``needed`` bytes.

        Return how many bytes it has; fewer than ``needed`` only at the end of the stream.
        """
        if self.before_move is not None:
            self.before_move()
        if (missing := self.position - self.end) > 0:
            if self._skip_and_read is not None and (count := self._skip_and_read(missing, self._after_jump)):
                self.base += self.position
                self.position, self.end = 0, count
                if count >= needed:
                    return count
            else:
                self._drop_buffer()
                self._read_past(missing)
        unused = self.end - self.position
        if unused:
            self.view[:unused] = self.view[self.position : self.end]
        self.base += self.position
        self.position, self.end = 0, unused
        while self.end < needed and (count := self.stream.readinto(self.view[self.end :])):
            self.end += count
        return self.end

    def discard(self, count: int, feed: Callable[[memoryview], object] | None = None) -> int:
        """Move on by up to ``count`` bytes; return by how many, fewer only at the end of the stream.

        ``feed`` is called with the bytes, piece by piece. Without it, the stream is skipped where it can be.
        """
        in_buffer = self.end - self.position
        if feed is not None:
            feed(self.view[self.position : self.position + min(count, in_buffer)])
        if count <= in_buffer:
            self.position += count
            return count
        self._drop_buffer()
        return in_buffer + self._read_past(count - in_buffer, feed)

    def _drop_buffer(self) -> None:
        if self.before_move is not None:
            self.before_move()
        self.base += self.end
        self.position = self.end = 0

    def _read_past(self, count: int, feed: Callable[[memoryview], object] | None = None) -> int:
        """Move on by up to ``count`` bytes of the stream itself; the buffer must be empty."""
        if feed is None and self.skip is not None:
            skipped = self.skip(count)
            self.base += skipped
            return skipped
        done = 0
        while done < count and (filled := self.stream.readinto(self.view)):
            used = min(filled, count - done)
            if feed is not None:
                feed(self.view[:used])
            done += used
            self.position, self.end = used, filled
            if used == filled:
                self._drop_buffer()
        return done

    def take(self, buffer: memoryview) -> int:
        """Move up to as many bytes as fit into ``buffer``; return how many, 0 at the end of the stream.

        Bytes that are not in memory yet go there straight from the stream.
        """
        count = min(self.end - self.position, len(buffer))
        if count > 0:
            buffer[:count] = self.view[self.position : self.position + count]
            self.position += count
            return count
        self._drop_buffer()
        count = self.stream.readinto(buffer)
        self.base += count
        return count

    def read_exactly(self, size: int, what: str) -> bytes:
        """The next ``size`` bytes. Raises TarError, which names ``what`` was read, if the stream ends before."""
        content = bytearray()
        self.discard_exactly(size, what, content.extend)
        return bytes(content)

    def discard_exactly(self, size: int, what: str, feed: Callable[[memoryview], object] | None = None) -> None:
        """Move on by ``size`` bytes, as ``discard`` does. Raises TarError if the stream ends before."""
        start = self.offset
        if self.discard(size, feed) < size:
            raise self.truncation_error(what, start, size)

    def truncation_error(self, what: str, start: int, size: int) -> TarError:
        """The error for a stream that has ended within the ``size`` bytes from offset ``start``."""
        message = f"the tar ends within {what}: {self.offset - start} of {size} bytes, starting"
        return TarError(message, offset=start, truncated=True)

    def end_of_archive(self) -> None:
        """Check the second of the two zero blocks that end a tar, then consume the rest of the stream.

        Raises TarError if the block is cut, or is not zero.
        """
        self.position += BLOCK
        count = self.fill(BLOCK)
        if 0 < count < BLOCK:
            raise TarError("the tar ends within its end marker", offset=self.offset, truncated=True)
        if count and bytes(self.view[:BLOCK]) != ZEROS:
            raise TarError("a header follows a single zero block", offset=self.offset)
        self.drain()

    def drain(self) -> None:
        """Consume the rest of the stream: skip it when the stream can be skipped, else read it.

        Reading to the end is what verifies the digest of a blob.
        """
        self._drop_buffer()
        while self.skip is not None and (skipped := self.skip(_WHOLE_STREAM)):
            self.base += skipped
        while count := self.stream.readinto(self.view):
            self.base += count
