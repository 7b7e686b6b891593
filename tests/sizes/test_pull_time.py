"""The model of pulls: known schedules, a slow reference, and laws. Real pulls are in ``benchmarks/pull_time.py``."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ocisize
from ocisize import Analyzer, UnpackRates, pull_times, step_pull_times
from ocisize.report.words.pull import describe_pull, list_step_savings
from ocisize.sizes.pull_time import default_rates, simulate_pull
from tests.images import build_image, layer, write_docker_archive, write_layout


EXAMPLE = Path(__file__).parents[2] / "testdata" / "example.tar"
BANDWIDTHS = (100_000_000, 1_000_000_000)
_NOTHING = UnpackRates(
    gzip=math.inf, zstd=math.inf, plain=math.inf, file_seconds=0, layer_seconds=0, pull_seconds=0
)  # fmt: skip


@pytest.mark.parametrize(
    ("downloads", "unpack", "concurrency", "expected"),
    [
        ([], [], 3, 0.0),
        ([100], [2.0], 3, 3.0),
        ([100, 100, 100], [0.0, 0.0, 0.0], 3, 3.0),
        ([100, 100, 100], [1.0, 1.0, 1.0], 1, 4.0),  # each layer is unpacked while the next one comes
        ([300, 100], [1.0, 1.0], 2, 6.0),  # 100 is there at 2 s, 300 at 4 s; in order, both are unpacked from 4 s on
        ([100, 300], [1.0, 1.0], 2, 5.0),  # 100 is there at 2 s, 300 at 4 s
        ([100, 0, 100], [5.0, 1.0, 1.0], 1, 8.0),  # a repeated blob needs no download
    ],
)
def test_schedules(downloads: list[int], unpack: list[float], concurrency: int, expected: float) -> None:
    """Schedules by hand, at 100 bytes a second."""
    assert simulate_pull(downloads, unpack, 100, concurrency) == pytest.approx(expected)


_LAYERS = st.lists(st.tuples(st.integers(0, 1000), st.floats(0, 20)), max_size=12)


@given(_LAYERS, st.integers(1, 7))
def test_schedule_is_that_of_a_slow_reference(layers: list[tuple[int, float]], concurrency: int) -> None:
    """The same as a simulation that lets each running download have its share until the next one ends."""
    downloads, unpack = [size for size, _ in layers], [seconds for _, seconds in layers]
    assert simulate_pull(downloads, unpack, 100, concurrency) == pytest.approx(
        _simulate_slowly(downloads, unpack, 100, concurrency), abs=1e-6
    )


def _simulate_slowly(downloads: Sequence[int], unpack: Sequence[float], speed: float, concurrency: int) -> float:
    waiting, running, clock = list(range(len(downloads))), dict[int, float](), 0.0
    there = [0.0] * len(downloads)
    while waiting or running:
        while waiting and len(running) < concurrency:
            index = waiting.pop(0)
            running[index] = float(downloads[index])
        least, count = min(running.values()), len(running)
        clock += least * count / speed
        for index in list(running):
            running[index] -= least
            if running[index] <= 1e-9:
                del running[index]
                there[index] = clock
    done = 0.0
    for ready, seconds in zip(there, unpack, strict=True):
        done = max(done, ready) + seconds
    return done


@given(_LAYERS, st.integers(1, 7))
def test_bounds(layers: list[tuple[int, float]], concurrency: int) -> None:
    """A pull takes at least the transfer and at least the unpacking, and at most both."""
    downloads, unpack = [size for size, _ in layers], [seconds for _, seconds in layers]
    seconds = simulate_pull(downloads, unpack, 100, concurrency)
    transfer = sum(downloads) / 100
    assert max(transfer, sum(unpack)) <= seconds + 1e-9
    assert seconds <= transfer + sum(unpack) + 1e-9


def test_order_of_a_range() -> None:
    """The transfer is the least, a fast host is faster than a slow one, and a fast link than a slow one."""
    analysis = ocisize.analyze(str(EXAMPLE))
    slow, fast = pull_times(analysis, BANDWIDTHS)
    for time in (slow, fast):
        assert time.transfer_seconds < time.least_seconds < time.most_seconds
        assert time.transfer_seconds == pytest.approx((analysis.compressed_size or 0) * 8 / time.bandwidth)
    assert fast.least_seconds < slow.least_seconds
    assert fast.most_seconds < slow.most_seconds


def test_constants_are_used(tmp_path: Path) -> None:
    """Each constant adds what it says: the speed of the compression, files, layers, and once for the pull."""
    image = build_image([layer({"a": b"x" * 5000, "b": b"y"}), layer({"c": b"z" * 1000}, "zstd")])
    analysis = ocisize.analyze(str(write_layout(image, tmp_path / "layout")))
    gzip_tar, zstd_tar = (len(built.tar) for built in image.layers)

    def seconds(**changes: float) -> float:
        host = attrs.evolve(_NOTHING, **changes)
        rates = attrs.evolve(default_rates(), fast=host, slow=host)
        (time,) = pull_times(analysis, [10**15], rates)
        assert time.least_seconds == pytest.approx(time.most_seconds)
        return time.most_seconds

    assert seconds() == pytest.approx(0, abs=1e-6)
    assert seconds(gzip=1000) == pytest.approx(gzip_tar / 1000)
    assert seconds(zstd=1000) == pytest.approx(zstd_tar / 1000)
    assert seconds(plain=1000) == pytest.approx(0, abs=1e-6)
    assert seconds(file_seconds=1) == pytest.approx(3)
    assert seconds(layer_seconds=1) == pytest.approx(2)
    assert seconds(pull_seconds=1) == pytest.approx(1)


def test_repeated_blob_is_downloaded_once(tmp_path: Path) -> None:
    """A layer that is listed twice is transferred once and unpacked twice."""
    built = layer({"a": bytes(range(256)) * 1000})
    times = []
    for number, layers in enumerate(([built], [built, built])):
        folder = write_layout(build_image(layers), tmp_path / f"layout{number}")
        times.append(pull_times(ocisize.analyze(str(folder)), BANDWIDTHS[:1])[0])
    assert times[0].transfer_seconds == times[1].transfer_seconds
    assert times[0].least_seconds < times[1].least_seconds


def test_without_the_layers() -> None:
    """The range of an outline is marked, and has the same transfer."""
    outline, analysis = Analyzer().outline(str(EXAMPLE)), ocisize.analyze(str(EXAMPLE))
    for assumed, known in zip(pull_times(outline, BANDWIDTHS), pull_times(analysis, BANDWIDTHS), strict=True):
        assert assumed.assumes_unpacking
        assert not known.assumes_unpacking
        assert assumed.transfer_seconds == known.transfer_seconds
        assert assumed.least_seconds <= known.most_seconds
        assert known.least_seconds <= assumed.most_seconds


def test_unknown_download(tmp_path: Path) -> None:
    """Without compressed sizes there is no time; an estimate is used, and marked."""
    path = tmp_path / "image.tar"
    write_docker_archive(build_image([layer({"a": b"abc" * 1000})]), path)
    plain = Analyzer(estimate_download=False).analyze(str(path))
    assert pull_times(plain, BANDWIDTHS) == ()
    assert not describe_pull(plain)
    assert not describe_pull(Analyzer().outline(str(path)))
    assert describe_pull(ocisize.analyze(str(path))).startswith("≈ ")


def test_steps_add_up() -> None:
    """The savings of all steps are the difference between the image and the image without what the plan frees."""
    analysis = ocisize.analyze(str(EXAMPLE))
    assert analysis.plan.steps
    for step in analysis.plan.steps:
        assert sum(saving.size for saving in step.layer_savings) == step.size
        assert sum(saving.compressed_size or 0 for saving in step.layer_savings) == step.compressed_size
        assert sum(saving.file_count for saving in step.layer_savings) == step.path_count
    savings = step_pull_times(analysis, BANDWIDTHS)
    assert len(savings) == len(analysis.plan.steps)
    for number, time in enumerate(pull_times(analysis, BANDWIDTHS)):
        of_steps = [step[number] for step in savings]
        assert all(0 <= saving.least_seconds <= saving.most_seconds for saving in of_steps)
        assert all(saving.bandwidth == time.bandwidth for saving in of_steps)
        assert sum(saving.most_seconds for saving in of_steps) < time.most_seconds
        transfer = sum(saving.transfer_seconds for saving in of_steps)
        assert transfer == pytest.approx((analysis.plan.total.compressed_size or 0) * 8 / time.bandwidth)


def test_reports() -> None:
    """JSON has the range, the constants and the steps; steps that save next to nothing are not said to."""
    analysis = ocisize.analyze(str(EXAMPLE))
    document = json.loads(ocisize.to_json(analysis))["pull"]
    assert [time["bandwidth"] for time in document["image"]] == list(BANDWIDTHS)
    assert len(document["steps"]) == len(analysis.plan.steps)
    assert document["rates"] == attrs.asdict(default_rates())
    assert list_step_savings(analysis) == [""] * len(analysis.plan.steps)
    slow = ocisize.parse_cost("bandwidth=1Mbps")
    assert list_step_savings(analysis, slow)[0].endswith(" of a pull at 1 Mbps")
    assert "A pull takes " in ocisize.render_report(analysis, "markdown")
