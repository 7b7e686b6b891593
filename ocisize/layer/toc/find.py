"""Tocs: which layers of an image have tables of contents, by the manifest and by the SOCI index that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocisize.layer.toc.position import ListedZtoc, find_toc
from ocisize.oci.image import Image
from ocisize.oci.source import ImageSource, RangedSource
from ocisize.values import frozen


@frozen
class Tocs:
    """The tables of contents of some images, and the source that reads them."""

    source: RangedSource
    list_digests: bool  #: a layer has a table with the digests of its files
    ztocs: Mapping[str, ListedZtoc]  #: by the digests of layers


def find_tocs(
    source: ImageSource, images: Sequence[Image], *, with_soci: bool, with_unverified: bool = False
) -> Tocs | None:
    """Return the tables of contents of some images; None if there are none, or if the source cannot read parts of blobs.

    ``with_soci`` also reads their SOCI indexes, whose tables lack the digests of files: those that their manifests name, and
    ``with_unverified`` those that refer to images without such an index.
    """
    if not isinstance(source, RangedSource):
        return None
    list_digests = any(find_toc(layer.descriptor) is not None for image in images for layer in image.layers)
    ztocs: Mapping[str, ListedZtoc] = {}
    if with_soci and (with_unverified or any(image.annotations for image in images)):
        from ocisize.layer.toc.soci import find_ztocs  # few images have an index

        ztocs = find_ztocs(source, images, with_unverified=with_unverified)
    return Tocs(source, list_digests, ztocs) if list_digests or ztocs else None
