"""Uncompressed layers count with the compressed size that the other image of a comparison has for them."""

from __future__ import annotations

import random
from pathlib import Path

import attrs
import pytest

from ocisize import Analysis, Analyzer
from ocisize.comparison.images import compare
from ocisize.model.base import BaseImage, BaseCertainty, BaseMethod
from ocisize.sizes.layers import split_at_base
from tests.images import build_image, layer, write_docker_archive, write_layout

SHARED = [layer({"usr/lib": random.Random(number).randbytes(9000) + b"x" * 5000}) for number in range(2)]
OWN = layer({"app": b"y" * 3000})


@pytest.fixture
def released(tmp_path: Path) -> Analysis:
    """An image as a registry has it."""
    return Analyzer(platform="linux/amd64").analyze(write_layout(build_image(SHARED), tmp_path / "released"))


@pytest.fixture
def archived(tmp_path: Path) -> Analysis:
    """The image with a layer more, whose layers the archive holds uncompressed."""
    path = write_docker_archive(build_image([*SHARED, OWN]).recompressed("plain"), tmp_path / "built.tar")
    return Analyzer(platform="linux/amd64").analyze(path)


@pytest.mark.parametrize("turned", [False, True])
def test_layers_of_the_other_image_have_its_sizes(released: Analysis, archived: Analysis, *, turned: bool) -> None:
    """On either side, layers with a known diff_id have the known size without an error; the new layer keeps its estimate."""
    comparison = compare(archived, released) if turned else compare(released, archived)
    estimated = comparison.before if turned else comparison.after
    known = [built.compressed_size for built in released.layers]
    own = archived.layers[2].estimated_compressed_size
    assert own is not None
    assert [built.estimated_compressed_size for built in estimated.layers] == [*known, own]
    assert [built.estimate_error for built in estimated.layers[:2]] == [0.0, 0.0]
    assert estimated.estimated_compressed_size == (released.compressed_size or 0) + own
    assert comparison.estimated_growth == (-own if turned else own)
    assert (comparison.compressed_growth, comparison.download_size) == (None, None)
    assert all(built.compressed_size is None for built in estimated.layers)


def test_the_base_has_the_known_size_too(released: Analysis, archived: Analysis) -> None:
    """The estimate of the base image is the sum of the known sizes."""
    base = split_at_base(archived.layers, BaseImage(2, None, None, BaseMethod.GIVEN, BaseCertainty.SURE))
    found = compare(released, attrs.evolve(archived, base=base)).after.base
    assert found is not None
    assert found.base is not None
    assert found.base.estimated_compressed_size == released.compressed_size


def test_without_a_sample_known_layers_alone_give_a_sum(released: Analysis, tmp_path: Path) -> None:
    """An image that was not sampled has an estimate if the other image has all its layers, and else none."""
    analyzer = Analyzer(platform="linux/amd64", estimate_download=False)
    same = analyzer.analyze(write_docker_archive(build_image(SHARED).recompressed("plain"), tmp_path / "same.tar"))
    more = analyzer.analyze(write_docker_archive(build_image([*SHARED, OWN]).recompressed("plain"), tmp_path / "more.tar"))
    assert compare(released, same).after.estimated_compressed_size == released.compressed_size
    assert compare(released, more).after.estimated_compressed_size is None
    assert compare(more, same).estimated_growth is None


def test_two_released_images_stay_as_they_are(released: Analysis) -> None:
    """Nothing is estimated where all sizes are known."""
    comparison = compare(released, released)
    assert comparison.after is released
    assert comparison.estimated_growth is None
