"""The base families of a page about a fleet, as a tree of lists that readers unfold."""

from __future__ import annotations

from ocisize.model.fleet import FleetLayer
from ocisize.model.fleet_figures import Family, FleetFigures, NameOrigin
from ocisize.report.fleet.html_tables import write_section
from ocisize.report.fleet.words import name_family, short_digest, short_name
from ocisize.report.html.markup import Markup, element
from ocisize.report.words.units import cut, human_size
from ocisize.text import count_of

_MAX_FAMILIES = 300  # those with the most images
_MAX_DEPTH = 30  # of nested lists; browsers flatten elements that are nested deeper than 512
_MAX_LAYERS = 20  # of a family
_MAX_STEP = 80  # characters of the build step that the summary shows
_NOTE = (
    "Images with the same lowest layers, by diff_id: an update of these layers changes all of them. A family inside another "
    "one has more layers in common."
)


def write_families(figures: FleetFigures) -> Markup:
    """The section; nothing if no two images begin with the same layers.

    The families of a parent come after the parent, so the list is built from its end.
    """
    shown = figures.families[:_MAX_FAMILIES]
    if not shown:
        return Markup()
    depths = list[int]()
    for family in shown:
        depths.append(0 if family.parent is None else depths[family.parent] + 1)
    inside: dict[int | None, list[Markup]] = {}
    for number in range(len(shown) - 1, -1, -1):
        family = shown[number]
        if depths[number] < _MAX_DEPTH:
            item = _write_family(figures, family, inside.pop(number, [])[::-1])
            inside.setdefault(family.parent, []).append(item)
    rest = len(figures.families) - sum(depth < _MAX_DEPTH for depth in depths)
    note = _NOTE + (f" {rest:,} of fewer images are not listed; -f json has all." if rest else "")
    return write_section("families", "Base families", note, element("ul", *inside[None][::-1], class_="families"))


def _write_family(figures: FleetFigures, family: Family, inside: list[Markup]) -> Markup:
    origin = {NameOrigin.LABEL: " as labels name it", NameOrigin.MEMBER: "", NameOrigin.NONE: ""}[family.named_by]
    largest = max(family.layers, key=lambda layer: layer.size).build_step
    step = f" · mostly {cut(largest, _MAX_STEP)}" if largest else ""
    summary = element(
        "summary",
        element("strong", count_of(family.images, "image")),
        " ",
        element("code", name_family(figures.families, family)),
        element("span", f"{origin} · {count_of(family.depth, 'layer')}, {human_size(family.size)}{step}", class_="note"),
    )
    layers = [element("li", *_describe_layer(layer)) for layer in family.layers[:_MAX_LAYERS]]
    if rest := len(family.layers) - len(layers):
        layers.append(element("li", f"and {count_of(rest, 'more layer')}"))
    examples = ", ".join(short_name(figures.fleet, figures.fleet.roots[root]) for root in family.examples)
    more = " and others" if family.roots > len(family.examples) else ""
    children = [element("ul", *inside, class_="families")] if inside else []
    attributes = {"open": ""} if inside and family.parent is None else {}
    return element(
        "li",
        element(
            "details",
            summary,
            element("p", "Of ", element("code", examples), more, class_="note"),
            element("ol", *layers, class_="steps"),
            *children,
            **attributes,
        ),
    )


def _describe_layer(layer: FleetLayer) -> list[str]:
    return [f"{human_size(layer.size)} ", element("code", layer.build_step or short_digest(layer.digest))]
