"""The rows of file tables that the rules and secrets of a catalog claim, or that some globs match.

A row belongs to the first rule, in the order of the catalog, with a glob that matches, no exception that matches and a
kind that fits; if the rule has needs, one of the needed paths must be in the image. A path that a protection matches
belongs to no rule, nor does a whiteout marker. Secrets are matched in the same pass: a row may belong to a rule and to a
secret.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, compress
from operator import not_

from ocisize.filesystem.directories import ImageRuns, Piece, find_runs
from ocisize.filesystem.path_search import find_paths
from ocisize.globs import Glob
from ocisize.patterns import lazy_pattern
from ocisize.rules.automaton import Automaton
from ocisize.rules.row_matcher import Claimant, Options, RowMatcher
from ocisize.rules.rule import Catalog, Rule
from ocisize.tar.filetable import DIRECTORY, KIND_NAMES, FileTable, IntArray
from ocisize.tuples import NamedTuple

_PLACEHOLDER = lazy_pattern(r"\{(dir|stem)\}")

_Waiting = tuple[int, int, Options, bytes, bytes]  # layer, row, rules, directory and name


def match_rows(catalog: Catalog, table: FileTable) -> dict[int, IntArray]:
    """The rows that each rule claims in one table, ascending ("I"), by the index of the rule.

    Secrets have the indexes after the rules. The paths that rules need are searched in the same table.
    """
    return match_tables(catalog, [table])[0]


def match_tables(catalog: Catalog, tables: Sequence[FileTable], runs: ImageRuns | None = None) -> list[dict[int, IntArray]]:
    """The result of `match_rows` for each layer; the paths that rules need may be in any layer, visible or hidden.

    Args:
        catalog: the rules, secrets and protections.
        tables: the file tables of all layers, base first.
        runs: the directories of the tables, if they are known already.

    """
    new = [table for table in tables if _kept_claims(catalog, table) is None]
    if new:  # only their directories are matched
        _claim_rows(catalog, new, runs if runs is not None and len(new) == len(tables) else find_runs(new))
    candidates = [kept for table in tables if (kept := _kept_claims(catalog, table)) is not None]
    claims = [defaultdict(list, {index: [rows] for index, rows in of_layer.decided.items()}) for of_layer in candidates]
    waiting = [(layer, *row) for layer, of_layer in enumerate(candidates) for row in of_layer.waiting_rows(tables[layer])]
    if waiting:
        runs = runs or find_runs(tables)
        needed: dict[tuple[int, int], list[int]] = defaultdict(list)
        for layer, row, index in _decide_by_needs(catalog, dict(enumerate(tables)), runs, waiting):
            needed[layer, index].append(row)
        for (layer, index), rows in needed.items():
            claims[layer][index].append(array("I", rows))
    return [{index: _join(claimed[index]) for index in sorted(claimed)} for claimed in claims]


def _claim_rows(catalog: Catalog, tables: Sequence[FileTable], runs: ImageRuns) -> None:
    """Keep the claims of each table with the table, where they are not known."""
    matcher = CatalogMatcher(catalog, runs)
    for layer, table in enumerate(tables):
        if _kept_claims(catalog, table) is None:
            scan = matcher.scan(table, layer)
            for piece in runs.pieces(table, layer):
                scan.add(piece)
            scan.finish()


class CatalogMatcher:
    """Matches the paths of an image's layers with a catalog, which takes the directories of all layers in turn."""

    def __init__(self, catalog: Catalog, runs: ImageRuns) -> None:
        self.catalog, self.runs = catalog, runs
        self.rows = RowMatcher(
            [Claimant.of_rule(rule) for rule in (*catalog.rules, *catalog.secrets)],
            runs,
            first_secret=len(catalog.rules),
            protections=[glob for protection in catalog.protections for glob in protection.globs],
            public=[glob for protection in catalog.public for glob in protection.globs],
        )

    def scan(self, table: FileTable, layer: int) -> ClaimScan:
        """A scan of the table at the place ``layer`` of the runs."""
        return ClaimScan(self, table, layer)


