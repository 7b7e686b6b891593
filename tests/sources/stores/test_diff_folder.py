"""DiffFolder: files below a folder, and nothing else, whatever links and names say."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocisize.sources.stores.diff_folder import DiffFolder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A layer with links of all kinds, and a secret outside of it."""
    (tmp_path / "secret").write_text("outside")
    root = tmp_path / "diff"
    (root / "usr/lib/deep").mkdir(parents=True)
    (root / "usr/lib/deep/file").write_text("inside")
    (root / "lib").symlink_to("usr/lib")
    (root / "absolute").symlink_to("/usr/lib")
    (root / "above").symlink_to("../../../..")
    (root / "outside").symlink_to(tmp_path)
    (root / "chain").symlink_to("lib")
    (root / "loop").symlink_to("loop")
    (root / "link").symlink_to("usr/lib/deep/file")
    return root


@pytest.fixture
def folder(root: Path) -> Iterator[DiffFolder]:
    made = DiffFolder(str(root))
    yield made
    made.close()


def read(folder: DiffFolder, path: bytes) -> str:
    descriptor = folder.open(path)
    try:
        return os.read(descriptor, 100).decode()
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    "path",
    [
        "usr/lib/deep/file", "./usr/lib/deep/file", "/usr/lib/deep/file", "usr//lib/./deep/file",
        "lib/deep/file", "absolute/deep/file", "chain/deep/file", "above/usr/lib/deep/file",
    ],
)  # fmt: skip
def test_inside(folder: DiffFolder, path: str) -> None:
    """Links to folders lead where they lead in a container, whose root is the folder."""
    assert read(folder, path.encode()) == "inside"


@pytest.mark.parametrize(
    "path", ["outside/secret", "above/secret", "loop/file", "link", "link/x", "missing/file", "usr/lib/deep/file/x"]
)
def test_outside(folder: DiffFolder, path: str) -> None:
    """No link leads out, and the last part of a path is no link."""
    with pytest.raises(OSError, match=r".*"):
        read(folder, path.encode())


@pytest.mark.parametrize("path", ["../secret", "usr/../../secret", "..", "", "usr/lib/", "usr/lib/.", "a\0b/c"])
def test_names_that_lead_out(folder: DiffFolder, path: str) -> None:
    """``..`` is no name in a layer."""
    with pytest.raises(ValueError, match=r"the path|null"):
        read(folder, path.encode())


@pytest.mark.parametrize("kind", ["fifo", "device", "socket", "folder", "link"])
def test_only_regular_files_are_opened(root: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device of an image is not even opened: some drivers begin to act then, as that of a watchdog does."""
    path = root / kind
    if kind == "device":
        if os.geteuid():
            pytest.skip("only root can make devices")
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            monkeypatch.chdir(root)  # names of sockets are short
            listener.bind(kind)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    folder = DiffFolder(str(root))
    opened: list[object] = []
    monkeypatch.setattr(os, "open", lambda *arguments, **_: opened.append(arguments))
    try:
        with pytest.raises(OSError, match="not a regular file"):
            folder.open(kind.encode())
    finally:
        folder.close()
    assert not opened


def test_no_descriptor_is_left(root: Path) -> None:
    """All folders are closed, after errors too; another file does not wait for the other end of a FIFO."""
    os.mkfifo(root / "fifo")
    before = len(os.listdir("/dev/fd"))
    folder = DiffFolder(str(root))
    for path in (b"lib/deep/file", b"loop/x", b"missing/x/y", b"usr/lib/deep/file", b"above/x", b"fifo"):
        try:
            os.close(folder.open(path))
        except OSError:
            pass
    folder.close()
    folder.close()
    assert len(os.listdir("/dev/fd")) == before
