"""bbolt databases: what containerd wrote, and anything else without harm."""

from __future__ import annotations

import lzma
import random
import struct
from pathlib import Path
from typing import Any

import pytest

from ocisize.errors import ArchiveError
from ocisize.sources.stores.bolt import Bolt, Bucket, open_bolt
from tests.stores import bolt_bytes

TREE = {
    "v1": {"version": b"\x06", "default": {"image": {f"app:{number}": {"size": b"\x02"} for number in range(40)}}},
    "x": b"y",
}
REAL = Path(__file__).parents[3] / "testdata" / "stores" / "meta.db.xz"


def as_dict(bucket: Bucket, depth: int = 0) -> dict[str, Any]:
    """The tree below a bucket; a broken one may be its own."""
    return {
        key.decode(): as_dict(value, depth + 1) if isinstance(value, Bucket) else value
        for key, value in bucket.items()
        if depth < 20
    }


@pytest.mark.parametrize("page_size", [1024, 4096, 16384, 65536])
def test_tree(page_size: int) -> None:
    """All buckets and values, whatever the size of pages."""
    assert as_dict(Bolt(bolt_bytes(TREE, page_size=page_size), "meta.db").root) == TREE


def test_paths() -> None:
    """A path of keys leads to a bucket or a value, or to nothing."""
    root = Bolt(bolt_bytes(TREE), "meta.db").root
    assert root.value(b"v1", b"default", b"image", b"app:3", b"size") == b"\x02"
    assert root.bucket(b"v1", b"default") is not None
    for path in ([b"v2"], [b"x", b"y"], [b"v1", b"default", b"image", b"none"]):
        assert root.get(*path) is None
    assert root.bucket(b"x") is None
    assert root.value(b"v1") is None


def test_the_newest_meta_page() -> None:
    """The valid meta page of the higher transaction counts; a torn one is passed over."""
    data = bytearray(bolt_bytes(TREE))
    data[4096 + 16 + 16 : 4096 + 16 + 24] = struct.pack("<Q", 99)  # the root of the newer one, without its checksum
    assert as_dict(Bolt(bytes(data), "meta.db").root) == TREE
    data[16:20] = b"torn"
    with pytest.raises(ArchiveError, match=r"meta\.db is not a bbolt database: no valid meta page"):
        Bolt(bytes(data), "meta.db")


def test_files(tmp_path: Path) -> None:
    """No file is None, an empty one is no database."""
    assert open_bolt(str(tmp_path / "meta.db")) is None
    (tmp_path / "meta.db").write_bytes(b"")
    with pytest.raises(ArchiveError, match="not a bbolt database"):
        open_bolt(str(tmp_path / "meta.db"))
    (tmp_path / "meta.db").write_bytes(bolt_bytes(TREE))
    found = open_bolt(str(tmp_path / "meta.db"))
    assert found is not None
    assert as_dict(found.root) == TREE


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (3 * 4096 + 8, struct.pack("<H", 1), "no page|too short|twice|flags"),  # the root as a branch
        (3 * 4096 + 8, struct.pack("<H", 8), "flags 0x8"),
        (3 * 4096 + 10, struct.pack("<H", 65535), "too short|behind its page"),
        (3 * 4096 + 16 + 8, struct.pack("<I", 1 << 31), "behind its page"),
        (3 * 4096 + 16 + 4, struct.pack("<I", 1 << 31), "behind its page"),
    ],
)
def test_broken_pages(position: int, value: bytes, message: str) -> None:
    """A broken page is an error that names the database."""
    data = bytearray(bolt_bytes(TREE))
    data[position : position + len(value)] = value
    with pytest.raises(ArchiveError, match=rf"the database meta\.db is broken: .*({message})"):
        as_dict(Bolt(bytes(data), "meta.db").root)


def test_circles() -> None:
    """A page that is its own child ends the reading."""
    data = bytearray(bolt_bytes({}))
    data[3 * 4096 : 3 * 4096 + 32] = struct.pack("<QHHI", 3, 1, 1, 0) + struct.pack("<IIQ", 0, 0, 3)
    with pytest.raises(ArchiveError, match="page 3 is in the tree twice"):
        as_dict(Bolt(bytes(data), "meta.db").root)


def test_overlapping_values() -> None:
    """Elements that all have the whole page as their value end before they cost time."""
    size = 1 << 20
    count = 60_000
    elements = b"".join(struct.pack("<IIII", 0, 0, 0, size - 16 - 16 * count) for index in range(count))
    page = (struct.pack("<QHHI", 3, 2, count, size // 4096 - 1) + elements).ljust(size, b"\0")
    data = bolt_bytes({})[: 3 * 4096] + page
    with pytest.raises(ArchiveError, match="values overlap"):
        sum(1 for _ in Bolt(data, "meta.db").root.items())


@pytest.mark.parametrize("seed", range(4))
def test_mutations(seed: int) -> None:
    """Whatever the bytes, errors are those of ocisize."""
    chooser, original = random.Random(seed), bolt_bytes(TREE)
    for _ in range(150):
        data = bytearray(original)
        for _ in range(chooser.randrange(1, 8)):
            data[chooser.randrange(3 * 4096, len(data))] = chooser.choice([0, 1, 2, 3, 4, 127, 128, 255])
        try:
            as_dict(Bolt(bytes(data), "meta.db").root)
        except (ArchiveError, UnicodeDecodeError):
            continue


def test_real_database() -> None:
    """A database that containerd 1.6 wrote: names, targets and the labels of blobs."""
    root = Bolt(lzma.decompress(REAL.read_bytes()), "meta.db").root
    images = root.bucket(b"v1", b"default", b"images")
    assert images is not None
    names = [name.decode() for name, _ in images.items()]
    assert len(names) == 54
    assert "docker.io/example/tag:49" in names
    target = images.bucket(b"docker.io/example/tag:7", b"target")
    assert target is not None
    assert sorted(key for key, _ in target.items()) == [b"digest", b"mediatype", b"size"]
