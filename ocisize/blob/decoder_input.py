"""StoredFile: a blob's stored bytes as the file object that decoders read from, counted as they are handed out."""

from __future__ import annotations

import io
from collections.abc import Iterable

from ocisize.blob.region import CHUNK, FileRegion
from ocisize.blob.verify import Verifier
from ocisize.blob.zstd_frames import ZstdFrameParser


class DecoderInput(io.RawIOBase):
    """What decoders read from; ``consumed`` counts the bytes handed out."""

    consumed = 0
    frames: ZstdFrameParser | None = None  #: follows what is read, where the decoder does not tell a cut

    def readable(self) -> bool:
        return True

    def peek(self, count: int) -> bytes:
        """The first bytes without consuming them; only before the first read."""
        raise NotImplementedError

    def _hand_out(self, piece: bytes | memoryview) -> None:
        self.consumed += len(piece)
        if self.frames is not None:
            self.frames.feed(piece)


class ChunkFile(DecoderInput):
    """Chunks from anywhere, copied to where the decoder wants them."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = memoryview(b"")

    def peek(self, count: int) -> bytes:
        head = b""
        while len(head) < count and (chunk := next(self._chunks, None)) is not None:
            head += chunk
        self._chunk = memoryview(head)
        return head[:count]

    def _next(self) -> memoryview:
        while not self._chunk and (chunk := next(self._chunks, None)) is not None:
            self._chunk = memoryview(chunk)
        return self._chunk

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill the buffer whole but at the end: what decoders see, and so the wire map, depends on no chunking."""
        filled = 0
        while filled < len(buffer) and (chunk := self._next()):
            count = min(len(chunk), len(buffer) - filled)
            buffer[filled : filled + count] = chunk[:count]
            self._chunk = chunk[count:]
            filled += count
        self._hand_out(buffer[:filled])
        return filled

    def read(self, size: int = -1, /) -> bytes:
        buffer = bytearray(size if size >= 0 else CHUNK)
        return bytes(memoryview(buffer)[: self.readinto(memoryview(buffer))])


class RegionFile(DecoderInput):
    """Bytes of a local file, read straight to where the decoder wants them and verified there."""

    def __init__(self, region: FileRegion, verifier: Verifier | None) -> None:
        self._region, self._verifier = region.part(0, region.size), verifier
        self._ended = False

    def peek(self, count: int) -> bytes:
        return self._region.read_at(0, count)

    def _see(self, piece: bytes | memoryview, asked: int) -> None:
        if piece:
            self._hand_out(piece)
            if self._verifier is not None:
                self._verifier.update(piece)
        elif asked and not self._ended:
            self._ended = True
            if self._verifier is not None:
                self._verifier.finish()

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        count = self._region.readinto(buffer)
        self._see(memoryview(buffer)[:count], len(buffer))
        return count

    def read(self, size: int = -1, /) -> bytes:
        asked = size if size >= 0 else CHUNK
        piece = self._region.read(asked)
        self._see(piece, asked)
        return piece
