"""The fleets of tests are what their docstrings say, and a real registry stores exactly their bytes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.fleets import Tagged, delete_manifest, many_images, push_fleet, service_family
from tests.registry import collect_garbage, real_registry, stored_size


def _stored(tags: Iterable[Tagged]) -> int:
    return sum({digest: size for tag in tags for digest, size in tag.sizes.items()}.values())


@pytest.mark.parametrize(("count", "layers"), [(500, 575), (10, 11), (20, 40)])
def test_many_images_have_so_many_layers(count: int, layers: int) -> None:
    """A fleet has exactly the images and layers that were asked for."""
    tags = many_images(count, layers, size=30, repositories=3)
    assert len({tag.digest for tag in tags}) == count == len(tags)
    gzip = b"\x1f\x8b"
    assert len({digest for tag in tags for digest, data in tag.blobs.items() if data.startswith(gzip)}) == layers
    assert many_images(count, layers, size=30, repositories=3) == tags


def test_a_registry_stores_the_family(tmp_path: Path) -> None:
    """Blobs are stored once in a registry; a deletion frees nothing before garbage is collected."""
    tags = service_family()
    with real_registry(tmp_path, deletes=True) as registry:
        push_fleet(registry, tags)
        assert stored_size(tmp_path) == _stored(tags)
        gone = next(tag for tag in tags if (tag.repository, tag.tag) == ("api", "1.0"))
        delete_manifest(registry, "api", gone.digest)
        assert stored_size(tmp_path) == _stored(tags)
        collect_garbage(tmp_path)
    assert stored_size(tmp_path) == _stored(tag for tag in tags if tag is not gone) < _stored(tags)
