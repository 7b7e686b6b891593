"""Checkpoints: the positions of a gzip stream from which a zTOC lets it be decompressed.

A checkpoint has the 32 KiB of output before it, and how many bits of the byte before it belong to the next deflate block.
From Python, zlib takes whole bytes only, so the stream gets a few deflate blocks without content in front, which end at the
right bit.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from ocisize.blob.offset_map import OffsetMap
from ocisize.layer.toc.unusable import Unusable

_HEADER = struct.Struct("<iq")  # number of checkpoints, size of a span
_POINT = struct.Struct("<qqB")
_WINDOW = 32 << 10
_SIZE = _POINT.size + _WINDOW
_GZIP_HEADER = 10  # bytes; position of the checkpoint that old zTOCs leave out
# Deflate blocks without content, by length in bits: with fixed codes 10, and one with dynamic codes an odd number.
_FIXED = "0" + "10" + "0000000"  # not the last block, its type with the lowest bit first, and the end of the block


def _dynamic() -> str:
    """A block with dynamic codes that has no content, as bits in the order of the stream."""
    # One literal code, for the end of the block, and one distance code, each of length 1. Lengths of codes have the order
    # 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1 15: 18 (a run of zeros) and 1 get codes of one bit.
    lengths = [0, 0, 1] + [0] * 14 + [1, 0]
    head = "0" + "01" + "00000" + "00000" + "1111"
    codes = "".join("100" if length else "000" for length in lengths)
    run_of_138, run_of_118 = "1" + "1111111", "1" + f"{118 - 11:07b}"[::-1]
    return head + codes + run_of_138 + run_of_118 + "0" + "0" + "0"  # 256 zeros, two lengths of 1, the end of the block


class Checkpoints:
    """The checkpoints of one layer, and the digests of the spans between them.

    ``data`` is the field of the zTOC, ``size`` the stored size of the layer. Raises Unusable.
    """

    def __init__(self, data: bytes, digests: Sequence[bytes], size: int) -> None:
        self._data, self._digests, self._size = data, digests, size
        if len(data) < _HEADER.size:
            raise Unusable("its zTOC has no checkpoints")
        count, _ = _HEADER.unpack_from(data)
        stored = (len(data) - _HEADER.size) // _SIZE
        fits = count in (stored, stored + 1) and len(data) == _HEADER.size + stored * _SIZE
        if not fits or not 0 < count == len(digests):
            raise Unusable(f"its zTOC has {len(digests)} spans and {stored} checkpoints, and says {count}")
        self._first = count - stored  # 1 in old zTOCs, which lack the first checkpoint
        points = [_POINT.unpack_from(data, _HEADER.size + number * _SIZE) for number in range(stored)]
        points = [(_GZIP_HEADER, 0, 0)] * self._first + points
        self.stored, self.uncompressed, self._bits = ([point[field] for point in points] for field in range(3))
        ascend = all(one < other for column in (self.stored, self.uncompressed) for one, other in pairwise(column))
        if self.uncompressed[0] or not ascend or self.stored[0] <= 0 or self.stored[-1] >= size or max(self._bits) > 7:
            raise Unusable("its zTOC has checkpoints that are not in order")

    def offset_map(self, uncompressed_size: int) -> OffsetMap:
        """Where offsets of the tar lie in the layer, by interpolation."""
        offsets = OffsetMap()
        for uncompressed, stored in zip(self.uncompressed, self.stored, strict=True):
            offsets.add(uncompressed, stored)
        offsets.add(max(uncompressed_size, self.uncompressed[-1]), self._size)
        return offsets

    def spans_of(self, start: int, stop: int) -> range:
        """The spans that hold the bytes of the tar from ``start`` up to ``stop``."""
        return range(bisect_right(self.uncompressed, start) - 1, bisect_right(self.uncompressed, max(stop - 1, start)))

    def start(self, span: int) -> int:
        """Where the bytes begin in the layer that decompressing from a span needs."""
        return self.stored[span] - (self._bits[span] > 0) if span else 0

    def stop(self, span: int) -> int:
        """Where the bytes of a span end in the layer."""
        return self.stored[span + 1] if span + 1 < len(self.stored) else self._size

    def unpack(self, data: bytes, spans: range, size: int) -> bytes:
        """The first ``size`` bytes of output of some spans, whose stored bytes are ``data``. Raises Unusable."""
        base = self.start(spans[0])
        for span in spans:
            first = self.stored[span] - (self._bits[span] > 0)
            got = f"sha256:{hashlib.sha256(data[first - base : self.stop(span) - base]).hexdigest()}".encode()
            if got != self._digests[span]:
                raise Unusable(f"a span of the layer has digest {got.decode()}, its zTOC says another")
        try:
            if not spans[0]:
                return zlib.decompressobj(31).decompress(data, size)
            return self._resume(data, spans[0], size)
        except zlib.error as error:
            raise Unusable(f"a span of the layer is no gzip: {error}") from None

    def _resume(self, data: bytes, span: int, size: int) -> bytes:
        start = _HEADER.size + (span - self._first) * _SIZE + _POINT.size
        decoder = zlib.decompressobj(-15, zdict=self._data[start : start + _WINDOW])
        bits = self._bits[span]
        prefix = _EMPTY_BLOCKS[8 - bits] if bits else ""
        whole = len(prefix) & ~7
        decoder.decompress(_pack(prefix[:whole]))
        if bits:  # the last byte is shared: its upper bits are those of the layer
            shared = _pack(prefix[whole:])[0] | (data[0] >> (8 - bits) << (8 - bits))
            data = bytes([shared]) + data[1:]
        return decoder.decompress(data, size)


def _pack(bits: str) -> bytes:
    """Bits in the order of a deflate stream as bytes, the last one filled with zeros."""
    return bytes(int(bits[start : start + 8][::-1], 2) for start in range(0, len(bits), 8))


def _list_empty_blocks() -> list[str]:
    """By number of bits in the last byte: blocks without content that end there."""
    dynamic = _dynamic()
    found = [""] * 8
    for odd in range(2):
        for even in range(4):
            blocks = dynamic * odd + _FIXED * even
            found[len(blocks) % 8] = found[len(blocks) % 8] or blocks
    return found


_EMPTY_BLOCKS = _list_empty_blocks()
