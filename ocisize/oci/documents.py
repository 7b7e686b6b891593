"""OCI and Docker image documents as values.

Specification: https://github.com/opencontainers/image-spec (manifest.md, image-index.md, config.md). ``oci.parse``
reads them: unknown fields are ignored and ``null`` for an optional field equals absent, as the specification asks; duplicate
names, wrong types and ambiguous documents (CVE-2021-41190) are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NewType

from ocisize.blob.digest import Digest, is_digest
from ocisize.oci.strict_json import abbreviated_repr
from ocisize.values import field, frozen

UNKNOWN = "unknown"  #: the text of a platform that neither an index nor a config names
SELF_NAMED = "io.ocisize.self-named"  # annotation: the digest was computed from the blob, so it verifies nothing
FILE_NAMED = "io.ocisize.file-named"  # annotation: the digest is the name of a file, which need not be that of its bytes

#: what BuildKit noted about the build before there were attestations, in base64; "" if there is none
BuildInfo = NewType("BuildInfo", str)


def _check_digest(_: object, __: object, value: Digest) -> None:
    if not is_digest(value):
        raise ValueError(f"{abbreviated_repr(value)} is not a digest")


def _check_digests(_: object, __: object, values: Iterable[Digest]) -> None:
    for value in values:
        _check_digest(None, None, value)


def _check_size(_: object, __: object, value: int) -> None:
    if not 0 <= value < 1 << 63:
        raise ValueError(f"{value} is not a size")


@frozen
class Platform:
    """Operating system and processor that an image is built for.

    >>> str(Platform("linux", "arm", "v7"))
    'linux/arm/v7'
    """

    os: str = ""  #: ``linux``, ``windows``
    architecture: str = ""  #: as Go names it: ``amd64``, ``arm64``
    variant: str | None = None  #: ``v7`` of ``arm``
    os_version: str | None = None  #: of Windows: ``10.0.20348.1726``

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part) or UNKNOWN


@frozen
class Descriptor:
    """A pointer to a blob: its media type, digest and stored size in bytes.

    Raises ValueError for a malformed digest, and for a size below 0 or of more than 63 bits.

    >>> import ocisize
    >>> Descriptor(ocisize.digest_of(b"{}"), size=2, media_type="application/vnd.oci.image.config.v1+json").size
    2
    >>> Descriptor("sha256:beef", size=2)
    Traceback (most recent call last):
    ValueError: 'sha256:beef' is not a digest
    """

    digest: Digest = field(validator=_check_digest)  #: ``sha256:`` and hex digits
    size: int = field(validator=_check_size)  #: stored bytes
    media_type: str = ""  #: "" if there is none
    annotations: Mapping[str, str] = field(factory=dict, hash=False)  #: by name
    platform: Platform | None = None  #: of an entry of an index; None if it names none
    artifact_type: str | None = None  #: of an artifact
    urls: tuple[str, ...] = ()  #: other places that have the blob


@frozen
class Index:
    """An image index or manifest list: manifests by platform."""

    manifests: tuple[Descriptor, ...]
    media_type: str = ""
    annotations: Mapping[str, str] = field(factory=dict, hash=False)


@frozen
class Manifest:
    """An image manifest: its config and layers, base layer first."""

    config: Descriptor
    layers: tuple[Descriptor, ...] = ()
    media_type: str = ""
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(factory=dict, hash=False)
    subject: Descriptor | None = None  #: the manifest that this one signs, attests or describes


@frozen
class History:
    """One build step; a step with ``empty_layer`` has no layer."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


@frozen
class RootFs:
    """Digests of the uncompressed layers, base first."""

    type: str = "layers"
    diff_ids: tuple[Digest, ...] = field(default=(), validator=_check_digests)


@frozen(kw_only=True)
class RunConfig:
    """How containers of an image run; fields that are absent or of a wrong type are empty.

    >>> RunConfig(user="app", cmd=("serve",)).exposed_ports
    ()
    """

    user: str = ""  #: name or number, perhaps with a group behind a colon; "" is root
    env: tuple[str, ...] = ()  #: ``NAME=VALUE``
    entrypoint: tuple[str, ...] = ()  #: the program that every container runs
    cmd: tuple[str, ...] = ()  #: the default arguments, or the program if there is no entrypoint
    working_dir: str = ""  #: "" is the root
    exposed_ports: tuple[str, ...] = ()  #: ``80/tcp``, in the order of the config
    volumes: tuple[str, ...] = ()  #: paths, in the order of the config
    labels: Mapping[str, str] = field(factory=dict, hash=False)  #: by name
    healthcheck: tuple[str, ...] = ()  #: the test, which begins with ``CMD`` or ``CMD-SHELL``; empty if there is none
    stop_signal: str = ""  #: "" is SIGTERM


@frozen
class ImageConfig:
    """The image configuration: the fields that sizes and their explanation need."""

    rootfs: RootFs
    os: str = ""
    architecture: str = ""
    variant: str | None = None
    os_version: str | None = None
    created: str = ""
    history: tuple[History, ...] = ()
    run: RunConfig = field(factory=RunConfig)
    build_info: BuildInfo = BuildInfo("")

    @property
    def platform(self) -> Platform:
        """The platform that the config names."""
        return Platform(self.os, self.architecture, self.variant, self.os_version)
