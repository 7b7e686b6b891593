"""Strict reading of TOML tables: every problem is noted with its file, line and key, and all are reported together.

https://toml.io/en/v1.0.0. TOML parsers give no line numbers, so the lines of keys are found by a scan of the text. A value
has the line of its key. A key in an inline table has the line of that table, a missing key the line of its table's header.
"""

from __future__ import annotations

import enum
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

from ocisize.values import field, frozen

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: keys from the top of a document; a number, from 1, selects a table of an array: ``("budget", 2, "path")``
KeyPath: TypeAlias = tuple[str | int, ...]
Parsed = TypeVar("Parsed")
Choice = TypeVar("Choice", bound=enum.Enum)

# for text with problems alone: compiled, and then cached, by re where they are used
_HEADER = r"(?P<array>\[)?\[(?P<keys>[^\[\]=,]+)\]\]?\s*(?:#.*)?"
_ASSIGNMENT = r"\s*(?P<keys>(?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*="
_KEY = r"[\w-]+|\"[^\"]*\"|'[^']*'"
_SYNTAX = r"(?s)(.*) \(at line (\d+), column (\d+)\)"
_TYPES = {str: "a string", bool: "a boolean", int: "an integer", Decimal: "a float", list: "an array", dict: "a table"}


class TomlError(ValueError):
    """Text is not TOML; the message begins with the file and, if known, the line."""


def find_key_lines(text: str) -> dict[KeyPath, int]:
    r"""The lines, from 1, of all keys and table headers of a TOML text; of a repeated key the first.

    >>> lines = find_key_lines('name = "app"\n[[budget]]\npath = "/a"\n[[budget]]\npath = "/b"\n')
    >>> lines["name",], lines["budget", 1, "path"], lines["budget", 2, "path"]
    (1, 3, 5)
    """
    lines: dict[KeyPath, int] = {}
    lengths = Counter[KeyPath]()  # of arrays of tables, so far
    table: KeyPath = ()
    for number, row in enumerate(text.split("\n"), 1):
        if header := re.fullmatch(_HEADER, row.strip()):
            table = ()
            keys = _split_keys(header["keys"])
            for key in keys[:-1]:
                table = (*table, key)
                if table in lengths:
                    table = (*table, lengths[table])
            table = path = (*table, *keys[-1:])
            if header["array"]:
                lengths[table] += 1
                table = path = (*table, lengths[table])
        elif assignment := re.match(_ASSIGNMENT, row):
            path = (*table, *_split_keys(assignment["keys"]))
        else:
            continue
        for depth in range(1, len(path) + 1):
            lines.setdefault(path[:depth], number)
    return lines


def _split_keys(text: str) -> list[str]:
    return [key.strip("\"'") for key in re.findall(_KEY, text)]


@frozen(slots=False)  # with a dictionary for the cached property
class _File:
    """What the readers of one file share."""

    name: str
    text: str
    problems: list[str] = field(factory=list)

    @cached_property
    def lines(self) -> dict[KeyPath, int]:
        return find_key_lines(self.text)


def read_toml(text: str, name: str, table: Sequence[str] = ()) -> TableReader:
    r"""A reader of the top-level table of a TOML text, or of the ``table`` with these keys, empty where it is absent.

    ``name`` is the file's name in problems. Raises TomlError if the text is not TOML. Floats are read as Decimal.

    >>> reader = read_toml('[tool.app]\nlevel = 3\n', "app.toml", ("tool", "app"))
    >>> reader.text("level"), reader.problems
    ('', ['app.toml:2: level: got 3, expected a string that is not empty'])
    """
    text = text.removeprefix("\ufeff")
    try:
        document = tomllib.loads(text, parse_float=_parse_float)
    except (ValueError, RecursionError) as error:  # numbers can be too long, arrays too deep
        match = re.fullmatch(_SYNTAX, str(error))
        place, problem = (f"{name}:{match[2]}", f"{match[1]}, column {match[3]}") if match else (name, str(error))
        raise TomlError(f"{place}: is not TOML: {problem}") from None
    reader = TableReader(_File(name, text), document)
    for key in table:
        reader = reader.subtable(key)
    return reader


