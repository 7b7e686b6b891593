"""DockerArchiveSource: an image of a ``docker save`` archive, whose ``manifest.json`` lists configs and layer files.

Docker, skopeo, podman, crane, kaniko, ko, jib, rules_oci and nix name the files differently, store layers plain or
compressed, and may store a repeated layer as a link. The archives have no manifest, so one is composed here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import attrs

from ocisize.blob.compression import PLAIN, detect_compression
from ocisize.errors import ArchiveError, DigestMismatch, DocumentError
from ocisize.oci.documents import SELF_NAMED, Descriptor
from ocisize.oci.image import MAX_LAYERS
from ocisize.oci.media_types import DOCKER_CONFIG, DOCKER_MANIFEST, docker_layer_type
from ocisize.oci.parse import MAX_CONFIG, parse_config, structure
from ocisize.oci.reference import same_name
from ocisize.oci.strict_json import load_json
from ocisize.sources.store import Store, StoredSource

_MEMBER = "io.ocisize.member"  # annotation: name of the blob's file in the archive
_HASH_NAME = re.compile(r"(?:.*/)?(?:sha256:)?([0-9a-f]{64})(?:\.json|\.tar(?:\.\w+)?)?")


@attrs.frozen
class _Item:
    """One image of ``manifest.json``; fields are named as in the JSON."""

    Config: str
    Layers: tuple[str, ...] = ()
    RepoTags: tuple[str, ...] = ()


class DockerArchiveSource(StoredSource):
    """An image of a docker archive; ``select`` is the tag or ``@N`` of one of several.

    Raises ArchiveError, DocumentError, and DigestMismatch for a config that is named after another digest.
    """

    format = "docker-archive"
    keeps_compression = False
    has_manifest = False

    def __init__(self, store: Store, *, select: str | None = None) -> None:
        super().__init__(store)
        items = _read_items(store)
        item = _select(items, select)
        named = [tag for tag in item.RepoTags if select is not None and same_name(tag, select)]
        self.reference = next(iter([*named, *item.RepoTags]), None)
        self._manifest = _compose_manifest(store, item)

    def read_manifest(self, digest: str | None = None) -> bytes:
        if digest is not None:
            raise ArchiveError(f"the archive has no manifest {digest}")
        return self._manifest

    def member_name(self, descriptor: Descriptor) -> str:
        return descriptor.annotations[_MEMBER]


def _read_items(store: Store) -> list[_Item]:
    documents = load_json(store.read("manifest.json"), "manifest.json")
    if isinstance(documents, dict):
        raise DocumentError(
            "manifest.json is an object, as in the dir: format of skopeo; expected the list of a docker save archive"
        )
    if not isinstance(documents, list) or not documents:
        raise DocumentError("manifest.json lists no image")
    return [structure(document, _Item, "manifest.json") for document in documents]


def _select(items: list[_Item], select: str | None) -> _Item:
    if select is None:
        if len({(item.Config, item.Layers) for item in items}) == 1:
            return items[0]
        raise ArchiveError(
            f"the archive contains several images: {_listing(items)}", hint="choose one with --select NAME or --select @N"
        )
    if select in (numbers := [f"@{number}" for number in range(len(items))]):
        return items[numbers.index(select)]
    for item in items:
        if any(same_name(tag, select) for tag in item.RepoTags):
            return item
    raise ArchiveError(f"no image {select!r} in the archive; it contains: {_listing(items)}")


def _listing(items: list[_Item]) -> str:
    return ", ".join(f"@{number} {' '.join(item.RepoTags) or 'untagged'}" for number, item in enumerate(items))


def _compose_manifest(store: Store, item: _Item) -> bytes:
    if len(item.Layers) > MAX_LAYERS:
        raise DocumentError(f"the image has {len(item.Layers)} layers, more than {MAX_LAYERS}")
    data = store.read(item.Config, MAX_CONFIG)
    config_digest = "sha256:" + hashlib.sha256(data).hexdigest()
    named = _HASH_NAME.fullmatch(item.Config)
    if named and f"sha256:{named[1]}" != config_digest:
        raise DigestMismatch(f"the config {item.Config}", got=config_digest, expected=f"sha256:{named[1]}")
    diff_ids = parse_config(data, f"the config {item.Config}").rootfs.diff_ids
    paired = len(diff_ids) == len(item.Layers)
    layers: dict[int, dict[str, Any]] = {}
    seen: dict[object, _Content] = {}
    for index in sorted(range(len(item.Layers)), key=lambda index: store.position(item.Layers[index])):
        layers[index] = _layer_descriptor(store, item.Layers[index], diff_ids[index] if paired else None, seen)
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": _descriptor(DOCKER_CONFIG, config_digest, len(data), {_MEMBER: item.Config}),
        "layers": [layers[index] for index in range(len(layers))],
    }
    return json.dumps(manifest).encode()


class _Content(NamedTuple):
    """What a layer file holds; ``digest`` is None if another name of the content is known."""

    size: int
    compression: str
    digest: str | None = None


def _layer_descriptor(store: Store, member: str, diff_id: str | None, seen: dict[object, _Content]) -> dict[str, Any]:
    """Return the descriptor of a layer file: a plain file by its diff_id, a compressed one by the digest in its name.

    ``seen`` holds the content of each file by identity, so that a file of several layers or names is read once.
    """
    key, named, annotations = store.identity(member), _HASH_NAME.fullmatch(member), {_MEMBER: member}

    def is_named(compression: str) -> bool:
        return named is not None or (compression == PLAIN and diff_id is not None)

    content = seen.get(key)
    if content is None or (content.digest is None and not is_named(content.compression)):
        content = seen[key] = _read_content(store, member, is_named)
    if content.compression == PLAIN and diff_id is not None:
        digest = diff_id
    elif named:
        digest = f"sha256:{named[1]}"
    else:  # nothing names this file's content, so the bytes themselves must
        digest = str(content.digest)
        annotations[SELF_NAMED] = "true"
    return _descriptor(docker_layer_type(content.compression), digest, content.size, annotations)


def _read_content(store: Store, member: str, is_named: Callable[[str], bool]) -> _Content:
    """Return what a layer file holds, in one pass: a second one may decompress the archive again."""
    size, content = store.open(member)
    chunks = iter(content)
    head = next(chunks, b"")
    compression = detect_compression(head)
    if is_named(compression):
        return _Content(size, compression)
    hasher = hashlib.sha256(head)
    for chunk in chunks:
        hasher.update(chunk)
    return _Content(size, compression, f"sha256:{hasher.hexdigest()}")


def _descriptor(media_type: str, digest: str, size: int, annotations: dict[str, str]) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": size, "annotations": annotations}
