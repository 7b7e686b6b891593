"""Verdicts on budgets as JSON."""

from __future__ import annotations

from typing import Any

from ocisize.model.budget import Verdict
from ocisize.model.quantity import plain_number
from ocisize.text import display_name


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """A verdict for JSON. Sizes are bytes, shares 0..1, times seconds; null for an unknown figure."""
    budget = verdict.budget
    return {
        "key": budget.key,
        "metric": budget.metric.value,
        "status": verdict.status.value,
        "outcome": verdict.outcome.value,
        "level": budget.level.value,
        "measured": verdict.measured,
        "limit": verdict.limit,
        "unit": budget.unit.value,
        "growth": plain_number(budget.limit.value) if budget.limit.growth else None,
        "where": [
            {
                "layer": place.layer,
                "path": None if place.path is None else display_name(place.path),
                "finding": place.finding,
                "measured": place.measured,
            }
            for place in verdict.where
        ],
        "where_count": verdict.where_count,
        "why": verdict.reason,
        "platform": budget.platform,
        "layer": budget.layer,
        "paths": [glob.text for glob in budget.paths],
        "ignore": [glob.text for glob in budget.ignore],
        "visible_only": budget.visible_only,
        "packages": list(budget.packages),
        "findings": list(budget.findings),
        "reason": budget.reason,
        "origin": budget.origin,
    }
