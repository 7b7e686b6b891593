"""read_statement: the provenance statement in the attestations about an image.

BuildKit stores attestations as the layers of a manifest, as uncompressed JSON:
https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md.
"""

from __future__ import annotations

from ocisize.blob.digest import Digest
from ocisize.errors import ArchiveError, DocumentError, RegistryError
from ocisize.logs import Logger
from ocisize.oci.documents import Descriptor, Manifest
from ocisize.oci.image import Image
from ocisize.oci.media_types import IN_TOTO
from ocisize.oci.read import NOT_FOUND, read_blob, read_optional_manifest
from ocisize.oci.source import Source
from ocisize.tuples import NamedTuple

MAX_STATEMENT = 4 << 20  #: bytes; with mode=max, statements have 10 to 60 KB
_PREDICATE = "in-toto.io/predicate-type"  # annotation of a layer
_PROVENANCE = "https://slsa.dev/provenance/v"
_ABSENT = (OSError, LookupError)  # of a user's source, which need not have attestations
_log = Logger(__name__)


class StoredStatement(NamedTuple):
    """A statement as it is stored."""

    digest: Digest
    data: bytes


def read_statement(source: Source, image: Image, attestation: Descriptor) -> StoredStatement | None:
    """Return the provenance statement among the attestations about an image, verified; None if there is none.

    ``attestation`` is the manifest of the attestations. What a partial copy of an index leaves out is none, and so is what a
    user's source does not deliver. Raises DocumentError and BlobError for documents that are broken, and OcisizeErrors of
    the source.
    """
    try:
        found = read_optional_manifest(source, attestation)
    except _ABSENT:
        found = None
    if found is None:
        _log.info("the manifest %s of the attestations is absent", attestation.digest)
        return None
    manifest = found[1]
    if not isinstance(manifest, Manifest):
        raise DocumentError(f"{attestation.digest} is an index, expected a manifest")
    if manifest.subject is not None and manifest.subject.digest != image.digest:
        raise DocumentError(f"{attestation.digest} is about another image, {manifest.subject.digest}")
    layer = next(filter(_is_provenance, manifest.layers), None)
    if layer is None:
        return None
    try:
        return StoredStatement(layer.digest, read_blob(source, layer, MAX_STATEMENT))
    except (ArchiveError, *_ABSENT):
        _log.info("the statement %s is absent", layer.digest)
    except RegistryError as error:
        if error.status != NOT_FOUND:
            raise
        _log.info("%s", error)
    return None


def _is_provenance(layer: Descriptor) -> bool:
    return layer.media_type == IN_TOTO and layer.annotations.get(_PREDICATE, "").startswith(_PROVENANCE)
