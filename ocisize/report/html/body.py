"""The parts of a page that need no script: headline, figures, advice, layers, warnings and definitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import ocisize
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.findings import Finding
from ocisize.report.html.markup import Markup, element, join
from ocisize.report.words.advice import advice_headline, by_confidence, is_significant, saving_bytes
from ocisize.report.words.context import describe_context
from ocisize.report.words.image import describe_form, describe_identity, describe_verification, list_figures, name_image
from ocisize.report.words.incomplete import NOTE, headline, list_unread
from ocisize.report.words.units import UNKNOWN, human_dollars, human_size
from ocisize.sizes.cost import Assumptions, cost_of
from ocisize.text import count_of, plural

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict

_MAX_FINDINGS = 8  # that save bytes and are not folded away
_DEFINITIONS = (
    (
        "Download",
        "what a client with nothing cached downloads; the share of a file is an estimate, measured while decoding",
    ),
    ("Unpacked", "content of the files in all layers, including hidden files"),
    ("Live", "content that a container sees"),
    ("Waste", "unpacked minus live: overwritten, deleted, or stored again only to change owner, permissions or timestamps"),
    ("Duplicates", "visible content that is also at another visible path; it is not waste"),
)  # fmt: skip


def write_head(analysis: Analysis, assumptions: Assumptions) -> Markup:
    """Name, form, figures, base image and cost of the image."""
    lines = (describe_form(analysis), describe_identity(analysis), describe_verification(analysis.layers))
    figures = [
        element("div", element("dt", name), element("dd", value), element("dd", note, class_="note"))
        for name, value, note in list_figures(analysis)
    ]
    context = [
        element("div", element("dt", name), element("dd", element("strong", value), f" {note}"))
        for name, value, note in describe_context(analysis, assumptions)
    ]
    return element(
        "header",
        element("h1", name_image(analysis)),
        _write_unread(analysis),
        *[element("p", line, class_="note") for line in lines],
        element("dl", *figures, class_="figures"),
        element("dl", *context, class_="context"),
    )


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
    return element("section", element("h2", headline(verdicts)), element("ul", *items, class_="verdicts"))


def write_advice(analysis: Analysis, assumptions: Assumptions | None) -> Markup:
    """All findings; those that save little are folded away."""
    findings = analysis.advice.findings
    title = element("h2", "Fix these first", id="advice-title")
    if not findings:
        where = "" if analysis.complete else " in the layers that were read"
        return element("section", title, element("p", f"Nothing worth fixing was found{where}."))
    largest = [finding for finding in findings if finding.size and is_significant(finding, analysis)][:_MAX_FINDINGS]
    shown = largest + [finding for finding in findings if not finding.size and is_significant(finding, analysis)]
    rest = [finding for finding in findings if finding not in shown]
    parts = [title, element("p", advice_headline(analysis))]
    if any(finding.size for finding in findings):
        parts.append(element("p", by_confidence(analysis), class_="note"))
    parts.append(_list_findings(shown, assumptions))
    if rest:
        more = f"{len(rest):,} {'more' if shown else 'small'}, {human_size(saving_bytes(rest))}"
        parts.append(element("details", element("summary", more), _list_findings(rest, assumptions)))
    return element("section", *parts, aria_labelledby="advice-title")


def _list_findings(findings: Sequence[Finding], assumptions: Assumptions | None) -> Markup:
    items = [_finding(finding, assumptions) for finding in findings]
    return element("ol", *items, class_="findings") if items else Markup()


def _finding(finding: Finding, assumptions: Assumptions | None) -> Markup:
    saved = saving_bytes([finding])
    facts = [f"{finding.severity} severity", str(finding.confidence), finding.id]
    if finding.size:
        facts.append(f"{human_size(finding.size)} unpacked")
    if assumptions is not None and (dollars := cost_of(finding.compressed_size, assumptions).yearly_dollars):
        facts.append(f"{human_dollars(dollars)}/year")
    if finding.in_base:
        facts.append("in the base image")
    return element(
        "li",
        element("p", human_size(saved) if saved else str(finding.severity), class_="saving"),
        element(
            "div",
            element("h3", finding.title[:1].upper() + finding.title[1:]),
            element("p", " · ".join(facts), class_="note"),
            element("p", *_with_code(finding.fix), class_="fix"),
            _where(finding),
        ),
        class_=str(finding.severity),
    )


def _with_code(text: str) -> list[str]:
    """Text whose parts between backticks are code."""
    return [element("code", part) if number % 2 else part for number, part in enumerate(text.split("`"))]


def _where(finding: Finding) -> Markup:
    steps = [
        element("li", f"Layer {layer}: ", element("code", step.text or "unknown step"))
        for layer, step in zip(finding.layers, finding.build_steps, strict=True)
    ]
    paths = [element("li", element("code", f"/{path}")) for path in finding.paths]
    rest = finding.path_count - len(finding.paths)
    if rest > 0:
        paths.append(element("li", f"… and {rest:,} more"))
    if not steps and not paths:
        return Markup()
    layers = f"{plural(len(finding.layers), 'Layer')} {', '.join(map(str, finding.layers))}"
    count = count_of(finding.path_count, "file")
    summary = " · ".join([layers] * bool(steps) + [count] * bool(paths))
    lists = [element("ul", *items) for items in (steps, paths) if items]
    return element("details", element("summary", summary), *lists)


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
    sizes = (layer.compressed_size, layer.content_size, layer.disk_size)
    doubt = "" if layer.build_step_certain or not layer.build_step.text else "? "
    cells = [
        *map(human_size, sizes),
        f"{layer.file_count:,}",
        human_size(layer.wasted_size) if layer.wasted_size else "-",
        human_size(layer.hides_size) if layer.hides_size else "-",
    ]
    if layer.failure is not None:
        cells = [human_size(layer.compressed_size), *[UNKNOWN] * (len(cells) - 1)]
    return element(
        "tr",
        element("th", str(layer.index), scope="row"),
        *[element("td", cell) for cell in cells],
        element("td", element("code", doubt + (layer.build_step.text or f"({layer.digest[:19]})"))),
    )


def write_foot(analysis: Analysis) -> Markup:
    """Warnings, and what the figures mean."""
    parts = []
    if analysis.warnings:
        summary = element("summary", count_of(len(analysis.warnings), "warning"))
        parts.append(element("details", summary, element("ul", *[element("li", text) for text in analysis.warnings])))
    terms = [join([element("dt", term), element("dd", meaning)]) for term, meaning in _DEFINITIONS]
    parts.append(element("details", element("summary", "What the figures mean"), element("dl", *terms)))
    parts.append(element("p", f"ocisize {ocisize.__version__}", class_="note"))
    return element("footer", *parts)
