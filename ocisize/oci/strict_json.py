"""JSON of others: one reading only, and errors and values of bounded number and length.

Names that stand twice in an object are refused, since readers differ in which of them they take, as are names of fields
that differ in case alone, which Go's decoder takes for one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection
from itertools import islice
from typing import Any, TypeVar

import cattrs

from ocisize.errors import DocumentError

MAX_VALUES = 1_000_000  # of a document: each takes 64 bytes and more
_MAX_SHOWN = 200  # characters of a document that an error repeats
_EXCERPT = 1000  # items of a list, or names of an object, that are looked through for mistakes
_DEPTH = 6  # as deep as the fields of documents lie
_T = TypeVar("_T")


def abbreviated_repr(value: object) -> str:
    """A value as an error shows it, however long it is."""
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the name {abbreviated_repr(twice)} stands twice in one object")
    return {name: value for name, value in pairs if value is not None}


def load_json(data: bytes, what: str) -> Any:
    """Decode JSON, without names that are null; raise DocumentError naming ``what`` when it is not one reading of it."""
    if data.count(b",") > MAX_VALUES:
        raise DocumentError(f"{what} has more than {MAX_VALUES} values")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except RecursionError:
        raise DocumentError(f"{what} is nested too deeply") from None
    except ValueError as error:
        hint = "it looks like HTML: is there a login page or a proxy in between?" if data.lstrip()[:1] == b"<" else None
        raise DocumentError(f"{what} is not valid JSON: {error}", hint=hint) from None


def parse_json(data: bytes, what: str) -> dict[str, Any]:
    """Decode a JSON object; raise DocumentError naming ``what`` when it is not one."""
    if isinstance(document := load_json(data, what), dict):
        return document
    raise DocumentError(f"{what} is not a JSON object but {type(document).__name__}")


def spelled_once(read: Callable[[Any, Any], _T], names: Collection[str]) -> Callable[[Any, Any], _T]:
    """A reader of objects with fields of these names that raises ValueError where one stands in two spellings."""
    known = {name.casefold() for name in names}

    def hook(document: Any, kind: Any) -> _T:
        if isinstance(document, dict):
            seen: dict[str, str] = {}
            for name in document:
                other = seen.setdefault(name.casefold(), name)
                if other != name and name.casefold() in known:
                    raise ValueError(
                        f"the names {abbreviated_repr(other)} and {abbreviated_repr(name)} differ in case alone"
                    )
        return read(document, kind)

    return hook


def excerpt(value: Any, depth: int = _DEPTH) -> Any:
    """A decoded document with the first items of its long lists and objects only."""
    if depth and isinstance(value, dict):
        return {name: excerpt(each, depth - 1) for name, each in islice(value.items(), _EXCERPT)}
    if depth and isinstance(value, list):
        return [excerpt(each, depth - 1) for each in value[:_EXCERPT]]
    return value


def expect_type(value: Any, kind: type[_T]) -> _T:
    """The value, if it is of just that type; raises TypeError."""
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def strict_converter(*, detailed: bool = True) -> cattrs.Converter:
    """A converter that takes no value for another: cattrs alone turns ``null`` into ``"None"`` and ``"2"`` into 2.

    A ``detailed`` one raises all problems together, the other the first.
    """
    converter = cattrs.Converter(detailed_validation=detailed)
    for primitive in (str, int, bool):
        converter.register_structure_hook(primitive, expect_type)
    return converter
