"""TOML tables: the lines of keys, and problems that name file, line, key, what was got and what was expected."""

from __future__ import annotations

import enum
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.toml_tables import TableReader, TomlError, find_key_lines, read_toml

TEXT = """\
name = "app"                    # 1
"quoted key" = 1
a.b . 'c d' = 2

[tool.app] # comment            # 5
level = "low"
[[ rule ]]
id = "A"
fix = { apt = "x" }
[rule.more]                     # 10
deep = 1
[[rule]]
id = "B"
globs = [
  "a",                          # 15
]
[[rule.part]]
size = 1
[[rule.part]]
size = 2                        # 20
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 1), (("quoted key",), 2), (("a",), 3), (("a", "b", "c d"), 3), (("tool",), 5), (("tool", "app"), 5),
        (("tool", "app", "level"), 6), (("rule",), 7), (("rule", 1), 7), (("rule", 1, "id"), 8), (("rule", 1, "fix"), 9),
        (("rule", 1, "more"), 10), (("rule", 1, "more", "deep"), 11), (("rule", 2), 12), (("rule", 2, "globs"), 14),
        (("rule", 2, "part", 1, "size"), 18), (("rule", 2, "part", 2, "size"), 20), (("rule", 1, "part"), None),
    ],
)  # fmt: skip
def test_lines_of_keys(path: tuple[str | int, ...], line: int | None) -> None:
    """Keys of tables, arrays of tables, subtables of their last table, dotted and quoted keys."""
    assert find_key_lines(TEXT).get(path) == line


class Level(str, enum.Enum):
    LOW = "low"
    HIGH = "high"


def problem_of(text: str, read: Any) -> str:
    reader = read_toml(text, "x.toml")
    read(reader)
    (problem,) = reader.problems
    return str(problem)


@pytest.mark.parametrize(
    ("text", "read", "problem"),
    [
        ("\nkey = 3", lambda reader: reader.text("key"), "x.toml:2: key: got 3, expected a string that is not empty"),
        ('key = ""', lambda reader: reader.text("key"), "x.toml:1: key: got '', expected a string that is not empty"),
        ("", lambda reader: reader.text("key", required=True), "x.toml: key: got nothing, expected a string that is not empty"),
        ("[a]\n[b]", lambda reader: reader.subtable("b").text("key", required=True),
         "x.toml:2: key: got nothing, expected a string that is not empty"),
        ('key = "true"', lambda reader: reader.flag("key"), "x.toml:1: key: got 'true', expected true or false"),
        ("key = 1.50", lambda reader: reader.flag("key"), "x.toml:1: key: got 1.50, expected true or false"),
        ('key = "mid"', lambda reader: reader.choice("key", Level.LOW), "x.toml:1: key: got 'mid', expected one of low, high"),
        ("", lambda reader: reader.choice("key", Level.LOW, required=True),
         "x.toml: key: got nothing, expected one of low, high"),
        ('key = "a"', lambda reader: reader.texts("key"), "x.toml:1: key: got 'a', expected an array of strings"),
        ("key = []", lambda reader: reader.texts("key", single=True),
         "x.toml:1: key: got [], expected a string or an array of strings"),
        ('key = ["1", "x"]', lambda reader: reader.parse_texts("key", int, ValueError),
         "x.toml:1: key: invalid literal for int() with base 10: 'x'"),
        ("key = {a = 1}", lambda reader: reader.text_table("key"), "x.toml:1: key: got {'a': 1}, expected a table of strings"),
        ("key = true", lambda reader: reader.subtable("key"), "x.toml:1: key: got a boolean, expected a table"),
        ("[key]", lambda reader: reader.tables("key"), "x.toml:1: key: got a table, expected [[key]] tables"),
        ("key = [1]", lambda reader: reader.tables("key"), "x.toml:1: key: got an array, expected [[key]] tables"),
        ("\nkex = 1", lambda reader: reader.refuse_unknown(["a", "key"]), "x.toml:2: kex: unknown key, expected key"),
        ("\nfoo = 1", lambda reader: reader.refuse_unknown(["a", "key"]), "x.toml:2: foo: unknown key, expected one of a, key"),
        ("[[key]]\na = 1\n[[key]]\n\na = 2", lambda reader: reader.tables("key")[1].flag("a"),
         "x.toml:5: a: got 2, expected true or false"),
        ("key = [\n  {a = 1},\n]", lambda reader: reader.tables("key")[0].flag("a"),
         "x.toml:1: a: got 1, expected true or false"),
    ],
)  # fmt: skip
def test_problems(text: str, read: Any, problem: str) -> None:
    """A wrong value, or one that is missing, is one problem with file, line, key, got and expected."""
    assert problem_of(text, read) == problem


def test_right_values() -> None:
    """What fits is returned, what is absent has its default, and there are no problems."""
    reader = read_toml('a = "x"\nb = true\nc = "high"\nd = ["1", "2"]\ne = {f = "y"}\n[[g]]\n[[g]]', "x.toml")
    assert (reader.text("a"), reader.text("z")) == ("x", "")
    assert (reader.flag("b"), reader.flag("z")) == (True, False)
    assert (reader.choice("c", Level.LOW), reader.choice("z", Level.LOW)) == (Level.HIGH, Level.LOW)
    assert (reader.texts("d"), reader.texts("a", single=True), reader.texts("z")) == (("1", "2"), ("x",), ())
    assert (reader.parse_texts("d", int, ValueError), reader.parse_texts("z", int, ValueError)) == ((1, 2), ())
    assert (reader.text_table("e"), reader.text_table("z")) == ({"f": "y"}, {})
    assert (len(reader.tables("g")), reader.tables("z"), reader.subtable("z").table) == (2, [], {})
    assert reader.problems == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = 1\nb =", "x.toml"),
        ("a = 1\na = 2\n", "x.toml:2: is not TOML: Cannot overwrite a value, column"),
        ("a = " + "9" * 5000, "x.toml: is not TOML: "),
        ("a = 1e9999999999999999999", "x.toml: is not TOML: a number is out of range"),
        ("a = " + "[" * 100_000, "x.toml: is not TOML: "),
    ],
)
def test_what_is_not_toml(text: str, problem: str) -> None:
    """The parser's words are passed on, with the line where it says one."""
    with pytest.raises(TomlError, match=re.escape(problem)):
        read_toml(text, "x.toml")


