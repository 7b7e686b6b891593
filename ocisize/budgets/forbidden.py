"""What the budgets of findings make of one finding."""

from __future__ import annotations

from collections.abc import Iterable

from ocisize.budgets.figures import is_forbidden
from ocisize.budgets.scope import BudgetScope
from ocisize.model.analysis import Analysis
from ocisize.model.budget import BudgetStatus, Verdict
from ocisize.model.findings import Finding


def outcome_of(finding: Finding, analysis: Analysis, verdicts: Iterable[Verdict]) -> BudgetStatus:
    """FAIL if a budget fails because of a finding of the image, WARN if one warns because of it, else PASS.

    >>> import ocisize
    >>> analysis = ocisize.analyze("testdata/example.tar")
    >>> verdicts = ocisize.check(analysis, ocisize.parse_budgets('forbid-findings = "OS101"').budgets)
    >>> [str(outcome_of(finding, analysis, verdicts)) for finding in analysis.advice.findings[:2]]
    ['fail', 'pass']
    """
    outcomes = {verdict.outcome for verdict in verdicts if _forbids(verdict, finding, analysis)}
    return next((status for status in (BudgetStatus.FAIL, BudgetStatus.WARN) if status in outcomes), BudgetStatus.PASS)


def _forbids(verdict: Verdict, finding: Finding, analysis: Analysis) -> bool:
    budget = verdict.budget
    if not budget.findings or not verdict.measured or not is_forbidden(finding, budget.findings):
        return False
    return not budget.layer or any(layer.index in finding.layers for layer in BudgetScope(analysis).layers_of(budget))
