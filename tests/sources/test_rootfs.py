"""rootfs:FILE: a root filesystem as an image of one layer."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from ocisize import Analyzer
from ocisize.cli.main import main
from ocisize.errors import ArchiveError, LayerError, LimitExceeded
from ocisize.limits import Limits
from ocisize.sources.open import open_source
from tests.images import (
    DIR, Compression, Link, build_image, compress, layer, raw_layer, sha256, tar_bytes, write_docker_archive, write_layout,
)  # fmt: skip
from tests.tools import program

COMPRESSIONS: tuple[Compression, ...] = ("plain", "gzip", "zstd", "xz", "bzip2")
TAR = tar_bytes(
    {
        ".dockerenv": b"", "bin": Link("usr/bin"), "etc": DIR, "etc/os-release": b'ID=alpine\nPRETTY_NAME="Alpine Linux v3.20"\nVERSION_ID=3.20.1\n',
        "usr/bin/tool": random.Random(1).randbytes(30_000), "usr/bin/same": b"twin" * 500, "usr/lib/same": b"twin" * 500,
    }
)  # fmt: skip


def write(path: Path, compression: Compression = "plain", tar: bytes = TAR) -> str:
    path.write_bytes(compress(tar, compression))
    return f"rootfs:{path}"


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("verify", [False, True])
def test_a_root_filesystem_is_an_image_of_one_layer(tmp_path: Path, compression: Compression, verify: bool) -> None:
    """The figures are those of an image with this layer; of a compressed file the download is its size."""
    analysis = Analyzer(verify=verify).analyze(write(tmp_path / "root.tar", compression))
    assert (analysis.format, analysis.reference, analysis.platform, analysis.created) == ("rootfs", None, "unknown", "")
    assert (analysis.digest, analysis.manifest_size, len(analysis.layers), analysis.warnings) == (None, None, 1, ())
    (only,) = analysis.layers
    assert (only.digest, only.diff_id) == (sha256(compress(TAR, compression)), sha256(TAR))
    assert (only.digest_verified, only.diff_id_verified, only.compression) == (False, False, compression)
    assert analysis.content_size == 30_000 + 4000 + len(b'ID=alpine\nPRETTY_NAME="Alpine Linux v3.20"\nVERSION_ID=3.20.1\n')
    assert (analysis.wasted_size, analysis.duplicate_size, analysis.system.os and analysis.system.os.id) == (
        0,
        2000,
        "alpine",
    )
    if compression == "plain":
        assert analysis.compressed_size is None
        assert 30_000 < (analysis.estimated_compressed_size or 0) < 32_000
    else:
        assert analysis.compressed_size == only.compressed_size == len(compress(TAR, compression))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_the_same_layer_in_an_image(tmp_path: Path, compression: Compression) -> None:
    """Every figure of the files is that of an image with this one layer."""
    image = build_image([raw_layer(TAR, compression)])
    found, expected = (
        Analyzer().analyze(name)
        for name in (write(tmp_path / "root.tar", compression), write_layout(image, tmp_path / "layout"))
    )
    for name in (
        "content_size", "live_size", "disk_size", "wasted_size", "duplicate_size", "file_count", "tar_size", "waste", "system",
    ):  # fmt: skip
        assert getattr(found, name) == getattr(expected, name), name
    assert list(found.layers[0].files or ())[1:] and found.layers[0].digest == expected.layers[0].digest


def test_how_it_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No digest is shown as one of an image, and nothing as verified."""
    write(tmp_path / "root.tar", "gzip")
    monkeypatch.chdir(tmp_path)  # a long name of the folder would break the lines
    assert main(["rootfs:root.tar", "--full"]) == 0
    text = capsys.readouterr().out
    assert "root.tar · platform unknown · 1 layer · Alpine Linux v3.20" in text
    assert "platform unknown · root filesystem, 1 layer (gzip)" in text
    assert f"the file's digest {sha256(compress(TAR, 'gzip'))}\nnothing to verify: a root filesystem has no digests" in text
    assert "USER" not in text and "image id" not in text


