"""Writes the stores of engines on disk, as podman, Docker and containerd write them, from images that tests build.

``tests/compat/test_stores.py`` compares what ocisize reads of the real ones.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import struct
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ocisize.sources.stores.bolt import _fnv64a
from ocisize.sources.stores.docker_root import chain_ids
from ocisize.sources.stores.storage_records import big_data_file
from tests.images import BuiltImage, BuiltLayer, sha256

_COMPRESSIONS = {"plain": 0, "gzip": 2, "zstd": 4}


def tar_split(tar: bytes) -> bytes:
    """The tar-split of a tar, as ``github.com/vbatts/tar-split`` writes it."""
    lines: list[dict[str, Any]] = []

    def add(**fields: Any) -> None:
        lines.append({**fields, "position": len(lines)})

    position = 0
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for member in archive:
            start = member.offset_data
            add(type=2, payload=base64.b64encode(tar[position:start]).decode())
            name = member.name.encode("utf-8", "surrogateescape")
            names = {"name": member.name} if _is_text(name) else {"name_raw": base64.b64encode(name).decode()}
            size = member.size if member.isreg() else 0
            add(type=1, **names, **({"size": size} if size else {}), payload="AAAAAAAAAAA=")
            position = start + size
    add(type=2, payload=base64.b64encode(tar[position:]).decode())
    return gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines), mtime=0)


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def unpack(tar: bytes, folder: Path) -> None:
    """Write the files of a layer as a driver does: links and folders too, whiteouts and their markers as nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for member in archive:
            path = folder / member.name.lstrip("/")
            if path.name.startswith(".wh."):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if member.isdir():
                path.mkdir(exist_ok=True)
                continue
            path.unlink(missing_ok=True)
            if member.issym():
                path.symlink_to(member.linkname)
            elif member.islnk():
                os.link(folder / member.linkname.lstrip("/"), path)
            elif member.isreg():
                content = archive.extractfile(member)
                assert content is not None
                path.write_bytes(content.read())


def write_containers_storage(
    root: Path,
    image: BuiltImage,
    *,
    names: Sequence[str] = ("docker.io/library/app:1",),
    driver: str = "overlay",
    pulled: bool = True,
    split: bool = True,
) -> Path:
    """Add an image to a storage of podman, as it was pulled or built there; without ``split`` no tar-split is kept."""
    layers = _read_json(root / f"{driver}-layers/layers.json")
    ids = [value.partition(":")[2] for value in chain_ids([built.diff_id for built in image.layers])]
    for number, (layer_id, built) in enumerate(zip(ids, image.layers, strict=True)):
        if any(layer["id"] == layer_id for layer in layers):
            continue
        layers.append(_layer_record(layer_id, ids[number - 1] if number else "", built, pulled=pulled))
        if driver == "overlay":
            unpack(built.tar, root / "overlay" / layer_id / "diff")
        else:
            for below in image.layers[: number + 1]:
                unpack(below.tar, root / "vfs/dir" / layer_id)
        if split:
            (root / f"{driver}-layers").mkdir(parents=True, exist_ok=True)
            (root / f"{driver}-layers/{layer_id}.tar-split.gz").write_bytes(tar_split(built.tar))
    stored = image if pulled else image.recompressed("plain")
    documents = {
        "manifest": stored.manifest,
        f"manifest-{stored.digest}": stored.manifest,
        sha256(image.config): image.config,
    }
    image_id = sha256(image.config).partition(":")[2]
    record = {
        "id": image_id,
        "digest": stored.digest,
        "names": list(names) or None,
        "layer": ids[-1] if ids else "",
        "created": "2026-01-02T03:04:05Z",
        "big-data-names": list(documents),
        "big-data-sizes": {key: len(data) for key, data in documents.items()},
        "big-data-digests": {key: sha256(data) for key, data in documents.items()},
    }
    folder = root / f"{driver}-images" / image_id
    folder.mkdir(parents=True, exist_ok=True)
    for key, data in documents.items():
        (folder / big_data_file(key)).write_bytes(data)
    images = _read_json(root / f"{driver}-images/images.json")
    (root / f"{driver}-images/images.json").write_text(json.dumps([*images, record]))
    (root / f"{driver}-layers/layers.json").write_text(json.dumps(layers))
    return root


def _layer_record(layer_id: str, parent: str, built: BuiltLayer, *, pulled: bool) -> dict[str, Any]:
    blob = {"compressed-diff-digest": built.digest, "compressed-size": len(built.blob)}
    tar = {"compressed-diff-digest": built.diff_id, "compressed-size": len(built.tar)}
    return {
        "id": layer_id,
        **({"parent": parent} if parent else {}),
        "created": "2026-01-02T03:04:05Z",
        "diff-digest": built.diff_id,
        "diff-size": len(built.tar),
        **(blob if pulled else tar),
        **({"compression": _COMPRESSIONS[built.compression]} if pulled else {}),
    }


