"""Compressed sizes of uncompressed layers, as the other image of a comparison knows them.

A layer that an archive holds uncompressed is often a compressed layer of the other image: both have one diff_id.
"""

from __future__ import annotations

from ocisize.model.analysis import Analysis
from ocisize.sizes.layers import split_at_base, sum_layers
from ocisize.values import evolve


def use_known_sizes(analysis: Analysis, other: Analysis) -> Analysis:
    """Return an analysis whose estimates are the compressed sizes of the same layers in another image, where these exist.

    The sums of the image and of its base are computed again. Compressed sizes stay unknown.

    >>> import ocisize
    >>> analysis = ocisize.analyze("testdata/example.tar")  # whose compressed sizes are known
    >>> use_known_sizes(analysis, analysis) is analysis
    True
    """
    known = {layer.diff_id: layer.compressed_size for layer in other.layers if layer.compressed_size is not None}
    layers = tuple(
        evolve(layer, estimated_compressed_size=known[layer.diff_id], estimate_error=0.0)
        if layer.compressed_size is None and layer.diff_id is not None and layer.diff_id in known
        else layer
        for layer in analysis.layers
    )
    if layers == analysis.layers:
        return analysis
    sums = sum_layers(layers)
    return evolve(
        analysis,
        layers=layers,
        estimated_compressed_size=sums.estimated_compressed_size,
        estimate_error=sums.estimate_error,
        base=analysis.base and split_at_base(layers, analysis.base.found),
    )
