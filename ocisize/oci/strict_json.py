"""Strict JSON for documents of others: no ambiguity, and bounds on the number of values and the length of errors.

A name that an object has twice is refused, since readers differ in which one they take. So are field names that differ only
in case, which Go's decoder takes for one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection
from itertools import islice
from typing import Any, TypeVar

import cattrs

from ocisize.errors import DocumentError

MAX_VALUES = 1_000_000  # of a document: each takes at least 64 bytes of memory
_MAX_REPR = 200  # characters of a document that an error repeats
_MAX_EXCERPT_ITEMS = 1000  # of a list or an object, that are searched for problems
_MAX_EXCERPT_DEPTH = 6  # the depth of the fields of documents
_T = TypeVar("_T")


def abbreviated_repr(value: object) -> str:
    """Return the repr of a value for an error message, cut to 200 characters.

    >>> abbreviated_repr("sha256:beef")
    "'sha256:beef'"
    >>> len(abbreviated_repr(1000 * "x"))
    201
    """
    text = repr(value)
    return text if len(text) <= _MAX_REPR else f"{text[:_MAX_REPR]}…"


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        repeated = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the name {abbreviated_repr(repeated)} is repeated in one object")
    return {name: value for name, value in pairs if value is not None}


def load_json(data: bytes, what: str) -> Any:
    """Decode JSON and drop names whose value is null.

    Raises DocumentError, which names the document as ``what``, if the JSON is invalid, ambiguous (an object repeats a name),
    nested too deeply or has more than a million values.

    >>> load_json(b'{"size": 2, "urls": null}', "the manifest")
    {'size': 2}
    >>> load_json(b'{"size": 2, "size": 3}', "the manifest")
    Traceback (most recent call last):
    ocisize.errors.DocumentError: the manifest is not valid JSON: the name 'size' is repeated in one object
    """
    if data.count(b",") > MAX_VALUES:
        raise DocumentError(f"{what} has more than {MAX_VALUES} values")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except RecursionError:
        raise DocumentError(f"{what} is nested too deeply") from None
    except ValueError as error:
        hint = "it looks like HTML, for example a login page or an error of a proxy" if data.lstrip()[:1] == b"<" else None
        raise DocumentError(f"{what} is not valid JSON: {error}", hint=hint) from None


def parse_json(data: bytes, what: str) -> dict[str, Any]:
    """Decode a JSON object; raise DocumentError as ``load_json`` does, and for other values than objects.

    >>> parse_json(b"[]", "index.json")
    Traceback (most recent call last):
    ocisize.errors.DocumentError: index.json is not a JSON object but list
    """
    document = load_json(data, what)
    if isinstance(document, dict):
        return document
    raise DocumentError(f"{what} is not a JSON object but {type(document).__name__}")


def spelled_once(read: Callable[[Any, Any], _T], names: Collection[str]) -> Callable[[Any, Any], _T]:
    """Wrap a cattrs structure hook: raise ValueError if an object spells one of these field names in two ways.

    >>> read = spelled_once(lambda document, kind: kind(**document), ["size"])
    >>> read({"size": 1, "Size": 2}, dict)
    Traceback (most recent call last):
    ValueError: the names 'size' and 'Size' differ only in case
    """
    known = {name.casefold() for name in names}

    def hook(document: Any, kind: Any) -> _T:
        if isinstance(document, dict):
            seen: dict[str, str] = {}
            for name in document:
                other = seen.setdefault(name.casefold(), name)
                if other != name and name.casefold() in known:
                    raise ValueError(f"the names {abbreviated_repr(other)} and {abbreviated_repr(name)} differ only in case")
        return read(document, kind)

    return hook


def excerpt(value: Any, depth: int = _MAX_EXCERPT_DEPTH) -> Any:
    """Return a decoded document with only the first thousand items of its lists and objects, six levels deep.

    >>> len(excerpt(list(range(5000))))
    1000
    """
    if depth and isinstance(value, dict):
        return {name: excerpt(item, depth - 1) for name, item in islice(value.items(), _MAX_EXCERPT_ITEMS)}
    if depth and isinstance(value, list):
        return [excerpt(item, depth - 1) for item in value[:_MAX_EXCERPT_ITEMS]]
    return value


def expect_type(value: Any, kind: type[_T]) -> _T:
    """Return the value if it is exactly of this type, else raise TypeError; a bool is not an int.

    >>> expect_type(True, int)
    Traceback (most recent call last):
    TypeError: expected int, got bool
    """
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def strict_converter(*, detailed: bool = True) -> cattrs.Converter:
    """Return a cattrs converter that converts no primitive type into another.

    cattrs alone turns ``null`` into ``"None"`` and ``"2"`` into 2. A ``detailed`` converter raises all problems together,
    another one only the first.

    >>> strict_converter(detailed=False).structure("2", int)
    Traceback (most recent call last):
    TypeError: expected int, got str
    """
    converter = cattrs.Converter(detailed_validation=detailed)
    for primitive in (str, int, bool):
        converter.register_structure_hook(primitive, expect_type)
    return converter
