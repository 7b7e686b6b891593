"""Named tuples: those of typing, without their cost at start-up.

typing checks all annotations and compiles a constructor, which takes 0.1 ms for a class, and a run makes 50 classes. The
classes here compile a constructor when they are first called with a name or without a value that has a default.

Type checkers take the name of this module for that of typing. ``tests/test_tuples.py`` compares the classes.
"""

from __future__ import annotations

from collections import _tuplegetter  # type: ignore[attr-defined]  # the attributes of all named tuples, made in C
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

__all__ = ["NamedTuple"]


class _Tuple(tuple):  # type: ignore[type-arg]
    """What all named tuples have."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()
    _field_defaults: dict[str, Any] = {}  # noqa: RUF012

    def __new__(cls, /, *values: Any, **named: Any) -> Any:
        if named or len(values) != len(cls._fields):
            return _make_new(cls)(cls, *values, **named)
        return tuple.__new__(cls, values)

    @classmethod
    def _make(cls, values: Iterable[Any]) -> Any:
        made = tuple.__new__(cls, values)
        if len(made) != len(cls._fields):
            raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
        return made

    def _replace(self, /, **changes: Any) -> Any:
        made = self._make(map(changes.pop, self._fields, self))
        if changes:
            raise ValueError(f"Got unexpected field names: {list(changes)!r}")
        return made

    __replace__ = _replace  # for copy.replace

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._asdict().items())})"

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)


def _make_new(cls: Any) -> Any:
    """Compile the ``__new__`` of a class, and keep it."""
    owner = next(base for base in cls.__mro__ if "_fields" in base.__dict__)
    names = ", ".join(owner._fields)
    new = eval(f"lambda _cls, {names}: _make(_cls, ({names},))", {"_make": tuple.__new__})  # noqa: S307  (names of fields)
    new.__defaults__ = tuple(owner._field_defaults.values())
    new.__name__, new.__qualname__, new.__module__ = "__new__", f"{owner.__qualname__}.__new__", owner.__module__
    owner.__new__ = staticmethod(new)
    return new


class _Maker(type):
    """Makes a class of a tuple from the body of a class with annotations."""

    def __new__(cls, name: str, _: tuple[type, ...], members: dict[str, Any]) -> Any:
        fields = tuple(members["__annotations__"])
        added: dict[str, Any] = {"__slots__": (), "_fields": fields, "__match_args__": fields}
        added["_field_defaults"] = {field: members[field] for field in fields if field in members}
        added |= {field: _tuplegetter(number, f"Alias for field number {number}") for number, field in enumerate(fields)}
        return type(name, (_Tuple,), members | added)


if TYPE_CHECKING:  # a type checker knows the fields of these classes
    from typing import NamedTuple
else:
    NamedTuple = type.__new__(_Maker, "NamedTuple", (), {})
