"""Which identical files may be linked, by the paths of copy and original: kept with what is known of the image's layers.

Each pair has a code: it is left out, no package manager owns the files, or it belongs to a package that is installed twice.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

from ocisize.filesystem.known_duplicates import FIRST_PACKAGE, LEFT_OUT, OWN, UNKNOWN
from ocisize.findings.evidence import ImageEvidence
from ocisize.packages.owners import PackageManager, installed_twice, package_manager_of
from ocisize.rules.match import find_protected
from ocisize.tar.filetable import FileTable, IntArray
from ocisize.tar.row_values import row_values
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
    kept = {index: pairs.codes for index, pairs in zip(known.layers, known.pairs, strict=False)} if known is not None else {}
    codes = [_codes_so_far(of_layer, kept.get(layer)) for layer, of_layer in enumerate(copies)]
    new = [[index for index, code in enumerate(column) if code == UNKNOWN] if UNKNOWN in column else [] for column in codes]
    if any(new):
        _find_codes(evidence, copies, new, codes, packages)
        _leave_out_protected(evidence, copies, new, codes)
    for layer, column in kept.items():
        for index in new[layer]:
            if known is not None and (place := copies[layer].known[index]) >= 0:
                column[place] = codes[layer][index]
                known.is_new = True
    return SortedPairs(codes, packages)


def _codes_so_far(copies: Copies, kept: IntArray | None) -> IntArray:
    """The codes of one layer's copies that are kept, UNKNOWN for the others."""
    if kept is None:
        return array("I", [UNKNOWN]) * len(copies.rows)
    by_place = [*kept, UNKNOWN]  # -1 is the place of the last one
    return array("I", row_values(by_place, copies.known))


def _find_codes(
    evidence: ImageEvidence,
    copies: Sequence[Copies],
    new: Sequence[Sequence[int]],
    codes: Sequence[IntArray],
    packages: list[tuple[int, bytes, bytes]],
) -> None:
    """Write the codes of pairs, which are ``new`` by layer, and add the packages that they need."""
    # By the path of the copy alone: whether a package manager owns it.
    packaged: list[tuple[int, int, PackageManager, bytes]] = []  # layer, index, manager, path of the copy
    for layer, (table, of_layer, indexes) in enumerate(zip(evidence.tables, copies, new, strict=True)):
        ordered = sorted(indexes, key=of_layer.rows.__getitem__)
        paths = table.paths.select([of_layer.rows[index] for index in ordered])
        for index, path in zip(ordered, paths, strict=True):
            kind = package_manager_of(path)
            codes[layer][index] = OWN if kind is None else LEFT_OUT
            if kind is not None and kind is not PackageManager.SYSTEM:
                packaged.append((layer, index, kind, path))

    # With the path of the original: whether both belong to a package that is installed twice.
    originals = _select_paths(evidence.tables, {copies[layer].originals[index] for layer, index, _, _ in packaged})
    numbers: dict[tuple[int, bytes, bytes], int] = {package: code for code, package in enumerate(packages, FIRST_PACKAGE)}
    for layer, index, kind, path in packaged:
        if roots := installed_twice(kind, originals[copies[layer].originals[index]], path):
            package = (kind, *roots)
            if package not in numbers:
                numbers[package] = FIRST_PACKAGE + len(packages)
                packages.append(package)
            codes[layer][index] = numbers[package]


def _leave_out_protected(
    evidence: ImageEvidence, copies: Sequence[Copies], new: Sequence[Sequence[int]], codes: Sequence[IntArray]
) -> None:
    """Leave out the pairs, which are ``new`` by layer, whose copy a protection matches."""
    found = [[index for index in indexes if codes[layer][index] != LEFT_OUT] for layer, indexes in enumerate(new)]
    rows = [sorted(of_layer.rows[index] for index in indexes) for of_layer, indexes in zip(copies, found, strict=True)]
    protected = find_protected(evidence.catalog, evidence.tables, rows)
    for layer, indexes in enumerate(found):
        for index in indexes:
            if copies[layer].rows[index] in protected[layer]:
                codes[layer][index] = LEFT_OUT


def paths_of(tables: Sequence[FileTable], pairs: Sequence[tuple[_Place, int]]) -> dict[_Place, tuple[bytes, bytes]]:
    """Return the paths of original and copy, by the place of the copy.

    ``pairs`` are places of copies, layer and row, each with its original, counted through the rows of all layers.
    """
    starts = list(accumulate(map(len, tables), initial=0))
    copies = [starts[layer] + row for (layer, row), _ in pairs]
    paths = _select_paths(tables, {*copies, *(original for _, original in pairs)})
    return {place: (paths[original], paths[copy]) for copy, (place, original) in zip(copies, pairs, strict=True)}


def _select_paths(tables: Sequence[FileTable], numbers: Iterable[int]) -> dict[int, bytes]:
    """The paths of rows, by numbers that count through the rows of all layers."""
    ordered, done, start = sorted(numbers), 0, 0
    paths: dict[int, bytes] = {}
    for table in tables:
        end = bisect_left(ordered, start + len(table), done)
        in_layer = ordered[done:end]
        paths.update(zip(in_layer, table.paths.select([number - start for number in in_layer]), strict=True))
        done, start = end, start + len(table)
    return paths


def rows_by_layer(places: Iterable[_Place]) -> dict[int, list[int]]:
    """Return the rows of places by layer, ascending."""
    rows: dict[int, list[int]] = defaultdict(list)
    for layer, row in sorted(places):
        rows[layer].append(row)
    return rows
