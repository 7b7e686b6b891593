"""Reads of configs, manifests and indexes from a source, each verified by the size and digest of its descriptor."""

from __future__ import annotations

from ocisize.blob.digest import check_digest
from ocisize.blob.region import close_chunks
from ocisize.errors import ArchiveError, DocumentError, RegistryError, SizeMismatch
from ocisize.oci.documents import Descriptor, Index, Manifest
from ocisize.oci.parse import parse_manifest
from ocisize.oci.source import Source

NOT_FOUND = 404  #: HTTP status


def read_blob(source: Source, descriptor: Descriptor, limit: int) -> bytes:
    """Return a small blob whole and verified.

    Raises DocumentError if the blob is larger than ``limit`` bytes, SizeMismatch or DigestMismatch if the bytes are not
    what the descriptor names, and what the source raises.
    """
    if descriptor.size > limit:
        raise DocumentError(f"{descriptor.digest} has {descriptor.size} bytes, more than {limit}")
    data, chunks = bytearray(), source.open_blob(descriptor)
    try:
        for chunk in chunks:
            data += chunk
            if len(data) > descriptor.size:
                raise SizeMismatch(descriptor.digest, got=len(data), expected=descriptor.size, more=True)
    finally:
        close_chunks(chunks)
    blob = bytes(data)
    check_document(blob, descriptor)
    return blob


def read_manifest(source: Source, descriptor: Descriptor) -> tuple[bytes, Index | Manifest]:
    """Return the bytes of the manifest or index that a descriptor names, and the parsed document.

    Raises as ``read_blob`` and ``parse_manifest`` do.
    """
    data = source.read_manifest(descriptor.digest)
    check_document(data, descriptor)
    return data, parse_manifest(data, f"the manifest {descriptor.digest}", descriptor.media_type)


def read_optional_manifest(source: Source, descriptor: Descriptor) -> tuple[bytes, Index | Manifest] | None:
    """Return what ``read_manifest`` does; None if the source lacks the manifest.

    Partial copies of an index lack the manifests of other platforms.
    """
    try:
        return read_manifest(source, descriptor)
    except ArchiveError:
        return None
    except RegistryError as error:
        if error.status != NOT_FOUND:
            raise
        return None


def check_document(data: bytes, descriptor: Descriptor) -> None:
    """Raise SizeMismatch or DigestMismatch unless ``data`` is what the descriptor names."""
    if len(data) != descriptor.size:
        raise SizeMismatch(descriptor.digest, got=len(data), expected=descriptor.size)
    check_digest(data, descriptor.digest)
