"""Docker archives: ``manifest.json`` of ``docker save``, which lists configs and layer files; manifests composed from it.

Docker, skopeo, podman, crane, kaniko, ko, jib, rules_oci and nix name the files differently, store layers plain or
compressed, and may store a repeated layer as a link. As for ``docker load``, names are only names: a file that is named like
a digest may have another one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ocisize.blob.compression import PLAIN
from ocisize.blob.digest import Digest, digest_of
from ocisize.errors import ArchiveError, DocumentError
from ocisize.oci.documents import FILE_NAMED, SELF_NAMED, Descriptor, Platform
from ocisize.oci.image import MAX_LAYERS
from ocisize.oci.media_types import DOCKER_CONFIG, DOCKER_MANIFEST, docker_layer_type
from ocisize.oci.parse import MAX_CONFIG, parse_config
from ocisize.oci.strict_json import expect_object, expect_texts, expect_type
from ocisize.oci.valid_documents import DOUBTS
from ocisize.patterns import lazy_pattern
from ocisize.sources.saved_images import ArchiveItem
from ocisize.sources.store import Fingerprint, Store
from ocisize.values import frozen

MEMBER = "io.ocisize.member"  #: annotation of composed manifests: name of the blob's file in the archive
LEFT_OUT = "left out of the archive: manifest.json names no file for it"  #: the error of a layer whose name is empty
LEFT_OUT_HINT = "the archive was written for an engine that has the layer: save the image with docker save"
_ITEM = ("Config", "Layers", "RepoTags")  # fields of an item
_HASH_NAME = lazy_pattern(r"(?:.*/)?(?:sha256:)?([0-9a-f]{64})(?:\.json|\.tar(?:\.\w+)?)?")


@frozen
class ArchiveConfig:
    """The config of an item, as far as the choice of the image and the composed manifest need it."""

    digest: Digest
    size: int
    platform: Platform
    diff_ids: tuple[Digest, ...]


@frozen
class ComposedManifest:
    """A manifest that was composed for an item, with the files that it refers to."""

    data: bytes
    descriptor: Descriptor
    members: Mapping[str, frozenset[str]]  #: digest of a blob → the files that have it
    warnings: tuple[str, ...] = ()


def read_items(document: Any) -> list[ArchiveItem]:
    """Return the items of a decoded ``manifest.json``; raise DocumentError if it lists none.

    >>> read_items([{"Config": "config.json", "RepoTags": ["app:1"]}])
    [ArchiveItem(Config='config.json', Layers=(), RepoTags=('app:1',))]
    """
    if isinstance(document, dict):
        is_manifest = "schemaVersion" in document
        raise DocumentError(
            f"manifest.json is an object{', as in a folder of dir:' if is_manifest else ''}; "
            "expected the list of a docker save archive",
            hint="use dir: as the scheme, or omit docker-archive:" if is_manifest else None,
        )
    if not isinstance(document, list) or not document:
        raise DocumentError("manifest.json lists no image")
    try:
        return [_read_item(item) for item in document]
    except DOUBTS:
        return _structure_items(document)


def _read_item(document: object) -> ArchiveItem:
    """Return an item that is valid; raise one of ``DOUBTS`` for others."""
    fields = expect_object(document, _ITEM)
    return ArchiveItem(expect_type(fields["Config"], str), expect_texts(fields, "Layers"), expect_texts(fields, "RepoTags"))


def _structure_items(documents: list[Any]) -> list[ArchiveItem]:
    """Return the items; raise DocumentError with the problems of the first one that is not valid."""
    from ocisize.oci.structure import read_object, structure

    read = read_object(lambda item, kind: structure(item, kind, "manifest.json"), _ITEM)
    try:
        return [read(item, ArchiveItem) for item in documents]
    except (TypeError, ValueError) as error:
        raise DocumentError("manifest.json is not valid", problems=[str(error)]) from None


def named_digest(member: str) -> str | None:
    """Return the digest that the name of a file is made from, None for another name.

    >>> named_digest("blobs/sha256/" + 64 * "0") == named_digest(64 * "0" + ".tar.gz") == "sha256:" + 64 * "0"
    True
    >>> named_digest(64 * "0" + "/layer.tar") is None  # an ID of Docker's before 1.10
    True
    """
    match = _HASH_NAME.fullmatch(member)
    return f"sha256:{match[1]}" if match else None


def read_archive_config(store: Store, member: str) -> ArchiveConfig:
    """Return the config that a file has; raise ArchiveError if the file is missing, DocumentError if it is no config."""
    data = store.read(member, MAX_CONFIG)
    config = parse_config(data, f"the config {member}")
    return ArchiveConfig(digest_of(data), len(data), config.platform, config.rootfs.diff_ids)


def compose_manifests(store: Store, items: Sequence[ArchiveItem]) -> list[ComposedManifest]:
    """Return a manifest for each item, made from its config and its layer files.

    The files of all items are read in the order in which the archive has them. Raises ArchiveError for missing files, and
    DocumentError for broken configs and too many layers.
    """
    configs: list[ArchiveConfig] = []
    for item in items:
        if len(item.Layers) > MAX_LAYERS:
            raise DocumentError(f"the image has {len(item.Layers)} layers, more than {MAX_LAYERS}")
        configs.append(read_archive_config(store, item.Config))
    places = [(number, index) for number, item in enumerate(items) for index in range(len(item.Layers))]
    layers: dict[tuple[int, int], dict[str, Any]] = {}
    seen: dict[object, Fingerprint] = {}
    files: dict[str, object] = {}  # digest of a layer → the first file of this digest
    for number, index in places:
        if not items[number].Layers[index]:
            layers[number, index] = _absent_descriptor(index, items[number], configs[number])
    places = [place for place in places if place not in layers]
    for number, index in sorted(places, key=lambda place: store.position(items[place[0]].Layers[place[1]])):
        member, diff_ids = items[number].Layers[index], configs[number].diff_ids
        paired = len(diff_ids) == len(items[number].Layers)
        layers[number, index] = _layer_descriptor(store, member, diff_ids[index] if paired else None, seen, files)
    return [
        _compose(store, item, config, [layers[number, index] for index in range(len(item.Layers))])
        for number, (item, config) in enumerate(zip(items, configs, strict=True))
    ]


def _compose(store: Store, item: ArchiveItem, config: ArchiveConfig, layers: list[dict[str, Any]]) -> ComposedManifest:
    config_descriptor = _descriptor(DOCKER_CONFIG, config.digest, config.size, {MEMBER: item.Config})
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": config_descriptor,
        "layers": layers,
    }
    members: dict[str, frozenset[str]] = {}
    for blob in (config_descriptor, *layers):
        members[blob["digest"]] = members.get(blob["digest"], frozenset()) | {blob["annotations"][MEMBER]}
    warnings = []
    if named_digest(item.Config) not in (None, config.digest):
        warnings.append(f"the config {item.Config} is not what its name says: its digest is {config.digest}")
    warnings += [
        f"the archive has the layer file {member} more than once; the last one is read"
        for member in dict.fromkeys(item.Layers)
        if store.is_repeated(member)
    ]
    data = json.dumps(manifest).encode()
    return ComposedManifest(data, Descriptor(digest_of(data), len(data), DOCKER_MANIFEST), members, tuple(warnings))


def _layer_descriptor(
    store: Store, member: str, diff_id: str | None, seen: dict[object, Fingerprint], files: dict[str, object]
) -> dict[str, Any]:
    """Return the descriptor of a layer file: a plain file by its diff_id, a compressed one by the digest in its name.

    Without a diff_id nothing could verify what a name says, so the digest is computed. So is that of a second file for one
    digest, since layers of one digest are read once. ``seen`` holds the content of each file by identity, so that a file of
    several layers or names is read once.
    """
    key, named, annotations = store.identity(member), named_digest(member), {MEMBER: member}

    def find_name(compression: str) -> str | None:
        digest = None if diff_id is None else diff_id if compression == PLAIN else named
        return digest if digest is not None and files.setdefault(digest, key) == key else None

    content = seen.get(key)
    if content is None or (content.digest is None and find_name(content.compression) is None):
        content = seen[key] = store.fingerprint(member, lambda compression: find_name(compression) is None)
    name = find_name(content.compression)
    if name is None or content.digest not in (None, name):  # the bytes themselves must name the content
        annotations |= {} if content.digest == diff_id else {SELF_NAMED: "true"}
    elif content.compression != PLAIN:
        annotations[FILE_NAMED] = "true"
    digest = content.digest or str(name)
    return _descriptor(docker_layer_type(content.compression), digest, content.size, annotations)


def _absent_descriptor(index: int, item: ArchiveItem, config: ArchiveConfig) -> dict[str, Any]:
    """Return a descriptor without a file for a layer that ``manifest.json`` gives no name, as pack writes it.

    Raises ArchiveError if the config does not say which layer is left out.
    """
    if len(config.diff_ids) != len(item.Layers):
        raise ArchiveError(f"layer {index} is {LEFT_OUT}", hint=LEFT_OUT_HINT)
    return _descriptor(docker_layer_type(PLAIN), config.diff_ids[index], 0, {MEMBER: ""})


def _descriptor(media_type: str, digest: str, size: int, annotations: dict[str, str]) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": size, "annotations": annotations}
