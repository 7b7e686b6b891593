"""The gate's truth table: every rule that there is, in every state, with its verdict and the exit status.

The table is whole or its first test fails. ``equal`` is met exactly, ``fail`` misses it by the least step that there is, so
that no row can hold for another reason than its own.
"""

from __future__ import annotations

from fractions import Fraction

import attrs
import pytest

from ocisize import Verdict, check, parse_budgets
from ocisize.budgets.baseline import Baseline, Entry, entry_of
from ocisize.budgets.check import measure_parts
from ocisize.budgets.load import FORBID, FORBID_FINDINGS
from ocisize.budgets.kinds import LIMIT_KEYS
from ocisize.budgets.dive_ci import DIVE_RULES, dive_budgets, parse_dive_ci
from ocisize.model.budget import Budget, Metric, BudgetStatus
from ocisize.cli.budget_options import status_of
from ocisize.errors import BudgetError
from tests.gates import image

STATES = ("pass", "equal", "fail", "disabled", "misconfigured")
EXPECTED = {
    "pass": (BudgetStatus.PASS, 0),
    "equal": (BudgetStatus.PASS, 0),
    "fail": (BudgetStatus.FAIL, 1),
    "disabled": (BudgetStatus.SKIPPED, 0),
}
NO_GROWTH = {"min-efficiency", "max-pull"}
#: rules with figures: the figure, then limits that are kept, met, missed by the least, and no limits
FIGURES: dict[str, tuple[int | Fraction, str, str, str, str]] = {
    "max-download": (10100, '"10101 B"', '"10.1 kB"', '"10099 B"', '"10 XB"'),
    "max-unpacked": (20000, "20001", '"20 kB"', "19999", '"20 kB and more"'),
    "max-live": (15000, "15001", "15000", '"14,999"', "1.5"),
    "max-waste": (Fraction(1, 4), '"25.0000001 %"', '"25 %"', '"24.9999999 %"', '"25 percent"'),
    "min-efficiency": (Fraction(3, 4), "0.7499999", "0.75", "0.7500001", "75"),
    "max-files": (6, "7", "6", "5", '"6 files"'),
    "max-layers": (4, "5", "4", "3", "-4"),
    "max-layer-download": (5000, "5001", '"5 kB"', "4999", "true"),
    "max-layer-unpacked": (10000, "10001", '"10 kB"', "9999", "{}"),
    "max-file-size": (9000, "9001", '"9 kB"', "8999", '"9 KBit"'),
    "max-pull": (Fraction(10100, 1000), '"10.1000001 s at 1 kB/s"', '"10.1 s at 1 kB/s"', '"10.0999999 s at 1 kB/s"', '"10 s"'),
}  # fmt: skip
#: dive's rules: the same, as .dive-ci has them
DIVE: dict[str, tuple[int | Fraction, str, str, str, str]] = {
    "lowestEfficiency": (Fraction(3, 4), "0.7499999", "0.75", "0.7500001", "75"),
    "highestWastedBytes": (5000, "5001", "5kB", "4999", "5 apples"),
    "highestUserWastedPercent": (Fraction(2, 5), "0.4000001", "0.4", "0.3999999", "40%"),
}
#: parts of the image; growth is measured of them, too
SCOPES = {
    "": "",
    "layer": 'layer = "RUN apt-get*"\n',
    "path": 'path = "/app"\n',
    "ignore": 'ignore = "/etc"\n',
    "visible": "visible-only = true\n",
}


def table() -> dict[tuple[str, str], str]:
    """The rules that a file of budgets sets up, by what they are called and their state."""
    cases: dict[tuple[str, str], str] = {}
    for key, (_, *values) in FIGURES.items():
        for state, value in zip(("pass", "equal", "fail", "misconfigured"), values, strict=True):
            cases[key, state] = f"{key} = {value}"
        cases[key, "disabled"] = f"{key} = false"
    for rule, broken, kept in ((FORBID, '"/app/tmp"', '"*.pem"'), (FORBID_FINDINGS, '"OS101"', '"OS102"')):
        cases[rule, "fail"], cases[rule, "pass"] = f"{rule} = {broken}", f"{rule} = {kept}"
        cases[rule, "equal"] = f"{rule} = {kept}"  # none of them is as many as are allowed
        cases[rule, "disabled"] = f"{rule} = false"
        cases[rule, "misconfigured"] = f"{rule} = 3"
    for key in sorted(set(FIGURES) - NO_GROWTH):
        cases[f"+{key}", "pass"], cases[f"+{key}", "equal"] = f'{key} = "+2"', f'{key} = "+1"'
        cases[f"+{key}", "fail"], cases[f"+{key}", "misconfigured"] = f'{key} = "+0"', f'{key} = "+1 apple"'
        cases[f"+{key}", "disabled"] = f'{key} = "off"'
    return cases


CASES = table()


