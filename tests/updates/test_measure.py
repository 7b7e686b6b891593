"""Histories: sums, tracked layers, causes, and releases that several tags name."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.model.comparison import LayerStatus
from ocisize.model.updates import Release, ReleaseOrder
from ocisize.updates.measure import measure_updates
from ocisize.updates.releases import order_releases
from ocisize.updates.sums import sum_updates
from ocisize.updates.tags import tag_key
from ocisize.values import evolve
from tests.updates.releases import histories, make_layers, make_release_of


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60))
def test_sums_are_those_of_definitions(sizes: list[int]) -> None:
    """The 95th percentile is the smallest size that 95 % of the updates do not exceed."""
    sums = sum_updates(sizes, [2000] * len(sizes))
    assert (sums.count, sums.total, sums.largest) == (len(sizes), sum(sizes), max(sizes))
    assert math.isclose(sums.mean, statistics.fmean(sizes)) and math.isclose(sums.share, sum(sizes) / 2000 / len(sizes))
    enough = [size for size in sizes if sum(other <= size for other in sizes) * 100 >= 95 * len(sizes)]
    assert sums.p95 == min(enough)


@given(histories)
def test_tracks_add_up_to_the_updates(releases: list[Release]) -> None:
    """Each downloaded layer is in one track, and has one cause."""
    history = measure_updates(releases)
    layers = [layer for update in history.updates for layer in update.layers if layer.by_blob]
    assert sum(track.downloaded_size for track in history.tracks) == sum(layer.size for layer in layers)
    assert sum(track.downloads for track in history.tracks) == len(layers)
    assert sum(track.caused_size for track in history.tracks) == sum(layer.size for layer in layers)
    causes = {(update.after, layer.caused_by) for update in history.updates for layer in update.layers if layer.by_blob}
    assert sum(track.causes for track in history.tracks) == len(causes)
    for update in history.updates:
        others = sum(update.layers[index].size for index in update.other_causes)
        own = update.layers[update.cause].size if update.cause is not None else 0
        assert own + update.above_size + others == update.by_blob_size - update.document_size
        assert {layer.caused_by for layer in update.layers if not layer.by_blob} <= {None}
    for number, track in enumerate(history.tracks):
        found = [update for update in history.updates for layer in update.layers if layer.track == number]
        assert len(found) == len(track.releases) - (0 in track.releases)
        assert [history.releases[release].layers != () for release in track.releases]
    assert [track.caused_size for track in history.tracks] == sorted(
        (track.caused_size for track in history.tracks), reverse=True
    )


@given(histories)
def test_an_update_is_no_larger_by_blob_than_by_chain(releases: list[Release]) -> None:
    """Whatever layer the classic store has, a store of blobs has as well, unless it knows the image by its config."""
    history = measure_updates(releases)
    for update in history.updates:
        assert update.by_blob_size <= history.releases[update.after].size
        if update.chain_cause is not None:
            assert update.by_blob_size <= update.by_chain_size <= history.releases[update.after].size
        for layer in update.layers:
            assert layer.by_blob <= (layer.status is not LayerStatus.SHARED)


def test_a_track_follows_its_build_step() -> None:
    """A layer that changes in each release is one track, the layers above are downloaded again because of it."""
    releases = [
        make_release_of(
            make_layers([
                ("base", "gzip", 1000, "ADD file:0123456789ab… in /"),
                (f"deps{number // 2}", "gzip", 100, "RUN npm ci"),
                (f"app{number}", "gzip", 10, "COPY . /app"),
            ]),
            f"app:{number}",
            base_layers=1,
        )
        for number in range(4)
    ]  # fmt: skip
    history = measure_updates(releases)
    assert [update.by_blob_size - 1500 for update in history.updates] == [10, 110, 10]
    by_step = {str(track.build_step): track for track in history.tracks}
    deps, app = by_step["RUN npm ci"], by_step["COPY . /app"]
    assert (deps.downloads, deps.causes, deps.downloaded_size, deps.caused_size, deps.digests) == (1, 1, 100, 110, 2)
    assert (app.downloads, app.causes, app.downloaded_size, app.caused_size) == (3, 2, 30, 20)
    assert app.changes is None and not app.is_base
    assert by_step["ADD file:0123456789ab… in /"].is_base
    assert [skip.step for skip in history.skips] == [1, 2]
    assert history.skips[1].by_blob.total == 2 * (1500 + 110)


def test_tags_of_one_digest_are_one_release() -> None:
    """The release takes the place of its most exact tag."""
    first, second, third = (
        make_release_of(make_layers([(text, "gzip", 10, "RUN a")]), f"app:{name}")
        for text, name in (("a", "1.2.10"), ("b", "1.2.9"), ("c", "1.10.0-rc1"))
    )
    tagged = [evolve(second, name=f"app:{tag}", names=(f"app:{tag}",)) for tag in ("1", "latest", "1.2")]
    ordered = order_releases([tagged[0], third, first, tagged[1], second, tagged[2]], ReleaseOrder.VERSION)
    assert [release.name for release in ordered] == ["app:1.2.9", "app:1.2.10", "app:1.10.0-rc1"]
    assert ordered[0].names == ("app:1", "app:latest", "app:1.2.9", "app:1.2")


@pytest.mark.parametrize(
    "tags",
    [
        ("1.2", "1.2.1", "1.10", "2"),
        ("v1.0.0-alpha", "v1.0.0-beta.2", "v1.0.0-beta.10", "v1.0.0-rc.1", "v1.0.0", "v1.0.0-alpine"),
        ("2024-01-31", "2024-02-01", "2024-12-01"),
        ("release-9", "release-10"),
        ("3.11-slim", "3.12-slim", "latest", "stable"),
    ],
)
def test_tags_sort_by_version(tags: tuple[str, ...]) -> None:
    assert sorted(sorted(tags, reverse=True), key=tag_key) == list(tags)


def test_releases_sort_by_time_with_nanoseconds_and_zones() -> None:
    times = ("", "2026-01-01T00:00:00.123456789Z", "2026-01-01T02:00:00+01:00", "2026-01-01T01:30:00Z")
    releases = [
        evolve(make_release_of(make_layers([(time, "gzip", 1, "RUN a")]), f"app:{number}"), created=time)
        for number, time in enumerate(times)
    ]
    ordered = order_releases(reversed(releases), ReleaseOrder.CREATED)
    assert [release.created for release in ordered] == list(times)


def test_recompressed_layers_are_not_for_reproducible_builds() -> None:
    """Equal tars need no --files to be known, and another advice than layers that were built again."""
    releases = [
        make_release_of(make_layers([("a", form, 10, "RUN a"), ("b", form, 20, "RUN b")]), f"app:{form}")
        for form in ("gzip", "zstd")
    ]
    advice = measure_updates(releases).advice
    assert advice is not None
    assert (advice.recompressed_layers, advice.recompressed_size) == (2, 30)
    assert (advice.rebuilt_layers, advice.rebuilt_size) == (0, 0)