def _read_json(path: Path) -> list[Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return json.loads(path.read_text()) if path.exists() else []


def write_docker_root(
    root: Path,
    image: BuiltImage,
    *,
    names: Sequence[str] = ("app:1",),
    driver: str = "overlay2",
    split: bool = True,
) -> Path:
    """Add an image to the data folder of a Docker engine with a storage driver."""
    store = root / "image" / driver
    diff_ids = [built.diff_id for built in image.layers]
    for number, (chain_id, built) in enumerate(zip(chain_ids(diff_ids), image.layers, strict=True)):
        encoded = chain_id.partition(":")[2]
        entry = store / "layerdb/sha256" / encoded
        if entry.exists():
            continue
        entry.mkdir(parents=True)
        (entry / "diff").write_text(built.diff_id)
        (entry / "cache-id").write_text(encoded[::-1])
        (entry / "size").write_text("0")
        if split:
            (entry / "tar-split.json.gz").write_bytes(tar_split(built.tar))
        if driver == "vfs":
            for below in image.layers[: number + 1]:
                unpack(below.tar, root / "vfs/dir" / encoded[::-1])
        else:
            unpack(built.tar, root / driver / encoded[::-1] / "diff")
    image_id = sha256(image.config)
    content = store / "imagedb/content/sha256"
    content.mkdir(parents=True, exist_ok=True)
    (content / image_id.partition(":")[2]).write_bytes(image.config)
    path = store / "repositories.json"
    document = json.loads(path.read_text()) if path.exists() else {"Repositories": {}}
    for name in names:
        document["Repositories"].setdefault(name.rpartition(":")[0], {})[name] = image_id
    path.write_text(json.dumps(document))
    return root


def write_containerd(root: Path, images: Mapping[str, Mapping[str, BuiltImage]]) -> Path:
    """Write the data of a containerd: images by namespace and name, each with its manifest and blobs."""
    content = root / "io.containerd.content.v1.content/blobs/sha256"
    content.mkdir(parents=True)
    for image in (image for named in images.values() for image in named.values()):
        for digest, blob in image.blobs.items():
            (content / digest.partition(":")[2]).write_bytes(blob)
    namespaces = {
        namespace: {"images": {name: {"target": _target(image.descriptor)} for name, image in named.items()}}
        for namespace, named in images.items()
    }
    database = root / "io.containerd.metadata.v1.bolt/meta.db"
    database.parent.mkdir(parents=True)
    database.write_bytes(bolt_bytes({"v1": {"version": b"\x06", **namespaces}}))
    return root


def _target(descriptor: Mapping[str, Any]) -> dict[str, bytes]:
    size = descriptor["size"] << 1
    varint = bytearray()
    while size >= 0x80:
        varint.append(size & 0x7F | 0x80)
        size >>= 7
    varint.append(size)
    texts = {"digest": descriptor["digest"], "mediatype": descriptor["mediaType"]}
    return {name: text.encode() for name, text in texts.items()} | {"size": bytes(varint)}


Tree = Mapping[str, Any]


def bolt_bytes(tree: Tree, *, page_size: int = 4096, transaction: int = 7) -> bytes:
    """A bbolt database whose buckets below the root are inline; the root takes as many pages as it needs."""
    root = _leaf_page(tree, number=3)
    pages = -(-len(root) // page_size)
    root = root[:8] + root[8:12] + struct.pack("<I", pages - 1) + root[16:]
    metas = b"".join(_meta_page(number, page_size, transaction - 1 + number) for number in (0, 1))
    freelist = struct.pack("<QHHI", 2, 0x10, 0, 0).ljust(page_size, b"\0")
    return metas + freelist + root.ljust(pages * page_size, b"\0")


def _meta_page(number: int, page_size: int, transaction: int) -> bytes:
    meta = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, page_size, 0, 3, 0, 2, 4, transaction)
    page = struct.pack("<QHHI", number, 4, 0, 0) + meta + struct.pack("<Q", _fnv64a(meta))
    return page.ljust(page_size, b"\0")


def _leaf_page(tree: Tree, number: int = 0) -> bytes:
    items = [
        (name.encode(), 1, struct.pack("<QQ", 0, 0) + _leaf_page(value)) if isinstance(value, Mapping)
        else (name.encode(), 0, value)
        for name, value in sorted(tree.items())
    ]  # fmt: skip
    elements, content = b"", b""
    for index, (key, flags, value) in enumerate(items):
        position = (len(items) - index) * 16 + len(content)
        elements += struct.pack("<IIII", flags, position, len(key), len(value))
        content += key + value
    return struct.pack("<QHHI", number, 2, len(items), 0) + elements + content
