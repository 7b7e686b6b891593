"""ZstdFrameParser: detects whether a zstd stream ends between frames; zstandard's reader does not.

Format: RFC 8878, section 3. Only the headers of frames and blocks are parsed; their contents are skipped.
"""

from __future__ import annotations

from collections.abc import Callable

from ocisize.limits import Limits, limit_error

_FRAME = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"  # after a first byte of 0x50 to 0x5f
_DICTIONARY_ID = (0, 1, 2, 4)  # bytes of the field, by its flag
_CONTENT_SIZE = (0, 2, 4, 8)
_RLE_BLOCK = 1  # type of a block that stores one byte and how often to repeat it
_REST_OF_STREAM = 1 << 62  # bytes; more than any stream has


class ZstdFrameParser:
    """Parses the frames of a zstd stream, which it is given in pieces of any size.

    ``max_window`` is in bytes: a frame with a larger window raises LimitExceeded.

    >>> import zstandard
    >>> stream = zstandard.compress(b"content")
    >>> parser = ZstdFrameParser()
    >>> parser.feed(stream[:-1])
    >>> parser.complete
    False
    >>> parser.feed(stream[-1:])
    >>> parser.complete
    True
    """

    def __init__(self, max_window: int = Limits().zstd_window) -> None:
        self._max_window = max_window
        self._field = b""  # the bytes so far of the field that is being read
        self._field_size, self._skip = 4, 0
        self._parse_field: Callable[[bytes], None] = self._parse_magic
        self._checksum_size = self._size_after_window = 0

    @property
    def complete(self) -> bool:
        """Whether the bytes so far end where a frame ends."""
        return self._parse_field == self._parse_magic and not self._field and not self._skip

    def feed(self, data: bytes | memoryview) -> None:
        """Parse the next bytes. Raises LimitExceeded for a window that is too large."""
        position, size = 0, len(data)
        while position < size:
            if self._skip:
                skipped = min(self._skip, size - position)
                self._skip -= skipped
                position += skipped
                continue
            piece = bytes(data[position : position + self._field_size - len(self._field)])
            self._field += piece
            position += len(piece)
            if len(self._field) == self._field_size:
                field, self._field = self._field, b""
                self._parse_field(field)

    def _expect(self, size: int, parse: Callable[[bytes], None]) -> None:
        """Read a field of ``size`` bytes next, after the bytes to skip, and parse it so."""
        self._field_size, self._parse_field = size, parse

    def _parse_magic(self, magic: bytes) -> None:
        if magic == _FRAME:
            self._expect(1, self._parse_descriptor)
        elif magic[1:] == _SKIPPABLE:
            self._expect(4, self._parse_skippable_size)
        else:  # the decoder itself refuses these bytes
            self._skip = _REST_OF_STREAM

    def _parse_skippable_size(self, size: bytes) -> None:
        self._skip = int.from_bytes(size, "little")
        self._expect(4, self._parse_magic)

    def _parse_descriptor(self, flags: bytes) -> None:
        single_segment = flags[0] >> 5 & 1
        self._checksum_size = 4 * (flags[0] >> 2 & 1)
        content_size = _CONTENT_SIZE[flags[0] >> 6] or single_segment
        if single_segment:
            self._skip = _DICTIONARY_ID[flags[0] & 3]
            self._expect(content_size, self._parse_content_size)
        else:
            self._size_after_window = _DICTIONARY_ID[flags[0] & 3] + content_size
            self._expect(1, self._parse_window)

    def _parse_content_size(self, field: bytes) -> None:
        """The size of a single-segment frame, which is its window; a field of two bytes stores 256 less."""
        self._check_window(int.from_bytes(field, "little") + 256 * (len(field) == 2))

    def _parse_window(self, field: bytes) -> None:
        exponent, mantissa = field[0] >> 3, field[0] & 7
        self._skip = self._size_after_window
        self._check_window((8 + mantissa) << (7 + exponent))

    def _check_window(self, size: int) -> None:
        if size > self._max_window:
            raise limit_error("zstd_window", size, self._max_window)
        self._expect(3, self._parse_block_header)

    def _parse_block_header(self, header: bytes) -> None:
        value = int.from_bytes(header, "little")
        is_last, block_type, size = value & 1, value >> 1 & 3, value >> 3
        self._skip = 1 if block_type == _RLE_BLOCK else size
        if is_last:
            self._skip += self._checksum_size
            self._expect(4, self._parse_magic)
