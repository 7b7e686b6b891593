"""Which compression a stream has, told by its magic bytes (RFC 1952, RFC 8878)."""

from __future__ import annotations

import re

from ocisize.errors import StreamError

GZIP, ZSTD, PLAIN = "gzip", "zstd", "plain"


def detect_compression(head: bytes) -> str:
    """Name the compression of a stream from its first bytes (18 are enough)."""
    if head[:3] == b"\x1f\x8b\x08":
        return GZIP
    if head[:4] == b"\x28\xb5\x2f\xfd" or (head[1:4] == b"\x2a\x4d\x18" and head[:1] in b"PQRSTUVWXYZ[\\]^_" and head):
        return ZSTD
    for magic, name in ((rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", "bzip2"), (rb"\xfd7zXZ\0", "xz")):
        if re.match(magic, head):  # the whole of bzip2's magic: a tar may begin with a file named BZh
            raise StreamError(f"compressed with {name}, which is not supported", hint=f"decompress it first: {name} -d")
    return PLAIN
