"""Platforms: their spellings, the order in which older variants are taken, and what is no image at all."""

from __future__ import annotations

import os

import pytest

from ocisize.errors import NoMatchingPlatform, OcisizeError
from ocisize.oci.documents import Descriptor, Platform
from ocisize.oci.media_types import OCI_INDEX, OCI_MANIFEST
from ocisize.blob.digest import Digest
from ocisize.oci.platform import default_platform, image_entries, is_attestation, normalize, parse_platform, select


def entry(number: int, platform: str | None = None, media_type: str = OCI_MANIFEST, **annotations: str) -> Descriptor:
    parts = platform.split("/") if platform else None
    renamed = {name.replace("_", "."): value for name, value in annotations.items()}
    digest = Digest(f"sha256:{number:064x}")
    return Descriptor(digest, 1, media_type, renamed, Platform(*parts) if parts else None)


def candidates(*platforms: str) -> list[tuple[Platform, Descriptor]]:
    return [(Platform(*text.split("/")), entry(number, text)) for number, text in enumerate(platforms)]


def chosen(wanted: str, *platforms: str) -> str:
    """Which of the platforms is taken for the wanted one."""
    return str(select(candidates(*platforms), parse_platform(wanted)).platform)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/x86_64", "linux/amd64"), ("linux/x86-64", "linux/amd64"), ("Linux/AMD64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"), ("linux/amd64/v3", "linux/amd64/v3"), ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"), ("linux/arm64/8", "linux/arm64"), ("linux/arm64/v8.0", "linux/arm64"),
        ("linux/arm64/v8.2", "linux/arm64/v8.2"), ("linux/arm", "linux/arm/v7"), ("linux/arm/6", "linux/arm/v6"),
        ("linux/arm/V5", "linux/arm/v5"), ("linux/armhf", "linux/arm/v7"), ("linux/armel", "linux/arm/v6"),
        ("linux/armv7l", "linux/arm/v7"), ("linux/armv6l", "linux/arm/v6"), ("linux/i386", "linux/386"),
        ("linux/i686", "linux/386"), ("macos/arm64", "darwin/arm64"), ("windows/amd64", "windows/amd64"),
        ("linux/s390x", "linux/s390x"),
    ],
)  # fmt: skip
def test_spellings(text: str, expected: str) -> None:
    """All spellings of a platform become one, and that one stays."""
    assert str(parse_platform(text)) == expected
    assert normalize(parse_platform(text)) == parse_platform(text)


