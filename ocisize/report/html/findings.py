"""Secrets and findings on the page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ocisize.model.analysis import Analysis
from ocisize.model.build_step import BuildStep
from ocisize.model.findings import Finding
from ocisize.report.html.markup import Markup, element, join, with_code
from ocisize.report.words.advice import advice_headline, by_confidence, is_significant, list_advice, saving_bytes
from ocisize.report.words.findings import shown_paths
from ocisize.report.words.secrets import list_secrets
from ocisize.report.words.steps import name_lines_at
from ocisize.report.words.units import human_dollars, human_size
from ocisize.sizes.cost import CostAssumptions, cost_of
from ocisize.text import count_of, plural

_MAX_NEW = 5  # secrets of a finding
_MAX_FINDINGS = 8  # that save bytes and are not folded away


def write_secrets(
    analysis: Analysis,
    *,
    has_plan: bool = True,
    known: Collection[Finding] = (),
    new: Mapping[Finding, Sequence[str]] | None = None,
) -> Markup:
    """The findings about secrets; nothing if there are none.

    ``has_plan``: the page has the plan, to which they link. ``known``: the findings that the image before has, too, which
    follow the new ones. ``new``: the secrets that are new, by the findings that are about known ones, too.
    """
    secrets = sorted(list_secrets(analysis), key=lambda finding: finding in known)
    if not secrets:
        return Markup()
    note = "Anyone who can pull the image can read them. Revoke them, then remove them from the build."
    return element(
        "section",
        element("h2", "Secrets in the image", id="secrets-title", class_="fail"),
        element("p", note),
        element(
            "ol",
            *[_secret(finding, has_plan=has_plan, novelty=_novelty(finding, known, new or {})) for finding in secrets],
            class_="cards",
        ),
        aria_labelledby="secrets-title",
    )


def _novelty(finding: Finding, known: Collection[Finding], new: Mapping[Finding, Sequence[str]]) -> str:
    """Whether the image before has the secrets of a finding: all of them, or some; "" if all are new."""
    if finding in known:
        return "in the image before, too"
    names = new.get(finding, ())
    rest = f" and {len(names) - _MAX_NEW:,} more" if len(names) > _MAX_NEW else ""
    return f"new: {', '.join(names[:_MAX_NEW])}{rest}" if names else ""


def _secret(finding: Finding, *, has_plan: bool, novelty: str) -> Markup:
    layers = f"{plural(len(finding.layers), 'layer')} {', '.join(map(str, finding.layers))}"
    facts = [finding.id, *([layers] if finding.layers else []), *(["in the base image"] if finding.in_base else [])]
    facts += [novelty] if novelty else []
    steps = list_steps(finding.layers, finding.build_steps)
    return element(
        "li",
        element("p", "secret", class_="saving"),
        element(
            "div",
            element("h3", finding.title[:1].upper() + finding.title[1:]),
            element("p", " · ".join(facts), _link(finding) if has_plan else Markup(), class_="note"),
            list_files(shown_paths(finding), finding.path_count),
            element("p", *with_code(finding.fix), class_="fix"),
            element("details", element("summary", "Build steps"), steps) if steps else Markup(),
        ),
        class_=str(finding.severity),
    )


def write_findings(analysis: Analysis, assumptions: CostAssumptions | None) -> Markup:
    """All findings but secrets. Those that save little are folded away; if there is a plan, all are.

    With ``assumptions`` each finding shows what it saves in dollars a year.
    """
    findings = list_advice(analysis)
    title = element("h2", "Findings", id="findings-title")
    if not findings:
        if analysis.advice.findings:
            return Markup()
        where = "" if analysis.complete else " in the layers that were read"
        return element("section", title, element("p", f"Nothing worth fixing was found{where}."))
    parts = [title]
    if analysis.plan.steps:
        listed = _list_findings(analysis, findings, assumptions)
        summary = f"{count_of(len(findings), 'finding')}, with files and build steps"
        parts.append(element("details", element("summary", summary), listed))
    else:
        parts.append(element("p", advice_headline(analysis)))
        if any(finding.size for finding in findings):
            parts.append(element("p", by_confidence(analysis), class_="note"))
        parts.append(_list_largest(analysis, findings, assumptions))
    return element("section", *parts, aria_labelledby="findings-title")


def _list_largest(analysis: Analysis, findings: Sequence[Finding], assumptions: CostAssumptions | None) -> Markup:
    """The significant findings, and all others folded away."""
    significant = [finding for finding in findings if is_significant(finding, analysis)]
    shown = [finding for finding in significant if finding.size][:_MAX_FINDINGS]
    shown += [finding for finding in significant if not finding.size]
    rest = [finding for finding in findings if finding not in shown]
    parts = [_list_findings(analysis, shown, assumptions)] if shown else []
    if rest:
        more = f"{len(rest):,} {'more' if shown else 'small'}, {human_size(saving_bytes(rest))}"
        parts.append(element("details", element("summary", more), _list_findings(analysis, rest, assumptions)))
    return join(parts)


def _list_findings(analysis: Analysis, findings: Sequence[Finding], assumptions: CostAssumptions | None) -> Markup:
    return element("ol", *[_finding(finding, analysis, assumptions) for finding in findings], class_="cards")


def _finding(finding: Finding, analysis: Analysis, assumptions: CostAssumptions | None) -> Markup:
    facts = [f"{finding.severity} severity", str(finding.confidence), finding.id]
    if finding.size:
        facts.append(f"{human_size(finding.size)} unpacked")
    if assumptions is not None and (dollars := cost_of(finding.compressed_size, assumptions).yearly_dollars):
        facts.append(f"{human_dollars(dollars)}/year")
    if finding.in_base:
        facts.append("in the base image")
    return element(
        "li",
        element("p", _saving(finding), class_="saving"),
        element(
            "div",
            element("h3", finding.title[:1].upper() + finding.title[1:]),
            element("p", " · ".join(facts), _link(finding), class_="note"),
            element("p", *with_code(finding.fix), class_="fix"),
            _where(finding, analysis),
        ),
        class_=str(finding.severity),
    )


def _saving(finding: Finding) -> str:
    """The bytes that the fix saves; "remark" if it saves none."""
    return human_size(saving_bytes([finding])) if finding.size else "remark"


def _link(finding: Finding) -> Markup:
    """A link to the step of the plan that fixes a finding, "" if no step does."""
    number = finding.plan_step
    return Markup() if number is None else join([" · ", element("a", f"fix {number}", href=f"#fix-{number}")])


def _where(finding: Finding, analysis: Analysis) -> Markup:
    """The build steps and files of a finding, folded away."""
    lines = [name_lines_at(analysis.layers, layer) for layer in finding.layers]
    steps = list_steps(finding.layers, finding.build_steps, lines)
    files = list_files(shown_paths(finding), finding.path_count)
    if not steps and not files:
        return Markup()
    layers = f"{plural(len(finding.layers), 'Layer')} {', '.join(map(str, finding.layers))}"
    summary = " · ".join([layers] * bool(steps) + [count_of(finding.path_count, "file")] * bool(files))
    return element("details", element("summary", summary), steps, files)


def list_steps(layers: Sequence[int], steps: Sequence[BuildStep], lines: Sequence[str] = ()) -> Markup:
    """A list of layers with their lines, "" where they are not known, and build steps; "" if there are none."""
    items = [
        element("li", f"Layer {layer}{f' · {place}' if place else ''}: ", element("code", step.text or "unknown step"))
        for layer, step, place in zip(layers, steps, lines or [""] * len(steps), strict=True)
    ]
    return element("ul", *items) if items else Markup()


def list_files(paths: Sequence[str], count: int) -> Markup:
    """A list of files, and how many of all ``count`` are not in it; "" if there are none."""
    items = [element("li", element("code", f"/{path}")) for path in paths]
    if paths and count > len(paths):
        items.append(element("li", f"… and {count - len(paths):,} more"))
    return element("ul", *items) if items else Markup()
