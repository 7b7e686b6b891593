"""Builds real images for tests: layers from a dict, images from layers, saved files in every writer's form.

::

    base = layer({"etc": DIR, "etc/passwd": b"root", "bin/sh": Link("dash")})
    top = layer({"tmp/.wh.a": b"", "app/run": File(b"...", mode=0o755)}, compression="zstd")
    image = build_image([base, top])
    write_layout(image, tmp_path / "layout")
    write_docker_archive(image, tmp_path / "app.tar", style="skopeo")
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs
import zstandard

from tests.strategies import sparse_member

Compression: TypeAlias = Literal["gzip", "zstd", "plain", "xz", "bzip2"]
SUFFIXES: dict[Compression, str] = {"gzip": "+gzip", "zstd": "+zstd", "plain": "", "xz": "+xz", "bzip2": "+bzip2"}
OCI = "application/vnd.oci.image"


@attrs.frozen
class File:
    """A regular file with its metadata."""

    data: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    pax: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Link:
    """A symlink."""

    target: str


@attrs.frozen
class Hard:
    """A hard link to a path of the archive."""

    target: str


@attrs.frozen
class Special:
    """Any other tar type, e.g. a device."""

    type: bytes


@attrs.frozen
class Sparse:
    """A sparse file: its size, and what is stored at which offsets."""

    size: int
    pieces: Sequence[tuple[int, bytes]] = ()
    form: str = "1.0"  #: one of strategies.SPARSE_FORMS

    @property
    def content(self) -> bytes:
        """What a reader of the file sees."""
        content = bytearray(self.size)
        for offset, piece in self.pieces:
            content[offset : offset + len(piece)] = piece
        return bytes(content)


DIR = Special(tarfile.DIRTYPE)
Entry: TypeAlias = "bytes | File | Link | Hard | Special | Sparse"
Entries: TypeAlias = "Mapping[str, Entry] | Sequence[tuple[str, Entry]]"


def tar_bytes(entries: Entries, *, format: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of the entries in their order; a list of pairs may repeat a path."""
    buffer = io.BytesIO()
    pairs = entries.items() if isinstance(entries, Mapping) else entries
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for name, entry in pairs:
            info = tarfile.TarInfo(name)
            data = b""
            if isinstance(entry, bytes):
                entry = File(entry)
            if isinstance(entry, Sparse):
                archive.offset += buffer.write(sparse_member(entry.form, entry.size, entry.pieces, name.encode()))
                continue
            if isinstance(entry, File):
                data = entry.data
                info.size, info.mode, info.uid, info.gid = len(data), entry.mode, entry.uid, entry.gid
                info.mtime, info.pax_headers = entry.mtime, dict(entry.pax)
            elif isinstance(entry, Link):
                info.type, info.linkname = tarfile.SYMTYPE, entry.target
            elif isinstance(entry, Hard):
                info.type, info.linkname = tarfile.LNKTYPE, entry.target
            else:
                info.type = entry.type
                info.mode = 0o755 if entry.type == tarfile.DIRTYPE else 0o644
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def compress(data: bytes, compression: Compression) -> bytes:
    """The bytes as a registry would store them."""
    if compression == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if compression == "zstd":
        return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(data)
    if compression == "xz":
        return lzma.compress(data, preset=1)
    if compression == "bzip2":
        return bz2.compress(data)
    return data


def sha256(data: bytes) -> str:
    """The digest of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


@attrs.frozen
class BuiltLayer:
    """A layer as tar and as stored."""

    tar: bytes
    blob: bytes
    compression: Compression

    @property
    def diff_id(self) -> str:
        return sha256(self.tar)

    @property
    def digest(self) -> str:
        return sha256(self.blob)

    @property
    def descriptor(self) -> dict[str, Any]:
        media_type = f"{OCI}.layer.v1.tar{SUFFIXES[self.compression]}"
        return {"mediaType": media_type, "digest": self.digest, "size": len(self.blob)}


def layer(entries: Entries, compression: Compression = "gzip") -> BuiltLayer:
    """A layer with these entries."""
    return raw_layer(tar_bytes(entries), compression)


def raw_layer(tar: bytes, compression: Compression = "gzip") -> BuiltLayer:
    """A layer of a ready tar, which may be odd or broken."""
    return BuiltLayer(tar, compress(tar, compression), compression)


@attrs.frozen
class BuiltImage:
    """An image's documents as bytes, with its layers."""

    layers: tuple[BuiltLayer, ...]
    config: bytes
    manifest: bytes

    @property
    def blobs(self) -> dict[str, bytes]:
        """All blobs by digest, manifest included."""
        stored = {sha256(self.config): self.config, sha256(self.manifest): self.manifest}
        return stored | {built.digest: built.blob for built in self.layers}

    @property
    def digest(self) -> str:
        return sha256(self.manifest)

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": f"{OCI}.manifest.v1+json", "digest": self.digest, "size": len(self.manifest)}

    def recompressed(self, compression: Compression) -> BuiltImage:
        """The same image with its layers stored another way; the config stays the same."""
        layers = tuple(raw_layer(built.tar, compression) for built in self.layers)
        return BuiltImage(layers, self.config, _manifest(self.config, layers))


