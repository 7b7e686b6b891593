"""Compressions of layers: how each is detected and decoded.

A new one is a row of ``COMPRESSIONS``, and the errors of its decoder are in ``decoder_errors``. Media types follow.
Most layers are plain or gzip, so the modules of other decoders are imported for layers that need them.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from ocisize.blob.decoder_input import BrokenStream, DecoderInput
from ocisize.values import frozen

if TYPE_CHECKING:
    import zstandard

try:
    from isal import isal_zlib
except ImportError:  # no wheel for this machine; zlib takes four times as long
    isal_zlib = None  # type: ignore[assignment]

GZIP, ZSTD, BZIP2, XZ, PLAIN = "gzip", "zstd", "bzip2", "xz", "plain"
GZIP_DECODER = "zlib" if isal_zlib is None else "isal"  #: shares of files differ by a few bytes between them
MAGIC_SIZE = 18  #: bytes at the start of a stream from which its compression is detected
_SKIPPABLE_FRAMES = tuple(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60))
#: with the magic of a block, too: a tar may begin with a file BZh
_BZIP2_MAGICS = tuple(b"BZh%d%b" % (level, block) for level in range(1, 10) for block in (b"1AY&SY", b"\x17rE8P\x90"))
_SLOW_RATIO_FLOOR = 1 << 30  # bytes: 16 GiB of zeros, the usual floor, take xz and bzip2 more than a minute


class Decoder(Protocol):
    """A reader of uncompressed bytes."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer and return how many bytes were written, 0 at the end."""
        ...

    def tell(self) -> int:
        """Return how many uncompressed bytes were written so far."""
        ...


class Decompressors(threading.local):
    """The decompressors of the threads that read the layers of one image, each of which reads one stream at a time.

    A decompressor of zstd keeps its window, usually of 8 MiB. A new one for each layer would have its window where the
    memory allocator does not return memory to the system: 49 MiB at the peak of eight layers with 40,000 entries, not 62.
    """

    zstd: zstandard.ZstdDecompressor | None = None


@frozen
class Compression:
    """One way to store a layer."""

    name: str  #: as reports and media types write it
    magics: tuple[bytes, ...]  #: with one of which a stream begins
    open_decoder: Callable[[DecoderInput, int, int, Decompressors], Decoder]
    """Takes the stored bytes, the size of a read and the largest window or dictionary, in bytes; and decompressors."""
    ratio_floor: int | None = None  #: bytes; lowers ``Limits.ratio_floor`` for a slow decoder


def decoder_errors() -> tuple[type[Exception], ...]:
    """Return the errors that decoders raise for malformed bytes."""
    import gzip

    import zstandard

    isal_errors = (isal_zlib.error,) if isal_zlib else ()
    return zlib.error, zstandard.ZstdError, gzip.BadGzipFile, BrokenStream, *isal_errors


def _open_gzip(file: DecoderInput, step: int, _: int, __: Decompressors) -> Decoder:
    # The private readers below the files of gzip and isal.igzip: the files add a buffer that copies every byte once more
    # and, when garbage follows the stream, loses bytes that were decoded before it.
    if isal_zlib is None:
        import gzip

        return gzip._GzipReader(file)  # noqa: SLF001
    return isal_zlib._GzipReader(file, step)  # type: ignore[arg-type]  # noqa: SLF001


def _open_zstd(file: DecoderInput, step: int, max_window: int, decompressors: Decompressors) -> Decoder:
    import zstandard

    from ocisize.blob.zstd_frames import ZstdFrameParser

    file.frames = ZstdFrameParser(max_window)
    if decompressors.zstd is None:
        decompressors.zstd = zstandard.ZstdDecompressor(max_window_size=max_window)
    return decompressors.zstd.stream_reader(file, read_size=step, read_across_frames=True)  # type: ignore[arg-type]


def _open_bzip2(file: DecoderInput, step: int, _: int, __: Decompressors) -> Decoder:
    from ocisize.blob.multi_stream import Bzip2Decoder

    return Bzip2Decoder(file, step)


def _open_xz(file: DecoderInput, step: int, max_window: int, _: Decompressors) -> Decoder:
    from ocisize.blob.multi_stream import XzDecoder

    return XzDecoder(file, step, max_window)


def _open_plain(file: DecoderInput, _: int, __: int, ___: Decompressors) -> Decoder:
    return file


#: name → compression; the first whose magic matches is taken, and ``plain`` matches always
COMPRESSIONS: Mapping[str, Compression] = {
    name: Compression(name, magics, open_decoder, ratio_floor)
    for name, magics, open_decoder, ratio_floor in (
        (GZIP, (b"\x1f\x8b\x08",), _open_gzip, None),  # RFC 1952
        (ZSTD, (b"\x28\xb5\x2f\xfd", *_SKIPPABLE_FRAMES), _open_zstd, None),  # RFC 8878
        (BZIP2, _BZIP2_MAGICS, _open_bzip2, _SLOW_RATIO_FLOOR),
        (XZ, (b"\xfd7zXZ\0",), _open_xz, _SLOW_RATIO_FLOOR),
        (PLAIN, (b"",), _open_plain, None),
    )
}


def detect_compression(head: bytes) -> str:
    r"""Return the name of a stream's compression, detected from its first MAGIC_SIZE bytes.

    >>> detect_compression(b"\x1f\x8b\x08" + bytes(15))
    'gzip'
    >>> detect_compression(b"etc/passwd" + bytes(8))
    'plain'
    """
    return next(name for name, compression in COMPRESSIONS.items() if head.startswith(compression.magics))


def open_decoder(
    compression: str, file: DecoderInput, *, step: int, max_window: int, decompressors: Decompressors | None = None
) -> Decoder:
    """Open a decoder that reads ``step`` stored bytes at a time; windows and dictionaries have at most ``max_window`` bytes.

    ``decompressors`` of streams that were read before, with the same ``max_window``, are used again. Raises StreamError if
    this Python lacks the module for a compression.

    >>> import gzip
    >>> from ocisize.blob.decoder_input import ChunkFile
    >>> decoder = open_decoder(GZIP, ChunkFile([gzip.compress(b"content")]), step=4096, max_window=1 << 20)
    >>> buffer = memoryview(bytearray(100))
    >>> decoder.readinto(buffer), decoder.tell(), bytes(buffer[:7])
    (7, 7, b'content')
    """
    return COMPRESSIONS[compression].open_decoder(file, step, max_window, decompressors or Decompressors())
