"""The analyses of the images of an index, and the differences between these."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import compress
from typing import TypeAlias

from ocisize.model.analysis import Analysis
from ocisize.model.build_step import BuildStep
from ocisize.model.sizes import paid_layers, sum_known, weight_of
from ocisize.oci.platform import UnreadImage
from ocisize.values import frozen

#: by platform, in the order of the index; None if the image has no such thing, or if the figure is unknown
PerPlatform: TypeAlias = tuple[int | None, ...]
FIGURES = ("compressed_size", "content_size", "live_size", "wasted_size")


@frozen(kw_only=True)
class Spread:
    """One figure of all images."""

    name: str  #: a field of ``Sizes``
    values: PerPlatform  #: of the images

    @property
    def ratios(self) -> tuple[float | None, ...]:
        """Each value divided by the smallest one; None if it is unknown, or if the smallest is 0."""
        smallest = min((value for value in self.values if value is not None), default=0)
        return tuple(value / smallest if value is not None and smallest else None for value in self.values)


@frozen(kw_only=True)
class StepDrift:
    """The layers that one build step made in the images."""

    build_step: BuildStep  #: as the first image that has it notes it
    layers: PerPlatform  #: their indexes
    digests: tuple[str | None, ...]  #: of their blobs
    compressed_sizes: PerPlatform  #: bytes of download
    content_sizes: PerPlatform  #: bytes of content

    @property
    def missing(self) -> bool:
        """True if an image has no such layer."""
        return None in self.layers

    @property
    def sizes(self) -> PerPlatform:
        """The compressed sizes, or the content sizes if a compressed size is unknown."""
        unknown = any(
            size is None and layer is not None for size, layer in zip(self.compressed_sizes, self.layers, strict=True)
        )
        return self.content_sizes if unknown else self.compressed_sizes

    @property
    def difference(self) -> int:
        """Bytes between the largest and the smallest size; a missing layer has 0 bytes."""
        sizes = [size or 0 for size in self.sizes]
        return max(sizes) - min(sizes)


@frozen(kw_only=True)
class FindingDrift:
    """A finding that only some of the images have."""

    id: str  #: of the finding
    title: str  #: that of the first image with the finding
    platforms: tuple[str, ...]  #: of the images with the finding
    sizes: PerPlatform  #: bytes of content that it saves
    compressed_sizes: PerPlatform  #: bytes of download that it saves

    @property
    def difference(self) -> int:
        """The most bytes that it saves in one image, of download if that is known, else of content."""
        saved = zip(self.compressed_sizes, self.sizes, strict=True)
        return max(weight_of(compressed, size or 0) for compressed, size in saved)


@frozen(kw_only=True)
class Drift:
    """The differences between the images of an index."""

    platforms: tuple[str, ...]  #: of all images, in the order of the index
    figures: tuple[Spread, ...]  #: the sizes of all images
    steps: tuple[StepDrift, ...]  #: all build steps, base first
    only_there: tuple[OnlyThere, ...]  #: directories of files that only one image has, largest first
    findings: tuple[FindingDrift, ...]  #: findings that not all images have, largest first


@frozen(kw_only=True)
class IndexAnalysis:
    """The analyses of the images of an index. Images that share a layer share its table.

    ``drift`` compares the images with all layers read.

    >>> import ocisize
    >>> index = ocisize.Analyzer().analyze_all("testdata/example.tar")
    >>> list(index.analyses), index.stored_size, index.complete
    (['linux/amd64'], 1590055, True)
    """

    source: str  #: the input as it was given
    format: str  #: as in ``Analysis``
    reference: str | None  #: the name of the index, None if it has none
    digest: str | None  #: of the index; None if the input is a single image
    media_type: str  #: of the index, or of the manifest of a single image
    analyses: Mapping[str, Analysis]  #: by platform as the index names it, in the order of the index
    drift: Drift  #: the differences between the images
    index_size: int | None = None  #: bytes of the index; None if the input is a single image
    attestations: int = 0  #: number of entries that describe other entries; they are left out
    absent: tuple[str, ...] = ()  #: platforms that the index names and the source lacks
    unread: tuple[UnreadImage, ...] = ()  #: images that could not be read at all
    warnings: tuple[str, ...] = ()  #: what the user should know about how the index was read

    @property
    def complete(self) -> bool:
        """True if all images and all their layers could be read."""
        return not self.unread and all(analysis.complete for analysis in self.analyses.values())

    @property
    def lacks_only_foreign(self) -> bool:
        """Whether nothing is missing but foreign layers, which are distributed elsewhere."""
        return not self.unread and all(analysis.lacks_only_foreign for analysis in self.analyses.values())

    @property
    def stored_size(self) -> int | None:
        """Bytes that a registry stores for the layers of all images, each blob once; None if unknown."""
        layers = [layer for analysis in self.analyses.values() for layer in analysis.layers]
        return sum_known(layer.compressed_size for layer in compress(layers, paid_layers(layers)))


@frozen(kw_only=True)
class OnlyThere:
    """The files in one directory that only one image has."""

    platform: str  #: of the image
    layer: int  #: index of the layer
    directory: str | None  #: as in ``Groups.directories``; None of the rest of the layer
    content_size: int  #: bytes of content
    compressed_size: int | None  #: bytes of download, None if unknown
    file_count: int  #: number of files

    @property
    def weight(self) -> int:
        """``compressed_size``, or ``content_size`` if that is None."""
        return weight_of(self.compressed_size, self.content_size)
