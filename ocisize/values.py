"""Value classes: the part of attrs that ocisize uses, without its cost at start-up.

A run makes 140 value classes. attrs takes 78 ms of CPU to be imported and 0.9 ms for a class, dataclasses take longer, and
Python starts in 25 ms. The decorators here take 0.04 ms for a class: its methods are shared with all others, and its
``__init__`` is compiled only if it makes many instances.

Everybody else sees classes of attrs. Type checkers take the names of this module for those of attrs. ``__attrs_attrs__`` is
made, and attrs imported, when it is first asked for, so that ``attrs.fields``, ``attrs.asdict``, ``attrs.evolve`` and cattrs
work. ``tests/test_values.py`` compares the classes with those of attrs.

The decorators return a new class, as slots need, so methods of a value class cannot call ``super()`` without arguments.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, NoReturn

from ocisize.value_init import NOTHING, Init, MadeDefault

__all__ = ["Attribute", "Factory", "asdict", "at_least", "define", "evolve", "field", "fields", "frozen"]
_Validator = Callable[[Any, Any, Any], object]


class _Attribute:
    """A field of a class: the arguments of ``field``, its name and its annotation."""

    def __init__(
        self, *,
        default: Any = NOTHING, factory: Callable[[], Any] | None = None, validator: _Validator | None = None,
        converter: Callable[[Any], Any] | None = None, repr: bool = True, eq: bool = True, hash: bool | None = None,  # noqa: A002
        init: bool = True, kw_only: bool = False, alias: str | None = None,
    ) -> None:  # fmt: skip
        self.name, self.type = "", None
        self.default = default if factory is None else MadeDefault(factory)
        self.validator, self.converter = validator, converter
        self.repr, self.eq, self.hash = repr, eq, hash
        self.init, self.kw_only, self.alias = init, kw_only, alias


class _FirstUse:
    """An attribute of a class that is made when it is first asked for."""

    def __init__(self, make: Callable[[type], Any]) -> None:
        self.make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, instance: object, owner: type) -> Any:
        made = self.__dict__.setdefault("made", self.make(self.owner))  # the first one, if threads make several
        setattr(self.owner, self.name, made)
        return made.__get__(instance, owner) if hasattr(made, "__get__") else made


def _define(
    cls: type | None = None, *, frozen: bool = False, slots: bool = True, kw_only: bool = False, eq: bool = True
) -> Any:
    """Return a class with the fields that ``cls`` annotates, as ``attrs.define`` does.

    Instances of a class with ``slots`` have no dictionary, which cached properties need.

    >>> @frozen
    ... class Size:
    ...     stored: int
    ...     live: int = 0
    >>> Size(2), Size(2) == Size(stored=2, live=0)
    (Size(stored=2, live=0), True)
    """
    if cls is None:
        return partial(_define, frozen=frozen, slots=slots, kw_only=kw_only, eq=eq)
    own = _own_fields(cls, kw_only=kw_only)
    inherited = {item.name: item for item in getattr(cls, "__value_fields__", ())}
    fields = (*(item for item in inherited.values() if item.name not in own), *own.values())
    members = {"__qualname__": cls.__qualname__, "__value_fields__": fields, "__init__": Init()}
    members |= {"__attrs_attrs__": _FirstUse(_make_attrs_attributes), "__repr__": _repr}
    members["__match_args__"] = tuple(item.name for item in fields if item.init and not item.kw_only)
    if eq:
        members |= {"__eq__": _eq, "__eq_key__": _getter([item.name for item in fields if item.eq])}
        if frozen:
            hashed = [item.name for item in fields if (item.eq if item.hash is None else item.hash)]
            members |= {"__hash__": _hash, "__hash_key__": _getter(hashed)}
    if frozen:
        members |= {"__setattr__": _refuse, "__delattr__": _refuse}
    elif any(item.validator or item.converter for item in fields):
        members["__setattr__"] = _set_checked
    if slots:
        weakref = () if getattr(cls.__base__, "__weakrefoffset__", 0) else ("__weakref__",)
        members["__slots__"] = (*(name for name in own if name not in inherited), *weakref)
        members |= {"__getstate__": _getstate, "__setstate__": _setstate}
    left_out = {"__dict__", "__weakref__", *own}
    members |= {name: value for name, value in cls.__dict__.items() if name not in left_out}
    return type(cls)(cls.__name__, cls.__bases__, members)


def _own_fields(cls: type, *, kw_only: bool) -> dict[str, _Attribute]:
    """The fields that a class annotates itself, by name."""
    fields = {}
    for name, annotation in cls.__annotations__.items():
        if str(annotation).startswith(("ClassVar", "typing.ClassVar")):
            continue
        given = cls.__dict__.get(name, NOTHING)
        item = fields[name] = given if isinstance(given, _Attribute) else _Attribute(default=given)
        item.name, item.type = name, annotation
        item.kw_only |= kw_only
        item.alias = item.alias or name.lstrip("_")
    return fields


def _getter(names: list[str]) -> Callable[[Any], Any]:
    return operator.attrgetter(*names or ["__class__"])  # all values of one class without fields are equal


def _make_attrs_attributes(cls: Any) -> Any:
    """What attrs makes for an equal class."""
    import attrs

    twin = {}
    for item in cls.__value_fields__:
        default = item.default
        if isinstance(default, MadeDefault):
            default = attrs.Factory(default.factory, takes_self=default.takes_self)  # type: ignore[call-overload]
        elif default is NOTHING:
            default = attrs.NOTHING
        twin[item.name] = attrs.field(
            default=default, validator=item.validator, converter=item.converter, repr=item.repr, eq=item.eq, hash=item.hash,
            init=item.init, kw_only=item.kw_only, alias=None if item.alias == item.name.lstrip("_") else item.alias,
        )  # fmt: skip
    annotations = {item.name: item.type for item in cls.__value_fields__}
    decorate = attrs.frozen if cls.__setattr__ is _refuse else attrs.define
    return attrs.fields(decorate(type(cls.__name__, (), {**twin, "__annotations__": annotations})))


@recursive_repr()
def _repr(self: Any) -> str:
    values = [(item.name, getattr(self, item.name, NOTHING)) for item in self.__value_fields__ if item.repr]
    name = type(self).__qualname__.rsplit(">.", 1)[-1]
    return f"{name}({', '.join(f'{name}={value!r}' for name, value in values)})"


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    key = self.__eq_key__
    return key(self) == key(other)


def _hash(self: Any) -> int:
    return hash(self.__hash_key__(self))


def _refuse(_: object, *__: object) -> NoReturn:
    from attrs.exceptions import FrozenInstanceError

    raise FrozenInstanceError


def _set_checked(self: Any, name: str, value: Any) -> None:
    item = next((item for item in self.__value_fields__ if item.name == name), None)
    if item is not None and item.converter is not None:
        value = item.converter(value)
    if item is not None and item.validator is not None:
        item.validator(self, item, value)
    object.__setattr__(self, name, value)


def _getstate(self: Any) -> dict[str, Any]:
    return {item.name: getattr(self, item.name) for item in self.__value_fields__}


def _setstate(self: Any, state: dict[str, Any]) -> None:
    for name, value in state.items():
        object.__setattr__(self, name, value)


def _fields(cls: Any) -> tuple[_Attribute, ...]:
    """The fields of a value class, those of its base classes first."""
    return cls.__value_fields__  # type: ignore[no-any-return]


def _evolve(value: Any, /, **changes: Any) -> Any:
    """Return a copy of ``value`` with some fields changed; raises TypeError for a name that is not of a field."""
    for item in value.__value_fields__:
        if item.init and item.alias not in changes:
            changes[item.alias] = getattr(value, item.name)
    return type(value)(**changes)


def _asdict(
    value: Any,
    *,
    recurse: bool = True,
    filter: Callable[[Any, Any], bool] | None = None,  # noqa: A002  (the name of attrs)
    value_serializer: Callable[[Any, Any, Any], Any] | None = None,
) -> dict[str, Any]:
    """Return the fields of ``value`` by name; with ``recurse``, so are the values in it.

    ``value_serializer`` replaces a value: of an instance and a field, or an element of a collection, with None for both.
    """
    serialize = value_serializer or (lambda _, __, part: part)

    def plain(part: Any) -> Any:
        if hasattr(type(part), "__value_fields__"):
            return _asdict(part, filter=filter, value_serializer=value_serializer)
        if isinstance(part, list | tuple | set | frozenset):
            collect = getattr(type(part), "_make", type(part))  # named tuples take no iterable
            return collect(plain(serialize(None, None, element)) for element in part)
        if isinstance(part, dict):
            return {name: plain(serialize(None, None, element)) for name, element in part.items()}
        return part

    found = {}
    for item in value.__value_fields__:
        part = getattr(value, item.name)
        if filter is None or filter(item, part):
            part = serialize(value, item, part)
            found[item.name] = plain(part) if recurse else part
    return found


def at_least(minimum: int, *, optional: bool = False) -> _Validator:
    """A validator that raises ValueError for a number below ``minimum``; with ``optional``, None is valid, too."""

    def check(_: object, attribute: _Attribute, value: Any) -> None:
        if not (optional and value is None) and not value >= minimum:
            raise ValueError(f"'{attribute.name}' must be >= {minimum}: {value}")

    return check


if TYPE_CHECKING:  # a type checker knows the fields of these classes, and checks the arguments of ``evolve``
    from attrs import Attribute, Factory, asdict, define, evolve, field, fields, frozen
else:
    Attribute, Factory, define, field, frozen = _Attribute, MadeDefault, _define, _Attribute, partial(_define, frozen=True)
    asdict, evolve, fields = _asdict, _evolve, _fields
