"""Writing images: layers as streams of tar bytes into an OCI layout with gzip layers and a docker-archive of plain ones.

Standard library only, so that inputs can be made by any Python.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

BLOCK = 512
PIECE = 1 << 20  # bytes hashed, compressed and written at once
_ZEROS = bytes(PIECE)
_USTAR = struct.Struct("100s8s8s8s12s12s8s1s100s8s247x")
_MTIME = b"%011o" % 1_700_000_000


def header(name: bytes, size: int, kind: bytes = b"0", mode: int = 0o644) -> bytes:
    """A ustar header; of names longer than 100 bytes it holds the beginning."""
    fields = [name, b"%07o" % mode, b"%07o" % 0, b"%07o" % 0, b"%011o" % size, _MTIME, b" " * 8, kind, b"", b"ustar\x0000"]
    block = _USTAR.pack(*fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def pax_header(records: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A PAX extended header with its records, padded."""
    body = b"".join(_record(key, value) for key, value in records)
    return header(b"PaxHeaders/entry", len(body), b"x") + body + bytes(-len(body) % BLOCK)


def _record(key: bytes, value: bytes) -> bytes:
    rest = b" %b=%b\n" % (key, value)
    length = len(rest) + len(str(len(rest)))
    length = len(rest) + len(str(length))
    return b"%d%b" % (length, rest)


def entry(name: bytes, content: bytes) -> bytes:
    """A regular file; names that are too long for ustar get a PAX header, as Go and GNU tar write it."""
    return _long_name(name) + header(name, len(content)) + content + bytes(-len(content) % BLOCK)


def directory(name: bytes) -> bytes:
    """A directory; ``name`` ends with a slash."""
    return _long_name(name) + header(name, 0, b"5", 0o755)


def _long_name(name: bytes) -> bytes:
    return pax_header([(b"path", name)]) if len(name) > 100 else b""


class _Gzip:
    """A gzip file as it grows: one member, or one per ``member_size`` bytes of input."""

    def __init__(self, file: BinaryIO, level: int, member_size: int | None) -> None:
        self._file, self._level, self._member_size = file, level, member_size
        self.digest, self.size = hashlib.sha256(), 0
        self._compressor: Any = None

    def write(self, data: bytes | memoryview) -> None:
        if self._compressor is None:
            self._compressor = zlib.compressobj(self._level, wbits=31)
        self._put(self._compressor.compress(data))
        if self._member_size is not None:
            self.close()

    def close(self) -> None:
        if self._compressor is not None:
            self._put(self._compressor.flush())
            self._compressor = None

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self.digest.update(data)
        self.size += len(data)


class Layer:
    """One layer being written; ``write`` takes tar bytes in any pieces."""

    def __init__(self, compressed: _Gzip, plain: BinaryIO | None, piece: int) -> None:
        self._compressed, self._plain, self._piece = compressed, plain, piece
        self._pending = bytearray()
        self.diff_id, self.size = hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        self._pending += data
        if len(self._pending) >= self._piece:
            whole = len(self._pending) - len(self._pending) % self._piece
            with memoryview(self._pending) as view:
                for start in range(0, whole, self._piece):
                    self._flush(view[start : start + self._piece])
            del self._pending[:whole]

    def finish(self) -> None:
        self.write(bytes(2 * BLOCK))  # the end of a tar
        with memoryview(self._pending) as view:
            self._flush(view)
        self._pending.clear()
        self._compressed.close()

    def _flush(self, piece: memoryview) -> None:
        self.diff_id.update(piece)
        self.size += len(piece)
        self._compressed.write(piece)
        if self._plain is None:
            return
        if len(piece) == PIECE and piece == _ZEROS:
            self._plain.seek(PIECE, os.SEEK_CUR)  # a hole: zeros that take no disk
        else:
            self._plain.write(piece)


