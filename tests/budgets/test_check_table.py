"""The truth table of budgets: every kind, in every state and on every part of an image, with its verdict and exit status.

The table is complete or its first test fails. ``equal`` is the figure exactly, ``broken`` misses it by the smallest possible
step, so that no row can hold for another reason than its own.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from typing import Any

import attrs
import pytest

from ocisize import Verdict, check, parse_budgets
from ocisize.budgets.baseline import Baseline, BaselineEntry, baseline_entry
from ocisize.budgets.check import measure_parts
from ocisize.budgets.dive_ci import DIVE_RULES, dive_budgets, parse_dive_ci
from ocisize.budgets.kinds import KINDS, LIMIT_KEYS, NARROWING_KEYS, BudgetKind, Value
from ocisize.cli.budget_options import status_of
from ocisize.errors import BudgetError
from ocisize.globs import parse_glob
from ocisize.model.analysis import Analysis
from ocisize.model.budget import Budget, BudgetStatus, Metric
from ocisize.model.packages import Inventory
from ocisize.model.quantity import BudgetLimit, Unit
from ocisize.model.sizes import Sizes
from tests.gates import image as image_without_packages
from tests.inventories import make_package, sizes

STATES = ("kept", "equal", "broken", "disabled", "wrong")
VERDICTS = {
    "kept": (BudgetStatus.PASS, 0),
    "equal": (BudgetStatus.PASS, 0),
    "broken": (BudgetStatus.FAIL, 1),
    "disabled": (BudgetStatus.SKIPPED, 0),
}
#: the parts of the image on which figures are known, as TOML
PARTS = {
    "image": "",
    "layer": 'layer = "RUN apt-get*"\n',
    "path": 'path = "/app"\n',
    "ignore": 'ignore = "/etc"\n',
    "visible-only": "visible-only = true\n",
    "package": 'package = "app"\n',
}
Number = int | Fraction


@attrs.frozen
class Row:
    """A kind of budget: values in TOML by state, and the figures by part; a part that is left out is refused."""

    values: tuple[str, str, str, str]  #: kept, equal, broken, wrong
    figures: tuple[Number | None, ...]  #: in the order of PARTS; None: refused

    def figure(self, part: str) -> Number | None:
        return self.figures[list(PARTS).index(part)]


TABLE: dict[tuple[str, Unit], Row] = {
    ("max-download", Unit.BYTES): Row(('"10101 B"', '"10.1 kB"', '"10099 B"', '"10 XB"'), (10100, 4000, 4000, 8600, None, 3000)),
    ("max-unpacked", Unit.BYTES): Row(("20001", '"20 kB"', "19999", '"20 kB and more"'), (20000, 8000, 8000, 17000, None, 6000)),
    ("max-live", Unit.BYTES): Row(("15001", "15000", '"14,999"', "1.5"), (15000, 4000, 4000, 13000, None, 4000)),
    ("max-waste", Unit.SHARE): Row(
        ('"25.0000001 %"', '"25 %"', '"24.9999999 %"', '"25 percent"'),
        (Fraction(1, 4), Fraction(1, 2), Fraction(1, 2), Fraction(4, 17), None, Fraction(1, 3)),
    ),
    ("max-waste", Unit.BYTES): Row(("5001", '"5 kB"', "4999", '"8,9 kB"'), (5000, 4000, 4000, 4000, None, 2000)),
    ("min-efficiency", Unit.SHARE): Row(
        ("0.7499999", "0.75", "0.7500001", "75"), (Fraction(3, 4), Fraction(1, 2), Fraction(1, 2), Fraction(13, 17), None, Fraction(2, 3))
    ),
    ("max-files", Unit.COUNT): Row(("7", "6", "5", '"6 files"'), (6, 3, 3, 4, 3, 2)),
    ("max-layers", Unit.COUNT): Row(("5", "4", "3", "-4"), (4, 1, None, None, None, None)),
    ("max-layer-download", Unit.BYTES): Row(("5001", '"5 kB"', "4999", "true"), (5000, 4000, 4000, 4500, None, None)),
    ("max-layer-unpacked", Unit.BYTES): Row(("10001", '"10 kB"', "9999", "{}"), (10000, 8000, 8000, 9000, None, None)),
    ("max-file-size", Unit.BYTES): Row(("9001", '"9 kB"', "8999", '"9 KBit"'), (9000, 4000, 4000, 9000, 9000, None)),
    ("max-transfer", Unit.SECONDS): Row(
        ('"10.1000001 s at 1 kB/s"', '"10.1 s at 1 kB/s"', '"10.0999999 s at 1 kB/s"', '"10 s"'),
        (Fraction(101, 10), 4, 4, Fraction(86, 10), None, 3),
    ),
    ("forbid", Unit.COUNT): Row(('"*.pem"', '["*.pem"]', '["/app", "/etc"]', "3"), (5, 3, None, 3, 2, None)),
    ("forbid-findings", Unit.COUNT): Row(('"OS102"', '["OS102"]', '"low"', "[[]]"), (2, 1, None, None, None, None)),
}  # fmt: skip
PACKAGE = make_package("python", "app", "1", sizes(6000, 3000, wasted=2000, files=2), layer=1)
KIND_OF_ROW = {(kind.key, kind.unit): kind for kind in KINDS if kind.key}
GROWING = [row for row, kind in KIND_OF_ROW.items() if kind.baseline]
#: dive's rules: the figure, and the same states in a .dive-ci
DIVE: dict[str, tuple[Number, str, str, str, str]] = {
    "lowestEfficiency": (Fraction(3, 4), "0.7499999", "0.75", "0.7500001", "75"),
    "highestWastedBytes": (5000, "5001", "5kB", "4999", "5 apples"),
    "highestUserWastedPercent": (Fraction(2, 5), "0.4000001", "0.4", "0.3999999", "40%"),
}


def image() -> Analysis:
    """The image of tests.gates, with a package."""
    return attrs.evolve(image_without_packages(), packages=Inventory(packages=(PACKAGE,), unowned=(), overhead_size=0))


def ids(value: object) -> str | None:
    return f"{value[0]}-{value[1]}" if isinstance(value, tuple) and len(value) == 2 else None


def value_of(row: tuple[str, Unit], state: str) -> str:
    """The line of a file that puts a kind into a state."""
    return f"{row[0]} = " + dict(zip(("kept", "equal", "broken", "wrong"), TABLE[row].values)).get(state, "false")


def worst(row: tuple[str, Unit]) -> str:
    """A line that no figure keeps."""
    limit = {Unit.SHARE: '"0 %"', Unit.BYTES: '"0 B"', Unit.COUNT: "0", Unit.SECONDS: '"0 s at 1 kB/s"'}[row[1]]
    if KIND_OF_ROW[row].is_minimum:
        limit = '"100 %"'
    return f"{row[0]} = {limit}" if KIND_OF_ROW[row].value is Value.LIMIT else value_of(row, "broken")


def one_less(entry: BaselineEntry) -> BaselineEntry:
    """A baseline in which every figure is one less than it is."""
    layers = tuple(
        attrs.evolve(
            layer, compressed_size=(layer.compressed_size or 1) - 1, content_size=max((layer.content_size or 0) - 1, 0)
        )
        for layer in entry.layers
    )
    totals = attrs.evolve(entry.totals, **{name: size - 1 for name, size in attrs.asdict(entry.totals).items()})
    return attrs.evolve(entry, totals=totals, layers=layers, parts={name: size - 1 for name, size in entry.parts.items()})


def judge(text: str) -> Verdict:
    budgets = parse_budgets(text).budgets
    baseline = Baseline().with_entry(
        "acme/app", "linux/amd64", one_less(baseline_entry(image(), measure_parts(image(), budgets)))
    )
    (verdict,) = check(image(), budgets, baseline)
    return verdict


def test_the_table_is_complete() -> None:
    """Every kind, every metric and every part are in it, and so are dive's rules."""
    assert set(TABLE) == set(KIND_OF_ROW)
    assert {kind.metric for kind in KINDS} == set(Metric)
    assert set(PARTS) == {"image", *NARROWING_KEYS}
    assert all(len(row.figures) == len(PARTS) for row in TABLE.values())
    assert set(DIVE) == set(DIVE_RULES)
    assert [kind.metric for kind in KINDS if not kind.key] == [Metric.USER_WASTE]


