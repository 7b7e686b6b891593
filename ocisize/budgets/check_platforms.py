"""Checking of budgets on the images of all platforms of an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocisize.budgets.baseline import Baseline
from ocisize.budgets.check import check, is_for
from ocisize.model.analysis import Analysis
from ocisize.model.budget import Budget, BudgetLevel, BudgetStatus, Verdict
from ocisize.model.outline import Outline
from ocisize.values import evolve


def check_all(
    images: Mapping[str, Analysis | Outline],
    budgets: Sequence[Budget],
    baseline: Baseline | None = None,
    *,
    name: str | None = None,
    rules: Sequence[str] | None = None,
    absent: Sequence[str] = (),
) -> dict[str, tuple[Verdict, ...]]:
    """Verdicts by platform: for each image one on every budget, in the order of the budgets.

    ``images``: analyses or outlines by the platforms of the index.
    ``absent``: platforms of the index whose images are not in the file or could not be read.
    ``baseline``, ``name``, ``rules``: as for ``check``.

    A budget whose ``platform`` fits none of these platforms is UNMATCHED for the first image. Raises what ``check`` raises.

    >>> import ocisize
    >>> budgets = ocisize.parse_budgets('platform = "linux/arm64"\\nmax-layers = 5').budgets
    >>> verdicts = check_all(ocisize.Analyzer().analyze_all("testdata/example.tar").analyses, budgets)
    >>> [(verdict.status.value, verdict.reason) for verdict in verdicts["linux/amd64"]]
    [('unmatched', 'no image for linux/arm64, only for linux/amd64')]
    """
    named = {platform: evolve(image, platform=platform) for platform, image in images.items()}
    verdicts = {platform: list(check(image, budgets, baseline, name=name, rules=rules)) for platform, image in named.items()}
    platforms = [*images, *absent]
    for number, budget in enumerate(budgets):
        if budget.level is not BudgetLevel.OFF and not any(is_for(budget.platform, platform) for platform in platforms):
            reason = f"no image for {budget.platform}, only for {', '.join(platforms)}"
            for first in list(verdicts.values())[:1]:
                first[number] = evolve(first[number], status=BudgetStatus.UNMATCHED, reason=reason)
    return {platform: tuple(judged) for platform, judged in verdicts.items()}
