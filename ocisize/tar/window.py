"""Window: the piece of a tar stream at hand, and how to move on in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from ocisize.errors import TarError
from ocisize.tar.header import BLOCK

ZEROS = bytes(BLOCK)
_FAR = 1 << 62  # beyond any stream


class ByteStream(Protocol):
    """Where a tar comes from: fills the buffer it is given, returns 0 at the end."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer as far as bytes are at hand and return how many."""
        ...


@runtime_checkable
class SkippableStream(ByteStream, Protocol):
    """A stream that can pass over bytes without reading them."""

    def skip(self, count: int, /) -> int:
        """Pass over up to ``count`` bytes and return how many there were."""
        ...


class Window:
    """The piece of the stream at hand: ``buffer[position:end]``, starting ``base`` bytes into the stream."""

    __slots__ = ("base", "buffer", "end", "position", "skip", "stream", "view")

    def __init__(self, stream: ByteStream, size: int) -> None:
        self.stream, self.buffer = stream, bytearray(size)
        self.skip = stream.skip if isinstance(stream, SkippableStream) else None
        self.view = memoryview(self.buffer)
        self.base = self.position = self.end = 0

    @property
    def offset(self) -> int:
        return self.base + self.position

    def fill(self, need: int) -> int:
        """Have at least ``need`` bytes from the position on, fewer only at the end; return how many."""
        if self.position > self.end:  # padding that is not at hand yet
            missing = self.position - self.end
            self._empty()
            self._read_past(missing)
        left = self.end - self.position
        self.view[:left] = self.view[self.position : self.end]
        self.base += self.position
        self.position, self.end = 0, left
        while self.end < need and (count := self.stream.readinto(self.view[self.end :])):
            self.end += count
        return self.end

    def discard(self, count: int, feed: Callable[[memoryview], object] | None = None) -> int:
        """Pass over ``count`` bytes, showing them to ``feed``; return how many the stream still had."""
        have = self.end - self.position
        if feed is not None:
            feed(self.view[self.position : self.position + min(count, have)])
        if count <= have:
            self.position += count
            return count
        self._empty()
        return have + self._read_past(count - have, feed)

    def _empty(self) -> None:
        self.base += self.end
        self.position = self.end = 0

    def _read_past(self, count: int, feed: Callable[[memoryview], object] | None = None) -> int:
        if feed is None and self.skip is not None:
            skipped = self.skip(count)
            self.base += skipped
            return skipped
        done = 0
        while done < count and (got := self.stream.readinto(self.view)):
            used = min(got, count - done)
            if feed is not None:
                feed(self.view[:used])
            done += used
            self.position, self.end = used, got
            if used == got:
                self._empty()
        return done

    def take(self, size: int, what: str) -> bytes:
        """The next ``size`` bytes; raise TarError when the stream ends within them."""
        pieces = bytearray()
        self.expect(size, what, pieces.extend)
        return bytes(pieces)

    def expect(self, size: int, what: str, feed: Callable[[memoryview], object] | None = None) -> None:
        """Pass over ``size`` bytes; raise TarError when the stream ends within them."""
        start = self.offset
        got = self.discard(size, feed)
        if got < size:
            raise self.cut(what, start, size)

    def cut(self, what: str, start: int, size: int) -> TarError:
        """The error for ``size`` bytes from offset ``start``, within which the stream has ended."""
        message = f"the tar ends within {what}: {self.offset - start} of {size} bytes, starting"
        return TarError(message, offset=start, truncated=True)

    def end_of_archive(self) -> None:
        """Check the second zero block and read the stream to its end, so that its digest can be checked."""
        self.position += BLOCK
        count = self.fill(BLOCK)
        if 0 < count < BLOCK:
            raise TarError("the tar ends within its end marker", offset=self.offset, truncated=True)
        if count and bytes(self.view[:BLOCK]) != ZEROS:
            raise TarError("a header follows a single zero block", offset=self.offset)
        self.drain()

    def drain(self) -> None:
        """Read to the end of the stream, or skip to it where bytes that are not read are not missed."""
        self._empty()
        while self.skip is not None and (skipped := self.skip(_FAR)):
            self.base += skipped
        while count := self.stream.readinto(self.view):
            self.base += count
