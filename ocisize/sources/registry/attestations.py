"""The manifest of BuildKit's attestations among the manifests that refer to an image.

BuildKit 0.32 and newer write the manifest as an OCI artifact with ``artifactType`` and ``subject``:
https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md. The referrers API lists it:
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers.
"""

from __future__ import annotations

import json

from ocisize.oci.documents import Descriptor, Index
from ocisize.oci.media_types import ATTESTATIONS, OCI_MANIFEST
from ocisize.oci.parse import parse_manifest

NO_REFERRERS = b'{"manifests":[]}'  #: the answer of a registry that knows of none


def pick_attestation(data: bytes, digest: str) -> bytes:
    """Return an index with the attestations alone, of the answer of the referrers API; raise DocumentError for no index.

    >>> pick_attestation(b'{"manifests": [], "annotations": {}}', "sha256:beef")
    b'{"manifests":[]}'
    """
    found = parse_attestation(data, digest)
    if found is None:
        return NO_REFERRERS
    entry = {
        "mediaType": OCI_MANIFEST,
        "digest": found.digest,
        "size": found.size,
        "artifactType": ATTESTATIONS,
    }
    return json.dumps({"manifests": [entry]}, separators=(",", ":")).encode()


def parse_attestation(data: bytes, digest: str) -> Descriptor | None:
    """Return the first manifest of attestations in the answer of the referrers API, None if there is none.

    Raises DocumentError if the answer is no index.
    """
    index = parse_manifest(data, f"the answer to the referrers of {digest}")
    listed = index.manifests if isinstance(index, Index) else ()
    return next((entry for entry in listed if entry.artifact_type == ATTESTATIONS), None)
