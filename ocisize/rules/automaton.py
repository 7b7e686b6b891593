"""Automaton: which of many globs match a path, directory by directory.

The automaton reads path components. Its states are made when a directory first needs them: the state of a directory is
found once, by one step from the state of its parent, and holds the tests for the names in the directory. Globs are known
by their number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from ocisize.filesystem.directories import MAX_PATH, DirectoryIndex
from ocisize.globs import ANY_DEPTH, Component, Glob
from ocisize.rules.component_index import ComponentIndex, Undecided
from ocisize.values import define, field

_Position = tuple[int, int]  # number of a glob, number of its components that are matched
_End = tuple[Component, int, bool]  # a last component, number of its glob, whether it matches directories only


@define(eq=False)
class State:
    """Which globs can match the names in a directory."""

    inside: frozenset[int]  #: globs that match everything below the directory
    keys: frozenset[bytes] | None  #: keys of names that a wanted glob may match; None: any name may match
    directory_keys: frozenset[bytes] | None = frozenset()  #: the same for names of directories
    ends: ComponentIndex[int] = field(factory=ComponentIndex)  #: last components: globs that match a name itself
    directory_ends: ComponentIndex[int] = field(factory=ComponentIndex)  #: those of globs that match directories only
    moves: ComponentIndex[_Position] = field(factory=ComponentIndex)  #: other components: positions after a name
    stays: tuple[_Position, ...] = ()  #: positions after any name
    undecided: Undecided = field(factory=Undecided)  #: names whose end does not tell which globs in ``ends`` match
    children: dict[bytes, State] = field(factory=dict)  #: by name of a directory in it, as far as they are known
    by_positions: dict[tuple[_Position, ...], State] = field(factory=dict)  #: by the positions after a name
    #: caches of the caller, by kind of entry: the result if only ``inside`` matches; by deciding end; by name
    default: dict[int, tuple[int, ...]] = field(factory=dict)
    by_end: dict[int, dict[bytes, tuple[int, ...]]] = field(factory=lambda: defaultdict(dict))
    by_name: dict[int, dict[bytes, tuple[int, ...]]] = field(factory=lambda: defaultdict(dict))

    def matching(self, name: bytes, *, is_directory: bool) -> list[int]:
        """The numbers of the globs that match a name in the directory itself, without those in ``inside``."""
        ends = self.ends.matching(name)
        return ends + self.directory_ends.matching(name) if is_directory else ends


class Automaton:
    """Many globs as one automaton.

    ``wanted``: numbers of the globs whose matches the caller needs, each with whether it may match directories. Other globs
    only restrict these. ``barring``: numbers of the globs below whose directories no other glob counts.

    >>> from ocisize.globs import parse_glob
    >>> automaton = Automaton([parse_glob("*.pyc"), parse_glob("/tmp/")], {0: False, 1: False}, ())
    >>> automaton.state_of(b"app").matching(b"main.pyc", is_directory=False)
    [0]
    >>> automaton.state_of(b"tmp/build").inside
    frozenset({1})
    """

    def __init__(self, globs: Sequence[Glob], wanted: Mapping[int, bool], barring: Collection[int]) -> None:
        self._globs, self._wanted, self._barring = globs, wanted, frozenset(barring)
        floating = [(number, 0) for number, glob in enumerate(globs) if not glob.anchored]
        ends = self._ends_among(floating)
        self._ends, self._directory_ends = _index_ends(ends)
        self._undecided = self._ends.undecided()
        self._moves = ComponentIndex.of(self._steps_among(floating))
        self._keys = self._keys_of(ends, (True, False))
        self._directory_keys = self._keys_of(ends, (True,))
        self._wanted_directories = frozenset(number for number, directories in wanted.items() if directories)
        #: whether only a search finds some names of directories
        self._has_open_directories = any(
            component.key is None and number in self._wanted_directories for component, number, _ in ends
        )
        self._states: dict[tuple[frozenset[int], frozenset[_Position]], State] = {}
        #: texts of which a path contains one if its name matches a wanted glob of one component without a key
        self.needles = {
            component.needle for component, number, _ in ends if number in self._wanted and component.key is None
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
            return State(inside, frozenset())
        stays = tuple([position for position in positions if self._at(position).text == ANY_DEPTH])
        moving = positions.difference(stays)
        last, steps = self._ends_among(moving), self._steps_among(moving)
        keys: frozenset[bytes] | None = self._keys | self._keys_of(last, (True, False)) if last else self._keys
        if not inside.isdisjoint(self._wanted) or any(
            number in self._wanted and component.key is None for component, number, _ in last
        ):
            keys = None
        directory_keys: frozenset[bytes] | None = self._directory_keys
        if any(number in self._wanted_directories for _, number, _ in last):
            directory_keys = self._directory_keys | self._keys_of(last, (True,))
        if (
            self._has_open_directories
            or not inside.isdisjoint(self._wanted_directories)
            or any(number in self._wanted_directories and component.key is None for component, number, _ in last)
        ):
            directory_keys = None
        ends, directory_ends = _index_ends(last, self._ends, self._directory_ends)
        undecided = self._undecided if ends is self._ends else ends.undecided(self._undecided)
        moves = ComponentIndex.of(steps, self._moves)
        return State(inside, keys, directory_keys, ends, directory_ends, moves, stays, undecided)

    def _at(self, position: _Position) -> Component:
        return self._globs[position[0]].components[position[1]]

    def _ends_among(self, positions: Iterable[_Position]) -> list[_End]:
        """Components that are the last of their glob, apart from ``**``, which may match nothing."""
        ends = []
        for number, index in positions:
            glob = self._globs[number]
            components = glob.components
            after = len(components) - index - 1
            if after == 0 or (after == 1 and components[-1].text == ANY_DEPTH):
                ends.append((components[index], number, glob.directory and after == 1))
        return ends

    def _steps_among(self, positions: Iterable[_Position]) -> list[tuple[Component, _Position]]:
        """Components that others follow, with the position after them."""
        globs = self._globs
        return [
            (components[index], (number, index + 1))
            for number, index in positions
            if index + 1 < len(components := globs[number].components)
        ]

    def _keys_of(self, ends: Iterable[_End], kinds: tuple[bool, ...]) -> frozenset[bytes]:
        """The keys of wanted globs that may match directories (True) or only others (False)."""
        return frozenset(
            component.key
            for component, number, only in ends
            if component.key is not None and self._wanted.get(number) in ((True,) if only else kinds)
        )


def _index_ends(
    ends: Sequence[_End], below: ComponentIndex[int] | None = None, directories_below: ComponentIndex[int] | None = None
) -> tuple[ComponentIndex[int], ComponentIndex[int]]:
    """The indexes of last components that match any entry, and of those that match directories only."""
    any_entry = [(component, number) for component, number, only in ends if not only]
    directories = [(component, number) for component, number, only in ends if only]
    return ComponentIndex.of(any_entry, below), ComponentIndex.of(directories, directories_below)


class DirectoryStates(dict[int, State]):
    """The state of each directory, by number; found when it is first looked up, so that other directories cost nothing."""

    def __init__(self, automaton: Automaton, directories: DirectoryIndex) -> None:
        super().__init__({0: automaton.root})
        self._automaton, self._paths, self._parents = automaton, directories.paths, directories.parents

    def __missing__(self, number: int) -> State:
        missing, parents, paths = [number], self._parents, self._paths
        while (state := self.get(parents[missing[-1]])) is None:
            missing.append(parents[missing[-1]])
        for directory in reversed(missing):
            path = paths[directory]
            if len(path) <= MAX_PATH:
                name = path.rpartition(b"/")[2]
                state = state.children.get(name) or self._automaton.step(state, name)
            else:  # its parent in the index is not the directory it is in
                state = self._automaton.state_of(path)
            self[directory] = state
        return state


def find_states(automaton: Automaton, directories: DirectoryIndex) -> list[State]:
    """The state of each directory, by number."""
    states = DirectoryStates(automaton, directories)
    return [states[number] for number in range(len(directories))]
