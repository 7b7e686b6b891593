"""Automaton: which of many globs match a path, directory by directory.

The automaton reads path components. Its states are made when a directory first needs them: the state of a directory is
found once, by one step from the state of its parent, and holds the tests for the names in the directory. Globs are known
by their number.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Generic, TypeVar

from ocisize.filesystem.directories import MAX_PATH, DirectoryIndex
from ocisize.globs import ANY_DEPTH, Component, Glob
from ocisize.values import define, evolve, field, frozen

START = 3  #: bytes of a name's start by which components without a key are found; one byte is too common

_MAX_CACHED = 1 << 12  # components; the states of images share most of them

_Position = tuple[int, int]  # number of a glob, number of its components that are matched
_End = tuple[int, bool]  # number of a glob, whether it matches directories only
T = TypeVar("T")


_Test = Callable[[bytes], bool]
_Tests = list[tuple[_Test, T]]


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
    unsure_of_two: set[bytes] = field(factory=set)  #: those that also test more than two parts, unlike ``*.tar.key``
    needle: re.Pattern[bytes] | None = None  #: finds every text in ``by_needle``
    below: _ComponentIndex[T] | None = None  #: an index that this one adds to

    @classmethod
    def of(cls, pairs: Iterable[tuple[Component, T]], below: _ComponentIndex[T] | None = None) -> _ComponentIndex[T]:
        """The index of some components with their values, and of those in the index ``below``, which is not copied."""
        index = _ComponentIndex(below=below)  # _ComponentIndex[T] would set an attribute, which frozen values refuse
        tables = index.by_key, index.by_start, index.by_first, index.by_end, index.by_needle
        for component, value in pairs:
            number, key, test, parts = _find_place(component)
            (tables[number].setdefault(key, []) if number < len(tables) else index.others).append((test, value))
            if parts > 1:
                index.unsure.add(key)
            if parts > 2:
                index.unsure_of_two.add(key)
        if not index.by_needle:
            return index
        return evolve(index, needle=re.compile(b"|".join(map(re.escape, index.by_needle))))

    def matching(self, name: bytes) -> list[T]:
        """The values of the components that match a name."""
        key, start, end = name.rpartition(b".")[2], name[:START], name[-1:]
        tests: _Tests[T] = []
        index: _ComponentIndex[T] | None = self
        while index is not None:
            if key in index.by_key:
                tests += index.by_key[key]
            if start in index.by_start:
                tests += index.by_start[start]
            if end in index.by_end:
                tests += index.by_end[end]
            if index.by_first:
                tests += index.by_first.get(name[:1], ())
            if index.needle is not None and index.needle.search(name):
                tests += chain.from_iterable(index.by_needle.values())
            tests += index.others
            index = index.below
        return [value for test, value in tests if test(name)] if tests else []

    def deciding_end(self, name: bytes) -> bytes | None:
        """What follows the last dot of a name, or the last but one, if all names with this end match the same components.

        Components in ``by_start`` do not count. Returns None if a name has no such end.
        """
        rest, dot, key = name.rpartition(b".")
        _, another_dot, middle = rest.rpartition(b".")
        parts = 1
        index: _ComponentIndex[T] | None = self
        while index is not None:
            if not key or key in index.unsure_of_two or key[-1:] in index.by_end:
                return None
            if index.by_first or index.by_needle or index.others:
                return None
            if key in index.unsure:
                parts = 2
            index = index.below
        if parts == 1:
            return key if dot else None
        return middle + dot + key if another_dot else None

    def starts(self) -> Container[bytes]:
        """The keys of ``by_start``, also of the index below."""
        if self.below is None:
            return self.by_start
        return self.by_start.keys() | self.below.by_start if self.by_start else self.below.by_start


@functools.lru_cache(_MAX_CACHED)
def _find_place(component: Component) -> tuple[int, bytes, _Test, int]:
    """Where a component is in a `_ComponentIndex`, and how names are tested.

    Returns the number of the table, the key in the table, the test, and how many parts of a name after its last dots
    decide: 1 for ``*.gz``, 2 for ``*.tar.gz``, 3 if the whole name does; 0 for a component without a key.
    """
    keys = (
        component.key,
        component.start[:START] if len(component.start) >= START else None,
        component.start[:1] or None,
        component.end[-1:] or None,
        component.needle or None,
    )
    number = next((number for number, key in enumerate(keys) if key is not None), len(keys))
    parts = 0
    if component.key is not None:
        is_end = component.text.encode() == b"*" + component.end and component.end.startswith(b".")
        parts = min(component.end.count(b"."), 3) if is_end else 3
    return number, (*keys, None)[number] or b"", component.make_test(), parts


@define(eq=False)
class State:
    """Which globs can match the names in a directory."""

    inside: frozenset[int]  #: globs that match everything below the directory
    keys: Container[bytes] | None  #: keys of names that a wanted glob may match; None: any name may match
    ends: _ComponentIndex[_End] = field(factory=_ComponentIndex)  #: last components: globs that match a name itself
    moves: _ComponentIndex[_Position] = field(factory=_ComponentIndex)  #: other components: positions after a name
    stays: tuple[_Position, ...] = ()  #: positions after any name
    starts: Container[bytes] = ()  #: the first bytes of names that a glob in ``ends`` may match by its start
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
        begun, ended, globs = set[_Position](), set[int](), self._globs
        for position in positions:
            number, index = position
            components = globs[number].components
            if index == len(components):
                continue
            begun.add(position)
            if components[index].text == ANY_DEPTH:
                if index + 1 == len(components):
                    ended.add(number)
                else:
                    begun.add((number, index + 1))
        inside |= ended
        if not inside.isdisjoint(self._barring):
            inside, begun = self._barring, set()
        key = inside, frozenset([position for position in begun if position[0] not in inside] if inside else begun)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = self._make_state(*key)
        return state

    def _make_state(self, inside: frozenset[int], positions: frozenset[_Position]) -> State:
        if not inside.isdisjoint(self._barring):
            return State(inside, ())
        stays = tuple([position for position in positions if self._at(position).text == ANY_DEPTH])
        moving = positions.difference(stays)
        last, steps = self._ends_among(moving), self._steps_among(moving)
        keys: Container[bytes] | None = self._keys | self._keys_of(last) if last else self._keys
        if not inside.isdisjoint(self._wanted) or any(
            number in self._wanted and component.key is None for component, (number, _) in last
        ):
            keys = None
        ends = _ComponentIndex.of(last, self._ends) if last else self._ends
        moves = _ComponentIndex.of(steps, self._moves) if steps else self._moves
        return State(inside, keys, ends, moves, stays, ends.starts())

    def _at(self, position: _Position) -> Component:
        return self._globs[position[0]].components[position[1]]

    def _ends_among(self, positions: Iterable[_Position]) -> list[tuple[Component, _End]]:
        """Components that are the last of their glob, apart from ``**``, which may match nothing."""
        ends = []
        for number, index in positions:
            glob = self._globs[number]
            components = glob.components
            after = len(components) - index - 1
            if after == 0 or (after == 1 and components[-1].text == ANY_DEPTH):
                ends.append((components[index], (number, glob.directory and after == 1)))
        return ends

    def _steps_among(self, positions: Iterable[_Position]) -> list[tuple[Component, _Position]]:
        """Components that others follow, with the position after them."""
        globs = self._globs
        return [
            (components[index], (number, index + 1))
            for number, index in positions
            if index + 1 < len(components := globs[number].components)
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
