"""Charts of updates as SVG: stacked bars and lines, in colors that light and dark pages show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocisize.report.html.markup import Markup, element

#: of the layers that cause most, then of all other layers, and of documents
COLORS = ("#4c86c6", "#e08a1e", "#4fa15f", "#b0699f", "#d6604d", "#3fa7a3", "#8b929c", "#c2a878")
_OTHERS = ("other layers", "documents")
_BAR_WIDTH, _BAR_HEIGHT = 100, 10  # units
_CHART_WIDTH, _CHART_HEIGHT, _MARGIN = 800, 160, 4
_LINE_COLORS = (COLORS[0], COLORS[1], COLORS[2])


def draw_stack(sizes: Sequence[int], largest: int) -> Markup:
    """A bar of parts, the last two of other layers and of documents; a bar of ``largest`` bytes has the full width."""
    rects, start = [], 0.0
    for size, color in zip(sizes, _colors(len(sizes)), strict=True):
        width = _BAR_WIDTH * size / largest if largest else 0.0
        if width >= 0.05:
            rects.append(element("rect", x=f"{start:.2f}", y="0", width=f"{width:.2f}", height=str(_BAR_HEIGHT), fill=color))
        start += width
    return _svg(_BAR_WIDTH, _BAR_HEIGHT, rects)


def write_legend(names: Sequence[str]) -> Markup:
    """The colors of ``draw_stack`` with the names of their layers."""
    items = []
    for name, color in zip((*names, *_OTHERS), _colors(len(names) + len(_OTHERS)), strict=True):
        rect = element("rect", x="0", y="0", width="10", height="10", fill=color)
        items.append(element("li", _svg(10, 10, [rect], size=10), " ", element("code", name)))
    return element("ul", *items, class_="legend")


def draw_lines(lines: Mapping[str, Sequence[int]]) -> Markup:
    """Lines of values that grow, on one scale from zero, with the names of their colors."""
    largest = max(max(values) for values in lines.values()) or 1
    drawn, items = [], []
    for (name, values), color in zip(lines.items(), _LINE_COLORS, strict=False):
        points = " ".join(
            f"{_MARGIN + (_CHART_WIDTH - 2 * _MARGIN) * number / len(values):.1f},"
            f"{_CHART_HEIGHT - _MARGIN - (_CHART_HEIGHT - 2 * _MARGIN) * value / largest:.1f}"
            for number, value in enumerate([0, *values])
        )
        drawn.append(
            element(
                "polyline", points=points, fill="none", stroke=color, stroke_width="2.5", vector_effect="non-scaling-stroke"
            )
        )
        rect = element("rect", x="0", y="0", width="10", height="10", fill=color)
        items.append(element("li", _svg(10, 10, [rect], size=10), f" {name}"))
    box = {"viewBox": f"0 0 {_CHART_WIDTH} {_CHART_HEIGHT}", "preserveAspectRatio": "none"}
    chart = element("svg", *drawn, class_="lines", aria_hidden="true", **box)
    return element("div", element("ul", *items, class_="legend"), chart)


def _colors(count: int) -> tuple[str, ...]:
    """The colors of a stack: those of layers, and the last two."""
    return (*COLORS[: count - len(_OTHERS)], *COLORS[-len(_OTHERS) :])


def _svg(width: int, height: int, children: Sequence[Markup], *, size: int | None = None) -> Markup:
    box = {"width": str(size or width), "height": str(size or height)}
    return element("svg", *children, viewBox=f"0 0 {width} {height}", aria_hidden="true", **box)
