"""DocumentTables: the rows of all tables that manifests and configs fill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeAlias

from ocisize.fleet.engine.image_packages import ImagePackageSums
from ocisize.fleet.table import list_blobs
from ocisize.model.fleet import Blob, FleetImage, FleetLayer
from ocisize.model.fleet_figures import FleetFigures

Row: TypeAlias = tuple["str | int | bool | None", ...]


class DocumentTables:
    """The rows of a fleet, with numbers that tables share: of roots, images, layers and blobs."""

    def __init__(self, figures: FleetFigures) -> None:
        self._fleet, self._figures = figures.fleet, figures

    @cached_property
    def layers(self) -> Mapping[str, FleetLayer]:
        """The distinct layers by digest, in the order of their numbers; with a diff_id if any config lists one."""
        found: dict[str, FleetLayer] = {}
        for _, image in self._images():
            for layer in image.layers:
                known = found.setdefault(layer.digest, layer)
                if known.diff_id is None and layer.diff_id is not None:
                    found[layer.digest] = layer
        return found

    @cached_property
    def layer_ids(self) -> Mapping[str, int]:
        """The number of each layer by digest."""
        return {digest: number for number, digest in enumerate(self.layers)}

    def _images(self) -> Iterator[tuple[int, FleetImage]]:
        """The images with the number of their root, in the order of their own numbers."""
        return ((root_id, image) for root_id, root in enumerate(self._fleet.roots) for image in root.images)

    def roots(self) -> Iterator[Row]:
        """The rows of ``roots``."""
        for root, sizes in zip(self._fleet.roots, self._figures.roots, strict=True):
            yield (
                sizes.root,
                self._fleet.stores[root.store],
                root.digest,
                root.is_index,
                sizes.total_size,
                sizes.unique_size,
                sizes.amortised_size,
            )

    def names(self) -> Iterator[Row]:
        """The rows of ``names``."""
        for root_id, root in enumerate(self._fleet.roots):
            kinds = {
                "reference": root.references,
                "repository": dict.fromkeys(root.repositories),
                "label": root.labels,
                "node": root.nodes,
            }
            for kind, names in kinds.items():
                for name in names:
                    yield root_id, kind, name

    def images(self) -> Iterator[Row]:
        """The rows of ``images``."""
        for image_id, (root_id, image) in enumerate(self._images()):
            root = self._fleet.roots[root_id]
            yield (
                image_id,
                root_id,
                next(iter(root.references), None),
                image.digest,
                image.platform,
                self._fleet.stores[root.store],
                next(iter(root.labels), None),
                image.created or None,
                image.base_name or None,
                image.config.digest,
            )

    def image_layers(self) -> Iterator[Row]:
        """The rows of ``image_layers``."""
        for image_id, (_, image) in enumerate(self._images()):
            for index, layer in enumerate(image.layers):
                yield image_id, self.layer_ids[layer.digest], index, layer.build_step

    @cached_property
    def _blob_ids(self) -> Mapping[tuple[int, str], tuple[int, Blob]]:
        """The number of each blob by store and digest, with the blob."""
        found: dict[tuple[int, str], tuple[int, Blob]] = {}
        for root in self._fleet.roots:
            for blob in list_blobs(root):
                found.setdefault((root.store, blob.digest), (len(found), blob))
        return found

    def blobs(self) -> Iterator[Row]:
        """The rows of ``blobs``."""
        for (store, digest), (blob_id, blob) in self._blob_ids.items():
            yield blob_id, self._fleet.stores[store], digest, blob.size, blob.kind.value

    def root_blobs(self) -> Iterator[Row]:
        """The rows of ``root_blobs``."""
        for root_id, root in enumerate(self._fleet.roots):
            for digest in dict.fromkeys(blob.digest for blob in list_blobs(root)):
                yield root_id, self._blob_ids[root.store, digest][0]

    def packages(self, found: Iterable[tuple[str, ImagePackageSums]]) -> Iterator[Row]:
        """The rows of ``packages``: those of images by the digests of their manifests."""
        numbers = defaultdict[str, list[int]](list)
        for image_id, (_, image) in enumerate(self._images()):
            numbers[image.digest].append(image_id)
        for digest, sums in found:
            files, sizes = [0] * len(sums.packages), [0] * len(sums.packages)
            for owned in sums.owned:
                files[owned.package] += owned.files
                sizes[owned.package] += owned.size
            for image_id in numbers[digest]:
                for package, count, size in zip(sums.packages, files, sizes, strict=True):
                    yield (
                        image_id,
                        package.ecosystem,
                        package.name,
                        package.version or None,
                        package.is_installed,
                        count,
                        size,
                    )
