"""SociIndex: the zTOCs of an image's layers, by the SOCI index that the manifest names.

An index of version 2 is bound to the image: the manifest has its digest. The index of version 1 refers to the image, and not
the other way round, so anybody who may push can replace it; it is not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ocisize.blob.digest import check_digest, is_digest
from ocisize.errors import OcisizeError
from ocisize.logs import Logger
from ocisize.oci.documents import Descriptor, Manifest
from ocisize.oci.image import Image
from ocisize.oci.parse import parse_manifest
from ocisize.oci.source import Source
from ocisize.oci.toc_annotations import SOCI_INDEX_DIGEST

_LAYER_DIGEST = "com.amazon.soci.image-layer-digest"
_CONFIG_TYPE = "application/vnd.amazon.soci.index.v2+json"
_log = Logger(__name__)


def find_ztocs(source: Source, images: Iterable[Image]) -> Mapping[str, Descriptor]:
    """The zTOCs of the layers of some images, by the digests of the layers; empty for images without a SOCI index.

    An index that cannot be read is logged, and counts as none: its layers are read.
    """
    found: dict[str, Descriptor] = {}
    for digest in {image.annotations.get(SOCI_INDEX_DIGEST) for image in images}:
        if digest is None or not digest.startswith("sha256:") or not is_digest(digest):
            continue
        try:
            found |= _read_index(source, digest)
        except OcisizeError as error:
            _log.info("the SOCI index is not used: %s", error)
    return found


def _read_index(source: Source, digest: str) -> Mapping[str, Descriptor]:
    data = source.read_manifest(digest)
    check_digest(data, digest)
    document = parse_manifest(data, f"the SOCI index {digest}")
    if not isinstance(document, Manifest) or _CONFIG_TYPE not in (document.config.media_type, document.artifact_type):
        _log.info("%s is no SOCI index of version 2", digest)
        return {}
    return {
        layer_digest: descriptor
        for descriptor in document.layers
        if (layer_digest := descriptor.annotations.get(_LAYER_DIGEST)) is not None
    }
