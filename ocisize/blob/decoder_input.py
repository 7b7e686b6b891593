"""DecoderInput: the stored bytes of a blob as the file that a decoder reads, with a count of the bytes read."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ocisize.blob.region import CHUNK, FileRegion
from ocisize.blob.verify import Verifier

if TYPE_CHECKING:
    from ocisize.blob.zstd_frames import ZstdFrameParser

TAIL_SIZE = 16  #: bytes: the end of a gzip stream, and a header that is cut


class BrokenStream(Exception):
    """The stored bytes are malformed."""


class TrailingGarbage(BrokenStream):
    """Bytes that begin no stream follow a whole one."""


class DecoderInput(io.RawIOBase):
    """The file that a decoder reads.

    ``consumed`` is how many bytes the decoder has read. ``frames`` follows them where the decoder does not detect a
    truncated stream. ``tail`` are the last bytes that it has read, up to TAIL_SIZE.
    """

    consumed = 0
    tail = b""
    frames: ZstdFrameParser | None = None

    def readable(self) -> bool:
        return True

    def peek(self, count: int) -> bytes:
        """The first ``count`` bytes, which stay unread; only before the first read."""
        raise NotImplementedError

    def _record(self, piece: bytes | memoryview) -> None:
        self.consumed += len(piece)
        self.tail = bytes(piece[-TAIL_SIZE:]) if len(piece) >= TAIL_SIZE else (self.tail + bytes(piece))[-TAIL_SIZE:]
        if self.frames is not None:
            self.frames.feed(piece)


class ChunkFile(DecoderInput):
    """The input from chunks, which are copied to the decoder's buffer.

    >>> file = ChunkFile([b"abc", b"def"])
    >>> file.peek(2), file.read(4), file.consumed
    (b'ab', b'abcd', 4)
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = memoryview(b"")

    def peek(self, count: int) -> bytes:
        head = b""
        while len(head) < count and (chunk := next(self._chunks, None)) is not None:
            head += chunk
        self._chunk = memoryview(head)
        return head[:count]

    def _current_chunk(self) -> memoryview:
        """The unread rest of the current chunk, or the next one; empty at the end."""
        while not self._chunk and (chunk := next(self._chunks, None)) is not None:
            self._chunk = memoryview(chunk)
        return self._chunk

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill the whole buffer except at the end, so that the offset map does not depend on the sizes of chunks."""
        filled = 0
        while filled < len(buffer) and (chunk := self._current_chunk()):
            count = min(len(chunk), len(buffer) - filled)
            buffer[filled : filled + count] = chunk[:count]
            self._chunk = chunk[count:]
            filled += count
        self._record(buffer[:filled])
        return filled

    def read(self, size: int = -1, /) -> bytes:
        buffer = bytearray(size if size >= 0 else CHUNK)
        return bytes(memoryview(buffer)[: self.readinto(memoryview(buffer))])


class RegionFile(DecoderInput):
    """The input from a region of a local file, read straight into the decoder's buffer and verified there."""

    def __init__(self, region: FileRegion, verifier: Verifier | None) -> None:
        self._region, self._verifier = region.part(0, region.size), verifier
        self._ended = False

    def peek(self, count: int) -> bytes:
        return self._region.read_at(0, count)

    def _verify(self, piece: bytes | memoryview, requested: int) -> None:
        """Record and verify what a read of ``requested`` bytes returned; the first empty read ends the verification."""
        if piece:
            self._record(piece)
            if self._verifier is not None:
                self._verifier.update(piece)
        elif requested and not self._ended:
            self._ended = True
            if self._verifier is not None:
                self._verifier.finish()

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        count = self._region.readinto(buffer)
        self._verify(memoryview(buffer)[:count], len(buffer))
        return count

    def read(self, size: int = -1, /) -> bytes:
        requested = size if size >= 0 else CHUNK
        piece = self._region.read(requested)
        self._verify(piece, requested)
        return piece
