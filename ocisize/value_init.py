"""The ``__init__`` of value classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any

#: The default of a field without one, and of parameters whose default is made for each instance.
NOTHING = type("_Nothing", (), {"__repr__": lambda _: "NOTHING"})()
_UNCOMPILED = 50  # instances that take less time than a compilation, 0.2 ms; a run makes fewer of all classes but few


class MadeDefault:
    """A default that is made for each instance; with ``takes_self``, from the instance and its fields before this one."""

    def __init__(self, factory: Callable[..., Any], *, takes_self: bool = False) -> None:
        self.factory, self.takes_self = factory, takes_self


class Init:
    """The attribute ``__init__`` of a value class, which is compiled after the first instances, or when it is read."""

    def __init__(self) -> None:
        self._uncompiled = _UNCOMPILED

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is not None and self._uncompiled > 0:
            self._uncompiled -= 1
            return partial(_set_fields, self._plan, instance)
        init = self._owner.__init__ = make_init(self._owner)  # type: ignore[misc]
        return init if instance is None else partial(init, instance)

    @cached_property
    def _plan(self) -> _Plan:
        return _Plan(self._owner)


class _Plan:
    """What an ``__init__`` that is not compiled has to know of its class."""

    def __init__(self, cls: Any) -> None:
        parameters = [item for item in cls.__value_fields__ if item.init]
        self.cls = cls
        self.positional = [item.alias for item in parameters if not item.kw_only]
        self.aliases = {item.alias for item in parameters}
        self.required = {item.alias for item in parameters if item.default is NOTHING}
        self.fields = [item for item in cls.__value_fields__ if item.init or item.default is not NOTHING]
        self.validated = [item for item in self.fields if item.validator is not None]
        self.has_post_init = hasattr(cls, "__attrs_post_init__")


def _set_fields(plan: _Plan, instance: Any, /, *arguments: Any, **keywords: Any) -> None:
    """Initialize an instance as the compiled ``__init__`` does."""
    given = dict(zip(plan.positional, arguments, strict=False)) | keywords
    if len(given) != len(arguments) + len(keywords) or not plan.required <= given.keys() <= plan.aliases:
        make_init(plan.cls)(instance, *arguments, **keywords)  # raises TypeError in the words of Python
        return
    for item in plan.fields:
        value = given.get(item.alias, item.default) if item.init else item.default
        if isinstance(value, MadeDefault):
            value = value.factory(instance) if value.takes_self else value.factory()
        if item.converter is not None:
            value = item.converter(value)
        object.__setattr__(instance, item.name, value)
    for item in plan.validated:
        item.validator(instance, item, getattr(instance, item.name))
    if plan.has_post_init:
        instance.__attrs_post_init__()


def make_init(cls: Any) -> Any:
    """Compile the ``__init__`` of a class."""
    scope: dict[str, Any] = {"NOTHING": NOTHING}
    positional, keywords, body, checks = (list[str]() for _ in range(4))
    for item in [item for item in cls.__value_fields__ if item.init or item.default is not NOTHING]:
        name = item.name
        if item.init:
            parameter = item.alias
            if item.default is not NOTHING:
                parameter += f"=default_{name}"
                scope[f"default_{name}"] = NOTHING if isinstance(item.default, MadeDefault) else item.default
            (keywords if item.kw_only else positional).append(parameter)
        body += _init_statements(cls, item, scope)
        if item.validator is not None:
            checks.append(f"check_{name}(self, field_{name}, self.{name})")
            scope |= {f"check_{name}": item.validator, f"field_{name}": item}
    if hasattr(cls, "__attrs_post_init__"):
        checks.append("self.__attrs_post_init__()")
    parameters = ", ".join(["self", *positional, *(["*"] if keywords else []), *keywords])
    source = "\n ".join([f"def __init__({parameters}):", *body, *checks, "pass"])
    exec(source, scope)  # noqa: S102  (only the names of fields are in it)
    init = scope["__init__"]
    init.__qualname__, init.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    init.__annotations__ = {item.alias: item.type for item in cls.__value_fields__ if item.init} | {"return": None}
    return init


def _init_statements(cls: Any, item: Any, scope: dict[str, Any]) -> Iterator[str]:
    """The statements of ``__init__`` that set one field; ``scope`` gets the names in them."""
    name, value = item.name, item.alias
    if isinstance(item.default, MadeDefault):
        scope[f"make_{name}"] = item.default.factory
        made = f"make_{name}({'self' if item.default.takes_self else ''})"
        if item.init:
            yield f"if {value} is NOTHING: {value} = {made}"
        else:
            value = made
    elif not item.init:
        value, scope[f"default_{name}"] = f"default_{name}", item.default
    if item.converter is not None:
        value, scope[f"convert_{name}"] = f"convert_{name}({value})", item.converter
    slot: Any = getattr(cls, name, None)
    if cls.__setattr__ is object.__setattr__:
        yield f"self.{name} = {value}"
    elif hasattr(slot, "__set__"):  # calling a slot takes four fifths of the time of object.__setattr__
        scope[f"set_{name}"] = slot.__set__
        yield f"set_{name}(self, {value})"
    else:
        yield f"self.__dict__[{name!r}] = {value}"
