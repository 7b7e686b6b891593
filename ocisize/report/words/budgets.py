"""Verdicts for people and for programs: one line each, failing ones first, with got, limit and what to do."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction

from ocisize.budgets.check import NO_BASELINE, NO_TABLES, NOT_IN_BASELINE, UNKNOWN_DOWNLOAD
from ocisize.budgets.dive_ci import RULES, dive_figure, dive_passes
from ocisize.model.analysis import Analysis
from ocisize.model.budget import Budget, BudgetStatus, Metric, Place, Verdict
from ocisize.model.findings import Category, Finding
from ocisize.model.quantity import Number, Unit, parse_size
from ocisize.report.words.units import human_bandwidth, human_seconds, human_size, percent, shorten_path
from ocisize.text import display_name, printable

_ORDER = (BudgetStatus.FAIL, BudgetStatus.WARN, BudgetStatus.PASS)
_NAMES = {
    Metric.UNPACKED: "unpacked",
    Metric.USER_WASTE: "waste of the upper layers",
    Metric.LAYER_DOWNLOAD: "largest layer on the wire",
    Metric.LAYER_UNPACKED: "largest layer unpacked",
    Metric.FILE_SIZE: "largest file",
    Metric.PATHS: "forbidden paths",
    Metric.FINDINGS: "forbidden findings",
}
_MAX_PLACES = 2  #: of a verdict in its line
_OF_DOWNLOAD = (Metric.DOWNLOAD, Metric.PULL)
_OF_WASTE = (Metric.WASTE, Metric.USER_WASTE, Metric.EFFICIENCY)
_TO_DO = {
    UNKNOWN_DOWNLOAD: "analyse the image in its registry, or limit what is unpacked",
    NO_TABLES: "analyse the image itself",
    NO_BASELINE: "ocisize baseline write IMAGE",
    NOT_IN_BASELINE: "ocisize baseline write IMAGE",
}


def by_severity(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts, failing ones first, without those that are skipped."""
    judged = [verdict for verdict in verdicts if verdict.status is not BudgetStatus.SKIPPED]
    return sorted(judged, key=lambda verdict: _ORDER.index(verdict.outcome))


def headline(verdicts: Sequence[Verdict]) -> str:
    """How many budgets failed, warned, passed and were skipped."""
    skipped = [verdict for verdict in verdicts if verdict.status is BudgetStatus.SKIPPED]
    judged = [verdict.outcome for verdict in verdicts if verdict.status is not BudgetStatus.SKIPPED]
    words = {BudgetStatus.FAIL: "failed", BudgetStatus.WARN: "warned", BudgetStatus.PASS: "passed"}
    counts = [f"{judged.count(outcome)} {words[outcome]}" for outcome in _ORDER if outcome in judged]
    if skipped:
        counts.append(f"{len(skipped)} skipped ({', '.join(sorted({verdict.reason for verdict in skipped}))})")
    return f"Budgets: {', '.join(counts)}"


def describe(verdict: Verdict, analysis: Analysis) -> str:
    """A verdict in one line: what was measured, got and limit, where, its author's reason, what to do."""
    budget = verdict.budget
    text = f"{_name(budget)}{_comparison(verdict)}"
    places = _where(verdict, analysis) if verdict.outcome is not BudgetStatus.PASS else ""
    if places or verdict.reason:
        text += f": {'; '.join(filter(None, (places, verdict.reason)))}"
    text += _dive_says(verdict, analysis)
    if budget.reason:
        text += f" ({budget.reason})"
    if verdict.outcome is not BudgetStatus.PASS and (to_do := _to_do(verdict, analysis)):
        text += f" → {to_do}"
    return text


def title_of(budget: Budget) -> str:
    """A budget in words that stay from build to build: what it limits, to what, and what narrows it."""
    if budget.metric is Metric.FINDINGS:
        text = f"no finding {', '.join(budget.findings)}"
    elif budget.metric is Metric.PATHS:
        text = f"no {', '.join(glob.text for glob in budget.paths)}"
    else:
        limit = _limit(budget.limit.value, budget.limit.unit)
        kept = f"baseline + {limit}" if budget.limit.growth else limit
        return f"{_name(budget)} {'≥' if budget.is_minimum else '≤'} {kept}{_on(budget)}"
    return f"{text}{_of(budget)}{_on(budget)}"


def _on(budget: Budget) -> str:
    return f" on {budget.platform}" if budget.platform else ""


def _limit(value: Number, unit: Unit) -> str:
    """A limit in full: two that differ read differently."""
    if unit is Unit.BYTES and parse_size(human_size(int(value))) != value:
        return f"{int(value):,} B"
    return f"{100 * float(value):g} %" if unit is Unit.SHARE else _amount(value, unit)


def place_of(budget: Budget) -> tuple[str, int] | None:
    """File and line where a budget was written; None for one that was no line of a file in the current folder."""
    match = re.fullmatch(r"([^/].*):([0-9]+)", budget.origin)
    return (match[1], int(match[2])) if match and not match[1].startswith(("--", "../")) else None


