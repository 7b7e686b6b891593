"""Budgets in TOML: where errors point, and keys that cannot be combined. Verdicts are tested with the gate."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.budgets.kinds import KINDS, LIMIT_KEYS
from ocisize.budgets.parse import parse_budgets
from ocisize.errors import BudgetError


def problems_of(text: str, **options: tuple[str, ...]) -> list[str]:
    with pytest.raises(BudgetError) as caught:
        parse_budgets(text, "o.toml", **options)
    assert caught.value.problems
    assert str(caught.value) == "; ".join(caught.value.problems)
    return list(caught.value.problems)


def test_all_problems_at_once() -> None:
    """Every problem is reported with its line, key, what was got and what was expected."""
    text = """\
max-download = "120 MX"   # not a unit
max-fils = 3
nonsense = true

[[budget]]
level = "error"
path = ["/a/", ""]
max-live = [ "1 MB", "1 XB" ]

# a comment
[[ budget ]]
reason = 5
"""
    assert problems_of(text) == [
        "o.toml:2: max-fils: unknown key, expected max-files",
        "o.toml:3: nonsense: unknown key, expected one of " + ", ".join([*LIMIT_KEYS, "forbid", "forbid-findings", "path",
         "ignore", "layer", "visible-only", "package", "platform", "level", "reason", "if-unknown", "if-unmatched", "name",
         "baseline", "budget"]),
        "o.toml:1: max-download: got '120 MX', expected a size such as '120 MB' or '120 MiB' or a growth such as '+2 %' or 'off'",
        "o.toml:6: level: got 'error', expected one of fail, warn, off",
        "o.toml:7: path: the glob '' is empty",
        "o.toml:8: max-live: got '1 XB', expected a size such as '120 MB' or '120 MiB' or a growth such as '+2 %' or 'off'",
        "o.toml:12: reason: got 5, expected a string that is not empty",
        "o.toml:11: budget 2: limits nothing, expected one of " + ", ".join([*LIMIT_KEYS, "forbid", "forbid-findings"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("max-download =", "o.toml: is not TOML: "),
        ("max-download = " + "9" * 5000, "o.toml: is not TOML: "),
        ("max-download = 1e9999999999999999999", "o.toml: is not TOML: a number is out of range"),
        ("a = " + "[" * 100_000, "o.toml: is not TOML: "),
    ],
)
def test_what_is_not_toml(text: str, problem: str) -> None:
    """The parser's words are passed on."""
    with pytest.raises(BudgetError) as caught:
        parse_budgets(text, "o.toml")
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('path = "/a"\nmax-layers = 3', "o.toml:1: path: cannot narrow max-layers"),
        ('ignore = "/a"\nmax-layers = 3', "o.toml:1: ignore: cannot narrow max-layers"),
        ('path = "/a"\nforbid = "/b"', "o.toml:1: path: cannot narrow forbid"),
        ('ignore = "/a"\nforbid-findings = "high"', "o.toml:1: ignore: cannot narrow forbid-findings"),
        ("visible-only = true\nmax-download = 3", "o.toml:1: visible-only: cannot narrow max-download"),
        (
            'path = "/a"\nlayer = "RUN"\nmax-live = "+2 %"',
            "o.toml:3: max-live: growth cannot be limited with path and layer",
        ),
        ('layer = "RUN *"\nmax-files = "+2"', "o.toml:2: max-files: growth cannot be limited with layer: baselines have"),
        ("visible-only = 1\nmax-files = 3", "o.toml:1: visible-only: got 1, expected true or false"),
        ("max-download = []", "o.toml:1: max-download: got an empty array"),
        ("budget = 3", "o.toml:1: budget: got an integer, expected [[budget]] tables"),
        ("max-download = 1\n[budget]\nmax-download = 3", "o.toml:2: budget: got a table, expected [[budget]] tables"),
        ("name = ''\nbaseline = 3", "o.toml:1: name: got '', expected a string that is not empty"),
        ('if-unknown = "pass"\nmax-download = 3', "o.toml:1: if-unknown: got 'pass', expected one of fail, warn, off"),
    ],
)
def test_what_cannot_be(text: str, problem: str) -> None:
    """Limits that a scope cannot narrow, and values of another type."""
    assert problems_of(text)[0].startswith(problem)


def test_lines_are_those_of_the_right_table() -> None:
    """A key in several tables is named where it is wrong."""
    text = 'max-download = 1\n[[budget]]\nmax-download = 2\n[[budget]] # third\n"max-download" = "x"\n'
    assert problems_of(text)[0].startswith("o.toml:5: max-download: got 'x'")
    assert problems_of('budget = [{max-download = "x"}]')[0].startswith("o.toml:1: max-download: got 'x'")

    origins = [budget.origin for budget in parse_budgets(text.replace('"x"', "3"), "o.toml").budgets]
    assert origins == ["o.toml:1", "o.toml:3", "o.toml:5"]


