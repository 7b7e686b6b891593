"""LayerUse: which images have which layer, and how layers of a fleet are described."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from ocisize.model.fleet import Fleet, FleetImage, FleetLayer
from ocisize.model.fleet_figures import Family


class LayerUse:
    """The distinct images and layers of a fleet, in its order."""

    def __init__(self, fleet: Fleet, families: Sequence[Family] = ()) -> None:
        self.fleet, self._families = fleet, families
        images: dict[str, FleetImage] = {}
        roots: dict[str, list[int]] = {}
        for number, root in enumerate(fleet.roots):
            for image in root.images:
                images.setdefault(image.digest, image)
                roots.setdefault(image.digest, []).append(number)
        self.images: Sequence[FleetImage] = list(images.values())
        self.roots_of: Sequence[Sequence[int]] = list(roots.values())  #: by image, the roots that have it
        self.layers: dict[str, FleetLayer] = {}  #: by digest
        self.images_of: dict[str, list[int]] = {}  #: by digest of a layer, the images that have it, ascending
        for number, image in enumerate(self.images):
            for layer in image.layers:
                self.layers.setdefault(layer.digest, layer)
                of_layer = self.images_of.setdefault(layer.digest, [])
                if of_layer[-1:] != [number]:
                    of_layer.append(number)

    def count_images(self, digests: Iterable[str]) -> int:
        """Return how many images have one of some layers."""
        return len(self.find_images(digests))

    def find_images(self, digests: Iterable[str]) -> set[int]:
        """Return the images that have one of some layers."""
        return {image for digest in digests for image in self.images_of[digest]}

    @cached_property
    def family_of(self) -> Mapping[str, int]:
        """By digest of a layer, the outermost family that has it: the one of the most images."""
        by_diff_id: dict[str, int] = {}
        for number, family in enumerate(self._families):  # those with the most images first
            for layer in family.layers:
                if layer.diff_id is not None:
                    by_diff_id.setdefault(layer.diff_id, number)
        found = ((digest, by_diff_id.get(layer.diff_id or "")) for digest, layer in self.layers.items())
        return {digest: family for digest, family in found if family is not None}
