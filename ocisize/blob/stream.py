"""Decompressed byte streams: a blob's stored bytes in, its uncompressed bytes and the map between both out.

Compression is told by magic bytes (RFC 1952, RFC 8878), never by media type. A blob is verified when its stream has
been read to the end, so whoever opens a LayerStream must run it to its end and then call ``finish``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from ocisize.blob.compression import DECODER_ERRORS, GZIP, PLAIN, detect_compression, open_decoder
from ocisize.blob.decoder_input import ChunkFile, RegionFile
from ocisize.blob.offset_map import OffsetMap
from ocisize.blob.region import CHUNK, FileRegion
from ocisize.blob.verify import Verifier, algorithm_of
from ocisize.errors import DigestMismatch, StreamError
from ocisize.limits import Limits, Meter

_EXTRA_FIELD = 4  # flag of a gzip header, RFC 1952
# Bytes per decoder step, in and out: the precision of the offset map. Steps of 16 KiB cost 9 % more CPU, so only small
# blobs, which cost little, are read in small steps.
_STEP, _MIN_STEP, _STEPS = 128 << 10, 4 << 10, 256


class LayerStream:
    """The uncompressed bytes of a blob, with the map of what they cost as stored.

    A blob in a local file is read in place and shown to the ``verifier``; chunks from elsewhere come verified.
    ``stored_size`` is how long the blob should be; small ones are mapped in finer steps. ``diff_id``, when given, is
    checked by ``finish``, unless the chunks are plain and already ``verified_as`` the same digest. ``meter`` is shown
    every step and raises LimitExceeded; without one, only the memory that a frame may ask for is limited.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        stored_size: int | None = None,
        diff_id: str | None = None,
        verifier: Verifier | None = None,
        verified_as: str | None = None,
        meter: Meter | None = None,
        on_bytes: Callable[[int], object] | None = None,
    ) -> None:
        self._file = RegionFile(chunks, verifier) if isinstance(chunks, FileRegion) else ChunkFile(chunks)
        head = self._file.peek(18)
        self.compression = detect_compression(head)
        self._step = _STEP if stored_size is None else min(max(stored_size // _STEPS, _MIN_STEP), _STEP)
        if self.compression == GZIP and len(head) > 3 and head[3] & _EXTRA_FIELD:
            self._step = _STEP  # ISA-L wants a header whole, and this one may have 64 KiB
        limits = Limits() if meter is None else meter.limits
        self._decoder = open_decoder(self.compression, self._file, step=self._step, max_window=limits.zstd_window)
        if self.compression == PLAIN and diff_id == verified_as:
            diff_id = None  # the stored bytes are the uncompressed ones
        self._diff_id = diff_id
        self._hash = hashlib.new(algorithm_of(diff_id), usedforsecurity=False) if diff_id else None
        self._meter, self._on_bytes = meter, on_bytes
        self.wire = OffsetMap()
        self.size = 0  #: uncompressed bytes so far
        self.anomalies: list[str] = []
        self._ended = False

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer with uncompressed bytes; 0 at the end. Raises StreamError when the stream is broken."""
        filled, length = 0, len(buffer)
        decode, file, step = self._decoder.readinto, self._file, self._step
        before, plain = file.consumed, self.compression == PLAIN
        try:
            while filled < length and not self._ended:
                consumed = file.consumed
                count = decode(buffer[filled : filled + step])
                if not count:
                    self._ended = True
                elif consumed and file.consumed != consumed and not plain:
                    # What was handed in before this slice ran out somewhere within it.
                    self.wire.note(self.size + filled + count // 2, consumed)
                filled += count
        except EOFError:
            raise self._cut(self._decoder.tell()) from None
        except OverflowError as error:
            raise StreamError(f"unusual {self.compression} header: {error}") from None
        except DECODER_ERRORS as error:
            self._end_at_garbage(error, self.size + filled)
            filled = self._decoder.tell() - self.size  # decoders write into the buffer before they stumble
        self.size += filled
        if self._meter is not None:
            self._meter.record_size(self.size, file.consumed)
        if self._hash is not None:
            self._hash.update(buffer[:filled])
        if self._on_bytes is not None and file.consumed != before:
            self._on_bytes(file.consumed)
        return filled

    def _end_at_garbage(self, error: Exception, position: int) -> None:
        if "Not a gzipped file" not in str(error):
            raise StreamError(f"broken {self.compression} stream after {position} bytes of output: {error}") from None
        # gzip(1) and Go differ on what follows the last member; the image itself is whole.
        self.anomalies.append("garbage follows the gzip stream")
        self._ended = True

    def _cut(self, size: int) -> StreamError:
        return StreamError(f"the {self.compression} stream is cut after {size} bytes of output", truncated=True)

    def finish(self) -> int:
        """Read the stored blob to its end and verify it; return its size. Call after the last byte was read."""
        while self._file.read(CHUNK):
            pass
        if self._file.frames is not None and not self._file.frames.complete:
            raise self._cut(self.size)
        if self._on_bytes is not None:
            self._on_bytes(self._file.consumed)
        self.wire.note(self.size, self._file.consumed)
        if self._hash is not None and self._diff_id is not None:
            got = f"{self._diff_id.partition(':')[0]}:{self._hash.hexdigest()}"
            if got != self._diff_id:
                raise DigestMismatch("uncompressed layer", got=got, expected=self._diff_id)
        return self._file.consumed
