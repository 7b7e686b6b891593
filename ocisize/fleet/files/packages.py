"""The packages of a fleet: in which images and layers, in which versions, and how many bytes belong to each."""

from __future__ import annotations

from collections.abc import Iterable

from ocisize.fleet.engine.image_packages import ImagePackageSums
from ocisize.fleet.files.layer_use import LayerUse
from ocisize.model.fleet_files import PackageFigures, PackageVersion
from ocisize.values import define

MAX_PACKAGES = 1000


@define
class _Counts:
    """What is counted of a package, or of one version of it."""

    images: int = 0
    layers: int = 0
    files: int = 0
    size: int = 0
    logical_size: int = 0
    last_image: int = -1
    last_layer: str = ""

    def add_image(self, image: int) -> None:
        """Count an image once."""
        self.images += self.last_image != image
        self.last_image = image

    def add_layer(self, image: int, digest: str, files: int, size: int) -> None:
        """Count the files of a layer in an image that decides about the layer."""
        self.layers += (self.last_image, self.last_layer) != (image, digest)
        self.last_layer = digest
        self.files += files
        self.size += size


def sum_image_packages(
    use: LayerUse, sums: Iterable[tuple[int, ImagePackageSums]]
) -> tuple[list[PackageFigures], int, list[str]]:
    """Return the packages with the most bytes first, how many there are, and warnings of databases.

    Args:
        use: the images and layers of the fleet.
        sums: images by number, ascending, with their packages. The first image that has a layer decides which package
            each file of the layer belongs to.

    """
    packages: dict[tuple[str, str], _Counts] = {}
    versions: dict[tuple[str, str], dict[str, _Counts]] = {}
    warnings: dict[str, None] = {}
    decided: set[str] = set()
    for image, found in sums:
        layers = [layer.digest for layer in use.images[image].layers]
        own = [
            (packages.setdefault(name, _Counts()), versions.setdefault(name, {}).setdefault(package.version, _Counts()))
            for package in found.packages
            for name in [(package.ecosystem, package.name)]
        ]
        warnings.update(dict.fromkeys(found.warnings))
        with_files = {owned.package for owned in found.owned}
        for number, (package, counts) in enumerate(zip(found.packages, own, strict=True)):
            for count in counts if package.is_installed or number in with_files else ():
                count.add_image(image)
        first = {digest: index for index, digest in reversed(list(enumerate(layers)))}
        for owned in found.owned:
            digest = layers[owned.layer]
            if first[digest] != owned.layer:  # a layer that the image has twice
                continue
            for count in own[owned.package]:
                count.logical_size += owned.size
                if digest not in decided:
                    count.add_layer(image, digest, owned.files, owned.size)
        decided.update(layers)
    figures = [
        PackageFigures(
            ecosystem=name[0],
            name=name[1],
            images=counts.images,
            layers=counts.layers,
            files=counts.files,
            size=counts.size,
            logical_size=counts.logical_size,
            versions=_sort_versions(versions[name]),
        )
        for name, counts in packages.items()
        if counts.images
    ]
    figures.sort(key=lambda package: (-package.size, -package.images, package.ecosystem, package.name))
    return figures[:MAX_PACKAGES], len(figures), list(warnings)


def _sort_versions(versions: dict[str, _Counts]) -> list[PackageVersion]:
    made = [
        PackageVersion(version=version, images=counts.images, layers=counts.layers, files=counts.files, size=counts.size)
        for version, counts in versions.items()
        if counts.images
    ]
    return sorted(made, key=lambda version: (-version.images, -version.size, version.version))
