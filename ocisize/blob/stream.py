"""LayerStream: the stored bytes of a blob in, its uncompressed bytes and the map between both out.

The compression is detected from the first bytes (RFC 1952, RFC 8878), never from the media type. A blob is verified when
its stream has been read to the end, so the code that opens a LayerStream must read all of it and then call ``finish``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from ocisize.blob.compression import (
    COMPRESSIONS,
    GZIP,
    MAGIC_SIZE,
    PLAIN,
    Decompressors,
    decoder_errors,
    detect_compression,
    open_decoder,
)
from ocisize.blob.decoder_input import ChunkFile, DecoderInput, RegionFile, TrailingGarbage
from ocisize.blob.offset_map import OffsetMap
from ocisize.blob.region import CHUNK, FileRegion
from ocisize.blob.verify import Verifier, algorithm_of
from ocisize.errors import DigestMismatch, StreamError
from ocisize.limits import Limits, Meter

# Bytes per decoder step, in and out: the precision of the offset map. Steps of 16 KiB cost 9 % more CPU, so only small
# blobs, which cost little, are decoded in small steps.
_MAX_STEP, _MIN_STEP, _STEPS_PER_BLOB = 128 << 10, 4 << 10, 256
_MAX_UNREPORTED = 16 << 20  # uncompressed bytes until a caller that may end the read is called again
_EXTRA_FIELD = 4  # flag of a gzip header, RFC 1952
_GZIP_MAGIC, _GZIP_HEADER_SIZE = b"\x1f\x8b", 10  # bytes
_NO_MEMORY = "not enough memory"  # what zstd says if the system gives none


class LayerStream:
    """The uncompressed bytes of a blob, to be read with ``readinto``.

    ``chunks`` are the stored bytes. A FileRegion is read in place and given to the ``verifier``; chunks from elsewhere must
    have been verified already, and a DecoderInput verifies what it reads. ``stored_size`` is how many bytes the blob should
    have; small blobs get a finer map.
    ``diff_id``, when given, is checked by ``finish``, unless the chunks are plain and ``verified_as`` is the same digest.
    ``hashed_with`` is an algorithm for the uncompressed bytes of a compressed blob that no diff_id is known of yet:
    ``digest`` has the result.
    ``meter`` enforces limits at every step; without it, only windows and dictionaries are limited. ``decompressors`` are
    those of other streams with the same limits, none of which is read now by the same thread. ``on_bytes`` is called with
    the number of stored bytes read so far, also now and then while few of them unpack to many.

    ``offsets`` is the map of stored and uncompressed bytes, ``size`` the uncompressed bytes so far, ``compression`` a
    key of COMPRESSIONS, and ``anomalies`` are odd but readable parts in words.

    >>> import gzip
    >>> stream = LayerStream([gzip.compress(b"content")])
    >>> buffer = memoryview(bytearray(100))
    >>> count = stream.readinto(buffer)
    >>> bytes(buffer[:count]), stream.compression, stream.readinto(buffer)
    (b'content', 'gzip', 0)
    >>> stream.finish() == len(gzip.compress(b"content"))
    True
    """

    def __init__(
        self,
        chunks: Iterable[bytes] | DecoderInput,
        *,
        stored_size: int | None = None,
        diff_id: str | None = None,
        verifier: Verifier | None = None,
        verified_as: str | None = None,
        hashed_with: str | None = None,
        meter: Meter | None = None,
        decompressors: Decompressors | None = None,
        on_bytes: Callable[[int], object] | None = None,
    ) -> None:
        self._file = _open_input(chunks, verifier)
        head = self._file.peek(MAGIC_SIZE)
        self.compression = detect_compression(head)
        self._step = _MAX_STEP if stored_size is None else min(max(stored_size // _STEPS_PER_BLOB, _MIN_STEP), _MAX_STEP)
        if self.compression == GZIP and len(head) > 3 and head[3] & _EXTRA_FIELD:
            self._step = _MAX_STEP  # ISA-L needs the whole header at once, and an extra field has up to 64 KiB
        self._ratio_floor = COMPRESSIONS[self.compression].ratio_floor
        limits = Limits() if meter is None else meter.limits
        self._decoder = open_decoder(
            self.compression, self._file, step=self._step, max_window=limits.zstd_window, decompressors=decompressors
        )
        if self.compression == PLAIN and diff_id == verified_as:
            diff_id = None  # the stored bytes are the uncompressed ones
        self._diff_id = diff_id
        self._algorithm = algorithm_of(diff_id) if diff_id else hashed_with if self.compression != PLAIN else None
        self._hash = hashlib.new(self._algorithm, usedforsecurity=False) if self._algorithm else None
        self._meter, self._on_bytes = meter, on_bytes
        self.offsets = OffsetMap()
        self.size = self._reported = 0
        self.anomalies: list[str] = []
        self._ended = False

    def readinto(self, buffer: memoryview, /) -> int:
        """Write the next uncompressed bytes to ``buffer``; return how many, fewer than fit only at the end, then 0.

        Raises StreamError when the stream is broken or cut, LimitExceeded, and what the chunks or their verifier raise.
        """
        filled, length = 0, len(buffer)
        decode, file, step = self._decoder.readinto, self._file, self._step
        consumed_before, is_plain = file.consumed, self.compression == PLAIN
        try:
            while filled < length and not self._ended:
                consumed = file.consumed
                count = decode(buffer[filled : filled + step])
                if not count:
                    self._ended = True
                elif consumed and file.consumed != consumed and not is_plain:
                    # The input that the decoder had before this step ran out within it; the middle is the best guess.
                    self.offsets.add(self.size + filled + count // 2, consumed)
                filled += count
        except EOFError:
            self._end_at_garbage(self._explain_end(), self.size + filled)
            filled = self._decoder.tell() - self.size
        except OverflowError as error:
            raise StreamError(f"unusual {self.compression} header: {error}") from None
        except decoder_errors() as error:
            self._end_at_garbage(error, self.size + filled)
            filled = self._decoder.tell() - self.size  # decoders write to the buffer before they raise
        self.size += filled
        if self._meter is not None:
            self._meter.record_size(self.size, file.consumed, ratio_floor=self._ratio_floor)
        if self._hash is not None:
            self._hash.update(buffer[:filled])
        if self._on_bytes is not None and (
            file.consumed != consumed_before or self.size - self._reported >= _MAX_UNREPORTED
        ):
            self._reported = self.size
            self._on_bytes(file.consumed)
        return filled

    @property
    def digest(self) -> str | None:
        """The digest of the uncompressed bytes that were read; None if they are not hashed."""
        return f"{self._algorithm}:{self._hash.hexdigest()}" if self._hash is not None else None

    def _end_at_garbage(self, error: Exception, position: int) -> None:
        """End a gzip or bzip2 stream that garbage follows. Raises any other error of the decoder as StreamError.

        If the decoder got no memory, which is no fault of the stream, raises MemoryError.
        """
        if _NO_MEMORY in str(error):
            raise MemoryError(str(error)) from None
        if isinstance(error, StreamError):
            raise error from None
        if not isinstance(error, TrailingGarbage) and "Not a gzipped file" not in str(error):
            raise StreamError(f"broken {self.compression} stream after {position} bytes of output: {error}") from None
        # gzip(1), bzip2(1) and Go disagree on bytes after the last member; the image itself is whole.
        self.anomalies.append(f"garbage follows the {self.compression} stream")
        self._ended = True

    def _explain_end(self) -> Exception:
        """Return the error of stored bytes that end where the decoder needs more.

        Fewer bytes than a header may follow a whole gzip stream, and begin no other one. The last four bytes of the stream
        are then its size (RFC 1952, section 2.3.1). Only the size of a single stream is known.
        """
        tail, size = self._file.tail, self._decoder.tell()
        footer = (size & 0xFFFFFFFF).to_bytes(4, "little")
        if (
            self.compression == GZIP
            and size
            and any(  # without output, the zeros of a cut header would be the size
                tail[:-count].endswith(footer) and not tail[-count:].startswith(_GZIP_MAGIC[:count])
                for count in range(1, _GZIP_HEADER_SIZE)
            )
        ):
            return TrailingGarbage()
        return self._truncation_error(size)

    def _truncation_error(self, size: int) -> StreamError:
        return StreamError(f"the {self.compression} stream ends early, after {size} bytes of output", truncated=True)

    def finish(self) -> int:
        """Read the stored blob to its end and verify it; return its size in bytes. Call it when ``readinto`` returned 0.

        Raises StreamError for a cut stream, DigestMismatch for a wrong diff_id, and what the chunks or their verifier raise.
        """
        while self._file.read(CHUNK):
            pass
        if self._file.frames is not None and not self._file.frames.complete:
            raise self._truncation_error(self.size)
        del self._decoder  # its buffers, zstd's window among them, are more than all else of the stream
        if self._on_bytes is not None:
            self._on_bytes(self._file.consumed)
        self.offsets.add(self.size, self._file.consumed)
        if self._hash is not None and self._diff_id is not None:
            actual = self.digest
            if actual != self._diff_id:
                raise DigestMismatch("uncompressed layer", got=str(actual), expected=self._diff_id)
        return self._file.consumed


def _open_input(chunks: Iterable[bytes] | DecoderInput, verifier: Verifier | None) -> DecoderInput:
    if isinstance(chunks, DecoderInput):
        return chunks
    return RegionFile(chunks, verifier) if isinstance(chunks, FileRegion) else ChunkFile(chunks)
