"""FrameWalker: tells whether a zstd stream ends between frames, which zstandard's reader does not.

Format: RFC 8878, section 3. Only frame and block headers are looked at; what lies between is passed over.
"""

from __future__ import annotations

from collections.abc import Callable

from ocisize.limits import Limits, exceeded

_FRAME = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"  # after a first byte of 0x50 to 0x5f
_DICTIONARY_ID = (0, 1, 2, 4)  # bytes of the field, by its flag
_CONTENT_SIZE = (0, 2, 4, 8)
_RUN = 1  # block type: one byte, repeated


class ZstdFrameParser:
    """Fed with the stored bytes in any pieces; ``complete`` is true between frames.

    A frame that asks for a larger window than ``max_window`` bytes raises LimitExceeded.
    """

    def __init__(self, max_window: int = Limits().zstd_window) -> None:
        self._max_window = max_window
        self._part = b""
        self._need, self._pass = 4, 0
        self._next: Callable[[bytes], None] = self._magic
        self._checksum = self._after_window = 0

    @property
    def complete(self) -> bool:
        """Whether the bytes so far end where a frame ends."""
        return self._next == self._magic and not self._part and not self._pass

    def feed(self, data: bytes | memoryview) -> None:
        """Walk over the next bytes."""
        position, size = 0, len(data)
        while position < size:
            if self._pass:
                passed = min(self._pass, size - position)
                self._pass -= passed
                position += passed
                continue
            piece = bytes(data[position : position + self._need - len(self._part)])
            self._part += piece
            position += len(piece)
            if len(self._part) == self._need:
                part, self._part = self._part, b""
                self._next(part)

    def _expect(self, need: int, then: Callable[[bytes], None]) -> None:
        self._need, self._next = need, then

    def _magic(self, magic: bytes) -> None:
        if magic == _FRAME:
            self._expect(1, self._descriptor)
        elif magic[1:] == _SKIPPABLE:
            self._expect(4, self._skippable)
        else:  # the decoder itself refuses what follows
            self._pass = 1 << 62

    def _skippable(self, length: bytes) -> None:
        self._pass = int.from_bytes(length, "little")
        self._expect(4, self._magic)

    def _descriptor(self, flags: bytes) -> None:
        single_segment = flags[0] >> 5 & 1
        self._checksum = 4 * (flags[0] >> 2 & 1)
        content_size = _CONTENT_SIZE[flags[0] >> 6] or single_segment
        if single_segment:
            self._pass = _DICTIONARY_ID[flags[0] & 3]
            self._expect(content_size, self._content_size)
        else:
            self._after_window = _DICTIONARY_ID[flags[0] & 3] + content_size
            self._expect(1, self._window)

    def _content_size(self, field: bytes) -> None:
        """The size of a frame that is its own window; what stands in two bytes is 256 less."""
        self._check_window(int.from_bytes(field, "little") + 256 * (len(field) == 2))

    def _window(self, field: bytes) -> None:
        exponent, mantissa = field[0] >> 3, field[0] & 7
        self._pass = self._after_window
        self._check_window((8 + mantissa) << (7 + exponent))

    def _check_window(self, size: int) -> None:
        if size > self._max_window:
            raise exceeded("zstd_window", size, self._max_window)
        self._expect(3, self._block)

    def _block(self, header: bytes) -> None:
        value = int.from_bytes(header, "little")
        last, kind, size = value & 1, value >> 1 & 3, value >> 3
        self._pass = 1 if kind == _RUN else size
        if last:
            self._pass += self._checksum
            self._expect(4, self._magic)
