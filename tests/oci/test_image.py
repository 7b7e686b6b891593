"""read_image over Sources of two methods: platforms, verification, artifacts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from ocisize.analyzer import Analyzer
from ocisize.errors import (
    ArchiveError,
    DigestMismatch,
    DocumentError,
    NoMatchingPlatform,
    NotAnImage,
    OcisizeError,
    RegistryError,
    SizeMismatch,
)
from ocisize.blob.digest import check_digest
from ocisize.oci.image import read_image
from ocisize.oci.documents import Descriptor, Platform
from ocisize.oci.platform import default_platform, parse_platform
from tests.images import BuiltImage, build_image, for_platform, index_bytes, layer, sha256


class MemorySource:
    """The least a Source can be: two methods over a dict of blobs."""

    def __init__(self, root: bytes, blobs: Mapping[str, bytes]) -> None:
        self.root, self.blobs = root, dict(blobs)

    def read_manifest(self, digest: str | None = None) -> bytes:
        if digest is None:
            return self.root
        if digest not in self.blobs:
            raise ArchiveError(f"no {digest}")
        return self.blobs[digest]

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        data = self.blobs[descriptor.digest]
        return [data[start : start + 1000] for start in range(0, len(data), 1000)]


def single(image: BuiltImage) -> MemorySource:
    return MemorySource(image.manifest, image.blobs)


def built(architecture: str = "amd64", content: bytes = b"x", variant: str | None = None) -> BuiltImage:
    return build_image([layer({"a": content})], architecture=architecture, variant=variant)


def test_a_source_needs_two_methods_only() -> None:
    """Anything with read_manifest and open_blob can be analysed."""
    image = built(content=b"hello")
    analysis = Analyzer().analyze_source(single(image), name="mine")
    assert (analysis.content_size, analysis.format, analysis.digest) == (5, "custom", image.digest)


def test_the_platform_asked_for_is_taken() -> None:
    """An index gives the image of the platform, not the first image."""
    amd, arm = built("amd64", b"1"), built("arm", b"22", "v7")
    index = index_bytes([for_platform(amd.descriptor, "linux", "amd64"), for_platform(arm.descriptor, "linux", "arm", "v7")])
    source = MemorySource(index, amd.blobs | arm.blobs)
    assert read_image(source, parse_platform("linux/arm")).digest == arm.digest
    assert read_image(source, parse_platform("linux/amd64")).digest == amd.digest


def test_no_matching_platform_lists_what_there_is() -> None:
    """The error names the wanted and the available platforms."""
    amd, arm = built("amd64"), built("arm64")
    index = index_bytes([for_platform(amd.descriptor, "linux", "amd64"), for_platform(arm.descriptor, "linux", "arm64")])
    with pytest.raises(NoMatchingPlatform, match="linux/s390x; available: linux/amd64, linux/arm64"):
        read_image(MemorySource(index, amd.blobs | arm.blobs), parse_platform("linux/s390x"))


def test_a_single_manifest_must_match_the_platform_asked_for() -> None:
    """A platform asked for is not silently replaced by the only image there is."""
    with pytest.raises(NoMatchingPlatform, match="linux/arm64; available: linux/amd64"):
        read_image(single(built("amd64")), parse_platform("linux/arm64"))
    assert read_image(single(built("amd64")), parse_platform("linux/amd64/v3"))


def test_only_absent_manifests_are_passed_over() -> None:
    """A registry that fails while platforms are looked up is the error shown, not a missing platform."""

    class Down(MemorySource):
        def read_manifest(self, digest: str | None = None) -> bytes:
            if digest is not None:
                raise RegistryError("down", status=self.status)
            return self.root

        status = 503

    source = Down(index_bytes([built().descriptor]), {})
    with pytest.raises(RegistryError, match="down"):
        read_image(source)
    source.status = 404
    with pytest.raises(NoMatchingPlatform):
        read_image(source)


def test_a_single_foreign_image_is_taken_and_said() -> None:
    """Without a platform asked for, the only image is analysed whatever it is for, with a warning."""
    image = built("s390x")
    attestation = {**for_platform(image.descriptor, "unknown", "unknown"), "digest": sha256(b"other")}
    index = index_bytes([for_platform(image.descriptor, "linux", "s390x"), attestation])
    read = read_image(MemorySource(index, image.blobs))
    assert read.digest == image.digest
    assert read.warnings == (f"the only image is for linux/s390x, not for {default_platform()}",)


def test_nested_indexes_and_missing_platforms_are_resolved() -> None:
    """A platform that the index does not name is read from the image's config; absent manifests are passed over."""
    amd, arm = built("amd64"), built("arm64")
    inner = index_bytes([amd.descriptor, {**arm.descriptor, "digest": sha256(b"gone")}, arm.descriptor])
    entry = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": sha256(inner), "size": len(inner)}
    source = MemorySource(index_bytes([entry]), amd.blobs | arm.blobs | {sha256(inner): inner})
    assert read_image(source, Platform("linux", "arm64")).digest == arm.digest