@pytest.mark.parametrize("text", ["", "linux", "amd64", "linux/", "/amd64", "linux//v8", "a/b/c/d"])
def test_nonsense_is_refused(text: str) -> None:
    """A platform needs a system and a processor."""
    with pytest.raises(OcisizeError, match="invalid platform"):
        parse_platform(text)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("x86_64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("armv7l", "linux/arm/v7"),
        ("i686", "linux/386"),
        ("", "linux/amd64"),
    ],
)
def test_the_default_is_this_machine(machine: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a wish it is Linux on this processor, by whatever name the kernel calls it."""
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("", "", "", "", machine)))
    assert str(default_platform()) == expected


@pytest.mark.parametrize(
    ("wanted", "there", "expected"),
    [
        ("linux/amd64", ("linux/arm64", "linux/386", "linux/amd64"), "linux/amd64"),
        ("linux/amd64", ("linux/arm64", "linux/386"), "linux/386"),
        ("linux/amd64/v3", ("linux/amd64", "linux/amd64/v2", "linux/amd64/v4"), "linux/amd64/v2"),
        ("linux/amd64/v3", ("linux/386", "linux/amd64/v4", "linux/amd64"), "linux/amd64"),
        ("linux/amd64", ("linux/amd64/v2", "linux/x86_64"), "linux/x86_64"),
        ("linux/arm/v7", ("linux/arm/v5", "linux/arm/v6"), "linux/arm/v6"),
        ("linux/arm/v7", ("linux/arm/v5",), "linux/arm/v5"),
        ("linux/arm", ("linux/arm/v6", "linux/arm"), "linux/arm"),
        ("linux/arm/v8", ("linux/arm/v6", "linux/arm/v7"), "linux/arm/v7"),
        ("linux/arm64", ("linux/arm/v7", "linux/arm64/v8"), "linux/arm64/v8"),
        ("linux/arm64", ("linux/arm/v5", "linux/arm/v7", "linux/arm/v6"), "linux/arm/v7"),
        ("linux/arm64/v8.3", ("linux/arm64", "linux/arm64/v8.1", "linux/arm64/v8.2"), "linux/arm64/v8.2"),
        ("linux/arm64/v8.3", ("linux/arm/v7", "linux/arm64"), "linux/arm64"),
    ],
)
def test_older_variants_are_taken(wanted: str, there: tuple[str, ...], expected: str) -> None:
    """The nearest older variant wins, whatever the order in the index."""
    assert chosen(wanted, *there) == expected


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        ("linux/amd64", ("linux/amd64/v2",)), ("linux/arm/v6", ("linux/arm/v7",)), ("linux/arm/v5", ("linux/arm64",)),
        ("linux/386", ("linux/amd64",)), ("linux/amd64", ("windows/amd64",)), ("linux/arm/v5", ("linux/arm/v6",)),
        ("linux/arm64", ("linux/arm64/v8.1",)), ("linux/amd64/v\u00b2", ("linux/s390x",)),
        ("linux/amd64/v99999999999", ("linux/s390x",)), ("linux/amd64", ()),
    ],
)  # fmt: skip
def test_no_match_lists_what_is_there(wanted: str, there: tuple[str, ...]) -> None:
    """What cannot run there is not taken, and the error names what could be had."""
    with pytest.raises(NoMatchingPlatform) as caught:
        chosen(wanted, *there)
    assert caught.value.available == there
    assert caught.value.wanted == wanted
    assert all(name in str(caught.value) for name in there or ("none",))


def test_the_list_has_no_doubles() -> None:
    """A repeated platform is listed once."""
    with pytest.raises(NoMatchingPlatform) as caught:
        chosen("linux/s390x", "linux/amd64", "linux/x86_64", "linux/arm64")
    assert caught.value.available == ("linux/amd64", "linux/arm64")


def test_the_first_of_equals_is_taken() -> None:
    """Of two entries for one platform the first wins."""
    assert select(candidates("linux/amd64", "linux/amd64"), parse_platform("linux/amd64")).digest == entry(0).digest


def test_any_spelling_may_be_wanted() -> None:
    """A Platform that the caller built by hand is normalised as well."""
    assert select(candidates("linux/amd64"), Platform("Linux", "x86_64")).digest == entry(0).digest


@pytest.mark.parametrize(
    "descriptor",
    [
        entry(1, "unknown/unknown"),
        entry(1, "linux/amd64", **{"vnd_docker_reference_type": "attestation-manifest"}),
        entry(1, None, **{"io_containerd_manifest_subject": "sha256:x"}),
    ],
)
def test_attestations_are_no_images(descriptor: Descriptor) -> None:
    """Provenance and SBOM entries are recognized by platform or annotation, and skipped."""
    assert is_attestation(descriptor)
    assert image_entries([descriptor, entry(2, "linux/amd64")]) == [entry(2, "linux/amd64")]


def test_entries_keep_their_order() -> None:
    """Images, indexes and untyped entries stay in order, other types go, and what repeats counts where it was first."""
    first, second, third = entry(1, "linux/amd64"), entry(2, "linux/arm64"), entry(3, media_type=OCI_INDEX)
    untyped, cache = entry(4, media_type=""), entry(5, media_type="application/vnd.buildkit.cacheconfig.v0")
    assert image_entries([first, cache, second, third, first, untyped]) == [first, second, third, untyped]


def test_one_manifest_may_serve_two_platforms() -> None:
    """The same digest for two platforms is two entries."""
    both = [entry(1, "linux/amd64"), entry(1, "linux/arm64")]
    assert image_entries(both) == both
