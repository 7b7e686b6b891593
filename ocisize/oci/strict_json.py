"""Strict JSON for documents of others: no ambiguity, and bounds on the number of values and the length of errors.

What Go's decoder refuses is refused: ``NaN``, ``Infinity``, a byte order mark, and values of another type than that of the
field. A name that an object has twice is refused too, since readers differ in which one they take. So are names of fields in
another case, which Go's decoder accepts and other decoders ignore. Halves of surrogate pairs stay, and reports escape them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from ocisize.errors import DocumentError

MAX_VALUES = 1_000_000  # of a document: each takes at least 64 bytes of memory
_MAX_REPR = 200  # characters of a document that an error repeats
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
    return {name: value for name, value in pairs if value is not None} if None in document.values() else document


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


def name_type(value: object) -> str:
    """Return the name of the type of a decoded value, for an error message.

    >>> name_type(None), name_type(2)
    ('null', 'int')
    """
    return "null" if value is None else type(value).__name__


def expect_type(value: Any, kind: type[_T]) -> _T:
    """Return the value if it is exactly of this type, else raise TypeError; a bool is not an int.

    >>> expect_type(True, int)
    Traceback (most recent call last):
    TypeError: expected int, got bool
    """
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {name_type(value)}")
    return value


def expect_object(value: object, names: Collection[str]) -> dict[str, Any]:
    """Return an object; raise TypeError for another value, and ValueError as ``check_spelling``.

    >>> expect_object([], {"size"})
    Traceback (most recent call last):
    TypeError: expected dict, got list
    """
    fields: dict[str, Any] = expect_type(value, dict)
    if unknown := [name for name in fields if name not in names]:
        check_spelling(unknown, names)
    return fields


def expect_text(fields: Mapping[str, Any], name: str, default: str = "") -> str:
    """Return the text of a field, or the default if it is absent; raise TypeError for another value.

    >>> expect_text({"os": "linux"}, "os"), expect_text({}, "os")
    ('linux', '')
    """
    return expect_type(fields.get(name, default), str)


def expect_texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the texts of a list, () if the field is absent; raise TypeError for another value.

    >>> expect_texts({"urls": ["a", "b"]}, "urls")
    ('a', 'b')
    """
    return tuple([expect_type(text, str) for text in expect_type(fields.get(name, []), list)])


def expect_pairs(fields: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return an object whose values are texts, {} if the field is absent; raise TypeError for another value.

    >>> expect_pairs({"annotations": {"a": 1}}, "annotations")
    Traceback (most recent call last):
    TypeError: expected str, got int
    """
    pairs: dict[str, str] = expect_type(fields.get(name, {}), dict)
    for text in pairs.values():
        expect_type(text, str)
    return pairs
