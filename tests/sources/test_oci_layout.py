"""OCI layouts, as folders and archives: nested indexes, partial copies, names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from ocisize.analyzer import Analyzer
from ocisize.errors import ArchiveError, DigestMismatch, DocumentError, LayerError, NoMatchingPlatform, SizeMismatch
from ocisize.sources.open import open_source
from tests.images import (
    Compression, build_image, compress, for_platform, index_bytes, layer, layout_files, named, sha256, tar_bytes, write_files,
)  # fmt: skip

AMD64 = build_image([layer({"amd": b"x"})], architecture="amd64")
ARM64 = build_image([layer({"arm": b"yy"}, "zstd")], architecture="arm64")
INDEX = index_bytes([for_platform(AMD64.descriptor, "linux", "amd64"), for_platform(ARM64.descriptor, "linux", "arm64")])
INDEX_DESCRIPTOR = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": sha256(INDEX), "size": len(INDEX)}
Writer: TypeAlias = Callable[[dict[str, bytes]], str]


@pytest.fixture(params=["folder", "plain", "gzip", "zstd", "dotted"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Writer:
    """Saves the files of a layout as a folder, as archives, and with ./ before the names."""

    def save(files: dict[str, bytes]) -> str:
        if request.param == "folder":
            return str(write_files(files, tmp_path / "layout"))
        dot = "./" if request.param == "dotted" else ""
        outer: Compression = request.param if request.param in ("gzip", "zstd") else "plain"
        (tmp_path / "layout.tar").write_bytes(compress(tar_bytes({dot + name: data for name, data in files.items()}), outer))
        return str(tmp_path / "layout.tar")

    return save


def annotated(descriptor: dict[str, Any], **names: str) -> dict[str, Any]:
    keys = {"ref": "org.opencontainers.image.ref.name", "name": "io.containerd.image.name"}
    return {**descriptor, "annotations": {keys[key]: value for key, value in names.items()}}


def test_one_image(write: Writer) -> None:
    """A layout of one image needs no choice; its name, digest and size are known."""
    path = write(layout_files(index_bytes([named(AMD64.descriptor, "v1")]), AMD64.blobs))
    analysis = Analyzer(platform="linux/amd64", verify=True).analyze(path)
    assert (analysis.reference, analysis.digest, analysis.manifest_size) == ("v1", AMD64.digest, len(AMD64.manifest))
    assert analysis.layers[0].compressed_size == len(AMD64.layers[0].blob)
    assert analysis.format in ("oci-layout", "oci-archive")


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(("platform", "size"), [("linux/amd64", 1), ("linux/arm64", 2)])
def test_several_platforms(write: Writer, platform: str, size: int, nested: bool) -> None:
    """The platform chooses, in a nested index as in index.json itself."""
    blobs = AMD64.blobs | ARM64.blobs | {sha256(INDEX): INDEX}
    path = write(layout_files(index_bytes([named(INDEX_DESCRIPTOR, "v1")]) if nested else INDEX, blobs))
    assert Analyzer(platform=platform).analyze(path).content_size == size


@pytest.mark.parametrize("typed", [True, False])
def test_missing_blobs_of_other_platforms(write: Writer, typed: bool) -> None:
    """A partial copy works for the platform it has; for another one the missing blob or platform is named."""
    entries = [AMD64.descriptor, ARM64.descriptor]
    index = INDEX if typed else index_bytes(entries)
    descriptor = {**INDEX_DESCRIPTOR, "digest": sha256(index), "size": len(index)}
    path = write(layout_files(index_bytes([named(descriptor, "v1")]), AMD64.blobs | {sha256(index): index}))
    assert Analyzer(platform="linux/amd64").analyze(path).content_size == 1
    with pytest.raises((ArchiveError, NoMatchingPlatform)):
        Analyzer(platform="linux/arm64").analyze(path)


def test_missing_layers(write: Writer) -> None:
    """A layer that was not copied is named with its number."""
    blobs = {digest: data for digest, data in AMD64.blobs.items() if digest != AMD64.layers[0].digest}
    path = write(layout_files(index_bytes([named(AMD64.descriptor, "v1")]), blobs))
    with pytest.raises((LayerError, ArchiveError), match=AMD64.layers[0].digest.partition(":")[2]):
        Analyzer(platform="linux/amd64").analyze(path)


@pytest.mark.parametrize(
    ("select", "size", "reference"),
    [
        ("v1", 1, "v1"), ("docker.io/library/app:v1", 1, "docker.io/library/app:v1"), ("app:v1", 1, "docker.io/library/app:v1"),
        ("registry.example.com/app:v2", 2, "registry.example.com/app:v2"), ("v2", 2, "v2"), ("@1", 2, "registry.example.com/app:v2"),
        (AMD64.digest, 1, "docker.io/library/app:v1"), (ARM64.digest, 2, "registry.example.com/app:v2"),
        (sha256(AMD64.config), 1, "docker.io/library/app:v1"), (sha256(ARM64.config)[7:19], 2, "registry.example.com/app:v2"),
        (ARM64.digest[:20], 2, "registry.example.com/app:v2"),
    ],
)  # fmt: skip
def test_several_images_are_chosen_by_name_or_digest(write: Writer, select: str, size: int, reference: str) -> None:
    """Tags, full and short names and digests, also of configs and cut, choose; names of both annotations count."""
    entries = [
        annotated(AMD64.descriptor, ref="v1", name="docker.io/library/app:v1"),
        annotated(ARM64.descriptor, ref="v2", name="registry.example.com/app:v2"),
    ]
    path = write(layout_files(index_bytes(entries), AMD64.blobs | ARM64.blobs))
    analysis = Analyzer(platform=None).analyze(path, select=select)
    assert (analysis.content_size, analysis.reference) == (size, reference)


def test_several_images_without_a_choice(write: Writer) -> None:
    """Several images are listed by name, with what to do; a wrong choice lists them too."""
    other = build_image([layer({"z": b"z"})])
    entries = [named(AMD64.descriptor, "v1"), named(ARM64.descriptor, "v2"), other.descriptor]
    path = write(layout_files(index_bytes(entries), AMD64.blobs | ARM64.blobs | other.blobs))
    listed = ", ".join(
        f"@{number} {name} (linux/{architecture}, {image.digest[7:19]})"
        for number, (name, image, architecture) in enumerate(
            [("v1", AMD64, "amd64"), ("v2", ARM64, "arm64"), ("untagged", other, "amd64")]
        )
    )
    with pytest.raises(ArchiveError) as raised:
        open_source(path)
    assert str(raised.value) == f"the layout contains several images: {listed}"
    assert raised.value.hint == "choose one with --select NAME or --select @N"
    with pytest.raises(ArchiveError, match=re.escape(f"no image 'v3' in the layout; it contains: {listed}")):
        open_source(path, select="v3")


def test_one_image_with_several_tags(write: Writer) -> None:
    """Entries that repeat a digest are one image, with the name that chose it, else the first."""
    entries = [named(AMD64.descriptor, "v1"), named(AMD64.descriptor, "latest"), AMD64.descriptor]
    path = write(layout_files(index_bytes(entries), AMD64.blobs))
    assert Analyzer(platform="linux/amd64").analyze(path).reference == "v1"
    assert Analyzer(platform="linux/amd64").analyze(path, select="latest").reference == "latest"


def test_attestations_are_no_images(write: Writer) -> None:
    """BuildKit's attestation beside an image does not make a choice necessary."""
    attestation = {
        **for_platform(ARM64.descriptor, "unknown", "unknown"),
        "annotations": {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": AMD64.digest},
    }
    path = write(layout_files(index_bytes([named(AMD64.descriptor, "v1"), attestation]), AMD64.blobs))
    assert Analyzer(platform="linux/amd64").analyze(path).content_size == 1


@pytest.mark.parametrize(
    "digest", ["sha256:../../x", "sha256:" + "0" * 63, "../x", "sha256:" + "A" * 64, "a/../b:00", "md5:../x", "sha256:", ""]
)
def test_digests_that_climb_out(write: Writer, digest: str) -> None:
    """A digest is a digest, not a path."""
    path = write(layout_files(index_bytes([{**AMD64.descriptor, "digest": digest}]), {}) | {"x": AMD64.manifest})
    with pytest.raises(DocumentError, match="is not a digest"):
        Analyzer().analyze(path)
    good = write(layout_files(index_bytes([named(AMD64.descriptor, "v1")]), AMD64.blobs))
    with closing(open_source(good)) as source, pytest.raises(DocumentError, match="is not a digest"):
        source.read_manifest(digest)


def test_an_empty_layout(write: Writer) -> None:
    """A layout of no image is an error, whether asked for one or not."""
    path = write(layout_files(index_bytes([]), {}))
    with pytest.raises((ArchiveError, NoMatchingPlatform)):
        Analyzer().analyze(path)


def test_a_layout_of_attestations(write: Writer) -> None:
    """Where nothing is an image, that is said."""
    entry = {**AMD64.descriptor, "mediaType": "application/vnd.example.other"}
    with pytest.raises(
        DocumentError, match="the layout contains no image but entries of other types: application/vnd.example.other"
    ):
        open_source(write(layout_files(index_bytes([entry]), AMD64.blobs)))


@pytest.mark.parametrize("document", [b"", b"[]", b"null", AMD64.manifest, b'{"manifests": 5}', b'{"manifests": [{}]}'])
def test_broken_indexes(write: Writer, document: bytes) -> None:
    """An index.json that is no index is a DocumentError."""
    with pytest.raises(DocumentError, match="index.json"):
        open_source(write(layout_files(document, AMD64.blobs)))


def test_manifests_are_verified(write: Writer) -> None:
    """A manifest that is not what index.json names is refused, by size and by digest."""
    entries = index_bytes([named(AMD64.descriptor, "v1")])
    other = AMD64.manifest.replace(b"2,", b"2 ,", 1)
    for data, error in ((other, SizeMismatch), (AMD64.manifest[:-1] + b" ", DigestMismatch)):
        path = write(layout_files(entries, AMD64.blobs | {AMD64.digest: data}))
        with pytest.raises(error):
            Analyzer(platform="linux/amd64").analyze(path)


def test_giant_manifests(write: Writer) -> None:
    """A manifest larger than registries take is refused."""
    data = AMD64.manifest + b" " * (4 << 20)
    descriptor = {**AMD64.descriptor, "digest": sha256(data), "size": len(data)}
    with pytest.raises(DocumentError, match="more than 4194304"):
        Analyzer().analyze(write(layout_files(index_bytes([descriptor]), AMD64.blobs | {sha256(data): data})))


def test_a_plain_layer_that_is_cut(tmp_path: Path) -> None:
    """The size of a plain layer in a layout is checked though its content is not read."""
    image = build_image([layer({"a": b"x"}, "plain")])
    files = layout_files(index_bytes([named(image.descriptor, "v1")]), image.blobs)
    name = "blobs/" + image.layers[0].digest.replace(":", "/")
    files[name] = files[name][:2048]
    with pytest.raises(LayerError, match="has 2048 bytes, its descriptor says"):
        Analyzer().analyze(str(write_files(files, tmp_path / "layout")))


def test_unknown_files_are_allowed(write: Writer) -> None:
    """Other files and blobs may lie in a layout."""
    files = layout_files(index_bytes([named(AMD64.descriptor, "v1")]), AMD64.blobs | ARM64.blobs)
    path = write({**files, "README": b"x", "blobs/sha256/notes.txt": json.dumps({}).encode()})
    assert Analyzer(platform="linux/amd64").analyze(path).content_size == 1
