"""check_all: verdicts on the images of all platforms of an index; a budget for a platform that none of them has is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ocisize.budgets.baseline import Baseline
from ocisize.budgets.check import check, is_for
from ocisize.model.analysis import Analysis
from ocisize.model.budget import Budget, BudgetStatus, Level, Verdict


def check_all(
    analyses: Mapping[str, Analysis],
    budgets: Sequence[Budget],
    baseline: Baseline | None = None,
    *,
    name: str | None = None,
    rules: Sequence[str] | None = None,
    absent: Sequence[str] = (),
) -> dict[str, tuple[Verdict, ...]]:
    """A verdict on every budget for each image, in their order, by what the index calls its platform.

    A budget whose platform is none of theirs, and none of those ``absent`` from the file or unread, is UNMATCHED for the
    first image. ``name`` and ``rules`` are as ``check`` has them.
    """
    named = {each: attrs.evolve(analysis, platform=each) for each, analysis in analyses.items()}
    found = {each: check(analysis, budgets, baseline, name=name, rules=rules) for each, analysis in named.items()}
    platforms = [*analyses, *absent]
    for number, budget in enumerate(budgets):
        if budget.level is not Level.OFF and not any(is_for(budget.platform, each) for each in platforms):
            first = next(iter(found), None)
            if first is not None:
                verdicts = list(found[first])
                reason = f"no image is for {budget.platform}, only for {', '.join(platforms)}"
                verdicts[number] = attrs.evolve(verdicts[number], status=BudgetStatus.UNMATCHED, reason=reason)
                found[first] = tuple(verdicts)
    return found
