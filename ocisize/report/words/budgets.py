"""Verdicts in words: one line for each, with figure, limit, place and advice."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction

from ocisize.budgets.check import NO_BASELINE, NO_PACKAGES, NO_TABLES, NOT_IN_BASELINE
from ocisize.budgets.dive_ci import DIVE_RULES, dive_passes
from ocisize.budgets.figures import UNKNOWN_DOWNLOAD
from ocisize.budgets.kinds import Value, kind_of
from ocisize.model.analysis import Analysis
from ocisize.model.budget import BASELINE, Budget, BudgetStatus, Verdict, VerdictPlace
from ocisize.model.quantity import Number, Unit, parse_size
from ocisize.model.unread import NOT_READ
from ocisize.report.words.steps import name_lines_of
from ocisize.report.words.units import human_bandwidth, human_seconds, human_size, percent, shorten_path, shorten_step
from ocisize.text import display_name, printable

_ORDER = (BudgetStatus.FAIL, BudgetStatus.WARN, BudgetStatus.PASS)
_MAX_PLACES = 2  # of a verdict in its line
_MAX_STEP = 40  # characters of the build step of a place
_HELP = {
    UNKNOWN_DOWNLOAD: "analyze the image in its registry, or use max-unpacked",
    NO_TABLES: "analyze the image itself",
    NO_PACKAGES: "analyze the image itself, with its packages",
    NO_BASELINE: "ocisize baseline write IMAGE",
    NOT_IN_BASELINE: "ocisize baseline write IMAGE",
    NOT_READ: "analyze the image with its layers",
}


def by_severity(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts, failing ones first, without those that are skipped."""
    judged = [verdict for verdict in verdicts if verdict.status is not BudgetStatus.SKIPPED]
    return sorted(judged, key=lambda verdict: _ORDER.index(verdict.outcome))


def headline(verdicts: Sequence[Verdict]) -> str:
    """The number of budgets that failed, warned, passed and were skipped: ``Budgets: 1 failed, 2 passed``."""
    skipped = [verdict for verdict in verdicts if verdict.status is BudgetStatus.SKIPPED]
    judged = [verdict.outcome for verdict in verdicts if verdict.status is not BudgetStatus.SKIPPED]
    words = {BudgetStatus.FAIL: "failed", BudgetStatus.WARN: "warned", BudgetStatus.PASS: "passed"}
    counts = [f"{judged.count(outcome)} {words[outcome]}" for outcome in _ORDER if outcome in judged]
    if skipped:
        counts.append(f"{len(skipped)} skipped ({', '.join(sorted({verdict.reason for verdict in skipped}))})")
    return f"Budgets: {', '.join(counts)}"


def describe(verdict: Verdict, analysis: Analysis) -> str:
    """A verdict in one line: name, figure and limit, places, the author's reason, advice.

    >>> import ocisize
    >>> analysis = ocisize.analyze("testdata/example.tar")
    >>> budgets = ocisize.parse_budgets('max-download = "1 MB"\\nreason = "Slow lines."').budgets
    >>> describe(ocisize.check(analysis, budgets)[0], analysis)
    'download 1.59 MB > 1.00 MB, 590 kB over (Slow lines.) → OS101 saves 186 kB'
    """
    budget, text = verdict.budget, summarize(verdict, analysis)
    text += _dive_verdict(verdict, analysis)
    if budget.reason:
        text += f" ({budget.reason})"
    if verdict.outcome is not BudgetStatus.PASS and (help_ := _help(verdict, analysis)):
        text += f" → {help_}"
    return text


def summarize(verdict: Verdict, analysis: Analysis) -> str:
    """A verdict in a few words: name, figure and limit, places.

    >>> import ocisize
    >>> analysis = ocisize.analyze("testdata/example.tar")
    >>> budgets = ocisize.parse_budgets('max-download = "1 MB"').budgets
    >>> summarize(ocisize.check(analysis, budgets)[0], analysis)
    'download 1.59 MB > 1.00 MB, 590 kB over'
    """
    text = f"{_name(verdict.budget)}{_comparison(verdict)}"
    places = _places(verdict, analysis) if verdict.outcome is not BudgetStatus.PASS else ""
    return f"{text}: {'; '.join(filter(None, (places, verdict.reason)))}" if places or verdict.reason else text