def test_a_kind_says_what_it_is_narrowed_by() -> None:
    """The keys that the parser accepts are those on whose parts there is a function."""
    for row, kind in KIND_OF_ROW.items():
        assert set(kind.narrowed_by) == {part for part in NARROWING_KEYS if TABLE[row].figure(part) is not None}, row


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("row", TABLE, ids=ids)
def test_states(row: tuple[str, Unit], state: str) -> None:
    """Each has the verdict and the exit status of its state; a wrong value is an error with line, key, got and expected."""
    if state == "wrong":
        with pytest.raises(BudgetError, match=rf"^ocisize\.toml:2: {row[0]}: got .*expected"):
            judge("\n" + value_of(row, state))
        return
    verdict = judge(value_of(row, state))
    assert (verdict.status, status_of([verdict])) == VERDICTS[state]
    if state == "equal":
        assert verdict.exact_limit is not None and verdict.exact_measured == verdict.exact_limit
    if state == "broken" or (state != "disabled" and KIND_OF_ROW[row].value is Value.LIMIT):
        assert verdict.exact_measured == TABLE[row].figure("image")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("row", TABLE, ids=ids)
def test_parts(row: tuple[str, Unit], part: str) -> None:
    """On each part of the image a kind is measured, or its budget is refused."""
    text = f"[[budget]]\n{PARTS[part]}{worst(row)}"
    figure = TABLE[row].figure(part)
    if figure is None:
        with pytest.raises(BudgetError, match=rf"^ocisize\.toml:2: {part}: cannot narrow {row[0]}$"):
            parse_budgets(text)
        return
    verdict = judge(text)
    assert (verdict.exact_measured, verdict.status) == (figure, BudgetStatus.FAIL)


