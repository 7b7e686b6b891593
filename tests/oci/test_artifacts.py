"""What is an image and what is another artifact: by media types, and by the config where types say nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocisize.analyzer import Analyzer
from ocisize.errors import NotAnImage, OcisizeError
from ocisize.oci.artifacts import find_artifact_kind, needs_config
from ocisize.oci.documents import Manifest
from ocisize.oci.parse import parse_manifest
from tests.images import build_image, layer, sha256
from tests.oci.test_image import MemorySource

OCI_CONFIG, DOCKER_CONFIG = "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"
OCI_LAYER, DOCKER_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip"


def source_of(
    config_type: str | None = OCI_CONFIG,
    layer_type: str | None = OCI_LAYER,
    config: dict[str, Any] | None = None,
    **changes: Any,
) -> MemorySource:
    """An image of two gzip layers, 1500 bytes, whose descriptors have these types; None leaves the type out."""
    image = build_image([layer({"etc/a": b"a" * 1000}), layer({"etc/b": b"b" * 500})], config=config or {})
    document = json.loads(image.manifest) | changes
    for descriptor, media_type in [(document["config"], config_type), *((each, layer_type) for each in document["layers"])]:
        descriptor.pop("mediaType")
        if media_type is not None:
            descriptor["mediaType"] = media_type
    return MemorySource(json.dumps(document).encode(), image.blobs)


# docker pull 20.10 takes these for images (imageTypes in distribution/pull_v2.go), and so does skopeo copy 1.9.3.
@pytest.mark.parametrize("config_type", ["application/octet-stream", "application/json", "text/html", "", None,
                                         "text/html; charset=utf-8", "Application/JSON"])  # fmt: skip
@pytest.mark.parametrize("layer_type", [OCI_LAYER, DOCKER_LAYER])
def test_configs_of_old_pushes(config_type: str | None, layer_type: str) -> None:
    """A config whose type says nothing is that of an image if its content is."""
    analysis = Analyzer(verify=True).analyze_source(source_of(config_type, layer_type))
    assert (analysis.content_size, analysis.live_size) == (1500, 1500)
    named = f"the media type {config_type}" if config_type else "no media type"
    assert analysis.warnings == (f"the config has {named}; it is that of an image by its content",)


@pytest.mark.parametrize("layer_type", ["", None, "application/octet-stream", "application/x-gzip"])
def test_layers_without_types(layer_type: str | None) -> None:
    """Layers are what their bytes are, with a warning."""
    analysis = Analyzer(verify=True).analyze_source(source_of(layer_type=layer_type))
    assert (analysis.content_size, analysis.live_size) == (1500, 1500)
    assert [found.compression for found in analysis.layers] == ["gzip", "gzip"]
    named = f"the media type {layer_type}" if layer_type else "no media type"
    assert analysis.warnings == (f"2 layers have {named}; their bytes show how they are compressed",)


def test_layers_without_types_that_are_no_tar() -> None:
    """Bytes that are no tar are an error of the layer, not an empty layer."""
    text = b"not a tar" * 100
    config = {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [sha256(text)]}}
    data = json.dumps(config).encode()
    manifest = {
        "config": {"mediaType": OCI_CONFIG, "digest": sha256(data), "size": len(data)},
        "layers": [{"mediaType": "", "digest": sha256(text), "size": len(text)}],
    }
    with pytest.raises(OcisizeError, match="layer 0"):
        Analyzer().analyze_source(MemorySource(json.dumps(manifest).encode(), {sha256(data): data, sha256(text): text}))


@pytest.mark.parametrize("artifact_type", [OCI_CONFIG, "application/vnd.example.thing+type", ""])
def test_an_artifact_type_beside_an_image(artifact_type: str) -> None:
    """The config and the layers of an image are an image, whatever it is called."""
    analysis = Analyzer().analyze_source(source_of(artifactType=artifact_type))
    assert (analysis.content_size, analysis.warnings) == (1500, ())


def manifest_of(config_type: str, *layer_types: str, annotations: dict[str, str] | None = None, **changes: Any) -> Manifest:
    layers = [
        {"mediaType": name, "digest": sha256(b"x"), "size": 1, "annotations": annotations or {}} for name in layer_types
    ]
    config = {"mediaType": config_type, "digest": sha256(b"{}"), "size": 2}
    document = parse_manifest(json.dumps({"config": config, "layers": layers} | changes).encode(), "it")
    assert isinstance(document, Manifest)
    return document


@pytest.mark.parametrize(
    ("manifest", "kind"),
    [
        (manifest_of("application/vnd.oci.empty.v1+json", "application/x", artifactType="text/spdx+json"), "software bill of materials"),
        (manifest_of("application/vnd.amazon.soci.index.v1+json", "application/octet-stream"), "SOCI index"),
        (manifest_of("application/vnd.cncf.notary.signature", "application/jose+json"), "Notation signature"),
        (manifest_of(OCI_CONFIG, "application/vnd.dev.cosign.simplesigning.v1+json"), "cosign signature or attestation"),
        (manifest_of(OCI_CONFIG, f"{OCI_LAYER}+encrypted"), "encrypted image, whose layers only its key opens"),
        (manifest_of(OCI_CONFIG, "application/vnd.oci.image.layer.nydus.blob.v1", OCI_LAYER),
         "Nydus image, whose layers are no tar archives"),
        (manifest_of(OCI_CONFIG, OCI_LAYER, annotations={"containerd.io/snapshot/nydus-blob": "true"}),
         "Nydus image, whose layers are no tar archives"),
        (manifest_of(OCI_CONFIG, "application/vnd.erofs.layer.v1"),
         "image of EROFS layers, which are file systems and no tar archives"),
        (manifest_of(OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar",
                     annotations={"containerd.io/snapshot/overlaybd/blob-digest": "x"}),
         "overlaybd image, whose layers are block devices"),
        (manifest_of("application/vnd.unknown.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"), "ORAS artifact"),
        (manifest_of("application/octet-stream", "application/wasm"), "Wasm module"),
        (manifest_of("application/json", OCI_LAYER, artifactType="application/x-thing"), "unknown artifact"),
        (manifest_of(OCI_CONFIG, OCI_LAYER), None),
        (manifest_of(OCI_CONFIG, OCI_LAYER, artifactType="application/x-thing"), None),
        (manifest_of("application/octet-stream", OCI_LAYER), None),
    ],
)  # fmt: skip
def test_kinds(manifest: Manifest, kind: str | None) -> None:
    """Artifacts are named for what they are."""
    assert find_artifact_kind(manifest) == kind


@pytest.mark.parametrize(
    ("config", "is_image"),
    [
        ('{"os": "linux", "rootfs": {"diff_ids": ["x"]}}', True),
        ('{"history": [], "rootfs": {"diff_ids": ["x"]}}', True),
        ('{"os": "linux", "rootfs": {"diff_ids": []}}', True),  # the types of the layers are right
        ('{"rootfs": {"diff_ids": ["x"]}}', False),
        ('{"os": "linux", "rootfs": {"diff_ids": "x"}}', False),
        ('{"os": "linux", "rootfs": []}', False),
        ('{"os": "wasip1", "layerDigests": ["x"]}', False),
        ("{}", False), ("[]", False), ("<html>", False),
    ],
)  # fmt: skip
def test_what_a_config_of_an_image_is(config: str, is_image: bool) -> None:
    """A config without a type is that of an image if it has a root filesystem and names a system."""
    manifest = manifest_of("application/octet-stream", OCI_LAYER)
    assert needs_config(manifest)
    assert (find_artifact_kind(manifest, config.encode()) is None) is is_image


def test_untyped_layers_must_be_in_the_config() -> None:
    """Where neither the layers nor their number are those of an image, the manifest is of something else."""
    manifest = manifest_of(OCI_CONFIG, "application/octet-stream", "application/octet-stream")
    config = json.dumps({"os": "linux", "rootfs": {"diff_ids": ["x"]}}).encode()
    assert find_artifact_kind(manifest, config) == "unknown artifact"


@pytest.mark.parametrize("config_type", ["application/octet-stream", ""])
def test_artifacts_without_types_are_no_images(config_type: str) -> None:
    """The error names the types, and says where one is missing."""
    config, blob = b'{"name": "chart"}', b"data"
    document = {
        "config": {"mediaType": config_type, "digest": sha256(config), "size": len(config)},
        "layers": [{"mediaType": "", "digest": sha256(blob), "size": 4}],
    }
    with pytest.raises(
        NotAnImage, match=rf"unknown artifact, config type {config_type or 'missing'}, no media type \(4 bytes\)"
    ):
        Analyzer().analyze_source(MemorySource(json.dumps(document).encode(), {sha256(config): config, sha256(blob): blob}))
