"""match_rows: which rule of a catalogue claims which rows of a table.

A row belongs to the first rule, in the catalogue's order, of which a glob matches, no exception matches, the kind fits
and, where the rule has needs, one of them stands in the image. A path that a protection matches belongs to none, nor
does a whiteout marker. The catalogue's secrets are matched in the same pass and claim on their own: what is a secret may
be junk, too.

What a row costs, in most cases: its last five bytes are looked up among those that some rule's key ends in, where a key
is what stands behind a name's last dot (``pyc``, or a whole name without dots). Of rows that pass, the key is looked up
among those of their directory, which runs of rows have in common, and mostly decides; only the others are looked at more
closely. The few globs whose names have no key, such as ``*~``, go by a search over all paths. benchmarks/NOTES.md has the
figures and what was slower.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import chain, compress

import attrs

from ocisize.filesystem.directories import ImageRuns, Piece, find_runs
from ocisize.filesystem.whiteout import whiteout_rows
from ocisize.globs import Glob
from ocisize.rules.automaton import START, Automaton, State, find_states
from ocisize.rules.rule import Catalog, Rule
from ocisize.tar.filetable import DIRECTORY, KIND_NAMES, REGULAR, FileTable, IntArray

_PLACEHOLDER = re.compile(r"\{(dir|stem)\}")
_MAX_DECISIONS = 1 << 16  # kept at hand
_TAIL = 5  # bytes; of a tail with a dot or slash in it, the key is known
_MAX_TAILS = 1 << 16  # kept at hand
_MAX_NAMES = 1 << 12  # of which a directory's state keeps what they decide

_Options = tuple[int, ...]  # rules that may claim a row, by index: at most one secret, some with needs, at most one without
_Waiting = tuple[int, int, _Options, bytes, bytes]  # layer, row, rules, directory and name


def match_rows(catalog: Catalog, table: FileTable) -> dict[int, IntArray]:
    """By index of the rule, the rows it claims, ascending ("I"); needs are looked for in the same table.

    Secrets have the indexes behind the rules'.
    """
    return match_tables(catalog, [table])[0]


def match_tables(catalog: Catalog, tables: Sequence[FileTable], runs: ImageRuns | None = None) -> list[dict[int, IntArray]]:
    """The same for all layers of an image; what a rule needs may stand in any of them, visible or not."""
    runs = runs or find_runs(tables)
    first_secret = len(catalog.rules)
    matcher = _Matcher(
        [_Claimant.of_rule(rule) for rule in (*catalog.rules, *catalog.secrets)],
        runs,
        first_secret=first_secret,
        protections=[glob for protection in catalog.protections for glob in protection.globs],
        public=[glob for protection in catalog.public for glob in protection.globs],
    )
    found: list[dict[int, list[int]]] = [defaultdict(list) for _ in tables]
    waiting: list[_Waiting] = []
    for layer, table in enumerate(tables):
        for options, rows in matcher.claims(table, layer).items():
            if options[0] >= first_secret:
                found[layer][options[0]] += rows
                options = options[1:]  # noqa: PLW2901
            if options and catalog.rules[options[0]].needs:
                rows.sort()
                split = (path.rpartition(b"/") for path in table.paths.select(rows))
                waiting += [(layer, row, options, parts[0], parts[2]) for row, parts in zip(rows, split, strict=True)]
            elif options:
                found[layer][options[0]] += rows
    for layer, row, index in _decide_by_needs(catalog, tables, runs, waiting):
        found[layer][index].append(row)
    return [{index: array("I", sorted(claimed[index])) for index in sorted(claimed)} for claimed in found]


def match_globs(
    globs: Sequence[Glob],
    tables: Sequence[FileTable],
    *,
    exceptions: Sequence[Glob] = (),
    kinds: Collection[int] = tuple(KIND_NAMES),
) -> list[IntArray]:
    """By layer, the rows whose paths match one of some globs and none of the ``exceptions``, ascending ("I").

    ``kinds``: tar type flags of the entries that count, such as ``{REGULAR}``. Whiteout markers match nothing.

    >>> import io, tarfile
    >>> from ocisize import scan_tar
    >>> from ocisize.globs import parse_glob
    >>> file = io.BytesIO()
    >>> with tarfile.open(fileobj=file, mode="w") as archive:
    ...     for name in ("app/main.py", "app/main.pyc", "README.md"):
    ...         archive.addfile(tarfile.TarInfo(name))
    >>> table = scan_tar(io.BytesIO(file.getvalue()))
    >>> [[table.paths[row] for row in rows] for rows in match_globs([parse_glob("*.pyc")], [table])]
    [[b'app/main.pyc']]
    """
    runs = find_runs(tables)
    matcher = _Matcher([_Claimant(tuple(globs), tuple(exceptions), frozenset(kinds))], runs, first_secret=1)
    claims = (matcher.claims(table, layer) for layer, table in enumerate(tables))
    return [array("I", sorted(chain.from_iterable(rows.values()))) for rows in claims]


def _decide_by_needs(
    catalog: Catalog, tables: Sequence[FileTable], runs: ImageRuns, waiting: Sequence[_Waiting]
) -> list[tuple[int, int, int]]:
    """Of rows whose rules ask for other paths, those that a rule claims: layer, row and index of the rule."""
    templates = [_templates(rule) for rule in catalog.rules]
    needs = [[_needs(templates[index], directory, name) for index in options] for _, _, options, directory, name in waiting]
    wanted = {path for each in needs for paths in each for path in paths}
    present = _present(wanted, tables, runs)
    found = []
    for (layer, row, options, _, _), each in zip(waiting, needs, strict=True):
        for index, paths in zip(options, each, strict=True):
            if not templates[index] or not present.isdisjoint(paths):
                found.append((layer, row, index))
                break
    return found


def _present(wanted: set[bytes], tables: Sequence[FileTable], runs: ImageRuns) -> set[bytes]:
    """Those of some paths that stand in an image, or that rows stand in; only directories of some are searched."""
    numbers, with_rows = runs.directories.numbers, set[int]().union(*(each.directories for each in runs.tables))
    present = {path for path in wanted & numbers.keys() if numbers[path] in with_rows}
    missing = wanted - present
    searched = {numbers[above] for path in missing if (above := path.rpartition(b"/")[0]) in numbers}
    for table, each in zip(tables, runs.tables, strict=True):
        spans = [range(start, end) for start, end, number in each.spans(len(table)) if number in searched]
        present.update(missing.intersection(table.paths.select(list(chain.from_iterable(spans)))))
    return present


def match_image(
    catalog: Catalog, tables: Sequence[FileTable], runs: ImageRuns | None = None
) -> tuple[list[dict[str, IntArray]], list[dict[int, IntArray]]]:
    """Per layer, rows by the id of the rule that claims them, and rows by the index of the secret that does."""
    found, count = match_tables(catalog, tables, runs), len(catalog.rules)
    return (
        [{catalog.rules[index].id: rows for index, rows in each.items() if index < count} for each in found],
        [{index - count: rows for index, rows in each.items() if index >= count} for each in found],
    )


def find_protected(catalog: Catalog, tables: Sequence[FileTable], rows: Sequence[Sequence[int]]) -> list[set[int]]:
    """Per layer, those of some ascending rows that a protection keeps from all rules; meant for few rows."""
    globs = [glob for protection in catalog.protections for glob in protection.globs]
    automaton = Automaton(globs, {}, range(len(globs)))

    found: list[set[int]] = []
    for table, chosen in zip(tables, rows, strict=True):
        protected, last, state = set[int](), b"", automaton.root
        for row, path in zip(chosen, table.paths.select(chosen), strict=True):
            directory, _, name = path.rpartition(b"/")
            if directory != last:
                last, state = directory, automaton.state_of(directory)
            ends = () if state.inside else state.ends.matching(name)
            if state.inside or any(not only or table.kinds[row] == DIRECTORY for _, only in ends):
                protected.add(row)
        found.append(protected)
    return found


@attrs.frozen
class _Claimant:
    """What claims rows: those that match a glob and no exception, of some kinds of entries."""

    globs: tuple[Glob, ...]
    exceptions: tuple[Glob, ...]
    kinds: frozenset[int]  #: tar type flags
    needs: bool = False  #: whether another path must be in the image, too

    @classmethod
    def of_rule(cls, rule: Rule) -> _Claimant:
        kinds = frozenset(kind for kind, name in KIND_NAMES.items() if name in rule.kinds)
        return cls(rule.globs, rule.exceptions, kinds, bool(rule.needs))


class _Matcher:
    """Claimants made ready for the tables of one image; those from ``first_secret`` on claim on their own.

    Nobody claims what a glob of ``protections`` matches, and no secret is what one of ``public`` matches.
    """

    def __init__(
        self,
        claimants: Sequence[_Claimant],
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
        self._decisions: dict[tuple[frozenset[int], tuple[int, ...], int], _Options] = {}

    def claims(self, table: FileTable, layer: int) -> dict[_Options, list[int]]:
        """Rows of a layer by the rules that may claim them."""
        found: dict[_Options, list[int]] = defaultdict(list)
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
        self, found: dict[_Options, list[int]], table: FileTable, piece: Piece, state: State, rows: Iterable[int]
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

    def _add_without_key(self, table: FileTable, found: dict[_Options, list[int]]) -> None:
        """Add the rows whose names match only globs that have no key."""
        rows = sorted({row for needle in self._automaton.needles for row in table.paths.rows_with(needle)})
        for row, path in zip(rows, table.paths.select(rows), strict=True):
            directory, _, name = path.rpartition(b"/")
            state = self._states[self._runs.directories.numbers[directory]]
            if state.keys is not None and name.rpartition(b".")[2] not in state.keys:
                options = self._decide(state, name, table.kinds[row])
                if options:
                    found[options].append(row)

    def _look(self, state: State, name: bytes, kind: int) -> _Options:
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

    def _decide(self, state: State, name: bytes, kind: int) -> _Options:
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

    def _choose(self, matched: frozenset[int], kind: int) -> _Options:
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


def _without_markers(table: FileTable, found: dict[_Options, list[int]]) -> dict[_Options, list[int]]:
    """Rows by what may claim them, whiteout markers left out."""
    markers = set(whiteout_rows(table))
    if not markers:
        return found
    left = {options: [row for row in rows if row not in markers] for options, rows in found.items()}
    return {options: rows for options, rows in left.items() if rows}


def _templates(rule: Rule) -> list[tuple[bytes, bool]]:
    """A rule's needs as templates for ``%``, each with whether it asks for the stem."""
    escaped = [need.lstrip("/").replace("%", "%%") for need in rule.needs]
    return [(_PLACEHOLDER.sub(r"%(\1)b", need).encode(), "{stem}" in need) for need in escaped]


def _needs(templates: Sequence[tuple[bytes, bool]], directory: bytes, name: bytes) -> list[bytes]:
    """The paths of which one must stand in the image for the rule to claim a path."""
    values = {b"dir": directory, b"stem": name.rpartition(b".")[0].removesuffix(b".tar")}
    return [(template % values).lstrip(b"/") for template, with_stem in templates if values[b"stem"] or not with_stem]
