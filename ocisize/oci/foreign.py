"""Foreign layers: layers that a registry or an archive need not have, as those of the base images of Windows.

Their descriptors list URLs from which they can be had
(https://github.com/opencontainers/image-spec/blob/main/layer.md#non-distributable-layers). ``docker save`` leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterable

from ocisize.errors import ArchiveError, ForeignLayerAbsent
from ocisize.oci.documents import Descriptor
from ocisize.oci.source import Source

_FOREIGN_TYPES = ("application/vnd.oci.image.layer.nondistributable.", "application/vnd.docker.image.rootfs.foreign.")


def is_foreign(descriptor: Descriptor) -> bool:
    """Return True if the media type of a layer says that it may be had elsewhere only.

    >>> is_foreign(Descriptor("sha256:" + 64 * "0", 1, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"))
    True
    """
    return descriptor.media_type.startswith(_FOREIGN_TYPES)


def open_layer(source: Source, descriptor: Descriptor) -> Iterable[bytes]:
    """Return the stored bytes of a layer in chunks; raise ForeignLayerAbsent for a foreign one that an archive lacks.

    Raises what the source raises, for a foreign layer of a registry also ForeignLayerAbsent, while it is read.
    """
    try:
        return source.open_blob(descriptor)
    except ArchiveError as error:
        if not is_foreign(descriptor):
            raise
        raise ForeignLayerAbsent(f"not saved with the image: {error}") from error