def test_numbers_are_exact() -> None:
    """A float is the decimal number that was written."""
    assert read_toml("a = 0.1", "x").table == {"a": Decimal("0.1")}


PIECES = [
    "a",
    "b",
    " = ",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    '"',
    "'",
    '"""',
    "\n",
    ",",
    ".",
    "#",
    "1",
    "[[a]]\n",
    "[a.b]\n",
    'a = "x"\n',
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=40))
def test_any_text_has_lines(text: str) -> None:
    """Whatever the text: lines that it has, and a reader or an error."""
    assert all(1 <= line <= text.count("\n") + 1 for line in find_key_lines(text).values())
    try:
        assert isinstance(read_toml(text, "x"), TableReader)
    except TomlError as error:
        assert str(error).startswith("x:")


keys = st.sampled_from(["a", "b", "c"])


@given(st.lists(st.tuples(keys, st.integers(0, 3)), max_size=5, unique_by=lambda pair: pair[0]), st.integers(0, 3))
def test_lines_are_those_that_were_written(values: list[tuple[str, int]], tables: int) -> None:
    """Every key of a document written line by line has its line."""
    rows, expected = [], {}
    for number in range(tables + 1):
        if number:
            rows.append("[[t]]")
        for key, blanks in values:
            rows += [""] * blanks + [f"{key} = 1"]
            expected[("t", number, key) if number else (key,)] = len(rows)
    found = find_key_lines("\n".join(rows))
    assert {path: found[path] for path in expected} == expected
