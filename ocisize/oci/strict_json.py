"""Strict JSON for documents of others: no ambiguity, and bounds on the number of values and the length of errors.

What Go's decoder refuses is refused: ``NaN``, ``Infinity``, a byte order mark, and values of another type than that of the
field. A name that an object has twice is refused too, since readers differ in which one they take. So are names of fields in
another case, which Go's decoder accepts and other decoders ignore. Halves of surrogate pairs stay, and reports escape them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection
from itertools import islice
from typing import Any, TypeVar, get_args, get_origin

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


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def load_json(data: bytes, what: str) -> Any:
    """Decode JSON and drop names whose value is null.

    Raises DocumentError, which names the document as ``what``, if the JSON is invalid, ambiguous (an object repeats a name),
    nested too deeply or has more than a million values.

    >>> load_json(b'{"size": 2, "urls": null}', "the manifest")
    {'size': 2}
    >>> load_json(b'{"size": 2, "size": 3}', "the manifest")
    Traceback (most recent call last):
    ocisize.errors.DocumentError: the manifest is not valid JSON: the name 'size' is repeated in one object
    >>> load_json(b'{"size": NaN}', "the manifest")
    Traceback (most recent call last):
    ocisize.errors.DocumentError: the manifest is not valid JSON: NaN is not a JSON value
    """
    if data.count(b",") > MAX_VALUES:
        raise DocumentError(f"{what} has more than {MAX_VALUES} values")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_refuse_constant)
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


def has_null(data: bytes, name: str) -> bool:
    """Return True if the object that JSON which ``parse_json`` accepts holds has this name, and null as its value.

    >>> has_null(b'{"manifests": null}', "manifests"), has_null(b'{"layers": []}', "manifests")
    (True, False)
    """
    return name in (document := json.loads(data)) and document[name] is None


def check_spelling(document: Collection[str], names: Collection[str]) -> None:
    """Raise ValueError if an object spells the name of a field in another case: Go reads it, other decoders ignore it.

    >>> check_spelling({"Size": 2}, ["size"])
    Traceback (most recent call last):
    ValueError: the name 'Size' must be written 'size'
    >>> check_spelling({"size": 1, "Size": 2}, ["size"])
    Traceback (most recent call last):
    ValueError: the names 'size' and 'Size' differ only in case
    """
    known = {name.casefold(): name for name in names}
    for name in document:
        expected = known.get(name.casefold(), name)
        if name != expected and expected in document:
            raise ValueError(f"the names {expected!r} and {abbreviated_repr(name)} differ only in case")
        if name != expected:
            raise ValueError(f"the name {abbreviated_repr(name)} must be written {expected!r}")


def read_object(read: Callable[[Any, Any], _T], names: Collection[str]) -> Callable[[Any, Any], _T]:
    """Wrap a cattrs structure hook: raise TypeError for other values than objects, ValueError as ``check_spelling``.

    cattrs alone takes an empty list or text for an object without fields.

    >>> read = read_object(lambda document, kind: kind(**document), ["size"])
    >>> read([], dict)
    Traceback (most recent call last):
    TypeError: expected an object, got list
    """

    def hook(document: Any, kind: Any) -> _T:
        if not isinstance(document, dict):
            raise TypeError(f"expected an object, got {_name_type(document)}")
        check_spelling(document, names)
        return read(document, kind)

    return hook


def _name_type(value: object) -> str:
    return "null" if value is None else type(value).__name__


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
        raise TypeError(f"expected {kind.__name__}, got {_name_type(value)}")
    return value


def _is_sequence(kind: Any) -> bool:
    return get_origin(kind) is tuple and get_args(kind)[-1:] == (Ellipsis,)


def strict_converter(*, detailed: bool = True) -> cattrs.Converter:
    """Return a cattrs converter that converts no primitive type into another, and only lists into tuples.

    cattrs alone turns ``null`` into ``"None"``, ``"2"`` into 2 and a text into its characters. A ``detailed`` converter
    raises all problems together, another one only the first.

    >>> strict_converter(detailed=False).structure("2", int)
    Traceback (most recent call last):
    TypeError: expected int, got str
    """
    converter = cattrs.Converter(detailed_validation=detailed)
    for primitive in (str, int, bool):
        converter.register_structure_hook(primitive, expect_type)

    def read_list(value: Any, kind: Any) -> tuple[Any, ...]:
        # cattrs alone takes the characters of a text and the names of an object for a list
        items: Any = list[get_args(kind)[0]]  # type: ignore[misc]
        return tuple(converter.structure(expect_type(value, list), items))

    converter.register_structure_hook_func(_is_sequence, read_list)
    return converter