def test_the_table_is_whole() -> None:
    """Every limit, what is forbidden, growth of all that can grow, and dive's rules stand in it, in every state."""
    growing = {f"+{key}" for key in LIMIT_KEYS if key not in NO_GROWTH}
    assert set(CASES) == {(rule, state) for rule in {*LIMIT_KEYS, FORBID, FORBID_FINDINGS} | growing for state in STATES}
    assert set(DIVE) == set(DIVE_RULES)
    assert {budget.metric for text in CASES.values() for budget in read(text)} | {Metric.USER_WASTE} == set(Metric)


def read(text: str) -> tuple[Budget, ...]:
    try:
        return parse_budgets(text).budgets
    except BudgetError:
        return ()


def one_less(entry: Entry) -> Entry:
    """A baseline in which every figure is one less than it is."""
    layers = tuple(
        attrs.evolve(each, compressed_size=(each.compressed_size or 1) - 1, content_size=max(each.content_size - 1, 0))
        for each in entry.layers
    )
    totals = attrs.evolve(entry.totals, **{name: size - 1 for name, size in attrs.asdict(entry.totals).items()})
    return attrs.evolve(entry, totals=totals, layers=layers, parts={name: size - 1 for name, size in entry.parts.items()})


def judge(text: str) -> Verdict:
    budgets = parse_budgets(text).budgets
    baseline = Baseline().with_entry("acme/app", "linux/amd64", one_less(entry_of(image(), measure_parts(image(), budgets))))
    (found,) = check(image(), budgets, baseline)
    return found


@pytest.mark.parametrize(("rule", "state"), CASES)
def test_rules_of_a_file(rule: str, state: str) -> None:
    """Each has the verdict and the status of its state; what is misconfigured has no verdict."""
    if state == "misconfigured":
        with pytest.raises(BudgetError, match=rf"ocisize\.toml:1: {rule.lstrip('+')}: "):
            judge(CASES[rule, state])
        return
    found = judge(CASES[rule, state])
    assert (found.status, status_of([found])) == EXPECTED[state]
    if state == "equal":
        assert found.limit is not None and found.measured == found.limit
    if state != "disabled" and rule in FIGURES:
        assert found.measured == FIGURES[rule][0]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("rule", DIVE)
@pytest.mark.parametrize("source", ["file", "flag"])
def test_dives_rules(rule: str, state: str, source: str) -> None:
    """The same for the rules of a .dive-ci and of dive's flags."""
    _, *values = DIVE[rule]
    value = dict(zip(("pass", "equal", "fail", "misconfigured"), values, strict=True)).get(state, "disabled")
    others = dict.fromkeys(set(DIVE_RULES) - {rule}, "disabled")

    def judged() -> Verdict:
        file = parse_dive_ci(f"rules:\n  {rule}: {value}\n", ".dive-ci") if source == "file" else {}
        budgets = dive_budgets(others | ({rule: value} if source == "flag" else {}), file, ".dive-ci")
        return next(each for each in check(image(), budgets) if each.budget.key == rule)

    if state == "misconfigured":
        with pytest.raises(BudgetError, match=f"{rule}: got '{value}', expected"):
            judged()
        return
    found = judged()
    assert (found.status, status_of([found])) == EXPECTED[state]
    if state != "disabled":
        assert found.measured == DIVE[rule][0]
        assert (found.measured == found.limit) is (state == "equal")


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("level", ["fail", "warn", "off"])
@pytest.mark.parametrize("key", LIMIT_KEYS)
def test_levels_and_scopes(key: str, level: str, scope: str) -> None:
    """A limit of which any figure is too much, narrowed in every way that it can be, does what its level says."""
    least = {"min-efficiency": '"100 %"', "max-pull": '"0 s at 1 B/s"', "max-waste": '"0 B"'}.get(key, "0")
    text = f'[[budget]]\n{SCOPES[scope]}{key} = {least}\nlevel = "{level}"'
    try:
        parse_budgets(text)
    except BudgetError as error:
        assert f"cannot narrow {key}" in str(error)
        return
    found = judge(text)
    expected = {"fail": (BudgetStatus.FAIL, 1), "warn": (BudgetStatus.WARN, 0), "off": (BudgetStatus.SKIPPED, 0)}[level]
    assert (found.status, status_of([found])) == expected


def test_scopes_that_can_be() -> None:
    """What narrows what: no more and no less is refused above than the documentation says."""
    allowed = {scope: [key for key in LIMIT_KEYS if read(f"{text}{key} = 0") or read(f'{text}{key} = "1 s at 1 B/s"')]
               for scope, text in SCOPES.items()}  # fmt: skip
    assert allowed[""] == allowed["layer"] == list(LIMIT_KEYS)
    assert allowed["path"] == allowed["ignore"] == [key for key in LIMIT_KEYS if key != "max-layers"]
    assert allowed["visible"] == ["max-files", "max-file-size"]
