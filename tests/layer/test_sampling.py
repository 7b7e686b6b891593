"""Estimates of compressed sizes: plans, samples in place and in streams, and how far they are off."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize import Analyzer
from ocisize.blob.region import FileRegion
from ocisize.errors import TarError
from ocisize.layer.sampler import SamplerOptions, ThreadSampler
from ocisize.layer.sampling import (
    BLOCK_SIZE,
    EXACT_BLOCKS,
    FAST_BLOCKS,
    WINDOW,
    SampledStream,
    SizeEstimate,
    plan_blocks,
)
from tests.images import build_image, layer, write_docker_archive, write_layout
from tests.strategies import Bytes, Chopped

MB = 1_000_000


def gzip_size(data: bytes) -> int:
    """Bytes of a gzip stream of level 6."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, 31)
    return len(deflate.compress(data)) + len(deflate.flush())


def content(size: int, seed: int = 1) -> bytes:
    """Bytes that compress differently from place to place: words, noise, and zeros."""
    dice, parts, total = random.Random(seed), [], 0
    words = [dice.randbytes(dice.randint(2, 9)) for _ in range(3000)]
    while total < size:
        length = dice.randint(1000, 100_000)
        kind = dice.random()
        if kind < 0.6:
            part = b"".join(dice.choices(words, k=length // 5))
        else:
            part = dice.randbytes(length) if kind < 0.8 else bytes(length)
        parts.append(part)
        total += len(part)
    return b"".join(parts)[:size]


def estimate_in_place(path: Path, data: bytes, *, image_size: int, layers: int = 5, jobs: int = 2) -> SizeEstimate:
    path.write_bytes(b"head" + data)
    with (
        path.open("rb", buffering=0) as file,
        closing(ThreadSampler(SamplerOptions(jobs, image_size, layers))) as sampler,
    ):
        return sampler.start(FileRegion(file.fileno(), 4, len(data)))()


def estimate_in_stream(stream: Bytes, size: int, *, image_size: int, window: int = 1 << 20) -> SizeEstimate | None:
    sampled = SampledStream(stream, plan_blocks(size, image_size, 5))
    buffer = memoryview(bytearray(window))
    while sampled.readinto(buffer):
        pass
    return sampled.estimate()


SIZES = st.one_of(st.integers(0, 2 * BLOCK_SIZE * FAST_BLOCKS), st.integers(0, 1 << 40))


@settings(deadline=None)
@given(SIZES, SIZES, st.integers(1, 4096))
def test_plans_spread_blocks_over_the_layer(size: int, others: int, layers: int) -> None:
    """Blocks lie in the layer, in order, without overlap and at most two parts apart; some are compressed exactly."""
    plan = plan_blocks(size, size + others, layers)
    if not plan.starts:
        assert size <= EXACT_BLOCKS * 2 * BLOCK_SIZE
        return
    spans = [plan.span_of(block) for block in range(len(plan.starts))]
    assert len(spans) <= FAST_BLOCKS
    assert 2 <= len(plan.exact) <= min(EXACT_BLOCKS, len(spans))
    assert plan.exact <= set(range(len(spans)))
    for first, start, end in spans:
        assert 0 <= first <= start < end <= size
        assert start - first <= WINDOW
        assert end - start == BLOCK_SIZE or end == size
    part = max(size / len(spans), BLOCK_SIZE)
    for (_, _, end), (_, start, _) in pairwise(spans):
        assert end <= start <= end + 2 * part
    assert plan.covers_layer == (sum(end - start for _, start, end in spans) == size)


def test_many_layers_have_few_blocks_each() -> None:
    """The least number of blocks of a layer does not add up to more work than the image is worth."""
    sizes = [1 << 20] * 4096
    plans = [plan_blocks(size, sum(sizes), len(sizes)) for size in sizes]
    assert sum(len(plan.exact) for plan in plans) <= 2 * len(sizes)


@pytest.mark.parametrize("size", [0, 1, 1024, 200_000, 262_144])
def test_small_layers_are_compressed_whole(tmp_path: Path, size: int) -> None:
    """The estimate of a small layer is what gzip makes of it."""
    data = content(size)
    expected = SizeEstimate(gzip_size(data), 0.0)
    assert estimate_in_place(tmp_path / "layer", data, image_size=1 << 40) == expected
    assert estimate_in_stream(Bytes(data), size, image_size=1 << 40) == expected


@pytest.mark.parametrize(("size", "image_size", "error"), [(10 * MB + 77, 10 * MB + 77, 0.06), (25 * MB, 100 * MB, 0.12)])
def test_estimates_are_near_the_truth(tmp_path: Path, size: int, image_size: int, error: float) -> None:
    """A layer that is all or a quarter of its image is estimated within twice the error."""
    data = content(size)
    estimate = estimate_in_place(tmp_path / "layer", data, image_size=image_size)
    assert 0 < estimate.error < error
    assert estimate.size == pytest.approx(gzip_size(data), rel=2 * estimate.error)


@pytest.mark.parametrize("size", [300_000, 5 * MB])
def test_small_shares_are_estimated_too(tmp_path: Path, size: int) -> None:
    """A layer that is a small part of its image has an estimate with a larger error."""
    data = content(size)
    estimate = estimate_in_place(tmp_path / "layer", data, image_size=1 << 34)
    assert 0 < estimate.error < 0.6
    assert estimate.size == pytest.approx(gzip_size(data), rel=2 * estimate.error)


@pytest.mark.parametrize(("data", "share"), [(random.Random(2).randbytes(9 * MB), 1.0), (bytes(9 * MB), 0.002)])
def test_extremes(tmp_path: Path, data: bytes, share: float) -> None:
    """Noise does not become smaller, and zeros nearly vanish."""
    estimate = estimate_in_place(tmp_path / "layer", data, image_size=len(data))
    assert estimate.size == pytest.approx(share * len(data), rel=0.01 if share == 1.0 else 0.5)


def test_content_that_nearly_vanishes(tmp_path: Path) -> None:
    """A block has costs of its own, which the error has where little else is left."""
    lines = b"".join(b"line %d of a file that repeats itself\n" % (number % 50) for number in range(60_000))
    assert gzip_size(lines) < len(lines) / 50
    estimate = estimate_in_place(tmp_path / "layer", lines * 4, image_size=4 * len(lines))
    assert estimate.size == pytest.approx(gzip_size(lines * 4), rel=estimate.error)


@pytest.mark.parametrize("window", [BLOCK_SIZE // 2, 100_003, 1 << 22])
@pytest.mark.parametrize("image_size", [7 * MB, 1 << 30])
def test_streams_give_the_estimate_of_a_file(tmp_path: Path, window: int, image_size: int) -> None:
    """A layer that is sampled while it is read has the same estimate, however it is read; and the reads are unchanged."""
    data = content(7 * MB)
    expected = estimate_in_place(tmp_path / "layer", data, image_size=image_size, jobs=1)
    assert expected.error > 0
    assert estimate_in_stream(Bytes(data), len(data), image_size=image_size, window=window) == expected
    sampled = SampledStream(Chopped(data, 3), plan_blocks(len(data), image_size, 5))
    buffer, read = memoryview(bytearray(BLOCK_SIZE)), bytearray()
    while count := sampled.readinto(buffer):
        read += buffer[:count]
    assert bytes(read) == data
    assert sampled.estimate() == expected


def test_a_stream_of_another_size_has_no_estimate() -> None:
    """What was planned for another size says nothing."""
    assert estimate_in_stream(Bytes(content(MB)), MB + 1, image_size=MB) is None


@pytest.mark.parametrize("size", [100_000, 20 * MB])
def test_a_cut_file(tmp_path: Path, size: int) -> None:
    """A file that was cut after it was opened is an error, as it is for the scan."""
    path = tmp_path / "layer"
    path.write_bytes(bytes(size // 2))
    with (
        path.open("rb", buffering=0) as file,
        closing(ThreadSampler(SamplerOptions(1, size, 1))) as sampler,
    ):
        result = sampler.start(FileRegion(file.fileno(), 0, size))
        with pytest.raises(TarError, match="cut"):
            result()


def every_way(path: Path, outer: Path) -> Iterable[tuple[Analyzer, Path]]:
    """Ways to read an archive: in place, with all hashes, verified, decompressed, with one job."""
    yield Analyzer(platform="linux/amd64"), path
    yield Analyzer(platform="linux/amd64", hash_content=True), path
    yield Analyzer(platform="linux/amd64", verify=True), path
    yield Analyzer(platform="linux/amd64", jobs=1), path
    yield Analyzer(platform="linux/amd64", jobs=2, use_processes=True), path
    yield Analyzer(platform="linux/amd64"), outer


def test_the_way_of_reading_does_not_matter(tmp_path: Path) -> None:
    """An image of large and small layers has one estimate, whose parts add up."""
    image = build_image([layer({"a": content(8 * MB)}), layer({"b": b"small" * 100}), layer({"c": content(MB, 2)})])
    path = write_docker_archive(image.recompressed("plain"), tmp_path / "app.tar")
    outer = write_docker_archive(image.recompressed("plain"), tmp_path / "app.tar.gz", outer="gzip")
    found = [analyzer.analyze(archive) for analyzer, archive in every_way(path, outer)]
    first = found[0]
    assert first.compressed_size is None
    assert first.estimated_compressed_size is not None
    assert first.estimate_error is not None
    real = sum(gzip_size(built.tar) for built in image.layers)
    assert first.estimated_compressed_size == pytest.approx(real, rel=2 * first.estimate_error)
    assert first.estimated_compressed_size == sum(part.estimated_compressed_size or 0 for part in first.layers)
    assert first.estimate_error < max(part.estimate_error or 0 for part in first.layers)
    assert [part.estimate_error for part in first.layers][1] == 0
    for other in found[1:]:
        assert [part.estimated_compressed_size for part in other.layers] == [
            part.estimated_compressed_size for part in first.layers
        ]


def test_nothing_is_sampled_where_sizes_are_known_or_nobody_asks(tmp_path: Path) -> None:
    """Compressed layers have no estimate; nor have uncompressed ones without the option."""
    image = build_image([layer({"a": b"x" * 1000})])
    compressed = write_docker_archive(image, tmp_path / "gzip.tar", style="containerd")
    plain = write_docker_archive(image.recompressed("plain"), tmp_path / "plain.tar")
    layout = write_layout(image.recompressed("plain"), tmp_path / "layout")  # whose plain blobs are downloaded as they are
    known, registered = (Analyzer(platform="linux/amd64").analyze(path) for path in (compressed, layout))
    unasked = Analyzer(estimate_download=False).analyze(plain)
    for analysis in (unasked, known, registered):
        assert (analysis.estimated_compressed_size, analysis.estimate_error) == (None, None)
        assert analysis.layers[0].estimated_compressed_size is None
        assert analysis.expected_compressed_size == analysis.compressed_size
    assert (known.compressed_size, registered.compressed_size, unasked.compressed_size) == (
        len(image.layers[0].blob),
        len(image.layers[0].tar),
        None,
    )
