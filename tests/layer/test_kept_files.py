"""KeptFiles: the payloads that a scan keeps."""

from __future__ import annotations

import pytest

from ocisize.layer.kept_files import BEGINNINGS, KeptFiles
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
