"""The kind of table of contents that a layer has, as far as the annotations of the manifest say.

Specifications: https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md,
https://github.com/containers/storage/blob/main/docs/containers-storage-zstd-chunked.md and
https://github.com/awslabs/soci-snapshotter/blob/main/docs/soci-index-manifest-v2.md.
"""

from __future__ import annotations

from collections.abc import Mapping

ESTARGZ, ZSTD_CHUNKED = "estargz", "zstd:chunked"
_ESTARGZ_KEY = "containerd.io/snapshot/stargz/toc.digest"
#: stargz-snapshotter and old versions of containers/storage write the first name, newer ones the second
_ZSTD_CHUNKED_KEYS = (
    "io.containers.zstd-chunked.manifest-checksum",
    "io.github.containers.zstd-chunked.manifest-checksum",
)
_SOCI_KEY = "com.amazon.soci.index-digest"


def find_table_of_contents(annotations: Mapping[str, str]) -> str:
    """Return the kind of table of contents that the annotations of a layer name; "" if they name none.

    >>> find_table_of_contents({"io.containers.zstd-chunked.manifest-checksum": "sha256:…"})
    'zstd:chunked'
    """
    if any(key in annotations for key in _ZSTD_CHUNKED_KEYS):
        return ZSTD_CHUNKED
    return ESTARGZ if _ESTARGZ_KEY in annotations else ""


def find_soci_index(annotations: Mapping[str, str]) -> str | None:
    """Return the digest of the SOCI index, version 2, that the annotations of a manifest name; None if they name none.

    >>> find_soci_index({}) is None
    True
    """
    return annotations.get(_SOCI_KEY)