def build_image(
    layers: Sequence[BuiltLayer],
    *,
    history: Sequence[Mapping[str, Any]] | None = None,
    os: str = "linux",
    architecture: str = "amd64",
    variant: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> BuiltImage:
    """An image of these layers, base first; by default every layer has one history entry ``RUN step N``."""
    if history is None:
        history = [{"created_by": f"RUN /bin/sh -c step {index} # buildkit"} for index in range(len(layers))]
    document: dict[str, Any] = {
        "created": "2026-01-02T03:04:05Z",
        "os": os,
        "architecture": architecture,
        "rootfs": {"type": "layers", "diff_ids": [built.diff_id for built in layers]},
        "history": list(history),
        **({"variant": variant} if variant else {}),
        **(config or {}),
    }
    data = json.dumps(document).encode()
    return BuiltImage(tuple(layers), data, _manifest(data, layers))


def _manifest(config: bytes, layers: Sequence[BuiltLayer]) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": {"mediaType": f"{OCI}.config.v1+json", "digest": sha256(config), "size": len(config)},
        "layers": [built.descriptor for built in layers],
    }
    return json.dumps(document).encode()


def index_bytes(entries: Iterable[Mapping[str, Any]]) -> bytes:
    """An image index of descriptors."""
    document = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": list(entries)}
    return json.dumps(document).encode()


