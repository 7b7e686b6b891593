"""The law of compressed sizes: what the entries cost and the overhead add up to the blob."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterable

import attrs
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.oci.image import Layer
from ocisize.oci.documents import Descriptor
from ocisize.blob.digest import Digest
from ocisize.layer.scan import scan_layer
from tests.images import sha256
from tests.strategies import tars


@attrs.frozen
class OneBlob:
    """A source of one blob, in chunks of some size."""

    blob: bytes
    chunk: int

    def read_manifest(self, digest: str | None = None) -> bytes:
        raise NotImplementedError

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        return (self.blob[start : start + self.chunk] for start in range(0, len(self.blob), self.chunk))


def pieces(tar: bytes, size: int) -> list[bytes]:
    return [tar[start : start + size] for start in range(0, len(tar), size)] or [b""]


FORMS: dict[str, Callable[[bytes, int], bytes]] = {
    "plain": lambda tar, _: tar,
    "gzip": lambda tar, _: gzip.compress(tar, 1),
    "gzip members": lambda tar, size: b"".join(gzip.compress(piece, 1) for piece in pieces(tar, size)),
    "gzip zeros": lambda tar, size: gzip.compress(tar, 1) + bytes(size),
    "gzip garbage": lambda tar, size: gzip.compress(tar, 1) + b"garbage" * size,
    "zstd": lambda tar, _: zstandard.compress(tar, 1),
    "zstd frames": lambda tar, size: b"".join(zstandard.compress(piece, 1) for piece in pieces(tar, size)),
    "xz streams": lambda tar, size: b"".join(lzma.compress(piece, preset=0) for piece in pieces(tar, size)),
    "xz padding": lambda tar, size: lzma.compress(tar, preset=0) + bytes(size // 4 * 4),
    "bzip2": lambda tar, _: bz2.compress(tar, 1),
    "bzip2 garbage": lambda tar, size: bz2.compress(tar, 1) + b"garbage" * size,
}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None)
@given(
    tar=tars(), size=st.integers(100, 5000), chunk=st.sampled_from([100, 5000, 1 << 20]), tail=st.sampled_from([0, 1, 5000])
)
def test_entries_and_overhead_add_up_to_the_blob(form: str, tar: bytes, size: int, chunk: int, tail: int) -> None:
    """Sum of compressed_sizes + overhead is the blob's size exactly, and no share is negative."""
    tar += bytes(tail)
    blob = FORMS[form](tar, size)
    layer = Layer(0, Descriptor(Digest(sha256(blob)), len(blob)), Digest(sha256(tar)))
    table = scan_layer(OneBlob(blob, chunk), layer, verify=True).table
    assert table.compressed_sizes is not None and table.overhead is not None
    assert sum(table.compressed_sizes) + table.overhead == len(blob)
    assert min(table.compressed_sizes, default=0) >= 0 and table.overhead >= 0
    assert (len(table.compressed_sizes), table.tar_size) == (len(table), len(tar))
