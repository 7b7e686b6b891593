"""dive's rules: how they are set, and verdicts on the images that dive judges wrongly."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize import Analysis, Analyzer, check
from ocisize.budgets.dive_ci import DIVE_RULES, dive_budgets, dive_passes, parse_dive_ci
from ocisize.model.analysis import DiveFigures
from ocisize.model.budget import BudgetLevel, BudgetStatus, Verdict
from ocisize.errors import BudgetError
from tests.gates import image
from tests.images import build_image, layer, write_docker_archive

FOLDER = Path(__file__).parents[2] / "testdata" / "golden"
GOLDEN: dict[str, dict[str, Any]] = json.loads((FOLDER / "golden.json").read_text())

COMMON = """\
---
# https://github.com/wagoodman/dive#ci-integration
rules:
  # If the efficiency is measured below X%, mark as failed.
  lowestEfficiency: 0.95

  highestWastedBytes: 20MB   # decimal
  'highestUserWastedPercent': "0.20"
"""


def test_a_usual_file() -> None:
    """Comments, a document's start, blank lines and quotes are read; each value knows its line."""
    assert parse_dive_ci(COMMON, ".dive-ci") == {
        "lowestEfficiency": ("0.95", 5),
        "highestWastedBytes": ("20MB", 7),
        "highestUserWastedPercent": ("0.20", 8),
    }
    assert parse_dive_ci(COMMON.replace("\n", "\r\n"), "x") == parse_dive_ci("\ufeff" + COMMON, "x")
    assert parse_dive_ci("", "x") == parse_dive_ci("rules:\n", "x") == parse_dive_ci("# none\n", "x") == {}


def test_keys_of_other_versions_of_dive() -> None:
    """The case of keys does not matter, and unreleased versions write them with hyphens."""
    text = "Rules:\n  LOWESTEFFICIENCY: .5\n  highest-wasted-bytes: disabled\n"
    assert list(parse_dive_ci(text, "x")) == ["lowestEfficiency", "highestWastedBytes"]


def test_any_yaml_is_read() -> None:
    """Anchors, flow mappings, quotes, tags and block scalars; values stay as they are written."""
    text = "rules: &rules\n  lowestEfficiency: &half 0.50\n  highestWastedBytes: >-\n    20MB\n  highestUserWastedPercent: *half\n"
    assert parse_dive_ci(text, "x") == {
        "lowestEfficiency": ("0.50", 2), "highestWastedBytes": ("20MB", 3), "highestUserWastedPercent": ("0.50", 5),
    }  # fmt: skip
    assert parse_dive_ci("rules: {lowestEfficiency: off, 'highestWastedBytes': !!str 5}", "x") == {
        "lowestEfficiency": ("off", 1), "highestWastedBytes": ("5", 1),
    }  # fmt: skip
    for word in ("disabled", "off", "false", "False", '"off"'):
        assert parse_dive_ci(f"rules: {{lowestEfficiency: {word}}}", "x") == {"lowestEfficiency": (word.strip('"'), 1)}
    assert parse_dive_ci("rules:\n  lowestEfficiency: &a 1\n  highestWastedBytes: &a 2\n", "x")["highestWastedBytes"] == (
        "2",
        3,
    )
    assert parse_dive_ci("rules: ~", "x") == parse_dive_ci("{}", "x") == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules:\n  lowestEficiency: 0.9\n", "x:2: lowestEficiency: not a rule of dive, expected one of highestUserWasted"),
        ("lowestEfficiency: 0.9\n", "x:1: lowestEfficiency: unknown, expected 'rules:' and below it lines"),
        ("rules:\n  lowestEfficiency: 0.9\n  lowestEfficiency: 0.1\n", "x:3: lowestEfficiency: is set twice"),
        ("rules:\n  lowestEfficiency: 0.9\nRULES:\n  lowestEfficiency: 0.1\n", "x:4: lowestEfficiency: is set twice"),
        ("rules:\n  lowestEfficiency: 0.9\n    highestWastedBytes: 1\n", "x:3: is not YAML: mapping values are not allowed"),
        ("other:\n  lowestEfficiency: 0.9\n", "x:1: other: unknown, expected 'rules:'"),
        ("  lowestEfficiency: 0.9\nrules:\n", "x:2: is not YAML: expected"),
        ("rules:\n\tlowestEfficiency: 0.9\n", "x:2: is not YAML: found character"),
        ("rules:\n  lowestEfficiency 0.9\n", "x:2: got 'lowestEfficiency 0.9', expected 'rules:'"),
        ("rules:\n  lowestEfficiency: [0.9]\n", "x:2: lowestEfficiency: got a sequence, expected a value such as 0.95"),
        ("rules:\n  lowestEfficiency: {a: b}\n", "x:2: lowestEfficiency: got a mapping, expected a value such as 0.95"),
        ("rules:\n  - lowestEfficiency: 0.9\n", "x:2: got a sequence, expected 'rules:'"),
        ("rules:\n  lowestEfficiency: '0.9\n", "x:3: is not YAML: found unexpected end of stream"),
        ("rules:\n  ? [a]\n  : b\n", "x:2: got a sequence as a key, expected 'rules:'"),
        ("rules:\n  lowestEfficiency: *half\n", "x:2: is not YAML: found undefined alias"),
        ("rules:\n---\nrules:\n", "x:2: is not YAML: but found another document"),
        ("rules: " + "[" * 1_000, "x: is not YAML: "),
        ('rules: "\\UFFFFFFFF"', "x: is not YAML: "),
        ("rules: \x07", "x: is not YAML: "),
        ("text", "x:1: got 'text', expected 'rules:'"),
    ],
)
def test_what_is_not_understood_is_an_error(text: str, problem: str) -> None:
    """dive ignores what it does not know, and its default holds instead; here the line is named."""
    with pytest.raises(BudgetError) as caught:
        parse_dive_ci(text, "x")
    assert caught.value.problems[0].startswith(problem)


