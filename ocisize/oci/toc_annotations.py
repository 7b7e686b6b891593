"""The annotations by which a manifest names the tables of contents of its layers.

Specifications: https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md,
https://github.com/containers/storage/blob/main/docs/containers-storage-zstd-chunked.md and
https://github.com/awslabs/soci-snapshotter/blob/main/docs/soci-index-manifest-v2.md.
"""

from __future__ import annotations

from collections.abc import Mapping

ESTARGZ, ZSTD_CHUNKED, SOCI = "estargz", "zstd:chunked", "soci"  #: formats, as documents name them
TOC_DIGEST = "containerd.io/snapshot/stargz/toc.digest"  #: of layers
#: of the names of layers in zstd:chunked: those of newer versions of containers/storage, then those of all other writers
CHUNKED_PREFIXES = ("io.github.containers.zstd-chunked.", "io.containers.zstd-chunked.")
SOCI_INDEX_DIGEST = "com.amazon.soci.index-digest"  #: of manifests


def find_toc_format(annotations: Mapping[str, str]) -> str | None:
    """Return the format of the table of contents that the annotations of a layer name; None if they name none.

    stargz-snapshotter annotates layers in zstd:chunked with the digest of eStargz, too.

    >>> find_toc_format({"io.containers.zstd-chunked.manifest-checksum": "sha256:…"})
    'zstd:chunked'
    """
    if any(f"{prefix}manifest-checksum" in annotations for prefix in CHUNKED_PREFIXES):
        return ZSTD_CHUNKED
    return ESTARGZ if TOC_DIGEST in annotations else None
