"""KeptFiles: the payloads that a scan keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ocisize.blob.region import FileRegion
from ocisize.layer.kept_files import BEGINNINGS, PATH_PARTS, RPM_DATABASES, KeptFiles, may_be_kept
from ocisize.layer.payloads import keep_payloads
from ocisize.limits import Limits, Meter, Tally
from ocisize.tar.scanner import scan_tar
from tests.images import DIR, tar_bytes
from tests.strategies import Bytes

KEPT = [
    "etc/os-release", "./usr/lib/os-release", "/var/lib/dpkg/status", "var/lib/dpkg/status.d/tzdata",
    "./var/lib/dpkg/info/libc6:amd64.list", "var/lib/apt/extended_states", "lib/apk/db/installed", "usr/lib/apk/db/installed",
    "var/lib/dpkg/diversions", "./etc/apk/world", "/var/lib/rpm/Packages", "var/lib/rpm/Packages.db", "./var/lib/rpm/rpmdb.sqlite",
    "usr/share/rpm/rpmdb.sqlite", "/usr/share/rpm/Packages", "./usr/lib/sysimage/rpm/Packages.db",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpmmanifest/container-manifest-2", "./var/lib/pacman/local/zlib-1.3-1/desc",
    "var/lib/pacman/local/zlib-1.3-1/files",
]  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_databases_are_kept(name: str) -> None:
    """However a name is written in the tar, its payload is kept."""
    table = scan_tar(Bytes(tar_bytes({name: b"text"})), wanted=KeptFiles(), beginnings=BEGINNINGS)
    assert list(table.contents.values()) == [b"text"]


@pytest.mark.parametrize(
    "name",
    [
        "var/lib/dpkg/info/libc6.md5sums", "srv/etc/os-release", "etc/os-release.d/x", "etc/os-releas",
        "var/lib/rpm/Packages.db-wal", "var/lib/rpm/Basenames", "usr/lib/sysimage/rpm/rpmdb.sqlite/x",
        "var/lib/rpmmanifest/container-manifest-1", "var/lib/pacman/local/zlib-1.3-1/mtree", "var/lib/pacman/local/ALPM_DB_VERSION",
    ],
)  # fmt: skip
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
    table = scan_tar(Bytes(tar_bytes({path: b"{}"})), wanted=KeptFiles(), beginnings=BEGINNINGS, path_parts=PATH_PARTS)
    assert list(table.contents.values()) == [b"{}"] * kept


def test_files_of_npm_have_a_limit_of_their_own() -> None:
    """However many there are, package databases are kept."""
    wanted = KeptFiles()
    assert not wanted(b"a/package.json", (256 << 10) + 1)
    assert not wanted(b"node_modules/.package-lock.json", (16 << 20) + 1)
    assert sum(wanted(b"%d/package.json" % number, 256 << 10) for number in range(1000)) == 256
    assert not wanted(b"node_modules/.package-lock.json", 1)
    assert wanted(b"var/lib/dpkg/status", 16 << 20)


RECORDS = {
    "usr/lib/python3/dist-packages/PyYAML-6.0.egg-info": True,
    "usr/lib/python3/dist-packages/PyYAML-6.0.egg-info/PKG-INFO": True,
    "usr/lib/python3/dist-packages/PyYAML-6.0.egg-info/installed-files.txt": True,
    "usr/lib/python3/dist-packages/PyYAML-6.0.egg-info/top_level.txt": True,
    "usr/lib/python3/dist-packages/PyYAML-6.0.egg-info/SOURCES.txt": False,
    "usr/lib/python3/dist-packages/PyYAML-6.0-py3.egg/EGG-INFO/PKG-INFO": True,
    "usr/lib/python3/dist-packages/PyYAML-6.0-py3.egg/EGG-INFO/SOURCES.txt": False,
    "srv/venv/site-packages/flask-3.0.dist-info/METADATA": True,
    "srv/venv/site-packages/flask-3.0.dist-info/RECORD": True,
    "srv/venv/site-packages/flask-3.0.dist-info/INSTALLER": True,
    "srv/venv/site-packages/flask-3.0.dist-info/REQUESTED": True,
    "srv/venv/site-packages/flask-3.0.dist-info/direct_url.json": True,
    "srv/venv/site-packages/flask-3.0.dist-info/top_level.txt": True,
    "srv/venv/site-packages/flask-3.0.dist-info/WHEEL": False,
    "srv/venv/site-packages/flask-3.0.dist-info/licenses/METADATA": False,
    "opt/conda/conda-meta/zlib-1.3-h1.json": True,
    "opt/conda/conda-meta/history": False,
    "opt/my-conda-meta/zlib-1.3-h1.json": False,
    "app/app.deps.json": True,
    "app/app.runtimeconfig.json": False,
    "srv/vendor/composer/installed.json": True,
    "srv/myvendor/composer/installed.json": False,
    "srv/composer.json": True,
    "srv/vendor/psr/log/composer.json": False,
    "srv/mycomposer.json": False,
    "srv/user-info.json": False,
    "srv/PKG-INFO": False,
}


@pytest.mark.parametrize("window_size", [1024, 256 << 10])
def test_records_of_languages_are_kept_anywhere(tmp_path: Path, window_size: int) -> None:
    """In streams, and in layers that are read in place; and a table of contents asks about the same files."""
    tar = tar_bytes({path: path.encode() for path in RECORDS})
    kept = [path for path, is_kept in RECORDS.items() if is_kept]
    options: dict[str, Any] = {"beginnings": BEGINNINGS, "window_size": window_size}
    table = scan_tar(Bytes(tar), wanted=KeptFiles(), path_parts=PATH_PARTS, **options)
    assert [content.decode() for content in table.contents.values()] == kept
    file = tmp_path / "layer.tar"
    file.write_bytes(tar)
    with file.open("rb") as opened:
        region, wanted = FileRegion(opened.fileno(), 0, len(tar)), KeptFiles()
        table = scan_tar(region.part(0, len(tar)), wanted=wanted, hash_up_to=0, **options)
        assert keep_payloads(region, table, wanted, PATH_PARTS).contents == {
            row: path.encode() for row, path in enumerate(RECORDS) if RECORDS[path]
        }
    assert all(may_be_kept(path.encode(), keep_records=True) for path in kept)
    assert not any(may_be_kept(path.encode(), keep_records=False) for path in kept)
    assert may_be_kept(b"var/lib/dpkg/status", keep_records=False)


def test_databases_of_rpm_have_a_limit_of_their_own() -> None:
    """They are large; where memory is bounded, each takes at most an eighth of what entries may have, by the memory law."""
    wanted = KeptFiles()
    assert [wanted(RPM_DATABASES[0], size << 20) for size in (129, 100, 29, 28)] == [False, True, False, True]
    assert wanted(b"var/lib/dpkg/status", 16 << 20)
    wanted = KeptFiles(Meter(Tally(Limits(memory=128 << 20))))
    assert [wanted(RPM_DATABASES[0], size) for size in ((2 << 20) + 1, 2 << 20)] == [False, True]


def test_long_headers_are_not_kept() -> None:
    """Nobody writes a METADATA of more than 256 KiB; lists of files may be longer."""
    wanted, folder = KeptFiles(), b"site-packages/flask-3.0.dist-info/"
    assert [wanted(folder + name, (256 << 10) + 1) for name in (b"METADATA", b"RECORD")] == [False, True]
