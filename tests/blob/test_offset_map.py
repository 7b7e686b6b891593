"""OffsetMap: offsets of the stored blob, and the compressed sizes of entries computed from them."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from ocisize.blob.region import FileRegion
from ocisize.tar.filetable import FileTable
from ocisize.blob.stream import LayerStream
from ocisize.tar.scanner import scan_tar
from ocisize.blob.offset_map import OffsetMap
from tests.images import Compression, compress, tar_bytes

DICE = random.Random(5)


def text(count: int) -> bytes:
    """Text that compresses about as programs do."""
    words = [bytes(DICE.choices(b"etaoinshrdlu", k=DICE.randrange(2, 9))) for _ in range(200)]
    return b" ".join(DICE.choices(words, k=count // 6))


def shares(blob: bytes, *, fine: bool = True) -> tuple[FileTable, list[int]]:
    chunks = (blob[start : start + 65536] for start in range(0, len(blob), 65536))
    stream = LayerStream(chunks, stored_size=len(blob) if fine else None)
    table = scan_tar(stream)
    stream.finish()
    return table, list(stream.offsets.compressed_sizes(table.ends))


def test_positions_are_interpolated() -> None:
    """Between two points the stored offset grows evenly; after the last point it does not grow."""
    offsets = OffsetMap()
    offsets.add(1000, 100)
    offsets.add(2000, 900)
    assert list(offsets.compressed_sizes([500, 1000, 1500, 1500, 2000, 3000])) == [50, 50, 400, 0, 400, 0]
    assert list(offsets.compressed_sizes([2000])) == [900]
    assert list(offsets.compressed_sizes([])) == []
    assert list(OffsetMap().compressed_sizes([512])) == [0]


def test_rounding_loses_nothing() -> None:
    """Compressed sizes add up, whatever was rounded."""
    offsets = OffsetMap()
    offsets.add(1000, 7)
    assert sum(offsets.compressed_sizes(range(0, 1001, 13))) + 0 == 6
    assert sum(offsets.compressed_sizes(range(1, 1001))) == 7


@pytest.mark.parametrize("compression", ["gzip", "zstd", "plain"])
def test_what_does_not_compress_costs_its_size(compression: Compression) -> None:
    """A random file among text gets about its own size, the text about the rest."""
    files = {f"text{number}": text(200_000) for number in range(8)}
    files = {**dict(list(files.items())[:4]), "random": DICE.randbytes(1_000_000), **dict(list(files.items())[4:])}
    blob = compress(tar_bytes(files), compression)
    table, found = shares(blob)
    by_path = dict(zip([entry.path for entry in table], found, strict=True))
    assert abs(by_path["random"] - 1_000_000) < 100_000
    if compression != "plain":
        assert all(0 < by_path[f"text{number}"] < 120_000 for number in range(8))


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_small_layers_are_shared_out_too(compression: Compression) -> None:
    """In a layer that is decompressed in one step, equal entries get equal parts, and the end marker gets a part."""
    table, found = shares(compress(tar_bytes({name: DICE.randbytes(3000) for name in "abc"}), compression), fine=False)
    assert len(table) == 3
    assert all(1500 < share < 4000 for share in found) and max(found) - min(found) <= 1


def test_plain_layers_cost_what_they_take() -> None:
    """In a plain stream, the compressed size of an entry is its size in the tar."""
    table, found = shares(
        tar_bytes({name: DICE.randbytes(size) for name, size in (("a", 70_000), ("b", 0), ("c", 1 << 20))})
    )
    assert found == [table.ends[0], 512, table.ends[2] - table.ends[1]]


def test_member_per_file() -> None:
    """If every file is a separate gzip member, compressed sizes are exact but for one decoder step at either end."""
    tar = tar_bytes({f"f{number}": DICE.randbytes(100_000) if number % 2 else bytes(100_000) for number in range(10)})
    table = scan_tar(LayerStream([tar]))
    ends = [0, *table.ends[:-1], len(tar)]
    blob = b"".join(gzip.compress(tar[low:high]) for low, high in zip(ends, ends[1:], strict=False))
    found = shares(blob)[1]
    assert len(found) == 10
    assert all(abs(share - (number % 2) * 100_000) < 40_000 for number, share in enumerate(found))


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_chunks_change_nothing(compression: Compression, tmp_path: Path) -> None:
    """The map does not depend on the source of the stored bytes: chunks of any size, or a file."""
    tar = tar_bytes({f"f{number}": text(DICE.randrange(3000, 30_000)) for number in range(150)})
    blob = compress(tar, compression)
    path = tmp_path / "blob"
    path.write_bytes(blob)

    def shares_of(stored: Iterable[bytes]) -> list[int]:
        stream = LayerStream(stored)
        table = scan_tar(stream)
        stream.finish()
        return list(stream.offsets.compressed_sizes(table.ends))

    with path.open("rb") as file:
        expected = shares_of(FileRegion(file.fileno(), 0, len(blob)))
    assert sum(expected) <= len(blob)
    for size in (777, 65_536, 100_000, len(blob)):
        assert shares_of(blob[start : start + size] for start in range(0, len(blob), size)) == expected
