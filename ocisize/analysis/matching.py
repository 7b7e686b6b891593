"""match_rows: which rule of a catalogue claims which rows of a table.

A row belongs to the first rule, in the catalogue's order, of which a glob matches, no exception matches, the kind fits
and, where the rule has needs, one of them stands in the image. A path that a protection matches belongs to none, nor
does a whiteout marker. The catalogue's secrets are matched in the same pass and claim on their own: what is a secret may
be junk, too.

What a row costs, in most cases: its path is split at the last slash, its directory compared with the row before, and
what stands behind its name's last dot (``pyc``, or a whole name without dots) looked up in the keys of its directory.
Only rows that pass are looked at more closely; a new directory costs as much as five rows. The few globs whose names
have no key, such as ``*~``, go by a search over all paths. benchmarks/NOTES.md has the figures and what was slower.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence

from ocisize.analysis.automaton import Automaton, Directories, State
from ocisize.analysis.catalog import Catalog, Rule
from ocisize.analysis.contested import WHITEOUT
from ocisize.analysis.globs import Glob
from ocisize.files import DIRECTORY, KIND_NAMES, FileTable, IntArray

_PLACEHOLDER = re.compile(r"\{(dir|stem)\}")
_MAX_DECISIONS = 1 << 16  # kept at hand

_Options = tuple[int, ...]  # rules that may claim a row, by index: at most one secret, some with needs, at most one without


def match_rows(catalog: Catalog, table: FileTable) -> dict[int, IntArray]:
    """By index of the rule, the rows it claims, ascending ("I"); needs are looked for in the same table.

    Secrets have the indexes behind the rules'.
    """
    return match_tables(catalog, [table])[0]


def match_tables(catalog: Catalog, tables: Sequence[FileTable]) -> list[dict[int, IntArray]]:
    """The same for all layers of an image; what a rule needs may stand in any of them, visible or not."""
    matcher = _Matcher(catalog)
    rules = (*catalog.rules, *catalog.secrets)
    first_secret = len(catalog.rules)
    found: list[list[IntArray]] = [[array("I") for _ in rules] for _ in tables]
    waiting: list[tuple[int, int, _Options, bytes, bytes]] = []
    for layer, table in enumerate(tables):
        claimed = found[layer]
        for row, options, directory, name in matcher.claims(table):
            if options[0] >= first_secret:
                claimed[options[0]].append(row)
                options = options[1:]  # noqa: PLW2901
                if not options:
                    continue
            if catalog.rules[options[0]].needs:
                waiting.append((layer, row, options, directory, name))
            else:
                claimed[options[0]].append(row)
    templates = [_templates(rule) for rule in catalog.rules]
    wanted = {
        path
        for _, _, options, directory, name in waiting
        for index in options
        for path in _needs(templates[index], directory, name)
    }
    present = wanted & matcher.directories.keys()
    if wanted - present:
        present.update(*(wanted.intersection(paths) for table in tables for _, paths in table.paths.pieces()))
    for layer, row, options, directory, name in waiting:
        for index in options:
            if not templates[index] or not present.isdisjoint(_needs(templates[index], directory, name)):
                found[layer][index].append(row)
                break
    return [{index: array("I", sorted(rows)) for index, rows in enumerate(claimed) if rows} for claimed in found]


def match_image(
    catalog: Catalog, tables: Sequence[FileTable]
) -> tuple[list[dict[str, IntArray]], list[dict[int, IntArray]]]:
    """Per layer, rows by the id of the rule that claims them, and rows by the index of the secret that does."""
    found, count = match_tables(catalog, tables), len(catalog.rules)
    return (
        [{catalog.rules[index].id: rows for index, rows in each.items() if index < count} for each in found],
        [{index - count: rows for index, rows in each.items() if index >= count} for each in found],
    )


def find_protected(catalog: Catalog, tables: Sequence[FileTable], rows: Sequence[Sequence[int]]) -> list[set[int]]:
    """Per layer, those of some ascending rows that a protection keeps from all rules; meant for few rows."""
    globs = [glob for protection in catalog.protections for glob in protection.globs]
    directories = Directories(Automaton(globs, {}, range(len(globs))))

    def is_protected(path: bytes, kind: int) -> bool:
        directory, _, name = path.rpartition(b"/")
        state = directories[directory]
        return bool(state.inside) or any(not only or kind == DIRECTORY for _, only in state.ends.matching(name))

    return [
        {row for row, path in zip(chosen, table.paths.select(chosen), strict=True) if is_protected(path, table.kinds[row])}
        for table, chosen in zip(tables, rows, strict=True)
    ]


class _Matcher:
    """A catalogue made ready for the tables of one image."""

    def __init__(self, catalog: Catalog) -> None:
        self._rules = (*catalog.rules, *catalog.secrets)
        self._first_secret = len(catalog.rules)
        self._kinds = [{kind for kind, name in KIND_NAMES.items() if name in rule.kinds} for rule in self._rules]
        globs: list[Glob] = [glob for protection in catalog.protections for glob in protection.globs]
        self._protecting = frozenset(range(len(globs)))
        self._claims: dict[int, int] = {}  # by number of the glob: index of the rule
        self._exceptions: list[range] = []  # by rule: numbers of globs
        for index, rule in enumerate(self._rules):
            self._claims.update((number, index) for number in range(len(globs), len(globs) + len(rule.globs)))
            globs += rule.globs
            self._exceptions.append(range(len(globs), len(globs) + len(rule.exceptions)))
            globs += rule.exceptions
        public = [glob for protection in catalog.public for glob in protection.globs]
        self._public = frozenset(range(len(globs), len(globs) + len(public)))
        globs += public
        wanted = {number: DIRECTORY in self._kinds[index] for number, index in self._claims.items()}
        self._automaton = Automaton(globs, wanted, self._protecting)
        self.directories = Directories(self._automaton)
        self._decisions: dict[tuple[frozenset[int], tuple[int, ...], int], _Options] = {}

    def claims(self, table: FileTable) -> Iterator[tuple[int, _Options, bytes, bytes]]:
        """Rows with the rules that may claim them, their directory and name."""
        kinds, directories, decide = table.kinds, self.directories, self._decide
        last, state = b"", directories[b""]
        keys = state.keys
        for first, paths in table.paths.pieces():
            for row, path in enumerate(paths, first):
                directory, _, name = path.rpartition(b"/")
                if directory != last:  # cheaper than a lookup, and files mostly stand together
                    last, state = directory, directories[directory]
                    keys = state.keys
                if (
                    name.rpartition(b".")[2] in keys
                    and (options := decide(state, name, kinds[row]))
                    and not name.startswith(WHITEOUT)
                ):
                    yield row, options, directory, name
        rows = sorted({row for needle in self._automaton.needles for row in table.paths.rows_with(needle)})
        for row, path in zip(rows, table.paths.select(rows), strict=True):
            directory, _, name = path.rpartition(b"/")
            state = directories[directory]
            if (
                name.rpartition(b".")[2] not in state.keys
                and (options := decide(state, name, kinds[row]))
                and not name.startswith(WHITEOUT)
            ):
                yield row, options, directory, name

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
                if kind not in self._kinds[index] or not matched.isdisjoint(self._exceptions[index]):
                    continue
                if index >= self._first_secret:
                    secrets = [index] if matched.isdisjoint(self._public) else []
                    break
                if not options or self._rules[options[-1]].needs:
                    options.append(index)
        return (*secrets, *options)


def _templates(rule: Rule) -> list[tuple[bytes, bool]]:
    """A rule's needs as templates for ``%``, each with whether it asks for the stem."""
    escaped = [need.lstrip("/").replace("%", "%%") for need in rule.needs]
    return [(_PLACEHOLDER.sub(r"%(\1)b", need).encode(), "{stem}" in need) for need in escaped]


def _needs(templates: Sequence[tuple[bytes, bool]], directory: bytes, name: bytes) -> list[bytes]:
    """The paths of which one must stand in the image for the rule to claim a path."""
    values = {b"dir": directory, b"stem": name.rpartition(b".")[0].removesuffix(b".tar")}
    return [(template % values).lstrip(b"/") for template, with_stem in templates if values[b"stem"] or not with_stem]