class ImageWriter:
    """An image being written to ``folder``: ``gzip/`` and, if wanted, ``docker.tar``."""

    def __init__(self, folder: Path, *, docker: bool = True, level: int = 6) -> None:
        self._folder, self._level = folder, level
        self._blobs = folder / "gzip" / "blobs" / "sha256"
        self._blobs.mkdir(parents=True)
        self._archive: BinaryIO | None = (folder / "docker.tar").open("wb") if docker else None
        self._layers: list[dict[str, Any]] = []
        self._diff_ids: list[str] = []
        self._history: list[dict[str, str]] = []

    @contextmanager
    def layer(self, created_by: str, *, member_size: int | None = None) -> Iterator[Layer]:
        """A new layer; with ``member_size`` its gzip file has a member for every so many bytes of input."""
        temporary = self._blobs / "partial"
        start = self._archive.tell() if self._archive else 0
        if self._archive:
            self._archive.seek(BLOCK, os.SEEK_CUR)
        with temporary.open("wb") as file:
            compressed = _Gzip(file, self._level, member_size)
            layer = Layer(compressed, self._archive, member_size or PIECE)
            yield layer
            layer.finish()
        digest, diff_id = compressed.digest.hexdigest(), layer.diff_id.hexdigest()
        temporary.rename(self._blobs / digest)
        if self._archive:
            self._name_member(start, f"{diff_id}.tar", layer.size)
        media_type = "application/vnd.oci.image.layer.v1.tar+gzip"
        self._layers.append({"mediaType": media_type, "digest": f"sha256:{digest}", "size": compressed.size})
        self._diff_ids.append(diff_id)
        self._history.append({"created_by": created_by})

    def _name_member(self, start: int, name: str, size: int) -> None:
        assert self._archive is not None
        self._archive.seek(start)
        self._archive.write(_archive_header(name, size))
        self._archive.seek(start + BLOCK + size + -size % BLOCK)

    def finish(self) -> None:
        """Write config, manifest and index, and the end of the archive."""
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}" for diff_id in self._diff_ids]},
            "history": self._history,
        }
        data = json.dumps(config).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self._blob(data, "application/vnd.oci.image.config.v1+json"),
            "layers": self._layers,
        }
        named = self._blob(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
        named["annotations"] = {"org.opencontainers.image.ref.name": "app"}
        layout = self._folder / "gzip"
        (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
        (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        if self._archive:
            config_name = f"{hashlib.sha256(data).hexdigest()}.json"
            self._archive.write(_member(config_name, data))
            names = [f"{diff_id}.tar" for diff_id in self._diff_ids]
            self._archive.write(_member("manifest.json", docker_manifest(config_name, names)) + bytes(2 * BLOCK))
            self._archive.close()

    def _blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        (self._blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def docker_manifest(config: str, layers: list[str]) -> bytes:
    """The manifest.json of a docker-archive."""
    return json.dumps([{"Config": config, "RepoTags": ["example/app:latest"], "Layers": layers}]).encode()


def _archive_header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)  # GNU writes sizes of 8 GiB and more in base 256, still one block


def _member(name: str, data: bytes) -> bytes:
    return _archive_header(name, len(data)) + data + bytes(-len(data) % BLOCK)


def read_layers(layout: Path) -> tuple[list[Path], Path]:
    """The files of the layers and of the config of a layout with one image."""
    blobs = layout / "blobs" / "sha256"
    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_text())
    return [blobs / layer["digest"][7:] for layer in manifest["layers"]], blobs / manifest["config"]["digest"][7:]


def write_compressed_archive(layout: Path, target: Path) -> None:
    """A docker-archive that holds a layout's gzip layers as they are."""
    layers, config = read_layers(layout)
    partial = target.with_name(target.name + ".partial")
    names = [f"{layer.name}.tar.gz" for layer in layers]
    with tarfile.open(partial, "w") as archive:
        for layer, name in zip(layers, names, strict=True):
            archive.add(layer, name)
        archive.add(config, f"{config.name}.json")
        data = docker_manifest(f"{config.name}.json", names)
        info = tarfile.TarInfo("manifest.json")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    partial.rename(target)
