"""Fleets in memory: the documents of tags as values, and the tables of their layers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ocisize.blob.digest import Digest
from ocisize.layer.scan import scan_layer
from ocisize.model.fleet import Blob, BlobKind, Fleet, FleetFailure, FleetImage, FleetLayer, Root
from ocisize.oci.documents import Descriptor
from ocisize.oci.image import Layer
from ocisize.tar.filetable import FileTable
from tests.fleets import Tagged
from tests.hostile import HOSTILE
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
        references=references, labels=[tag.repository], repositories=[_repository(name) for name in references],
    )  # fmt: skip


def _repository(reference: str) -> str:
    return reference.rpartition(":")[0]


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


def hostile_fleet() -> Fleet:
    """Every text of the documents, and every name, tries to break out of reports."""
    roots = []
    for number, name in enumerate(HOSTILE):
        layers = [
            FleetLayer(sha256(b"base"), 900, sha256(b"tar"), name, HOSTILE[0]),
            FleetLayer(sha256(b"%d" % number), 10 + number, sha256(b"tar %d" % number), name, name),
            FleetLayer(sha256(b"zstd %d" % (number % 3)), 10 + number, sha256(b"twin"), name, name),
        ]
        image = FleetImage(
            digest=sha256(b"image %d" % number), size=100, platform=name, layers=layers, created=name, base_name=name,
            config=Blob(sha256(b"config %d" % number), 50, BlobKind.CONFIG),
        )  # fmt: skip
        roots.append(
            Root(
                store=number % 2, digest=image.digest, size=100, is_index=False, images=[image], references=[name, f"{name}2"],
                labels=[name], nodes=[name], repositories=[name, name],
            )
        )  # fmt: skip
    failures = [FleetFailure(reference=name, message=name, hint=name) for name in HOSTILE]
    return Fleet(stores=HOSTILE[:2], roots=roots, failures=failures, platform=HOSTILE[0], warnings=HOSTILE)
