"""The images of an index, analysed, and what differs between them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import compress
from typing import TypeAlias

import attrs

from ocisize.model.analysis import Analysis
from ocisize.model.build_step import BuildStep
from ocisize.model.sizes import paid_layers, sum_known, weight_of
from ocisize.oci.platform import UnreadImage

PerPlatform: TypeAlias = tuple[int | None, ...]
FIGURES = ("compressed_size", "content_size", "live_size", "wasted_size")


@attrs.frozen(kw_only=True)
class Spread:
    """One figure of all images."""

    name: str  #: as ``Sizes`` has it
    values: PerPlatform

    @property
    def ratios(self) -> tuple[float | None, ...]:
        """Each value by the smallest of them; None where it is unknown, or the smallest is 0."""
        least = min((value for value in self.values if value is not None), default=0)
        return tuple(value / least if value is not None and least else None for value in self.values)


@attrs.frozen(kw_only=True)
class StepDrift:
    """The layers that one build step made in the images."""

    build_step: BuildStep  #: as the first image that has it notes it
    layers: PerPlatform  #: their indexes
    digests: tuple[str | None, ...]
    compressed_sizes: PerPlatform
    content_sizes: PerPlatform

    @property
    def missing(self) -> bool:
        """Whether an image has no such layer."""
        return None in self.layers

    @property
    def sizes(self) -> PerPlatform:
        """The sizes on the wire, or of the content where those are not all known."""
        unknown = any(
            size is None and layer is not None for size, layer in zip(self.compressed_sizes, self.layers, strict=True)
        )
        return self.content_sizes if unknown else self.compressed_sizes

    @property
    def difference(self) -> int:
        """Bytes between the largest and the smallest; what is missing has none."""
        sizes = [size or 0 for size in self.sizes]
        return max(sizes) - min(sizes)


@attrs.frozen(kw_only=True)
class FindingDrift:
    """A finding that only some of the images have."""

    id: str
    title: str  #: of the first that has it
    platforms: tuple[str, ...]  #: that have it
    sizes: PerPlatform  #: bytes of content it saves
    compressed_sizes: PerPlatform

    @property
    def difference(self) -> int:
        """The most bytes that it saves in one image, on the wire where that is known."""
        saved = zip(self.compressed_sizes, self.sizes, strict=True)
        return max(weight_of(compressed, size or 0) for compressed, size in saved)


@attrs.frozen(kw_only=True)
class Drift:
    """All that differs."""

    platforms: tuple[str, ...]
    figures: tuple[Spread, ...]
    steps: tuple[StepDrift, ...]  #: all build steps, base first
    only_there: tuple[OnlyThere, ...]  #: directories of files that stand in one image only, largest first
    findings: tuple[FindingDrift, ...]  #: those that not all images have, largest first


@attrs.frozen(kw_only=True)
class IndexAnalysis:
    """The images of an index, analysed; tables of layers that several of them share are one and the same.

    Drift is looked for between the images of which all layers were read.
    """

    source: str  #: the input as it was given
    format: str
    reference: str | None
    digest: str | None  #: of the index as it was read; None of a single image
    media_type: str
    analyses: Mapping[str, Analysis]  #: by platform as the index names it, in its order
    drift: Drift
    attestations: int = 0  #: entries that describe other entries, left out
    absent: tuple[str, ...] = ()  #: platforms that the index names and the source lacks
    unread: tuple[UnreadImage, ...] = ()  #: images that could not be read at all
    warnings: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all images could be read, and all their layers."""
        return not self.unread and all(each.complete for each in self.analyses.values())

    @property
    def stored_size(self) -> int | None:
        """What a registry keeps: the layers of all images, each blob once; None where a wire size is unknown."""
        layers = [layer for analysis in self.analyses.values() for layer in analysis.layers]
        return sum_known(layer.compressed_size for layer in compress(layers, paid_layers(layers)))


@attrs.frozen(kw_only=True)
class OnlyThere:
    """Files that a single image has, in one directory: ``/opt/cuda/`` is all below it, ``/opt/*`` directly in it.

    The rest of a layer, in directories that say less, has no name.
    """

    platform: str
    layer: int
    directory: str | None
    content_size: int
    compressed_size: int | None
    file_count: int

    @property
    def weight(self) -> int:
        """``compressed_size``, or ``content_size`` if that is None."""
        return weight_of(self.compressed_size, self.content_size)