COMBINED = [parts for count in range(2, len(NARROWING_KEYS) + 1) for parts in combinations(NARROWING_KEYS, count)]


@pytest.mark.parametrize("parts", COMBINED)
@pytest.mark.parametrize("row", TABLE, ids=ids)
def test_parts_of_parts(row: tuple[str, Unit], parts: tuple[str, ...]) -> None:
    """Several keys narrow a kind if each of them can. The part of a part is no more than either."""
    text = "[[budget]]\n" + "".join(PARTS[part] for part in parts) + worst(row)
    figures = [TABLE[row].figure(part) for part in parts]
    if None in figures:
        with pytest.raises(BudgetError, match=f"cannot narrow {row[0]}"):
            parse_budgets(text)
        return
    if "package" in parts:
        with pytest.raises(BudgetError, match="package: cannot be combined with"):
            parse_budgets(text)
        return
    verdict = judge(text)
    assert verdict.exact_measured is not None
    if row[1] is not Unit.SHARE:
        assert all(figure is None or verdict.exact_measured <= figure for figure in figures)


def narrowed(kind: BudgetKind, key: str) -> Budget:
    """A budget built by hand."""
    budget = Budget(
        key=kind.key or "x", metric=kind.metric, limit=BudgetLimit(0, kind.unit, bandwidth=1), paths=(), findings=("low",)
    )
    glob = (parse_glob("/app"),)
    if key == "path":
        return attrs.evolve(budget, paths=glob)
    budget = attrs.evolve(budget, paths=glob if kind.value is Value.GLOBS else ())
    changes: dict[str, dict[str, object]] = {
        "ignore": {"ignore": glob}, "layer": {"layer": "*"}, "visible-only": {"visible_only": True},
        "package": {"packages": ("app",)},
    }  # fmt: skip
    return attrs.evolve(budget, **changes[key])  # type: ignore[arg-type]


@pytest.mark.parametrize("key", NARROWING_KEYS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.key or kind.metric}-{kind.unit}")
def test_budgets_built_by_hand(kind: BudgetKind, key: str) -> None:
    """What the parser refuses is no pass for those who build a budget without it: it raises."""
    budget = narrowed(kind, key)
    if key in kind.narrowed_by or (kind.value is Value.GLOBS and key == "path"):
        assert check(image(), [budget])[0].exact_measured is not None
    else:
        with pytest.raises(BudgetError, match=f"{kind.name} cannot be measured by {key}"):
            check(image(), [budget])


def test_units_that_a_metric_does_not_have() -> None:
    """A budget built by hand in another unit, or on forbidden paths without paths, raises."""
    for metric, unit in ((Metric.FILES, Unit.BYTES), (Metric.PATHS, Unit.COUNT)):
        with pytest.raises(BudgetError, match="cannot be"):
            check(image(), [Budget(key="x", metric=metric, limit=BudgetLimit(0, unit))])


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "+nan", "1e400"])
@pytest.mark.parametrize("key", LIMIT_KEYS)
def test_no_limit_is_without_a_value(key: str, value: str) -> None:
    """NaN and infinity, which every figure keeps or none, are no limits."""
    for text in (value, f'"{value}"'):
        with pytest.raises(BudgetError, match=f"{key}: got "):
            parse_budgets(f"{key} = {text}")


