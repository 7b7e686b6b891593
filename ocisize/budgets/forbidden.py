"""judge_paths, judge_findings: verdicts on what an image must not have."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.budgets.scope import BudgetScope
from ocisize.findings.explanations import packaged_ids
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.budget import Budget, BudgetStatus, Place, Verdict
from ocisize.model.findings import Finding, Severity, is_packaged_id
from ocisize.text import decode_name

MAX_PLACES = 10  #: of a verdict that are told; all are counted
_SEVERITIES = [str(severity) for severity in Severity]


def judge_paths(budget: Budget, surroundings: BudgetScope, layers: Sequence[LayerAnalysis]) -> Verdict:
    """Whether forbidden paths stand in the image, in the order of its layers."""
    found = {layer.index: surroundings.rows(layer.index, budget) for layer in layers}
    first = [(layer, row) for layer, rows in found.items() for row in rows[:MAX_PLACES]][:MAX_PLACES]
    tables = surroundings.tables
    places = [
        Place(layer=layer, path=decode_name(tables[layer].paths[row]), measured=tables[layer].sizes[row])
        for layer, row in first
    ]
    return _count(budget, places, sum(map(len, found.values())))


def judge_findings(budget: Budget, surroundings: BudgetScope, layers: Sequence[LayerAnalysis]) -> Verdict:
    """Whether there are forbidden findings, on the layers that the budget is about.

    An id that no finding can have is told: the verdict is UNMATCHED where there is nothing else.
    """
    indexes = {layer.index for layer in layers}
    found = [
        finding
        for finding in surroundings.analysis.advice.findings
        if is_forbidden(finding, budget.findings) and (not budget.layer or not indexes.isdisjoint(finding.layers))
    ]
    unheard_of = [each for each in budget.findings if not _can_be(each, surroundings.rules)]
    reason = f"there is no finding {', '.join(unheard_of)}" if unheard_of else ""
    if reason and not found:
        return Verdict(budget=budget, status=BudgetStatus.UNMATCHED, reason=reason)
    places = [Place(layer=each.layers[0] if each.layers else None, finding=each.id) for each in found[:MAX_PLACES]]
    return _count(budget, places, len(found), reason)


def is_forbidden(finding: Finding, forbidden: Sequence[str]) -> bool:
    """Whether ids name a finding, or severities that it reaches."""
    reached = _SEVERITIES[_SEVERITIES.index(str(finding.severity)) :]
    return finding.id in forbidden or any(severity in forbidden for severity in reached)


def _can_be(finding: str, rules: Sequence[str] | None) -> bool:
    """Whether there can be findings of an id or severity; of users' rules that are not known there can be any."""
    if finding in _SEVERITIES:
        return True
    return finding in packaged_ids() if is_packaged_id(finding) else rules is None or finding in rules


def _count(budget: Budget, places: Sequence[Place], count: int, reason: str = "") -> Verdict:
    broken = count > budget.limit.value
    return Verdict(
        budget=budget,
        status=budget.violation_status if broken else BudgetStatus.PASS,
        measured=count,
        limit=budget.limit.value,
        where=tuple(places) if broken else (),
        where_count=count if broken else 0,
        reason=reason,
    )
