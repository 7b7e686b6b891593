"""The images of all platforms that a source holds, and their layers, each once.

Specification: https://github.com/opencontainers/image-spec/blob/main/image-index.md. BuildKit stores
attestations in the index too, as images for ``unknown/unknown``
(https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md); they are counted and left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from ocisize.blob.digest import Digest, digest_of
from ocisize.errors import LayerError, NoMatchingPlatform, OcisizeError, PlatformError, SourceError
from ocisize.logs import Logger
from ocisize.oci.documents import Descriptor, Index, Platform
from ocisize.oci.image import Image, Layer, make_image
from ocisize.oci.index_walk import walk_index
from ocisize.oci.parse import parse_manifest
from ocisize.oci.platform import UnreadImage, normalize
from ocisize.oci.read import read_optional_manifest
from ocisize.oci.source import Source
from ocisize.values import evolve, frozen

_log = Logger(__name__)
LayerKey: TypeAlias = tuple[str, str | None, int]  #: digest, diff_id, size


@frozen(kw_only=True)
class IndexImages:
    """The images of an index by platform, in its order; a single image is an index of one."""

    images: Mapping[str, Image]  #: by label: the platform, with OS version or digest if several are alike
    digest: Digest | None = None  #: of the index; None for a single image
    size: int | None = None  #: bytes of the index as stored
    media_type: str = ""
    attestations: int = 0  #: how many entries describe other images
    absent: tuple[str, ...] = ()  #: platforms whose manifests the source lacks
    unread: tuple[UnreadImage, ...] = ()
    warnings: tuple[str, ...] = ()


def read_images(source: Source, *, keep_going: bool = False) -> IndexImages:
    """Return the images of all platforms, their manifests and configs verified by size and digest.

    With ``keep_going`` broken images are left out and named in ``unread``, as long as one image can be read. Raises
    PlatformError if an image is broken, NoMatchingPlatform if there is none, SourceError if none can be read,
    DocumentError, and what the source raises.

    >>> from ocisize import open_source
    >>> source = open_source("testdata/example.tar")
    >>> list(read_images(source).images)
    ['linux/amd64']
    >>> source.close()
    """
    data = source.read_manifest()
    document = parse_manifest(data, "the manifest")
    if not isinstance(document, Index):
        image = make_image(source, data, document)
        return IndexImages(images={str(image.platform): image})
    walk = walk_index(source, document)
    if walk.unreadable and not keep_going:
        raise next(iter(walk.unreadable.values()))
    walk.refuse_artifacts(digest_of(data))
    _log.info("%d images and %d attestations in the index", len(walk.images), len(walk.attestations))
    entries = {(entry.digest, normalize(platform)): (platform, entry) for platform, entry in walk.images}
    images, absent, warnings = dict[str, Image](), list[str](), list[str]()
    unread = [UnreadImage("", digest, str(error)) for digest, error in walk.unreadable.items()]
    for label, (platform, entry) in zip(_labels(list(entries.values())), entries.values(), strict=True):
        try:
            with error_context(label):
                manifest = read_optional_manifest(source, entry)
                if manifest is None:
                    absent.append(label)
                    continue
                image = make_image(source, *manifest, entry)
                image = images[label] = evolve(image, attestation=walk.subjects.get(entry.digest))
        except PlatformError as error:
            if not keep_going:
                raise
            unread.append(UnreadImage(label, entry.digest, str(error.cause)))
            continue
        if _differ(platform, image.platform):
            warnings.append(f"{label}: its config names another platform, {image.platform}")
    if not images and unread:
        raise SourceError(
            f"no image of the index could be read; {unread[0].platform or unread[0].digest}: {unread[0].error}"
        )
    if not images:
        raise NoMatchingPlatform("any", [])
    return IndexImages(
        images=images,
        digest=digest_of(data),
        size=len(data),
        media_type=document.media_type,
        attestations=len(walk.attestations),
        absent=tuple(absent),
        unread=tuple(unread),
        warnings=tuple(warnings),
    )


def _labels(entries: Sequence[tuple[Platform, Descriptor]]) -> list[str]:
    """Return a distinct name for each entry: the platform, with its OS version or the digest if several are alike."""
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
    """Return True if a config states another system or processor than the index. Configs often lack the variant."""
    by_index, by_config = normalize(listed), normalize(stated)
    is_stated = bool(stated.os and stated.architecture)
    return is_stated and (by_index.os, by_index.architecture) != (by_config.os, by_config.architecture)


@contextmanager
def error_context(platform: str) -> Iterator[None]:
    """Raise errors of the block as PlatformErrors that name the platform."""
    try:
        yield
    except PlatformError:
        raise
    except OcisizeError as error:
        raise PlatformError([platform], error) from error


def layer_key(layer: Layer) -> LayerKey:
    """Return the key by which two layers of a source are the same."""
    return layer.descriptor.digest, layer.diff_id, layer.descriptor.size


def shared_layers(images: Mapping[str, Image]) -> dict[LayerKey, Layer]:
    """Return the layers of all images, each once, with new numbers from 0 in the order of the images."""
    distinct = {layer_key(layer): layer for image in images.values() for layer in image.layers}
    return {key: evolve(layer, index=number) for number, (key, layer) in enumerate(distinct.items())}


def locate_error(error: LayerError, images: Mapping[str, Image], keys: Sequence[LayerKey]) -> PlatformError:
    """Return an error in a shared layer as an error that names the platforms of this layer.

    ``error.index`` counts in ``keys``, the keys of ``shared_layers(images)``.
    """
    index_of = {
        label: layer.index
        for label, image in images.items()
        for layer in image.layers
        if layer_key(layer) == keys[error.index]
    }
    return PlatformError(list(index_of), LayerError(next(iter(index_of.values())), error.digest, error.cause))
