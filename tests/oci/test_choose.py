"""One image of an index: by platform and OS version, beside broken images, signatures and other artifacts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocisize.analyzer import Analyzer
from ocisize.errors import DocumentError, NoMatchingPlatform, NotAnImage, OcisizeError, SizeMismatch
from ocisize.oci.documents import Platform
from ocisize.oci.image import Image, read_image
from ocisize.oci.index import read_images
from ocisize.oci.platform import default_platform, name_of, parse_platform
from tests.images import OCI, BuiltImage, build_image, for_platform, index_bytes, layer, layout_files, sha256, write_files
from tests.oci.test_image import MemorySource

EMPTY = "application/vnd.oci.empty.v1+json"


def built(architecture: str, system: str = "linux", **config: Any) -> BuiltImage:
    return build_image([layer({"a": architecture.encode()})], architecture=architecture, config={"os": system, **config})


def source_of(entries: list[dict[str, Any]], *images: BuiltImage, blobs: dict[str, bytes] | None = None) -> MemorySource:
    merged = {digest: data for image in images for digest, data in image.blobs.items()}
    return MemorySource(index_bytes(entries), merged | (blobs or {}))


def choose(source: MemorySource, platform: str | None = None) -> Image:
    return read_image(source, parse_platform(platform) if platform else None)


AMD, ARM = built("amd64"), built("arm64")


# docker, skopeo and containerd read the config where the index does not say
@pytest.mark.parametrize(
    "platform",
    [..., None, {}, {"os": "", "architecture": ""}, {"os": "linux"}, {"os": "linux", "architecture": ""}, {"variant": ""}],
)
def test_platforms_that_the_index_leaves_out(platform: Any) -> None:
    """Empty and half empty objects are no platforms: the configs have them."""
    more = {} if platform is ... else {"platform": platform}
    source = source_of([{**AMD.descriptor, **more}, {**ARM.descriptor, **more}], AMD, ARM)
    assert choose(source, "linux/arm64").digest == ARM.digest
    assert choose(source, "linux/amd64").digest == AMD.digest
    with pytest.raises(NoMatchingPlatform, match="linux/s390x; available: linux/amd64, linux/arm64$"):
        choose(source, "linux/s390x")
    assert list(read_images(source).images) == ["linux/amd64", "linux/arm64"]


def test_a_half_empty_platform_adds_to_the_config() -> None:
    """What the index does say counts."""
    arm = built("arm")
    source = source_of([{**arm.descriptor, "platform": {"variant": "v6"}}], arm)
    assert choose(source, "linux/arm/v6").digest == arm.digest
    with pytest.raises(NoMatchingPlatform, match="available: linux/arm/v6"):
        choose(source, "linux/arm/v5")


WINDOWS = [
    ("windows", "10.0.17763.5329"), ("windows", "10.0.20348.1726"), ("windows", "10.0.20348.2227"), ("linux", None),
    ("windows", "10.0.14393.6614"), ("windows", "10.0.26100.1742"),
]  # fmt: skip


def windows_index() -> tuple[MemorySource, dict[str, str]]:
    """An index of images of Windows builds, and the digest of each."""
    images, entries = [], []
    for system, version in WINDOWS:
        image = built("amd64", system, **({"os.version": version} if version else {}))
        entry = for_platform(image.descriptor, system, "amd64")
        entry["platform"] |= {"os.version": version} if version else {}
        images.append(image)
        entries.append(entry)
    names = {image.digest: version or "linux" for image, (_, version) in zip(images, WINDOWS, strict=True)}
    return source_of(entries, *images), names


@pytest.mark.parametrize(
    ("platform", "version"),
    [
        ("windows/amd64:10.0.20348", "10.0.20348.2227"),  # the highest revision
        ("windows/amd64:10.0.20348.1726", "10.0.20348.1726"),
        ("windows/amd64:10.0.20348.1", "10.0.20348.2227"),  # hosts run all revisions of their build
        ("windows/amd64:10.0.17763", "10.0.17763.5329"),
        ("windows/amd64:10.0.14393.0", "10.0.14393.6614"),
        ("windows(10.0.20348)/amd64", "10.0.20348.2227"),  # as containerd writes it
        ("windows/amd64:10.0.22621", "10.0.20348.2227"),  # Windows 11 runs images of Server 2022
        ("windows/amd64:10.0.26100", "10.0.26100.1742"),
        ("windows/amd64", "10.0.17763.5329"),  # the first, as the specification says
        ("linux/amd64", "linux"),
    ],
)
def test_windows_builds(platform: str, version: str) -> None:
    """The same build number, and of the same build the highest revision (containerd's platforms package)."""
    source, names = windows_index()
    assert names[choose(source, platform).digest] == version


@pytest.mark.parametrize("version", ["10.0.19041", "10.0.17134.1", "10.1.20348", "6.3.9600", "10.0", "x", "10.0.14394"])
def test_windows_builds_that_are_not_there(version: str) -> None:
    """No other build is taken, and the list has what can be asked for."""
    source, _ = windows_index()
    with pytest.raises(NoMatchingPlatform) as caught:
        choose(source, f"windows/amd64:{version}")
    available = [f"windows/amd64:{number}" if number else "linux/amd64" for _, number in WINDOWS]
    assert list(caught.value.available) == available
    for name in available:
        assert name_of(parse_platform(name)) == name
        choose(source, name)


def test_several_images_for_one_platform_are_said() -> None:
    """The first is read, and the warning names all by their digests; one image that is listed twice is one."""
    first, second = built("amd64"), build_image([layer({"f": b"other"})])
    entries = [for_platform(image.descriptor, "linux", "amd64") for image in (first, second, first)]
    image = choose(source_of(entries, first, second), "linux/amd64")
    assert image.digest == first.digest
    assert image.warnings == (
        f"several images are for this platform: linux/amd64 {first.digest}, linux/amd64 {second.digest}; the first is read",
    )
    assert choose(source_of(entries[::2], first), "linux/amd64").warnings == ()
    many = [build_image([], config={"author": str(number)}) for number in range(30)]
    (warning,) = choose(source_of([for_platform(one.descriptor, "linux", "amd64") for one in many], *many)).warnings
    assert warning.count("sha256:") == 10


def test_several_builds_are_said() -> None:
    """Without a version the first is read, and the warning lists what else there is."""
    (warning,) = choose(windows_index()[0], "windows/amd64").warnings
    assert warning.startswith(
        "several images are for this platform: windows/amd64:10.0.17763.5329, windows/amd64:10.0.20348.1726"
    )
    assert choose(windows_index()[0], "linux/amd64").warnings == ()


def test_a_single_image_of_another_build() -> None:
    """The version counts without an index, too, and the error names it."""
    image = built("amd64", "windows", **{"os.version": "10.0.17763.1"})
    source = MemorySource(image.manifest, image.blobs)
    assert choose(source, "windows/amd64:10.0.17763").digest == image.digest
    with pytest.raises(NoMatchingPlatform, match=r"windows/amd64:10\.0\.20348; available: windows/amd64:10\.0\.17763\.1$"):
        choose(source, "windows/amd64:10.0.20348")


def test_images_without_a_version_fit_worst() -> None:
    """An entry that names no version is taken only if no other one fits."""
    plain, versioned = built("amd64", "windows"), built("amd64", "windows", **{"os.version": "10.0.20348.1"})
    entries = [for_platform(image.descriptor, "windows", "amd64") for image in (plain, versioned)]
    entries[1]["platform"]["os.version"] = "10.0.20348.1"
    source = source_of(entries, plain, versioned)
    assert choose(source, "windows/amd64:10.0.20348").digest == versioned.digest
    assert choose(source, "windows/amd64:10.0.17763").digest == plain.digest


def test_versions_that_the_index_leaves_out() -> None:
    """The configs have them, and are read only if a version is asked for."""
    versions = ("10.0.17763.1", "10.0.20348.1", "10.0.20348.2")
    images = [built("amd64", "windows", **{"os.version": version}) for version in versions]
    source = source_of([for_platform(image.descriptor, "windows", "amd64") for image in images], *images)
    assert choose(source, "windows/amd64:10.0.20348").digest == images[2].digest
    with pytest.raises(NoMatchingPlatform) as caught:
        choose(source, "windows/amd64:10.0.14393")
    assert caught.value.available == tuple(f"windows/amd64:{version}" for version in versions)
    assert choose(source, "windows/amd64").digest == images[0].digest


@pytest.mark.parametrize(
    "text", ["windows/amd64:", "windows/amd64:a:b", "windows(1)/amd64:2", "windows()/amd64", "a/b/c/d:1", ":1"]
)
def test_invalid_versions(text: str) -> None:
    with pytest.raises(OcisizeError, match="invalid platform"):
        parse_platform(text)


@pytest.mark.parametrize(("text", "platform"), [("arm64", "linux/arm64"), ("linux", "linux/amd64")])
def test_an_invalid_platform_of_an_index(text: str, platform: str) -> None:
    """The error lists what can be chosen, and the hint names the nearest one."""
    images = [built("amd64"), built("arm64")]
    entries = [for_platform(image.descriptor, "linux", name) for image, name in zip(images, ("amd64", "arm64"), strict=True)]
    with pytest.raises(OcisizeError) as raised:
        Analyzer(platform=text).analyze_source(source_of(entries, *images))
    assert str(raised.value) == f"invalid platform {text!r}; available: linux/amd64, linux/arm64"
    assert raised.value.hint == f"did you mean {platform}?"
    with pytest.raises(OcisizeError, match=f"invalid platform {text!r}$"):
        Analyzer(platform=text).analyze_source(MemorySource(images[0].manifest, images[0].blobs))


def test_blanks_around_a_platform() -> None:
    """They come with variables and copied text, as around names."""
    assert parse_platform(" linux/arm64\n") == parse_platform("linux/arm64")


def test_labels_of_all_platforms_stay() -> None:
    """The label has the OS version where images differ in nothing else, after a blank as before."""
    labels = list(read_images(windows_index()[0]).images)
    assert labels[1] == "windows/amd64 10.0.20348.1726"
    assert labels[3] == "linux/amd64"


def breakings() -> dict[str, tuple[dict[str, Any], dict[str, bytes]]]:
    """Entries of images without a platform that cannot be read, with their blobs."""
    config, gone = json.loads(ARM.manifest)["config"], {**ARM.blobs}
    del gone[config["digest"]]
    text = b'{"config": 5, "layers": []}'
    return {
        "no config": (ARM.descriptor, gone),
        "other config": (ARM.descriptor, {**ARM.blobs, config["digest"]: ARM.config + b" "}),
        "no JSON": ({**ARM.descriptor, "digest": sha256(b"<html>"), "size": 6}, {sha256(b"<html>"): b"<html>"}),
        "wrong type": ({**ARM.descriptor, "digest": sha256(text), "size": len(text)}, {sha256(text): text}),
        "other size": ({**ARM.descriptor, "size": 1}, ARM.blobs),
        "no manifest": ({**ARM.descriptor, "digest": sha256(b"gone")}, {}),
    }


class Strict(MemorySource):
    """Raises the error that archives raise for a blob that is missing."""

    def open_blob(self, descriptor: Any) -> Any:
        self.read_manifest(descriptor.digest)
        return super().open_blob(descriptor)


@pytest.mark.parametrize("name", breakings())
@pytest.mark.parametrize("first", [True, False])
def test_a_broken_image_does_not_hide_the_others(name: str, first: bool) -> None:
    """The chosen image is read, with a warning about the other one; alone or asked for, the broken one is the error."""
    entry, blobs = breakings()[name]
    entries = [entry, AMD.descriptor] if first else [AMD.descriptor, entry]
    source = Strict(index_bytes(entries), AMD.blobs | blobs)
    image = choose(source, "linux/amd64")
    assert image.digest == AMD.digest
    assert [warning.startswith("not read: ") for warning in image.warnings] == [True] * (name != "no manifest")
    with pytest.raises(
        NoMatchingPlatform, match=r"linux/s390x; available: linux/amd64" + ("; not read: " if image.warnings else "$")
    ):
        choose(source, "linux/s390x")
    with pytest.raises(OcisizeError):
        choose(Strict(index_bytes([entry]), blobs))
    assert list(read_images(source, keep_going=True).images) == ["linux/amd64"]
    if name != "no manifest":
        with pytest.raises(OcisizeError):
            read_images(source)


@pytest.mark.parametrize("part", ["config", "manifest"])
def test_a_broken_image_of_a_listed_platform(part: str) -> None:
    """An image that was not chosen is not looked at."""
    data = getattr(ARM, part)
    source = Strict(
        index_bytes([for_platform(ARM.descriptor, "linux", "arm64"), for_platform(AMD.descriptor, "linux", "amd64")]),
        AMD.blobs | ARM.blobs | {sha256(data): data + b" "},
    )
    assert choose(source, "linux/amd64").digest == AMD.digest
    with pytest.raises(SizeMismatch):
        choose(source, "linux/arm64")


def test_partial_copies() -> None:
    """Of an index whose manifests are not all there, those that are there can be chosen; the error says what is missing."""
    arm = for_platform(ARM.descriptor, "linux", "arm64")
    entries = [for_platform(built(name).descriptor, "linux", name) for name in ("s390x", "ppc64le", "amd64")] + [arm]
    source = source_of(entries, ARM)
    assert choose(source, "linux/arm64").digest == ARM.digest
    with pytest.raises(
        NoMatchingPlatform,
        match="linux/s390x; available: linux/arm64; listed without their manifests: linux/s390x, linux/ppc64le, linux/amd64",
    ):
        choose(source, "linux/s390x")
    other = source_of([for_platform({**ARM.descriptor, "digest": sha256(b"gone")}, "linux", default_platform().architecture),
                       for_platform(built("s390x").descriptor, "linux", "s390x")], built("s390x"))  # fmt: skip
    image = choose(other)
    assert str(image.platform) == "linux/s390x"
    assert image.warnings == (
        f"listed without their manifests: {default_platform()}",
        f"the only image is for linux/s390x, not for {default_platform()}",
    )


def test_an_older_variant_in_a_partial_copy() -> None:
    """It runs on the processor that was asked for, and the warning says which image is missing."""
    old = built("386")
    entries = [for_platform(AMD.descriptor, "linux", "amd64"), for_platform(old.descriptor, "linux", "386")]
    image = choose(source_of(entries, old), "linux/amd64")
    assert (image.digest, image.warnings) == (old.digest, ("listed without their manifests: linux/amd64",))


def artifact(config_type: str = EMPTY, layer_type: str = "application/x", **changes: Any) -> bytes:
    config, blob = b"{}", b"signature"
    document = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": {"mediaType": config_type, "digest": sha256(config), "size": len(config)},
        "layers": [{"mediaType": layer_type, "digest": sha256(blob), "size": len(blob)}],
    }
    return json.dumps(document | changes).encode()