@pytest.mark.parametrize("level", ["fail", "warn", "off"])
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("row", TABLE, ids=ids)
def test_levels(row: tuple[str, Unit], part: str, level: str) -> None:
    """A broken budget does what its level says, on every part of the image."""
    if TABLE[row].figure(part) is None:
        return
    verdict = judge(f'[[budget]]\n{PARTS[part]}{worst(row)}\nlevel = "{level}"')
    expected = {"fail": (BudgetStatus.FAIL, 1), "warn": (BudgetStatus.WARN, 0), "off": (BudgetStatus.SKIPPED, 0)}[level]
    assert (verdict.status, status_of([verdict])) == expected


@pytest.mark.parametrize("word", ["false", '"off"'])
@pytest.mark.parametrize("key", dict.fromkeys(key for key, _ in TABLE))
def test_words_that_switch_off(key: str, word: str) -> None:
    """A budget that is switched off is skipped and says so."""
    verdict = judge(f"{key} = {word}")
    assert (verdict.status, verdict.outcome, verdict.reason) == (BudgetStatus.SKIPPED, BudgetStatus.PASS, "switched off")


@pytest.mark.parametrize("row", GROWING, ids=ids)
def test_growth(row: tuple[str, Unit]) -> None:
    """Of a figure that is one more than its baseline, ``+2`` is kept, ``+1`` met and ``+0`` broken, on all parts but layers."""
    kind = KIND_OF_ROW[row]
    for part, text in PARTS.items():
        for growth, status in (("+2", BudgetStatus.PASS), ("+1", BudgetStatus.PASS), ("+0", BudgetStatus.FAIL)):
            budget = f'[[budget]]\n{text}{row[0]} = "{growth}"'
            if part in NARROWING_KEYS and part not in kind.narrowed_by:
                continue
            if part == "layer" and kind.baseline_layer is None:
                with pytest.raises(BudgetError, match="growth cannot be limited with layer: baselines have no such figure"):
                    parse_budgets(budget)
                continue
            verdict = judge(budget)
            assert verdict.status is status, (part, growth)
            assert (verdict.exact_measured == verdict.exact_limit) is (growth == "+1")


@pytest.mark.parametrize("key", [key for key in LIMIT_KEYS if key not in [growing for growing, _ in GROWING]])
def test_what_cannot_grow(key: str) -> None:
    """A kind of which a baseline has no figure takes no growth."""
    with pytest.raises(BudgetError, match=rf"{key}: got '\+1', expected"):
        parse_budgets(f'{key} = "+1"')


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("rule", DIVE)
@pytest.mark.parametrize("source", ["file", "flag"])
def test_dives_rules(rule: str, state: str, source: str) -> None:
    """The same for the rules of a .dive-ci and of dive's flags."""
    _, *values = DIVE[rule]
    value = dict(zip(("kept", "equal", "broken", "wrong"), values, strict=True)).get(state, "disabled")
    others = dict.fromkeys(set(DIVE_RULES) - {rule}, "disabled")

    def judged() -> Verdict:
        file = parse_dive_ci(f"rules:\n  {rule}: {value}\n", ".dive-ci") if source == "file" else {}
        budgets = dive_budgets(others | ({rule: value} if source == "flag" else {}), file, ".dive-ci")
        return next(verdict for verdict in check(image(), budgets) if verdict.budget.key == rule)

    if state == "wrong":
        with pytest.raises(BudgetError, match=f"{rule}: got '{value}', expected"):
            judged()
        return
    verdict = judged()
    assert (verdict.status, status_of([verdict])) == VERDICTS[state]
    if state != "disabled":
        assert verdict.exact_measured == DIVE[rule][0]
        assert (verdict.exact_measured == verdict.exact_limit) is (state == "equal")


def test_an_image_of_nothing() -> None:
    """No figure of an image without layers is NaN: nothing is wasted of nothing."""
    zeros: dict[str, Any] = {field.name: 0 for field in attrs.fields(Sizes)}
    empty = attrs.evolve(image(), layers=(), **zeros)
    for row, kind in KIND_OF_ROW.items():
        if kind.value is Value.LIMIT:
            (verdict,) = check(empty, parse_budgets(value_of(row, "kept")).budgets)
            assert (verdict.status, verdict.exact_measured) == (BudgetStatus.PASS, 1 if kind.is_minimum else 0), row
    statuses = [verdict.status for verdict in check(empty, dive_budgets({}, {}, ""))]
    assert statuses == [BudgetStatus.PASS, BudgetStatus.SKIPPED, BudgetStatus.PASS]
