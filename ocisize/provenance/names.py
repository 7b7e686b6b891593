"""The names of images in provenance: package URLs, sources of LLB, and the notes of older BuildKits."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Container, Iterable
from urllib.parse import parse_qs, unquote

from ocisize.blob.digest import is_digest
from ocisize.errors import DocumentError, InvalidReference
from ocisize.history.redact import redact
from ocisize.oci.reference import canonical_name, parse_reference
from ocisize.oci.strict_json import parse_json
from ocisize.provenance.statement import Material
from ocisize.tuples import NamedTuple
from ocisize.values import evolve

_IMAGE, _LAYOUT = "docker-image://", "oci-layout://"  # sources of LLB
_IMAGE_PURL = "pkg:docker/"
_MAX_NOTES = 1 << 20  # characters of the notes of older BuildKits
_MAX_NAME = 512  # characters; registries allow 255, and a tag of 128
#: images that are tools of a build, and not what an image is built on
_TOOLS = frozenset(
    f"docker.io/{name}"
    for name in (
        "docker/dockerfile",
        "docker/dockerfile-upstream",
        "docker/buildkit-syft-scanner",
        "docker/scout-sbom-indexer",
        "moby/buildkit",
        "tonistiigi/xx",
        "tonistiigi/binfmt",
    )
)


class NamedImage(NamedTuple):
    """An image that a build has read."""

    name: str | None  #: its whole reference without the digest, secrets redacted
    digest: str | None  #: of its manifest or index


def parse_source(identifier: str) -> NamedImage | None:
    """Return the image of a source of LLB; None for another source.

    >>> parse_source("docker-image://docker.io/library/debian:12").name, parse_source("local://context")
    ('docker.io/library/debian:12', None)
    """
    if identifier.startswith(_LAYOUT):  # which the builder's machine has under this name
        name, _, digest = identifier.removeprefix(_LAYOUT).partition("@")
        return NamedImage(redact(name[:_MAX_NAME]).text or None, digest if is_digest(digest) else None)
    return _parse_name(identifier.removeprefix(_IMAGE)) if identifier.startswith(_IMAGE) else None


def parse_material(material: Material) -> NamedImage | None:
    """Return the image that a package URL names; None for something else.

    >>> parse_material(Material("pkg:docker/python@3.12-slim?platform=linux%2Famd64", None))
    NamedImage(name='docker.io/library/python:3.12-slim', digest=None)
    """
    if not material.uri.startswith(_IMAGE_PURL):
        return None
    path, _, query = material.uri.removeprefix(_IMAGE_PURL).partition("?")
    name, _, version = path.partition("@")
    name, version = unquote(name), unquote(version)
    digest = material.digest or version
    if not is_digest(digest):
        digest = parse_qs(query).get("digest", [""])[0]
    tag = "" if not version or is_digest(version) else f":{version}"
    return _parse_name(f"{name}{tag}", digest) if name else None


def find_only_image(materials: Iterable[Material], frontend: str) -> NamedImage | None:
    """Return the image that a build has read; None if it read none or several. Tools of builds and ``frontend`` are none."""
    images = {image for image in map(parse_material, materials) if image is not None}
    return _choose_only(images, _TOOLS | {_repository_of(canonical_name(frontend.partition("@")[0]))})


def parse_build_info(text: str) -> NamedImage | None:
    """Return the only image that the notes in a config list, which BuildKit 0.9 to 0.11 wrote; None for several or none.

    Form: https://github.com/moby/buildkit/blob/v0.10/docs/build-repro.md. Raises DocumentError for something else.
    """
    what = "moby.buildkit.buildinfo.v1 of the config"
    if len(text) > _MAX_NOTES:
        raise DocumentError(f"{what} has {len(text)} characters, more than {_MAX_NOTES}")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise DocumentError(f"{what} is not base64") from None
    sources = parse_json(data, what).get("sources")
    listed = [source for source in sources if isinstance(source, dict)] if isinstance(sources, list) else []
    images = set[NamedImage]()
    for source in listed:
        reference, pin = source.get("ref"), source.get("pin")
        if source.get("type") == "docker-image" and type(reference) is str:
            images.add(_parse_name(reference, pin if type(pin) is str else ""))
    return _choose_only(images, _TOOLS)


def _choose_only(images: Iterable[NamedImage], tools: Container[str]) -> NamedImage | None:
    found = [image for image in images if image.name is not None and _repository_of(image.name) not in tools]
    return found[0] if len(found) == 1 else None


def _parse_name(text: str, digest: str = "") -> NamedImage:
    """The image of a reference, which has no tag if it has none but a digest; ``digest`` is one that is not in the text."""
    name, _, named_digest = text.partition("@")
    digest = digest if is_digest(digest) else named_digest
    known = digest if is_digest(digest) else None
    if not 0 < len(name) <= _MAX_NAME:
        return NamedImage(None, known)
    try:
        reference = parse_reference(name if known is None else f"{name}@{known}")
    except InvalidReference:
        return NamedImage(redact(name).text, known)
    return NamedImage(str(evolve(reference, digest=None)), known)


def _repository_of(name: str) -> str:
    """A name without its tag."""
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name