def test_endless_nesting_ends() -> None:
    """Indexes nested too deeply are refused instead of followed for ever."""
    blobs: dict[str, bytes] = {}
    data = index_bytes([])
    for _ in range(20):
        blobs[sha256(data)] = data
        descriptor = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": sha256(data), "size": len(data)}
        data = index_bytes([descriptor])
    with pytest.raises(DocumentError, match="nested"):
        read_image(MemorySource(data, blobs))


def test_documents_are_verified() -> None:
    """A config or child manifest with other bytes than its descriptor says is refused."""
    image = built()
    config = sha256(image.config)
    same_size = image.config.replace(b"amd64", b"arm64")
    with pytest.raises(DigestMismatch):
        read_image(MemorySource(image.manifest, {**image.blobs, config: same_size}))
    with pytest.raises(SizeMismatch):
        read_image(MemorySource(image.manifest, {**image.blobs, config: image.config + b" "}))
    index = index_bytes([for_platform(image.descriptor, "linux", "amd64")])
    with pytest.raises(SizeMismatch):
        read_image(MemorySource(index, {**image.blobs, image.digest: b"{}"}), Platform("linux", "amd64"))


@pytest.mark.parametrize("algorithm", ["md5", "shake_128", "blake3"])
def test_weak_and_unknown_digests_prove_nothing(algorithm: str) -> None:
    """A digest of an algorithm that is not trusted is an error, never a verification."""
    with pytest.raises(DocumentError, match=f"cannot verify {algorithm}"):
        check_digest(b"", f"{algorithm}:" + "0" * 64)


def test_a_wrong_layer_is_named() -> None:
    """A layer whose bytes are not its digest fails with its index and digest, expected and got."""
    image = build_image([layer({"a": b"1"}), layer({"b": b"2"})])
    wrong = image.layers[1].digest
    blobs = {**image.blobs, wrong: layer({"b": b"3"}).blob.ljust(len(image.layers[1].blob), b"\0")}
    with pytest.raises(OcisizeError, match=rf"layer 1 \({wrong}\)"):
        Analyzer().analyze_source(MemorySource(image.manifest, blobs))


@pytest.mark.parametrize(
    ("config_type", "layer_type", "artifact_type", "kind"),
    [
        ("application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip", None, "Helm"),
        ("application/vnd.oci.image.config.v1+json", "application/vnd.dev.cosign.simplesigning.v1+json", None, "cosign"),
        ("application/vnd.oci.image.config.v1+json", "application/vnd.in-toto+json", None, "attestation"),
        ("application/vnd.docker.container.image.v1+json", "application/vnd.ollama.image.model", None, "model"),
        ("application/vnd.oci.empty.v1+json", "application/octet-stream", "application/x-thing", "unknown artifact"),
        ("application/vnd.wasm.config.v0+json", "application/wasm", None, "Wasm"),
    ],
)
def test_artifacts_are_not_images(config_type: str, layer_type: str, artifact_type: str | None, kind: str) -> None:
    """A chart, a signature or a model is refused by its name, with its blobs listed."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "config": {"mediaType": config_type, "digest": sha256(b"{}"), "size": 2},
        "layers": [{"mediaType": layer_type, "digest": sha256(b"data"), "size": 4}],
        "artifactType": artifact_type,
    }
    with pytest.raises(NotAnImage, match=r"not a container image.*\(4 bytes\)") as caught:
        read_image(MemorySource(json.dumps(document).encode(), {}))
    assert kind in caught.value.kind


def test_layer_counts_that_differ_are_said() -> None:
    """Layers without a diff_id are analysed, with a warning."""
    image = build_image([layer({"a": b"1"})], config={"rootfs": {"type": "layers", "diff_ids": []}})
    analysis = Analyzer(verify=True).analyze_source(single(image))
    assert analysis.warnings == ("the config lists 0 layers, the manifest 1",)
    assert analysis.layers[0].diff_id is None
    assert not analysis.layers[0].diff_id_verified


def test_shuffled_plain_layers_are_put_in_order() -> None:
    """A manifest of plain layers in another order than the config's diff_ids is read in the config's order."""
    image = build_image([layer({str(n): b"x" * n}, "plain") for n in range(5)])
    document = json.loads(image.manifest)
    document["layers"].reverse()
    read = read_image(MemorySource(json.dumps(document).encode(), image.blobs))
    assert [found.descriptor.digest for found in read.layers] == [made.digest for made in image.layers]


def test_verify_checks_diff_ids() -> None:
    """With verify a layer that unpacks to something else than its diff_id is an error; without, it is not looked at."""
    other = "sha256:" + "0" * 64
    image = build_image([layer({"a": b"1"})], config={"rootfs": {"type": "layers", "diff_ids": [other]}})
    assert not Analyzer().analyze_source(single(image)).layers[0].diff_id_verified
    with pytest.raises(OcisizeError, match=f"uncompressed layer has digest .*, expected {other}"):
        Analyzer(verify=True).analyze_source(single(image))
