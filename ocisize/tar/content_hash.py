"""ContentHash: the functions that hash the content of files, and which of them the hashes of a table are of.

Hashes can only be compared with hashes of the same function, so all tables of an image have the same one. It is xxh3-128,
which costs next to nothing, unless a layer of the image can be read from its table of contents: such a table lists sha256
digests, so the hashes of all layers of the image are then the first halves of these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

import xxhash

from ocisize.tuples import NamedTuple

HASH_SIZE = 16  #: bytes of one content hash
_Bytes: TypeAlias = "bytes | bytearray | memoryview"


class Hasher(Protocol):
    """Takes the content of a file in pieces."""

    def update(self, data: _Bytes, /) -> object:
        """Take the next piece."""
        ...

    def digest(self) -> bytes:
        """Return the hash of all pieces."""
        ...


class _HalfSha256:
    """A sha256 whose digest is cut to HASH_SIZE bytes."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256(usedforsecurity=False)

    def update(self, data: _Bytes, /) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        return self._hash.digest()[:HASH_SIZE]


def _half_sha256(data: _Bytes) -> bytes:
    return hashlib.sha256(data, usedforsecurity=False).digest()[:HASH_SIZE]


class ContentHash(NamedTuple):
    """A function that hashes the content of a file to HASH_SIZE bytes.

    >>> SHA256.of(b"").hex()  # the first half of the digest that a table of contents lists
    'e3b0c44298fc1c149afbf4c8996fb924'
    >>> hasher = SHA256.start()
    >>> hasher.digest() == SHA256.of(b"") != XXH3.of(b"")
    True
    """

    name: str  #: as documents write it
    of: Callable[[_Bytes], bytes]  #: hashes a whole content
    start: Callable[[], Hasher]  #: hashes a content that comes in pieces


XXH3 = ContentHash("xxh3-128", xxhash.xxh3_128_digest, xxhash.xxh3_128)
SHA256 = ContentHash("sha256-128", _half_sha256, _HalfSha256)
CONTENT_HASHES: Mapping[str, ContentHash] = {function.name: function for function in (XXH3, SHA256)}  #: by name
