"""Digests: their grammar, their computation, and the verification of bytes.

Grammar: https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests.
"""

from __future__ import annotations

import hashlib
import re
from typing import NewType

from ocisize.errors import DigestMismatch, DocumentError
from ocisize.patterns import lazy_pattern

Digest = NewType("Digest", str)

ALGORITHMS = ("sha256", "sha384", "sha512")  # can be verified; others are broken (md5, sha1) or have no fixed length (shake)

_DIGEST = lazy_pattern(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
HEX_LENGTHS = {"sha256": 64, "sha512": 128, "blake3": 64}


def is_digest(text: str) -> bool:
    """Return True if ``text`` is a digest by the OCI grammar.

    A digest of a known algorithm must have the algorithm's length, another one fewer than 256 characters: digests become
    names of files.

    >>> is_digest("sha256:" + 64 * "0"), is_digest("sha256:beef"), is_digest("md5:beef")
    (True, False, True)
    """
    algorithm, _, encoded = text.partition(":")
    if algorithm in HEX_LENGTHS:
        return re.fullmatch(f"[0-9a-f]{{{HEX_LENGTHS[algorithm]}}}", encoded) is not None
    return len(text) < 256 and _DIGEST.fullmatch(text) is not None


def digest_of(data: bytes) -> Digest:
    """Return the sha256 digest of a document.

    >>> digest_of(b"")
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def check_digest(data: bytes, digest: str) -> None:
    """Raise DigestMismatch unless ``data`` hashes to ``digest``, DocumentError for an unknown algorithm.

    >>> check_digest(b"", digest_of(b""))
    >>> check_digest(b"x", digest_of(b""))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ocisize.errors.DigestMismatch: document has digest sha256:..., expected sha256:e3b0c442...
    """
    algorithm = digest.partition(":")[0]
    if algorithm not in ALGORITHMS:
        raise DocumentError(f"cannot verify {digest}: unknown algorithm {algorithm}")
    got = f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
    if got != digest:
        raise DigestMismatch("document", got=got, expected=digest)
