"""Files that users take for saved images: what the error calls each, and the one line of advice."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import subprocess
import zipfile
from pathlib import Path

import pytest
import zstandard

from ocisize.errors import ArchiveError
from ocisize.sources.file_kinds import EXPECTED
from ocisize.sources.open import open_source
from tests.images import build_image, layer, tar_bytes
from tests.tools import program

IMAGE = build_image([layer({"a": b"x"})])
HTML = b"<!DOCTYPE html>\n<html lang='en'><head><title>Sign in</title>" + b"<p>" * 400
AGAIN = "a server answered with a page instead of the image: log in there, and download it again"
DISK = "it is for virtual machines; save a container image with: docker save -o FILE IMAGE"
SAVE = "save the image with its layers: docker save -o FILE IMAGE"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
SCHEMA_1 = json.dumps(
    {"schemaVersion": 1, "name": "app", "tag": "1", "fsLayers": [{"blobSum": "sha256:" + "0" * 64}]}
).encode()
EOCD = b"PK\x05\x06" + bytes(18)


def zip_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.tar", IMAGE.layers[0].tar)
    return buffer.getvalue()


def at(offset: int, magic: bytes, size: int = 40_000) -> bytes:
    """Zeros with a magic number, as disk images are."""
    return bytes(offset) + magic + bytes(size - offset - len(magic))


def lzma_alone(data: bytes) -> bytes:
    return lzma.compress(data, lzma.FORMAT_ALONE)


@pytest.mark.parametrize(
    ("data", "what", "hint"),
    [
        (zip_bytes(), "a zip archive", "unpack it first: unzip {path}"),
        (EOCD, "a zip archive", "unpack it first: unzip {path}"),
        (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(600), "a 7z archive", "unpack it first: 7z x {path}"),
        (b"Rar!\x1a\x07\x01\0" + bytes(600), "a RAR archive", "unpack it first: unrar x {path}"),
        (b"\x04\x22\x4d\x18\x64\x40\xa7" + bytes(600), "a file compressed with lz4", "decompress it first: lz4 -dc < {path} > decompressed.tar"),
        (b"LZIP\x01\x0c" + bytes(600), "a file compressed with lzip", "decompress it first: lzip -dc < {path} > decompressed.tar"),
        (b"\x1f\x9d\x90" + b"abc" * 300, "a file compressed with compress", "decompress it first: uncompress -c < {path} > decompressed.tar"),
        (lzma_alone(b"x" * 1000), "a file compressed with lzma", "decompress it first: unlzma -c < {path} > decompressed.tar"),
        (b"!<arch>\ndebian-binary   1700000000  0     0     100644  4         `\n2.0\n", "a Debian package", EXPECTED),
        (b"\xed\xab\xee\xdb\x03\0" + bytes(600), "an RPM package", EXPECTED),
        (b"070701" + b"0" * 600, "a cpio archive", EXPECTED),
        (b"#!/usr/bin/env run-singularity\n\0SIF_MAGIC\0" + b"01\0" + bytes(600), "a Singularity image (SIF)",
         "copy it first: skopeo copy sif:{path} docker-archive:image.tar"),
        (b"hsqs" + bytes(600), "a squashfs file system", DISK),
        (b"QFI\xfb\0\0\0\3" + bytes(600), "a disk image (qcow2)", DISK),
        (b"KDMV\1\0\0\0" + bytes(600), "a disk image (VMDK)", DISK),
        (b"# Disk DescriptorFile\nversion=1\n", "a disk image (VMDK)", DISK),
        (b"<<< Oracle VM VirtualBox Disk Image >>>\n" + bytes(600), "a disk image (VDI)", DISK),
        (b"vhdxfile" + bytes(600), "a disk image (VHD)", DISK),
        (b"conectix" + bytes(600), "a disk image (VHD)", DISK),
        (at(32769, b"CD001\1"), "an ISO image", DISK),
        (at(512, b"EFI PART"), "a disk image with partitions", DISK),
        (at(510, b"\x55\xaa"), "a disk image with partitions", DISK),
        (at(1080, b"\x53\xef"), "an ext file system", DISK),
        (at(1024, b"\xe2\xe1\xf5\xe0"), "an EROFS file system", DISK),
        (b"\x7fELF\2\1\1" + bytes(600), "an executable", EXPECTED),
        (b"\0asm\1\0\0\0" + bytes(600), "a Wasm module", EXPECTED),
        (b"%PDF-1.7\n" + bytes(600), "a PDF document", EXPECTED),
        (LFS, "a Git LFS pointer", "fetch the file itself: git lfs pull"),
        (HTML, "an HTML page", AGAIN),
        (b"\xef\xbb\xbf\r\n  <!-- saved -->\n<HTML><BODY>", "an HTML page", AGAIN),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document", AGAIN),
        (SCHEMA_1, "a schema 1 manifest without its layers", SAVE),
        (IMAGE.manifest, "an image manifest without its layers", SAVE),
        (json.dumps({"schemaVersion": 2, "manifests": []}, indent=2).encode(), "an image index without its images", SAVE),
        (IMAGE.config, "the config of an image without its layers", SAVE),
        (b'[\n  {\n    "Id": "sha256:00", "RepoTags": ["app:1"]}]', "a JSON document about an image", SAVE),
        (b'[{"Config": "a.json", "RepoTags": null, "Layers": []}]', "a JSON document about an image", SAVE),
        (b'{"schema": "ocisize.analysis", "version": 1}', "a report of ocisize", "compare it with an image: ocisize diff {path} IMAGE"),
        (b'{"a": 1}', "a JSON document", EXPECTED), (b"{}", "a JSON document", EXPECTED), (b"[]", "a JSON document", EXPECTED),
        (b"# syntax=docker/dockerfile:1\n\nARG V=3\n# base\nFROM alpine:$V AS build\nRUN x\n", "a Dockerfile",
         "build and save it first: docker build -t app -f {path} {folder} && docker save -o app.tar app"),
        (b"from scratch", "a Dockerfile", "build and save it first: docker build -t app -f {path} {folder} && docker save -o app.tar app"),
        (b"#!/bin/sh\necho\n", "a script", EXPECTED),
        ("Error: café not found\n".encode(), "a text file", EXPECTED),
        (b"FROM here, one sees.\n", "a text file", EXPECTED),
        (b"x" * 5000, "a text file", EXPECTED),
        (gzip.compress(HTML), "an HTML page, compressed with gzip", AGAIN),
        (gzip.compress(b"one file\n"), "a single file compressed with gzip", EXPECTED),
        (gzip.compress(bytes(range(256)) * 50), "a single file compressed with gzip", EXPECTED),
        (bz2.compress(b"one file\n"), "a single file compressed with bzip2", EXPECTED),
        (lzma.compress(b"one file\n"), "a single file compressed with xz", EXPECTED),
        (zstandard.compress(b"\x7fELF" + bytes(600)), "an executable, compressed with zstd", EXPECTED),
        (gzip.compress(at(1080, b"\x53\xef")), "an ext file system, compressed with gzip", DISK),
        (gzip.compress(gzip.compress(IMAGE.layers[0].tar)), "compressed twice, with gzip and gzip", "decompress it once: gzip -dc < {path} > decompressed.tar"),
        (lzma.compress(gzip.compress(IMAGE.layers[0].tar)), "compressed twice, with gzip and xz", "decompress it once: xz -dc < {path} > decompressed.tar"),
    ],
)  # fmt: skip
def test_what_a_file_is(tmp_path: Path, data: bytes, what: str, hint: str) -> None:
    """The name of the file does not matter; its first bytes do."""
    path = tmp_path / "app's image.tar"
    path.write_bytes(data)
    with pytest.raises(ArchiveError) as raised:
        open_source(str(path))
    assert str(raised.value) == f"{path} is not a saved image: {what}"
    hint = hint.replace("{folder}", str(tmp_path))
    assert raised.value.hint == hint.replace("{path}", f"""'{str(path).replace("'", "'" + '"' + "'" + '"' + "'")}'""")


@pytest.mark.parametrize("data", [b"\x01\x02\x03" * 1000, b"\xff" * 3, b"BZh9", b"\x1f\x8b", b"\x5d\0\0" + bytes(600)])
def test_unknown_bytes(tmp_path: Path, data: bytes) -> None:
    """What no row knows is only said to be no tar."""
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="is not a tar, an OCI layout or an image archive"):
        open_source(str(path))


def test_a_tar_of_any_first_file_is_a_tar(tmp_path: Path) -> None:
    """A name that looks like a magic number changes nothing."""
    path = tmp_path / "file"
    for name in ("PK\x03\x04", "%PDF-", "<html>", "QFI", "FROM x", "#!a", "070701"):
        path.write_bytes(tar_bytes({name: b"x"}))
        with pytest.raises(ArchiveError, match="neither manifest.json nor index.json"):
            open_source(str(path))


def test_real_files(tmp_path: Path) -> None:
    """A package of dpkg-deb 1.21, and a file system of mke2fs 1.47."""
    (tmp_path / "package" / "DEBIAN").mkdir(parents=True)
    (tmp_path / "package" / "DEBIAN" / "control").write_text(
        "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x.x>\nDescription: x\n"
    )
    subprocess.run(
        [program("dpkg-deb"), "--build", tmp_path / "package", tmp_path / "x.tar"], check=True, capture_output=True
    )
    with pytest.raises(ArchiveError, match="is not a saved image: a Debian package"):
        open_source(str(tmp_path / "x.tar"))
    (tmp_path / "disk.tar").write_bytes(bytes(1 << 20))
    subprocess.run([program("mke2fs"), "-q", "-F", tmp_path / "disk.tar"], check=True, capture_output=True)
    with pytest.raises(ArchiveError, match="is not a saved image: an ext file system"):
        open_source(str(tmp_path / "disk.tar"))


def test_looking_at_a_bomb_is_bounded(tmp_path: Path) -> None:
    """Of a compressed file only the beginning is unpacked, and an odd beginning takes no time."""
    path = tmp_path / "file"
    for data in (
        b" " * 40_000,
        b"#" + b" #\n" * 15_000,
        b"<!--" * 10_000,
        b"{" * 40_000,
        b'{"' + b" " * 40_000,
        b"# \nARG \n" * 5000,
    ):
        path.write_bytes(gzip.compress(data * 200))
        with pytest.raises(ArchiveError):
            open_source(str(path))
