"""Lines of keys and values in TOML text, for errors to point at: found by their looks, since parsers do not tell them.

https://toml.io/en/v1.0.0. Where a line cannot be told there is none; nothing but errors rests on it.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs

_HEADER = re.compile(r"\[\[?([^\[\]=,]+)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*[\"']?([A-Za-z][\w-]*)[\"']?\s*[=.]")
_SYNTAX = re.compile(r"(.*) \(at line (\d+), column (\d+)\)", re.DOTALL)


@attrs.frozen
class TomlLines:
    """The lines of one table and of the tables of an array below it."""

    rows: Sequence[str]
    #: lines by the number of the array's table, 0 for the one above, and the key; "" is the table's own line
    places: Mapping[tuple[int, str], int]
    array: str  #: key of the array
    starts: Sequence[int]  #: all lines of ``places``, rising

    def of(self, number: int, key: str, value: Any = None) -> int | None:
        """Where a key stands, or a value of it where that can be found; of a table written in brackets as near as can be."""
        line = self.places.get((number, key))
        if line is None and number:
            line = self.places.get((number, "")) or self.places.get((0, self.array))
        if line is None:
            return None
        for pattern in _patterns(key, value):
            for at in range(line, self._end_of(line)):
                if re.search(pattern, self.rows[at - 1]):
                    return at
        return line

    def _end_of(self, line: int) -> int:
        """The line behind what begins at a line."""
        following = bisect_right(self.starts, line)
        return self.starts[following] if following < len(self.starts) else len(self.rows) + 1


def _patterns(key: str, value: Any) -> Iterator[str]:
    """What the line of a key and its value may look like, the likeliest first."""
    name = re.escape(key)
    if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        texts = [json.dumps(value, ensure_ascii=False), f"'{value}'"] if isinstance(value, str) else [str(value)]
        written = "|".join(map(re.escape, texts))
        yield rf"{name}[\"']?\s*=.*(?:{written})"
        yield rf"(?:^|[\s\[,=])(?:{written})"
    if key:
        yield rf"(?:^|[\s{{,\"']){name}[\"']?\s*="


def find_lines(text: str, table: Sequence[str], array: str) -> TomlLines:
    """The lines of a table, () for the whole document, and of the tables of its ``array``."""
    top, below = ".".join(table), ".".join([*table, array])
    found: dict[tuple[int, str], int] = {}
    at, count = None if table else 0, 0
    rows = text.split("\n")
    for line, content in enumerate(rows, 1):
        if header := _HEADER.fullmatch(content.strip()):
            name = re.sub(r"[\s\"']", "", header[1])
            count += name == below
            at = count if name == below else 0 if name == top else None
            found.setdefault((at or 0, ""), line)
            if name == below:
                found.setdefault((0, array), line)
            inside = name.removeprefix(f"{top}." if top else "")
            if at is None and (not top or inside != name):  # another table within, which is a key, too
                found.setdefault((0, inside.partition(".")[0]), line)
        elif at is not None and (key := _KEY.match(content)):
            found.setdefault((at, key[1]), line)
    return TomlLines(rows, found, array, sorted(found.values()))


def place_of_syntax(name: str, problem: str) -> tuple[str, str]:
    """File and line of what a parser of TOML complains of, and its complaint."""
    match = _SYNTAX.fullmatch(problem)
    return (f"{name}:{match[2]}", f"{match[1]}, column {match[3]}") if match else (name, problem)
