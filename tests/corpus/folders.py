"""Folders of the transport dir:, and trees of them, that somebody wrote on purpose."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.corpus.cases import Case, Verdict, good
from tests.images import OCI, BuiltImage, build_image, for_platform, index_bytes, layer, sha256, write_files

ESCAPE = "\x1b]0;pwned\x07"
_VERSION = b"Directory Transport Version: 1.1\n"
_IMAGE = good()
_ARM = build_image([layer({"a": b"arm" * 9})], architecture="arm64")
_LAYER = _IMAGE.layers[0].digest.partition(":")[2]

Write = Callable[[Path], Path]


def folder_cases() -> Iterator[Case]:
    """All of them."""
    yield from _documents()
    yield from _blobs()
    yield from _indexes()
    yield from _trees()


def _case(name: str, verdict: Verdict, message: str, write: Write, *options: str) -> Case:
    return Case(f"folder-{name}", verdict, message, lambda: write, options)


def _files(image: BuiltImage = _IMAGE, **changes: bytes) -> dict[str, bytes]:
    """The files of a folder of dir: that holds an image."""
    blobs = {digest.partition(":")[2]: data for digest, data in image.blobs.items() if data is not image.manifest}
    return {**blobs, "manifest.json": image.manifest, "version": _VERSION} | changes


def _folder(files: Mapping[str, bytes], change: Callable[[Path], object] = lambda _: None, *, scheme: str = "") -> Write:
    def write(folder: Path) -> Path:
        path = write_files(files, folder / "saved")
        change(path)
        return Path(f"{scheme}{path}")

    return write


def _manifest(**changes: Any) -> dict[str, bytes]:
    return {**_files(), "manifest.json": json.dumps({**json.loads(_IMAGE.manifest), **changes}).encode()}


def _documents() -> Iterator[Case]:
    yield _case("good", "accept", "", _folder(_files()))
    yield _case("good-with-scheme", "accept", "", _folder(_files(), scheme="dir:"))
    without = {name: data for name, data in _files().items() if name != "version"}
    yield _case("without-version", "accept", "", _folder(without))
    yield _case("of-another-version", "accept", "", _folder(_files(version=ESCAPE.encode() * 1000)))
    no_manifest = {name: data for name, data in _files().items() if name != "manifest.json"}
    yield _case("without-manifest", "reject", "is not a saved image", _folder(no_manifest))
    yield _case("empty-with-scheme", "reject", "is not a saved image|no such", _folder({"a": b""}, scheme="dir:"))
    html, deep = {**_files(), "manifest.json": b"<html>"}, {**_files(), "manifest.json": b"[" * 500_000}
    yield _case("manifest-html", "reject", "is not valid JSON", _folder(html))
    yield _case("manifest-deep", "reject", "nested too deeply", _folder(deep))
    yield _case(
        "manifest-sparse", "reject", r"more than \d+", _folder(_files(), lambda path: _sparse(path / "manifest.json"))
    )
    yield _case(
        "manifest-fifo",
        "reject",
        "is not a file",
        _folder(_files(), lambda path: _instead(path / "manifest.json", os.mkfifo)),
    )
    endless = _folder(_files(), lambda path: _instead(path / "manifest.json", _link_to("/dev/zero")))
    yield _case("manifest-dev-zero", "reject", "is not a file", endless)
    yield _case("manifest-nan", "reject", "manifest.json", _folder({**_files(), "manifest.json": b'{"schemaVersion": NaN}'}))
    yield _case("manifest-schema-1", "reject", "schema 1|fsLayers", _folder({**_files(), "manifest.json": _SCHEMA_1}))
    yield _case("manifest-and-index", "reject", "manifest", _folder(_manifest(manifests=[])))
    yield _case(
        "layers-climb", "reject", "is not a digest", _folder(_manifest(layers=[_descriptor("sha256:../../etc/passwd")]))
    )
    yield _case("layers-hostile", "reject", "is not a digest", _folder(_manifest(layers=[_descriptor(ESCAPE)])))
    thousands = [_IMAGE.layers[0].descriptor] * 5000
    yield _case("layers-by-the-thousand", "limit", "more than 4096", _folder(_manifest(layers=thousands)))


_SCHEMA_1 = json.dumps({"schemaVersion": 1, "fsLayers": [], "history": [], "signatures": []}).encode()


def _descriptor(digest: str) -> dict[str, Any]:
    return {"mediaType": f"{OCI}.layer.v1.tar+gzip", "digest": digest, "size": 2}


def _blobs() -> Iterator[Case]:
    def put(kind: Callable[[Path], object]) -> Write:
        return _folder(_files(), lambda path: _instead(path / _LAYER, kind))

    yield _case("blob-missing", "reject", "cannot open|is missing", _folder(_files(), lambda path: (path / _LAYER).unlink()))
    yield _case("blob-fifo", "reject", "is not a file", put(os.mkfifo))
    yield _case("blob-folder", "reject", "is not a file", put(os.mkdir))
    yield _case("blob-dev-zero", "reject", "is not a file", put(_link_to("/dev/zero")))
    yield _case("blob-leads-to-itself", "reject", "cannot open", put(lambda path: path.symlink_to(path.name)))
    yield _case("blob-of-another-file", "reject", "its descriptor says|has digest", put(_link_to("/etc/passwd")))
    yield _case("blob-sparse", "reject", "its descriptor says", put(_sparse))
    changed = bytearray(_IMAGE.layers[0].blob)
    changed[len(changed) // 2] ^= 1
    damaged = _folder({**_files(), _LAYER: bytes(changed)})
    yield _case("blob-damaged", "reject", "has digest|broken gzip stream|checksum", damaged)
    config = sha256(_IMAGE.config).partition(":")[2]
    yield _case(
        "config-missing", "reject", "cannot open|is missing", _folder(_files(), lambda path: (path / config).unlink())
    )
    yield _case(
        "config-of-another-image", "reject", "its descriptor says|has digest", _folder(_files() | {config: _ARM.config})
    )


def _indexes() -> Iterator[Case]:
    amd64, arm64 = for_platform(_IMAGE.descriptor, "linux", "amd64"), for_platform(_ARM.descriptor, "linux", "arm64")
    both = {**_files(_ARM), **_files(), "manifest.json": index_bytes([amd64, arm64])}
    instances = {f"{image.digest.partition(':')[2]}.manifest.json": image.manifest for image in (_IMAGE, _ARM)}
    first = f"{_IMAGE.digest.partition(':')[2]}.manifest.json"
    yield _case("index-good", "accept", "", _folder({**both, **instances}), "--platform", "linux/arm64")
    yield _case("index-all-platforms", "accept", "", _folder({**both, **instances}), "--all-platforms")
    yield _case("index-of-nothing", "reject", "no image|cannot open|is missing|not stored", _folder(both))
    swapped = {**both, first: _ARM.manifest}
    yield _case(
        "index-instance-of-another",
        "reject",
        "has digest|its descriptor says",
        _folder(swapped),
        "--platform",
        "linux/amd64",
    )
    fifo = _folder({**both, **instances}, lambda path: _instead(path / first, os.mkfifo))
    yield _case(
        "index-instance-fifo",
        "reject",
        "is not a file|listed without their manifests: linux/amd64",
        fifo,
        "--platform",
        "linux/amd64",
    )
    itself = index_bytes([{"mediaType": f"{OCI}.index.v1+json", "digest": "sha256:" + "0" * 64, "size": 2}])
    circle = {**both, "manifest.json": itself, "0" * 64 + ".manifest.json": itself}
    yield _case("index-in-a-circle", "reject", "has digest|its descriptor says|no image", _folder(circle))
    many = [
        for_platform({**_IMAGE.descriptor, "digest": sha256(b"%d" % number)}, "linux", f"a{number}")
        for number in range(9000)
    ]
    lost = {**both, "manifest.json": index_bytes(many)}
    yield _case("index-of-9000-lost", "reject", "no image|several images|platform|cannot open", _folder(lost))
    too_many = {**both, "manifest.json": index_bytes(many * 2)}
    yield _case("index-of-18000", "reject", "more than|no image|platform|cannot open", _folder(too_many))


def _trees() -> Iterator[Case]:
    def tree(*names: str, more: Callable[[Path], object] = lambda _: None) -> Write:
        def write(folder: Path) -> Path:
            for name in names:
                write_files(_files(), folder / "tree" / name)
            more(folder / "tree")
            return folder / "tree"

        return write

    yield _case("tree-of-one", "accept", "", tree("host/app:1"))
    yield _case("tree-of-two", "reject", "app:1.*app:2", tree("app:1", "app:2"))
    yield _case("tree-selected", "accept", "", tree("app:1", "app:2"), "--select", "app:2")
    yield _case("tree-select-climbs", "reject", "no image", tree("a/app:1", "a/app:2"), "--select", "../a/app:1")
    hostile = tree(f"{ESCAPE}\n::error::x", "caf\udce9", "b" * 250)
    yield _case("tree-of-hostile-names", "reject", "several images", hostile)
    yield _case("tree-of-600", "reject", "several images", tree(*(f"app:{number}" for number in range(600))))
    yield _case("tree-deeper-than-names", "reject", "is not a saved image", tree("a/" * 20 + "app:1"))
    yield _case("tree-very-deep", "reject", "is not a saved image", _chain)
    yield _case("tree-of-30000-folders", "reject", "more than 20000 folders|is not a saved image", _wide)
    loops = tree("a/app:1", more=lambda path: (path / "a" / "again").symlink_to(path))
    yield _case("tree-with-a-loop", "accept", "", loops)
    out = tree(more=_lead_out)
    yield _case("tree-leads-out", "reject", "is not a saved image", out)
    kinds: tuple[tuple[str, Callable[[Path], object]], ...] = (
        ("fifo", os.mkfifo), ("dev-zero", _link_to("/dev/zero")), ("folder", os.mkdir), ("sparse", _sparse),
    )  # fmt: skip
    for kind, put in kinds:
        other = tree("app:1", more=lambda path, put=put: _broken_neighbor(path / "b", "version", put))  # type: ignore[misc]
        yield _case(f"tree-version-{kind}", "reject", "several images:.*app:1.*b/", other)
        other = tree("app:1", more=lambda path, put=put: _broken_neighbor(path / "b", "manifest.json", put))  # type: ignore[misc]
        if kind == "folder":
            yield _case(f"tree-manifest-{kind}", "accept", "", other)
        else:
            yield _case(f"tree-manifest-{kind}", "reject", "several images", other)


def _lead_out(path: Path) -> None:
    path.mkdir()
    (path / "out").symlink_to("/")


def _broken_neighbor(path: Path, name: str, put: Callable[[Path], object]) -> None:
    write_files(_files(), path)
    _instead(path / name, put)


def _chain(folder: Path) -> Path:
    """A tree whose paths are longer than those of the system."""
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=descriptor)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    return folder / ("d" * 250)


def _wide(folder: Path) -> Path:
    write_files(_files(), folder / "tree" / "app:1")
    for number in range(30_000):
        (folder / "tree" / f"{number}").mkdir()
    return folder / "tree"


def _instead(path: Path, put: Callable[[Path], object]) -> None:
    path.unlink()
    put(path)


def _link_to(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 42)
