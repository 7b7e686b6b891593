"""The choice among the images of a saved file: by name, number, digest and platform, in archives and layouts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ocisize.analyzer import Analyzer
from ocisize.errors import ArchiveError, NoMatchingPlatform, NotAnImage, SourceError
from ocisize.sources.open import open_source
from tests.images import (
    OCI, BuiltImage, Compression, Entry, build_image, compress, docker_archive_entries, for_platform, index_bytes, layer,
    layout_files, named, sha256, tar_bytes, write_files,
)  # fmt: skip

AMD64 = build_image([layer({"f": b"x" * 1000})])
ARM64 = build_image([layer({"f": b"x" * 500})], architecture="arm64")
OTHER = build_image([layer({"f": b"x" * 30})])
EMPTY = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(b"{}"), "size": 2}
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def save_docker(path: Path, images: Sequence[tuple[BuiltImage, list[str] | None]], outer: Compression = "plain") -> str:
    """A docker archive of images with their tags."""
    entries: dict[str, Entry] = {}
    items: list[dict[str, Any]] = []
    for image, tags in images:
        made = docker_archive_entries(image, "skopeo", tags)
        items += json.loads(made.pop("manifest.json"))  # type: ignore[arg-type]
        entries |= made
    path.write_bytes(compress(tar_bytes({**entries, "manifest.json": json.dumps(items).encode()}), outer))
    return str(path)


def save_layout(path: Path, entries: Sequence[Mapping[str, Any]], *images: BuiltImage, more: Sequence[bytes] = ()) -> str:
    """A layout of these entries, with the blobs of images and ``more``."""
    blobs = {digest: data for image in images for digest, data in image.blobs.items()}
    return str(write_files(layout_files(index_bytes(entries), blobs | {sha256(data): data for data in more}), path))


def descriptor_of(data: bytes, kind: str = "manifest", **more: Any) -> dict[str, Any]:
    return {"mediaType": f"{OCI}.{kind}.v1+json", "digest": sha256(data), "size": len(data), **more}


def sizes(path: str, select: str | None = None) -> dict[str, int]:
    """The content size for each platform."""
    index = Analyzer().analyze_all(path, select=select)
    return {platform: analysis.content_size for platform, analysis in index.analyses.items()}


# One name for several platforms


@pytest.mark.parametrize("outer", ["plain", "gzip"])
@pytest.mark.parametrize("tags", [["app:1"], ["app:1", "app:latest"], None])
def test_a_docker_archive_for_two_platforms(tmp_path: Path, tags: list[str] | None, outer: Compression) -> None:
    """One name, or none, for two platforms: the platform chooses, and the composed index and manifests show no digest."""
    path = save_docker(tmp_path / "a.tar", [(AMD64, tags), (ARM64, tags)], outer)
    for select in (None, *(tags or ())):
        for platform, size in (("linux/amd64", 1000), ("linux/arm64", 500)):
            analysis = Analyzer(platform=platform, verify=True).analyze(path, select=select)
            assert (analysis.content_size, analysis.platform) == (size, platform)
            assert (analysis.digest, analysis.manifest_size) == (None, None)
            assert analysis.reference == (select or (tags[0] if tags else None))
        index = Analyzer().analyze_all(path, select=select)
        assert sizes(path, select) == {"linux/amd64": 1000, "linux/arm64": 500}
        assert (index.digest, index.warnings, index.absent) == (None, (), ())
    with pytest.raises(NoMatchingPlatform, match="available: linux/amd64, linux/arm64$"):
        Analyzer(platform="linux/s390x").analyze(path)
    for select, size in (("@0", 1000), ("@1", 500), (sha256(ARM64.config), 500), (sha256(AMD64.config)[7:19], 1000)):
        assert Analyzer().analyze(path, select=select).content_size == size


def test_a_docker_archive_of_several_names_for_two_platforms(tmp_path: Path) -> None:
    """Archives of RKE2 have many names, each for several platforms: select chooses the name, platform the image."""
    path = save_docker(tmp_path / "a.tar", [(AMD64, ["app:1"]), (ARM64, ["app:1"]), (OTHER, ["db:1"])])
    assert sizes(path, "app:1") == {"linux/amd64": 1000, "linux/arm64": 500}
    assert sizes(path, "db:1") == {"linux/amd64": 30}
    with pytest.raises(
        ArchiveError, match=r"several images: @0 app:1 \(linux/amd64, \w+\), @1 app:1 \(linux/arm64, \w+\), @2 db:1"
    ):
        open_source(path)


def test_a_base_image_of_an_archive_of_several(tmp_path: Path) -> None:
    """``--select`` is for the analyzed image, so the hint of a base image has another way, which works."""
    path = save_docker(tmp_path / "a.tar", [(AMD64, ["base:1"]), (OTHER, ["db:1"])])
    with pytest.raises(SourceError, match=r"the base image .*: the archive contains several images: @0 base:1") as raised:
        Analyzer(base=path).analyze(path, select="db:1")
    assert raised.value.hint is not None and "docker-archive:FILE:NAME" in raised.value.hint
    assert "--select" not in raised.value.hint
    analysis = Analyzer(base=f"docker-archive:{path}:base:1").analyze(path, select="base:1")
    assert analysis.base is not None and analysis.base.found.name == "base:1"


def test_a_name_beside_an_image_without_one(tmp_path: Path) -> None:
    """They are two images, also for two platforms: docker save of a name and an ID writes such archives."""
    path = save_docker(tmp_path / "a.tar", [(AMD64, ["app:1"]), (ARM64, None)])
    listed = r"several images: @0 app:1 \(linux/amd64, \w+\), @1 untagged \(linux/arm64, \w+\)$"
    for platform in ("linux/amd64", "linux/arm64", None):
        with pytest.raises(ArchiveError, match=listed):
            Analyzer(platform=platform).analyze(path)
    assert (sizes(path, "app:1"), sizes(path, "@1")) == ({"linux/amd64": 1000}, {"linux/arm64": 500})
    layout = save_layout(tmp_path / "layout", [named(AMD64.descriptor, "v1"), ARM64.descriptor], AMD64, ARM64)
    with pytest.raises(ArchiveError, match=r"several images: @0 v1 \(linux/amd64, \w+\), @1 untagged \(linux/arm64"):
        open_source(layout)


def test_an_empty_name_is_none(tmp_path: Path) -> None:
    """``"RepoTags": [""]`` is an image without a name."""
    assert Analyzer().analyze(save_docker(tmp_path / "a.tar", [(AMD64, [""])])).reference is None


def test_one_name_of_two_images_for_one_platform(tmp_path: Path) -> None:
    """The error lists only the images of the name, and a number or an image ID chooses."""
    path = save_docker(tmp_path / "a.tar", [(ARM64, ["db:1"]), (AMD64, ["app:1"]), (OTHER, ["docker.io/library/app:1"])])
    ids = [sha256(image.config)[7:19] for image in (AMD64, OTHER)]
    with pytest.raises(ArchiveError) as raised:
        open_source(path, select="app:1")
    assert str(raised.value) == (
        f"'app:1' is the name of several images for one platform: @1 app:1 (linux/amd64, {ids[0]}), "
        f"@2 docker.io/library/app:1 (linux/amd64, {ids[1]})"
    )
    assert raised.value.hint == "choose one with --select @N or by its digest"
    assert [Analyzer().analyze(path, select=select).content_size for select in ("@1", ids[1])] == [1000, 30]


@pytest.mark.parametrize(
    "select", ["", "@", "@2", "@01", "@-1", "@²", "0" * 12, "abcdef12345", "app:3", "sha256:" + "0" * 64]
)
def test_choices_that_do_not_exist(tmp_path: Path, select: str) -> None:
    """Numbers, names and digests that no image has; a digest of fewer than 12 digits is none."""
    path = save_docker(tmp_path / "a.tar", [(AMD64, ["app:1"]), (OTHER, ["db:1"])])
    with pytest.raises(ArchiveError, match=r"no image '.*' in the archive; it contains: @0 app:1 \(.*\), @1 db:1"):
        open_source(path, select=select)


def test_a_long_list_of_images_is_cut(tmp_path: Path) -> None:
    """An error names 50 images."""
    entries = [named({**AMD64.descriptor, "digest": sha256(b"%d" % number)}, f"v{number}") for number in range(60)]
    images = [build_image([], config={"author": str(number)}) for number in range(60)]
    entries = [named(image.descriptor, f"v{number}") for number, image in enumerate(images)]
    with pytest.raises(ArchiveError, match=r"@49 v49 \(linux/amd64, \w{12}\), and 10 more"):
        open_source(save_layout(tmp_path / "layout", entries, *images))


# Layouts


def test_a_layout_with_one_name_for_two_platforms(tmp_path: Path) -> None:
    """The platform of each entry is that of the index, or that of the config: without one, and where it is empty."""
    for number, entry in enumerate([ARM64.descriptor, {**ARM64.descriptor, "platform": {}}, for_platform(ARM64.descriptor, "linux", "arm64")]):  # fmt: skip
        path = save_layout(tmp_path / str(number), [named(AMD64.descriptor, "v1"), named(entry, "v1")], AMD64, ARM64)
        for select in (None, "v1"):
            assert sizes(path, select) == {"linux/amd64": 1000, "linux/arm64": 500}
            found = Analyzer(platform="linux/arm64").analyze(path, select=select)
            assert (found.digest, found.reference) == (ARM64.digest, "v1")
        assert Analyzer().analyze_all(path).digest is None  # no index lists just these


def test_a_layout_with_one_name_on_two_manifests(tmp_path: Path) -> None:
    """One ref.name on two images for one platform is ambiguous; their numbers and digests choose."""
    path = save_layout(tmp_path / "layout", [named(AMD64.descriptor, "v1"), named(OTHER.descriptor, "v1")], AMD64, OTHER)
    listed = rf"@0 v1 \(linux/amd64, {AMD64.digest[7:19]}\), @1 v1 \(linux/amd64, {OTHER.digest[7:19]}\)"
    with pytest.raises(ArchiveError, match=f"'v1' is the name of several images for one platform: {listed}"):
        open_source(path, select="v1")
    with pytest.raises(ArchiveError, match=f"contains several images: {listed}"):
        open_source(path)
    for select in ("@1", OTHER.digest, OTHER.digest[7:19], sha256(OTHER.config)):
        assert Analyzer().analyze(path, select=select).content_size == 30


def test_children_of_a_listed_index_are_no_images_of_their_own(tmp_path: Path) -> None:
    """oras copy -r lists the manifests of an index beside it; one with a name of its own can be chosen."""
    index = index_bytes([for_platform(AMD64.descriptor, "linux", "amd64"), for_platform(ARM64.descriptor, "linux", "arm64")])
    listed = [ARM64.descriptor, named(descriptor_of(index, "index"), "v1"), AMD64.descriptor]
    path = save_layout(tmp_path / "one", listed, AMD64, ARM64, more=[index])
    assert sizes(path) == sizes(path, "v1") == sizes(path, "@0") == {"linux/amd64": 1000, "linux/arm64": 500}
    assert Analyzer().analyze_all(path).digest == sha256(index)
    with pytest.raises(ArchiveError, match=r"it contains: @0 v1 \(linux/amd64, linux/arm64, \w{12}\)$"):
        open_source(path, select="@1")
    for select in (ARM64.digest, sha256(ARM64.config)[7:19]):
        assert Analyzer().analyze(path, select=select).digest == ARM64.digest
    path = save_layout(tmp_path / "two", [named(ARM64.descriptor, "v1-arm"), *listed], AMD64, ARM64, more=[index])
    assert sizes(path) == {"linux/amd64": 1000, "linux/arm64": 500}
    assert sizes(path, "v1-arm") == {"linux/arm64": 500}


def referrers(image: BuiltImage) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Entries of what tools store beside an image, and their blobs."""
    subject = {key: image.descriptor[key] for key in ("mediaType", "digest", "size")}
    payload = b'{"critical": 1}'
    blob = {"mediaType": BUNDLE, "digest": sha256(payload), "size": len(payload)}
    bundle = json.dumps(
        {"schemaVersion": 2, "artifactType": BUNDLE, "config": EMPTY, "layers": [blob], "subject": subject}
    ).encode()
    about = json.dumps({**json.loads(OTHER.manifest), "subject": subject}).encode()  # an SBOM with the config of an image
    config = json.dumps({"os": "", "architecture": "", "rootfs": {"type": "layers", "diff_ids": [sha256(payload)]}}).encode()
    simple = {
        "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
        "digest": sha256(payload),
        "size": len(payload),
    }
    signature = json.dumps({"schemaVersion": 2, "config": descriptor_of(config, "config"), "layers": [simple]}).encode()
    marked = json.dumps({**json.loads(OTHER.manifest), "annotations": {"by": "kind"}}).encode()
    fallback = json.dumps({"schemaVersion": 2, "manifests": [descriptor_of(bundle)]}).encode()
    tag = image.digest.replace(":", "-")
    entries = [
        descriptor_of(bundle, artifactType=BUNDLE), descriptor_of(about), descriptor_of(signature),
        named(descriptor_of(signature), f"{tag}.sig"), named(descriptor_of(fallback, "index"), tag),
        descriptor_of(marked, annotations={"kind": "dev.cosignproject.cosign/sigs"}),
        {**OTHER.descriptor, "annotations": {"io.containerd.manifest.subject": image.digest}},
    ]  # fmt: skip
    return entries, [bundle, about, config, signature, marked, fallback, payload]


