"""RowMatcher: which rows of an image's layers are claimed by which rule, in one pass over all paths.

The cost of most rows is two dictionary look-ups by the key of the name: what follows its last dot (``pyc``), or the whole
name if it has no dot. The first look-up tells whether a rule may match such a name in this directory, the second which
rules do; only other names are tested against globs. Globs whose names have no key, such as ``*~``, are found by a search
over all paths. benchmarks/NOTES.md has the figures, and what was slower.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, compress, islice, repeat
from operator import sub
from typing import TypeAlias

from ocisize.filesystem.directories import Extensions, ImageRuns, Piece
from ocisize.filesystem.whiteout import whiteout_rows
from ocisize.globs import Glob
from ocisize.rules.automaton import Automaton, DirectoryStates, State
from ocisize.rules.component_index import START
from ocisize.rules.rule import Rule
from ocisize.tar.filetable import DIRECTORY, KIND_NAMES, FileTable
from ocisize.tuples import NamedTuple

_MAX_DECISIONS = 1 << 16  # cached for all directories
_MAX_NAMES = 1 << 12  # cached for one state

#: indexes of the claimants of a row: at most one secret, then some with needs, then at most one without
Options: TypeAlias = "tuple[int, ...]"


class Claimant(NamedTuple):
    """A rule as the matcher sees it: claims rows that match a glob and no exception, of some kinds of entries."""

    globs: tuple[Glob, ...]
    exceptions: tuple[Glob, ...]
    kinds: frozenset[int]  #: tar type flags
    needs: bool = False  #: whether another path must be in the image, too

    @classmethod
    def of_rule(cls, rule: Rule) -> Claimant:
        """The claimant for a rule of the catalog."""
        kinds = frozenset(kind for kind, name in KIND_NAMES.items() if name in rule.kinds)
        return cls(rule.globs, rule.exceptions, kinds, bool(rule.needs))


class RowMatcher:
    """Matches the paths of one image with claimants, the first of which gets a row.

    The claimants from index ``first_secret`` on are secrets: the first of them gets a row, too, whatever other claimants do.
    No claimant gets a row that a glob of ``protections`` matches; no secret gets a row that a glob of ``public`` matches.
    """

    def __init__(
        self,
        claimants: Sequence[Claimant],
        runs: ImageRuns,
        *,
        first_secret: int,
        protections: Sequence[Glob] = (),
        public: Sequence[Glob] = (),
    ) -> None:
        self._runs = runs
        self._claimants = claimants
        self._first_secret = first_secret
        globs: list[Glob] = list(protections)
        self._protecting = frozenset(range(len(globs)))
        self._claims: dict[int, int] = {}  # number of a glob → index of its claimant
        self._exceptions: list[range] = []  # by claimant: numbers of globs
        for index, claimant in enumerate(claimants):
            self._claims.update((number, index) for number in range(len(globs), len(globs) + len(claimant.globs)))
            globs += claimant.globs
            self._exceptions.append(range(len(globs), len(globs) + len(claimant.exceptions)))
            globs += claimant.exceptions
        self._public = frozenset(range(len(globs), len(globs) + len(public)))
        globs += public
        wanted = {number: DIRECTORY in claimants[index].kinds for number, index in self._claims.items()}
        self._automaton = Automaton(globs, wanted, self._protecting)
        self._states = DirectoryStates(self._automaton, runs.directories)
        self._decisions: dict[tuple[frozenset[int], tuple[int, ...], int], Options] = {}
        self._wanted: set[bytes] = set()  # keys that a claimant may match in some directory
        self._known: set[State] = set()  # states whose keys are in it

    def claims(self, table: FileTable, layer: int) -> dict[Options, list[int]]:
        """Rows of a layer by the claimants that may get them; the caller decides by their needs."""
        claims: dict[Options, list[int]] = defaultdict(list)
        for piece in self._runs.pieces(table, layer):
            self.add_piece(claims, table, piece)
        return self.finish(claims, table)

    def add_piece(self, claims: dict[Options, list[int]], table: FileTable, piece: Piece) -> None:
        """Add the rows of a piece that claimants may get, by the claimants.

        Rows with an extension that no claimant may match anywhere are passed over in bulk: two of three rows.
        """
        extensions = piece.extensions
        states = list(map(self._states.__getitem__, piece.directories))
        for state in set(states).difference(self._known):
            self._known.add(state)
            self._wanted.update(state.keys or ())
        is_wanted = list(map(self._wanted.__contains__, extensions.names))
        flags, paths = bytearray(map(is_wanted.__getitem__, extensions.numbers)), piece.paths
        for row in extensions.without:
            flags[row] = paths[row].rpartition(b"/")[2].rpartition(b".")[2] in self._wanted
        for (start, end, _), state in zip(piece.spans(), states, strict=True):
            if state.keys is None:
                flags[start:end] = b"\1" * (end - start)
        lengths = map(sub, islice(piece.bounds, 1, None), piece.bounds)
        self._add(claims, table, piece, extensions, list(chain.from_iterable(map(repeat, states, lengths))), flags)

    def finish(self, claims: dict[Options, list[int]], table: FileTable) -> dict[Options, list[int]]:
        """The claims of a table after its last piece."""
        self._add_without_key(table, claims)
        return _without_markers(table, claims)

    def _add(
        self,
        claims: dict[Options, list[int]],
        table: FileTable,
        piece: Piece,
        extensions: Extensions,
        states: Sequence[State],
        flags: bytearray,
    ) -> None:
        """Add those of the rows with a flag that claimants may get; ``states`` are by row."""
        paths, kinds, (numbers, ends, _) = piece.paths, table.kinds[piece.rows], extensions
        last: Options = ()
        for row in compress(range(len(flags)), flags):
            state, kind, number = states[row], kinds[row], numbers[row]
            name = paths[row].rpartition(b"/")[2]
            # Most names are decided by their extension alone: an earlier name in such a directory has the same one.
            options = state.by_end[kind].get(ends[number]) if number and name[:START] not in state.undecided.starts else None
            if options is None:
                options = self._find_options(state, name, kind)
            if options:
                if options is not last:
                    last, add = options, claims[options].append
                add(piece.first + row)

    def _find_options(self, state: State, name: bytes, kind: int) -> Options:
        """The claimants of a name that its extension alone does not decide, or not yet."""
        undecided, known, end = state.undecided, state.by_name[kind], name
        if kind != DIRECTORY and name[:START] not in undecided.starts and (part := undecided.deciding_end(name)) is not None:
            known, end = state.by_end[kind], part
        options = known.get(end)
        if options is None:
            if len(known) >= _MAX_NAMES:
                known.clear()
            options = known[end] = self._look(state, name, kind)
        return options

    def _add_without_key(self, table: FileTable, claims: dict[Options, list[int]]) -> None:
        """Add the rows whose names match only globs that have no key."""
        rows = sorted({row for needle in self._automaton.needles for row in table.paths.rows_with(needle)})
        for row, path in zip(rows, table.paths.select(rows), strict=True):
            directory, _, name = path.rpartition(b"/")
            state = self._states[self._runs.directories.numbers[directory]]
            if state.keys is not None and name.rpartition(b".")[2] not in state.keys:
                options = self._decide(state, name, table.kinds[row])
                if options:
                    claims[options].append(row)

    def _look(self, state: State, name: bytes, kind: int) -> Options:
        """The claimants of a name, none if no claimant may match its key."""
        key = name.rpartition(b".")[2]
        if state.keys is not None and key not in state.keys:
            return ()  # or a search finds the name
        if kind == DIRECTORY and state.directory_keys is not None and key not in state.directory_keys:
            return ()
        return self._decide(state, name, kind)

    def _decide(self, state: State, name: bytes, kind: int) -> Options:
        """The claimants of a name, in their order."""
        matched = tuple(state.matching(name, is_directory=kind == DIRECTORY))
        if not matched:
            options = state.default.get(kind)
            if options is None:
                options = state.default[kind] = self._choose(state.inside, kind)
            return options
        key = (state.inside, matched, kind)
        options = self._decisions.get(key)
        if options is None:
            if len(self._decisions) >= _MAX_DECISIONS:
                self._decisions.clear()
            options = self._decisions[key] = self._choose(state.inside.union(matched), kind)
        return options

    def _choose(self, matched: frozenset[int], kind: int) -> Options:
        """The claimants for a set of matching globs: the first secret, then others up to the first one without needs."""
        secrets: list[int] = []
        options: list[int] = []
        if matched.isdisjoint(self._protecting):
            for index in sorted({self._claims[glob] for glob in matched if glob in self._claims}):
                if kind not in self._claimants[index].kinds or not matched.isdisjoint(self._exceptions[index]):
                    continue
                if index >= self._first_secret:
                    secrets = [index] if matched.isdisjoint(self._public) else []
                    break
                if not options or self._claimants[options[-1]].needs:
                    options.append(index)
        return (*secrets, *options)


def _without_markers(table: FileTable, claims: dict[Options, list[int]]) -> dict[Options, list[int]]:
    """The claims without the rows of whiteout markers."""
    markers = set(whiteout_rows(table))
    if not markers:
        return claims
    unmarked = {options: [row for row in rows if row not in markers] for options, rows in claims.items()}
    return {options: rows for options, rows in unmarked.items() if rows}
