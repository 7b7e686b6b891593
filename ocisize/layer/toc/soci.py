"""find_ztocs: the zTOCs of the layers of images, by the SOCI indexes of the images.

An index of version 2 is bound to the image: the manifest has its digest. The index of version 1 refers to the image, and not
the other way round, so anyone who may push to the repository can replace it. It is used only if that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ocisize.blob.digest import check_digest, is_digest
from ocisize.errors import OcisizeError
from ocisize.layer.toc.position import ListedZtoc
from ocisize.logs import Logger
from ocisize.oci.documents import Descriptor, Index, Manifest
from ocisize.oci.image import Image
from ocisize.oci.parse import parse_manifest
from ocisize.oci.source import RangedSource, ReferredSource
from ocisize.oci.toc_annotations import SOCI_INDEX_DIGEST

_LAYER_DIGEST = "com.amazon.soci.image-layer-digest"
_VERSION_1 = "application/vnd.amazon.soci.index.v1+json"
_VERSION_2 = "application/vnd.amazon.soci.index.v2+json"
_log = Logger(__name__)


def find_ztocs(source: RangedSource, images: Iterable[Image], *, with_unverified: bool) -> Mapping[str, ListedZtoc]:
    """The zTOCs of the layers of some images, by the digests of the layers; empty for images without a SOCI index.

    ``with_unverified`` also looks for an index of version 1, of images without one of version 2. An index that cannot be
    read is logged, and counts as none: its layers are read.
    """
    found = dict[str, ListedZtoc]()
    for image in {image.digest: image for image in images}.values():
        for digest, ztoc in _find_of_image(source, image, with_unverified=with_unverified).items():
            if ztoc.verified or digest not in found:
                found[digest] = ztoc
    return found


def _find_of_image(source: RangedSource, image: Image, *, with_unverified: bool) -> Mapping[str, ListedZtoc]:
    try:
        found, verified = _find_bound(source, image), True
        if with_unverified and not found and isinstance(source, ReferredSource):
            found, verified = _find_attached(source, image), False
    except OcisizeError as error:
        _log.info("the SOCI index is not used: %s", error)
        return {}
    return {digest: ListedZtoc(ztoc, verified=verified) for digest, ztoc in found.items()}


def _find_bound(source: RangedSource, image: Image) -> Mapping[str, Descriptor]:
    """The zTOCs of the index of version 2 that the manifest names."""
    digest = image.annotations.get(SOCI_INDEX_DIGEST)
    if digest is None or not digest.startswith("sha256:") or not is_digest(digest):
        return {}
    index = _read_index(source, digest, _VERSION_2)
    return {} if index is None else _list_ztocs(index)


def _find_attached(source: ReferredSource, image: Image) -> Mapping[str, Descriptor]:
    """The zTOCs of the first index of version 1 that refers to the image, as the snapshotter chooses it."""
    data = source.read_referrers(image.digest, _VERSION_1)
    referrers = None if data is None else parse_manifest(data, f"the referrers of {image.digest}")
    listed = referrers.manifests if isinstance(referrers, Index) else ()
    digest = next((entry.digest for entry in listed if entry.artifact_type == _VERSION_1), None)
    index = None if digest is None else _read_index(source, digest, _VERSION_1)
    if index is None:
        return {}
    if index.subject is None or index.subject.digest != image.digest:
        _log.info("the SOCI index %s is one of another image", digest)
        return {}
    return _list_ztocs(index)


def _read_index(source: RangedSource, digest: str, version: str) -> Manifest | None:
    """The index with this digest; None for a document that is none of this version."""
    data = source.read_manifest(digest)
    check_digest(data, digest)
    document = parse_manifest(data, f"the SOCI index {digest}")
    if isinstance(document, Manifest) and version in (document.config.media_type, document.artifact_type):
        return document
    _log.info("%s is no SOCI index of the type %s", digest, version)
    return None


def _list_ztocs(index: Manifest) -> Mapping[str, Descriptor]:
    return {
        layer_digest: descriptor
        for descriptor in index.layers
        if (layer_digest := descriptor.annotations.get(_LAYER_DIGEST)) is not None
    }
