"""The largest packages in the full text report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from ocisize.model.packages import Inventory
from ocisize.report.packages.words import Explainer, describe_inventory, name_others, name_package
from ocisize.report.text.tables import print_rows
from ocisize.report.words.units import human_size
from ocisize.sizes.packages import list_packages

if TYPE_CHECKING:
    from rich.console import Console


def print_packages(console: Console, inventory: Inventory | None, top: int) -> None:
    """Print the ``top`` largest packages, and the command that shows all; nothing if the packages were not read."""
    if inventory is None:
        return
    listing, explainer = list_packages(inventory, count=top), Explainer(inventory)
    if not listing.rows:
        console.print()
        console.print(Text(f"{describe_inventory(inventory)}.", style="bold"), overflow="fold")
        return
    rows = [
        (
            human_size(row.compressed_size),
            human_size(row.content_size),
            human_size(row.wasted_size) if row.wasted_size else "",
            row.packages[0].ecosystem,
            explainer.explain(row.packages[0]),
            f"{name_package(row.packages[0], listing.repeated)} {explainer.show_version(row.packages[0])}".rstrip(),
        )
        for row in listing.rows
    ]
    print_rows(console, describe_inventory(inventory), ("Download", "Unpacked", "Waste", "Kind", "Why", "Package"), rows, 3)
    if listing.other_count:
        rest = f"{name_others(listing)}, {human_size(listing.others.content_size)}; ocisize packages shows all"
        console.print(Text(rest, style="dim"))
