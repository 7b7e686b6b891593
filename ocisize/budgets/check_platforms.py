"""Checking of budgets on the images of all platforms of an index."""

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
    """Verdicts by platform: on every budget, in their order, for each image.

    ``analyses``: the images by the platforms of the index.
    ``absent``: platforms of the index whose images are not in the file or could not be read.
    ``baseline``, ``name``, ``rules``: as for ``check``.

    A budget for none of all these platforms is UNMATCHED, once, for the first image.
    """
    named = {platform: attrs.evolve(analysis, platform=platform) for platform, analysis in analyses.items()}
    verdicts = {
        platform: list(check(analysis, budgets, baseline, name=name, rules=rules)) for platform, analysis in named.items()
    }
    platforms = [*analyses, *absent]
    for number, budget in enumerate(budgets):
        if budget.level is not Level.OFF and not any(is_for(budget.platform, platform) for platform in platforms):
            reason = f"no image is for {budget.platform}, only for {', '.join(platforms)}"
            for first in list(verdicts.values())[:1]:
                first[number] = attrs.evolve(first[number], status=BudgetStatus.UNMATCHED, reason=reason)
    return {platform: tuple(judged) for platform, judged in verdicts.items()}
