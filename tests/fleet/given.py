"""Fleets as values, made of tags without reading them from anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ocisize.model.fleet import Blob, BlobKind, Fleet, FleetImage, FleetLayer, Root
from tests.fleets import Tagged
from tests.images import sha256


def make_fleet(tags: Iterable[Tagged], name: Callable[[Tagged], str], store: str = "registry.example") -> Fleet:
    """The fleet of some tags of one store; ``name`` is the reference of a tag. Attestations are left out."""
    roots: dict[str, dict[str, Any]] = {}
    for tag in tags:
        fields = roots.setdefault(tag.digest, {"images": _images(tag), "references": [], "size": len(tag.document)})
        fields["references"].append(name(tag))
        fields["is_index"] = bool(tag.manifests)
    return Fleet(stores=(store,), roots=[Root(store=0, digest=digest, **fields) for digest, fields in roots.items()])


def _images(tag: Tagged) -> list[FleetImage]:
    images = []
    for manifest in tag.manifests or [tag.document]:
        document = json.loads(manifest)
        config = json.loads(tag.blobs[document["config"]["digest"]])
        if config["architecture"] != "unknown":
            images.append(_image(manifest, document, config))
    return images


def _image(manifest: bytes, document: Mapping[str, Any], config: Mapping[str, Any]) -> FleetImage:
    steps = [step["created_by"] for step in config["history"] if not step.get("empty_layer")]
    layers = [
        FleetLayer(layer["digest"], layer["size"], diff_id, layer["mediaType"], step)
        for layer, diff_id, step in zip(document["layers"], config["rootfs"]["diff_ids"], steps, strict=True)
    ]
    return FleetImage(
        digest=sha256(manifest), size=len(manifest), platform=f"{config['os']}/{config['architecture']}",
        config=Blob(document["config"]["digest"], document["config"]["size"], BlobKind.CONFIG), layers=layers,
        base_name=config.get("config", {}).get("Labels", {}).get("org.opencontainers.image.base.name", ""),
    )  # fmt: skip
