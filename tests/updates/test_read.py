"""Reading releases: every distinct layer once, failures, and what the warnings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocisize import Analyzer, Connection, DiskCache, read_layer_contents, read_releases
from tests.fleets import push_fleet, service_family
from tests.images import build_image, layer, sha256, write_docker_archive, write_layout
from tests.registry import RealRegistry
from tests.updates.counting import Counter, counting_proxy


@pytest.fixture
def names(registry: RealRegistry) -> list[str]:
    """The four releases of a service, each a tag."""
    tags = [tag for tag in service_family() if tag.repository == "api"]
    return [reference.partition("/")[2] for reference in push_fleet(registry, tags)]


def layer_bytes(counter: Counter, sizes: dict[str, int]) -> dict[str, int]:
    """What was sent of each layer."""
    sent = {path.rpartition("/")[2]: size for path, size in counter.sent.items()}
    return {digest: sent.get(digest, 0) for digest in sizes}


def test_each_distinct_layer_is_read_once(registry: RealRegistry, names: list[str], tmp_path: Path) -> None:
    """Without a cache once in a run, with a cache once ever; documents alone read no layer."""
    with counting_proxy(registry.host) as counter:
        connection = Connection(retries=1, plain_http=True)
        images = [f"{counter.host}/{name}" for name in names]
        analyzer = Analyzer(platform="linux/amd64", connection=connection)
        read = read_releases(analyzer, images)
        sizes = {layer.digest: layer.size for release in read.releases for layer in release.layers}
        assert len(read.releases) == 4 and not read.failures
        assert not any(layer_bytes(counter, sizes).values())
        found = read_layer_contents(analyzer, read.releases)
        assert set(found.contents) == set(sizes) and not found.failures
        assert layer_bytes(counter, sizes) == sizes
        for expected in (sizes, dict.fromkeys(sizes, 0)):
            counter.reset()
            cached = Analyzer(platform="linux/amd64", connection=connection, cache=DiskCache(tmp_path / "cache"))
            again = read_layer_contents(cached, read_releases(cached, images).releases)
            assert again.contents == found.contents
            assert layer_bytes(counter, sizes) == expected


@pytest.mark.parametrize("layers", [[{"c": b"other"}], [{"c": b"other"}, {"d": b"more"}]])
def test_a_name_that_moves_while_it_is_read_is_a_failure(tmp_path: Path, layers: list[dict[str, bytes]]) -> None:
    """The files of another image are not those of the release."""
    archive, analyzer = tmp_path / "app.tar", Analyzer()
    write_docker_archive(build_image([layer({"a": b"first"})]), archive)
    releases = read_releases(analyzer, [str(archive)]).releases
    write_docker_archive(build_image([layer(entries) for entries in layers]), archive)
    found = read_layer_contents(analyzer, releases)
    assert not found.contents
    (failure,) = found.failures
    assert failure.reference == str(archive)
    assert "another image" in failure.message


def test_a_release_whose_layer_is_damaged_is_named(tmp_path: Path) -> None:
    good, bad = build_image([layer({"a": b"a" * 100})]), build_image([layer({"b": b"b" * 3000})])
    write_layout(good, tmp_path / "good")
    write_layout(bad, tmp_path / "bad")
    blob = tmp_path / "bad" / "blobs" / "sha256" / bad.layers[0].digest.partition(":")[2]
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    read = read_releases(Analyzer(), [str(tmp_path / "good"), str(tmp_path / "bad")])
    assert len(read.releases) == 2
    found = read_layer_contents(Analyzer(), read.releases)
    assert set(found.contents) == {good.layers[0].digest}
    assert [failure.reference for failure in found.failures] == [str(tmp_path / "bad")]


def test_layers_without_compression_are_named(tmp_path: Path) -> None:
    """Of an archive of docker save, sizes are those of the tars."""
    image = build_image([layer({"a": b"a" * 100})])
    write_docker_archive(image, tmp_path / "app.tar")
    read = read_releases(Analyzer(), [str(tmp_path / "app.tar")])
    assert read.warnings == ("1 of 1 inputs have layers uncompressed: their sizes are those of the tars",)
    assert read.releases[0].layer_size == len(image.layers[0].tar)
    assert read.releases[0].digest == sha256(image.config)


def test_images_of_several_platforms_are_named(tmp_path: Path) -> None:
    for name in ("amd64", "arm64"):
        write_layout(build_image([layer({"a": name.encode()})], architecture=name), tmp_path / name)
    read = read_releases(Analyzer(), [str(tmp_path / "amd64"), str(tmp_path / "arm64")])
    assert read.warnings == ("the images are of several platforms: linux/amd64, linux/arm64",)