def subject() -> dict[str, Any]:
    return {name: AMD.descriptor[name] for name in ("mediaType", "digest", "size")}


@pytest.mark.parametrize(
    ("data", "more"),
    [
        (artifact(artifactType="application/vnd.dev.sigstore.bundle.v0.3+json", subject=subject()),
         {"artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json"}),  # oras copy -r
        (artifact(artifactType="application/vnd.dev.sigstore.bundle.v0.3+json", subject=subject()), {}),
        (artifact(f"{OCI}.config.v1+json", "application/vnd.dev.cosign.simplesigning.v1+json"),
         {"annotations": {"kind": "dev.cosignproject.cosign/sigs"}}),  # cosign save
        (artifact("application/vnd.amazon.soci.index.v2+json", "application/octet-stream"),
         {"artifactType": "application/vnd.amazon.soci.index.v2+json", "platform": {"os": "linux", "architecture": "amd64"}}),
        (artifact(f"{OCI}.config.v1+json", "application/vnd.in-toto+json"), {"platform": {"os": "unknown", "architecture": "unknown"}}),
        (artifact("application/octet-stream", "application/octet-stream"), {}),
        (artifact(layer_type="application/vnd.cncf.helm.chart.content.v1.tar+gzip"), {}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("listed", [True, False])
def test_artifacts_beside_an_image(data: bytes, more: dict[str, Any], first: bool, listed: bool) -> None:
    """Signatures, attestations and other artifacts are no images of the index, and are not listed."""
    entry = {"mediaType": f"{OCI}.manifest.v1+json", "digest": sha256(data), "size": len(data), **more}
    image = for_platform(AMD.descriptor, "linux", "amd64") if listed else AMD.descriptor
    entries = [entry, image] if first else [image, entry]
    source = source_of(entries, AMD, blobs={sha256(data): data, sha256(b"{}"): b"{}"})
    found = choose(source, "linux/amd64")
    assert (found.digest, found.warnings) == (AMD.digest, ())
    with pytest.raises(NoMatchingPlatform, match="available: linux/amd64$"):
        choose(source, "linux/arm64")
    index = read_images(source)
    assert (list(index.images), index.attestations, index.unread) == (["linux/amd64"], 1, ())


def test_a_manifest_about_one_beside_it() -> None:
    """An image-like manifest whose subject is listed too describes that image."""
    document = json.dumps(json.loads(ARM.manifest) | {"subject": subject()}).encode()
    entry = {**ARM.descriptor, "digest": sha256(document), "size": len(document)}
    source = source_of([AMD.descriptor, entry], AMD, ARM, blobs={sha256(document): document})
    assert list(read_images(source).images) == ["linux/amd64"]
    alone = source_of([entry], AMD, ARM, blobs={sha256(document): document})
    assert list(read_images(alone).images) == ["linux/arm64"]


def test_another_format_of_the_same_image() -> None:
    """The entry of a platform that is an image is taken, behind one that no container runs from a tar."""
    nydus = json.loads(AMD.manifest)
    nydus["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.nydus.blob.v1"
    data = json.dumps(nydus).encode()
    entry = {**AMD.descriptor, "digest": sha256(data), "size": len(data)}
    entries = [for_platform(entry, "linux", "amd64"), for_platform(AMD.descriptor, "linux", "amd64")]
    image = choose(source_of(entries, AMD, blobs={sha256(data): data}), "linux/amd64")
    assert image.digest == AMD.digest
    assert image.warnings == (
        "another entry for this platform is no image but: Nydus image, whose layers are no tar archives",
    )
    with pytest.raises(NotAnImage, match="Nydus"):
        choose(source_of(entries[:1], AMD, blobs={sha256(data): data}), "linux/amd64")


def test_an_index_of_artifacts_alone() -> None:
    """The error names what they are."""
    data = artifact(layer_type="application/vnd.dev.cosign.simplesigning.v1+json")
    entry = {"mediaType": f"{OCI}.manifest.v1+json", "digest": sha256(data), "size": len(data)}
    with pytest.raises(NotAnImage, match="an index without images; it holds: cosign signature or attestation"):
        choose(source_of([entry], blobs={sha256(data): data}))


def test_a_build_cache() -> None:
    """The index of a BuildKit cache lists layers and its config."""
    blob = b'{"layers": []}'
    cache = {"mediaType": "application/vnd.buildkit.cacheconfig.v0", "digest": sha256(blob), "size": len(blob)}
    made = {"mediaType": f"{OCI}.layer.v1.tar+gzip", "digest": sha256(b"x"), "size": 1}
    with pytest.raises(NotAnImage, match="it holds: BuildKit cache") as caught:
        choose(source_of([made, cache]))
    assert caught.value.kind == "BuildKit cache"
    with pytest.raises(NotAnImage, match="it holds: BuildKit cache"):
        read_images(source_of([made, cache]))


def test_images_for_unknown_alone() -> None:
    """Attestations are for ``unknown/unknown``; where nothing else is listed and nothing marks them, configs are asked."""
    attestation = artifact(f"{OCI}.config.v1+json", "application/vnd.in-toto+json")
    entry = {"mediaType": f"{OCI}.manifest.v1+json", "digest": sha256(attestation), "size": len(attestation)}
    entries = [for_platform(each, "unknown", "unknown") for each in (entry, AMD.descriptor, ARM.descriptor)]
    source = source_of(entries, AMD, ARM, blobs={sha256(attestation): attestation})
    assert choose(source, "linux/arm64").digest == ARM.digest
    index = read_images(source)
    assert (list(index.images), index.attestations) == (["linux/amd64", "linux/arm64"], 1)
    marked = {**entries[1], "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    with pytest.raises(NoMatchingPlatform, match="available: none"):
        choose(source_of([marked], AMD), "linux/amd64")


def test_an_untyped_entry_may_be_an_index() -> None:
    """Also with a platform, which older indexes of indexes have."""
    inner = index_bytes([for_platform(AMD.descriptor, "linux", "amd64")])
    entry = {"digest": sha256(inner), "size": len(inner), "platform": {"os": "linux", "architecture": "amd64"}}
    assert choose(source_of([entry], AMD, blobs={sha256(inner): inner}), "linux/amd64").digest == AMD.digest


def test_entries_under_the_type_of_an_index() -> None:
    """A manifest that the entry calls an index is refused, as skopeo and containerd refuse it."""
    entry = {**AMD.descriptor, "mediaType": f"{OCI}.index.v1+json"}
    with pytest.raises(DocumentError, match="is declared as .* but is not an index"):
        choose(source_of([entry], AMD))
    assert choose(source_of([entry, ARM.descriptor], AMD, ARM), "linux/arm64").digest == ARM.digest


def test_children_of_an_index_are_analyzed_once() -> None:
    """An index lists the children of a nested one again in some layouts."""
    inner = index_bytes([for_platform(AMD.descriptor, "linux", "amd64"), for_platform(ARM.descriptor, "linux", "arm64")])
    nested = {"mediaType": f"{OCI}.index.v1+json", "digest": sha256(inner), "size": len(inner)}
    source = source_of([nested, AMD.descriptor, ARM.descriptor], AMD, ARM, blobs={sha256(inner): inner})
    index = Analyzer().analyze_all_source(source)
    assert list(index.analyses) == ["linux/amd64", "linux/arm64"]
    assert Platform("linux", "amd64") == parse_platform("linux/amd64")


@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize("kind", ["index", "manifest"])
def test_saved_documents_under_the_other_type(kind: str, typed: bool, tmp_path: Path) -> None:
    """An index that ``index.json`` lists as a manifest is refused, and the reverse (skopeo: rejecting ambiguous manifest)."""
    inner = json.loads(index_bytes([for_platform(AMD.descriptor, "linux", "amd64")]) if kind == "index" else AMD.manifest)
    inner.pop("mediaType", None)
    if typed:
        inner["mediaType"] = f"{OCI}.{kind}.v1+json"
    data = json.dumps(inner).encode()
    other = {"index": "manifest", "manifest": "index"}[kind]
    entry = {"mediaType": f"{OCI}.{other}.v1+json", "digest": sha256(data), "size": len(data)}
    folder = write_files(layout_files(index_bytes([entry]), AMD.blobs | {sha256(data): data}), tmp_path / "layout")
    for analyze in (Analyzer(platform="linux/amd64").analyze, Analyzer().analyze_all):
        with pytest.raises(
            DocumentError, match="is declared as .* but is " + ("an index" if kind == "index" else "not an index")
        ):
            analyze(folder)
