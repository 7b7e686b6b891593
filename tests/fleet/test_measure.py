"""Every figure of a fleet equals its definition, computed slowly, on random fleets."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.fleet import best_deletions
from ocisize.fleet.best_deletions import MAX_TOGETHER, find_deletions
from ocisize.fleet.deletions import frees
from ocisize.fleet.measure import measure_fleet
from ocisize.model.fleet import Blob, BlobKind, Fleet, FleetImage, FleetLayer, Root
from ocisize.model.fleet_figures import GroupKind, NameOrigin
from tests.fleet.random_fleets import best_deletion, fleets, freed_by, reach, reach_all

MANY = settings(max_examples=100, deadline=None)


@MANY
@given(fleets())
def test_totals(fleet: Fleet) -> None:
    """Logical size counts each root, stored size each blob of a store once."""
    figures = measure_fleet(fleet)
    assert figures.logical_size == sum(sum(reach(root).values()) for root in fleet.roots)
    assert figures.stored_size == sum(reach_all(fleet.roots).values())
    assert figures.blobs == len(reach_all(fleet.roots))
    assert figures.references == sum(len(root.references) for root in fleet.roots)
    assert figures.unique_size == sum(root.unique_size for root in figures.roots) <= figures.stored_size
    assert figures.dangling_size is None
    assert (figures.sharing_ratio is None) == (not fleet.roots)


@MANY
@given(fleets())
def test_roots(fleet: Fleet) -> None:
    """Each root's total, unique, amortised and closest size."""
    figures = measure_fleet(fleet)
    counts = Counter(key for root in fleet.roots for key in reach(root))
    for index, (root, measured) in enumerate(zip(fleet.roots, figures.roots, strict=True)):
        blobs = reach(root)
        assert measured.root == index
        assert measured.total_size == sum(blobs.values())
        assert measured.unique_size == freed_by(fleet, root.references) == measured.total_size - measured.shared_size
        exact = sum((Fraction(size, counts[key]) for key, size in blobs.items()), Fraction())
        assert abs(measured.amortised_size - exact) < 1
        shared = [
            sum(size for key, size in blobs.items() if key in reach(other)) if other is not root else 0
            for other in fleet.roots
        ]
        assert measured.closest_size == max(shared)
        assert measured.closest is None if not max(shared) else shared[measured.closest or 0] == max(shared)
    for store in range(len(fleet.stores)):
        parts = [root.amortised_size for root in figures.roots if fleet.roots[root.root].store == store]
        assert sum(parts) == sum(reach_all(root for root in fleet.roots if root.store == store).values())


@MANY
@given(fleets())
def test_marginal_pull(fleet: Fleet) -> None:
    """A host that has all images of the other roots pulls the layers that none of them has."""
    for root, measured in zip(fleet.roots, measure_fleet(fleet).roots, strict=True):
        there = {
            layer.digest
            for other in fleet.roots
            if other.digest != root.digest
            for image in other.images
            for layer in image.layers
        }
        pulls = [
            sum({one.digest: one.size for one in image.layers if one.digest not in there}.values()) for image in root.images
        ]
        assert measured.marginal_pull_size == max(pulls)


@MANY
@given(fleets())
def test_groups(fleet: Fleet) -> None:
    """Groups of one kind share the stored bytes exactly; deleting a group frees what only its own roots reach."""
    figures = measure_fleet(fleet)
    for kind in GroupKind:
        groups = figures.of_kind(kind)
        assert bool(groups) == bool(
            kind in (GroupKind.STORE, GroupKind.REPOSITORY)
            and fleet.roots
            or kind is GroupKind.LABEL
            and any(root.labels for root in fleet.roots)
        )
        if groups:
            assert sum(group.amortised_size for group in groups) == figures.stored_size
        for group in groups:
            names = [
                {GroupKind.STORE: (fleet.stores[root.store],), GroupKind.REPOSITORY: root.repositories}.get(
                    kind, root.labels or ("",)
                )
                for root in fleet.roots
            ]
            inside = [root for root, of_root in zip(fleet.roots, names, strict=True) if group.name in of_root]
            alone = [root for root, of_root in zip(fleet.roots, names, strict=True) if {group.name} == set(of_root)]
            assert group.roots == len(inside)
            assert group.logical_size == sum(sum(reach(root).values()) for root in inside)
            assert group.stored_size == sum(reach_all(inside).values())
            assert group.unique_size == freed_by(fleet, [name for root in alone for name in root.references])


