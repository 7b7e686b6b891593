"""Value classes behave as those of attrs, and attrs and cattrs take them for their own."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pkgutil
import subprocess
import sys
import weakref
from typing import Any

import attrs
import cattrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ocisize.model
import ocisize.oci
from ocisize import values
from ocisize.blob.digest import digest_of
from ocisize.oci.documents import Descriptor, Platform
from ocisize.sources.registry.connection import Connection

NAMES = ("a", "b", "_c", "d")


def _double(value: Any) -> Any:
    return value * 2


def _positive(_: object, attribute: Any, value: Any) -> None:
    if value < 0:
        raise ValueError(f"{attribute.name} is {value}")


def _later(instance: Any) -> str:
    return f"made for {type(instance).__name__}"


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "default": st.integers(0, 3),
        "factory": st.just(int),
        "takes_self": st.just(True),
        "eq": st.booleans(),
        "hash": st.booleans(),
        "repr": st.booleans(),
        "init": st.booleans(),
        "kw_only": st.just(True),
        "alias": st.just("other"),
        "converter": st.just(_double),
        "validator": st.just(_positive),
    },
)
FLAGS = st.fixed_dictionaries({"slots": st.booleans(), "kw_only": st.booleans(), "eq": st.booleans()})
NUMBERS = st.integers(-2, 3)


def make(library: Any, flags: dict[str, Any], fields: list[dict[str, Any]], bases: tuple[type, ...] = ()) -> Any:
    """A class of a library, with the first names for a base class and the others for a class with one."""
    members: dict[str, Any] = {"__annotations__": {}, "__module__": __name__, "__qualname__": "Made"}
    for name, given_options in zip(NAMES[2 * len(bases) :], fields, strict=False):
        options = dict(given_options)
        if options.pop("takes_self", False):
            options["default"] = library.Factory(_later, takes_self=True)
        if "default" in options:
            options.pop("factory", None)
        if "alias" in options:
            options["alias"] += name
        members["__annotations__"][name] = "int"
        if options:
            members[name] = library.field(**options)
    flags = dict(flags)
    decorate = library.frozen if flags.pop("frozen") else library.define
    return decorate(**flags)(type("Made", bases, members))


def outcome(call: Any) -> Any:
    """What a call returns, or its error."""
    try:
        return call()
    except (TypeError, ValueError, AttributeError) as error:
        return type(error), str(error)


def states(value: Any) -> Any:
    """The attributes of a value, or the error that was there instead."""
    return value if isinstance(value, tuple) else {name: getattr(value, name, None) for name in NAMES}


@given(
    st.data(), FLAGS, st.booleans(), st.lists(OPTIONS, max_size=2), st.lists(OPTIONS, max_size=2),
    st.lists(NUMBERS, max_size=4), st.dictionaries(st.sampled_from(["a", "b", "c", "d", "othera", "unknown"]), NUMBERS),
)  # fmt: skip
def test_classes_agree_with_attrs(
    data: st.DataObject, flags: dict[str, Any], frozen: bool, first: list[dict[str, Any]], second: list[dict[str, Any]],
    arguments: list[int], keywords: dict[str, int],
) -> None:  # fmt: skip
    """Of any shape: the signature, instances and their errors, equality, hash, text, copies, changes and assignments."""
    flags = {**flags, "frozen": frozen}
    pairs = []
    for library in (attrs, values):
        try:
            base = make(library, flags, first)
            kind = make(library, flags, second, (base,)) if second else base
            inspect.signature(kind)
            pairs.append(kind)
        except (ValueError, SyntaxError):  # attrs refuses the class, and this module its first use
            pairs.append(None)
    theirs, ours = pairs
    if theirs is None or ours is None:
        assert theirs is ours
        return
    assert [*inspect.signature(ours).parameters] == [*inspect.signature(theirs).parameters]
    assert ours.__match_args__ == theirs.__match_args__
    assert attrs.fields(ours) == attrs.fields(theirs)
    old, new = outcome(lambda: theirs(*arguments, **keywords)), outcome(lambda: ours(*arguments, **keywords))
    assert states(new) == states(old)
    base = make(values, flags, first)  # nobody asked for the signature of this class: its __init__ is not compiled
    uncompiled = make(values, flags, second, (base,)) if second else base
    assert states(outcome(lambda: uncompiled(*arguments, **keywords))) == states(old)
    if isinstance(old, tuple):
        return
    assert outcome(lambda: repr(new)) == outcome(lambda: repr(old))
    assert attrs.has(ours)
    assert weakref.ref(new)() is new
    same, other = data.draw(st.sampled_from([arguments, [1] * len(arguments)])), data.draw(NUMBERS)
    twins = [outcome(lambda kind=kind: kind(*same, **keywords)) for kind in (theirs, ours)]
    assert (new == twins[1]) == (old == twins[0])
    assert (new == old) is False
    hashes = [outcome(lambda value=value: isinstance(hash(value), int)) for value in (old, new)]
    assert hashes[0] == hashes[1]
    if hashes == [True, True] and not isinstance(twins[1], tuple) and new == twins[1] and flags["eq"]:
        assert (hash(old) == hash(twins[0])) <= (hash(new) == hash(twins[1]))
    for change in (*(name.strip("_") for name in NAMES), "othera"):
        changed = [
            outcome(lambda: attrs.evolve(old, **{change: other})),
            outcome(lambda: values.evolve(new, **{change: other})),
            outcome(lambda: attrs.evolve(new, **{change: other})),
        ]
        assert states(changed[1]) == states(changed[0]) == states(changed[2])
    assert outcome(lambda: values.asdict(new)) == outcome(lambda: attrs.asdict(old)) == outcome(lambda: attrs.asdict(new))
    for name in NAMES:
        assert outcome(lambda: setattr(new, name, other)) == outcome(lambda: setattr(old, name, other))
    assert states(copy.copy(new)) == states(copy.copy(old))


@values.frozen
class Pair:
    """A value with a value in it."""

    first: int
    second: tuple[Pair, ...] = ()
    _third: dict[str, Pair] = values.field(factory=dict, hash=False)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_values_are_pickled_and_copied(protocol: int) -> None:
    """With their private fields and the values in them, although they are frozen."""
    pair = Pair(1, (Pair(2), Pair(3)), third={"x": Pair(4)})
    assert pickle.loads(pickle.dumps(pair, protocol)) == copy.deepcopy(pair) == copy.copy(pair) == pair
    assert values.asdict(pair) == attrs.asdict(pair)
    assert hash(pair) == hash(copy.deepcopy(pair))


def test_values_refuse_assignments() -> None:
    """With the error of attrs, which is an AttributeError."""
    pair = Pair(1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        pair.first = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del pair.first
    assert pair == Pair(1)


def test_wrong_arguments_have_the_errors_of_python() -> None:
    """They name the class."""
    with pytest.raises(TypeError, match=r"Pair\.__init__\(\) missing 1 required positional argument: 'first'"):
        Pair()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Pair\.__init__\(\) got an unexpected keyword argument 'fourth'"):
        values.evolve(Pair(1), fourth=2)  # type: ignore[call-arg]


def test_a_value_in_itself_is_printed() -> None:
    """Once."""
    pair = Pair(1)
    pair._third["x"] = pair
    assert repr(pair) == "Pair(first=1, second=(), _third={'x': ...})"


def test_serializers_see_fields_and_elements() -> None:
    """``value_serializer`` and ``filter`` of ``asdict`` work as those of attrs."""

    def serialize(_: object, __: object, value: Any) -> Any:
        return -value if isinstance(value, int) else value

    pair = Pair(1, (Pair(2),))
    for recurse in (True, False):
        options: dict[str, Any] = {"recurse": recurse, "value_serializer": serialize}
        options["filter"] = lambda item, _: item.name != "_third"
        assert values.asdict(pair, **options) == attrs.asdict(pair, **options)


def test_assignments_are_validated_where_values_can_change() -> None:
    """As at the start, with converters."""

    @values.define
    class Counter:
        count: int = values.field(default=0, validator=values.at_least(0), converter=int)

    counter = Counter()
    counter.count = "3"  # type: ignore[assignment]
    assert counter == Counter(3)
    with pytest.raises(ValueError, match="^'count' must be >= 0: -1$"):
        counter.count = -1
    with pytest.raises(ValueError, match="must be >= 0"):
        Connection(retries=-1)


def _public_classes() -> list[type]:
    found = {}
    for package in (ocisize.model, ocisize.oci):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, type) and attrs.has(value) and value.__module__ == module.name:
                    found[f"{module.name}.{value.__name__}"] = value
    return [*found.values()]


@pytest.mark.parametrize("kind", _public_classes())
def test_attrs_and_cattrs_know_public_classes(kind: Any) -> None:
    """Their fields are those of a class of attrs with the same annotations, and a converter can be made."""
    assert [item.name for item in attrs.fields(kind)] == [item.name for item in values.fields(kind)]
    assert [*inspect.signature(kind).parameters] == [item.alias for item in values.fields(kind) if item.init]
    assert all(not isinstance(item.type, str) for item in attrs.fields(attrs.resolve_types(kind)))


def test_cattrs_reads_and_writes_values() -> None:
    """With nested values and defaults."""
    digest = digest_of(b"{}")
    descriptor = Descriptor(digest, 3, platform=Platform("linux", "arm64"))
    converter = cattrs.Converter(omit_if_default=True)
    document = converter.unstructure(descriptor)
    assert document == {"digest": digest, "size": 3, "platform": {"os": "linux", "architecture": "arm64"}}
    assert converter.structure(document, Descriptor) == descriptor
    with pytest.raises(cattrs.BaseValidationError):
        converter.structure({"digest": digest, "size": -1}, Descriptor)


def test_the_library_is_imported_without_attrs() -> None:
    """attrs is imported where somebody asks for it."""
    code = "import sys, ocisize.values as v; C = v.frozen(type('C', (), {'__annotations__': {'x': 'int'}})); C(1); "
    code += "assert 'attr' not in sys.modules; C.__attrs_attrs__; assert 'attr' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
