"""dive's rules for CI, from its three flags and its ``.dive-ci`` file.

https://github.com/wagoodman/dive#ci-integration. A flag overrides the file, the file overrides dive's default, and a rule
that neither sets has its default. The figures are those of ocisize, since dive's own let wasteful images pass; see
docs/budgets.md.

``.dive-ci`` is YAML, read by ruamel.yaml. Values are taken as they are written, so that ``0.95`` stays exact and ``off``
stays a word. Unlike dive, which ignores unknown rules, this reader refuses them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from ocisize.errors import BudgetError
from ocisize.model.analysis import DiveFigures
from ocisize.model.budget import Budget, BudgetLevel, Metric
from ocisize.model.quantity import BudgetLimit, Unit, parse_share, parse_size
from ocisize.values import frozen

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

_DISABLED = ("disabled", "off", "false")
_FORM = "expected 'rules:' and below it lines such as 'lowestEfficiency: 0.95'"


@frozen
class DiveRule:
    """One of dive's rules."""

    metric: Metric
    unit: Unit
    default: str
    figure: Callable[[DiveFigures], float]  #: dive's own, which may be NaN or infinite
    is_minimum: bool = False

    def parse(self, text: str) -> BudgetLimit | None:
        """A limit as dive writes it, None if it is not one. NaN, which every figure passes in dive, is not.

        >>> DIVE_RULES["lowestEfficiency"].parse("0.95").value
        Fraction(19, 20)
        >>> DIVE_RULES["highestWastedBytes"].parse("20MB").value
        20000000
        """
        value = parse_size(text) if self.unit is Unit.BYTES else parse_share(text, alone=True)
        if text.lower() in _DISABLED:
            value = 0
        if value is None or (self.unit is Unit.SHARE and (value > 1 or "%" in text)):
            return None
        return BudgetLimit(value, self.unit, is_minimum=self.is_minimum)


#: dive's rules by their names in flags and files
DIVE_RULES: Mapping[str, DiveRule] = {
    "highestUserWastedPercent": DiveRule(Metric.USER_WASTE, Unit.SHARE, "0.1", lambda figures: figures.user_wasted_ratio),
    "highestWastedBytes": DiveRule(Metric.WASTED_SIZE, Unit.BYTES, "disabled", lambda figures: figures.wasted_size),
    "lowestEfficiency": DiveRule(Metric.EFFICIENCY, Unit.SHARE, "0.9", lambda figures: figures.efficiency, is_minimum=True),
}


def dive_budgets(flags: Mapping[str, str], file: Mapping[str, tuple[str, int]], name: str) -> tuple[Budget, ...]:
    """The budgets of all of dive's rules.

    ``flags``: values of rules by name.
    ``file``: values and lines of the rules in the file called ``name``, by ``parse_dive_ci``.

    Raises BudgetError with all problems.

    >>> for budget in dive_budgets({"lowestEfficiency": "0.95"}, {"highestWastedBytes": ("20MB", 2)}, ".dive-ci"):
    ...     print(budget.key, float(budget.limit.value), budget.origin)
    highestUserWastedPercent 0.1 dive's default
    highestWastedBytes 20000000.0 .dive-ci:2
    lowestEfficiency 0.95 --lowestEfficiency
    """
    budgets, problems = [], []
    for key, rule in DIVE_RULES.items():
        if key in flags:
            value, origin = flags[key], f"--{key}"
        elif key in file:
            value, origin = file[key][0], f"{name}:{file[key][1]}"
        else:
            value, origin = rule.default, "dive's default"
        limit = rule.parse(value)
        if limit is None:
            expected = "a size such as 20MB" if rule.unit is Unit.BYTES else "a number from 0 to 1 such as 0.95"
            problems.append(f"{origin}: {key}: got {value!r}, expected {expected} or 'disabled'")
            continue
        level = BudgetLevel.OFF if value.lower() in _DISABLED else BudgetLevel.FAIL
        budgets.append(Budget(key=key, metric=rule.metric, limit=limit, level=level, origin=origin))
    if problems:
        raise BudgetError("; ".join(problems), problems=problems)
    return tuple(budgets)


def dive_passes(budget: Budget, figures: DiveFigures) -> bool:
    """True if dive itself passes an image by one of its rules; a figure that is NaN passes."""
    figure, limit = DIVE_RULES[budget.key].figure(figures), float(budget.limit.value)
    return not (figure < limit if budget.limit.is_minimum else figure > limit)


def parse_dive_ci(text: str, name: str) -> dict[str, tuple[str, int]]:
    """The values and lines of the rules that a ``.dive-ci`` file sets, by the names of DIVE_RULES.

    ``name`` is the file's name in errors. Raises BudgetError with all problems, each with its line.

    >>> parse_dive_ci("rules:\\n  lowestEfficiency: 0.95\\n  highest-wasted-bytes: 'off'\\n", ".dive-ci")
    {'lowestEfficiency': ('0.95', 2), 'highestWastedBytes': ('off', 3)}
    """
    root = _compose(text.removeprefix("\ufeff"), name)
    rules: dict[str, tuple[str, int]] = {}
    problems: list[str] = []
    for section, content in _pairs(root, name, problems):
        if section.value.lower() != "rules":
            problems.append(f"{name}:{_line(section)}: {section.value}: unknown, {_FORM}")
            continue
        for key, value in _pairs(content, name, problems):
            rule = next((rule for rule in DIVE_RULES if rule.lower() == key.value.lower().replace("-", "")), None)
            if rule is None:
                problem = f"not a rule of dive, expected one of {', '.join(DIVE_RULES)}"
            elif rule in rules:
                problem = "is set twice"
            elif not isinstance(value.value, str):
                problem = f"got {_type_name(value)}, expected a value such as 0.95"
            else:
                rules[rule] = (value.value, _line(key))
                continue
            problems.append(f"{name}:{_line(key)}: {key.value}: {problem}")
    if problems:
        raise BudgetError("; ".join(problems), problems=problems)
    return rules


def _compose(text: str, name: str) -> Node | None:
    """The nodes of a YAML document, which keep the text of values and their lines; None if it is empty."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an anchor may be used again
            root: Node | None = YAML(pure=True).compose(text)
    except (
        YAMLError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:  # escapes can be out of range, collections too deep
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        place = f"{name}:{mark.line + 1}" if mark else name
        problem = error.problem if isinstance(error, MarkedYAMLError) else str(error).partition("\n")[0]
        text = f"{place}: is not YAML: {problem}"
        raise BudgetError(text, problems=[text]) from None
    return root


def _pairs(node: Node | None, name: str, problems: list[str]) -> Iterator[tuple[Node, Node]]:
    """The keys, which are text, and values of a mapping; nothing of an empty value, and a problem of anything else."""
    if node is None or node.value in ("", "~", "null"):
        return
    from ruamel.yaml.nodes import MappingNode

    if not isinstance(node, MappingNode):
        problems.append(f"{name}:{_line(node)}: got {_type_name(node)}, {_FORM}")
        return
    for key, value in node.value:
        if isinstance(key.value, str):
            yield key, value
        else:
            problems.append(f"{name}:{_line(key)}: got {_type_name(key)} as a key, {_FORM}")


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _type_name(node: Node) -> str:
    from ruamel.yaml.nodes import MappingNode

    if isinstance(node.value, str):
        return repr(node.value)
    return "a mapping" if isinstance(node, MappingNode) else "a sequence"
