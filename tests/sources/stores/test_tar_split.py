"""tar-split: tars rebuilt byte by byte, and broken files refused."""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from ocisize.blob.region import FileRegion
from ocisize.errors import ArchiveError, OcisizeError, StreamError
from ocisize.sources.stores.diff_folder import DiffFolder
from ocisize.sources.stores.tar_split import read_segments, rebuild_tar, tar_length
from tests.images import DIR, File, Hard, Link, tar_bytes
from tests.stores import tar_split, unpack

TAR = tar_bytes(
    [
        ("./", DIR),
        ("./etc/passwd", b"root"),
        ("./usr/lib/big", bytes(range(256)) * 3000),
        ("./usr/lib/twin", Hard("./usr/lib/big")),
        ("./lib", Link("usr/lib")),
        ("./lib/through", b"a link"),
        ("./empty", b""),
        ("./opt/.wh.gone", b""),
        ("./opt/.wh..wh..opq", b""),
        ("./" + "long/" * 60 + "name", b"deep"),
        ("./caf\udce9", b"latin"),
        ("./xattr", File(b"x", pax={"SCHILY.xattr.user.x": "1" * 1000})),
    ]
)


def region_of(data: bytes, path: Path) -> FileRegion:
    """The region of a file with these bytes; tests end before the descriptor matters."""
    path.write_bytes(data)
    return FileRegion(os.open(path, os.O_RDONLY), 0, len(data))


def rebuild(split: bytes, tmp_path: Path) -> bytes:
    region, folder = region_of(split, tmp_path / "split.gz"), DiffFolder(str(tmp_path / "diff"))
    try:
        return b"".join(rebuild_tar(region, folder))
    finally:
        folder.close()
        os.close(region.descriptor)


def split_of(*lines: Any) -> bytes:
    return gzip.compress(
        b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    )


def test_rebuild(tmp_path: Path) -> None:
    """The tar comes back byte by byte, and its length is known without the files."""
    unpack(TAR, tmp_path / "diff")
    assert rebuild(tar_split(TAR), tmp_path) == TAR
    region = region_of(tar_split(TAR), tmp_path / "split.gz")
    assert tar_length(region) == len(TAR)
    os.close(region.descriptor)


def test_without_a_line_end(tmp_path: Path) -> None:
    """The last line counts without a line end, and empty tar-split is an empty tar."""
    (tmp_path / "diff").mkdir()
    payload = base64.b64encode(bytes(1024)).decode()
    assert rebuild(gzip.compress(json.dumps({"type": 2, "payload": payload}).encode()), tmp_path) == bytes(1024)
    assert rebuild(gzip.compress(b""), tmp_path) == b""


@pytest.mark.parametrize(
    "line",
    [
        b"{", b"[]", b"{}", b"null", b"1", b'{"type": 3}', b'{"type": 2}', b'{"type": 2, "payload": 1}',
        b'{"type": 2, "payload": "\xc3\xa9"}', b'{"type": 1}', b'{"type": 1, "name": 1}', b'{"type": 1, "name": "a", "size": -1}',
        b'{"type": 1, "name": "a", "size": true}', b'{"type": 1, "name": "a", "size": 1e3}',
        b'{"type": 1, "name": "a", "size": 9999999999999999999}', b'{"type": 1, "name": "\\ud800", "size": 1}',
        b"[" * 100_000, b'{"type": 2, "payload": "AAA"}',
    ],
)  # fmt: skip
def test_broken_lines(tmp_path: Path, line: bytes) -> None:
    """JSON that is no part of a tar is refused, as an error of the store."""
    (tmp_path / "diff").mkdir()
    with pytest.raises(ArchiveError, match="the tar-split of the layer is broken"):
        rebuild(split_of(line), tmp_path)


@pytest.mark.parametrize(
    "name", ["../secret", "/../secret", "a/../../secret", "link/secret", "outside", "fifo", "folder", "absent"]
)
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    """A name never opens a file outside of the layer, nor one that is not a file of this size."""
    (tmp_path / "secret").write_text("outside")
    root = tmp_path / "diff"
    (root / "folder").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path)
    (root / "outside").symlink_to(tmp_path / "secret")
    os.mkfifo(root / "fifo")
    with pytest.raises((ArchiveError, OSError)):
        rebuild(split_of({"type": 1, "name": name, "size": 7}), tmp_path)


@pytest.mark.parametrize("size", [1, 5, 1 << 40])
def test_another_size(tmp_path: Path, size: int) -> None:
    """A file of another size than that of the layer was changed."""
    (tmp_path / "diff").mkdir()
    (tmp_path / "diff/file").write_text("four")
    with pytest.raises(ArchiveError, match=f"the file file in the store has 4 bytes, the layer has {size}"):
        rebuild(split_of({"type": 1, "name": "file", "size": size}), tmp_path)


def test_cut_stream(tmp_path: Path) -> None:
    """A tar-split that was cut is refused."""
    unpack(TAR, tmp_path / "diff")
    with pytest.raises(StreamError):
        rebuild(tar_split(TAR)[:-20], tmp_path)


def test_long_line(tmp_path: Path) -> None:
    """A line has a limit, which a stream of spaces reaches without much memory."""
    region = region_of(gzip.compress(bytes(20 << 20).replace(b"\0", b" ")), tmp_path / "split.gz")
    with pytest.raises(ArchiveError, match="has a line of more than"):
        list(read_segments(region))
    os.close(region.descriptor)


def test_mutations(tmp_path: Path) -> None:
    """Whatever bytes a tar-split has, errors are those of ocisize, and nothing outside is read."""
    unpack(TAR, tmp_path / "diff")
    (tmp_path / "secret").write_text("OUTSIDE")
    chooser = random.Random(7)
    lines = gzip.decompress(tar_split(TAR))
    for _ in range(300):
        mutated = bytearray(lines)
        for _ in range(chooser.randrange(1, 6)):
            start = chooser.randrange(len(mutated))
            mutated[start : start + chooser.randrange(4)] = chooser.choice(
                [b"../secret", b'"', b"9", b"\n", b"/", b"{}", b""]
            )
        try:
            found = rebuild(gzip.compress(bytes(mutated), 1), tmp_path)
        except (OcisizeError, OSError):
            continue
        assert b"OUTSIDE" not in found
