"""Remarks on layers as a whole."""

from __future__ import annotations

import attrs
import pytest

from ocisize.findings.checks.layer_shape import find_layer_shape
from ocisize.findings.evidence import ImageEvidence
from tests.evidence import make_evidence

HEAVY, EMPTY = "OS120", "OS122"


def evidence_of(*content_sizes: int, compressed_size_known: bool) -> ImageEvidence:
    """Evidence of layers that claim to have these bytes of content."""
    layers = [{f"file{number}": b"x"} for number in range(len(content_sizes))]
    evidence = make_evidence(*layers, compressed_size_known=compressed_size_known)
    sized = [attrs.evolve(layer, content_size=size) for layer, size in zip(evidence.layers, content_sizes, strict=True)]
    return attrs.evolve(evidence, layers=tuple(sized))


@pytest.mark.parametrize("compressed_size_known", [True, False])
def test_a_heavy_layer_is_found_by_its_content(*, compressed_size_known: bool) -> None:
    """A layer with more than half of the content is heavy, whether the image's compressed sizes are known or not."""
    evidence = evidence_of(100_000_000, 300_000_000, compressed_size_known=compressed_size_known)
    (claim,) = find_layer_shape(evidence)
    assert (claim.id, claim.other_layers, claim.title) == (HEAVY, (1,), "heavy layer: layer 1 is 75 % of the image")


@pytest.mark.parametrize("sizes", [(100_000_000, 100_000_000), (1, 99_999_999), (400_000_000,)])
def test_half_of_the_image_and_small_layers_are_not_heavy(sizes: tuple[int, ...]) -> None:
    """Neither half of the content, nor most of a small image, nor the only layer is a heavy layer."""
    assert not list(find_layer_shape(evidence_of(*sizes, compressed_size_known=True)))


@pytest.mark.parametrize("name", ["a.wh.b", "d.wh./f", ".wh", ".whiteout", ".wh.d/f"])
def test_only_whiteouts_keep_a_layer_from_being_empty(name: str) -> None:
    """A name that contains ``.wh.``, a name that is nearly one and a folder with such a name are no whiteouts."""
    (claim,) = find_layer_shape(make_evidence({"f": b"x"}, {name: b""}))
    assert (claim.id, claim.other_layers) == (EMPTY, (1,))


@pytest.mark.parametrize("name", [".wh.f", "d/.wh.f", "d/.wh..wh..opq", ".wh.gone"])
def test_a_layer_of_whiteouts_is_not_empty(name: str) -> None:
    """Also if its whiteouts hide no content."""
    assert not list(find_layer_shape(make_evidence({"f": b"", "d/f": b"", "z": b"x"}, {name: b""})))
