"""Media types of OCI and Docker documents and layers, and the compression that a layer's media type names.

Specification: https://github.com/opencontainers/image-spec/blob/main/media-types.md and
https://distribution.github.io/distribution/spec/manifest-v2-2/#media-types.
"""

from __future__ import annotations

from collections.abc import Mapping

from ocisize.blob.compression import COMPRESSIONS, PLAIN

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
CONFIG_TYPES = frozenset({OCI_CONFIG, DOCKER_CONFIG})
IN_TOTO = "application/vnd.in-toto+json"  #: of a statement, a layer of a manifest of attestations
ATTESTATIONS = "application/vnd.docker.attestation.manifest.v1+json"  #: ``artifactType`` of such a manifest

_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
_OCI_NONDISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar"
_COMPRESSED = [name for name in COMPRESSIONS if name != PLAIN]
#: media types of layers → the compression that each names; None for Docker's plain type, which has compressed bytes too
LAYER_TYPES: Mapping[str, str | None] = {
    _OCI_LAYER: PLAIN,
    _OCI_NONDISTRIBUTABLE: PLAIN,
    _DOCKER_LAYER: None,
    _DOCKER_FOREIGN: None,
    **{
        f"{base}{mark}{name}": name
        for base in (_OCI_LAYER, _OCI_NONDISTRIBUTABLE, _DOCKER_LAYER, _DOCKER_FOREIGN)
        for mark in "+."
        for name in _COMPRESSED
    },
}


def docker_layer_type(compression: str) -> str:
    """Return Docker's media type of a layer with this compression.

    >>> docker_layer_type("gzip")
    'application/vnd.docker.image.rootfs.diff.tar.gzip'
    >>> docker_layer_type("plain")
    'application/vnd.docker.image.rootfs.diff.tar'
    """
    return _DOCKER_LAYER if compression == PLAIN else f"{_DOCKER_LAYER}.{compression}"
