"""Digests: their grammar, how they are computed, and checking bytes by them."""

from __future__ import annotations

import hashlib
import re
from typing import NewType

from ocisize.errors import DigestMismatch, DocumentError

Digest = NewType("Digest", str)

ALGORITHMS = ("sha256", "sha384", "sha512")  # verified; others are broken (md5, sha1) or have no fixed length (shake)

_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
HEX_LENGTHS = {"sha256": 64, "sha512": 128, "blake3": 64}


def is_digest(text: str) -> bool:
    """Whether ``text`` is a digest by the OCI grammar, of its algorithm's length or one that names of files can have."""
    algorithm, _, encoded = text.partition(":")
    if algorithm in HEX_LENGTHS:
        return re.fullmatch(f"[0-9a-f]{{{HEX_LENGTHS[algorithm]}}}", encoded) is not None
    return len(text) < 256 and _DIGEST.fullmatch(text) is not None


def digest_of(data: bytes) -> Digest:
    """The digest that a document is known by."""
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def check_digest(data: bytes, digest: str) -> None:
    """Raise DigestMismatch unless ``data`` hashes to ``digest``."""
    algorithm = digest.partition(":")[0]
    if algorithm not in ALGORITHMS:
        raise DocumentError(f"cannot verify {digest}: unknown algorithm {algorithm}")
    got = f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
    if got != digest:
        raise DigestMismatch("document", got=got, expected=digest)