def _name(budget: Budget) -> str:
    name = _NAMES.get(budget.metric, budget.metric.value)
    if budget.limit.bandwidth:
        name += f" at {human_bandwidth(8 * float(budget.limit.bandwidth))}"
    return name + _of(budget)


def _of(budget: Budget) -> str:
    """What narrows a budget within the image."""
    text = f" of {budget.layer}" if budget.layer else ""
    if budget.paths and budget.metric is not Metric.PATHS:
        text += f" in {', '.join(glob.text for glob in budget.paths)}"
    if budget.ignore:
        text += f" without {', '.join(glob.text for glob in budget.ignore)}"
    return text + (", visible" if budget.visible_only else "")


def _comparison(verdict: Verdict) -> str:
    budget, measured, limit = verdict.budget, verdict.measured, verdict.limit
    if measured is None or limit is None:
        return " unknown" if verdict.status in (BudgetStatus.UNKNOWN, BudgetStatus.INCOMPLETE) else ""
    if budget.metric in (Metric.PATHS, Metric.FINDINGS):
        return f" {measured:,}" if measured else " none"
    unit, off = budget.unit, Fraction(measured) - limit
    sign = "=" if not off else "<" if off < 0 else ">"
    got, allowed = _amount(measured, unit), _amount(limit, unit)
    if got == allowed and off:
        got, allowed = _exact(measured, unit), _exact(limit, unit)
    text = f" {got} {sign} {allowed}"
    if budget.limit.growth:
        text += f" (baseline +{_amount(budget.limit.value, budget.limit.unit)})"
    if off <= 0 or unit is Unit.SHARE:
        return text
    return f"{text}, {_amount(off if unit is Unit.SECONDS else math.ceil(off), unit)} over"


def _amount(value: Number, unit: Unit) -> str:
    if unit is Unit.BYTES:
        return human_size(int(value))
    if unit is Unit.SHARE:
        return percent(float(value))
    return human_seconds(float(value)) if unit is Unit.SECONDS else f"{int(value):,}"


def _exact(value: Number, unit: Unit) -> str:
    """Digits enough to tell a figure from a limit that it nearly meets."""
    if unit in (Unit.BYTES, Unit.COUNT):
        digits = f"{value:,}" if value == int(value) else f"{float(value):,.2f}"
        return f"{digits} B" if unit is Unit.BYTES else digits
    return f"{100 * float(value):.9g} %" if unit is Unit.SHARE else f"{float(value):.9g} s"


def _dive_says(verdict: Verdict, analysis: Analysis) -> str:
    """What dive's own figure is where it would decide otherwise."""
    budget, figures = verdict.budget, analysis.dive
    judged = verdict.status in (BudgetStatus.PASS, BudgetStatus.FAIL)
    if budget.key not in RULES or figures is None or not judged:
        return ""
    passes, figure = dive_passes(budget, figures), dive_figure(budget, figures)
    if passes is (verdict.status is BudgetStatus.PASS):
        return ""
    got = _amount(Fraction(figure), budget.unit) if math.isfinite(figure) else "no number"
    return f", {'passes' if passes else 'fails'} in dive, which counts {got}"


def _where(verdict: Verdict, analysis: Analysis) -> str:
    shown = [_place(place, analysis) for place in verdict.where[:_MAX_PLACES]]
    rest = verdict.where_count - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


def places_of(verdict: Verdict, analysis: Analysis) -> list[str]:
    """The places at fault, as many as a verdict knows, and how many more there are; none where its line has all."""
    if verdict.outcome is BudgetStatus.PASS or verdict.where_count <= _MAX_PLACES:
        return []
    shown = [printable(_place(place, analysis)) for place in verdict.where]
    rest = verdict.where_count - len(shown)
    return [*shown, f"… and {rest:,} more"] if rest > 0 else shown


def _place(place: Place, analysis: Analysis) -> str:
    parts = [place.finding] if place.finding else []
    if place.path is not None:
        parts.append(shorten_path("/" + display_name(place.path), 60))
    if place.layer is not None:
        step = "" if place.path or place.finding else analysis.layers[place.layer].build_step.text[:40]
        parts.append(f"in layer {place.layer}" + (f" ({step})" if step else ""))
    return " ".join(parts)


def _to_do(verdict: Verdict, analysis: Analysis) -> str:
    """What helps, as far as the analysis knows."""
    metric = verdict.budget.metric
    if verdict.measured is None:
        return _TO_DO.get(verdict.reason, "")
    if metric is Metric.PATHS:
        return "keep them out of the step that brings them: what a later one deletes stays downloadable"
    if metric is Metric.FINDINGS:
        return "the advice says how to mend them"
    if verdict.budget.paths or verdict.budget.layer:
        return ""
    return _advice(analysis.advice.findings, metric)


def _advice(findings: Sequence[Finding], metric: Metric) -> str:
    """The finding that brings a figure down the most."""
    if metric in _OF_WASTE:
        findings = [finding for finding in findings if finding.category is Category.WASTE]
    elif metric not in (*_OF_DOWNLOAD, Metric.UNPACKED):
        return ""
    if not findings:
        return ""
    wire = findings[0].compressed_size if metric in _OF_DOWNLOAD else None
    return f"{findings[0].id} saves {human_size(findings[0].size if wire is None else wire)}"