PIECES = ["rules", ":", " ", "\n", "  ", "lowestEfficiency", "0.9", "-", "?", "[", "]", "{", "}", "&a", "*a", "'", '"', "|", ">",
          "!!str ", "%", "---\n", "#", ",", "\t", "rules:\n  lowestEfficiency: 0.9\n", "\\x"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=30))
def test_any_text_is_rules_or_an_error(text: str) -> None:
    """Whatever the text: rules of dive, or problems that name the file."""
    try:
        assert set(parse_dive_ci(text, "x")) <= set(DIVE_RULES)
    except BudgetError as error:
        assert error.problems
        assert all(problem.startswith("x:") for problem in error.problems)


def test_a_file_is_read_without_loading_yaml_elsewhere() -> None:
    """The YAML library is loaded for a .dive-ci only."""
    code = "import sys, ocisize.budgets.config, ocisize.budgets.dive_ci; print([m for m in sys.modules if 'yaml' in m])"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert output.stdout.strip() == "[]"


def test_flags_win_over_the_file_and_that_over_defaults() -> None:
    """The precedence of dive 0.13.1, and where each limit comes from."""
    file = {"lowestEfficiency": ("0.8", 2), "highestWastedBytes": ("1MiB", 3)}
    budgets = {budget.key: budget for budget in dive_budgets({"lowestEfficiency": "0.7"}, file, ".dive-ci")}
    assert [(budget.limit.value, budget.origin) for budget in budgets.values()] == [
        (Fraction(1, 10), "dive's default"),
        (1 << 20, ".dive-ci:3"),
        (Fraction(7, 10), "--lowestEfficiency"),
    ]


def test_defaults() -> None:
    """Without anything said: efficiency 0.9, user waste 0.1, and no limit on wasted bytes."""
    found = {budget.key: (budget.limit.value, budget.level) for budget in dive_budgets({}, {}, "")}
    assert found == {
        "highestUserWastedPercent": (Fraction(1, 10), BudgetLevel.FAIL),
        "highestWastedBytes": (0, BudgetLevel.OFF),
        "lowestEfficiency": (Fraction(9, 10), BudgetLevel.FAIL),
    }


