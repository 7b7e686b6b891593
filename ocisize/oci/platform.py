"""The choice of the image for a platform: normal names of platforms, and the variants to fall back on.

The rules are those of containerd (https://github.com/containerd/platforms): a platform has names in several spellings,
and a processor also runs images for its older variants.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from ocisize.errors import NoMatchingPlatform, OcisizeError
from ocisize.oci.documents import Descriptor, Platform
from ocisize.oci.media_types import INDEX_TYPES, MANIFEST_TYPES
from ocisize.oci.os_version import rank_version
from ocisize.patterns import lazy_pattern
from ocisize.values import evolve, frozen

_ATTESTATION = "attestation-manifest"
_CONTAINERD_SUBJECT = "io.containerd.manifest.subject"  # annotation of a referrer
#: spelling → architecture and the variant that the spelling implies
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
    "armv5l": ("arm", "v5"),  # from here on the names that uname has
    "armv5tel": ("arm", "v5"),
    "armv6l": ("arm", "v6"),
    "armv7l": ("arm", "v7"),
    "armv8l": ("arm", "v8"),
    "loongarch64": ("loong64", None),
}
_SYSTEMS = {"macos": "darwin"}
_KNOWN_SYSTEMS = ("linux", "windows", "darwin", "freebsd")  # in hints
_KNOWN_ARCHITECTURES = ("amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "mips64le", "loong64")
_PLATFORM = lazy_pattern(
    r"(?P<os>[^/:()]+)(?:\((?P<inner>[^/:()]+)\))?/(?P<architecture>[^/:()]+)(?:/(?P<variant>[^/:()]+))?(?::(?P<version>[^/:()]+))?"
)
_FORM = "write os/arch[/variant][:os.version], e.g. linux/arm64, linux/arm/v7 or windows/amd64:10.0.20348"
_MAX_ALIKE = 10  # images for one platform that a warning names
Candidate: TypeAlias = tuple[Platform, Descriptor]


@frozen
class UnreadImage:
    """An image of an index whose manifest or config could not be read."""

    platform: str  #: as the index names it, "" if it does not
    digest: str  #: of the manifest
    error: str  #: the message of the error


def normalize(platform: Platform) -> Platform:
    """Return a platform in its usual spelling.

    >>> str(normalize(Platform("Linux", "x86_64")))
    'linux/amd64'
    >>> str(normalize(Platform("linux", "arm")))
    'linux/arm/v7'
    >>> str(normalize(Platform("linux", "arm64", "v8")))
    'linux/arm64'
    """
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
    return evolve(platform, os=_SYSTEMS.get(system, system), architecture=architecture, variant=variant or None)


def parse_platform(text: str) -> Platform:
    """Parse ``os/arch[/variant][:os.version]`` and return the platform in its usual spelling.

    containerd's form ``os(os.version)/arch[/variant]`` is read too. Blanks around the text are left out. Raises OcisizeError
    for other forms.

    >>> parse_platform("linux/aarch64")
    Platform(os='linux', architecture='arm64', variant=None, os_version=None)
    >>> parse_platform("windows/amd64:10.0.20348") == parse_platform("windows(10.0.20348)/amd64")
    True
    >>> parse_platform("linux")
    Traceback (most recent call last):
    ocisize.errors.OcisizeError: invalid platform 'linux'
    """
    match = _PLATFORM.fullmatch(text.strip())
    if match is None or (match["inner"] and match["version"]):
        meant = _find_meant(text)
        raise OcisizeError(f"invalid platform {text!r}", hint=f"did you mean {meant}?" if meant else _FORM)
    version = match["inner"] or match["version"]
    return normalize(Platform(match["os"], match["architecture"], match["variant"], version))


def _find_meant(text: str) -> str | None:
    """The platform of a text that names a system or a processor only, or separates them otherwise; None for others.

    >>> _find_meant("arm64"), _find_meant("windows"), _find_meant("linux-aarch64"), _find_meant("vms")
    ('linux/arm64', 'windows/amd64', 'linux/arm64', None)
    """
    words = re.split(r"[-_: /]+", text.strip().lower().replace("x86_64", "amd64"))
    system = words.pop(0) if words[0] in (*_KNOWN_SYSTEMS, *_SYSTEMS) else "linux"
    architecture = words.pop(0) if words else "amd64"
    if words or (architecture not in _KNOWN_ARCHITECTURES and architecture not in _ARCHITECTURES):
        return None
    return str(normalize(Platform(system, architecture)))


def name_of(platform: Platform) -> str:
    """Return the text that ``parse_platform`` reads as this platform.

    >>> name_of(Platform("windows", "amd64", os_version="10.0.20348.1726"))
    'windows/amd64:10.0.20348.1726'
    """
    return f"{platform}:{platform.os_version}" if platform.os_version else str(platform)


def default_platform() -> Platform:
    """Return Linux on the processor of this machine."""
    return normalize(Platform("linux", os.uname().machine or "amd64"))


def is_attestation(descriptor: Descriptor) -> bool:
    """Return True if an index entry describes another image (provenance, SBOM) instead of being one.

    Marks: https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md.

    >>> is_attestation(Descriptor("sha256:" + 64 * "0", 1, platform=Platform("unknown", "unknown")))
    True
    """
    reference = descriptor.annotations.get("vnd.docker.reference.type")
    platform = descriptor.platform
    return (
        reference == _ATTESTATION
        or _CONTAINERD_SUBJECT in descriptor.annotations
        or (platform is not None and platform.os == platform.architecture == "unknown")
    )


def find_subject(descriptor: Descriptor) -> str | None:
    """Return the digest of the image that BuildKit's attestations are about, None if an index entry is none of theirs.

    >>> marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": "sha256:beef"}
    >>> find_subject(Descriptor("sha256:" + 64 * "0", 1, annotations=marks))
    'sha256:beef'
    """
    is_attestation_manifest = descriptor.annotations.get("vnd.docker.reference.type") == _ATTESTATION
    return descriptor.annotations.get("vnd.docker.reference.digest") if is_attestation_manifest else None


def image_entries(descriptors: Iterable[Descriptor]) -> list[Descriptor]:
    """Return the entries of an index that may be images or indexes, in order, each once per platform.

    >>> entry = Descriptor("sha256:" + 64 * "0", 1)
    >>> len(image_entries([entry, entry]))
    1
    """
    entries: dict[tuple[str, Platform | None], Descriptor] = {}
    for entry in descriptors:
        if not is_attestation(entry) and (not entry.media_type or entry.media_type in MANIFEST_TYPES | INDEX_TYPES):
            entries.setdefault((entry.digest, entry.platform), entry)
    return list(entries.values())


def select(candidates: Iterable[Candidate], wanted: Platform) -> Descriptor:
    """Return the first descriptor among those that match best; raise NoMatchingPlatform, which lists all platforms.

    An OS version must be the wanted one, or of Windows one that the wanted version runs.

    >>> digest = "sha256:" + 64 * "0"
    >>> arm, amd64 = Platform("linux", "arm", "v6"), Platform("linux", "amd64")
    >>> select([(arm, Descriptor(digest, 1)), (amd64, Descriptor(digest, 2))], Platform("linux", "arm", "v7")).size
    1
    """
    wanted = normalize(wanted)
    normal = [(normalize(platform), descriptor) for platform, descriptor in candidates]
    for acceptable in _fallbacks(wanted):
        matching = [pair for pair in normal if (pair[0].os, pair[0].architecture, pair[0].variant) == acceptable]
        if wanted.os_version is not None:
            ranked = [
                (rank_version(wanted.os, platform.os_version, wanted.os_version), descriptor)
                for platform, descriptor in matching
            ]
            fitting = [(rank, descriptor) for rank, descriptor in ranked if rank is not None]
            if fitting:
                return max(fitting, key=lambda pair: pair[0])[1]
        elif matching:
            return matching[0][1]
    raise NoMatchingPlatform(name_of(wanted), distinct_names(normal, versions=wanted.os_version is not None))


def distinct_names(candidates: Sequence[Candidate], *, versions: bool = False) -> list[str]:
    """Return the platforms of images as ``parse_platform`` reads them, each once.

    OS versions are named where several images differ in nothing else, and with ``versions`` always.

    >>> digest = "sha256:" + 64 * "0"
    >>> servers = [Platform("windows", "amd64", os_version=version) for version in ("10.0.20348.1", "10.0.17763.1")]
    >>> distinct_names([(server, Descriptor(digest, 1)) for server in servers])
    ['windows/amd64:10.0.20348.1', 'windows/amd64:10.0.17763.1']
    >>> distinct_names([(servers[0], Descriptor(digest, 1))])
    ['windows/amd64']
    """
    normal = [normalize(platform) for platform, _ in candidates]
    known: dict[str, set[str | None]] = {}
    for platform in normal:
        known.setdefault(str(platform), set()).add(platform.os_version)
    return list(dict.fromkeys(name_of(one) if versions or len(known[str(one)]) > 1 else str(one) for one in normal))


def alternatives(candidates: Sequence[Candidate], chosen: Descriptor) -> list[str]:
    """Return the images that differ from a chosen one in the OS version at most, the chosen one first: at most ten.

    They are named by their platforms, with their digests where those are the same.
    """
    platform = normalize(next(each for each, descriptor in candidates if descriptor is chosen))
    names = {
        descriptor.digest: name_of(normalize(each))
        for each, descriptor in sorted(candidates, key=lambda pair: pair[1] is not chosen)
        if str(normalize(each)) == str(platform)
    }
    counts = Counter(names.values())
    return [f"{name} {digest}" if counts[name] > 1 else name for digest, name in names.items()][:_MAX_ALIKE]


def _fallbacks(wanted: Platform) -> Iterator[tuple[str, str, str | None]]:
    """Yield system, architecture and variant of the images that a platform runs, best first."""
    system, architecture, variant = wanted.os, wanted.architecture, wanted.variant
    yield system, architecture, variant
    if architecture == "amd64":
        for level in range(_level(variant, "v") - 1, 1, -1):
            yield system, "amd64", f"v{level}"
        yield system, "amd64", None
        yield system, "386", None
    elif architecture == "arm64":
        for level in range(_level(variant, "v8.") - 1, 0, -1):
            yield system, "arm64", f"v8.{level}"
        yield system, "arm64", None
        for arm_variant in ("v8", "v7", "v6", "v5"):
            yield system, "arm", arm_variant
    elif architecture == "arm" and variant:
        for arm_variant in ("v7", "v6", "v5"):
            if arm_variant < variant:
                yield system, "arm", arm_variant


def _level(variant: str | None, prefix: str) -> int:
    """Return the number behind ``prefix``, 0 if there is none."""
    match = re.fullmatch(rf"{re.escape(prefix)}([0-9]{{1,2}})", variant or "")
    return int(match[1]) if match else 0
