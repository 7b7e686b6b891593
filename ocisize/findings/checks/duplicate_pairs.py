"""Which identical files may be linked, by the paths of copy and original: kept with what is known of the image's layers.

Each pair has a code: it is left out, no package manager owns the files, or it belongs to a package that is installed twice.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from ocisize.filesystem.known_duplicates import FIRST_PACKAGE, LEFT_OUT, OWN, UNKNOWN
from ocisize.findings.evidence import ImageEvidence
from ocisize.packages.owners import PackageManager, installed_twice, package_manager_of
from ocisize.rules.match import find_protected
from ocisize.tar.filetable import FileTable, IntArray
from ocisize.tuples import NamedTuple

Package = tuple[PackageManager, bytes, bytes]  #: its manager and the two directories it is installed in
_Place = tuple[int, int]  # layer and row


class Copies(NamedTuple):
    """Duplicates of one layer."""

    rows: IntArray
    originals: IntArray  #: rows, counted through all layers
    known: IntArray  #: places among the known duplicates of the layer, -1 for none


class SortedPairs(NamedTuple):
    """The codes of all pairs, and what they mean."""

    codes: list[IntArray]  #: by layer, those of its copies
    packages: Sequence[tuple[int, bytes, bytes]]

    def package(self, code: int) -> Package:
        """The package of a code."""
        kind, first, second = self.packages[code - FIRST_PACKAGE]
        return PackageManager(kind), first, second


def sort_pairs(evidence: ImageEvidence, copies: Sequence[Copies]) -> SortedPairs:
    """Return the codes of all pairs; those that are not known yet are found, and added to what is known of the image.

    Args:
        evidence: the image.
        copies: by layer, the copies to look at.

    """
    known = evidence.known_duplicates
    packages: list[tuple[int, bytes, bytes]] = known.packages if known is not None else []
    numbers: dict[tuple[int, bytes, bytes], int] = {package: code for code, package in enumerate(packages, FIRST_PACKAGE)}
    kept = {index: pairs.codes for index, pairs in zip(known.layers, known.pairs, strict=False)} if known is not None else {}
    codes: list[IntArray] = []
    for layer, of_layer in enumerate(copies):
        column = kept.get(layer, array("I"))
        codes.append(array("I", [column[place] if place >= 0 else UNKNOWN for place in of_layer.known]))
    new = [[index for index, code in enumerate(column) if code == UNKNOWN] for column in codes]
    chosen = [
        (layer, index, of_layer.rows[index], of_layer.originals[index])
        for layer, (of_layer, indexes) in enumerate(zip(copies, new, strict=True))
        for index in indexes
    ]
    if not chosen:
        return SortedPairs(codes, packages)
    found = _find_packages(evidence, {(layer, row): original for layer, _, row, original in chosen})
    for layer, index, row, _ in chosen:
        code = LEFT_OUT
        if (layer, row) in found:
            package = found[layer, row]
            if package is not None and package not in numbers:
                numbers[package] = FIRST_PACKAGE + len(packages)
                packages.append(package)
            code = OWN if package is None else numbers[package]
        codes[layer][index] = code
        if known is not None and (place := copies[layer].known[index]) >= 0:
            kept[layer][place] = code
            known.is_new = True
    return SortedPairs(codes, packages)


def _find_packages(evidence: ImageEvidence, originals: Mapping[_Place, int]) -> dict[_Place, Package | None]:
    """The package of each pair that is not left out, None if no package manager owns it."""
    kinds = {}
    for place, path in _select_paths(evidence.tables, originals):
        if (kind := package_manager_of(path)) is not PackageManager.SYSTEM:
            kinds[place] = kind
    found: dict[_Place, Package | None] = {}
    for place, (original, copy) in paths_of(evidence.tables, [(place, originals[place]) for place in kinds]).items():
        kind = kinds[place]
        if kind is None:
            found[place] = None
        elif roots := installed_twice(kind, original, copy):
            found[place] = (kind, *roots)
    rows = _by_layer(found)
    protected = find_protected(evidence.catalog, evidence.tables, [rows[layer] for layer in range(len(evidence.tables))])
    return {(layer, row): package for (layer, row), package in found.items() if row not in protected[layer]}


def paths_of(tables: Sequence[FileTable], pairs: Iterable[tuple[_Place, int]]) -> dict[_Place, tuple[bytes, bytes]]:
    """Return the paths of original and copy, by the place of the copy.

    ``pairs`` are places of copies, layer and row, each with its original, counted through the rows of all layers.
    """
    starts, pairs = list(accumulate(map(len, tables), initial=0)), list(pairs)
    places = {original: _place_of(original, starts) for _, original in pairs}
    paths = dict(_select_paths(tables, [*places.values(), *(place for place, _ in pairs)]))
    return {place: (paths[places[original]], paths[place]) for place, original in pairs}


def _place_of(number: int, starts: Sequence[int]) -> _Place:
    layer = bisect_right(starts, number) - 1
    return layer, number - starts[layer]


def _select_paths(tables: Sequence[FileTable], places: Iterable[_Place]) -> Iterator[tuple[_Place, bytes]]:
    """The paths of some rows."""
    for layer, rows in _by_layer(places).items():
        for row, path in zip(rows, tables[layer].paths.select(rows), strict=True):
            yield (layer, row), path


def _by_layer(places: Iterable[_Place]) -> dict[int, list[int]]:
    """Rows by layer, ascending."""
    rows: dict[int, list[int]] = defaultdict(list)
    for layer, row in sorted({*places}):
        rows[layer].append(row)
    return rows
