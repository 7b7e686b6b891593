"""The parts of a page about the image as a whole, without scripts: headline, figures, budgets, layers and warnings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import ocisize
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.report.html.markup import Markup, element, join
from ocisize.report.words.context import describe_context
from ocisize.report.words.download import human_download
from ocisize.report.words.figures import FIGURES
from ocisize.report.words.image import describe_form, describe_identity, describe_verification, list_figures, name_image
from ocisize.report.words.incomplete import NOTE, headline, list_unread
from ocisize.report.words.plan import describe_total
from ocisize.report.words.secrets import list_secrets
from ocisize.report.words.steps import show_layer
from ocisize.report.words.units import UNKNOWN, human_size
from ocisize.sizes.cost import CostAssumptions
from ocisize.text import count_of

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict

_MAIN_FIGURES = ("Download", "Unpacked", "Live", "Waste")  # that are not folded away


def write_head(analysis: Analysis, assumptions: CostAssumptions, verdicts: Sequence[Verdict] = ()) -> Markup:
    """Name, what is most urgent, and the main figures; all else about the image is folded away, so that the map is near."""
    figures = list_figures(analysis)
    context = [
        element("div", element("dt", name), element("dd", element("strong", value), f" {note}"))
        for name, value, note in describe_context(analysis, assumptions)
    ]
    lines = (describe_identity(analysis), describe_verification(analysis.layers, analysis.format))
    return element(
        "header",
        element("h1", name_image(analysis)),
        element("p", describe_form(analysis), class_="note"),
        _write_unread(analysis),
        _write_urgent(analysis, verdicts),
        _figures(figure for figure in figures if figure[0] in _MAIN_FIGURES),
        element(
            "details",
            element("summary", "More about the image"),
            *[element("p", line, class_="note") for line in lines],
            element("dl", *context, class_="context"),
            _figures(figure for figure in figures if figure[0] not in _MAIN_FIGURES),
        ),
    )


def _write_urgent(analysis: Analysis, verdicts: Sequence[Verdict]) -> Markup:
    """Secrets, budgets and the plan in one line each, with links to their sections."""
    lines = []
    if secrets := list_secrets(analysis):
        first = secrets[0].title[:1].upper() + secrets[0].title[1:]
        more = f", and {len(secrets) - 1:,} more" if len(secrets) > 1 else ""
        lines.append(element("li", _jump("Secrets", "secrets"), f"{first}{more}", class_="fail"))
    if verdicts:
        from ocisize.report.words.budgets import by_severity, headline

        worst = by_severity(verdicts)[:1]
        lines.append(element("li", _jump("Budgets", "budgets"), headline(verdicts).removeprefix("Budgets: "),
                             class_="".join(verdict.outcome.value for verdict in worst)))  # fmt: skip
    if analysis.plan.steps:
        lines.append(element("li", _jump("Plan", "plan"), describe_total(analysis)))
    return element("ul", *lines, class_="urgent") if lines else Markup()


def _jump(name: str, section: str) -> Markup:
    return element("a", name, href=f"#{section}-title")


def _figures(figures: Iterable[tuple[str, str, str]]) -> Markup:
    cards = [
        element("div", element("dt", name), element("dd", value), element("dd", note, class_="note"))
        for name, value, note in figures
    ]
    return element("dl", *cards, class_="figures")


def _write_unread(analysis: Analysis) -> Markup:
    """The layers that could not be read, if there are any."""
    if analysis.complete:
        return Markup()
    items = [element("li", element("code", line)) for line in list_unread(analysis)]
    title = element("strong", headline(analysis).capitalize(), class_="fail")
    return element("div", element("p", title, f". {NOTE}."), element("ul", *items), role="alert")


def write_verdicts(analysis: Analysis, verdicts: Sequence[Verdict]) -> Markup:
    """The verdicts on the budgets, if there are any."""
    if not verdicts:
        return Markup()
    from ocisize.report.words.budgets import by_severity, describe, headline

    items = [
        element(
            "li",
            element("strong", verdict.outcome.value.upper(), class_=verdict.outcome.value),
            element("span", describe(verdict, analysis)),
            element("span", verdict.budget.origin or verdict.budget.key, class_="note"),
        )
        for verdict in by_severity(verdicts)
    ]
    return element(
        "section", element("h2", headline(verdicts), id="budgets-title"), element("ul", *items, class_="verdicts")
    )


def write_layers(analysis: Analysis) -> Markup:
    """The table of layers."""
    names = ("#", "Download", "Unpacked", "On disk", "Files", "Waste", "Hides", "Build step")
    head = element("thead", element("tr", *[element("th", name, scope="col") for name in names]))
    body = element("tbody", *[_layer(layer) for layer in analysis.layers])
    return element(
        "section",
        element("h2", "Layers", id="layers-title"),
        element(
            "p",
            "Base first. Waste: hidden bytes in this layer. Hides: bytes that this layer hides in layers below.",
            class_="note",
        ),
        element(
            "div", element("table", head, body), class_="scroll", tabindex="0", role="region", aria_labelledby="layers-title"
        ),
        aria_labelledby="layers-title",
    )


def _layer(layer: LayerAnalysis) -> Markup:
    doubt = "" if layer.build_step_certain or not layer.build_step.shown else "? "
    cells = [
        human_download(layer),
        human_size(layer.content_size),
        human_size(layer.disk_size),
        f"{layer.file_count:,}",
        human_size(layer.wasted_size) if layer.wasted_size else "-",
        human_size(layer.hides_size) if layer.hides_size else "-",
    ]
    if layer.failure is not None:
        cells = [human_download(layer), *[UNKNOWN] * (len(cells) - 1)]
    return element(
        "tr",
        element("th", str(layer.index), scope="row"),
        *[element("td", cell) for cell in cells],
        element("td", element("code", doubt + (show_layer(layer) or f"({layer.digest[:19]})"))),
    )


def write_foot(analysis: Analysis) -> Markup:
    """Warnings, and what the figures mean."""
    parts = []
    if analysis.warnings:
        summary = element("summary", count_of(len(analysis.warnings), "warning"))
        parts.append(element("details", summary, element("ul", *[element("li", text) for text in analysis.warnings])))
    terms = [join([element("dt", term), element("dd", meaning)]) for term, meaning in FIGURES.items()]
    parts.append(element("details", element("summary", "What the figures mean"), element("dl", *terms)))
    parts.append(element("p", f"ocisize {ocisize.__version__}", class_="note"))
    return element("footer", *parts)