@pytest.mark.parametrize("word", ["disabled", "DISABLED", "off", "false"])
def test_words_that_switch_a_rule_off(word: str) -> None:
    """Those of dive 0.13.1, and those that later versions add."""
    assert {budget.level for budget in dive_budgets(dict.fromkeys(DIVE_RULES, word), {}, "")} == {BudgetLevel.OFF}


@pytest.mark.parametrize(
    ("text", "size"),
    [("20MB", 20_000_000), ("20MiB", 20 << 20), ("3Mb", 3_000_000), ("2.5k", 2500), ("2 kb", 2000), ("2,500", 2500),
     ("0B", 0), ("1GB", 10**9), ("1KB", 1000), ("12", 12)],
)  # fmt: skip
def test_sizes_as_dive_reads_them(text: str, size: int) -> None:
    """Decimal and binary, any case."""
    budgets = dive_budgets({"highestWastedBytes": text}, {}, "")
    assert next(budget.limit.value for budget in budgets if budget.key == "highestWastedBytes") == size


@pytest.mark.parametrize("rule", DIVE_RULES)
@pytest.mark.parametrize("value", ["", "nan", "NaN", "inf", "-1", "+Inf", "0x1p-2", "1e-1", "none"])
def test_values_that_are_no_limits(rule: str, value: str) -> None:
    """What dive calls misconfigured, or takes for a number that everything passes, is an error."""
    with pytest.raises(BudgetError, match=rf"--{rule}: {rule}: got .* expected a .* or 'disabled'"):
        dive_budgets({rule: value}, {}, "")


def test_all_problems_at_once() -> None:
    """Two wrong values are one error that names both with their lines."""
    with pytest.raises(BudgetError) as caught:
        dive_budgets({}, {"lowestEfficiency": ("90", 2), "highestWastedBytes": ("lots", 4)}, "ci.yml")
    assert [problem.partition(": got")[0] for problem in caught.value.problems] == [
        "ci.yml:4: highestWastedBytes", "ci.yml:2: lowestEfficiency",
    ]  # fmt: skip


def analyze(name: str) -> Analysis:
    return Analyzer().analyze(str(FOLDER / f"{name}.tar"))


def verdicts(analysis: Analysis, **flags: str) -> dict[str, Verdict]:
    return {found.budget.key: found for found in check(analysis, dive_budgets(flags, {}, ""))}


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_verdicts_on_known_images(name: str) -> None:
    """Each verdict follows from the bytes that unpacking the image shows to be dead, by exact arithmetic."""
    ours = GOLDEN[name]["ours"]
    analysis = analyze(name)
    found = verdicts(analysis, highestWastedBytes="1000")
    content = [each.content_size for each in analysis.layers]
    user_waste, user_content = sum(ours["wastedInLayer"][1:]), sum(content[1:])
    expected = {
        "lowestEfficiency": 10 * ours["liveBytes"] >= 9 * ours["totalBytes"],
        "highestWastedBytes": ours["wastedBytes"] <= 1000,
        "highestUserWastedPercent": 10 * user_waste <= user_content,
    }
    assert {key: each.status is BudgetStatus.PASS for key, each in found.items()} == expected


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_what_dive_says_of_known_images(name: str) -> None:
    """The verdict shown for dive is the one of dive."""
    analysis = analyze(name)
    assert analysis.dive is not None
    for budget in dive_budgets({}, {}, ""):
        expected = GOLDEN[name]["rules"][budget.key]
        passes = "SKIP" if budget.level is BudgetLevel.OFF else "PASS" if dive_passes(budget, analysis.dive) else "FAIL"
        assert passes == expected, budget.key


# image: what dive passes by its defaults, or with highestWastedBytes=0, though it is wasted
FALSE_PASSES = {
    "12-delete-dir": "a deleted directory",
    "15-opaque-dir": "a directory replaced as a whole",
    "33-dir-implied-no-header": "a deleted directory that no entry of its own names",
}


