"""Which rows of an image's layers are claimed by whom, found in one pass over all paths.

What a row costs, in most cases: its last five bytes are looked up among those that some glob's key ends in, where a key
is what follows a name's last dot (``pyc``, or a whole name without dots). Of rows that pass, the key is looked up
among those of their directory, which runs of rows have in common, and mostly decides; only the others are looked at more
closely. The few globs whose names have no key, such as ``*~``, go by a search over all paths. benchmarks/NOTES.md has the
figures and what was slower.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import compress
from typing import TypeAlias

import attrs

from ocisize.filesystem.directories import ImageRuns, Piece
from ocisize.filesystem.whiteout import whiteout_rows
from ocisize.globs import Glob
from ocisize.rules.automaton import START, Automaton, State, find_states
from ocisize.rules.rule import Rule
from ocisize.tar.filetable import DIRECTORY, KIND_NAMES, REGULAR, FileTable

_MAX_DECISIONS = 1 << 16  # kept at hand
_TAIL = 5  # bytes; of a tail with a dot or slash in it, the key is known
_MAX_TAILS = 1 << 16  # kept at hand
_MAX_NAMES = 1 << 12  # of which a directory's state keeps what they decide

#: claimants of a row, by index: at most one secret, some with needs, at most one without
Options: TypeAlias = "tuple[int, ...]"


@attrs.frozen
class Claimant:
    """What claims rows: those that match a glob and no exception, of some kinds of entries."""

    globs: tuple[Glob, ...]
    exceptions: tuple[Glob, ...]
    kinds: frozenset[int]  #: tar type flags
    needs: bool = False  #: whether another path must be in the image, too

    @classmethod
    def of_rule(cls, rule: Rule) -> Claimant:
        """What a rule of the catalogue claims."""
        kinds = frozenset(kind for kind, name in KIND_NAMES.items() if name in rule.kinds)
        return cls(rule.globs, rule.exceptions, kinds, bool(rule.needs))


class RowMatcher:
    """Claimants made ready for the tables of one image; those from ``first_secret`` on claim on their own.

    Nobody claims what a glob of ``protections`` matches, and no secret is what one of ``public`` matches.
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
        self._claims: dict[int, int] = {}  # by number of the glob: index of the rule
        self._exceptions: list[range] = []  # by rule: numbers of globs
        for index, claimant in enumerate(claimants):
            self._claims.update((number, index) for number in range(len(globs), len(globs) + len(claimant.globs)))
            globs += claimant.globs
            self._exceptions.append(range(len(globs), len(globs) + len(claimant.exceptions)))
            globs += claimant.exceptions
        self._public = frozenset(range(len(globs), len(globs) + len(public)))
        globs += public
        wanted = {number: DIRECTORY in claimants[index].kinds for number, index in self._claims.items()}
        self._automaton = Automaton(globs, wanted, self._protecting)
        self._tails = _Tails(self._automaton.keys)
        self._states = find_states(self._automaton, runs.directories)
        self._decisions: dict[tuple[frozenset[int], tuple[int, ...], int], Options] = {}

    def claims(self, table: FileTable, layer: int) -> dict[Options, list[int]]:
        """Rows of a layer by the rules that may claim them."""
        found: dict[Options, list[int]] = defaultdict(list)
        for piece in self._runs.pieces(table, layer):
            likely, at = self._tails.rows_in(piece.paths), 0
            for start, end, directory in piece.spans():
                upto = at
                while upto < len(likely) and likely[upto] < end:  # runs are short
                    upto += 1
                state = self._states[directory]
                if state.keys is None:
                    self._add(found, table, piece, state, range(start, end))
                elif upto > at:
                    self._add(found, table, piece, state, likely[at:upto])
                at = upto
        self._add_without_key(table, found)
        return _without_markers(table, found)

    def _add(
        self, found: dict[Options, list[int]], table: FileTable, piece: Piece, state: State, rows: Iterable[int]
    ) -> None:
        """Add those of some rows whose keys are worth a look."""
        first, paths, kinds, by_key, starts = piece.first, piece.paths, table.kinds, state.by_key, state.ends.by_start
        wanted = state.keys
        for row in rows:
            name, kind = paths[row].rpartition(b"/")[2], kinds[first + row]
            _, dot, key = name.rpartition(b".")
            if wanted is not None and key not in wanted:
                continue
            options = by_key.get(key) if dot and kind == REGULAR and name[:START] not in starts else None
            if options is None:
                options = self._look(state, name, kind)
            if options:
                found[options].append(first + row)

    def _add_without_key(self, table: FileTable, found: dict[Options, list[int]]) -> None:
        """Add the rows whose names match only globs that have no key."""
        rows = sorted({row for needle in self._automaton.needles for row in table.paths.rows_with(needle)})
        for row, path in zip(rows, table.paths.select(rows), strict=True):
            directory, _, name = path.rpartition(b"/")
            state = self._states[self._runs.directories.numbers[directory]]
            if state.keys is not None and name.rpartition(b".")[2] not in state.keys:
                options = self._decide(state, name, table.kinds[row])
                if options:
                    found[options].append(row)

    def _look(self, state: State, name: bytes, kind: int) -> Options:
        """The rules that may claim a path whose key was not seen here, or says too little."""
        if kind != REGULAR:
            return self._decide(state, name, kind)
        key = name.rpartition(b".")[2]
        if len(name) > len(key) and name[:START] not in state.ends.by_start and state.ends.tells(key):
            known, key_or_name = state.by_key, key
        else:
            known, key_or_name = state.by_name, name
        options = known.get(key_or_name)
        if options is None:
            if len(known) >= _MAX_NAMES:
                known.clear()
            options = known[key_or_name] = self._decide(state, name, kind)
        return options

    def _decide(self, state: State, name: bytes, kind: int) -> Options:
        """The rules that may claim a path, first one first."""
        ends = state.ends.matching(name)
        matched = tuple([number for number, only in ends if not only or kind == DIRECTORY]) if ends else ()
        if not matched:
            options = state.usual.get(kind)
            if options is None:
                options = state.usual[kind] = self._choose(state.inside, kind)
            return options
        key = (state.inside, matched, kind)
        options = self._decisions.get(key)
        if options is None:
            if len(self._decisions) >= _MAX_DECISIONS:
                self._decisions.clear()
            options = self._decisions[key] = self._choose(state.inside.union(matched), kind)
        return options

    def _choose(self, matched: frozenset[int], kind: int) -> Options:
        """The first secret and the rules by the globs that match, up to the first rule without needs."""
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


