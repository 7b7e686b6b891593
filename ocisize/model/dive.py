"""The figures that dive gives for an image."""

from __future__ import annotations

import math

import attrs


@attrs.frozen(kw_only=True)
class DiveFigures:
    """The figures that dive gives for the same layers, as ``ocisize.filesystem.dive_figures`` defines them."""

    efficiency: float  #: smallest copies / all copies; counting faults of dive can make it negative
    wasted_size: int  #: bytes of all copies of the paths that are stored more than once, the live copy included
    image_size: int  #: bytes of all entries of all layers
    user_size: int  #: the same of all layers but the first
    layer_sizes: tuple[int, ...]  #: per layer, base first

    @property
    def user_wasted_ratio(self) -> float:
        """``wasted_size / user_size`` as Go divides: NaN for 0 / 0, infinity for any other / 0. May exceed 1."""
        if self.user_size:
            return self.wasted_size / self.user_size
        return math.inf if self.wasted_size else math.nan
