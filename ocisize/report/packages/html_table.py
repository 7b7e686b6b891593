"""The table of packages on pages, which needs no script."""

from __future__ import annotations

from ocisize.model.analysis import Analysis
from ocisize.model.packages import Inventory
from ocisize.report.html.markup import Markup, element, join
from ocisize.report.packages.rows import Part, TableRow, list_rows
from ocisize.report.packages.words import NOT_OWNED, describe_inventory
from ocisize.report.words.units import human_size
from ocisize.sizes.packages import PackageListing, list_packages

_TITLE = "packages-title"
_NOTE = "The rows add up to the image, which is the last one."
_MAX_PACKAGES, _MAX_UNOWNED = 15, 8  # rows on the page about an image
_HEADINGS = ("Download", "Unpacked", "Waste", "Layer", "Kind", "Package", "Why")


def write_largest(analysis: Analysis) -> Markup:
    """The section of a page about an image; nothing if its packages were not read."""
    inventory = analysis.packages
    if inventory is None:
        return Markup()
    listing = list_packages(inventory, count=_MAX_PACKAGES, unowned_count=_MAX_UNOWNED)
    note = f"{_NOTE} ocisize packages lists all packages, and its page has a treemap of them."
    return write_table(analysis, inventory, listing, note)


def write_table(analysis: Analysis, inventory: Inventory, listing: PackageListing, note: str = _NOTE) -> Markup:
    """The section with the table of a listing; ``note`` is below its title."""
    rows = list_rows(analysis, inventory, listing)
    head = element("thead", element("tr", *[element("th", name, scope="col") for name in _HEADINGS]))
    body = element("tbody", *[_write_row(row) for row in rows])
    return element(
        "section",
        element("h2", describe_inventory(inventory), id=_TITLE),
        element("p", note, class_="note"),
        element(
            "div",
            element("table", head, body),
            class_="scroll packages",
            tabindex="0",
            role="region",
            aria_labelledby=_TITLE,
        ),
        aria_labelledby=_TITLE,
    )


def _write_row(row: TableRow) -> Markup:
    name = element("strong", row.name) if row.part in (Part.PACKAGES, Part.TOTAL) else row.name
    cells = [
        human_size(row.compressed_size),
        "" if row.part is Part.OVERHEAD else human_size(row.content_size),
        human_size(row.wasted_size) if row.wasted_size else "-",
        "" if row.layer is None else str(row.layer),
        row.kind,
        join([name, f" {row.version}" if row.version else ""]),
        ", ".join(filter(None, [NOT_OWNED.lower() if row.part is Part.UNOWNED else "", row.why])),
    ]
    return element("tr", *[element("td", cell) for cell in cells])
