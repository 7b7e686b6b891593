"""The list of files: order, globs, layers, and the cause of waste of each file."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from ocisize import Analysis, Analyzer, from_json, to_json
from ocisize.globs import parse_glob
from ocisize.sizes.files import Listing, SortOrder, list_files, select_layers
from ocisize.model.waste import Cause
from ocisize.errors import ViewError
from tests.images import DIR, BuiltImage, File, Hard, Link, build_image, layer, write_docker_archive
from tests.oci.test_image import single


@pytest.fixture(scope="module")
def image() -> BuiltImage:
    """A file deleted, one stored again, one that compresses well, and everything that is no file."""
    noise = random.Random(5).randbytes(40_000)
    base = layer({"d": DIR, "d/zero.bin": bytes(90_000), "d/noise.bin": noise, "gone.txt": b"g" * 50, "same": b"s" * 40,
                  "hard": Hard("same"), "link": Link("same"), "empty": b""})  # fmt: skip
    top = layer({".wh.gone.txt": b"", "same": File(b"s" * 40, mode=0o755), "d/deep/sub/x.txt": b"x" * 30})
    return build_image([base, top])


@pytest.fixture(scope="module")
def analysis(image: BuiltImage) -> Analysis:
    return Analyzer().analyze_source(single(image))


def listed(analysis: Analysis, *globs: str, layer: int | None = None, most: int = 100) -> Listing:
    return list_files(select_layers(analysis.layers, layer), count=most, globs=[parse_glob(glob) for glob in globs])


def paths(listing: Listing) -> list[tuple[int, str]]:
    return [(file.layer, file.path) for file in listing.files]


def test_the_largest_files_come_first(analysis: Analysis) -> None:
    """By size, ties by path and layer; links, directories and whiteouts are no files."""
    listing = listed(analysis)
    assert paths(listing) == [(0, "d/zero.bin"), (0, "d/noise.bin"), (0, "gone.txt"), (0, "same"), (1, "same"),
                              (1, "d/deep/sub/x.txt"), (0, "empty")]  # fmt: skip
    assert (listing.file_count, listing.content_size) == (analysis.file_count, analysis.content_size)
    assert listing.compressed_size is not None and analysis.compressed_size is not None
    assert 0 < listing.compressed_size < analysis.compressed_size


def test_by_download(analysis: Analysis) -> None:
    """Zeros cost less than noise of half their size."""
    first, second = list_files(analysis.layers, count=2, order=SortOrder.DOWNLOAD).files
    assert first.path == "d/noise.bin"
    assert first.compressed_size is not None and second.compressed_size is not None
    assert first.compressed_size > second.compressed_size


def test_what_became_of_a_file(analysis: Analysis) -> None:
    """A file shows, or there are a cause and a layer that hides it; a hard link keeps a file that is stored again."""
    files = {(file.layer, file.path): (file.cause, file.hidden_by) for file in listed(analysis).files}
    assert files[0, "gone.txt"] == (Cause.DELETED, 1)
    assert files[0, "same"] == files[1, "same"] == (None, None)


def test_a_cut_list_knows_the_rest(analysis: Analysis) -> None:
    """Figures are those of all files that were asked for, however few are shown."""
    for most in (0, 1, 3):
        listing = listed(analysis, most=most)
        assert len(listing.files) == most
        assert (listing.file_count, listing.content_size) == (analysis.file_count, analysis.content_size)


def test_one_layer(analysis: Analysis) -> None:
    """A layer's files with their index in the image."""
    assert paths(listed(analysis, layer=1)) == [(1, "same"), (1, "d/deep/sub/x.txt")]


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (["*.bin"], ["d/zero.bin", "d/noise.bin"]),
        (["/d/"], ["d/zero.bin", "d/noise.bin", "d/deep/sub/x.txt"]),
        (["/d/*.bin", "gone.*"], ["d/zero.bin", "d/noise.bin", "gone.txt"]),
        (["/d/**/x.txt"], ["d/deep/sub/x.txt"]),
        (["zero.bin", "z*.bin", "/d/zero.bin"], ["d/zero.bin"]),
        (["/zero.bin"], []),
        (["same", "hard", "link", "d"], ["d/zero.bin", "d/noise.bin", "same", "same", "d/deep/sub/x.txt"]),
    ],
)
def test_globs_mean_what_they_mean_in_the_catalog(analysis: Analysis, globs: Sequence[str], expected: list[str]) -> None:
    """Anchored or not, whole directories, any depth; a file that several globs match occurs once."""
    listing = listed(analysis, *globs)
    assert [file.path for file in listing.files] == expected
    assert listing.file_count == len(expected)
    assert listing.content_size == sum(file.size for file in listing.files)


def test_a_repeated_blob_is_downloaded_once() -> None:
    """A layer that is repeated lists its files twice, and they are downloaded once."""
    twice = layer({"a": b"1" * 100})
    analysis = Analyzer().analyze_source(single(build_image([twice, twice])))
    listing = listed(analysis)
    assert listing.content_size == 200
    assert listing.compressed_size == listing.files[0].compressed_size == listing.files[1].compressed_size


@pytest.mark.parametrize("number", [2, 99])
def test_a_layer_that_is_not_there(analysis: Analysis, number: int) -> None:
    """An error that says which layers there are."""
    with pytest.raises(ViewError, match=f"there is no layer {number}") as caught:
        select_layers(analysis.layers, number)
    assert caught.value.hint == "the image has layers 0 to 1"


def test_an_unknown_compressed_size_cannot_order(image: BuiltImage, tmp_path: Path) -> None:
    """A docker archive with uncompressed layers lists files without compressed sizes, and refuses to sort by them."""
    analysis = Analyzer().analyze(str(write_docker_archive(image, tmp_path / "a.tar")))
    listing = listed(analysis)
    assert listing.compressed_size is None
    assert {file.compressed_size for file in listing.files} == {None}
    with pytest.raises(ViewError, match="uncompressed"):
        list_files(analysis.layers, count=1, order=SortOrder.DOWNLOAD)


def test_lists_need_tables(analysis: Analysis) -> None:
    """An analysis that was read back from JSON has no rows to list."""
    with pytest.raises(ValueError, match="layer 0 has no file table"):
        listed(from_json(to_json(analysis)))
