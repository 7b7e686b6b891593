"""Fleets in memory: the documents of tags as values, and the tables of their layers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ocisize.blob.digest import Digest
from ocisize.layer.scan import scan_layer
from ocisize.model.fleet import Blob, BlobKind, Fleet, FleetImage, FleetLayer, Root
from ocisize.oci.documents import Descriptor
from ocisize.oci.image import Layer
from ocisize.tar.filetable import FileTable
from tests.fleets import Tagged
from tests.images import sha256


def fleet_of(tags: Iterable[Tagged], **changes: Any) -> Fleet:
    """The documents of a registry with these tags; all tags of one digest are one root."""
    roots: dict[str, Root] = {}
    for tag in tags:
        name = f"registry.example/{tag.repository}:{tag.tag}"
        known = roots.get(tag.digest)
        roots[tag.digest] = _root(tag, (*(known.references if known else ()), name))
    return Fleet(**({"stores": ["registry.example"], "roots": tuple(roots.values())} | changes))


def _root(tag: Tagged, references: tuple[str, ...]) -> Root:
    documents = tag.manifests or [tag.document]
    images, others = list[FleetImage](), list[Blob]()
    for data in documents:
        manifest = json.loads(data)
        config = json.loads(tag.blobs[manifest["config"]["digest"]])
        if config["architecture"] == "unknown":
            others += [
                Blob(sha256(data), len(data), BlobKind.ATTESTATION),
                *(
                    Blob(part["digest"], part["size"], BlobKind.ATTESTATION)
                    for part in (manifest["config"], *manifest["layers"])
                ),
            ]
        else:
            images.append(_image(data, manifest, config))
    return Root(
        store=0, digest=tag.digest, size=len(tag.document), is_index=bool(tag.manifests), images=images, others=others,
        references=references, labels=[tag.repository],
    )  # fmt: skip


def _image(data: bytes, manifest: Mapping[str, Any], config: Mapping[str, Any]) -> FleetImage:
    layers = [
        FleetLayer(part["digest"], part["size"], diff_id, part["mediaType"], f"RUN step {index}")
        for index, (part, diff_id) in enumerate(zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True))
    ]
    stored = manifest["config"]
    return FleetImage(
        digest=sha256(data), size=len(data), platform=f"linux/{config['architecture']}",
        config=Blob(stored["digest"], stored["size"], BlobKind.CONFIG), layers=layers, created=config["created"],
    )  # fmt: skip


class Blobs:
    """The blobs of some tags as a source of layers; ``reads`` counts how often each was read."""

    def __init__(self, tags: Iterable[Tagged]) -> None:
        self.blobs = {digest: data for tag in tags for digest, data in tag.blobs.items()}
        self.reads: dict[str, int] = {}

    def read_manifest(self, digest: str | None = None) -> Any:
        raise NotImplementedError

    def open_blob(self, descriptor: Descriptor) -> list[bytes]:
        self.reads[descriptor.digest] = self.reads.get(descriptor.digest, 0) + 1
        return [self.blobs[descriptor.digest]]

    def read_table(self, digest: str) -> FileTable:
        layer = Layer(0, Descriptor(Digest(digest), len(self.blobs[digest])), None)
        return scan_layer(self, layer, hash_content=True).table
