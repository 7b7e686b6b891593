"""Automaton: which of many globs match a path, asked for one directory after the other.

All globs together are one automaton over path components whose states are made on the way. A directory's state is found
once, by one step from its parent's, and says what is left to ask of the names in it. Globs are known by their number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Generic, TypeVar

import attrs

from ocisize.filesystem.directories import MAX_PATH, DirectoryIndex
from ocisize.globs import ANY_DEPTH, Component, Glob

START = 3  #: bytes that tell names apart where they have no key; with one, ten times as many needed a closer look

_Position = tuple[int, int]  # a glob's number and how many of its components are matched
_End = tuple[int, bool]  # a glob's number, whether it matches directories only
T = TypeVar("T")


_Tests = list[tuple[Callable[[bytes], bool], T]]


@attrs.frozen
class _Names(Generic[T]):
    """Components with a value each, found by name: each stands in the one place that tells most."""

    by_key: dict[bytes, _Tests[T]] = attrs.field(factory=dict)
    by_start: dict[bytes, _Tests[T]] = attrs.field(factory=dict)
    by_first: dict[bytes, _Tests[T]] = attrs.field(factory=dict)
    by_end: dict[bytes, _Tests[T]] = attrs.field(factory=dict)
    by_needle: dict[bytes, _Tests[T]] = attrs.field(factory=dict)
    others: _Tests[T] = attrs.field(factory=list)
    unsure: set[bytes] = attrs.field(factory=set)  #: keys of components that ask for more, unlike ``*.key``
    needle: re.Pattern[bytes] | None = None  #: finds all in ``by_needle``

    def with_more(self, pairs: Iterable[tuple[Component, T]]) -> _Names[T]:
        """The same and more components, each in the place that tells most."""
        more = _Names(
            dict(self.by_key),
            dict(self.by_start),
            dict(self.by_first),
            dict(self.by_end),
            dict(self.by_needle),
            [*self.others],
            set(self.unsure),
        )
        for component, value in pairs:
            found = (component.test, value)
            for place, told in (
                (more.by_key, component.key),
                (more.by_start, component.start[:START] if len(component.start) >= START else None),
                (more.by_first, component.start[:1] or None),
                (more.by_end, component.end[-1:] or None),
                (more.by_needle, component.needle or None),
            ):
                if told is not None:
                    place[told] = [*place.get(told, ()), found]
                    break
            else:
                more.others.append(found)
            if component.key is not None and component.text.encode() != b"*." + component.key:
                more.unsure.add(component.key)
        needles = b"|".join(map(re.escape, more.by_needle))
        return attrs.evolve(more, needle=re.compile(needles) if needles else None)

    def matching(self, name: bytes) -> list[T]:
        """The values of the components that match a name."""
        by_key = self.by_key.get(name.rpartition(b".")[2])
        by_start = self.by_start.get(name[:START])
        by_first = self.by_first.get(name[:1])
        by_end = self.by_end.get(name[-1:])
        by_needle = (
            chain.from_iterable(self.by_needle.values()) if self.needle is not None and self.needle.search(name) else ()
        )
        if not (by_key or by_start or by_first or by_end or by_needle or self.others):
            return []
        found = chain(by_key or (), by_start or (), by_first or (), by_end or (), by_needle, self.others)
        return [value for test, value in found if test(name)]

    def tells(self, key: bytes) -> bool:
        """Whether all names with this behind their last dot match the same components, save where their start counts."""
        asks_more = self.by_first or self.by_needle or self.others
        return bool(key) and key not in self.unsure and key[-1:] not in self.by_end and not asks_more


@attrs.define(eq=False)
class State:
    """What a directory's place means for what is directly in it."""

    inside: frozenset[int]  #: globs that match everything below
    keys: Container[bytes] | None  #: what stands behind the last dot of names that a wanted glob may match; None: anything
    ends: _Names[_End] = attrs.field(factory=_Names)  #: globs that may end with a name
    goes_on: _Names[_Position] = attrs.field(factory=_Names)  #: positions behind a name
    stays: tuple[_Position, ...] = ()  #: positions behind any name
    usual: dict[int, tuple[int, ...]] = attrs.field(factory=dict)  #: for the caller: what holds when only ``inside`` matches
    by_key: dict[bytes, tuple[int, ...]] = attrs.field(factory=dict)  #: for the caller: of names told by their key
    by_name: dict[bytes, tuple[int, ...]] = attrs.field(factory=dict)  #: for the caller: of other names
    below: dict[bytes, State] = attrs.field(factory=dict)  #: by name of a directory in it, as far as asked for
    after: dict[tuple[_Position, ...], State] = attrs.field(factory=dict)  #: by the positions that their names lead to