def count_violations(verdicts: Sequence[Verdict]) -> str:
    """How many budgets failed or warn, in a few words: ``1 of 3 failed``, ``all 3 kept``; "" if none was judged."""
    outcomes = [verdict.outcome for verdict in verdicts if verdict.status is not BudgetStatus.SKIPPED]
    for outcome, word in ((BudgetStatus.FAIL, "failed"), (BudgetStatus.WARN, "warned")):
        if outcome in outcomes:
            return f"{outcomes.count(outcome)} of {len(outcomes)} {word}"
    return ("kept" if len(outcomes) == 1 else f"all {len(outcomes)} kept") if outcomes else ""


def summarize_outcomes(verdicts: Sequence[Verdict]) -> str:
    """How many budgets failed or warn, with the word budget: ``budgets: 1 of 3 failed``; "" if none was judged."""
    count = count_violations(verdicts)
    return f"budget{'' if count == 'kept' else 's:'} {count}" if count else ""


def title_of(budget: Budget, growth_from: str = BASELINE) -> str:
    """A budget in words that stay the same from build to build: figure, limit and what narrows it."""
    kind = kind_of(budget)
    if kind.value is Value.FINDINGS:
        text = f"no finding {', '.join(budget.findings)}"
    elif kind.value is Value.GLOBS:
        text = f"no {', '.join(glob.text for glob in budget.paths)}"
    else:
        limit = _limit(budget.limit.value, budget.limit.value_unit)
        allowed = f"{growth_from} + {limit}" if budget.limit.growth else limit
        return f"{_name(budget)} {'≥' if budget.limit.is_minimum else '≤'} {allowed}{_platform(budget)}"
    return f"{text}{_narrowing(budget)}{_platform(budget)}"


def _platform(budget: Budget) -> str:
    return f" on {budget.platform}" if budget.platform else ""


def _limit(value: Number, unit: Unit) -> str:
    """A limit in full: two that differ read differently."""
    if unit is Unit.BYTES and parse_size(human_size(int(value))) != value:
        return f"{int(value):,} B"
    return f"{100 * float(value):g} %" if unit is Unit.SHARE else _amount(value, unit)


def line_of(budget: Budget) -> tuple[str, int] | None:
    """File and line where a budget is written; None for one of a flag or of a file outside of the current folder.

    >>> from ocisize.budgets.parse import parse_budgets
    >>> line_of(parse_budgets("max-files = 100", "ocisize.toml").budgets[0])
    ('ocisize.toml', 1)
    """
    match = re.fullmatch(r"([^/].*):([0-9]+)", budget.origin)
    return (match[1], int(match[2])) if match and not match[1].startswith(("--", "../")) else None


def _name(budget: Budget) -> str:
    name = kind_of(budget).name
    if budget.limit.bandwidth:
        name += f" at {human_bandwidth(8 * float(budget.limit.bandwidth))}"
    return name + _narrowing(budget)


def _narrowing(budget: Budget) -> str:
    """The part of the image that a budget measures: `` of LAYER in PATHS without PATHS of package NAMES, visible``."""
    text = f" of {budget.layer}" if budget.layer else ""
    if budget.paths and kind_of(budget).value is not Value.GLOBS:
        text += f" in {', '.join(glob.text for glob in budget.paths)}"
    if budget.ignore:
        text += f" without {', '.join(glob.text for glob in budget.ignore)}"
    if budget.packages:
        text += f" of package {', '.join(budget.packages)}"
    return text + (", visible" if budget.visible_only else "")


def _comparison(verdict: Verdict) -> str:
    budget, measured, limit = verdict.budget, verdict.exact_measured, verdict.exact_limit
    if measured is None or limit is None:
        return " unknown" if verdict.status in (BudgetStatus.UNKNOWN, BudgetStatus.INCOMPLETE) else ""
    if kind_of(budget).value is not Value.LIMIT:
        return f" {measured:,}" if measured else " none"
    unit, excess = budget.unit, Fraction(measured) - limit
    sign = "=" if not excess else "<" if excess < 0 else ">"
    got, allowed = _amount(measured, unit), _amount(limit, unit)
    if got == allowed and excess:
        got, allowed = _exact(measured, unit), _exact(limit, unit)
    text = f" {got} {sign} {allowed}"
    if budget.limit.growth:
        text += f" ({verdict.growth_from} +{_amount(budget.limit.value, budget.limit.value_unit)})"
    if excess <= 0 or unit is Unit.SHARE:
        return text
    return f"{text}, {_amount(excess if unit is Unit.SECONDS else math.ceil(excess), unit)} over"