def named(descriptor: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A descriptor with the annotation that names it in an ``index.json``."""
    return {**descriptor, "annotations": {"org.opencontainers.image.ref.name": name}}


def for_platform(descriptor: Mapping[str, Any], os: str, architecture: str, variant: str | None = None) -> dict[str, Any]:
    """A descriptor with a platform."""
    platform = {"os": os, "architecture": architecture, **({"variant": variant} if variant else {})}
    return {**descriptor, "platform": platform}


def layout_files(index: bytes, blobs: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of an OCI layout by name."""
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": index}
    return files | {f"blobs/{digest.replace(':', '/')}": data for digest, data in blobs.items()}


def write_layout(image: BuiltImage, folder: Path, *, name: str = "app") -> Path:
    """An OCI layout folder with one image."""
    return write_files(layout_files(index_bytes([named(image.descriptor, name)]), image.blobs), folder)


def write_files(files: Mapping[str, bytes], folder: Path) -> Path:
    """Files in a folder."""
    for file_name, data in files.items():
        path = folder / file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def write_oci_archive(image: BuiltImage, path: Path, *, name: str = "app", outer: Compression = "plain") -> Path:
    """An OCI layout as a tar, compressed as a whole if ``outer`` says so."""
    files = layout_files(index_bytes([named(image.descriptor, name)]), image.blobs)
    path.write_bytes(compress(tar_bytes(files), outer))
    return path


def write_dir(image: BuiltImage, folder: Path) -> Path:
    """A folder of the transport dir:, as skopeo writes it: blobs by the hex digits of their digests."""
    blobs = {digest.partition(":")[2]: data for digest, data in image.blobs.items() if digest != image.digest}
    return write_files({"version": b"Directory Transport Version: 1.1\n", "manifest.json": image.manifest, **blobs}, folder)


DockerStyle: TypeAlias = Literal[
    "legacy", "docker25", "containerd", "skopeo", "crane", "crane-legacy", "jib", "rules_oci", "nix"
]
DOCKER_STYLES: tuple[DockerStyle, ...] = (
    "legacy", "docker25", "containerd", "skopeo", "crane", "crane-legacy", "jib", "rules_oci", "nix",
)  # fmt: skip


def docker_archive_entries(image: BuiltImage, style: DockerStyle, tags: Sequence[str] | None) -> dict[str, Entry]:
    """The members of a docker-archive as each writer names and orders them, manifest.json included."""
    hexes = [built.diff_id.partition(":")[2] for built in image.layers]
    config_hex = sha256(image.config).partition(":")[2]
    entries: dict[str, Entry] = {}
    config = f"{config_hex}.json"
    members: list[str] = []
    if style == "legacy":  # docker 1.10 to 24: sorted names, a repeated layer is a symlink that may come first
        first: dict[str, str] = {}
        folders = [hashlib.sha256(f"{index}{value}".encode()).hexdigest() for index, value in enumerate(hexes)]
        for folder, value, built in zip(folders, hexes, image.layers, strict=True):
            member = f"{folder}/layer.tar"
            entries[f"{folder}/"] = DIR
            entries[f"{folder}/VERSION"] = b"1.0"
            entries[f"{folder}/json"] = b"{}"
            entries[member] = Link(f"../{first[value]}/layer.tar") if value in first else built.tar
            first.setdefault(value, folder)
            members.append(member)
        entries[config] = image.config
        entries = dict(sorted(entries.items()))
    elif style == "docker25":  # graph driver store: blobs are plain and named by diff_id, an OCI index beside them
        plain = image.recompressed("plain")
        entries |= layout_files(index_bytes([named(plain.descriptor, (tags or ["latest"])[0])]), plain.blobs)
        entries["repositories"] = b"{}"
        config, members = f"blobs/sha256/{config_hex}", [f"blobs/sha256/{value}" for value in hexes]
    elif style == "containerd":  # containerd store, ctr, BuildKit: blobs as stored
        entries |= layout_files(index_bytes([named(image.descriptor, (tags or ["latest"])[0])]), image.blobs)
        config = f"blobs/sha256/{config_hex}"
        members = [f"blobs/{built.digest.replace(':', '/')}" for built in image.layers]
    elif style == "skopeo":  # also podman and buildah: plain layers at the root, symlinks for old readers
        for index, (value, built) in enumerate(zip(hexes, image.layers, strict=True)):
            entries[f"{value}.tar"] = built.tar
            entries[f"{hashlib.sha256(str(index).encode()).hexdigest()}/layer.tar"] = Link(f"../{value}.tar")
            members.append(f"{value}.tar")
        entries[config] = image.config
    elif style == "crane":  # also kaniko and ko: the config keeps its algorithm, layers are as stored
        config = f"sha256:{config_hex}"
        entries[config] = image.config
        for built in image.layers:
            members.append(f"{built.digest.partition(':')[2]}.tar.gz")
            entries[members[-1]] = built.blob
    elif style == "jib":
        config = "config.json"
        entries[config] = image.config
        for built in image.layers:
            members.append(f"{built.digest.partition(':')[2]}.tar.gz")
            entries[members[-1]] = built.blob
    elif style == "rules_oci":  # the suffix lies when the layer is not gzip
        config = f"blobs/sha256/{config_hex}"
        entries[config] = image.config
        for built in image.layers:
            members.append(f"blobs/sha256/{built.digest.partition(':')[2]}.tar.gz")
            entries[members[-1]] = built.blob
    else:  # crane-legacy, rules_docker, nix: a folder per layer, plain
        for index, built in enumerate(image.layers):
            folder = hexes[index] if style == "nix" else hashlib.sha256(f"v1{index}".encode()).hexdigest()
            members.append(f"{folder}/layer.tar")
            entries[members[-1]] = built.tar
        entries[config] = image.config
    item = {"Config": config, "RepoTags": tags, "Layers": members}
    entries["manifest.json"] = json.dumps([item]).encode()
    return entries


def write_docker_archive(
    image: BuiltImage,
    path: Path,
    *,
    style: DockerStyle = "skopeo",
    tags: Sequence[str] | None = ("example/app:latest",),
    outer: Compression = "plain",
) -> Path:
    """A docker-archive in the form of one writer, compressed as a whole if ``outer`` says so."""
    tags = list(tags) if tags is not None else None
    path.write_bytes(compress(tar_bytes(docker_archive_entries(image, style, tags)), outer))
    return path
