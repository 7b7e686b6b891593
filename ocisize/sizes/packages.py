"""The packages of an image as a list that adds up to it: chosen by kind, or summed by source, ecosystem or layer."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Sequence

from ocisize.model.analysis import LayerAnalysis
from ocisize.model.packages import ECOSYSTEMS, Inventory, OwnedSizes, Package, PackageReason, Unowned, UnownedFiles
from ocisize.model.sizes import paid_layers, sum_known, weight_of
from ocisize.sizes.files import SortOrder
from ocisize.sizes.package_names import select_packages
from ocisize.values import frozen

KINDS = (*ECOSYSTEMS, *(kind.value for kind in Unowned))  #: what a list can be narrowed to


class PackageGrouping(str, enum.Enum):
    """What a row of the list sums."""

    PACKAGE = "package"  #: one package
    SOURCE = "source"  #: the packages that were built from one source package
    ECOSYSTEM = "ecosystem"  #: the packages of one ecosystem
    LAYER = "layer"  #: the packages that have most of their bytes in one layer

    def __str__(self) -> str:
        return self.value


@frozen(kw_only=True)
class PackageRow(OwnedSizes):
    """Packages that belong together, with their sums."""

    ecosystem: str | None  #: of all of them; None if they have several
    layer: int | None  #: index of the layer of all of them; None if they have several
    packages: tuple[Package, ...]  #: the largest first, at least one

    @property
    def exclusive_size(self) -> int | None:
        """``Package.exclusive_size`` of a row of one package; None for several, whose values overlap."""
        return self.packages[0].exclusive_size if len(self.packages) == 1 else None


@frozen(kw_only=True)
class PackageListing:
    """The largest packages and all that no package owns. All parts with the overhead add up to the image."""

    by: PackageGrouping  #: what each row sums
    order: SortOrder  #: what the rows are sorted by
    rows: tuple[PackageRow, ...]  #: at most as many as were asked for
    other_count: int  #: number of the rows that are not in ``rows``
    others: OwnedSizes  #: their sums
    unowned: tuple[UnownedFiles, ...]  #: of the chosen kinds, the largest first, at most as many as were asked for
    other_unowned_count: int  #: number of those that are not in ``unowned``
    other_unowned: OwnedSizes  #: their sums
    left_out: OwnedSizes  #: sums of the packages and files that were not chosen by kind, name or reason
    left_out_count: int  #: number of these packages, and of names of files
    is_narrowed: bool  #: whether names or reasons chose packages, so that ``left_out`` also has packages of the chosen kinds
    overhead_size: int | None  #: as in ``Inventory``
    repeated: frozenset[tuple[str, str]]  #: ecosystems and names of packages that the image has more than once

    @property
    def package_count(self) -> int:
        """Number of the packages in ``rows``."""
        return sum(len(row.packages) for row in self.rows)


def sum_sizes(parts: Iterable[OwnedSizes]) -> OwnedSizes:
    """Return the sums over parts; a figure that is unknown of one part is unknown.

    >>> sum_sizes([]).compressed_size
    0
    """
    parts = list(parts)
    return OwnedSizes(
        content_size=sum(part.content_size for part in parts),
        wasted_size=sum(part.wasted_size for part in parts),
        compressed_size=sum_known(part.compressed_size for part in parts),
        wasted_compressed_size=sum_known(part.wasted_compressed_size for part in parts),
        file_count=sum(part.file_count for part in parts),
    )


def list_packages(
    inventory: Inventory,
    *,
    count: int | None = None,
    unowned_count: int | None = None,
    by: PackageGrouping = PackageGrouping.PACKAGE,
    order: SortOrder | None = None,
    kinds: Collection[str] = (),
    names: Sequence[str] = (),
    reasons: Collection[PackageReason] = (),
) -> PackageListing:
    """Return the packages of an image, the largest first, and the files that no package owns.

    Args:
        inventory: the packages of the image.
        count: the most rows of packages; None is all.
        unowned_count: the most rows of files that no package owns; None is all.
        by: what a row sums.
        order: what rows are sorted by; None is the download, or the content where the download is unknown.
        kinds: the ecosystems to list, and values of ``Unowned``; () is all.
        names: the names of the packages to list, in the form of ``Budget.packages``, in any case; () is all. Files that no
            package owns have no such name, and are left out, as they are with ``reasons``.
        reasons: why the packages to list are there; () is all.

    >>> import ocisize
    >>> inventory = ocisize.Analyzer(packages=True).analyze("testdata/example.tar").packages
    >>> listing = list_packages(inventory, unowned_count=1)
    >>> len(listing.rows), listing.unowned[0].name, listing.other_unowned_count > 1
    (0, '/bin', True)

    """
    if order is None:
        known = all(package.compressed_size is not None for package in inventory.packages)
        order = SortOrder.DOWNLOAD if known else SortOrder.SIZE
    chosen, wanted = set(kinds or KINDS), set(reasons or PackageReason)
    packages = [package for package in inventory.packages if package.ecosystem in chosen and package.reason in wanted]
    packages = select_packages(packages, names, ignore_case=True) if names else packages
    is_narrowed = bool(names or reasons)
    unowned = [files for files in inventory.unowned if files.kind.value in chosen and not is_narrowed]
    shown_parts = set(map(id, (*packages, *unowned)))
    left_out = [part for part in (*inventory.packages, *inventory.unowned) if id(part) not in shown_parts]
    unowned.sort(key=lambda files: (-_weight(files, order), files.kind.value, files.name))
    shown_unowned = unowned[:unowned_count]
    rows = _group(packages, by, order)
    shown = rows[:count]
    return PackageListing(
        by=by,
        order=order,
        rows=tuple(shown),
        other_count=len(rows) - len(shown),
        others=sum_sizes(rows[len(shown) :]),
        unowned=tuple(shown_unowned),
        other_unowned_count=len(unowned) - len(shown_unowned),
        other_unowned=sum_sizes(unowned[len(shown_unowned) :]),
        left_out=sum_sizes(left_out),
        left_out_count=len(left_out),
        is_narrowed=is_narrowed,
        overhead_size=inventory.overhead_size,
        repeated=_find_repeated(inventory.packages),
    )


def measure_unread(layers: Sequence[LayerAnalysis]) -> int | None:
    """Return the download of the layers that could not be read, which no row has; None if it is unknown.

    ``layers``: of the image, base first.
    """
    pairs = zip(layers, paid_layers(layers), strict=True)
    return sum_known(layer.compressed_size for layer, paid in pairs if paid and layer.failure is not None)


def _group(packages: Iterable[Package], by: PackageGrouping, order: SortOrder) -> list[PackageRow]:
    groups: dict[object, list[Package]] = {}
    for number, package in enumerate(packages):
        keys = {
            PackageGrouping.PACKAGE: number,
            PackageGrouping.SOURCE: (package.ecosystem, package.source or package.name),
            PackageGrouping.ECOSYSTEM: package.ecosystem,
            PackageGrouping.LAYER: package.layer,
        }
        groups.setdefault(keys[by], []).append(package)
    rows = [_make_row(group, order) for group in groups.values()]
    rows.sort(key=lambda row: (-_weight(row, order), *_identity(row.packages[0])))
    return rows


def _make_row(packages: Sequence[Package], order: SortOrder) -> PackageRow:
    ordered = sorted(packages, key=lambda package: (-_weight(package, order), *_identity(package)))
    ecosystems, layers = {package.ecosystem for package in packages}, {package.layer for package in packages}
    sums = sum_sizes(packages)
    return PackageRow(
        ecosystem=ecosystems.pop() if len(ecosystems) == 1 else None,
        layer=layers.pop() if len(layers) == 1 else None,
        packages=tuple(ordered),
        content_size=sums.content_size,
        wasted_size=sums.wasted_size,
        compressed_size=sums.compressed_size,
        wasted_compressed_size=sums.wasted_compressed_size,
        file_count=sums.file_count,
    )


def _weight(sizes: OwnedSizes, order: SortOrder) -> int:
    return weight_of(sizes.compressed_size if order == SortOrder.DOWNLOAD else None, sizes.content_size)


def _identity(package: Package) -> tuple[str, str, str, str]:
    return package.ecosystem, package.name, package.place, package.version


def _find_repeated(packages: Iterable[Package]) -> frozenset[tuple[str, str]]:
    once, repeated = set[tuple[str, str]](), set[tuple[str, str]]()
    for package in packages:
        key = package.ecosystem, package.name
        (repeated if key in once else once).add(key)
    return frozenset(repeated)