def _parse_float(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("a number is out of range") from None


def type_name(value: Any) -> str:
    """The type of a TOML value in words.

    >>> type_name({}), type_name(3)
    ('a table', 'an integer')
    """
    return _TYPES.get(type(value), type(value).__name__)


def show(value: Any) -> str:
    """A TOML value for messages: strings in quotes, numbers and booleans as TOML writes them.

    >>> show("a"), show(True), show(Decimal("0.95"))
    ("'a'", 'true', '0.95')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, Decimal) else repr(value)


@frozen
class TableReader:
    r"""Reads the values of one table; a wrong value is noted as a problem and replaced by its default.

    Problems read ``FILE:LINE: KEY: got VALUE, expected …``, with ``title`` before the key. All readers of a file share them.

    >>> reader = read_toml('size = "big"\nforce = 1', "app.toml")
    >>> reader.flag("force"), reader.texts("paths", required=True)
    (False, ())
    >>> reader.refuse_unknown(["force", "paths"])
    >>> for problem in reader.problems:
    ...     print(problem)
    app.toml:2: force: got 1, expected true or false
    app.toml: paths: got nothing, expected an array of strings
    app.toml:1: size: unknown key, expected one of force, paths
    """

    _file: _File
    table: Mapping[str, Any]
    path: KeyPath = ()  #: of the table in its document
    title: str = ""  #: names the table in problems

    @property
    def problems(self) -> list[str]:
        """The problems noted so far, by all readers of the file."""
        return self._file.problems

    def place(self, key: str = "") -> str:
        """``FILE:LINE`` of a key, dotted if it is within a subtable; of the table where it has no such key.

        ``FILE`` alone where the line is unknown.
        """
        path = (*self.path, *key.split(".")) if key else self.path
        while path and path not in self._file.lines:
            path = path[:-1]
        return f"{self._file.name}:{self._file.lines[path]}" if path else self._file.name

    def note(self, key: str, problem: str) -> None:
        """Add a problem of a key, or of the table if the key is ""."""
        self.problems.append(": ".join(part for part in (self.place(key), self.title, key, problem) if part))

    def refuse_unknown(self, known: Sequence[str]) -> None:
        """Note every key that is not among the known ones, with the known key that looks most like it."""
        for key in self.table:
            if key not in known:
                import difflib

                similar = difflib.get_close_matches(key, known, 1)
                self.note(key, f"unknown key, expected {similar[0] if similar else 'one of ' + ', '.join(known)}")

    def subtable(self, key: str) -> TableReader:
        """A reader of the table below a key, empty where it is absent."""
        value = self.table.get(key, {})
        if not isinstance(value, dict):
            self.note(key, f"got {type_name(value)}, expected a table")
            value = {}
        return TableReader(self._file, value, (*self.path, key), self.title)

    def tables(self, key: str) -> list[TableReader]:
        """Readers of the tables of an array."""
        tables = self.table.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self.note(key, f"got {type_name(tables)}, expected [[{key}]] tables")
            return []
        return [TableReader(self._file, table, (*self.path, key, number)) for number, table in enumerate(tables, 1)]

    def text(self, key: str, *, required: bool = False) -> str:
        """A string that is not empty; "" where it is absent."""
        return str(
            self._value(key, "", lambda value: isinstance(value, str) and value, "a string that is not empty", required)
        )

    def flag(self, key: str) -> bool:
        """A boolean; False where it is absent."""
        return bool(self._value(key, False, lambda value: isinstance(value, bool), "true or false"))

    def choice(self, key: str, default: Choice, *, required: bool = False) -> Choice:
        """A member of the enumeration of ``default``, written as its value."""
        if key not in self.table and not required:
            return default
        try:
            return type(default)(self.table[key])
        except (KeyError, ValueError):
            expected = f"one of {', '.join(str(choice.value) for choice in type(default))}"
            self.note(key, f"got {show(self.table[key]) if key in self.table else 'nothing'}, expected {expected}")
            return default

    def texts(self, key: str, *, required: bool = False, single: bool = False) -> tuple[str, ...]:
        """An array of strings, not empty; () where it is absent. ``single`` allows a string in place of an array of one."""
        if single and isinstance(self.table.get(key), str):
            return (self.table[key],)
        expected = f"{'a string or ' * single}an array of strings"
        return tuple(self._value(key, [], _is_texts, expected, required))

    def parse_texts(
        self,
        key: str,
        parse: Callable[[str], Parsed],
        error: type[Exception],
        *,
        required: bool = False,
        single: bool = False,
    ) -> tuple[Parsed, ...]:
        """The same strings, parsed; ``error`` is what ``parse`` raises for a string that it refuses, with the reason."""
        texts = self.texts(key, required=required, single=single)
        return tuple(value for text in texts for value in self._parse(key, text, parse, error))

    def _parse(self, key: str, text: str, parse: Callable[[str], Parsed], error: type[Exception]) -> list[Parsed]:
        """One value, or none and a problem."""
        try:
            return [parse(text)]
        except error as problem:
            self.note(key, str(problem))
            return []

    def text_table(self, key: str) -> dict[str, str]:
        """A table of strings that are not empty; {} where it is absent."""
        return dict(self._value(key, {}, _is_text_table, "a table of strings"))

    def _value(self, key: str, default: Any, fits: Callable[[Any], Any], expected: str, required: bool = False) -> Any:  # noqa: FBT001, FBT002
        value = self.table.get(key, default)
        if key in self.table or required:
            if key in self.table and fits(value):
                return value
            self.note(key, f"got {show(value) if key in self.table else 'nothing'}, expected {expected}")
        return default


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(text, str) for text in value)


def _is_text_table(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) and text for text in value.values())
