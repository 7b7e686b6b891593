"""Values as lists of JSON, and back: the annotations of the fields say what is expected, and nothing else is accepted.

A value class is written as the list of its fields. cattrs would do the same; to import it and to make its functions for
these classes takes longer than a whole run that finds its analysis in the cache.
"""

from __future__ import annotations

import enum
import math
import types
from collections.abc import Callable
from typing import Any, Union, get_args, get_origin, get_type_hints

from ocisize.cache.entry import BadEntry

_LEAVES = frozenset((int, str, bool, float, type(None)))
_Reader = Callable[[Any], Any]


def to_plain(value: Any, apart: frozenset[type] = frozenset()) -> Any:
    """Return a value as lists, texts and numbers; values of the types ``apart`` are left out, as None.

    >>> from ocisize.values import frozen
    >>> @frozen
    ... class Place:
    ...     name: str
    ...     lines: tuple[int, ...] = ()
    >>> to_plain(Place("Dockerfile", (1, 2)))
    ['Dockerfile', [1, 2]]
    """
    kind = type(value)
    if kind in _LEAVES:
        return value
    if kind in apart:
        return None
    if isinstance(value, enum.Enum):
        return value.value
    if kind in (tuple, list):
        return [to_plain(item, apart) for item in value]
    return [to_plain(getattr(value, field.name), apart) for field in kind.__value_fields__]


class PlainReader:
    """Makes values of what ``to_plain`` returned; the types ``apart`` are those that were left out.

    >>> from ocisize.model.findings import Saving
    >>> PlainReader().read(Saving, [10, None])
    Saving(size=10, compressed_size=None)
    >>> PlainReader().read(Saving, ["10", None])
    Traceback (most recent call last):
    ocisize.cache.entry.BadEntry: got str, expected int
    """

    def __init__(self, apart: frozenset[type] = frozenset()) -> None:
        self._apart = apart
        self._readers: dict[Any, _Reader] = {}

    def read(self, kind: Any, plain: Any) -> Any:
        """Return the value of a type; raises BadEntry if ``plain`` does not describe one."""
        return self._reader(kind)(plain)

    def _reader(self, kind: Any) -> _Reader:
        reader = self._readers.get(kind)
        if reader is None:
            reader = self._readers[kind] = self._make(kind)
        return reader

    def _make(self, kind: Any) -> _Reader:
        """The function that reads values of a type, as an annotation names it."""
        if kind in self._apart:
            return _read_nothing
        if kind in _LEAVES:
            return _read_float if kind is float else _leaf_reader(kind)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin in (types.UnionType, Union):
            return self._make_optional(arguments)
        if origin is tuple:
            return self._make_tuple(arguments)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return _enum_reader(kind)
        return self._make_value(kind)

    def _make_optional(self, arguments: tuple[Any, ...]) -> _Reader:
        (kind,) = (argument for argument in arguments if argument is not type(None))
        read = self._reader(kind)
        return lambda plain: None if plain is None else read(plain)

    def _make_tuple(self, arguments: tuple[Any, ...]) -> _Reader:
        if arguments[1:] == (...,):
            read_item = self._reader(arguments[0])
            return lambda plain: tuple(map(read_item, _expect_list(plain)))
        readers = [self._reader(argument) for argument in arguments]

        def read(plain: Any) -> tuple[Any, ...]:
            return tuple(read(item) for read, item in zip(readers, _expect_list(plain, len(readers)), strict=True))

        return read

    def _make_value(self, kind: Any) -> _Reader:
        hints = get_type_hints(kind)
        names = [field.name for field in kind.__value_fields__]
        readers = [self._reader(hints[name]) for name in names]
        make, fill = kind.__new__, kind.__setstate__ if hasattr(kind, "__setstate__") else _fill

        def read(plain: Any) -> Any:
            values = _expect_list(plain, len(readers))
            instance = make(kind)
            fill(instance, dict(zip(names, [read(value) for read, value in zip(readers, values, strict=True)], strict=True)))
            return instance

        return read


def _fill(instance: Any, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        object.__setattr__(instance, name, value)


def _expect_list(plain: Any, length: int | None = None) -> list[Any]:
    if type(plain) is not list or (length is not None and len(plain) != length):
        raise BadEntry(f"got {type(plain).__name__}, expected a list{f' of {length}' if length is not None else ''}")
    return plain


def _leaf_reader(kind: type) -> _Reader:
    def read(plain: Any) -> Any:
        if type(plain) is not kind:
            raise BadEntry(f"got {type(plain).__name__}, expected {kind.__name__}")
        return plain

    return read


def _read_float(plain: Any) -> float:
    if type(plain) not in (int, float) or not math.isfinite(plain):
        raise BadEntry(f"got {type(plain).__name__}, expected a finite number")
    return float(plain)


def _read_nothing(plain: Any) -> None:
    if plain is not None:
        raise BadEntry("got a value that is kept apart")


def _enum_reader(kind: Any) -> _Reader:
    def read(plain: Any) -> Any:
        try:
            return kind(plain)
        except (ValueError, TypeError):
            raise BadEntry(f"got {plain!r:.50}, expected a {kind.__name__}") from None

    return read