@pytest.mark.parametrize("number", [*range(7), None])
@pytest.mark.parametrize("name", ["v1", None])
def test_referrers_are_no_images(tmp_path: Path, name: str | None, number: int | None) -> None:
    """Signatures, attestations and other referrers beside an image, before it and behind it, are no images to choose."""
    entries, blobs = referrers(AMD64)
    entries = entries if number is None else entries[number : number + 1]
    image = (
        named(AMD64.descriptor, name)
        if name
        else {**AMD64.descriptor, "annotations": {"kind": "dev.cosignproject.cosign/image"}}
    )
    for place, listed in (("before", [*entries, image]), ("behind", [image, *entries])):
        path = save_layout(tmp_path / place, listed, AMD64, OTHER, more=[b"{}", *blobs])
        for select in (None, "@0", AMD64.digest):
            found = Analyzer().analyze(path, select=select)
            assert (found.digest, found.content_size, found.reference) == (AMD64.digest, 1000, name)


def test_a_referrer_can_be_asked_for(tmp_path: Path) -> None:
    """A signature that is chosen by its tag or digest, or that is alone, is said to be one."""
    entries, blobs = referrers(AMD64)
    path = save_layout(tmp_path / "layout", [named(AMD64.descriptor, "v1"), entries[3]], AMD64, more=blobs)
    alone = save_layout(tmp_path / "alone", entries[3:4], more=blobs)
    for layout, select in ((path, f"sha256-{AMD64.digest[7:]}.sig"), (path, entries[3]["digest"]), (alone, None)):
        with pytest.raises(NotAnImage, match="cosign signature"):
            Analyzer().analyze(layout, select=select)
    two = save_layout(tmp_path / "two", [entries[0], entries[3]], more=[b"{}", *blobs])
    with pytest.raises(ArchiveError, match="the layout contains no image: none of its 2 manifests is that of an image"):
        open_source(two)


