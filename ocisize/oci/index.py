"""Index: the images of all platforms that a source holds, and their layers, each of them once.

Specification: https://github.com/opencontainers/image-spec/blob/main/image-index.md. BuildKit stores its attestations in
the index as well, as images for ``unknown/unknown``
(https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md); they are counted and left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import attrs

from ocisize.blob.digest import Digest, digest_of
from ocisize.errors import LayerError, NoMatchingPlatform, OcisizeError, PlatformError, SourceError
from ocisize.oci.documents import Descriptor, Index, Platform
from ocisize.oci.image import Image, Layer, candidates, make_image, read_optional_manifest
from ocisize.oci.parse import parse_manifest
from ocisize.oci.platform import UnreadImage, normalize
from ocisize.oci.source import Source

LayerKey: TypeAlias = tuple[str, str | None, int]  #: digest, diff_id, size


@attrs.frozen(kw_only=True)
class IndexImages:
    """An index's images by platform, in its order; a single image is an index of one."""

    images: Mapping[str, Image]
    digest: Digest | None = None  #: of the index; None where there is none
    media_type: str = ""
    attestations: int = 0
    absent: tuple[str, ...] = ()  #: platforms whose manifests the source lacks
    unread: tuple[UnreadImage, ...] = ()
    warnings: tuple[str, ...] = ()


def read_images(source: Source, *, keep_going: bool = False) -> IndexImages:
    """Read the manifests and configs of all platforms, every document verified by size and digest.

    With ``keep_going`` images of which one is broken are left out and named, as long as there are others. Raises
    PlatformError where one of them is broken, NoMatchingPlatform where there is none at all, DocumentError, and what the
    source raises.
    """
    data = source.read_manifest()
    document = parse_manifest(data, "the manifest")
    if not isinstance(document, Index):
        image = make_image(source, data, document)
        return IndexImages(images={str(image.platform): image})
    attestations, broken = set[str](), dict[Digest, OcisizeError]()
    found = candidates(source, document, attestations, broken=broken if keep_going else None)
    entries = {(entry.digest, normalize(platform)): (platform, entry) for platform, entry in found}
    images, absent, warnings = dict[str, Image](), list[str](), list[str]()
    unread = [UnreadImage("", digest, str(error)) for digest, error in broken.items()]
    for label, (platform, entry) in zip(_labels(list(entries.values())), entries.values(), strict=True):
        try:
            with error_context(label):
                if (there := read_optional_manifest(source, entry)) is None:
                    absent.append(label)
                    continue
                image = images[label] = make_image(source, *there, entry)
        except PlatformError as error:
            if not keep_going:
                raise
            unread.append(UnreadImage(label, entry.digest, str(error.cause)))
            continue
        if _differ(platform, image.platform):
            warnings.append(f"{label}: the config of this image says that it is for {image.platform}")
    if not images and unread:
        raise SourceError(
            f"no image of the index could be read; {unread[0].platform or unread[0].digest}: {unread[0].error}"
        )
    if not images:
        raise NoMatchingPlatform("any", [])
    return IndexImages(
        images=images,
        digest=digest_of(data),
        media_type=document.media_type,
        attestations=len(attestations),
        absent=tuple(absent),
        unread=tuple(unread),
        warnings=tuple(warnings),
    )


def _labels(entries: Sequence[tuple[Platform, Descriptor]]) -> list[str]:
    """A name for each entry, no two alike: its platform, with what is needed to tell it from others of the same."""
    plain = Counter(str(platform) for platform, _ in entries)
    versioned = [
        f"{platform} {platform.os_version}" if plain[str(platform)] > 1 and platform.os_version else str(platform)
        for platform, _ in entries
    ]
    counts = Counter(versioned)
    return [
        f"{label} {entry.digest}" if counts[label] > 1 else label
        for label, (_, entry) in zip(versioned, entries, strict=True)
    ]


def _differ(listed: Platform, stated: Platform) -> bool:
    """Whether an image is for another system or processor than the index says; configs often lack the variant."""
    one, other = normalize(listed), normalize(stated)
    known = bool(stated.os and stated.architecture)
    return known and (one.os, one.architecture) != (other.os, other.architecture)


@contextmanager
def error_context(platform: str) -> Iterator[None]:
    """Raise errors as errors about the image of a platform."""
    try:
        yield
    except PlatformError:
        raise
    except OcisizeError as error:
        raise PlatformError([platform], error) from error


def layer_key(layer: Layer) -> LayerKey:
    """What makes two layers of a source the same."""
    return layer.descriptor.digest, layer.diff_id, layer.descriptor.size


def shared_layers(images: Mapping[str, Image]) -> dict[LayerKey, Layer]:
    """The layers of all images, each once, numbered anew."""
    distinct = {layer_key(layer): layer for image in images.values() for layer in image.layers}
    return {key: attrs.evolve(layer, index=number) for number, (key, layer) in enumerate(distinct.items())}


def locate_error(error: LayerError, images: Mapping[str, Image], keys: Sequence[LayerKey]) -> PlatformError:
    """An error in one of the ``shared_layers``, whose ``keys`` are given, as one about the images that have it."""
    found = {
        label: layer.index
        for label, image in images.items()
        for layer in image.layers
        if layer_key(layer) == keys[error.index]
    }
    return PlatformError(list(found), LayerError(next(iter(found.values())), error.digest, error.cause))
