"""The last bytes of a layer that say where its table of contents is.

eStargz ends with an empty gzip member whose extra field has the offset; the oldest form, of stargz, lacks the header of a
subfield. zstd:chunked ends with a skippable frame of numbers, which has had three lengths and two spellings of its magic.
"""

from __future__ import annotations

import struct

from ocisize.layer.toc.position import MAX_JSON, StoredSpan
from ocisize.layer.toc.unusable import Unusable
from ocisize.oci.toc_annotations import ESTARGZ, ZSTD_CHUNKED
from ocisize.patterns import lazy_pattern

FOOTER_SIZE = 72  #: bytes; the longest footer with its frame header
_MIN_TAIL, _MAX_TAIL = 64 << 10, 1 << 20
_GZIP_HEADER = rb"\x1f\x8b\x08\x04[\0-\xff]{4}\0\xff"
_EMPTY_BLOCK = rb"\x01\0\0\xff\xff\0{8}"  # a stored block of no bytes, the checksum and the size of nothing
_ESTARGZ_FOOTER = lazy_pattern(_GZIP_HEADER + rb"\x1a\0SG\x16\0([0-9a-f]{16})STARGZ" + _EMPTY_BLOCK)
_STARGZ_FOOTER = lazy_pattern(_GZIP_HEADER + rb"\x16\0([0-9a-f]{16})STARGZ" + _EMPTY_BLOCK)
_EXTERNAL_FOOTER = lazy_pattern(_GZIP_HEADER + rb"\x15\0SG\x11\0STARGZEXTERNALTOC" + _EMPTY_BLOCK)
_ESTARGZ_SIZE, _STARGZ_SIZE, _EXTERNAL_SIZE = 51, 47, 46
_SKIPPABLE = b"\x50\x2a\x4d\x18"
_MAGICS = {40: (32, b"GnUlInUx"), 56: (32, b"GnUlInUx"), 64: (56, b"GNUlInUx")}  # payload → where its magic is
_CRFS = 1


def tail_size(size: int) -> int:
    """How many bytes to read from the end of a layer of ``size`` bytes: its footer, and in most cases its table.

    >>> tail_size(10_000), tail_size(60_000_000), tail_size(1 << 40)
    (10000, 600000, 1048576)
    """
    return min(size, max(_MIN_TAIL, size // 100), _MAX_TAIL)


def read_footer(tail: bytes, size: int) -> tuple[str, StoredSpan]:
    """Return the format and the place of the table of a layer of ``size`` bytes, of which ``tail`` are the last.

    Raises Unusable without a footer, and for one that names a place outside of the layer.
    """
    format_, span = _read_gzip_footer(tail, size) or _read_zstd_footer(tail) or (None, None)
    if format_ is None or span is None:
        raise Unusable("the layer does not end with a footer")
    if not 0 < span.start < span.stop <= size:
        raise Unusable(f"its footer says that the table is at {span.start} to {span.stop} of {size} bytes")
    return format_, span


def _read_gzip_footer(tail: bytes, size: int) -> tuple[str, StoredSpan] | None:
    if _EXTERNAL_FOOTER.fullmatch(tail[-_EXTERNAL_SIZE:]):
        raise Unusable("its table of contents is in another image")
    for pattern, length in ((_ESTARGZ_FOOTER, _ESTARGZ_SIZE), (_STARGZ_FOOTER, _STARGZ_SIZE)):
        if match := pattern.fullmatch(tail[-length:]):
            return ESTARGZ, StoredSpan(int(match[1], 16), size - length)
    return None


def _read_zstd_footer(tail: bytes) -> tuple[str, StoredSpan] | None:
    for length, (place, magic) in _MAGICS.items():
        frame = tail[-length - 8 :]
        if frame[:8] == _SKIPPABLE + struct.pack("<I", length) and frame[8 + place : 16 + place] == magic:
            start, stored, uncompressed, kind = struct.unpack_from("<4Q", frame, 8)
            if kind != _CRFS or uncompressed > MAX_JSON:
                raise Unusable(f"its footer names a table of type {kind} with {uncompressed} bytes")
            return ZSTD_CHUNKED, StoredSpan(start, start + stored)
    return None
