"""The figures of layers and images, on images small enough to add up by hand."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from ocisize import Analysis, Analyzer
from ocisize.sizes.layers import DISK_BLOCK, sum_layers
from tests.images import (
    DIR, BuiltImage, Compression, File, Hard, Link, build_image, layer, raw_layer, write_docker_archive, write_layout,
)  # fmt: skip

KIB = 1024


def example(compression: Compression = "gzip") -> BuiltImage:
    """Three layers that show every figure.

    layer 0: 10000 + 5000 + 4096 + 1 stored; big.bin is deleted by 2, app stored again by 1
    layer 1: 5000 + 4096 + 300 stored; copy is the same as lib, old is replaced within the layer
    layer 2: 50 stored
    """
    return build_image(
        [
            layer({"d": DIR, "big.bin": b"b" * 10_000, "app": b"a" * 5000, "lib": b"l" * 4096, "one": b"1",
                   "also": Hard("lib"), "link": Link("lib")}, compression),
            layer([("app", File(b"a" * 5000, mode=0o755)), ("copy", b"l" * 4096), ("old", b"o" * 100),
                   ("old", b"n" * 200)], compression),
            layer({".wh.big.bin": b"", "new": b"n" * 50}, compression),
        ]
    )  # fmt: skip


@pytest.fixture(params=["gzip", "zstd", "plain"])
def compression(request: pytest.FixtureRequest) -> Compression:
    way: Compression = request.param
    return way


@pytest.fixture
def built(compression: Compression) -> BuiltImage:
    return example(compression)


@pytest.fixture
def analysis(built: BuiltImage, tmp_path: Path) -> Analysis:
    return Analyzer().analyze(str(write_layout(built, tmp_path / "layout")))


def test_content_live_and_wasted(analysis: Analysis) -> None:
    """Content is all that is stored, live what is seen, wasted the difference."""
    assert [each.content_size for each in analysis.layers] == [19_097, 9396, 50]
    assert [each.wasted_size for each in analysis.layers] == [15_000, 100, 0]
    assert [each.live_size for each in analysis.layers] == [4097, 9296, 50]
    assert (analysis.content_size, analysis.live_size, analysis.wasted_size) == (28_543, 13_443, 15_100)


def test_hides_size_is_of_the_hiding_layer(analysis: Analysis) -> None:
    """A layer answers for what it hides: its own duplicates, and what it changes or deletes below."""
    assert [each.hides_size for each in analysis.layers] == [0, 5100, 10_000]


def test_ratios(analysis: Analysis) -> None:
    """Efficiency and wasted ratio are shares of the content and add up to one."""
    assert analysis.wasted_ratio == 15_100 / 28_543
    assert analysis.efficiency == 1 - 15_100 / 28_543
    assert analysis.layers[2].efficiency == 1.0


def test_disk_size_is_in_blocks(analysis: Analysis) -> None:
    """Every stored file takes whole blocks on a node, dead ones included; directories and links take none."""
    assert DISK_BLOCK == 4 * KIB
    assert [each.disk_size // DISK_BLOCK for each in analysis.layers] == [3 + 2 + 1 + 1, 2 + 1 + 1 + 1, 1]
    assert analysis.disk_size == 13 * DISK_BLOCK


def test_duplicate_size(analysis: Analysis) -> None:
    """What is at two visible paths is duplicated in the upper layer, and is not waste."""
    assert [each.duplicate_size for each in analysis.layers] == [0, 4096, 0]
    assert analysis.duplicate_size == 4096


def test_counts(analysis: Analysis) -> None:
    """Entries are all tar entries, files the regular ones among them, without hard links and whiteout markers."""
    assert [each.entry_count for each in analysis.layers] == [7, 4, 2]
    assert [each.file_count for each in analysis.layers] == [4, 4, 1]
    assert (analysis.entry_count, analysis.file_count) == (13, 9)


def test_tar_and_compressed_sizes(analysis: Analysis, built: BuiltImage) -> None:
    """Tar size is the length of the tar, compressed size that of the blob, and overhead what no entry owns."""
    for each, stored in zip(analysis.layers, built.layers, strict=True):
        assert (each.tar_size, each.compressed_size) == (len(stored.tar), len(stored.blob))
        assert each.files is not None and each.files.compressed_sizes is not None and each.overhead_size is not None
        assert sum(each.files.compressed_sizes) + each.overhead_size == len(stored.blob)
    assert analysis.tar_size == sum(len(stored.tar) for stored in built.layers)
    assert analysis.compressed_size == sum(len(stored.blob) for stored in built.layers)


def test_wasted_share_of_the_download(analysis: Analysis) -> None:
    """The wasted download is the sum of its entries, and is not more than the size of the layer."""
    for each in analysis.layers:
        mine = [entry.compressed_size or 0 for entry in analysis.waste if entry.held_by == each.index]
        assert each.wasted_compressed_size == sum(mine)
        assert each.compressed_size is not None and sum(mine) <= each.compressed_size
    assert analysis.wasted_compressed_size == sum(each.wasted_compressed_size or 0 for each in analysis.layers)


def test_compressed_sizes_of_plain_layers_are_exact(tmp_path: Path) -> None:
    """In a plain layer an entry costs its headers, payload and padding."""
    analysis = Analyzer().analyze(str(write_layout(example("plain"), tmp_path / "layout")))
    sizes = {(entry.path, entry.held_by): entry.compressed_size for entry in analysis.waste}
    assert sizes == {("big.bin", 0): 512 + 10_240, ("app", 0): 512 + 5120, ("old", 1): 512 + 512}
    assert analysis.wasted_compressed_size == 512 * 4 + 10_240 + 5120


def test_layers_know_their_place(analysis: Analysis, built: BuiltImage, compression: Compression) -> None:
    """A layer has its index, digests and build step."""
    assert [each.index for each in analysis.layers] == [0, 1, 2]
    assert [each.digest for each in analysis.layers] == [stored.digest for stored in built.layers]
    assert [each.diff_id for each in analysis.layers] == [stored.diff_id for stored in built.layers]
    assert [str(each.build_step) for each in analysis.layers] == ["RUN step 0", "RUN step 1", "RUN step 2"]
    assert {each.compression for each in analysis.layers} == {compression}


@pytest.mark.parametrize("style", ["skopeo", "legacy", "docker25"])
def test_unknown_compressed_size(tmp_path: Path, style: str) -> None:
    """Uncompressed layers of a docker archive have no compressed sizes: those figures are None, all others are known."""
    path = write_docker_archive(example(), tmp_path / "app.tar", style=style)  # type: ignore[arg-type]
    analysis = Analyzer().analyze(str(path))
    for each in (analysis, *analysis.layers):
        assert (each.compressed_size, each.wasted_compressed_size) == (None, None)
    assert {each.overhead_size for each in analysis.layers} == {None}
    assert {entry.compressed_size for entry in analysis.waste} == {None}
    assert (analysis.content_size, analysis.live_size, analysis.duplicate_size) == (28_543, 13_443, 4096)


def test_one_unknown_makes_the_sum_unknown(tmp_path: Path) -> None:
    """An image has no compressed size when one of its layers has none."""
    layers = Analyzer().analyze(str(write_layout(example(), tmp_path / "layout"))).layers
    unknown = attrs.evolve(layers[1], compressed_size=None, wasted_compressed_size=None)
    image = sum_layers([layers[0], unknown, layers[2]])
    assert (image.compressed_size, image.wasted_compressed_size) == (None, None)
    assert image.content_size == 28_543


def test_an_image_without_content(tmp_path: Path) -> None:
    """Nothing stored is nothing wasted: efficiency 1, with layers of directories, empty ones and none at all."""
    empty = raw_layer(bytes(1024))
    for number, layers in enumerate([[], [empty], [layer({"d": DIR, "l": Link("x")}), layer({".wh.d": b""})]]):
        analysis = Analyzer().analyze(str(write_layout(build_image(layers), tmp_path / str(number))))
        assert (analysis.content_size, analysis.live_size, analysis.disk_size, analysis.wasted_size) == (0, 0, 0, 0)
        assert (analysis.efficiency, analysis.wasted_ratio) == (1.0, 0.0)
        assert len(analysis.layers) == len(layers)


def test_the_same_layer_twice(tmp_path: Path) -> None:
    """A layer that is repeated wastes its first copy, metadata-only, and is downloaded once."""
    built = layer({"a": b"x" * 1000})
    analysis = Analyzer().analyze(str(write_layout(build_image([built, built]), tmp_path / "layout")))
    assert [(entry.path, str(entry.cause), entry.held_by) for entry in analysis.waste] == [("a", "metadata-only", 0)]
    assert analysis.compressed_size == len(built.blob)
    assert [each.compressed_size for each in analysis.layers] == [len(built.blob)] * 2
    assert analysis.wasted_compressed_size == 0  # the copy that shows needs the blob as well
    assert analysis.duplicate_size == 0


def test_sparse_files_take_their_full_size(tmp_path: Path) -> None:
    """A host writes a sparse file in full: du says 1007616 after docker load, umoci unpack and ctr import."""
    pax = {"GNU.sparse.map": "1000000,5000", "GNU.sparse.size": "1005000", "GNU.sparse.numblocks": "1"}
    image = build_image([layer({"a": File(b"x" * 5000, pax=pax)})])
    analysis = Analyzer().analyze(str(write_layout(image, tmp_path / "layout")))
    assert (analysis.content_size, analysis.live_size, analysis.disk_size) == (1005000, 1005000, 1007616)
