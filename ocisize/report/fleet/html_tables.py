"""Sections and tables of pages about a fleet: cells with values to sort by, and bars."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from ocisize.report.html.markup import Markup, element
from ocisize.report.words.units import human_size
from ocisize.tuples import NamedTuple

_BAR = 100  # units of the width of a bar
_TALL = 20  # rows above which a table has its own scroll bar


class Cell(NamedTuple):
    """A cell of a table, and the number that rows are sorted by; "" sorts by its text."""

    content: str
    value: str = ""


def size_cell(size: int) -> Cell:
    """Bytes for people, sorted exactly."""
    return Cell(human_size(size), str(size))


def count_cell(count: int) -> Cell:
    """A number."""
    return Cell(f"{count:,}", str(count))


def code_cell(text: str) -> Cell:
    """A name."""
    return Cell(element("code", text))


def size_bar(part: int, whole: int, largest: int) -> Cell:
    """A bar of ``whole`` bytes, its first ``part`` of them in the color of what is freed; the longest has ``largest``."""
    widths = [_BAR * size / largest if largest else 0.0 for size in (part, whole)]
    rects = [
        element("rect", x="0", y="1", width=f"{width:.1f}", height="8", class_=name)
        for width, name in zip(reversed(widths), ("whole", "part"), strict=True)
        if width
    ]
    bar = element("svg", *rects, viewBox=f"0 0 {_BAR} 10", width=str(_BAR), height="10", aria_hidden="true")
    return Cell(bar, str(whole))


def write_section(name: str, title: str, note: str, *children: Markup) -> Markup:
    """A section with a title; ``name`` is the start of its id."""
    heading = f"{name}-title"
    parts = [element("h2", title, id=heading), element("p", note, class_="note") if note else Markup()]
    return element("section", *parts, *children, aria_labelledby=heading)


def write_table(
    name: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    is_sortable: bool = False,
    texts: Container[str] = (),
    minor: Container[str] = (),
) -> Markup:
    """A table in the section ``name``; a long one has its own scroll bar.

    Of the columns, ``texts`` have no numbers, and "" is one of bars. Bars and ``minor`` columns are not on narrow screens.
    """
    kinds = [_classes_of(column, texts, minor) for column in columns]
    heads = [element("th", column, scope="col", **kind) for column, kind in zip(columns, kinds, strict=True)]
    lines = [element("tr", *map(_write_cell, row, kinds)) for row in rows]
    table = element(
        "table",
        element("thead", element("tr", *heads)),
        element("tbody", *lines),
        class_="fleet sortable" if is_sortable else "fleet",
    )
    kind = "scroll tall" if len(rows) > _TALL else "scroll"
    return element("div", table, class_=kind, tabindex="0", role="region", aria_labelledby=f"{name}-title")


def _classes_of(column: str, texts: Container[str], minor: Container[str]) -> Mapping[str, str]:
    """The attribute of all cells of a column."""
    names = [name for name, applies in (("text", column in texts), ("minor", not column or column in minor)) if applies]
    return {"class_": " ".join(names)} if names else {}


def _write_cell(cell: Cell, kind: Mapping[str, str]) -> Markup:
    return element("td", cell.content, **kind, **({"data_value": cell.value} if cell.value else {}))