class _Tails:
    """Which paths are worth a look, told by their last bytes, as most files share those with others."""

    def __init__(self, keys: Collection[bytes]) -> None:
        self._keys = keys
        self._long = {key[-_TAIL:] for key in keys if len(key) >= _TAIL}
        self._told: dict[bytes, bool] = {}

    def rows_in(self, paths: Sequence[bytes]) -> list[int]:
        """The rows whose keys may be among those asked for."""
        tails, told = [path[-_TAIL:] for path in paths], self._told
        new = set(tails).difference(told)
        if len(told) + len(new) > _MAX_TAILS:
            told.clear()
            new = set(tails)
        told.update((tail, self._is_likely(tail)) for tail in new)
        return list(compress(range(len(tails)), map(told.__getitem__, tails)))

    def _is_likely(self, tail: bytes) -> bool:
        name = tail.rpartition(b"/")[2]
        key = name.rpartition(b".")[2]
        return key in self._keys if len(key) < _TAIL else key in self._long


def _without_markers(table: FileTable, found: dict[Options, list[int]]) -> dict[Options, list[int]]:
    """Rows by what may claim them, whiteout markers left out."""
    markers = set(whiteout_rows(table))
    if not markers:
        return found
    left = {options: [row for row in rows if row not in markers] for options, rows in found.items()}
    return {options: rows for options, rows in left.items() if rows}