@MANY
@given(fleets())
def test_distributions(fleet: Fleet) -> None:
    """How many roots reach a layer, how many layers images have, and pairs of roots."""
    figures = measure_fleet(fleet)
    layers = {
        (root.store, one.digest)
        for root in fleet.roots
        for image in root.images
        for one in image.layers
        if not one.is_foreign
    }
    counts = Counter(sum(key in reach(root) for root in fleet.roots) for key in layers)
    assert [(row.roots, row.layers) for row in figures.sharing] == sorted(counts.items())
    assert sum(row.size for row in figures.sharing) == figures.layer_sizes.total
    assert figures.layers == figures.layer_sizes.count == len(layers)
    images = {image.digest: image for root in fleet.roots for image in root.images}
    assert figures.images == len(images) == figures.image_sizes.count
    lengths = Counter(len(image.layers) for image in images.values())
    assert [(row.layers, row.images) for row in figures.layer_counts] == sorted(lengths.items())
    for pair in figures.pairs:
        first, second = reach(fleet.roots[pair.first]), reach(fleet.roots[pair.second])
        assert pair.first < pair.second
        assert pair.size == sum(size for key, size in first.items() if key in second)
    matrix = figures.matrix
    for row, sizes in zip(matrix.roots, matrix.sizes, strict=True):
        for column, size in zip(matrix.roots, sizes, strict=True):
            first, second = reach(fleet.roots[row]), reach(fleet.roots[column])
            assert size == sum(size for key, size in first.items() if key in second)


@MANY
@given(fleets())
def test_families(fleet: Fleet) -> None:
    """The families are the prefixes that images have in common, each as long as possible."""
    figures = measure_fleet(fleet)
    chains = {
        image.digest: tuple(layer.diff_id or "" for layer in image.layers) for root in fleet.roots for image in root.images
    }
    chains = {digest: chain for digest, chain in chains.items() if "" not in chain}
    prefixes = Counter(chain[:depth] for chain in chains.values() for depth in range(1, len(chain) + 1))
    longest = {
        prefix: count
        for prefix, count in prefixes.items()
        if count > 1 and not any(longer[:-1] == prefix and other == count for longer, other in prefixes.items())
    }
    found = dict[tuple[str, ...], int]()
    for number, family in enumerate(figures.families):
        above: tuple[str, ...] = ()
        if family.parent is not None:
            assert family.parent < number
            above = list(found)[family.parent]
        prefix = (*above, *(layer.diff_id or "" for layer in family.layers))
        found[prefix] = family.images
        assert family.depth == len(prefix)
        chain_id = prefix[0]
        for diff_id in prefix[1:]:
            chain_id = "sha256:" + hashlib.sha256(f"{chain_id} {diff_id}".encode()).hexdigest()
        assert family.chain_id == chain_id
        inside = {digest for digest, chain in chains.items() if chain[: len(prefix)] == prefix}
        roots = [index for index, root in enumerate(fleet.roots) if inside & {image.digest for image in root.images}]
        assert (family.roots, list(family.examples)) == (len(roots), roots[:3])
        ends = any(chains[digest] == prefix for digest in inside) and not all(chains[digest] == prefix for digest in inside)
        assert (family.named_by is NameOrigin.MEMBER) == ends
    assert found == longest


