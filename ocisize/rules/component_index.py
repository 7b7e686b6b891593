"""ComponentIndex: components of globs, found by the names that they may match."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Generic, TypeVar

from ocisize.globs import Component
from ocisize.tuples import NamedTuple
from ocisize.values import evolve, field, frozen

START = 3  #: bytes of a name's start by which components without a key are found; one byte is too common

WHOLE_NAME = 4  #: more parts than ends of names are looked up by
NO_DOT = b"/"  #: the deciding end of names without a dot: no name has it
_MAX_NAMES = 1 << 14  # cached for one index
_MAX_CACHED = 1 << 12  # components; the states of images share most of them

T = TypeVar("T")

_Test = Callable[[bytes], bool]
_Tests = list[tuple[_Test, T]]


class Undecided(NamedTuple):
    """Names of which the end alone does not tell which components of an index match."""

    starts: frozenset[bytes] = frozenset()  #: the first bytes of names that a component may match by name or by start
    #: key of which a component tests more → how many parts at the end of a name decide; WHOLE_NAME if no end does
    parts: Mapping[bytes, int] = {}
    lasts: frozenset[bytes] = frozenset()  #: the last bytes of names that a component may match by them
    any_name: bool = False  #: whether a component may match any name

    def deciding_end(self, name: bytes) -> bytes | None:
        """The last parts of a name, if all names that end with them match the same components: ``js.map`` of ``a.js.map``.

        Names with a start in ``starts`` do not count. NO_DOT for a name without a dot; None if a name has no such end.
        """
        if self.any_name or name[-1:] in self.lasts:
            return None
        rest, dot, key = name.rpartition(b".")
        if not dot:
            return NO_DOT
        count, end = self.parts.get(key, 1), key
        if count == WHOLE_NAME:
            return None
        for _ in range(count - 1):
            rest, dot, part = rest.rpartition(b".")
            if not dot:
                return None
            end = part + dot + end
        return end or None


@frozen
class ComponentIndex(Generic[T]):
    """Components of globs with a value each, found by name.

    A component is in the first of the tables that it has a key for, so that few names are tested against more than one
    component. Without ``by_start`` or ``by_end`` a run takes 6 % more CPU, without ``by_first`` and ``by_needle`` 2 %;
    benchmarks/NOTES.md has the figures.
    """

    by_name: dict[bytes, list[T]] = field(factory=dict)  #: values of components that match one name only
    by_key: dict[bytes, _Tests[T]] = field(factory=dict)
    by_start: dict[bytes, _Tests[T]] = field(factory=dict)
    by_first: dict[bytes, _Tests[T]] = field(factory=dict)
    by_end: dict[bytes, _Tests[T]] = field(factory=dict)
    by_needle: dict[bytes, _Tests[T]] = field(factory=dict)
    others: _Tests[T] = field(factory=list)
    parts: dict[bytes, int] = field(factory=dict)  #: see ``Undecided.parts``
    has_wildcards: bool = False  #: whether a component is in another table than ``by_name``
    is_open: bool = False  #: whether a component is in ``by_first``, ``by_needle`` or ``others``
    needle: re.Pattern[bytes] | None = None  #: finds every text in ``by_needle``
    below: ComponentIndex[T] | None = None  #: an index that this one adds to
    known: dict[bytes, list[T]] = field(factory=dict)  #: a cache of the indexes that add to this one, by name

    @classmethod
    def of(cls, pairs: Iterable[tuple[Component, T]], below: ComponentIndex[T] | None = None) -> ComponentIndex[T]:
        """The index of some components with their values, and of those in the index ``below``, which is not copied."""
        pairs = list(pairs)
        if not pairs and below is not None:
            return below
        has_wildcards = any(component.literal is None for component, _ in pairs)
        # ComponentIndex[T] would set an attribute, which frozen values refuse
        index = ComponentIndex(has_wildcards=has_wildcards, below=below)
        tables = index.by_key, index.by_start, index.by_first, index.by_end, index.by_needle
        for component, value in pairs:
            if component.literal is not None:
                index.by_name.setdefault(component.literal, []).append(value)
                continue
            number, key, test, parts = _find_place(component)
            (tables[number].setdefault(key, []) if number < len(tables) else index.others).append((test, value))
            if parts > 1:
                index.parts[key] = max(parts, index.parts.get(key, 0))
        if not (index.by_first or index.by_needle or index.others):
            return index
        needle = re.compile(b"|".join(map(re.escape, index.by_needle))) if index.by_needle else None
        return evolve(index, is_open=True, needle=needle)

    def matching(self, name: bytes) -> list[T]:
        """The values of the components that match a name; nobody may change the list."""
        below = self.below
        if below is None:
            return self._match(name)
        found = below.known.get(name)
        if found is None:
            found = below.remember(name)
        return found + self._match(name) if self.has_wildcards or name in self.by_name else found

    def remember(self, name: bytes) -> list[T]:
        """Keep the values of a name, which is in many directories: the indexes of these directories add to this one."""
        if len(self.known) >= _MAX_NAMES:
            self.known.clear()
        values = self.known[name] = self.matching(name)
        return values

    def _match(self, name: bytes) -> list[T]:
        """The values of this index without those of the index below."""
        values = list(self.by_name.get(name, ()))
        if not self.has_wildcards:
            return values
        tests: _Tests[T] = []
        if (key := name.rpartition(b".")[2]) in self.by_key:
            tests += self.by_key[key]
        if (start := name[:START]) in self.by_start:
            tests += self.by_start[start]
        if (end := name[-1:]) in self.by_end:
            tests += self.by_end[end]
        if self.is_open:
            tests += self.open_tests(name)
        return values + [value for test, value in tests if test(name)] if tests else values

    def open_tests(self, name: bytes) -> _Tests[T]:
        """The tests of the components that are not found by a part of the name of fixed length."""
        tests = [*self.others, *self.by_first.get(name[:1], ())]
        if self.needle is not None and self.needle.search(name):
            tests += chain.from_iterable(self.by_needle.values())
        return tests

    def undecided(self, below: Undecided | None = None) -> Undecided:
        """The names that other components than those found by a key may match; ``below``: those of the index below."""
        below = below or Undecided()
        return Undecided(
            below.starts.union(self.by_start, (name[:START] for name in self.by_name)),
            _most_parts(below.parts, self.parts),
            below.lasts.union(self.by_end),
            below.any_name or self.is_open,
        )


def _most_parts(one: Mapping[bytes, int], other: Mapping[bytes, int]) -> Mapping[bytes, int]:
    """The larger number for each key."""
    return {**one, **{key: max(parts, one.get(key, 0)) for key, parts in other.items()}} if other else one


@functools.lru_cache(_MAX_CACHED)
def _find_place(component: Component) -> tuple[int, bytes, _Test, int]:
    """Where a component with wildcards is in a `ComponentIndex`, and how names are tested.

    Returns the number of the table, the key in the table, the test, and how many parts of a name after its last dots
    decide: 1 for ``*.gz``, 2 for ``*.tar.gz``, WHOLE_NAME if the whole name does; 0 for a component that is not found by its
    key.
    """
    start = component.start[:START] if len(component.start) >= START else None
    keys = (
        component.key if start is None else None,
        start,
        component.start[:1] or None,
        component.end[-1:] or None,
        component.needle or None,
    )
    number = next((number for number, key in enumerate(keys) if key is not None), len(keys))
    parts = 0
    if number == 0:
        is_end = component.text.encode() == b"*" + component.end and component.end.startswith(b".")
        parts = min(component.end.count(b"."), WHOLE_NAME) if is_end else WHOLE_NAME
    return number, (*keys, None)[number] or b"", component.make_test(), parts