class Automaton:
    """Globs made ready.

    ``wanted`` are the globs that somebody asks for by themselves, each with whether directories count; below a
    directory that a ``barring`` glob matches, none is asked for.
    """

    def __init__(self, globs: Sequence[Glob], wanted: Mapping[int, bool], barring: Collection[int]) -> None:
        self._globs, self._wanted, self._barring = globs, wanted, frozenset(barring)
        floating = [(number, 0) for number, glob in enumerate(globs) if not glob.anchored]
        ends = self._ends_among(floating)
        self._ends = _Names[_End]().with_more(ends)
        self._goes_on = _Names[_Position]().with_more(self._steps_among(floating))
        self._keys = self._keys_of(ends)
        everywhere = ((number, at) for number, glob in enumerate(globs) for at in range(len(glob.components)))
        #: what stands behind the last dot of names that a wanted glob may match in one directory or another
        self.keys = self._keys_of(self._ends_among(everywhere))
        self._states: dict[tuple[frozenset[int], frozenset[_Position]], State] = {}
        #: what paths contain whose names match a wanted glob of one component that has no key
        self.needles = {
            component.needle for component, (number, _) in ends if number in self._wanted and component.key is None
        }
        self.root = self._state(frozenset(), [(number, 0) for number, glob in enumerate(globs) if glob.anchored])

    def step(self, state: State, name: bytes) -> State:
        """The state of a directory in a directory; kept in ``below``, where callers look first."""
        positions = tuple(state.goes_on.matching(name))
        found = state.after.get(positions)
        if found is None:
            found = state.after[positions] = self._state(state.inside, [*state.stays, *positions])
        state.below[name] = found
        return found

    def state_of(self, directory: bytes) -> State:
        """The state of a directory, from the root: its parents can be thousands."""
        state = self.root
        for name in directory.split(b"/") if directory else ():
            state = state.below.get(name) or self.step(state, name)
        return state

    def _state(self, inside: frozenset[int], positions: Sequence[_Position]) -> State:
        """The state after what is matched so far; one object for equal states."""
        begun, ended = set[_Position](), set[int]()
        for number, at in positions:
            left = self._globs[number].components[at:]
            if not left:
                continue
            begun.add((number, at))
            if left[0].text == ANY_DEPTH:
                if len(left) == 1:
                    ended.add(number)
                else:
                    begun.add((number, at + 1))
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
        moves = positions.difference(stays)
        last = self._ends_among(moves)
        keys: Container[bytes] | None = self._keys | self._keys_of(last) if last else self._keys
        if not inside.isdisjoint(self._wanted) or any(
            number in self._wanted and component.key is None for component, (number, _) in last
        ):
            keys = None
        ends = self._ends.with_more(last) if last else self._ends
        goes_on = self._goes_on.with_more(self._steps_among(moves)) if moves else self._goes_on
        return State(inside, keys, ends, goes_on, stays)

    def _at(self, position: _Position) -> Component:
        return self._globs[position[0]].components[position[1]]

    def _ends_among(self, positions: Iterable[_Position]) -> list[tuple[Component, _End]]:
        """Components that are the last of their glob, save ``**``, which may be nothing."""
        found = []
        for number, at in positions:
            glob = self._globs[number]
            left = glob.components[at:]
            if len(left) == 1 or (len(left) == 2 and left[1].text == ANY_DEPTH):
                found.append((left[0], (number, glob.directory and len(left) == 2)))
        return found

    def _steps_among(self, positions: Iterable[_Position]) -> list[tuple[Component, _Position]]:
        """Components that others follow, with the position behind them."""
        return [
            (self._at((number, at)), (number, at + 1))
            for number, at in positions
            if at + 1 < len(self._globs[number].components)
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
            states.append(state.below.get(name) or step(state, name))
        else:  # hangs from another directory than the one it is in
            states.append(automaton.state_of(path))
    return states