@pytest.mark.parametrize("name", FALSE_PASSES, ids=lambda name: FALSE_PASSES[name])
def test_what_dive_passes_wrongly_fails(name: str) -> None:
    """Waste that dive does not see: score 1.0 and nothing wasted by its count."""
    analysis = analyze(name)
    assert analysis.dive is not None
    found = verdicts(analysis, highestWastedBytes="0")
    for rule in ("lowestEfficiency", "highestWastedBytes"):
        assert dive_passes(found[rule].budget, analysis.dive)
        assert found[rule].status == BudgetStatus.FAIL


def saved(tmp_path: Path, *layers: Any, **options: Any) -> Analysis:
    path = write_docker_archive(build_image([layer(each) for each in layers], **options), tmp_path / "app.tar")
    return Analyzer().analyze(str(path))


def test_a_whiteout_of_nothing_hides_no_waste(tmp_path: Path) -> None:
    """dive stops counting a layer at a whiteout whose path is not there; what comes behind it counts here."""
    first = {"z/conf": b"1" * 5000}
    analysis = saved(tmp_path, first, {"a/.wh.missing": b"", "z/conf": b"2" * 5000})
    found = verdicts(analysis, highestWastedBytes="0")
    assert analysis.dive is not None
    assert dive_passes(found["highestWastedBytes"].budget, analysis.dive)
    assert (found["highestWastedBytes"].status, found["highestWastedBytes"].measured) == (BudgetStatus.FAIL, 5000)


def test_repeated_entries_of_a_layer_are_waste(tmp_path: Path) -> None:
    """dive counts only the last one, although the first one is also downloaded."""
    analysis = saved(tmp_path, {"sh": b"1"}, [("a", b"1" * 4000), ("a", b"2" * 4000)])
    found = verdicts(analysis, highestWastedBytes="0")
    assert analysis.dive is not None
    assert all(dive_passes(verdict.budget, analysis.dive) for verdict in found.values())
    assert {key: each.status for key, each in found.items()} == dict.fromkeys(DIVE_RULES, BudgetStatus.FAIL)


def test_a_file_over_a_directory_is_waste(tmp_path: Path) -> None:
    """dive keeps the children of a directory that a file replaces."""
    analysis = saved(tmp_path, {"opt/app/data": b"1" * 4000}, {"opt/app": b"2"})
    found = verdicts(analysis, highestWastedBytes="0")
    assert analysis.dive is not None
    assert dive_passes(found["lowestEfficiency"].budget, analysis.dive)
    assert found["lowestEfficiency"].status == found["highestWastedBytes"].status == BudgetStatus.FAIL


def test_a_history_that_is_too_long_is_judged(tmp_path: Path) -> None:
    """dive panics on it and mostly ends with status 0."""
    history = [{"created_by": f"RUN {number}"} for number in range(5)]
    analysis = saved(tmp_path, {"a": b"1" * 4000}, {"a": b"2" * 4000}, history=history)
    assert verdicts(analysis)["lowestEfficiency"].status == BudgetStatus.FAIL


def test_no_number_is_no_verdict() -> None:
    """dive divides by the bytes above the first layer: with none of them NaN passes and infinity fails."""
    single = attrs.evolve(image(), layers=image().layers[:1])
    figures = DiveFigures(efficiency=1.0, wasted_size=5, image_size=5, user_size=0, layer_sizes=(5,))
    for wasted, passes in ((0, True), (5, False)):
        found = verdicts(attrs.evolve(single, dive=attrs.evolve(figures, wasted_size=wasted)))["highestUserWastedPercent"]
        assert (found.status, found.measured) == (BudgetStatus.PASS, 0)
        assert dive_passes(found.budget, attrs.evolve(figures, wasted_size=wasted)) is passes


def test_waste_in_the_base_is_not_the_users() -> None:
    """A file of the first layer that is overwritten counts for the whole, not for what the user's layers waste."""
    found = verdicts(analyze("40-base-file-overwritten"))
    assert (found["highestUserWastedPercent"].status, found["highestUserWastedPercent"].measured) == (BudgetStatus.PASS, 0)
    assert found["lowestEfficiency"].status == BudgetStatus.FAIL
