"""What always holds of an image parted in base and own layers."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.model.build_step import BuildStep
from ocisize.model.base import BaseImage, BaseMethod
from ocisize.model.base import BaseCertainty
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.sizes import Sizes
from ocisize.sizes.layers import split_at_base, sum_layers

SIZE = st.integers(0, 2**40)
ESTIMATES = ("estimated_compressed_size", "estimate_error")
FIGURES = [field.name for field in attrs.fields(Sizes) if field.name not in ESTIMATES]
COMPRESSED = ("compressed_size", "wasted_compressed_size")


@st.composite
def layer_lists(draw: st.DrawFn) -> list[LayerAnalysis]:
    """Layers with any figures; a digest that is repeated has the same download, or none is known."""
    downloads = {digest: draw(st.one_of(SIZE, SIZE, st.none())) for digest in "abc"}
    layers = []
    for index, digest in enumerate(draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=6))):
        figures: Any = {name: draw(SIZE) for name in FIGURES if name not in COMPRESSED}
        estimate = draw(st.one_of(SIZE, st.none())) if downloads[digest] is None else None
        wasted = None if downloads[digest] is None else draw(SIZE)
        layers.append(
            LayerAnalysis(
                **figures, compressed_size=downloads[digest], wasted_compressed_size=wasted,
                estimated_compressed_size=estimate, estimate_error=None if estimate is None else draw(st.floats(0, 1)), index=index, digest=digest,
                diff_id=None, media_type="", compression="gzip", overhead_size=0, hides_size=0, build_step=BuildStep(), created_by="",
                created="", build_step_certain=True, digest_verified=True, diff_id_verified=True,
            )
        )  # fmt: skip
    return layers


@settings(deadline=None, max_examples=300)
@given(layer_lists(), st.data())
def test_base_and_own_add_up(layers: list[LayerAnalysis], data: st.DataObject) -> None:
    """Every figure of the image is the sum of the base's and the own; unknown if one of the two is."""
    count = data.draw(st.integers(1, len(layers)))
    parts = split_at_base(layers, BaseImage(count, None, None, BaseMethod.GIVEN, BaseCertainty.SURE))
    whole = sum_layers(layers)
    assert parts.base is not None and parts.own is not None
    for name in FIGURES:
        base, own = getattr(parts.base, name), getattr(parts.own, name)
        together = None if base is None or own is None else base + own
        assert getattr(whole, name) == together, name
    estimates = parts.base.expected_compressed_size, parts.own.expected_compressed_size
    assert whole.expected_compressed_size == (None if None in estimates else sum(size or 0 for size in estimates))
    assert (whole.estimate_error is None) == (whole.estimated_compressed_size is None)
    assert whole.estimated_compressed_size is None or whole.compressed_size is None


@given(layer_lists())
def test_a_name_alone_parts_nothing(layers: list[LayerAnalysis]) -> None:
    """Where the boundary is unknown there are no figures."""
    parts = split_at_base(layers, BaseImage(0, "name", None, BaseMethod.NAMED, BaseCertainty.GUESS))
    assert (parts.base, parts.own) == (None, None)