def _amount(value: Number, unit: Unit) -> str:
    if unit is Unit.BYTES:
        return human_size(int(value))
    if unit is Unit.SHARE:
        return percent(float(value))
    return human_seconds(float(value)) if unit is Unit.SECONDS else f"{int(value):,}"


def _exact(value: Number, unit: Unit) -> str:
    """An amount with enough digits to differ from a limit that is close to it."""
    if unit in (Unit.BYTES, Unit.COUNT):
        digits = f"{value:,}" if value == int(value) else f"{float(value):,.2f}"
        return f"{digits} B" if unit is Unit.BYTES else digits
    return f"{100 * float(value):.9g} %" if unit is Unit.SHARE else f"{float(value):.9g} s"


def _dive_verdict(verdict: Verdict, analysis: Analysis) -> str:
    """The verdict and figure of dive itself, if its verdict is another one; else ""."""
    budget, figures = verdict.budget, analysis.dive
    judged = verdict.status in (BudgetStatus.PASS, BudgetStatus.FAIL)
    if budget.key not in DIVE_RULES or figures is None or not judged:
        return ""
    passes, figure = dive_passes(budget, figures), DIVE_RULES[budget.key].figure(figures)
    if passes is (verdict.status is BudgetStatus.PASS):
        return ""
    got = _amount(Fraction(figure), budget.unit) if math.isfinite(figure) else "no number"
    return f", {'passes' if passes else 'fails'} in dive, which counts {got}"


def _places(verdict: Verdict, analysis: Analysis) -> str:
    shown = [_place(place, verdict, analysis) for place in verdict.where[:_MAX_PLACES]]
    rest = verdict.where_count - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


def places_of(verdict: Verdict, analysis: Analysis) -> list[str]:
    """The places at fault that a verdict has, and how many more there are; [] if ``describe`` names all."""
    if verdict.outcome is BudgetStatus.PASS or verdict.where_count <= _MAX_PLACES:
        return []
    shown = [printable(_place(place, verdict, analysis)) for place in verdict.where]
    rest = verdict.where_count - len(shown)
    return [*shown, f"… and {rest:,} more"] if rest > 0 else shown


def _is_growth(place: VerdictPlace, budget: Budget) -> bool:
    """Whether a place is a layer that made the whole image grow."""
    return bool(budget.limit.growth) and not budget.layer and place.layer is not None and place.path is None


def _place(place: VerdictPlace, verdict: Verdict, analysis: Analysis) -> str:
    parts = [place.finding] if place.finding else []
    if _is_growth(place, verdict.budget) and place.exact_measured is not None:
        parts.append(f"+{_amount(place.exact_measured, verdict.budget.unit)}")
    if place.path is not None:
        parts.append(shorten_path("/" + display_name(place.path), 60))
    if place.layer is not None:
        layer = analysis.layers[place.layer]
        step = "" if place.path or place.finding else shorten_step(layer.build_step.shown, _MAX_STEP)
        about = " ".join(filter(None, (name_lines_of(layer), step)))
        parts.append(f"in layer {place.layer}" + (f" ({about})" if about else ""))
    return " ".join(parts)


def _help(verdict: Verdict, analysis: Analysis) -> str:
    """What to do about a budget that is not kept; "" where the analysis has no advice."""
    budget, kind = verdict.budget, kind_of(verdict.budget)
    if verdict.measured is None:
        return _HELP.get(verdict.reason, "")
    if kind.value is Value.GLOBS:
        return "remove them in the step that adds them; files deleted in a later step are still downloaded"
    if kind.value is Value.FINDINGS:
        return "see the findings for their fixes"
    if budget.paths or budget.layer or budget.packages:
        return ""
    grown = {place.layer for place in verdict.where if _is_growth(place, budget)}
    findings = [finding for finding in analysis.advice.findings if not grown or not grown.isdisjoint(finding.layers)]
    savings = [(size, finding.id) for finding in findings if (size := kind.saving(finding))]
    return next((f"{id_} saves {human_size(size)}" for size, id_ in savings), "")
