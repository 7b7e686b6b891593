"""Figures of an image, computed from its layers with ``tarfile`` alone, as slowly and plainly as their definitions read."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import zstandard

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_Inode: TypeAlias = tuple[int, str]  #: a layer and the path that the file has first there


@attrs.frozen
class Figures:
    """What a report must say of an image."""

    platform: str
    diff_ids: tuple[str, ...]
    content: int  #: bytes of all regular files in all layers
    live: int  #: bytes of regular files that a container sees
    compressed: int | None = None  #: bytes of the distinct layer blobs; None where layers are stored without a manifest

    @property
    def waste(self) -> int:
        """Bytes that no container sees."""
        return self.content - self.live

    def as_json(self) -> dict[str, Any]:
        """The figures as the manifest of ``python -m tests.saved`` lists them."""
        return {**attrs.asdict(self), "waste": self.waste}


def figures_of(platform: str, tars: Sequence[bytes], compressed: int | None = None) -> Figures:
    """Return the figures of an image of these layers, lowest first.

    >>> figures_of("linux/amd64", []).content
    0
    """
    diff_ids = tuple(digest_of(tar) for tar in tars)
    content, visible, sizes = 0, dict[str, _Inode](), dict[_Inode, int]()
    for index, tar in enumerate(tars):
        members = _members(tar)
        for name in members:
            _apply_whiteout(name, visible)
        for name, member in members.items():
            if name.rpartition("/")[2].startswith(_WHITEOUT):
                continue
            if not member.isdir():
                _remove(name, visible)
            if member.isreg():
                content += member.size
                visible[name] = (index, name)
                sizes[index, name] = member.size
            elif member.islnk():
                visible[name] = visible[_clean(member.linkname)]
    live = sum(sizes[inode] for inode in set(visible.values()))
    return Figures(platform, diff_ids, content, live, compressed)


def digest_of(data: bytes) -> str:
    """Return the sha256 digest of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _members(tar: bytes) -> dict[str, tarfile.TarInfo]:
    """The members of a layer by clean name; no name of these images occurs twice in a layer."""
    whole = tar + bytes(-len(tar) % 512 + 1024)  # umoci insert leaves out the last padding and the end, which tarfile needs
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        return {_clean(member.name): member for member in archive}


def _clean(name: str) -> str:
    return name.removeprefix("./").strip("/")


def _apply_whiteout(name: str, visible: dict[str, _Inode]) -> None:
    folder, _, last = name.rpartition("/")
    if last == _OPAQUE:
        for path in [path for path in visible if path.startswith(f"{folder}/")]:
            del visible[path]
    elif last.startswith(_WHITEOUT):
        _remove(f"{folder}/{last.removeprefix(_WHITEOUT)}".lstrip("/"), visible)


def _remove(name: str, visible: dict[str, _Inode]) -> None:
    for path in [path for path in visible if path == name or path.startswith(f"{name}/")]:
        del visible[path]


def figures_in(path: Path) -> list[Figures]:
    """Return the figures of every image in a folder or tar: of files that are manifests, else of ``manifest.json``."""
    files = list(_files(path))
    blobs = {digest_of(data): data for _, data in files}
    found = [
        _figures_of_manifest(manifest, blobs)
        for manifest in map(_as_manifest, blobs.values())
        if manifest is not None and manifest["config"]["digest"] in blobs
    ]
    return found or _figures_of_docker_archive(dict(files))


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every file by name; links of an archive as the files they lead to."""
    if path.is_dir():
        yield from ((file.relative_to(path).as_posix(), file.read_bytes()) for file in path.rglob("*") if file.is_file())
        return
    with tarfile.open(path) as archive:
        for member in archive:
            if not member.isdir():
                file = archive.extractfile(member)
                assert file is not None
                yield member.name, file.read()


def _as_manifest(data: bytes) -> dict[str, Any] | None:
    if not data.startswith(b"{"):
        return None
    document = json.loads(data)
    return document if "layers" in document and "config" in document else None


def _figures_of_manifest(manifest: Mapping[str, Any], blobs: Mapping[str, bytes]) -> Figures:
    blob_of_layer = [blobs[layer["digest"]] for layer in manifest["layers"]]
    # podman 4.3.1 decompresses the layers of a docker-dir, and leaves their media types
    is_decompressed = any(
        layer["mediaType"].endswith("gzip") and _decompress(blob) == blob
        for layer, blob in zip(manifest["layers"], blob_of_layer, strict=True)
    )
    compressed = None if is_decompressed else _total(blob_of_layer)
    return _figures_of_layers(blobs[manifest["config"]["digest"]], blob_of_layer, compressed)


def _figures_of_docker_archive(files: Mapping[str, bytes]) -> list[Figures]:
    return [
        _figures_of_layers(files[item["Config"]], [files[name] for name in item["Layers"]])
        for item in json.loads(files["manifest.json"])
    ]


def _figures_of_layers(config: bytes, blobs: Sequence[bytes], compressed: int | None = None) -> Figures:
    document = json.loads(config)
    platform = "/".join(document[key] for key in ("os", "architecture", "variant") if key in document)
    found = figures_of(platform, [_decompress(blob) for blob in blobs], compressed)
    assert list(found.diff_ids) == document["rootfs"]["diff_ids"]
    return found


def _total(blobs: Iterable[bytes]) -> int:
    return sum(map(len, set(blobs)))


def _decompress(blob: bytes) -> bytes:
    if blob.startswith(b"\x1f\x8b"):
        return gzip.decompress(blob)
    if blob.startswith(b"\x28\xb5\x2f\xfd"):
        return zstandard.ZstdDecompressor().stream_reader(blob, read_across_frames=True).read()
    return blob
