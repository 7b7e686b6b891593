"""What depends on one layer alone, kept beside its table: a layer of many images and runs is worked out once.

An entry has the values of one layer: where its directories begin, what its paths do to each other, which rules claim which
rows, sums by directory and file type, programs, locks and packages of npm. The key has the version of ocisize and the rules,
on which they depend. Each value is checked against the table when it is read, so that no index leads out of it; whether it
is right, cannot be checked without computing it again.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from operator import ge
from typing import Any

from ocisize.cache.columns import pack_document, pack_numbers, pack_texts, unpack_document, unpack_numbers, unpack_texts
from ocisize.cache.entry import BadEntry, pack_entry
from ocisize.cache.load import load_entry
from ocisize.cache.store import Cache
from ocisize.duplicates_cache import DuplicatesCache
from ocisize.filesystem.directories import KeptRuns
from ocisize.filesystem.known_duplicates import KnownDuplicates
from ocisize.filesystem.layer_overlap import LayerOverlap
from ocisize.filesystem.whiteout import find_marked
from ocisize.findings.checks.npm_manifests import NpmManifests, pack_manifests, unpack_manifests
from ocisize.finished import Finished
from ocisize.layer.scan import LayerScan
from ocisize.limits import Limits
from ocisize.packages.composer import find_installed_files
from ocisize.packages.npm_installed import find_locks
from ocisize.packages.system import find_loaders, find_programs
from ocisize.plan.build import names_users
from ocisize.rules.match import LayerClaims
from ocisize.rules.rule import Catalog
from ocisize.sizes.directories import RunSums
from ocisize.sizes.groups import TypeSums
from ocisize.sizes.layers import RowSums, sum_rows
from ocisize.sizes.on_disk import count_directories
from ocisize.tar.filetable import FileTable, IntArray
from ocisize.tar.kept_paths import kept_paths
from ocisize.tuples import NamedTuple
from ocisize.values import frozen

FORMAT = "values-v2"  #: changes with the form of an entry
_Packed = tuple[Any, list[bytes]]  # a document, and sections
_DAMAGE = (ValueError, TypeError, IndexError, KeyError, OverflowError)  # what wrong documents and sections lead to


class _Codec(NamedTuple):
    """How a value is written and read."""

    key: object  #: under which the table has the value
    pack: Callable[[Any], _Packed]
    unpack: Callable[[Any, Sequence[bytes], FileTable, Catalog | None], Any]  #: raises BadEntry, ValueError and the like


@contextmanager
def keep_layer_values(
    finished: Finished, outcomes: Iterable[object], catalog: Catalog | None
) -> Iterator[KnownDuplicates | None]:
    """Take the values of an image's layers from the cache for the block, and keep what the block adds.

    Yields the duplicates among the large layers of the image, if it has such layers.

    ``outcomes`` are those of the layers, base first; layers whose bytes were not all verified have no values in the cache.
    ``catalog`` has the rules that claim rows; None if nothing asks for them.
    """
    values = LayerValues(finished.cache.store, finished.version, catalog, finished.cache.limits)
    tables: dict[str, FileTable] = {
        layer.descriptor.digest: outcome.table
        for layer, outcome in zip(finished.image.layers, outcomes, strict=True)
        if isinstance(outcome, LayerScan) and outcome.digest_verified and outcome.region is None
    }
    known = {digest: values.load(digest, table) for digest, table in tables.items()}
    duplicates = DuplicatesCache(finished.cache.store, finished.version, finished.cache.limits)
    digests = [layer.descriptor.digest for layer in finished.image.layers]
    known_duplicates = duplicates.find(digests, tables)
    yield known_duplicates
    if known_duplicates is not None:
        duplicates.keep(digests, known_duplicates)
    for digest, table in tables.items():
        values.keep(digest, table, known[digest])


@frozen
class LayerValues:
    """The values of layers in a store; ``version`` names what they depend on besides the layer."""

    store: Cache
    version: str
    catalog: Catalog | None  #: whose rules claim rows; None: no claims
    limits: Limits = Limits()

    def load(self, digest: str, table: FileTable) -> frozenset[str]:
        """Give a table the values that are kept for its layer; return their names."""
        unpack = partial(_unpack_all, table=table, catalog=self.catalog)
        values = load_entry(self.store, self._key(digest), self.limits, unpack, damage=_DAMAGE) or {}
        for name, value in values.items():
            if value is not None:
                table.derived.setdefault(_CODECS[name].key, value)
        return frozenset(values)

    def keep(self, digest: str, table: FileTable, known: frozenset[str]) -> None:
        """Keep the values of a table if it has more than the ``known`` ones."""
        found = {name: table.derived[codec.key] for name, codec in _CODECS.items() if codec.key in table.derived}
        if found.keys() <= known:
            return
        packed = {name: _CODECS[name].pack(value) for name, value in found.items()}
        document = [[name, document, len(sections)] for name, (document, sections) in packed.items()]
        key = self._key(digest)
        joined = [section for _, sections in packed.values() for section in sections]
        self.store.put(key, pack_entry(key, [pack_document(document), *joined]))

    def _key(self, digest: str) -> str:
        algorithm, _, encoded = digest.partition(":")
        return f"{FORMAT}/{algorithm}/{encoded[:2]}/{encoded}-{self.version}"


def _unpack_all(entry: Sequence[bytes], *, table: FileTable, catalog: Catalog | None) -> Mapping[str, Any]:
    document, *sections = entry
    values, start = {}, 0
    for name, own, count in unpack_document(document):
        part = sections[start : start + count]
        if name not in _CODECS or len(part) != count:
            raise BadEntry("a value that does not exist")
        start += count
        values[name] = _CODECS[name].unpack(own, part, table, catalog)
    if isinstance(runs := values.get("runs"), KeptRuns):
        sums = values.get("run sums")
        if isinstance(sums, RunSums) and len(sums.content) != len(runs.starts):
            raise BadEntry("sums of other runs")
    elif "run sums" in values:
        raise BadEntry("sums without runs")
    return values


def _check(*, that: bool) -> None:
    if not that:
        raise BadEntry("a value that does not fit the table")


def _rows(section: bytes, table: FileTable, kind: str = "I") -> IntArray:
    """Rows of the table, ascending."""
    rows = unpack_numbers(kind, section)
    numbers = rows.tolist()  # a list compares faster than an array
    _check(that=not any(map(ge, numbers, islice(numbers, 1, None))) and (not rows or rows[-1] < len(table)))
    return rows


def _pack_runs(runs: KeptRuns) -> _Packed:
    return None, [pack_numbers(runs.starts), pack_numbers(runs.directories), *pack_texts(runs.paths)]


def _unpack_runs(_: Any, sections: Sequence[bytes], table: FileTable, __: Catalog | None) -> KeptRuns:
    starts, paths = _rows(sections[0], table), unpack_texts(sections[2:4])
    directories = unpack_numbers("I", sections[1], len(starts))
    _check(that=bool(len(table)) == bool(starts) and (not starts or starts[0] == 0))
    _check(that=list(dict.fromkeys(directories)) == list(range(len(paths))))
    places = [(start, bisect_left(starts, start)) for start in table.paths.piece_starts()]
    _check(that=all(place < len(starts) and starts[place] == start for start, place in places))
    _check(that=b"\0" not in sections[3])
    return KeptRuns(starts, directories, paths)


def _pack_overlap(overlap: LayerOverlap) -> _Packed:
    return None, [pack_numbers(overlap.special), *pack_texts(overlap.contested)]


def _unpack_overlap(_: Any, sections: Sequence[bytes], table: FileTable, __: Catalog | None) -> LayerOverlap:
    return LayerOverlap(_rows(sections[0], table), unpack_texts(sections[1:3]))


def _pack_claims(claims: LayerClaims) -> _Packed:
    document = [list(claims.decided), [list(options) for options in claims.waiting]]
    return document, [pack_numbers(rows) for rows in (*claims.decided.values(), *claims.waiting.values())]


def _unpack_claims(
    document: Any, sections: Sequence[bytes], table: FileTable, catalog: Catalog | None
) -> LayerClaims | None:
    decided, waiting = document
    if catalog is None:
        return None  # nobody asks for them
    indexes = [*decided, *(index for options in waiting for index in options)]
    most = len(catalog.rules) + len(catalog.secrets)
    _check(that=all(type(index) is int and 0 <= index < most for index in indexes) and all(waiting))
    _check(that=len(sections) == len(decided) + len(waiting))
    _check(that=all(index < len(catalog.rules) for options in waiting for index in options))
    rows = [_rows(section, table) for section in sections]
    return LayerClaims(
        catalog,
        dict(zip(decided, rows[: len(decided)], strict=True)),
        dict(zip(map(tuple, waiting), rows[len(decided) :], strict=True)),
    )


def _pack_types(sums: TypeSums) -> _Packed:
    columns = (sums.content, sums.files, *([] if sums.compressed is None else [sums.compressed]))
    return sums.names, list(map(pack_numbers, columns))


def _unpack_types(names: Any, sections: Sequence[bytes], _: FileTable, __: Catalog | None) -> TypeSums:
    _check(that=type(names) is list and all(type(name) is str for name in names))
    return TypeSums(names, *_unpack_sums(sections, len(names)))


def _pack_run_sums(sums: RunSums) -> _Packed:
    columns = (sums.content, sums.files, *([] if sums.compressed is None else [sums.compressed]))
    return len(sums.content), list(map(pack_numbers, columns))


def _unpack_run_sums(count: Any, sections: Sequence[bytes], _: FileTable, __: Catalog | None) -> RunSums:
    return RunSums(*_unpack_sums(sections, count))


def _unpack_sums(sections: Sequence[bytes], count: int) -> tuple[IntArray, IntArray, IntArray | None]:
    """Sums of content, of files, and of the download if that is known."""
    content, files, *compressed = sections
    known = unpack_numbers("q", compressed[0], count) if compressed else None
    return unpack_numbers("q", content, count), unpack_numbers("I", files, count), known


def _pack_row_sums(sums: RowSums) -> _Packed:
    return list(sums), []


def _unpack_row_sums(values: Any, _: Sequence[bytes], __: FileTable, ___: Catalog | None) -> RowSums:
    content, stored, disk, files = values
    _check(that=all(type(value) is int and value >= 0 for value in (content, stored, disk, files)))
    return RowSums(content, stored, disk, files)


def _pack_rows(rows: IntArray) -> _Packed:
    return None, [pack_numbers(rows)]


def _unpack_rows(_: Any, sections: Sequence[bytes], table: FileTable, __: Catalog | None) -> IntArray:
    return _rows(sections[0], table)


def _pack_places(places: Sequence[tuple[int, bytes]]) -> _Packed:
    return None, [pack_numbers(array("I", [row for row, _ in places])), *pack_texts([path for _, path in places])]


def _unpack_places(_: Any, sections: Sequence[bytes], table: FileTable, __: Catalog | None) -> list[tuple[int, bytes]]:
    rows = _rows(sections[0], table)
    return list(zip(rows, unpack_texts(sections[1:3], len(rows)), strict=True))


def _pack_paths(paths: Mapping[int, bytes]) -> _Packed:
    return _pack_places([*paths.items()])


def _unpack_paths(*packed: Any) -> dict[int, bytes]:
    return dict(_unpack_places(*packed))


def _unpack_count(count: Any, *_: Any) -> int:
    _check(that=type(count) is int and count >= 0)
    return int(count)


def _pack_plain(value: int) -> _Packed:
    return value, []


def _unpack_flag(flag: Any, *_: Any) -> bool:
    _check(that=type(flag) is bool)
    return bool(flag)


#: name in an entry → how the value is written and read
_CODECS: Mapping[str, _Codec] = {
    "runs": _Codec(KeptRuns, _pack_runs, _unpack_runs),
    "overlap": _Codec(LayerOverlap, _pack_overlap, _unpack_overlap),
    "claims": _Codec(LayerClaims, _pack_claims, _unpack_claims),
    "types": _Codec(TypeSums, _pack_types, _unpack_types),
    "run sums": _Codec(RunSums, _pack_run_sums, _unpack_run_sums),
    "row sums": _Codec(sum_rows, _pack_row_sums, _unpack_row_sums),
    "marked": _Codec(find_marked, _pack_rows, _unpack_rows),
    "loaders": _Codec(find_loaders, _pack_places, _unpack_places),
    "programs": _Codec(find_programs, _pack_places, _unpack_places),
    "npm locks": _Codec(find_locks, _pack_places, _unpack_places),
    "composer": _Codec(find_installed_files, _pack_places, _unpack_places),
    "npm manifests": _Codec(NpmManifests, pack_manifests, unpack_manifests),
    "kept paths": _Codec(kept_paths, _pack_paths, _unpack_paths),
    "directories": _Codec(count_directories, _pack_plain, _unpack_count),
    "users": _Codec(names_users, _pack_plain, _unpack_flag),
}