class ClaimScan:
    """Finds the claims of one layer, piece by piece."""

    def __init__(self, matcher: CatalogMatcher, table: FileTable, layer: int) -> None:
        self._matcher, self._table, self._layer = matcher, table, layer
        self._claims: dict[Options, list[int]] = defaultdict(list)

    def add(self, piece: Piece) -> None:
        """Match the rows of the next piece."""
        self._matcher.rows.add_piece(self._claims, self._table, piece)

    def finish(self) -> None:
        """Keep the claims with the table; the runs of the table must be complete."""
        catalog, table, first_secret = self._matcher.catalog, self._table, len(self._matcher.catalog.rules)
        decided: dict[int, list[int]] = defaultdict(list)
        waiting: dict[Options, IntArray] = {}
        for options, rows in self._matcher.rows.finish(self._claims, table).items():
            if options[0] >= first_secret:
                decided[options[0]] += rows
                options = options[1:]  # noqa: PLW2901
            if options and catalog.rules[options[0]].needs:
                waiting[options] = _join([waiting.get(options, array("I")), array("I", rows)])
            elif options:
                decided[options[0]] += rows
        if waiting:
            waiting = _decide_within(catalog, table, self._layer, self._matcher.runs, waiting, decided)
        table.derived[LayerClaims] = LayerClaims(
            catalog, {index: array("I", sorted(rows)) for index, rows in decided.items()}, waiting
        )


def _decide_within(
    catalog: Catalog,
    table: FileTable,
    layer: int,
    runs: ImageRuns,
    waiting: dict[Options, IntArray],
    decided: dict[int, list[int]],
) -> dict[Options, IntArray]:
    """Add the rows whose first rule finds in their own layer what it needs to ``decided``, and return those still waiting.

    Most rows find it there, so that little is left to look for in an image of known layers.
    """
    left: dict[Options, IntArray] = {}
    for options, candidates in waiting.items():
        needs = _Needs.of(catalog.rules[options[0]])
        needed = list(map(needs.paths_beside, table.paths.select(candidates)))
        present = _present(set(chain.from_iterable(needed)), {layer: table}, runs)
        is_met = [not needs.templates or not present.isdisjoint(paths) for paths in needed]
        if met := list(compress(candidates, is_met)):
            decided[options[0]] += met
        if others := array("I", compress(candidates, map(not_, is_met))):
            left[options] = others
    return left


class LayerClaims(NamedTuple):
    """What the rules of a catalog claim in one layer, as far as its own paths tell: kept with the layer's table."""

    catalog: Catalog
    decided: dict[int, IntArray]  #: rows by the index of the rule or secret
    waiting: dict[Options, IntArray]  #: rows of rules whose needs the layer does not have: they depend on the image

    def waiting_rows(self, table: FileTable) -> Iterator[tuple[int, Options, bytes, bytes]]:
        """Each row that waits, with its rules, its directory and its name."""
        for options, rows in self.waiting.items():
            for row, path in zip(rows, table.paths.select(rows), strict=True):
                directory, _, name = path.rpartition(b"/")
                yield row, options, directory, name


def _kept_claims(catalog: Catalog, table: FileTable) -> LayerClaims | None:
    """The claims that are kept with a table; None for claims of another catalog."""
    kept = table.derived.get(LayerClaims)
    return kept if isinstance(kept, LayerClaims) and kept.catalog is catalog else None


def _join(columns: Sequence[IntArray]) -> IntArray:
    """Rows of several columns, ascending."""
    return columns[0] if len(columns) == 1 else array("I", sorted(chain.from_iterable(columns)))


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
    matcher = RowMatcher([Claimant(tuple(globs), tuple(exceptions), frozenset(kinds))], runs, first_secret=1)
    claims = (matcher.claims(table, layer) for layer, table in enumerate(tables))
    return [array("I", sorted(chain.from_iterable(rows.values()))) for rows in claims]


