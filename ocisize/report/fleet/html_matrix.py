"""The matrix of a page about a fleet: how much of each of the largest images every other one has, too."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.fleet_figures import FleetFigures
from ocisize.report.fleet.html_tables import write_section
from ocisize.report.fleet.words import short_name
from ocisize.report.html.markup import Markup, element
from ocisize.report.words.units import human_size

_SHADES = 10  # classes ``heat-0`` to ``heat-10`` of the style
_NOTE = (
    "The largest images, by number. A cell is the part of the row's image, in percent of its bytes, that the column's image "
    "has, too."
)


def write_matrix(figures: FleetFigures) -> Markup:
    """The section; nothing for fewer than two images."""
    matrix = figures.matrix
    if len(matrix.roots) < 2:
        return Markup()
    names = [short_name(figures.fleet, figures.fleet.roots[root]) for root in matrix.roots]
    heads = [element("th", str(number), scope="col", title=name) for number, name in enumerate(names, 1)]
    lines = [_write_row(number, names, sizes) for number, sizes in enumerate(matrix.sizes)]
    table = element(
        "table", element("thead", element("tr", element("td"), *heads)), element("tbody", *lines), class_="matrix"
    )
    region = element("div", table, class_="scroll", tabindex="0", role="region", aria_labelledby="matrix-title")
    return write_section("matrix", "Who shares with whom", _NOTE, region)


def _write_row(row: int, names: Sequence[str], sizes: Sequence[int]) -> Markup:
    head = element(
        "th", element("span", f"{row + 1} ", class_="note"), element("code", names[row]), scope="row", title=names[row]
    )
    cells = [_write_cell(names, sizes, row, column) for column in range(len(names))]
    return element("tr", head, *cells)


def _write_cell(names: Sequence[str], sizes: Sequence[int], row: int, column: int) -> Markup:
    if row == column:
        return element("td", "·", class_="own")
    share = sizes[column] / sizes[row] if sizes[row] else 0.0
    title = f"{names[column]} has {human_size(sizes[column])} of {names[row]}"
    return element("td", f"{100 * share:.0f}", class_=f"heat-{int(share * _SHADES)}", title=title)
