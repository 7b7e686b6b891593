"""Which identical files may be linked, by the paths of copy and original: kept with what is known of the image's layers.

Each pair has a code: it is left out, no package manager owns the files, or it belongs to a package that is installed twice.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

from ocisize.filesystem.known_duplicates import FIRST_PACKAGE, LEFT_OUT, OWN, UNKNOWN, KnownDuplicates
from ocisize.findings.evidence import ImageEvidence
from ocisize.packages.owners import PackageManager, installed_twice, package_manager_of
from ocisize.rules.match import find_protected
from ocisize.tar.filetable import FileTable, IntArray
from ocisize.tar.row_values import row_values
from ocisize.tuples import NamedTuple

REPLACED = -2  #: in place of a place: a claim has the original, and the first copy that is left is in its place
Package = tuple[PackageManager, bytes, bytes]  #: its manager and the two directories it is installed in
_Place = tuple[int, int]  # layer and row


class Copies(NamedTuple):
    """Duplicates of one layer."""

    rows: IntArray
    originals: IntArray  #: rows, counted through all layers
    known: IntArray  #: places among the known duplicates of the layer; -1 for none, REPLACED with another original


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
    replaced = _ReplacedPairs(known, evidence.tables, copies) if known is not None and any(new) else None
    if replaced is not None:
        new = replaced.take_known(codes, new)
    if any(new):
        _find_codes(evidence, copies, new, codes, packages)
        _leave_out_protected(evidence, copies, new, codes)
    if known is not None and replaced is not None:
        for layer, column in kept.items():
            for index in new[layer]:
                if (place := copies[layer].known[index]) >= 0:
                    column[place] = codes[layer][index]
                    known.is_new = True
        replaced.add(codes, new)
    return SortedPairs(codes, packages)


class _ReplacedPairs:
    """Pairs whose original is the first copy that claims leave, among what is known of the large layers."""

    def __init__(self, known: KnownDuplicates, tables: Sequence[FileTable], copies: Sequence[Copies]) -> None:
        self._known, self._copies = known, copies
        self._starts = list(accumulate(map(len, tables), initial=0))
        self._offsets = known.offsets(tables)

    def take_known(self, codes: Sequence[IntArray], new: Sequence[list[int]]) -> list[list[int]]:
        """Write the codes that are known, and return the others of the ``new`` pairs by layer."""
        left = list(new)
        for layer, pairs in zip(self._known.layers, self._known.pairs, strict=False):
            for index in new[layer]:
                if self._copies[layer].known[index] == REPLACED:
                    codes[layer][index] = pairs.replaced.get(self._key(layer, index), UNKNOWN)
            left[layer] = [index for index in new[layer] if codes[layer][index] == UNKNOWN]
        return left

    def add(self, codes: Sequence[IntArray], new: Sequence[Sequence[int]]) -> None:
        """Keep the codes of ``new`` pairs, for each layer not more than it has duplicates."""
        for layer, pairs in zip(self._known.layers, self._known.pairs, strict=False):
            for index in new[layer]:
                if self._copies[layer].known[index] != REPLACED or len(pairs.replaced) >= len(pairs.rows):
                    continue
                key = self._key(layer, index)
                if key[1] >= 0:
                    pairs.replaced[key] = codes[layer][index]
                    self._known.is_new = True

    def _key(self, layer: int, index: int) -> tuple[int, int]:
        """The row of a copy, and its original counted through the large layers; -1 in another layer."""
        original = self._copies[layer].originals[index]
        holder = bisect_right(self._starts, original) - 1
        return self._copies[layer].rows[index], original - self._offsets[holder] if holder in self._offsets else -1


def _codes_so_far(copies: Copies, kept: IntArray | None) -> IntArray:
    """The codes of one layer's copies that are kept, UNKNOWN for the others."""
    if kept is None:
        return array("I", [UNKNOWN]) * len(copies.rows)
    by_place = [*kept, UNKNOWN, UNKNOWN]  # the last ones are those of REPLACED and -1
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
