"""SharingTable: which root reaches which blob, with small integers for both, in groups of blobs that the same roots reach.

Most blobs belong together: the layers of a base are reached by the same images. All figures of sharing are sums over such
groups, called bundles, of which a root has few.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from ocisize.model.fleet import Blob, BlobKind, Fleet, FleetImage, Root
from ocisize.tuples import NamedTuple


class Bundle(NamedTuple):
    """All blobs of a store that exactly these roots reach."""

    roots: tuple[int, ...]  #: indexes in ``Fleet.roots``, ascending
    size: int  #: bytes of the blobs
    blobs: int
    layers: int  #: how many of the blobs are layers
    layer_size: int  #: bytes of these


def list_blobs(root: Root) -> Iterator[Blob]:
    """Yield everything that a root reaches in its store, a blob as often as a document names it.

    Foreign layers are left out: stores need not have them.
    """
    yield Blob(root.digest, root.size, BlobKind.INDEX if root.is_index else BlobKind.MANIFEST)
    for image in root.images:
        yield from list_image_blobs(image)
    yield from root.others


def list_image_blobs(image: FleetImage) -> Iterator[Blob]:
    """Yield the manifest, the config and the layers of an image, without foreign layers."""
    yield Blob(image.digest, image.size, BlobKind.MANIFEST)
    yield image.config
    for layer in image.layers:
        if not layer.is_foreign:
            yield Blob(layer.digest, layer.size, BlobKind.LAYER)


class SharingTable:
    """The bundles of a fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        numbers: dict[tuple[int, str], int] = {}  # of blobs
        sizes: list[int] = []
        is_layer: list[bool] = []
        reached: list[list[int]] = []  # by blob: the roots
        for index, root in enumerate(fleet.roots):
            store = root.store
            for blob in list_blobs(root):
                number = numbers.setdefault((store, blob.digest), len(sizes))
                if number == len(sizes):
                    sizes.append(blob.size)
                    is_layer.append(blob.kind is BlobKind.LAYER)
                    reached.append([index])
                elif reached[number][-1] != index:
                    reached[number].append(index)
        self.blob_count, self.layer_count = len(sizes), sum(is_layer)
        self.layer_sizes: Sequence[int] = [size for size, counts in zip(sizes, is_layer, strict=True) if counts]
        sums: dict[tuple[int, ...], list[int]] = {}
        for roots, size, counts in zip(reached, sizes, is_layer, strict=True):
            row = sums.setdefault(tuple(roots), [0, 0, 0, 0])
            row[0] += size
            row[1] += 1
            row[2] += counts
            row[3] += size * counts
        ordered = sorted(sums.items(), key=lambda item: (len(item[0]), item[0]))
        self.bundles: Sequence[Bundle] = [Bundle(roots, *row) for roots, row in ordered]
        places = {bundle.roots: number for number, bundle in enumerate(self.bundles)}
        self._blobs = {key: (sizes[number], places[tuple(reached[number])]) for key, number in numbers.items()}
        by_root: list[list[int]] = [[] for _ in fleet.roots]
        for number, bundle in enumerate(self.bundles):
            for index in bundle.roots:
                by_root[index].append(number)
        self.by_root: Sequence[Sequence[int]] = by_root  #: numbers of the bundles of each root, those of fewest roots first

    @cached_property
    def members(self) -> Sequence[frozenset[int]]:
        """The roots of each bundle, as sets."""
        return [frozenset(bundle.roots) for bundle in self.bundles]

    def find_blob(self, store: int, digest: str) -> tuple[int, Bundle]:
        """Return the size and the bundle of a blob of a store."""
        size, number = self._blobs[store, digest]
        return size, self.bundles[number]

    def size_of(self, root: int) -> int:
        """Return the bytes that a root reaches."""
        return sum(self.bundles[number].size for number in self.by_root[root])

    def shared_by(self, first: int, second: int) -> int:
        """Return the bytes that two roots both reach."""
        members, bundles = self.members, self.bundles
        return sum(bundles[number].size for number in self.by_root[first] if second in members[number])
