"""The packages of an image as JSON: the document ``ocisize.packages``, by the rules of ``report.json.analysis``."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from ocisize.model.analysis import Analysis
from ocisize.model.packages import Inventory, OwnedSizes
from ocisize.report.json.analysis import GROUP_SIZES, encodable, owned_document
from ocisize.report.json.head import head_of_view
from ocisize.report.packages.words import name_unowned
from ocisize.sizes.packages import PackageGrouping, PackageListing, PackageRow, measure_unread

SCHEMA, VERSION = "ocisize.packages", 1


def packages_to_json(
    analysis: Analysis,
    inventory: Inventory,
    listing: PackageListing,
    *,
    kinds: Collection[str] = (),
    names: Collection[str] = (),
    reasons: Collection[str] = (),
) -> str:
    """A listing and its options. ``packages``, or ``groups`` of them, with all other parts add up to ``totals``."""
    rows = {
        "packages": [owned_document(row.packages[0]) for row in listing.rows]
        if listing.by is PackageGrouping.PACKAGE
        else [],
        "groups": [] if listing.by is PackageGrouping.PACKAGE else [_group(row, listing.by) for row in listing.rows],
    }
    document = {
        **head_of_view(SCHEMA, VERSION, analysis),
        "by": str(listing.by),
        "sort": str(listing.order),
        "kinds": list(kinds),
        "names": list(names),
        "reasons": list(reasons),
        "totals": _figures(analysis),
        **rows,
        "others": {"count": listing.other_count, **_figures(listing.others)},
        "unowned": [{**owned_document(files), "name": name_unowned(files)} for files in listing.unowned],
        "other_unowned": {"count": listing.other_unowned_count, **_figures(listing.other_unowned)},
        "other_kinds": {"count": listing.left_out_count, **_figures(listing.left_out)},
        "overhead_size": listing.overhead_size,
        "unread_size": measure_unread(analysis.layers),
        "warnings": list(inventory.warnings),
    }
    return json.dumps(encodable(document), indent=2)


def _group(row: PackageRow, by: PackageGrouping) -> dict[str, Any]:
    first = row.packages[0]
    names = {PackageGrouping.SOURCE: first.source or first.name, PackageGrouping.ECOSYSTEM: first.ecosystem}
    return {
        "name": names.get(by),
        "ecosystem": row.ecosystem,
        "layer": row.layer,
        **_figures(row),
        "packages": [{"name": package.name, "version": package.version, "purl": package.purl} for package in row.packages],
    }


def _figures(sizes: OwnedSizes | Analysis) -> dict[str, Any]:
    return {name: getattr(sizes, name) for name in GROUP_SIZES}
