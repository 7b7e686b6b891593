"""measure_fleet: the figures of a fleet, from the documents that were read. Nothing is read here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ocisize.fleet.closest import find_closest, list_pairs, make_matrix
from ocisize.fleet.families import Member, find_families, list_members
from ocisize.fleet.groups import group_roots
from ocisize.fleet.shares import amortise
from ocisize.fleet.table import SharingTable, list_image_blobs
from ocisize.fleet.twins import find_twins
from ocisize.model.fleet import Fleet, FleetImage
from ocisize.model.fleet_figures import FleetFigures, LayerCount, RootFigures, SharedPair, SharingCount, SizeSpread


def measure_fleet(fleet: Fleet) -> FleetFigures:
    """Return the figures of a fleet.

    20,000 images of twelve blobs take about a second.

    >>> import ocisize
    >>> figures = ocisize.measure_fleet(ocisize.read_fleet(["testdata/example.tar"]))
    >>> figures.images, figures.stored_size == figures.roots[0].unique_size
    (1, True)
    """
    table = SharingTable(fleet)
    sizes = [table.size_of(root) for root in range(len(fleet.roots))]
    amortised = amortise(table)
    closest = find_closest(table)
    roots = _measure_roots(table, sizes, amortised, closest)
    members = list_members(fleet)
    return FleetFigures(
        fleet=fleet,
        roots=tuple(roots),
        references=sum(len(root.references) for root in fleet.roots),
        images=len(members),
        blobs=table.blob_count,
        layers=table.layer_count,
        logical_size=sum(sizes),
        stored_size=sum(bundle.size for bundle in table.bundles),
        unique_size=sum(root.unique_size for root in roots),
        groups=tuple(group_roots(table, sizes, amortised)),
        sharing=tuple(_count_sharing(table)),
        layer_counts=tuple(_count_layers(members)),
        layer_sizes=spread(table.layer_sizes),
        image_sizes=spread(_image_size(member.image) for member in members),
        pairs=tuple(list_pairs(closest)),
        matrix=make_matrix(table, sizes),
        families=tuple(find_families(fleet, members)),
        twins=tuple(find_twins(fleet)),
    )


def _measure_roots(
    table: SharingTable, sizes: Sequence[int], amortised: Sequence[int], closest: Sequence[SharedPair | None]
) -> list[RootFigures]:
    unique = [0] * len(sizes)
    for bundle in table.bundles:
        if len(bundle.roots) == 1:
            unique[bundle.roots[0]] += bundle.size
    owners = _find_owners(table.fleet)
    figures = list[RootFigures]()
    for index, (root, pair) in enumerate(zip(table.fleet.roots, closest, strict=True)):
        other = None if pair is None else pair.first + pair.second - index
        figures.append(
            RootFigures(
                root=index,
                total_size=sizes[index],
                unique_size=unique[index],
                amortised_size=amortised[index],
                marginal_pull_size=max((_marginal_pull(image, owners) for image in root.images), default=0),
                closest=other,
                closest_size=0 if pair is None else pair.size,
            )
        )
    return figures


def _find_owners(fleet: Fleet) -> dict[str, str]:
    """By digest of a layer, the digest of the only root that has it, in whichever store; "" if several have it."""
    owners: dict[str, str] = {}
    for root in fleet.roots:
        for image in root.images:
            for layer in image.layers:
                if owners.setdefault(layer.digest, root.digest) != root.digest:
                    owners[layer.digest] = ""
    return owners


def _marginal_pull(image: FleetImage, owners: Mapping[str, str]) -> int:
    return sum({layer.digest: layer.size for layer in image.layers if owners[layer.digest]}.values())


def _count_sharing(table: SharingTable) -> list[SharingCount]:
    layers, sizes = Counter[int](), Counter[int]()
    for bundle in table.bundles:
        layers[len(bundle.roots)] += bundle.layers
        sizes[len(bundle.roots)] += bundle.layer_size
    return [SharingCount(count, layers[count], sizes[count]) for count in sorted(layers) if layers[count]]


def _count_layers(members: Iterable[Member]) -> list[LayerCount]:
    counts = Counter(len(member.image.layers) for member in members)
    return [LayerCount(layers, counts[layers]) for layers in sorted(counts)]


def _image_size(image: FleetImage) -> int:
    return sum({blob.digest: blob.size for blob in list_image_blobs(image)}.values())


def spread(sizes: Iterable[int]) -> SizeSpread:
    """Return the spread of sizes; all fields of none are 0.

    >>> spread(range(1, 101))
    SizeSpread(count=100, smallest=1, median=50, p90=90, p99=99, largest=100, total=5050)
    """
    ordered = sorted(sizes)
    if not ordered:
        return SizeSpread(0, 0, 0, 0, 0, 0, 0)
    median, p90, p99 = (ordered[-(-len(ordered) * percent // 100) - 1] for percent in (50, 90, 99))
    return SizeSpread(len(ordered), ordered[0], median, p90, p99, ordered[-1], sum(ordered))
