"""Named tuples behave as those of typing."""

from __future__ import annotations

import copy
import pickle
import types
import typing
from typing import Any

import pytest

from ocisize import tuples


class Size(tuples.NamedTuple):
    """A size."""

    stored: int
    live: int = 0
    names: tuple[str, ...] = ()

    @property
    def waste(self) -> int:
        return self.stored - self.live


class Narrow(Size):
    """A class of such a class."""


def make(base: Any) -> Any:
    """A named tuple of some library."""
    members = {
        "__module__": __name__,
        "__annotations__": {"stored": int, "live": int, "names": tuple},
        "live": 0,
        "names": (),
    }
    return types.new_class("Size", (base,), exec_body=lambda body: body.update(members))


def outcome(call: Any) -> Any:
    """What a call returns as text, or its error."""
    try:
        return repr(call())
    except (TypeError, ValueError, AttributeError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("kind", [Size, Narrow])
def test_values_are_tuples_with_names(kind: type[Size]) -> None:
    size = kind(5, 2)
    assert (size, size.stored, size.live, size.names, size.waste) == ((5, 2, ()), 5, 2, (), 3)
    assert isinstance(size, kind)
    match size:
        case Size(stored, live):
            assert (stored, live) == (5, 2)
    with pytest.raises(AttributeError):
        size.stored = 3  # type: ignore[misc]
    assert not hasattr(Size(1), "__dict__")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_values_are_pickled_and_copied(protocol: int) -> None:
    size = Size(5, names=("a",))
    assert pickle.loads(pickle.dumps(size, protocol)) == copy.deepcopy(size) == copy.copy(size) == size
    assert type(pickle.loads(pickle.dumps(size, protocol))) is Size


@pytest.mark.parametrize(
    "use",
    [
        lambda kind: kind(1, 2, ("a",)),
        lambda kind: kind(1),
        lambda kind: kind(live=1, stored=2),
        lambda kind: kind(),
        lambda kind: kind(1, 2, (), 4),
        lambda kind: kind(1, unknown=2),
        lambda kind: kind(1, stored=2),
        lambda kind: kind._make([1, 2, ()]),
        lambda kind: kind._make([1]),
        lambda kind: kind(1)._replace(live=1),
        lambda kind: kind(1)._replace(unknown=1),
        lambda kind: kind(1)._asdict(),
        lambda kind: kind.stored.__doc__,
        lambda kind: kind(1).__match_args__,
        lambda kind: kind._field_defaults,
        lambda kind: kind._fields,
        lambda kind: hash(kind(1)),
    ],
)
def test_classes_agree_with_typing(use: Any) -> None:
    """Values, their text, and the words of errors; the first use of a class and the next."""
    ours, theirs = make(tuples.NamedTuple), make(typing.NamedTuple)
    expected = outcome(lambda: use(theirs))
    assert outcome(lambda: use(ours)) == expected
    assert outcome(lambda: use(ours)) == expected


def test_any_name_of_a_field_does() -> None:
    """The variables of a compiled constructor begin with an underscore, as no field does."""

    class Verb(tuples.NamedTuple):
        make: int
        names: str = ""

    assert tuple(Verb(make=1)) == (1, "")


@pytest.mark.skipif(not hasattr(copy, "replace"), reason="before Python 3.13")
def test_copy_replace() -> None:
    replace: Any = vars(copy).get("replace")
    assert replace(Size(1), live=2) == Size(1, 2)
