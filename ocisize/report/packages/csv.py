"""The packages of an image as CSV: rows of packages, then the bytes that belong to none. Columns add up to the image.

Format: that of ``report.export.csv``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO

from ocisize.model.analysis import Analysis
from ocisize.model.packages import OwnedSizes
from ocisize.report.export.csv import escape_cell
from ocisize.report.packages.words import name_others, name_unowned
from ocisize.sizes.packages import PackageGrouping, PackageListing, PackageRow, measure_unread

_FIGURES = ("compressed_size", "content_size", "wasted_size", "wasted_compressed_size", "file_count")
_HEAD = (
    "part", "kind", "name", "version", "place", "layer", *_FIGURES, "exclusive_size", "packages", "installed", "reason",
    "needed_by", "source", "purl", "database", "path",
)  # fmt: skip


def write_csv(analysis: Analysis, listing: PackageListing, file: TextIO) -> None:
    """Write a listing of ``analysis``; sizes are bytes, unknown ones empty. Blanks separate lists in a cell."""
    writer = csv.DictWriter(file, _HEAD, lineterminator="\r\n")
    writer.writeheader()
    for row in _list_rows(analysis, listing):
        writer.writerow({name: escape_cell(value) if isinstance(value, str) else value for name, value in row.items()})


def _list_rows(analysis: Analysis, listing: PackageListing) -> Iterator[dict[str, object]]:
    yield from (_package_row(row, listing.by) for row in listing.rows)
    if listing.other_count:
        yield {"part": "others", "name": name_others(listing), **_figures(listing.others), "packages": listing.other_count}
    for files in listing.unowned:
        yield {
            "part": "unowned", "kind": files.kind.value, "name": name_unowned(files), "layer": files.layer,
            **_figures(files), "path": files.path,
        }  # fmt: skip
    if listing.other_unowned_count:
        yield {"part": "others", "name": "other files", **_figures(listing.other_unowned)}
    if listing.left_out_count:
        yield {
            "part": "others",
            "name": "other packages and files" if listing.is_narrowed else "other kinds",
            **_figures(listing.left_out),
        }
    if listing.overhead_size is not None:
        yield {"part": "overhead", "compressed_size": listing.overhead_size, **dict.fromkeys(_FIGURES[1:], 0)}
    if analysis.unread:
        yield {"part": "unread", "compressed_size": measure_unread(analysis.layers)}


def _package_row(row: PackageRow, by: PackageGrouping) -> dict[str, object]:
    common = {"part": "packages", "kind": row.ecosystem, "layer": row.layer, **_figures(row), "packages": len(row.packages)}
    first = row.packages[0]
    if by is PackageGrouping.SOURCE:
        return {**common, "name": first.source or first.name}
    if by is not PackageGrouping.PACKAGE:
        return {**common, "name": first.ecosystem if by is PackageGrouping.ECOSYSTEM else f"layer {first.layer}"}
    return {
        **common,
        "name": first.name,
        "version": first.version,
        "place": first.place,
        "exclusive_size": first.exclusive_size,
        "installed": str(first.installed).lower(),
        "reason": first.reason.value,
        "needed_by": " ".join(first.needed_by),
        "source": first.source,
        "purl": first.purl,
        "database": first.database,
    }


def _figures(sizes: OwnedSizes) -> dict[str, object]:
    return {name: getattr(sizes, name) for name in _FIGURES}