@pytest.mark.parametrize("compression", ["plain", "gzip"])
@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("missing", "cannot open .*missing: No such file or directory", None),
        ("folder", "folder is a folder; rootfs: reads a tar", "pack it first: tar -C "),
        ("device", "device is not a file", "rootfs: reads a root filesystem in a tar"),
        ("empty", "empty is empty", None),
    ],
)
def test_what_is_no_file(tmp_path: Path, name: str, message: str, hint: str | None, compression: Compression) -> None:
    """Folders and devices are refused, and nothing stays open."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/null")
    (tmp_path / "empty").touch()
    before = os.listdir("/proc/self/fd")
    with pytest.raises(ArchiveError, match=message) as raised:
        open_source(f"rootfs:{tmp_path}/{name}")
    assert raised.value.hint is None if hint is None else hint in str(raised.value.hint)
    assert (os.listdir("/proc/self/fd"), bool(compression)) == (before, True)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize(
    ("tar", "message"),
    [
        (b"<!doctype html><html>" * 50, "is not a root filesystem: an HTML page"),
        (b"\x01\x02\x03" * 500, "not a tar|a single file compressed with"),
        (bytes(1080) + b"\x53\xef" + bytes(5000), "an ext file system"),
    ],
)
def test_what_is_no_tar(tmp_path: Path, tar: bytes, message: str, compression: Compression) -> None:
    """The error says what the file is instead."""
    with pytest.raises(ArchiveError, match=message):
        open_source(write(tmp_path / "file", compression, tar))


@pytest.mark.parametrize("compression", ["gzip", "zstd", "xz", "bzip2"])
def test_broken_streams(tmp_path: Path, compression: Compression) -> None:
    """A cut or damaged file is refused as an archive is."""
    blob = compress(TAR, compression)
    path = tmp_path / "root.tar"
    path.write_bytes(blob[: len(blob) // 2])
    with pytest.raises(ArchiveError, match=f"the {compression} stream ends early") as raised:
        open_source(f"rootfs:{path}")
    assert raised.value.hint == "the file is incomplete: save or download it again"
    path.write_bytes(blob[:9000] + b"\0\1\2\3" + blob[9004:])
    with pytest.raises(ArchiveError, match=f"broken {compression} stream|{compression} stream ends early"):
        open_source(f"rootfs:{path}")


def test_a_cut_tar(tmp_path: Path) -> None:
    """A tar that ends within a file is an error of the layer."""
    with pytest.raises(LayerError, match="layer 0 .*the tar ends within"):
        Analyzer().analyze(write(tmp_path / "root.tar", tar=TAR[:20_000]))


@pytest.mark.parametrize("outer", ["plain", "gzip"])
def test_a_saved_image_is_no_root_filesystem(tmp_path: Path, outer: Compression) -> None:
    """Its files are shown, as the scheme asks, and a warning says how to analyze the image."""
    path = write_docker_archive(build_image([layer({"a": b"x"})]), tmp_path / "app.tar", outer=outer)
    note = "the file is a saved image, whose own files are shown; to analyze the image, omit rootfs:"
    assert note in Analyzer().analyze(f"rootfs:{path}").warnings
    assert note not in Analyzer().analyze(write(tmp_path / "root.tar")).warnings


def test_the_hint_of_other_files(tmp_path: Path) -> None:
    """The hint says what the scheme reads."""
    for number, data in enumerate((b"x" * 5000, b"\1\2\3" * 500)):
        (tmp_path / str(number)).write_bytes(data)
        with pytest.raises(ArchiveError) as raised:
            open_source(f"rootfs:{tmp_path}/{number}")
        assert raised.value.hint == "rootfs: reads a root filesystem in a tar, as docker export writes it"


def test_limits_hold(tmp_path: Path) -> None:
    """The pass that computes digests is limited as the layer is."""
    name = write(tmp_path / "root.tar", "gzip")
    with pytest.raises(LimitExceeded, match="more than 20000 uncompressed bytes in one layer"):
        open_source(name, limits=Limits(layer_size=20_000))
    with pytest.raises(LimitExceeded, match="more than 20000 uncompressed bytes in all layers"):
        open_source(name, limits=Limits(image_size=20_000))


def test_a_root_filesystem_as_base(tmp_path: Path) -> None:
    """A root filesystem that was added to scratch is the base image of what was built on it."""
    base = layer({"etc/os-release": b"ID=x\n", "bin/sh": b"sh"}, "plain")
    (tmp_path / "base.tar").write_bytes(base.tar)
    folder = write_layout(build_image([base, layer({"app": b"x"})]), tmp_path / "layout")
    analysis = Analyzer(base=f" rootfs:{tmp_path}/base.tar\n").analyze(folder)
    assert analysis.base is not None and analysis.base.found.certain_layers == 1


def test_what_tar_writes(tmp_path: Path) -> None:
    """A folder packed by GNU tar, with ./ in front of every name, gives the sizes of its files."""
    (tmp_path / "root" / "usr").mkdir(parents=True)
    (tmp_path / "root" / "usr" / "a").write_bytes(b"a" * 700)
    (tmp_path / "root" / "usr" / "b").hardlink_to(tmp_path / "root" / "usr" / "a")
    subprocess.run([program("tar"), "-C", tmp_path / "root", "-cf", tmp_path / "root.tar", "."], check=True)
    shutil.rmtree(tmp_path / "root")
    analysis = Analyzer().analyze(f"rootfs:{tmp_path}/root.tar")
    paths = [entry.path for entry in analysis.layers[0].files or ()]
    assert (analysis.content_size, sorted(paths)) == (700, ["", "usr", "usr/a", "usr/b"])


@pytest.mark.parametrize("outer", ["plain", "gzip"])
def test_a_tar_that_was_cut(tmp_path: Path, outer: Compression) -> None:
    """No digest shows that files are missing; within a file the cut is an error, between files a warning."""
    tar = tar_bytes({"a": b"x" * 3000, "b": b"y" * 3000})
    whole = 2 * (512 + 3072)
    path = tmp_path / "root.tar"
    for size, content_size in ((3512, 3000), (3584, 3000), (whole, 6000), (whole + 512, 6000), (len(tar), 6000)):
        path.write_bytes(compress(tar[:size], outer))
        analysis = Analyzer().analyze(f"rootfs:{path}")
        assert analysis.content_size == content_size
        assert any("it may have been cut" in warning for warning in analysis.warnings) is (size <= whole)
    path.write_bytes(compress(tar[:4096], outer))
    with pytest.raises(LayerError, match="the tar ends within 'b'"):
        Analyzer().analyze(f"rootfs:{path}")


def test_a_choice_in_a_root_filesystem(tmp_path: Path) -> None:
    """It has one image and no names, so ``--select`` is a mistake."""
    with pytest.raises(ArchiveError, match="no image 'app' in .*: a root filesystem is one image") as raised:
        open_source(write(tmp_path / "root.tar"), select="app")
    assert raised.value.hint == "omit --select"
