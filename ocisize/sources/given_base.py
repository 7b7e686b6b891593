"""read_given: the base image that the user named, as far as its manifest and config tell."""

from __future__ import annotations

from ocisize.model.base import GivenBase
from ocisize.oci.documents import Platform
from ocisize.oci.image import read_image
from ocisize.oci.source import ImageSource


def read_given(source: ImageSource, name: str, platform: Platform) -> tuple[GivenBase, list[str]]:
    """Return the image that the user gave as the base image, with warnings about its source; its layers are not read.

    ``name`` is the image as the user named it, ``platform`` that of the image above. Raises OcisizeError.
    """
    base = read_image(source, platform if platform.os and platform.architecture else None)
    in_layout = source.format.startswith("oci-")  # layouts name images by their tags alone
    given = GivenBase(
        name=name if in_layout or source.reference is None else source.reference,
        digest=base.digest if source.has_manifest else None,
        diff_ids=tuple(layer.diff_id for layer in base.layers),
    )
    return given, [f"the base image: {note}" for note in source.warnings]
