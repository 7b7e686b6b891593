"""The choice of one image of an index: by platform, among the images that the source has."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ocisize.blob.digest import Digest
from ocisize.errors import NoMatchingPlatform, OcisizeError
from ocisize.logs import Logger
from ocisize.oci.artifacts import find_artifact_kind
from ocisize.oci.documents import Descriptor, Index, Manifest, Platform
from ocisize.oci.index_walk import walk_index
from ocisize.oci.parse import parse_manifest
from ocisize.oci.platform import Candidate, alternatives, default_platform, distinct_names, name_of, parse_platform, select
from ocisize.oci.read import read_manifest, read_optional_manifest
from ocisize.oci.source import Source
from ocisize.text import printable
from ocisize.tuples import NamedTuple
from ocisize.values import frozen

_MAX_BROKEN = 3  # images that warnings name
_MAX_LOOKED_FOR = 100  # images of an index that lacks the chosen one; each is a request
_log = Logger(__name__)


@frozen
class IndexFacts:
    """What an index says beside the image that was chosen from it."""

    digest: Digest
    platforms: tuple[str, ...]  #: of all images, as ``parse_platform`` reads them, each once
    attestations: int  #: how many entries describe other images
    size: int | None = None  #: bytes of the index as stored; None if they were not counted


class Choice(NamedTuple):
    """The image that was chosen."""

    entry: Descriptor  #: of the index
    data: bytes  #: its manifest as stored
    manifest: Index | Manifest
    warnings: tuple[str, ...]  #: about the choice
    facts: IndexFacts  #: of the index that it was chosen from
    attestation: Descriptor | None  #: of the index: the manifest of the attestations about the image


def choose_entry(source: Source, index: Index, digest: Digest, platform: Platform | None) -> Choice:
    """Return the image for a platform among those of an index, with its manifest.

    ``digest`` is that of the index. Without a platform it is Linux on the processor of this machine, or the only image that
    there is. Raises NoMatchingPlatform, NotAnImage if the index holds other artifacts only, the error of a broken image if
    there is no other one, and errors of the registry.
    """
    walk, wanted = walk_index(source, index), platform or default_platform()
    if wanted.os_version is not None:
        walk.read_versions(wanted.os)
    broken = [f"not read: {error}" for error in list(walk.unreadable.values())[:_MAX_BROKEN]]
    if not walk.images and walk.unreadable:
        raise next(iter(walk.unreadable.values()))
    walk.refuse_artifacts(digest)
    images: Sequence[Candidate] = walk.images
    entry, warnings = _select(images, platform, broken)
    manifest = read_optional_manifest(source, entry)
    if manifest is None:  # a partial copy of the index: the images that are there count
        looked_for = walk.images[:_MAX_LOOKED_FOR]
        images = [image for image in looked_for if _is_present(source, image[1])]
        absent = ", ".join(distinct_names([image for image in looked_for if image not in images]))
        note = f"listed without their manifests: {absent}"
        entry, warnings = _select(images, platform, [note, *broken])
        warnings = [note, *warnings]
        manifest = read_manifest(source, entry)
    if isinstance(manifest[1], Manifest) and (kind := find_artifact_kind(manifest[1])):  # an image may stand behind it
        with suppress(NoMatchingPlatform):
            others = [image for image in images if image[1] is not entry]
            entry, warnings = select(others, wanted), [f"another entry for this platform is no image but: {kind}"]
            manifest = read_manifest(source, entry)
    chosen = next(candidate for candidate, descriptor in walk.images if descriptor is entry)
    _log.info(
        "platform %s, one of %d images of the index: %s %s",
        printable(str(chosen)), len(walk.images), printable(name_of(wanted)),
        "was asked for" if platform else "is the default",
    )  # fmt: skip
    facts = IndexFacts(digest, tuple(distinct_names(walk.images)), len(walk.attestations))
    return Choice(entry, *manifest, (*warnings, *broken), facts, walk.subjects.get(entry.digest))


def parse_wanted(source: Source, text: str) -> Platform:
    """Parse the platform that is asked for; raise OcisizeError, which lists the platforms if the source has an index."""
    try:
        return parse_platform(text)
    except OcisizeError as error:
        available = ", ".join(_list_platforms(source))
        raise OcisizeError(f"{error}; available: {available}" if available else str(error), hint=error.hint) from None


def _list_platforms(source: Source) -> list[str]:
    """Return the platforms of an index; none if the source has a single image or cannot be read."""
    try:
        document = parse_manifest(source.read_manifest(), "the manifest")
        return distinct_names(walk_index(source, document).images) if isinstance(document, Index) else []
    except OcisizeError:
        return []


def _select(
    images: Sequence[Candidate], platform: Platform | None, notes: Sequence[str]
) -> tuple[Descriptor, Sequence[str]]:
    """Return the entry for a platform and warnings; raise NoMatchingPlatform with ``notes`` about other images."""
    wanted = platform or default_platform()
    try:
        entry = select(images, wanted)
    except NoMatchingPlatform as error:
        if platform is not None or len({descriptor.digest for _, descriptor in images}) != 1:
            raise NoMatchingPlatform(error.wanted, error.available, notes) from None
        only, entry = images[0]
        return entry, [f"the only image is for {only}, not for {wanted}"]
    alike = alternatives(images, entry)
    if wanted.os_version is None and len(alike) > 1:
        return entry, [f"several images are for this platform: {', '.join(alike)}; the first is read"]
    return entry, []


def _is_present(source: Source, entry: Descriptor) -> bool:
    try:
        return read_optional_manifest(source, entry) is not None
    except OcisizeError:  # it is there, and its error is reported if it is chosen
        return True
