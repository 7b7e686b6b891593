"""Sparse files and numbers that are none, beside umoci, which reads tars with Go's archive/tar as Docker and containerd do.

Once, on 2026-11-29, the image of ``test_disk_space_of_a_node`` was given to other tools too: after ``docker load`` (20.10.24, vfs)
and ``ctr images import`` (containerd 1.6.20, native), ``du`` and ``du --apparent-size`` say 52428800 for the three PAX forms,
and ``docker image ls`` says 52.4MB. Both refuse the old GNU form: "unhandled tar header type 83".
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ocisize import Analyzer
from ocisize.errors import LayerError
from tests.compat.test_umoci import unpack
from tests.images import build_image, raw_layer, write_layout
from tests.strategies import END, base256, header, member, padded, pax, sparse_member
from tests.tools import program

PAX_FORMS = ("0.0", "0.1", "1.0")
SIZE, DATA = 50 << 20, b"x" * 8192


def packed(tree: Path, *options: str) -> bytes:
    """A folder as GNU tar packs it."""
    command = [program("tar"), *options, "--sparse", "-C", str(tree), "-cf", "-", "."]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 50 MiB with 8 KiB of data in the middle."""
    root = tmp_path_factory.mktemp("tree")
    (root / "var" / "log").mkdir(parents=True)
    with (root / "var" / "log" / "lastlog").open("wb") as file:
        file.truncate(SIZE)
        file.seek(20 << 20)
        file.write(DATA)
    return root


@pytest.mark.parametrize("form", PAX_FORMS)
def test_disk_space_of_a_node(tmp_path: Path, tree: Path, form: str) -> None:
    """What umoci writes to the disk is what the figures say."""
    folder = write_layout(
        build_image([raw_layer(packed(tree, "--format=posix", f"--sparse-version={form}"))]), tmp_path / "layout"
    )
    analysis = Analyzer().analyze(str(folder))
    status = (unpack(folder) / "var" / "log" / "lastlog").stat()
    assert (status.st_size, status.st_blocks * 512) == (SIZE, SIZE)
    assert (analysis.content_size, analysis.live_size, analysis.disk_size, analysis.stored_size) == (SIZE, SIZE, SIZE, 8192)


def test_the_old_form_is_refused_by_runtimes(tmp_path: Path, tree: Path) -> None:
    """The old GNU form counts in full, with a warning that runtimes do not unpack it."""
    folder = write_layout(build_image([raw_layer(packed(tree, "--format=gnu"))]), tmp_path / "layout")
    analysis = Analyzer().analyze(str(folder))
    assert (analysis.content_size, analysis.stored_size) == (SIZE, 8192)
    assert any("type 'S' (old GNU sparse file), which Docker and containerd refuse" in text for text in analysis.warnings)
    with pytest.raises(AssertionError, match=r"unknown typeflag '\\x53'"):
        unpack(folder)


TEN = (b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"9000")
REFUSED = {
    "no map": pax(*TEN) + member(b"x", padded(b"hello\n") + b"12345"),
    "cut map": pax(*TEN) + member(b"x", padded(b"2\n0\n5\n") + b"12345"),
    "data left": pax(*TEN) + member(b"x", padded(b"1\n0\n4\n") + b"12345"),
    "data missing": pax(*TEN) + member(b"x", padded(b"1\n0\n6\n") + b"12345"),
    "overlap": sparse_member("0.1", 9000, [(0, b"12345"), (4, b"678")]),
    "beyond the end": sparse_member("0.0", 10, [(9, b"12345")]),
    "sparse directory": pax((b"GNU.sparse.map", b"0,0"), (b"GNU.sparse.numblocks", b"1")) + header(b"d", kind=b"5"),
    "no number of fragments": pax((b"GNU.sparse.map", b"0,5")) + member(b"x", b"12345"),
    "mtime": pax((b"mtime", b"soon")) + member(b"x"),
    "atime": pax((b"atime", b"1.x")) + member(b"x"),
    "ctime": pax((b"ctime", b"99999999999999999999")) + member(b"x"),
    "uid": pax((b"uid", b"root")) + member(b"x"),
    "time in the header": header(b"x", fields={136: b"yesterday\0"}),
    "device in the header": header(b"x", fields={329: b"major\0"}),
    "size beyond 64 bits": header(b"x", base256(1 << 70, 12)),
}
READ = {
    "fraction": pax((b"mtime", b"-1.5"), (b"atime", b"+7."), (b"ctime", b"1." + b"9" * 40)) + member(b"x"),
    "empty records": pax((b"mtime", b""), (b"uid", b""), (b"size", b"")) + member(b"x"),
    "unknown version": pax((b"GNU.sparse.major", b"3"), (b"GNU.sparse.map", b"nothing")) + member(b"x"),
    "negative time": header(b"x", fields={136: base256(-1, 12)}),
    "time of another header": pax((b"mtime", b"soon")) + pax((b"mtime", b"1")) + member(b"x"),
}


@pytest.mark.parametrize("tar", REFUSED.values(), ids=REFUSED)
def test_what_go_refuses_is_refused(tmp_path: Path, tar: bytes) -> None:
    """A layer that cannot be unpacked has no figures."""
    folder = write_layout(build_image([raw_layer(tar + END)]), tmp_path / "layout")
    with pytest.raises(LayerError, match="bad header"):
        Analyzer().analyze(str(folder))
    with pytest.raises(AssertionError, match="invalid tar header|unexpected EOF|sparse file"):
        unpack(folder)


@pytest.mark.parametrize("tar", READ.values(), ids=READ)
def test_what_go_reads_is_read(tmp_path: Path, tar: bytes) -> None:
    """Odd forms that Go takes are no errors."""
    folder = write_layout(build_image([raw_layer(tar + END)]), tmp_path / "layout")
    assert (unpack(folder) / "x").exists()
    assert Analyzer().analyze(str(folder)).file_count == 1