def test_images_whose_manifests_are_missing(tmp_path: Path) -> None:
    """A partial layout holds the image that it has; a warning names the other one, and choosing it says what is missing."""
    path = save_layout(tmp_path / "layout", [named(AMD64.descriptor, "v1"), named(OTHER.descriptor, "v2")], AMD64)
    found = Analyzer().analyze(path)
    assert (found.digest, found.warnings) == (AMD64.digest, ("the manifest of another image is missing: v2",))
    with pytest.raises(ArchiveError, match=OTHER.digest[7:]):
        Analyzer().analyze(path, select="v2")
    with pytest.raises(ArchiveError, match=r"it contains: @0 v1 \(linux/amd64, \w{12}\)$"):
        open_source(path, select="v3")


def test_a_broken_manifest_beside_others(tmp_path: Path) -> None:
    """The other images can be chosen; the broken one is listed, and choosing it says what is wrong."""
    path = save_layout(tmp_path / "layout", [named(AMD64.descriptor, "v1"), named(OTHER.descriptor, "v2")], AMD64, OTHER)
    (Path(path) / "blobs" / "sha256" / OTHER.digest[7:]).write_bytes(OTHER.manifest[:-1] + b" ")
    assert Analyzer().analyze(path, select="v1").content_size == 1000
    with pytest.raises(ArchiveError, match=rf"several images: @0 v1 \(.*\), @1 v2 \({OTHER.digest[7:19]}\)"):
        open_source(path)
