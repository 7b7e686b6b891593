"""KeptFiles: the payloads that a scan keeps."""

from __future__ import annotations

import pytest

from ocisize.layer.kept_files import BEGINNINGS, PATH_ENDS, KeptFiles
from ocisize.tar.scanner import scan_tar
from tests.images import DIR, tar_bytes
from tests.strategies import Bytes

KEPT = [
    "etc/os-release", "./usr/lib/os-release", "/var/lib/dpkg/status", "var/lib/dpkg/status.d/tzdata",
    "./var/lib/dpkg/info/libc6:amd64.list", "var/lib/apt/extended_states", "lib/apk/db/installed", "usr/lib/apk/db/installed",
]  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_databases_are_kept(name: str) -> None:
    """However a name is written in the tar, its payload is kept."""
    table = scan_tar(Bytes(tar_bytes({name: b"text"})), wanted=KeptFiles(), beginnings=BEGINNINGS)
    assert list(table.contents.values()) == [b"text"]


@pytest.mark.parametrize(
    "name", ["var/lib/dpkg/info/libc6.md5sums", "srv/etc/os-release", "etc/os-release.d/x", "etc/os-releas"]
)
def test_other_files_are_not_kept(name: str) -> None:
    """Files beside the databases are not kept."""
    assert not scan_tar(Bytes(tar_bytes({name: b"text"})), wanted=KeptFiles(), beginnings=BEGINNINGS).contents


def test_folders_are_not_kept() -> None:
    """Only payloads of regular files are kept."""
    assert not scan_tar(Bytes(tar_bytes({"etc/os-release": DIR})), wanted=KeptFiles(), beginnings=BEGINNINGS).contents


def test_what_is_kept_is_bounded() -> None:
    """Neither one huge file nor many of them fill the memory."""
    metadata = KeptFiles()
    assert not metadata(b"var/lib/dpkg/status", 17 << 20)
    assert [metadata(b"var/lib/dpkg/info/%d.list" % number, 15 << 20) for number in range(6)] == [True] * 4 + [False] * 2
    assert metadata(b"etc/os-release", 300)


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("app/node_modules/.package-lock.json", True), ("./node_modules/.package-lock.json", True), ("/package.json", True),
        ("a/b/package.json", True), ("app/node_modules/jest/package.json", True), ("node_modules/@s/x/package.json", True),
        ("app/node_modules/a/node_modules/b/package.json", True), ("app/.package-lock.json", False),
        ("app/my_node_modules/.package-lock.json", False), ("app/node_modules/jest/build/package.json", False),
        ("app/node_modules/.cache/package.json", False), ("app/node_modules/package.json", False), ("app/xpackage.json", False),
        ("app/package.json5", False), ("app/package.json/x", False),
    ],
)  # fmt: skip
def test_files_of_npm_are_kept_anywhere(path: str, kept: bool) -> None:
    """The lock of a node_modules, and package.json at the root of a package or outside of packages."""
    table = scan_tar(Bytes(tar_bytes({path: b"{}"})), wanted=KeptFiles(), beginnings=BEGINNINGS, path_ends=PATH_ENDS)
    assert list(table.contents.values()) == [b"{}"] * kept


def test_files_of_npm_have_a_limit_of_their_own() -> None:
    """However many there are, package databases are kept."""
    wanted = KeptFiles()
    assert not wanted(b"a/package.json", (256 << 10) + 1)
    assert not wanted(b"node_modules/.package-lock.json", (16 << 20) + 1)
    assert sum(wanted(b"%d/package.json" % number, 256 << 10) for number in range(1000)) == 128
    assert not wanted(b"node_modules/.package-lock.json", 1)
    assert wanted(b"var/lib/dpkg/status", 16 << 20)
