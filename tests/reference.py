"""The tables of names on the pages of the API reference: a line for each name, for readers of the plain Markdown.

A table is above each block ``eval-rst``, which has the names. ``python -m tests.samples`` writes the tables again, and
``tests/docs/test_reference.py`` fails where a page differs.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import ocisize

ROOT = Path(__file__).parent.parent
_HEAD = "| name | what it is |\n|---|---|\n"
_BLOCK = re.compile(
    rf"(?P<table>{re.escape(_HEAD)}(?:\|[^\n]*\n)*\n)?(?P<block>^```{{eval-rst}}\n.*?^```$)", re.MULTILINE | re.DOTALL
)
_DIRECTIVE = re.compile(
    r"^\.\. (?P<kind>autoclass|autofunction|data):: (?P<name>\w+)\n(?P<body>(?:(?: {3}.*)?\n)*)", re.MULTILINE
)
_SENTENCE = re.compile(r"(?:[^.]|\.(?!\s|$))+")


def reference_pages() -> list[str]:
    """The pages of the reference, by their paths in the repository."""
    return sorted(f"docs/api/{path.name}" for path in ROOT.glob("docs/api/*.md"))


def write_tables(text: str) -> str:
    """The text of a page, with the tables that its names have now."""
    return _BLOCK.sub(_add_table, text)


def _add_table(match: re.Match[str]) -> str:
    rows = [_row(found["name"], found["body"]) for found in _DIRECTIVE.finditer(match["block"])]
    return f"{_HEAD}{''.join(rows)}\n{match['block']}" if rows else match["block"]


def _row(name: str, body: str) -> str:
    value = getattr(ocisize, name)
    is_function = inspect.isfunction(value)
    is_described_by_itself = is_function or isinstance(value, type)
    text = (
        inspect.getdoc(value) if is_described_by_itself else re.sub(r"^ *(:.*)?\n", "", inspect.cleandoc(body), flags=re.M)
    )
    return f"| `{name}{_parameters(value) if is_function else ''}` | {_first_sentence(text or '')} |\n"


def _parameters(function: object) -> str:
    """The names of the parameters of a function, those that have a default with a ``=``."""
    assert callable(function)
    words, is_keyword = list[str](), False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not is_keyword:
            words.append("*")
            is_keyword = True
        words.append(parameter.name + "=" * (parameter.default is not parameter.empty))
    return f"({', '.join(words)})"


def _first_sentence(text: str) -> str:
    match = _SENTENCE.match(" ".join(text.partition("\n\n")[0].split()))
    assert match is not None, text
    return match[0].replace("``", "`").replace("|", r"\|")
