"""Checking of budgets on a comparison: the budgets of AFTER, with growth measured from BEFORE instead of a baseline."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.budgets.baseline import baseline_entry
from ocisize.budgets.check import NOT_IN_BASELINE, check_from, measure_parts
from ocisize.model.analysis import Analysis
from ocisize.model.budget import Budget, BudgetStatus, Metric, Verdict
from ocisize.model.outline import Outline
from ocisize.values import evolve

BEFORE = "BEFORE"  #: ``Verdict.growth_from``
NO_DOWNLOAD = "the layers of BEFORE are uncompressed, so its download is unknown"
NO_TABLES = "BEFORE was saved without its files"
NO_PACKAGES = "the packages of BEFORE were not read"
NO_IMAGE = "there is no image before"
_DOWNLOADS = (Metric.COMPRESSED_SIZE, Metric.LAYER_COMPRESSED_SIZE)


def check_change(
    before: Analysis | Outline, after: Analysis | Outline, budgets: Sequence[Budget], *, rules: Sequence[str] | None = None
) -> tuple[Verdict, ...]:
    """A verdict on every budget of ``after``, in their order; growth is measured from ``before``.

    ``rules`` are as in ``check``. A budget of growth is UNKNOWN if ``before`` does not have its figure, and SKIPPED if
    ``before`` has no layers, as ``scratch``: the image is new. Raises IncompleteAnalysis if layers of ``before`` could not
    be read, and BudgetError as ``check`` does.

    >>> import ocisize
    >>> old, new = map(ocisize.analyze, ("testdata/golden/01-single-layer.tar", "testdata/golden/10-delete-file.tar"))
    >>> (verdict,) = check_change(old, new, ocisize.parse_budgets('max-unpacked = "+1 kB"').budgets)
    >>> str(verdict.outcome), verdict.measured - verdict.limit
    ('fail', 1000)
    """
    limits_growth = any(budget.limit.growth for budget in budgets)
    parts = measure_parts(evolve(before, platform=after.platform), budgets) if limits_growth else {}
    entry = baseline_entry(before, parts) if limits_growth and before.layers else None
    verdicts = check_from(entry, after, budgets, rules=rules, growth_from=BEFORE)
    return tuple(_explain(verdict, is_new=not before.layers) for verdict in verdicts)


def _explain(verdict: Verdict, *, is_new: bool) -> Verdict:
    """The verdict, with the reason why BEFORE lacks a figure; growth of an image that is new is not limited."""
    if is_new and verdict.budget.limit.growth and verdict.status is BudgetStatus.UNKNOWN:
        return evolve(verdict, status=BudgetStatus.SKIPPED, reason=NO_IMAGE)
    if verdict.reason != NOT_IN_BASELINE:
        return verdict
    if verdict.budget.packages:
        return evolve(verdict, reason=NO_PACKAGES)
    return evolve(verdict, reason=NO_DOWNLOAD if verdict.budget.metric in _DOWNLOADS else NO_TABLES)
