"""find_attestation: the manifest of the attestations that BuildKit made about an image."""

from __future__ import annotations

from ocisize.oci.documents import Descriptor
from ocisize.oci.image import Image
from ocisize.oci.source import ImageSource

_BUILDKIT = "buildkit."  # begins the comment of each build step: ``buildkit.dockerfile.v0``


def find_attestation(source: ImageSource, image: Image) -> Descriptor | None:
    """Return the manifest of the attestations about an image of a source; None if there is none.

    An index lists the attestations of its images. Only for an image without one, the source is asked, if BuildKit made it.
    """
    if image.attestation is not None or image.index is not None:
        return image.attestation
    is_by_buildkit = any(step.comment.startswith(_BUILDKIT) for step in image.config.history)
    return source.find_attestation(image.digest) if is_by_buildkit else None
