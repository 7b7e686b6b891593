"""OCI and Docker image documents as values, and how their JSON becomes them.

Specification: https://github.com/opencontainers/image-spec (manifest.md, image-index.md, config.md). Unknown
fields are ignored and ``null`` for an optional field equals absent, as the specification asks; duplicate names,
wrong types and ambiguous documents (CVE-2021-41190) are refused.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ocisize.blob.digest import Digest, is_digest
from ocisize.oci.strict_json import abbreviated_repr

SELF_NAMED = "io.ocisize.self-named"  # annotation: the digest was computed from the blob, so it proves nothing


def _check_digest(_: object, __: object, value: Digest) -> None:
    if not is_digest(value):
        raise ValueError(f"{abbreviated_repr(value)} is not a digest")


def _check_size(_: object, __: object, value: int) -> None:
    if not 0 <= value < 1 << 63:
        raise ValueError(f"{value} is not a size")


@attrs.frozen
class Platform:
    """Operating system and processor an image is built for."""

    os: str = ""
    architecture: str = ""
    variant: str | None = None
    os_version: str | None = None

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part) or "unknown"


@attrs.frozen
class Descriptor:
    """A pointer to content: its type, digest and size in bytes as stored."""

    digest: Digest = attrs.field(validator=_check_digest)
    size: int = attrs.field(validator=_check_size)
    media_type: str = ""
    annotations: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    platform: Platform | None = None
    artifact_type: str | None = None
    urls: tuple[str, ...] = ()


@attrs.frozen
class Index:
    """An image index or manifest list: manifests by platform."""

    manifests: tuple[Descriptor, ...]
    media_type: str = ""
    annotations: Mapping[str, str] = attrs.field(factory=dict, hash=False)


@attrs.frozen
class Manifest:
    """An image manifest: its config and layers, base layer first."""

    config: Descriptor
    layers: tuple[Descriptor, ...] = ()
    media_type: str = ""
    artifact_type: str | None = None
    annotations: Mapping[str, str] = attrs.field(factory=dict, hash=False)


@attrs.frozen
class History:
    """One build step; steps with ``empty_layer`` own no layer."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


@attrs.frozen
class RootFs:
    """Digests of the uncompressed layers, base first."""

    type: str = "layers"
    diff_ids: tuple[Digest, ...] = attrs.field(default=(), validator=attrs.validators.deep_iterable(_check_digest))


@attrs.frozen(kw_only=True)
class RunConfig:
    """How containers of an image run; what it leaves out or has in a wrong type is empty."""

    user: str = ""
    env: tuple[str, ...] = ()  #: ``NAME=VALUE``
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    working_dir: str = ""
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    healthcheck: bool = False


@attrs.frozen
class ImageConfig:
    """The image configuration, as far as sizes and their explanation need it."""

    rootfs: RootFs
    os: str = ""
    architecture: str = ""
    variant: str | None = None
    os_version: str | None = None
    created: str = ""
    history: tuple[History, ...] = ()
    run: RunConfig = attrs.field(factory=RunConfig)

    @property
    def platform(self) -> Platform:
        """The platform the config itself names."""
        return Platform(self.os, self.architecture, self.variant, self.os_version)
