"""Automaton: which of many globs match a path, directory by directory.

The automaton reads path components. Its states are made when a directory first needs them: the state of a directory is
found once, by one step from the state of its parent, and holds the tests for the names in the directory. Globs are known
by their number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Generic, TypeVar

from ocisize.filesystem.directories import MAX_PATH, DirectoryIndex
from ocisize.globs import ANY_DEPTH, Component, Glob
from ocisize.values import define, evolve, field, frozen

START = 3  #: bytes of a name's start by which components without a key are found; one byte is too common

_Position = tuple[int, int]  # number of a glob, number of its components that are matched
_End = tuple[int, bool]  # number of a glob, whether it matches directories only
T = TypeVar("T")


_Tests = list[tuple[Callable[[bytes], bool], T]]


@frozen
class _ComponentIndex(Generic[T]):
    """Components of globs with a value each, found by name.

    A component is in the first of the tables that it has a key for, so that few names are tested against more than one
    component. Without ``by_start`` or ``by_end`` a run takes 6 % more CPU, without ``by_first`` and ``by_needle`` 2 %;
    benchmarks/NOTES.md has the figures.
    """

    by_key: dict[bytes, _Tests[T]] = field(factory=dict)
    by_start: dict[bytes, _Tests[T]] = field(factory=dict)
    by_first: dict[bytes, _Tests[T]] = field(factory=dict)
    by_end: dict[bytes, _Tests[T]] = field(factory=dict)
    by_needle: dict[bytes, _Tests[T]] = field(factory=dict)
    others: _Tests[T] = field(factory=list)
    unsure: set[bytes] = field(factory=set)  #: keys of components that test more than the key, unlike ``*.key``
    needle: re.Pattern[bytes] | None = None  #: finds every text in ``by_needle``

    @classmethod
    def of(cls, pairs: Iterable[tuple[Component, T]]) -> _ComponentIndex[T]:
        """The index of some components with their values."""
        return cls().with_more(pairs)  # to call ``_ComponentIndex[T]`` would set an attribute, which frozen values refuse

    def with_more(self, pairs: Iterable[tuple[Component, T]]) -> _ComponentIndex[T]:
        """An index with these components added."""
        more = _ComponentIndex(
            dict(self.by_key),
            dict(self.by_start),
            dict(self.by_first),
            dict(self.by_end),
            dict(self.by_needle),
            [*self.others],
            set(self.unsure),
        )
        for component, value in pairs:
            test = component.make_test(), value
            for table, key in (
                (more.by_key, component.key),
                (more.by_start, component.start[:START] if len(component.start) >= START else None),
                (more.by_first, component.start[:1] or None),
                (more.by_end, component.end[-1:] or None),
                (more.by_needle, component.needle or None),
            ):
                if key is not None:
                    table[key] = [*table.get(key, ()), test]
                    break
            else:
                more.others.append(test)
            if component.key is not None and component.text.encode() != b"*." + component.key:
                more.unsure.add(component.key)
        needles = b"|".join(map(re.escape, more.by_needle))
        return evolve(more, needle=re.compile(needles) if needles else None)

    def matching(self, name: bytes) -> list[T]:
        """The values of the components that match a name."""
        by_key = self.by_key.get(name.rpartition(b".")[2])
        by_start = self.by_start.get(name[:START])
        by_first = self.by_first.get(name[:1])
        by_end = self.by_end.get(name[-1:])
        has_needle = self.needle is not None and self.needle.search(name)
        by_needle = chain.from_iterable(self.by_needle.values()) if has_needle else ()
        if not (by_key or by_start or by_first or by_end or by_needle or self.others):
            return []
        tests = chain(by_key or (), by_start or (), by_first or (), by_end or (), by_needle, self.others)
        return [value for test, value in tests if test(name)]

    def is_decided_by(self, key: bytes) -> bool:
        """True if all names with this key match the same components, apart from those in ``by_start``.

        The key of a name is what follows its last dot.
        """
        tests_more = self.by_first or self.by_needle or self.others
        return bool(key) and key not in self.unsure and key[-1:] not in self.by_end and not tests_more


@define(eq=False)
class State:
    """Which globs can match the names in a directory."""

    inside: frozenset[int]  #: globs that match everything below the directory
    keys: Container[bytes] | None  #: keys of names that a wanted glob may match; None: any name may match
    ends: _ComponentIndex[_End] = field(factory=_ComponentIndex)  #: last components: globs that match a name itself
    moves: _ComponentIndex[_Position] = field(factory=_ComponentIndex)  #: other components: positions after a name
    stays: tuple[_Position, ...] = ()  #: positions after any name
    children: dict[bytes, State] = field(factory=dict)  #: by name of a directory in it, as far as they are known
    by_positions: dict[tuple[_Position, ...], State] = field(factory=dict)  #: by the positions after a name
    #: caches of the caller: the result if only ``inside`` matches, by kind; by key; by name
    default: dict[int, tuple[int, ...]] = field(factory=dict)
    by_key: dict[bytes, tuple[int, ...]] = field(factory=dict)
    by_name: dict[bytes, tuple[int, ...]] = field(factory=dict)


class Automaton:
    """Many globs as one automaton.

    ``wanted``: numbers of the globs whose matches the caller needs, each with whether it may match directories. Other globs
    only restrict these. ``barring``: numbers of the globs below whose directories no other glob counts.

    >>> from ocisize.globs import parse_glob
    >>> automaton = Automaton([parse_glob("*.pyc"), parse_glob("/tmp/")], {0: False, 1: False}, ())
    >>> [number for number, _ in automaton.state_of(b"app").ends.matching(b"main.pyc")]
    [0]
    >>> automaton.state_of(b"tmp/build").inside
    frozenset({1})
    """

    def __init__(self, globs: Sequence[Glob], wanted: Mapping[int, bool], barring: Collection[int]) -> None:
        self._globs, self._wanted, self._barring = globs, wanted, frozenset(barring)
        floating = [(number, 0) for number, glob in enumerate(globs) if not glob.anchored]
        ends = self._ends_among(floating)
        self._ends = _ComponentIndex.of(ends)
        self._moves = _ComponentIndex.of(self._steps_among(floating))
        self._keys = self._keys_of(ends)
        self._states: dict[tuple[frozenset[int], frozenset[_Position]], State] = {}
        #: texts of which a path contains one if its name matches a wanted glob of one component without a key
        self.needles = {
            component.needle for component, (number, _) in ends if number in self._wanted and component.key is None
        }
        self.root = self._state(frozenset(), [(number, 0) for number, glob in enumerate(globs) if glob.anchored])

    def step(self, state: State, name: bytes) -> State:
        """The state of the directory ``name`` in a directory. Callers look into ``children`` first, where it is kept."""
        positions = tuple(state.moves.matching(name))
        child = state.by_positions.get(positions)
        if child is None:
            child = state.by_positions[positions] = self._state(state.inside, [*state.stays, *positions])
        state.children[name] = child
        return child

    def state_of(self, directory: bytes) -> State:
        """The state of a directory, found from the root on."""
        state = self.root
        for name in directory.split(b"/") if directory else ():
            state = state.children.get(name) or self.step(state, name)
        return state

    def _state(self, inside: frozenset[int], positions: Sequence[_Position]) -> State:
        """The state for these globs and positions; equal states are one object."""
        begun, ended = set[_Position](), set[int]()
        for number, index in positions:
            components = self._globs[number].components[index:]
            if not components:
                continue
            begun.add((number, index))
            if components[0].text == ANY_DEPTH:
                if len(components) == 1:
                    ended.add(number)
                else:
                    begun.add((number, index + 1))
        inside |= ended
        if not inside.isdisjoint(self._barring):
            inside, begun = self._barring, set()
        key = inside, frozenset(position for position in begun if position[0] not in inside)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = self._make_state(*key)
        return state

    def _make_state(self, inside: frozenset[int], positions: frozenset[_Position]) -> State:
        if not inside.isdisjoint(self._barring):
            return State(inside, ())
        stays = tuple(position for position in positions if self._at(position).text == ANY_DEPTH)
        moving = positions.difference(stays)
        last = self._ends_among(moving)
        keys: Container[bytes] | None = self._keys | self._keys_of(last) if last else self._keys
        if not inside.isdisjoint(self._wanted) or any(
            number in self._wanted and component.key is None for component, (number, _) in last
        ):
            keys = None
        ends = self._ends.with_more(last) if last else self._ends
        moves = self._moves.with_more(self._steps_among(moving)) if moving else self._moves
        return State(inside, keys, ends, moves, stays)

    def _at(self, position: _Position) -> Component:
        return self._globs[position[0]].components[position[1]]

    def _ends_among(self, positions: Iterable[_Position]) -> list[tuple[Component, _End]]:
        """Components that are the last of their glob, apart from ``**``, which may match nothing."""
        ends = []
        for number, index in positions:
            glob = self._globs[number]
            components = glob.components[index:]
            if len(components) == 1 or (len(components) == 2 and components[1].text == ANY_DEPTH):
                ends.append((components[0], (number, glob.directory and len(components) == 2)))
        return ends

    def _steps_among(self, positions: Iterable[_Position]) -> list[tuple[Component, _Position]]:
        """Components that others follow, with the position after them."""
        return [
            (self._at((number, index)), (number, index + 1))
            for number, index in positions
            if index + 1 < len(self._globs[number].components)
        ]

    def _keys_of(self, ends: Iterable[tuple[Component, _End]]) -> frozenset[bytes]:
        return frozenset(
            component.key
            for component, (number, only) in ends
            if component.key is not None and self._wanted.get(number) in ((True,) if only else (True, False))
        )


def find_states(automaton: Automaton, directories: DirectoryIndex) -> list[State]:
    """The state of each directory, by number."""
    states, step = [automaton.root], automaton.step
    for path, parent in islice(zip(directories.paths, directories.parents, strict=True), 1, None):
        if len(path) <= MAX_PATH:
            state, name = states[parent], path.rpartition(b"/")[2]
            states.append(state.children.get(name) or step(state, name))
        else:  # its parent in the index is not the directory it is in
            states.append(automaton.state_of(path))
    return states
