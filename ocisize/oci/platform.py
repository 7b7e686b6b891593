"""Choosing the image for a platform: normalised names and the order in which variants fall back.

The rules are containerd's (https://github.com/containerd/platforms): names in many spellings mean one platform, and
a processor also runs images for its older variants.
"""

from __future__ import annotations

import platform as host
import re
from collections.abc import Iterable, Iterator

import attrs

from ocisize.errors import NoMatchingPlatform, OcisizeError
from ocisize.oci.documents import Descriptor, Platform
from ocisize.oci.media_types import INDEX_TYPES, MANIFEST_TYPES

_ARCHITECTURES = {
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "aarch64": ("arm64", None),
    "i386": ("386", None),
    "i486": ("386", None),
    "i586": ("386", None),
    "i686": ("386", None),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv5l": ("arm", "v5"),  # from here on what uname calls the processor
    "armv5tel": ("arm", "v5"),
    "armv6l": ("arm", "v6"),
    "armv7l": ("arm", "v7"),
    "armv8l": ("arm", "v8"),
    "loongarch64": ("loong64", None),
}
_SYSTEMS = {"macos": "darwin"}


@attrs.frozen
class UnreadImage:
    """An image of an index whose manifest or config could not be read."""

    platform: str  #: as the index names it, "" where it does not
    digest: str  #: of the manifest
    error: str


def normalize(platform: Platform) -> Platform:
    """Bring a platform to its usual spelling: ``x86_64`` is ``amd64``, ``arm`` is ``arm/v7``, ``arm64/v8`` is ``arm64``."""
    architecture = platform.architecture.lower()
    architecture, implied = _ARCHITECTURES.get(architecture, (architecture, None))
    variant: str | None = (platform.variant or implied or "").lower()
    if architecture == "arm" and variant in {"5", "6", "7", "8"}:
        variant = f"v{variant}"
    if architecture == "arm" and not variant:
        variant = "v7"
    if (architecture, variant) in {
        ("amd64", "v1"), ("arm64", "8"), ("arm64", "v8"), ("arm64", "v8.0"),
    }:  # fmt: skip
        variant = None
    system = platform.os.lower()
    return attrs.evolve(platform, os=_SYSTEMS.get(system, system), architecture=architecture, variant=variant or None)


def parse_platform(text: str) -> Platform:
    """Parse ``os/arch[/variant]``; raise OcisizeError when it is not of that form."""
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise OcisizeError(f"invalid platform {text!r}", hint="write os/arch[/variant], e.g. linux/arm64 or linux/arm/v7")
    return normalize(Platform(*parts))


def default_platform() -> Platform:
    """Linux on the processor of this machine."""
    return normalize(Platform("linux", host.machine() or "amd64"))


def is_attestation(descriptor: Descriptor) -> bool:
    """Whether an index entry describes another image (provenance, SBOM) instead of being one."""
    reference = descriptor.annotations.get("vnd.docker.reference.type")
    platform = descriptor.platform
    return (
        reference == "attestation-manifest"
        or "io.containerd.manifest.subject" in descriptor.annotations
        or (platform is not None and platform.os == platform.architecture == "unknown")
    )


def image_entries(descriptors: Iterable[Descriptor]) -> list[Descriptor]:
    """The entries of an index that may be images, each once per platform and in order."""
    entries: dict[tuple[str, Platform | None], Descriptor] = {}
    for entry in descriptors:
        if not is_attestation(entry) and (not entry.media_type or entry.media_type in MANIFEST_TYPES | INDEX_TYPES):
            entries.setdefault((entry.digest, entry.platform), entry)
    return list(entries.values())


def select(candidates: Iterable[tuple[Platform, Descriptor]], wanted: Platform) -> Descriptor:
    """Pick the first entry that matches best; raise NoMatchingPlatform with what there is."""
    wanted = normalize(wanted)
    normal = [(normalize(platform), descriptor) for platform, descriptor in candidates]
    for acceptable in _fallbacks(wanted):
        for platform, descriptor in normal:
            if (platform.os, platform.architecture, platform.variant) == acceptable:
                return descriptor
    raise NoMatchingPlatform(str(wanted), list(dict.fromkeys(str(platform) for platform, _ in normal)))


def _fallbacks(wanted: Platform) -> Iterator[tuple[str, str, str | None]]:
    system, architecture, variant = wanted.os, wanted.architecture, wanted.variant
    yield system, architecture, variant
    if architecture == "amd64":
        for older in range(_level(variant, "v") - 1, 1, -1):
            yield system, "amd64", f"v{older}"
        yield system, "amd64", None
        yield system, "386", None
    elif architecture == "arm64":
        for older in range(_level(variant, "v8.") - 1, 0, -1):
            yield system, "arm64", f"v8.{older}"
        yield system, "arm64", None
        for old in ("v8", "v7", "v6", "v5"):
            yield system, "arm", old
    elif architecture == "arm" and variant:
        for old in ("v7", "v6", "v5"):
            if old < variant:
                yield system, "arm", old


def _level(variant: str | None, prefix: str) -> int:
    """The number behind ``prefix``, 0 where there is none."""
    match = re.fullmatch(rf"{re.escape(prefix)}([0-9]{{1,2}})", variant or "")
    return int(match[1]) if match else 0