def test_the_table_of_a_project_file() -> None:
    """[tool.ocisize] and [[tool.ocisize.budget]]; other tools' tables are not ours, nor are their lines."""
    text = """
[tool.other]
max-download = "whatever"
[[budget]]
max-download = "theirs"
[tool.ocisize]
name = "app"
max-download = 7
[tool.ocisize.else]
[[tool.ocisize.budget]]
max-live = "x"
"""
    problems = problems_of(text, table=("tool", "ocisize"))
    assert problems[0].startswith("o.toml:9: else: unknown key")
    assert problems[1].startswith("o.toml:11: max-live: got 'x'")
    good = parse_budgets(text.replace('"x"', "1").replace("[tool.ocisize.else]", ""), "o.toml", table=("tool", "ocisize"))
    assert (good.name, [budget.origin for budget in good.budgets]) == ("app", ["o.toml:8", "o.toml:11"])
    assert parse_budgets("[tool]\nx = 1", table=("tool", "ocisize")).budgets == ()
    with pytest.raises(BudgetError, match="ocisize.toml:2: ocisize: got an integer, expected a table"):
        parse_budgets("[tool]\nocisize = 3", table=("tool", "ocisize"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('\nmax-waste = [\n  "5 %",\n  "1 XB",\n]\n', 2),
        ('forbid = [\n"a",\n"b",\n\n"**"]\nreason = "x"', 1),
        ('budget = [\n  {max-download = 1},\n  {max-download = "x", level = "warn"},\n]\n', 1),
        ("\nbudget.max-download = 1", 2),
        ("[[budget]]\nmax-files = 1\n\n[[budget]]\nmax-files = [\n 1,\n -1]\n", 5),
        ("max-download = 1\nmax-download = 2\n", 2),
        ("max-download = 1\n[[budgets]]\nmax-live = 1\n", 2),
        ("\n[tool.ocisize]\nmax-live = 1\n", 2),
        ("max-files = 1\nmax-download = 120 MB\n", 2),
    ],
)
def test_errors_point_at_the_key(text: str, line: int) -> None:
    """In arrays over several lines the line of the key, and where the text is not TOML the parser's line."""
    (problem,) = problems_of(text)
    assert problem.startswith(f"o.toml:{line}: ")


def test_the_examples_of_the_documentation() -> None:
    """Every TOML block of docs/budgets.md is read, and every key is explained there."""
    page = (Path(__file__).parents[2] / "docs" / "budgets.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        table = ("tool", "ocisize") if "[tool.ocisize" in block else ()
        assert parse_budgets(block, "docs/budgets.md", table=table).budgets
    for key in (*LIMIT_KEYS, "forbid", "forbid-findings", "path", "ignore", "layer", "visible-only", "package", "platform", "level",
                "reason", "if-unknown", "if-unmatched", "name", "baseline"):  # fmt: skip
        assert f"`{key}`" in page, key


PIECES = ["max-download", "budget", "forbid", "path", "layer", " = ", "[", "]", "[[", "]]", "{", "}", '"', "'", '"""', "\n", ",", ".", "#",
          "1", "+2 %", "5 MB", "true", "\\", "off", "-", "[[budget]]\n", 'max-live = "1 kB"\n', "max-files = [\n 1,\n x]"]  # fmt: skip


def test_the_page_has_the_keys_and_what_cannot_narrow_them() -> None:
    """The tables of docs/budgets.md list every key, and for each narrowing key the limits that it cannot narrow."""
    kinds = {kind.key: kind.narrowed_by for kind in KINDS if kind.key}
    page = (Path(__file__).parents[2] / "docs" / "budgets.md").read_text()
    limits, narrowing = re.findall(
        r"^\| key \| (?:limits \| value|cannot narrow) \|\n\|[-|]+\|\n((?:\|.*\n)+)", page, re.MULTILINE
    )
    assert re.findall(r"^\| `([\w-]+)` \|", limits, re.MULTILINE) == list(kinds)
    for line in narrowing.splitlines():
        (key,), named = re.findall(r"`([\w-]+)`", line.split("|")[1]), re.findall(r"`([\w-]+)`", line.split("|")[2])
        refused = {name for name, narrowing_keys in kinds.items() if key not in narrowing_keys}
        assert set(named) == (set(kinds) - refused if "all but" in line else refused), key


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=40))
def test_any_text_is_settings_or_an_error(text: str) -> None:
    """Any text of a file: budgets, or problems that name it, at lines that it has."""
    for table in ((), ("tool", "ocisize")):
        try:
            parse_budgets(text, "o.toml", table=table)
        except BudgetError as error:
            for problem in error.problems:
                assert problem.startswith("o.toml:")
                line = re.match(r"o\.toml:(\d+):", problem)
                assert line is None or 1 <= int(line[1]) <= text.count("\n") + 1


def test_a_byte_order_mark_is_no_statement() -> None:
    """Editors on Windows write one."""
    assert parse_budgets("\ufeffmax-files = 1").budgets[0].origin == "ocisize.toml:1"
