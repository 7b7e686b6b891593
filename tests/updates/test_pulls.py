"""What a host downloads: the figures against stores that pull one blob after the other."""

from __future__ import annotations

from hypothesis import given

from ocisize.model.updates import Release
from ocisize.updates.measure import measure_updates
from ocisize.updates.pulls import pull_sizes
from ocisize.updates.releases import order_releases
from tests.updates.releases import BlobStore, ChainStore, histories, make_layers, make_release_of


def received(store: BlobStore | ChainStore, before: Release, after: Release) -> int:
    """The bytes that an empty store receives with ``after`` once it has ``before``."""
    store.pull(before)
    start = store.received
    store.pull(after)
    return store.received - start


@given(histories)
def test_pulls_are_those_of_stores(releases: list[Release]) -> None:
    """Every pair of releases: by blob and by chain."""
    for before in releases:
        for after in releases:
            expected = received(BlobStore(), before, after), received(ChainStore(), before, after)
            assert pull_sizes(before, after) == expected


@given(histories)
def test_updates_and_skips_are_those_of_stores(releases: list[Release]) -> None:
    """The updates of a history, and those of hosts that skip releases."""
    history = measure_updates(releases)
    ordered = order_releases(releases)
    for update in history.updates:
        before, after = ordered[update.before], ordered[update.after]
        assert update.by_blob_size == received(BlobStore(), before, after)
        assert update.by_chain_size == received(ChainStore(), before, after)
    for skip in history.skips:
        pairs = [(ordered[place], ordered[place + skip.step]) for place in range(len(ordered) - skip.step)]
        assert skip.by_blob.total == sum(received(BlobStore(), *pair) for pair in pairs)
        assert skip.by_chain.total == sum(received(ChainStore(), *pair) for pair in pairs)
        assert skip.by_blob.count == len(pairs)


def test_a_changed_lower_layer_costs_all_layers_by_chain() -> None:
    """The layers above have the same blobs: containerd keeps them, docker downloads them again."""
    before = make_release_of(
        make_layers([("a", "gzip", 10, "RUN a"), ("b", "gzip", 20, "RUN b"), ("c", "gzip", 40, "RUN c")])
    )
    after = make_release_of(
        make_layers([("A", "gzip", 11, "RUN a"), ("b", "gzip", 20, "RUN b"), ("c", "gzip", 40, "RUN c")])
    )
    assert pull_sizes(before, after) == (1500 + 11, 1500 + 71)


def test_a_recompressed_layer_is_unknown_to_the_classic_store() -> None:
    """Docker knows a diff_id only of blobs that it pulled, so it downloads the layer and those above."""
    before = make_release_of(make_layers([("a", "gzip", 10, "RUN a"), ("b", "gzip", 20, "RUN b")]))
    after = make_release_of(make_layers([("a", "zstd", 9, "RUN a"), ("b", "gzip", 20, "RUN b")]), "app:2")
    assert pull_sizes(before, after) == (1500 + 9, 1500 + 29)


def test_the_classic_store_has_an_image_whose_config_it_has() -> None:
    """An image that is only compressed in another way has the same config: docker downloads the manifest alone."""
    before = make_release_of(make_layers([("a", "gzip", 10, "RUN a"), ("b", "gzip", 20, "RUN b")]))
    after = make_release_of(make_layers([("a", "zstd", 9, "RUN a"), ("b", "zstd", 19, "RUN b")]))
    assert pull_sizes(before, after) == (500 + 28, 500)
