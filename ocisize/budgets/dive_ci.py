"""The rules of dive's CI mode, as its ``.dive-ci`` and its three flags set them.

https://github.com/wagoodman/dive#ci-integration. A flag wins over the file, and the file over the default; a rule that
neither names has its default. The figures are ours, since dive's own pass images that waste; see docs/budgets.md.

``.dive-ci`` is YAML, of which the form that such files have is read: ``rules:``, a rule to a line below it, comments.
Anything else is an error and no guess. The words stay text, which a YAML reader makes numbers and booleans of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ocisize.errors import BudgetError
from ocisize.model.budget import Budget, Level, Metric
from ocisize.model.dive import DiveFigures
from ocisize.model.quantity import Limit, Unit, parse_share, parse_size

LOWEST_EFFICIENCY = "lowestEfficiency"
HIGHEST_WASTED_BYTES = "highestWastedBytes"
HIGHEST_USER_WASTED_PERCENT = "highestUserWastedPercent"

#: rule → what it limits, and dive's default
RULES: Mapping[str, tuple[Metric, str]] = {
    HIGHEST_USER_WASTED_PERCENT: (Metric.USER_WASTE, "0.1"),
    HIGHEST_WASTED_BYTES: (Metric.WASTE, "disabled"),
    LOWEST_EFFICIENCY: (Metric.EFFICIENCY, "0.9"),
}
_DISABLED = ("disabled", "off", "false")
_LINE = re.compile(
    r"""(?P<indent>[ ]*)(?P<quote>["']?)(?P<key>[\w-]+)(?P=quote)\s*:(?=\s|$)\s*
    (?:"(?P<double>[^"\\]*)"|'(?P<single>[^']*)'|(?P<plain>[^\s"'#&*!|>{}\[\]%@`,][^#]*?)?)\s*(?:(?<=\s)\#.*)?""",
    re.VERBOSE,
)
_FORM = "expected 'rules:' and below it lines such as 'lowestEfficiency: 0.95'"


def dive_budgets(flags: Mapping[str, str], file: Mapping[str, tuple[str, int]], name: str) -> tuple[Budget, ...]:
    """Budgets by dive's rules, all three of them: flags win over what a file says, and that over the defaults.

    ``file`` is what ``parse_dive_ci`` gives for the file called ``name``. Raises BudgetError with all that is wrong.
    """
    budgets, problems = [], []
    for rule, (metric, default) in RULES.items():
        if rule in flags:
            value, origin = flags[rule], f"--{rule}"
        elif rule in file:
            value, origin = file[rule][0], f"{name}:{file[rule][1]}"
        else:
            value, origin = default, "dive's default"
        limit = parse_dive_value(metric, value)
        if limit is None:
            expected = "a size such as 20MB" if metric is Metric.WASTE else "a number from 0 to 1 such as 0.95"
            problems.append(f"{origin}: {rule}: got {value!r}, expected {expected} or 'disabled'")
            continue
        off = value.lower() in _DISABLED
        budgets.append(Budget(key=rule, metric=metric, limit=limit, level=Level.OFF if off else Level.FAIL, origin=origin))
    if problems:
        raise BudgetError("; ".join(problems), problems=problems)
    return tuple(budgets)


def parse_dive_value(metric: Metric, text: str) -> Limit | None:
    """A limit as dive writes it; None when it is none. NaN is none, though dive takes it and passes everything."""
    unit = Unit.BYTES if metric is Metric.WASTE else Unit.SHARE
    if text.lower() in _DISABLED:
        return Limit(0, unit)
    if unit is Unit.BYTES:
        size = parse_size(text)
        return None if size is None else Limit(size, unit)
    share = parse_share(text, alone=True)
    return None if share is None or share > 1 or "%" in text else Limit(share, unit)


def dive_figure(budget: Budget, figures: DiveFigures) -> float:
    """What dive itself measures for one of its rules; may be NaN or infinite."""
    if budget.metric is Metric.WASTE:
        return figures.wasted_size
    return figures.efficiency if budget.metric is Metric.EFFICIENCY else figures.user_wasted_ratio


def dive_passes(budget: Budget, figures: DiveFigures) -> bool:
    """Whether dive itself lets an image pass one of its rules; a figure that is NaN passes."""
    figure, limit = dive_figure(budget, figures), float(budget.limit.value)
    return not (figure < limit if budget.is_minimum else figure > limit)


def parse_dive_ci(text: str, name: str) -> dict[str, tuple[str, int]]:
    """The rules that a ``.dive-ci`` sets: value and line of each. Raises BudgetError for what is none of them."""
    found: dict[str, tuple[str, int]] = {}
    problems: list[str] = []
    inside = False
    indents = set[int]()
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#") or (line.rstrip() in ("---", "...") and not found):
            continue
        match = _LINE.fullmatch(line.rstrip())
        if match is None:
            problems.append(f"{name}:{number}: got {line.strip()!r}, {_FORM}")
            continue
        value = next((match[kind] for kind in ("double", "single", "plain") if match[kind] is not None), "")
        if not match["indent"]:
            inside = match["key"].lower() == "rules" and not value
            if not inside:
                problems.append(f"{name}:{number}: {match['key']}: unknown, {_FORM}")
            continue
        indents.add(len(match["indent"]))
        rule = next((rule for rule in RULES if rule.lower() == match["key"].lower().replace("-", "")), None)
        if rule is None or rule in found or not inside or len(indents) > 1:
            problems.append(f"{name}:{number}: {match['key']}: {_wrong(rule, twice=rule in found)}")
            continue
        found[rule] = (value, number)
    if problems:
        raise BudgetError("; ".join(problems), problems=problems)
    return found


def _wrong(rule: str | None, *, twice: bool) -> str:
    if rule is None:
        return f"no rule of dive, expected one of {', '.join(RULES)}"
    return "stands twice" if twice else f"stands elsewhere than the other rules, {_FORM}"
