"""Lists of packages: every part is counted once, whatever is summed, chosen or cut off."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from ocisize.model.packages import APK, DEB, PYTHON, Inventory, PackageReason
from ocisize.sizes.files import SortOrder
from ocisize.sizes.packages import KINDS, PackageGrouping, PackageListing, list_packages, sum_sizes
from ocisize.values import evolve
from tests.inventories import make_inventory, make_package, sizes, sums_of

FIGURES = ("content_size", "wasted_size", "compressed_size", "wasted_compressed_size", "file_count")


def totals(listing: PackageListing) -> dict[str, int | None]:
    parts = [*listing.rows, listing.others, *listing.unowned, listing.other_unowned, listing.left_out]
    sums = {name: getattr(sum_sizes(parts), name) for name in FIGURES}
    return {**sums, "compressed_size": sums["compressed_size"] + (listing.overhead_size or 0)}


def names(listing: PackageListing) -> list[str]:
    return [f"{row.packages[0].name} {row.packages[0].version}" for row in listing.rows]


@pytest.mark.parametrize(
    ("by", "count", "kinds"), list(product(PackageGrouping, (None, 0, 1, 3), ((), (PYTHON,), (DEB, "cache"))))
)
def test_the_parts_add_up_to_the_image(by: PackageGrouping, count: int | None, kinds: tuple[str, ...]) -> None:
    inventory = make_inventory()
    expected = sums_of(inventory)
    listing = list_packages(inventory, count=count, unowned_count=count, by=by, kinds=kinds)
    assert totals(listing) == {name: expected[name] for name in FIGURES}
    assert count is None or max(len(listing.rows), len(listing.unowned)) <= count


def test_rows_are_in_the_order_of_their_download() -> None:
    listing = list_packages(make_inventory())
    assert listing.order is SortOrder.DOWNLOAD
    assert names(listing) == [
        "torch 2.2.0", "numpy 1.26.4", "numpy 1.24.2", "libssl3 3.0.12-1", "libssl3 3.0.11-1", "openssl 3.0.12-1",
        "@babel/core 7.24.0", "gone 1",
    ]  # fmt: skip
    assert [files.name for files in listing.unowned] == ["apt lists", "", ""]


def test_rows_are_in_the_order_of_their_content_if_asked_for_or_if_a_download_is_unknown() -> None:
    inventory = make_inventory()
    small = make_package(DEB, "small", "1", sizes(10, 10_000_000))
    large = make_package(DEB, "large", "1", sizes(10_000_000, 10))
    more = evolve(inventory, packages=(small, large, *inventory.packages))
    assert names(list_packages(more))[0] == "small 1"
    assert names(list_packages(more, order=SortOrder.SIZE))[0] == "large 1"
    unknown = make_package(DEB, "unknown", "1", sizes(1, None))
    listing = list_packages(evolve(more, packages=(*more.packages, unknown)))
    assert (listing.order, names(listing)[0], listing.rows[-1].compressed_size) == (SortOrder.SIZE, "large 1", None)


def test_groups_have_the_packages_of_a_source_an_ecosystem_or_a_layer() -> None:
    inventory = make_inventory()
    by_source = list_packages(inventory, by=PackageGrouping.SOURCE)
    (openssl,) = [row for row in by_source.rows if row.packages[0].source == "openssl"]
    assert [package.name for package in openssl.packages] == ["libssl3", "libssl3", "openssl"]
    assert (openssl.content_size, openssl.wasted_size, openssl.layer, openssl.ecosystem) == (91_000, 40_000, None, DEB)
    by_ecosystem = list_packages(inventory, by=PackageGrouping.ECOSYSTEM)
    assert [row.ecosystem for row in by_ecosystem.rows] == [PYTHON, DEB, "npm", APK]
    by_layer = list_packages(inventory, by=PackageGrouping.LAYER)
    assert [(row.layer, row.ecosystem, len(row.packages)) for row in by_layer.rows] == [
        (2, None, 3), (1, None, 3), (0, None, 2),
    ]  # fmt: skip


def test_exclusive_sizes_of_several_packages_are_not_added() -> None:
    listing = list_packages(make_inventory())
    assert [row.exclusive_size for row in listing.rows[:2]] == [1_000_000, None]
    assert list_packages(make_inventory(), by=PackageGrouping.ECOSYSTEM).rows[0].exclusive_size is None


def test_chosen_kinds_are_listed_and_the_others_are_one_sum() -> None:
    listing = list_packages(make_inventory(), kinds=[DEB, "cache"])
    assert {row.ecosystem for row in listing.rows} == {DEB}
    assert [files.name for files in listing.unowned] == ["apt lists"]
    assert listing.left_out_count == 7
    assert "unknown" in KINDS


def test_names_that_occur_twice_in_an_ecosystem_are_repeated() -> None:
    other = make_package(APK, "torch", "1", sizes(1, 1))
    inventory = make_inventory()
    listing = list_packages(evolve(inventory, packages=(*inventory.packages, other)), count=0)
    assert listing.repeated == {(PYTHON, "numpy"), (DEB, "libssl3")}


def test_an_image_without_packages_has_only_files() -> None:
    listing = list_packages(Inventory(packages=(), unowned=make_inventory().unowned, overhead_size=None))
    assert (listing.rows, listing.other_count, listing.others.content_size) == ((), 0, 0)
    assert len(listing.unowned) == 3


def test_ties_are_in_the_order_of_names_whatever_the_order_of_the_inventory() -> None:
    same = [make_package(DEB, name, "1", sizes(5, 5), reason=PackageReason.ASKED) for name in ("b", "a", "c")]
    for packages in (same, same[::-1]):
        listing = list_packages(Inventory(packages=tuple(packages), unowned=(), overhead_size=0))
        assert names(listing) == ["a 1", "b 1", "c 1"]


@pytest.mark.parametrize(
    ("chosen", "listed"),
    [
        ({"names": ["NUM*"]}, {"numpy"}),
        ({"names": ["deb:*ssl*"]}, {"libssl3", "openssl"}),
        ({"names": ["numpy", "gone"], "kinds": [PYTHON]}, {"numpy"}),
        ({"reasons": [PackageReason.ASKED, PackageReason.DEVELOPMENT]}, {"torch", "openssl"}),
        ({"reasons": [PackageReason.NEEDED], "names": ["lib*"]}, {"libssl3"}),
        ({"names": ["absent"]}, set()),
    ],
)
def test_names_and_reasons_choose_packages(chosen: dict[str, Any], listed: set[str]) -> None:
    """Files that no package owns are left out with the other packages, and the sums are still those of the image."""
    inventory = make_inventory()
    listing = list_packages(inventory, **chosen)
    assert {row.packages[0].name for row in listing.rows} == listed
    assert (listing.unowned, listing.is_narrowed) == ((), True)
    assert listing.left_out_count == len(inventory.packages) + len(inventory.unowned) - listing.package_count
    expected = sums_of(inventory)
    assert totals(listing) == {name: expected[name] for name in FIGURES}