@MANY
@given(fleets())
def test_twins(fleet: Fleet) -> None:
    """Twins are blobs of a store with one diff_id."""
    blobs: dict[tuple[int, str], dict[str, int]] = {}
    for root in fleet.roots:
        for image in root.images:
            for layer in image.layers:
                if layer.diff_id and not layer.is_foreign:
                    blobs.setdefault((root.store, layer.diff_id), {})[layer.digest] = layer.size
    figures = measure_fleet(fleet)
    expected = {key: sizes for key, sizes in blobs.items() if len(sizes) > 1}
    assert {(one.store, one.diff_id): {blob.digest: blob.size for blob in one.blobs} for one in figures.twins} == expected
    assert figures.twins_size == sum(sum(sizes.values()) - max(sizes.values()) for sizes in expected.values())
    for one in figures.twins:
        for blob in one.blobs:
            assert blob.roots == sum((one.store, blob.digest) in reach(root) for root in fleet.roots)


@MANY
@given(fleets(), st.data())
def test_frees(fleet: Fleet, data: st.DataObject) -> None:
    """Deleting references frees what no other reference reaches, and less where manifests without a tag stay."""
    references = [reference for root in fleet.roots for reference in root.references]
    chosen = data.draw(st.lists(st.sampled_from(references), unique=True)) if references else []
    freed = frees(fleet, chosen)
    assert freed.size == freed_by(fleet, chosen)
    assert set(freed.references) == set(chosen)
    gone = [fleet.roots[index] for index in freed.roots]
    assert gone == [root for root in fleet.roots if set(chosen).issuperset(root.references)]
    kept = reach_all(root for root in fleet.roots if root not in gone)
    digests = {(root.store, root.digest) for root in gone}
    for root in gone:
        if root.is_index:
            kept |= {(root.store, blob.digest): blob.size for blob in root.others}
            for image in root.images:
                if (root.store, image.digest) not in digests:
                    kept |= {(root.store, image.digest): image.size, (root.store, image.config.digest): image.config.size}
                    kept |= {(root.store, one.digest): one.size for one in image.layers if not one.is_foreign}
    everything = reach_all(fleet.roots)
    assert freed.size_if_untagged_stay == sum(size for key, size in everything.items() if key not in kept)


@settings(max_examples=60, deadline=None)
@given(fleets(), st.integers(1, 4))
def test_deletions(fleet: Fleet, count: int) -> None:
    """The chosen references free what is promised, which is at most what the best set frees."""
    deletions = find_deletions(fleet, count)
    assert len(deletions.references) <= count
    assert deletions.freed.size == sum(deletions.gains) == freed_by(fleet, deletions.references)
    if fleet.roots:
        assert deletions.freed.size <= best_deletion(fleet, count)


def test_sets_that_are_tried_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of images that are nested in each other, every number of them shares something alone."""
    layers = [FleetLayer(f"sha256:l{number}", 100, None, "") for number in range(MAX_TOGETHER + 30)]
    roots = []
    for number in range(len(layers)):
        config = Blob(f"sha256:c{number}", 1, BlobKind.CONFIG)
        digest = f"sha256:{number}"
        image = FleetImage(digest=digest, size=1, platform="linux/amd64", config=config, layers=layers[: number + 1])
        roots.append(Root(store=0, digest=digest, size=1, is_index=False, images=[image], references=[f"app:{number}"]))
    tried = list[int]()
    gain_of = best_deletions._Search._gain

    def count(search: best_deletions._Search, steps: Sequence[int]) -> int:
        tried.append(len(steps))
        return gain_of(search, steps)

    monkeypatch.setattr(best_deletions._Search, "_gain", count)
    found = find_deletions(Fleet(stores=["r"], roots=roots), len(roots))
    assert max(tried) == MAX_TOGETHER
    assert len(found.references) == len(roots)
    assert found.freed.size == sum(found.gains) == 102 * len(roots)
