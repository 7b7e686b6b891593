"""Decoders of xz and bzip2, which accept and refuse what ``xz -dc`` and ``bzip2 -dc`` do.

A file has one stream or several, as parallel compressors write. Between xz streams and behind them may be zero bytes, in
fours (https://tukaani.org/xz/xz-file-format.txt, section 2.2). Other bytes behind a stream break an xz file; bzip2 ignores
them with a warning.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol

from ocisize.blob.decoder_input import BrokenStream, TrailingGarbage
from ocisize.errors import StreamError
from ocisize.limits import limit_error
from ocisize.patterns import lazy_pattern

if TYPE_CHECKING:
    from ocisize.blob.decoder_input import DecoderInput

_MAX_PIECE = 16 << 10  # stored bytes given to a decompressor at once: behind a short stream the rest is copied
_DECODER_MEMORY = 1 << 20  # bytes that liblzma counts besides the dictionary: its state, and filters for processors
_XZ_MAGIC = b"\xfd7zXZ\0"
_BZIP2_MAGIC = lazy_pattern(rb"BZh[1-9]")
_BZIP2_MAGIC_SIZE = 4  # bytes


class _Decompressor(Protocol):
    """The decompressor of one stream, as in ``lzma`` and ``bz2``."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _MultiStreamDecoder:
    """Reads the streams of a file one after the other; the subclass finds the start of each.

    Raises EOFError for a file that ends within a stream, and BrokenStream.
    """

    def __init__(self, file: DecoderInput, step: int) -> None:
        self._file, self._piece = file, min(step, _MAX_PIECE)
        self._rest = b""  # stored bytes that were read and not given to a decompressor
        self._stream: _Decompressor | None = None
        self._size = 0

    @abstractmethod
    def _open_stream(self) -> _Decompressor | None:
        """Return the decompressor of the stream that the rest of the file begins with; None at the end of the file."""

    @abstractmethod
    def _decompress(self, stream: _Decompressor, data: bytes, limit: int) -> bytes:
        """Decompress at most ``limit`` bytes, with the errors of the module converted."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Write the next uncompressed bytes; return how many, 0 at the end of the file."""
        while (stream := self._stream or self._open_stream()) is not None:
            self._stream = stream
            if stream.needs_input and not self._rest and not self._read():
                raise EOFError
            data, self._rest = self._rest, b""  # the decompressor keeps what it cannot decompress yet
            output = self._decompress(stream, data, len(buffer))
            if stream.eof:
                self._rest, self._stream = stream.unused_data, None
            if output:
                buffer[: len(output)] = output
                self._size += len(output)
                return len(output)
        return 0

    def tell(self) -> int:
        """Return how many uncompressed bytes were written so far."""
        return self._size

    def _read(self) -> bool:
        """Read the next stored bytes; return False at the end of the file."""
        piece = self._file.read(self._piece)
        self._rest += piece
        return bool(piece)


class XzDecoder(_MultiStreamDecoder):
    """The decoder of an xz file.

    ``max_window`` bounds the dictionary, in bytes. Raises LimitExceeded, and StreamError if Python was built without lzma.

    >>> import lzma
    >>> from ocisize.blob.decoder_input import ChunkFile
    >>> decoder, buffer = XzDecoder(ChunkFile([lzma.compress(b"content")]), 4096, 1 << 26), memoryview(bytearray(100))
    >>> decoder.readinto(buffer), decoder.readinto(buffer), bytes(buffer[:7])
    (7, 0, b'content')
    """

    def __init__(self, file: DecoderInput, step: int, max_window: int) -> None:
        try:
            import lzma
        except ImportError:
            raise _missing_module("xz", "lzma") from None
        super().__init__(file, step)
        self._lzma, self._max_window = lzma, max_window

    def _open_stream(self) -> _Decompressor | None:
        padding = 0
        while self._rest or self._read():
            stream = self._rest.lstrip(b"\0")
            padding += len(self._rest) - len(stream)
            self._rest = stream
            if stream:
                break
        if padding % 4:
            raise BrokenStream(f"{padding} zero bytes follow a stream, not a multiple of four")
        while len(self._rest) < len(_XZ_MAGIC) and self._read():
            pass
        if not self._rest:
            return None
        if not self._rest.startswith(_XZ_MAGIC[: len(self._rest)]):
            raise BrokenStream("garbage follows a stream")
        return self._lzma.LZMADecompressor(self._lzma.FORMAT_XZ, memlimit=self._max_window + _DECODER_MEMORY)

    def _decompress(self, stream: _Decompressor, data: bytes, limit: int) -> bytes:
        try:
            return stream.decompress(data, limit)
        except self._lzma.LZMAError as error:
            if "Memory usage limit" in str(error):  # liblzma does not say how much the stream asks for
                what = "bytes of dictionary for an xz stream"
                raise limit_error("zstd_window", self._max_window + 1, self._max_window, what=what) from None
            raise BrokenStream(str(error)) from None


class Bzip2Decoder(_MultiStreamDecoder):
    """The decoder of a bzip2 file. Raises TrailingGarbage, and StreamError if Python was built without bz2.

    >>> import bz2
    >>> from ocisize.blob.decoder_input import ChunkFile
    >>> decoder, buffer = Bzip2Decoder(ChunkFile([bz2.compress(b"content")]), 4096), memoryview(bytearray(100))
    >>> decoder.readinto(buffer), decoder.readinto(buffer), bytes(buffer[:7])
    (7, 0, b'content')
    """

    def __init__(self, file: DecoderInput, step: int) -> None:
        try:
            import bz2
        except ImportError:
            raise _missing_module("bzip2", "bz2") from None
        super().__init__(file, step)
        self._bz2 = bz2

    def _open_stream(self) -> _Decompressor | None:
        while len(self._rest) < _BZIP2_MAGIC_SIZE and self._read():
            pass
        if not self._rest:
            return None
        if not _BZIP2_MAGIC.match(self._rest):
            if b"BZh".startswith(self._rest):
                raise EOFError
            raise TrailingGarbage
        return self._bz2.BZ2Decompressor()

    def _decompress(self, stream: _Decompressor, data: bytes, limit: int) -> bytes:
        try:
            return stream.decompress(data, limit)
        except OSError as error:
            raise BrokenStream(str(error)) from None


def _missing_module(compression: str, module: str) -> StreamError:
    return StreamError(
        f"compressed with {compression}, but this Python was built without its module {module}",
        hint=f"decompress it first: {compression} -d",
    )