def _decide_by_needs(
    catalog: Catalog, tables: Mapping[int, FileTable], runs: ImageRuns, waiting: Sequence[_Waiting]
) -> list[tuple[int, int, int]]:
    """Layer, row and index of the rule, for the waiting rows whose rule has a needed path in one of some layers."""
    needs_of = {index: _Needs.of(catalog.rules[index]) for index in {index for row in waiting for index in row[2]}}
    needs = [[needs_of[index].paths(directory, name) for index in options] for _, _, options, directory, name in waiting]
    wanted = set(chain.from_iterable(chain.from_iterable(needs)))
    present = _present(wanted, tables, runs)
    claims = []
    for (layer, row, options, _, _), needed in zip(waiting, needs, strict=True):
        for index, paths in zip(options, needed, strict=True):
            if any(map(present.__contains__, paths)) or not needs_of[index].templates:
                claims.append((layer, row, index))
                break
    return claims


def _present(wanted: set[bytes], tables: Mapping[int, FileTable], runs: ImageRuns) -> set[bytes]:
    """Those of some paths that are in the layers, as rows or as directories of rows. Only their directories are searched."""
    numbers, with_rows = runs.directories.numbers, set[int]().union(*(runs.tables[layer].directories for layer in tables))
    present = {path for path in wanted & numbers.keys() if numbers[path] in with_rows}
    missing = wanted - present
    for layer, table in tables.items():
        present |= find_paths(missing, table, layer, runs)
    return present


def match_image(
    catalog: Catalog, tables: Sequence[FileTable], runs: ImageRuns | None = None
) -> tuple[list[dict[str, IntArray]], list[dict[int, IntArray]]]:
    """Per layer, the rows by the id of the rule that claims them; per layer, the rows by the index of the secret."""
    claims, count = match_tables(catalog, tables, runs), len(catalog.rules)
    return (
        [{catalog.rules[index].id: rows for index, rows in layer.items() if index < count} for layer in claims],
        [{index - count: rows for index, rows in layer.items() if index >= count} for layer in claims],
    )


def find_protected(catalog: Catalog, tables: Sequence[FileTable], rows: Sequence[Sequence[int]]) -> list[set[int]]:
    """Per layer, those of some rows that a protection matches; for few rows, which must be ascending."""
    globs = [glob for protection in catalog.protections for glob in protection.globs]
    automaton = Automaton(globs, {}, range(len(globs)))

    protected_rows: list[set[int]] = []
    for table, chosen in zip(tables, rows, strict=True):
        protected, last, state = set[int](), b"", automaton.root
        for row, path in zip(chosen, table.paths.select(chosen), strict=True):
            directory, _, name = path.rpartition(b"/")
            if directory != last:
                last, state = directory, automaton.state_of(directory)
            if state.inside or state.matching(name, is_directory=table.kinds[row] == DIRECTORY):
                protected.add(row)
        protected_rows.append(protected)
    return protected_rows


class _Needs(NamedTuple):
    """The paths of which one must be in the image for a rule to claim a path."""

    #: for ``%``, each with the places of its values among directory and stem, and whether the stem is one of them
    templates: list[tuple[bytes, tuple[int, ...], bool]]

    @classmethod
    def of(cls, rule: Rule) -> _Needs:
        """The needs of a rule."""
        templates = []
        for need in rule.needs:
            escaped = need.lstrip("/").replace("%", "%%")
            places = tuple(int(name == "stem") for name in _PLACEHOLDER.findall(escaped))
            templates.append((_PLACEHOLDER.sub("%b", escaped).encode(), places, 1 in places))
        return cls(templates)

    def paths(self, directory: bytes, name: bytes) -> list[bytes]:
        """The paths for a name in a directory."""
        values = directory, name.rpartition(b".")[0].removesuffix(b".tar")
        return [
            (template % tuple(map(values.__getitem__, places))).lstrip(b"/")
            for template, places, with_stem in self.templates
            if values[1] or not with_stem
        ]

    def paths_beside(self, path: bytes) -> Sequence[bytes]:
        """The paths for a path; in a third of the time if only ``{dir}/{stem}`` is needed, which most rules need."""
        if self.templates != _BESIDE:
            directory, _, name = path.rpartition(b"/")
            return self.paths(directory, name)
        stem, _, end = path.rpartition(b".")
        stem = stem.removesuffix(b".tar")
        return () if b"/" in end or not stem or stem.endswith(b"/") else (stem,)


_BESIDE = [(b"%b/%b", (0, 1), True)]
