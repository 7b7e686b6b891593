"""The rows of the table of packages, for all formats: what is listed, what is not, and their sum, which is the image."""

from __future__ import annotations

import enum
from collections.abc import Iterator

from ocisize.model.analysis import Analysis
from ocisize.model.packages import Inventory, OwnedSizes
from ocisize.report.packages.words import (
    OVERHEAD,
    UNREAD,
    Explainer,
    describe_members,
    locate_unowned,
    name_left_out,
    name_others,
    name_row,
    name_unowned,
    version_of_row,
)
from ocisize.sizes.packages import PackageGrouping, PackageListing, PackageRow, measure_unread
from ocisize.values import frozen

TOTAL = "Image"  #: the last row


class Part(enum.Enum):
    """What a row of the table is about."""

    PACKAGES = "packages"  #: a package or a group of packages
    OTHERS = "others"  #: packages and files that have no row
    UNOWNED = "unowned"  #: files that no package owns
    OVERHEAD = "overhead"  #: bytes of the download that belong to no entry, or to layers that were not read
    TOTAL = "total"  #: the image


@frozen(kw_only=True)
class TableRow:
    """A row with its texts, which are printable, and its sizes in bytes."""

    part: Part
    name: str
    version: str = ""
    kind: str = ""  #: an ecosystem, or a kind of files that no package owns; "" if there is none, or if there are several
    why: str = (
        ""  #: why a package is there; of a group, its packages; of files without a package where their name is no path
    )
    layer: int | None = None  #: index of the layer; None if there are several
    compressed_size: int | None  #: None if unknown
    content_size: int
    wasted_size: int
    exclusive_size: int | None = None  #: None if unknown


def list_rows(analysis: Analysis, inventory: Inventory, listing: PackageListing) -> list[TableRow]:
    """The rows of a listing in their order; the last one has the figures of the image, to which the others add up."""
    explainer = Explainer(inventory)
    return [
        *(_show(row, listing, analysis, explainer) for row in listing.rows),
        *_others(listing),
        *(
            TableRow(
                part=Part.UNOWNED,
                name=name_unowned(files),
                kind=files.kind.value,
                why=locate_unowned(files),
                layer=files.layer,
                compressed_size=files.compressed_size,
                content_size=files.content_size,
                wasted_size=files.wasted_size,
            )
            for files in listing.unowned
        ),
        *_other_unowned(listing),
        *([_sums(Part.OTHERS, name_left_out(listing), listing.left_out)] if listing.left_out_count else []),
        *_overhead(listing),
        *_unread(analysis),
        TableRow(
            part=Part.TOTAL,
            name=TOTAL,
            compressed_size=analysis.compressed_size,
            content_size=analysis.content_size,
            wasted_size=analysis.wasted_size,
        ),
    ]


def _show(row: PackageRow, listing: PackageListing, analysis: Analysis, explainer: Explainer) -> TableRow:
    single = listing.by is PackageGrouping.PACKAGE
    return TableRow(
        part=Part.PACKAGES,
        name=name_row(row, listing, analysis.layers),
        version=version_of_row(row, listing.by),
        kind=row.ecosystem or "",
        why=explainer.explain(row.packages[0]) if single else describe_members(row),
        layer=row.layer,
        compressed_size=row.compressed_size,
        content_size=row.content_size,
        wasted_size=row.wasted_size,
        exclusive_size=row.exclusive_size,
    )


def _others(listing: PackageListing) -> Iterator[TableRow]:
    if listing.other_count:
        yield _sums(Part.OTHERS, name_others(listing), listing.others)


def _other_unowned(listing: PackageListing) -> Iterator[TableRow]:
    if listing.other_unowned_count:
        yield _sums(Part.OTHERS, f"  … {listing.other_unowned_count:,} more", listing.other_unowned)


def _overhead(listing: PackageListing) -> Iterator[TableRow]:
    if listing.overhead_size:
        yield TableRow(
            part=Part.OVERHEAD, name=OVERHEAD, compressed_size=listing.overhead_size, content_size=0, wasted_size=0
        )


def _unread(analysis: Analysis) -> Iterator[TableRow]:
    if analysis.unread:
        size = measure_unread(analysis.layers)
        yield TableRow(part=Part.OVERHEAD, name=UNREAD, compressed_size=size, content_size=0, wasted_size=0)


def _sums(part: Part, name: str, sizes: OwnedSizes) -> TableRow:
    return TableRow(
        part=part,
        name=name,
        compressed_size=sizes.compressed_size,
        content_size=sizes.content_size,
        wasted_size=sizes.wasted_size,
    )
