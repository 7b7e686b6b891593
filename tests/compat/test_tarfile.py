"""scan_tar against the standard library's tarfile and against tars that GNU tar made."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import xxhash
from hypothesis import given, settings

from ocisize.tar.filetable import KIND_NAMES
from ocisize.tar.scanner import scan_tar
from tests.tools import program
from tests.strategies import Bytes, tars


def by_tarfile(tar: bytes) -> list[tuple[Any, ...]]:
    """What tarfile finds, in the form of our columns."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(tar), encoding="utf-8") as archive:
        for info in archive:
            regular = info.isreg()
            content = archive.extractfile(info) if regular else None
            kind = KIND_NAMES[ord(info.type)] if info.type in b"0123456" else "file"
            digest = xxhash.xxh3_128_hexdigest(content.read()) if content else None
            link = info.linkname if kind in ("symlink", "hardlink") else None
            size = info.size if regular else 0
            found.append((clean(info.name), kind, size, info.mode, info.uid, info.gid, link, digest))
    return found


def by_scan(tar: bytes) -> list[tuple[Any, ...]]:
    return [
        (entry.path, entry.kind, entry.size, entry.mode, entry.uid, entry.gid, entry.link, entry.content_hash)
        for entry in scan_tar(Bytes(tar))
    ]


def clean(name: str) -> str:
    normal = os.path.normpath(name).lstrip("/")
    return "" if normal == "." else normal


@settings(max_examples=150, deadline=None)
@given(tars())
def test_tarfile_finds_the_same(tar: bytes) -> None:
    """For every valid tar, path, kind, size, mode, owner, link and content are what tarfile says."""
    assert by_scan(tar) == by_tarfile(tar)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Links, names and sizes of all sorts beside the packages of the standard library."""
    made = tmp_path_factory.mktemp("tree")
    (made / "file").write_bytes(b"x" * 512)
    (made / "empty").touch()
    (made / "hard").hardlink_to(made / "file")
    (made / "soft").symlink_to("file")
    (made / "n".join(["-"] * 40)).write_text("a long name")
    (made / "folder").mkdir()
    os.mkfifo(made / "fifo")
    (made / "café").write_text("utf-8")
    return made


@pytest.mark.parametrize("form", ["gnu", "posix", "v7", "ustar", "oldgnu"])
def test_tars_by_gnu_tar(folder: Path, tmp_path: Path, form: str) -> None:
    """GNU tar's files of real folders read the same in every format."""
    library = Path(os.__file__).parent
    target = tmp_path / "made.tar"
    excluded = ["--exclude=fifo"] if form == "v7" else []
    subprocess.run(
        [
            "tar",
            "cf",
            target,
            f"--format={form}",
            *excluded,
            "-C",
            library,
            "email",
            "json",
            "-C",
            folder.parent,
            folder.name,
        ],
        check=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    tar = target.read_bytes()
    found = by_scan(tar)
    assert found == by_tarfile(tar)
    assert f"{folder.name}/café" in {row[0] for row in found} and len(found) > 40


@pytest.mark.parametrize("form", ["gnu", "posix"])
def test_long_paths_by_gnu_tar(tmp_path: Path, form: str) -> None:
    """Paths and link targets beyond 256 bytes arrive whole."""
    deep = tmp_path / "tree" / Path(*["component-" + "x" * 40] * 8)
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"here")
    (deep / "link").symlink_to("y" * 400)
    target = tmp_path / "made.tar"
    subprocess.run(["tar", "cf", target, f"--format={form}", "-C", tmp_path, "tree"], check=True)
    tar = target.read_bytes()
    assert by_scan(tar) == by_tarfile(tar)
    assert max(len(row[0]) for row in by_scan(tar)) > 400


@pytest.mark.parametrize("options", [["--format=gnu"], ["--format=posix", "--sparse-version=0.0"], ["--format=posix", "--sparse-version=0.1"], ["--format=posix", "--sparse-version=1.0"]])  # fmt: skip
def test_sparse_files_by_gnu_tar(tmp_path: Path, options: list[str]) -> None:
    """Full sizes of real sparse files are right in all four formats, and what follows them is found."""
    tree = tmp_path / "tree"
    tree.mkdir()
    with (tree / "holes").open("wb") as file:
        for piece in range(60):
            file.seek(piece * (256 << 10))
            file.write(b"data" * 1024)
        file.truncate(100 << 20)
    (tree / "zlast").write_bytes(b"end")
    target = tmp_path / "made.tar"
    subprocess.run(["tar", "cf", target, "--sparse", "--sort=name", *options, "-C", tree, "."], check=True)
    entries = {entry.path: entry for entry in scan_tar(Bytes(target.read_bytes()))}
    assert list(entries) == ["", "holes", "zlast"]
    assert entries["holes"].size == 100 << 20
    assert entries["holes"].stored_size == 60 * 4096 and entries["zlast"].size == 3


@pytest.mark.parametrize("form", ["ustar", "pax", "gnutar"])
def test_tars_by_bsdtar(folder: Path, tmp_path: Path, form: str) -> None:
    """libarchive's files read the same in every format."""
    target = tmp_path / "made.tar"
    command = [program("bsdtar"), "-cf", str(target), "--format", form, "-C", str(folder.parent), folder.name]
    subprocess.run(command, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    tar = target.read_bytes()
    assert by_scan(tar) == by_tarfile(tar)
