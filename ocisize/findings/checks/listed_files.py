"""The visible rows of the files that single packages list, for checks.

Where nothing else asks for packages, only these files are looked for. Where the owners of all rows are found anyway, they
are found first, and only the paths that the owners say too little of are looked for again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import TypeAlias

from ocisize.filesystem.path_search import find_rows, find_rows_in
from ocisize.findings.evidence import ImageEvidence
from ocisize.inventory.listed_rows import ListedRows
from ocisize.inventory.path_batches import Batch, PathBudget
from ocisize.inventory.record import PackageRecord
from ocisize.packages.dpkg_files import MERGED
from ocisize.patterns import lazy_pattern
from ocisize.tar.filetable import HARD_LINK, REGULAR
from ocisize.tar.paths import join

RowsByPackage: TypeAlias = "dict[PackageRecord, dict[int, list[int]]]"  # by layer
_Places: TypeAlias = "Iterable[tuple[int, bytes]]"  # rows of a layer and their paths

_MAX_FILES = 1_000_000  # that the packages of one finding list; the largest known ones list 60,000
_BYTECODE = lazy_pattern(rb"([^/]+?)\.[a-z]+-\d[^/]*\.pyc")
_CACHE = b"__pycache__"
_MERGED_STARTS = (b"bin", b"sbin", b"lib")  # of the paths that MERGED matches
_MAX_COMPILED = 100_000  # rows with bytecode whose paths are kept at once; an image with all of Debian's Python has 20,000
_FILES = (REGULAR, HARD_LINK)


def find_listed_rows(evidence: ImageEvidence, records: Iterable[PackageRecord]) -> RowsByPackage:
    """The visible rows of files that packages list, by layer, with the bytecode of their Python sources.

    A file that two of the packages list belongs to the first of them. Where ``/lib`` is a link to ``/usr/lib``, the row of a
    listed path is below ``/usr``. Rows are in any order.
    """
    records = list(records)
    if evidence.packages.kept.is_asked_again:  # the owners of all rows are needed later
        known = evidence.packages.ownership.listed
        if known is not None and known.has_all(records):
            return _select_rows(evidence, records, known)
    return search_listed_rows(evidence, records)


def search_listed_rows(evidence: ImageEvidence, records: Iterable[PackageRecord]) -> RowsByPackage:
    """The rows of ``find_listed_rows``, looked for without the owners of all rows."""
    rows: RowsByPackage = {}
    owners: dict[bytes, PackageRecord] = {}
    numbers = evidence.runs.directories.numbers
    searched: set[bytes] = set()
    budget = PathBudget(_MAX_FILES)
    for record in records:
        rows[record] = defaultdict(list)
        for batch in evidence.packages.kept.read_list(record):
            here, merged = {*batch.distinct} & numbers.keys(), _find_merged(evidence, batch)
            chosen = list(compress(batch.paths, map(here.__contains__, batch.directories)))
            chosen += [b"usr/" + path for path in _paths_in(batch, merged)]
            for path in budget.take(chosen):
                owners.setdefault(path, record)
            searched |= here
            searched.update(b"usr/" + path for path in merged)
    found_in, caches = {numbers[path] for path in searched}, _caches_in(evidence, searched)
    places = (
        (
            find_rows_in(found_in, owners.keys(), table, layer, evidence.runs),
            (place for place in _rows_below(evidence, layer, caches) if place[1] not in owners),
        )
        for layer, table in enumerate(evidence.tables)
    )
    _add_rows(evidence, owners, places, rows)
    return rows


def _select_rows(evidence: ImageEvidence, records: Sequence[PackageRecord], known: ListedRows) -> RowsByPackage:
    """The rows of ``search_listed_rows``, by the owners of all rows."""
    batches = [(record, batch) for record in records for batch in evidence.packages.kept.read_list(record)]
    # Look only for paths that several packages list, for those in /lib that may be in /usr/lib, and for bytecode
    searched: set[bytes] = set()
    merged: set[bytes] = set()
    watched = set(known.contested)
    for _, batch in batches:
        searched.update(batch.distinct)
        added = _find_merged(evidence, batch)
        watched.update(path for listed in _paths_in(batch, added) for path in (listed, b"usr/" + listed))
        merged |= added
    searched = {*(searched & evidence.runs.directories.numbers.keys()), *(b"usr/" + path for path in merged)}
    caches, layers = _caches_in(evidence, searched), range(len(evidence.tables))
    if sum(len(_rows_in(evidence, layer, caches)) for layer in layers) > _MAX_COMPILED:
        return search_listed_rows(evidence, records)
    compiled = [list(_rows_below(evidence, layer, caches)) for layer in layers]
    watched.update(path for places in compiled for _, place in places for path in (place, _source_of(place)))
    owners: dict[bytes, PackageRecord] = {}
    for record, batch in batches:
        for path in compress(batch.paths, map(watched.__contains__, batch.paths)):
            owners.setdefault(path, record)
        for path in _paths_in(batch, merged):
            owners.setdefault(b"usr/" + path, record)
    rows: RowsByPackage = {record: defaultdict(list) for record in records}
    looked_at = [list(find_rows(watched, table, layer, evidence.runs)) for layer, table in enumerate(evidence.tables)]
    places = (
        ((place for place in found if place[1] in owners), (place for place in cached if place[1] not in owners))
        for found, cached in zip(looked_at, compiled, strict=True)
    )
    _add_rows(evidence, owners, places, rows)
    for layer, table in enumerate(evidence.tables):
        hidden_by, kinds, others = evidence.overlay.hidden_by[layer], table.kinds, {row for row, _ in looked_at[layer]}
        for record, runs in known.runs_in(layer, records).items():
            chosen = (
                row for run in runs for row in run if hidden_by[row] < 0 and kinds[row] in _FILES and row not in others
            )
            rows[record][layer] += chosen
    return rows


def _find_merged(evidence: ImageEvidence, batch: Batch) -> set[bytes]:
    """The directories of listed files, as ``lib``, that the image may have below ``usr``."""
    numbers = evidence.runs.directories.numbers
    likely = (path for path in batch.distinct if path.startswith(_MERGED_STARTS))  # a fifth of the time of the pattern
    return {path for path in likely if MERGED.match(path + b"/") and b"usr/" + path in numbers}


def _paths_in(batch: Batch, directories: set[bytes]) -> Iterable[bytes]:
    """The listed paths in some directories."""
    if directories.isdisjoint(batch.distinct):
        return ()
    return compress(batch.paths, map(directories.__contains__, batch.directories))


def _caches_in(evidence: ImageEvidence, directories: Iterable[bytes]) -> set[bytes]:
    """The directories with bytecode that are in some directories."""
    return {join(path, _CACHE) for path in directories} & evidence.runs.directories.numbers.keys()


def _add_rows(
    evidence: ImageEvidence,
    owners: dict[bytes, PackageRecord],
    places: Iterable[tuple[_Places, _Places]],
    rows: RowsByPackage,
) -> None:
    """Add the visible files with listed paths to ``rows``, then those with bytecode of listed sources.

    ``owners`` has the packages by listed path, and ``places`` both kinds of rows by layer: those with paths in ``owners``,
    and others with bytecode.
    """
    own: set[bytes] = set()  # paths outside of ``usr`` that are visible as they are listed
    found: list[list[tuple[int, bytes, PackageRecord]]] = []  # by layer
    for layer, (listed, compiled) in enumerate(places):
        hidden_by, kinds = evidence.overlay.hidden_by[layer], evidence.tables[layer].kinds
        owned = [(row, path, owners[path]) for row, path in listed]
        owned += [(row, path, owners[source]) for row, path in compiled if (source := _source_of(path)) in owners]
        owned = [place for place in owned if hidden_by[place[0]] < 0 and kinds[place[0]] in _FILES]
        own.update(path for _, path, _ in owned if path.startswith(_MERGED_STARTS))
        found.append(owned)
    for layer, owned in enumerate(found):
        for row, path, owner in owned:
            if not (own and path.startswith(b"usr/") and MERGED.match(path, 4) and path[4:] in own):
                rows[owner][layer].append(row)


def _rows_below(evidence: ImageEvidence, layer: int, caches: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The rows of a layer in some directories, with their paths."""
    rows = _rows_in(evidence, layer, caches)
    yield from zip(rows, evidence.tables[layer].paths.select(rows), strict=True)


def _rows_in(evidence: ImageEvidence, layer: int, caches: Iterable[bytes]) -> list[int]:
    """The rows of a layer in some directories."""
    directories = {evidence.runs.directories.numbers[path] for path in caches}
    if not directories:
        return []
    spans = evidence.runs.tables[layer].spans(len(evidence.tables[layer]))
    return [row for start, end, number in spans if number in directories for row in range(start, end)]


def _source_of(path: bytes) -> bytes:
    """The source of a file of bytecode; b"" of other files."""
    directory, _, name = path.rpartition(b"/")
    match = _BYTECODE.fullmatch(name)
    if match is None or not directory.endswith(_CACHE):
        return b""
    return join(directory[: -len(_CACHE)].rstrip(b"/"), match[1] + b".py")
