"""The judge of benchmarks/plans.py: the trees of images, and what differs between two."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import sys
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def load(name: str) -> ModuleType:
    """A script of the benchmarks."""
    specification = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # for pickle
    specification.loader.exec_module(module)
    return module


LAYOUTS, TREES = load("layouts"), load("trees")


def pack(entries: list[tuple[str, bytes | str | None, int]]) -> bytes:
    """A tar of files (bytes), hard links (text) and directories (None), with the owner of each."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for path, content, owner in entries:
            info = tarfile.TarInfo(path)
            info.uid = info.gid = owner
            if content is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.LNKTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return target.getvalue()


def tree(folder: Path, *layers: list[tuple[str, bytes | str | None, int]]) -> Any:
    """The tree of an image with some layers, written as a docker-archive and read as a layout."""
    folder.mkdir()
    blobs = [pack(layer) for layer in layers]
    config = {"rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(blob).hexdigest()}" for blob in blobs]}}
    names = [f"{number}.tar" for number in range(len(blobs))]
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": names}]
    members = {
        **dict(zip(names, blobs, strict=True)),
        "config.json": json.dumps(config).encode(),
        "manifest.json": json.dumps(manifest).encode(),
    }
    with tarfile.open(folder / "image.tar", "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    LAYOUTS.write_layout(folder / "image.tar", folder / "layout", folder / "layers")
    return TREES.read_tree(folder / "layout", folder / "trees")


def differences(before: Any, after: Any, **globs: list[str]) -> list[str]:
    return list(TREES.differences(before, after, **{"ignored": [], "changing": [], "removed": [], **globs}))


def test_visible_files(tmp_path: Path) -> None:
    """Whiteouts, opaque directories and files in the place of directories hide; a hard link is the file that it names."""
    image = tree(
        tmp_path / "image",
        [("a/1", b"one", 0), ("a/2", b"two", 0), ("b/1", b"one", 0), ("c/1", b"one", 0), ("d/1", b"one", 0), ("e", b"e", 0)],
        [("a/.wh.1", b"", 0), ("b/.wh..wh..opq", b"", 0), ("b/2", b"new", 0), ("c", b"file", 0), ("link", "a/2", 0)],
    )
    assert sorted(image.visible) == ["a/2", "b/2", "c", "d/1", "e", "link"]
    assert image.visible["link"].digest == hashlib.sha256(b"two").hexdigest()
    assert (image.content_size, image.layers) == (5 * 3 + 1 + 3 + 4, 2)


def test_repeated_layers(tmp_path: Path) -> None:
    """A layer that an image has twice is downloaded once."""
    image = tree(tmp_path / "image", [("a", b"x" * 9, 0)], [], [])
    assert (image.content_size, image.layers) == (9, 3)
    blobs = tmp_path / "image/layout/blobs/sha256"
    [listed] = json.loads((tmp_path / "image/layout/index.json").read_text())["manifests"]
    manifest = json.loads((blobs / listed["digest"].partition(":")[2]).read_text())
    files = [blobs / layer["digest"].partition(":")[2] for layer in manifest["layers"]]
    assert files[1] == files[2] != files[0]
    assert image.compressed_size == sum(file.stat().st_size for file in files[:2])


def test_differences(tmp_path: Path) -> None:
    """Owner, content, files that come and files that go differ, unless the case says why they may."""
    before = tree(tmp_path / "before", [("app", None, 0), ("app/a", b"a", 1000), ("app/log", b"1", 0), ("cache/x", b"x", 0)])
    after = tree(tmp_path / "after", [("app", None, 0), ("app/a", b"a", 0), ("app/log", b"22", 0), ("new", b"", 0)])
    assert differences(before, before) == []
    assert differences(before, after) == [
        "app/a: owner 1000:1000 → 0:0",
        "app/log: content, 1 → 2 bytes",
        "cache/x: gone",
        "new: new",
    ]
    assert differences(before, after, ignored=["app/*"], removed=["cache/*"]) == ["new: new"]
    assert differences(before, after, changing=["app/*"], removed=["cache/*"])[0] == "app/a: owner 1000:1000 → 0:0"
    assert len(differences(before, after, changing=["app/*"], removed=["cache/*"])) == 2
