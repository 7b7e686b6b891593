"""The form of an entry: a checksum and compressed sections, of which a reader trusts nothing.

::

    magic, 8 bytes | checksum, 16 bytes | number of sections, 4 bytes
    for each section: its compressed size and its size, 8 bytes each
    the compressed sections, one zstd frame each

Numbers are little-endian. The checksum, xxh3-128, covers the key and all that follows it, so an entry under the key of
another one is refused, too. It finds damage, not forgery: anybody can compute it. The same sections always give the
same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import xxhash

from ocisize.limits import Limits

MAGIC = b"OCISIZE\x01"
_LEVEL = 3  # of zstd; level 19 saves 7 % and takes 60 times as long, since most bytes are content hashes
_COUNT, _SIZES = struct.Struct("<I"), struct.Struct("<QQ")
_CHECKSUM_SIZE = 16
_HEAD = len(MAGIC) + _CHECKSUM_SIZE
_MAX_SECTIONS = 1 << 14
_ROW_SIZE = 64  # bytes of a row in all columns without its names, at most
_DOCUMENTS_SIZE = 16 << 20  # bytes of anything else in an entry


class BadEntry(ValueError):
    """An entry that is damaged, or that is none; never shown to users."""


def pack_entry(key: str, sections: Sequence[bytes]) -> bytes:
    """Return the entry of some sections under a key.

    >>> entry = pack_entry("a", [b"one", b"two"])
    >>> unpack_entry("a", entry, max_size=6)
    [b'one', b'two']
    >>> unpack_entry("b", entry, max_size=6)
    Traceback (most recent call last):
    ocisize.cache.entry.BadEntry: wrong checksum
    """
    import zstandard

    compress = zstandard.ZstdCompressor(level=_LEVEL).compress
    try:
        frames = [compress(section) for section in sections]
    except zstandard.ZstdError as error:  # any bytes can be compressed
        raise MemoryError(str(error)) from error
    sizes = [_SIZES.pack(len(frame), len(section)) for frame, section in zip(frames, sections, strict=True)]
    body = b"".join([_COUNT.pack(len(sections)), *sizes, *frames])
    return MAGIC + _checksum(key, body) + body


def unpack_entry(key: str, entry: bytes, *, max_size: int) -> list[bytes]:
    """Return the sections of an entry, of at most ``max_size`` bytes together; raises BadEntry."""
    body = memoryview(entry)[_HEAD:]
    if entry[: len(MAGIC)] != MAGIC or len(body) < _COUNT.size:
        raise BadEntry("not an entry")
    if entry[len(MAGIC) : _HEAD] != _checksum(key, body):
        raise BadEntry("wrong checksum")
    (count,) = _COUNT.unpack_from(body)
    start = _COUNT.size + count * _SIZES.size
    if count > _MAX_SECTIONS or start > len(body):
        raise BadEntry("sections that do not fit")
    sizes = list(_SIZES.iter_unpack(body[_COUNT.size : start]))
    if start + sum(stored for stored, _ in sizes) != len(body) or sum(size for _, size in sizes) > max_size:
        raise BadEntry("sections of other sizes")
    sections = []
    for stored, size in sizes:
        sections.append(_decompress(body[start : start + stored], size))
        start += stored
    return sections


def _decompress(frame: memoryview, size: int) -> bytes:
    """The content of one frame. The size in the frame must be right: zstandard allocates that many bytes."""
    import zstandard  # a run without a cache may need none

    try:
        if zstandard.frame_content_size(frame) != size:
            raise BadEntry("a section of another size")
        section: bytes = zstandard.ZstdDecompressor().decompress(frame, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise BadEntry(str(error)) from None
    if len(section) != size:
        raise BadEntry("a section of another size")
    return section


def _checksum(key: str, body: bytes | memoryview) -> bytes:
    digest = xxhash.xxh3_128(key.encode() + b"\0")
    digest.update(body)
    return digest.digest()


def max_unpacked(limits: Limits) -> int:
    """Return how many bytes an entry about one image, or one of its layers, may unpack to."""
    size = limits.entries * _ROW_SIZE + 3 * limits.metadata_size + limits.kept_size + _DOCUMENTS_SIZE
    return size if limits.memory is None else min(size, limits.memory)
