"""Simulation: applies fixes in order to the rows that the layers store, and counts what each of them frees."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence
from itertools import compress
from operator import not_

from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.largest_files import Columns, largest_places, names_of, sizes_by_layer
from ocisize.model.findings import Confidence
from ocisize.model.plan import LayerSaving
from ocisize.model.sizes import sum_known
from ocisize.plan.estimates import FileEstimates
from ocisize.plan.fixes import Fix
from ocisize.plan.merged_rows import RowsByLayer
from ocisize.tar.filetable import IntArray
from ocisize.tar.row_values import row_values
from ocisize.tuples import NamedTuple

_MAX_PATHS = 5  # paths of a step


class Freed(NamedTuple):
    """What one fix frees, after the fixes before it."""

    size: int  #: bytes of content
    compressed_size: int | None  #: bytes of download; None if neither known nor estimated
    layers: tuple[int, ...]  #: that hold the rows, the one with the most bytes first
    paths: tuple[str, ...]  #: the largest files
    file_count: int  #: number of files with content
    layer_savings: tuple[LayerSaving, ...]  #: by layer


class Simulation:
    """The rows that the layers of an image store while fixes are applied."""

    def __init__(self, evidence: ImageEvidence) -> None:
        self._evidence = evidence
        self._freed_by: list[IntArray] = [array("I", bytes(4 * len(table))) for table in evidence.tables]
        copies: dict[str, list[int]] = defaultdict(list)
        for layer in evidence.layers:
            copies[layer.digest].append(layer.index)
        self._shown: dict[int, int] = {}  # number that freed rows have → number of the fix in the order of ``run``
        self._estimates: dict[int, FileEstimates] = {}
        self._copies = {layer.index: copies[layer.digest] for layer in evidence.layers}

    def free(self, number: int, fix: Fix) -> dict[int, Sequence[int]]:
        """Free the rows of a fix that are still stored, and return them. ``number`` is that of the fix, from 1."""
        rows: dict[int, Sequence[int]] = {}
        for layer, chosen in fix.rows.items():
            rows[layer] = freed = self._stored_in(layer, chosen)
            freed_by = self._freed_by[layer]
            for row in freed:
                freed_by[row] = number
        return rows

    def _stored_in(self, layer: int, rows: Sequence[int]) -> Sequence[int]:
        """Those of some rows that a layer still stores: mostly all."""
        freed_by = self._freed_by[layer]
        numbers = row_values(freed_by, rows)
        return list(compress(rows, map(not_, numbers))) if any(numbers) else rows

    def apply(self, number: int, fix: Fix) -> Freed:
        """Free the rows of a fix that are still stored, and sum them. ``number`` is that of the fix, from 1."""
        rows = self.free(number, fix)
        columns = sizes_by_layer(rows, self._evidence.tables)
        sizes = {layer: sum(column) for layer, column in columns.items()}
        counts = {layer: len(column) - column.count(0) for layer, column in columns.items()}
        downloads = {layer: self._download_of(layer, rows) for layer in rows}
        return Freed(
            size=sum(sizes.values()),
            compressed_size=sum_known(downloads.values()),
            layers=tuple(sorted((layer for layer in rows if sizes[layer]), key=lambda layer: (-sizes[layer], layer))),
            paths=self._largest_paths(rows, columns),
            file_count=sum(counts.values()),
            layer_savings=tuple(
                LayerSaving(layer=layer, size=sizes[layer], compressed_size=downloads[layer], file_count=counts[layer])
                for layer in sorted(rows)
                if sizes[layer] or downloads[layer]
            ),
        )

    def _largest_paths(self, rows: RowsByLayer, sizes: Columns) -> tuple[str, ...]:
        """The largest files among some rows, whose sizes are known; the copies of a file in several layers have one path."""
        for count in (_MAX_PATHS, 2 * _MAX_PATHS):
            places = largest_places(rows, sizes, count)
            names = names_of(places, self._evidence.tables)
            paths = list(map(names.__getitem__, places))
            distinct = tuple(dict.fromkeys(paths))
            if len(distinct) == len(paths):
                break
        return distinct[:_MAX_PATHS]

    def run(self, fixes: Sequence[Fix]) -> tuple[list[Fix], list[Freed]]:
        """Apply fixes, and return them in the order in which they are shown, each with what it frees.

        Fixes in the patch are applied first, so that a fix by hand counts only what the patch leaves. The largest fix comes
        first; those that only the author can decide come last. The numbers of the fixes are those of the result. Content
        decides, so that the same image has the same order whatever its compression.
        """
        sizes = [self._size_of(fix.rows) for fix in fixes]
        by_size = sorted(range(len(fixes)), key=lambda index: (not fixes[index].in_patch, -sizes[index], index))
        freed = {index: self.apply(number, fixes[index]) for number, index in enumerate(by_size, 1)}
        shown = sorted(by_size, key=lambda index: (fixes[index].confidence is Confidence.ASK, -freed[index].size))
        positions = {index: position for position, index in enumerate(shown, 1)}
        self._shown = {number: positions[index] for number, index in enumerate(by_size, 1)}
        return [fixes[index] for index in shown], [freed[index] for index in shown]

    def stored(self, rows: RowsByLayer) -> dict[int, Sequence[int]]:
        """Those of some rows that layers still store."""
        return {layer: kept for layer, chosen in rows.items() if (kept := self._stored_in(layer, chosen))}

    def _size_of(self, rows: RowsByLayer) -> int:
        """The bytes of content of some rows."""
        tables = self._evidence.tables
        return sum(sum(row_values(tables[layer].sizes, chosen)) for layer, chosen in rows.items())

    def freed_bytes(self, rows: RowsByLayer) -> dict[int, int]:
        """The bytes of content among some rows that each fix freed, by the number of the fix; 0 is for stored rows."""
        sizes: dict[int, int] = defaultdict(int)
        for layer, chosen in rows.items():
            numbers = row_values(self._freed_by[layer], chosen)
            own = row_values(self._evidence.tables[layer].sizes, chosen)
            if len(distinct := {*numbers}) == 1:  # most claims have one fix, and the sum is made in C
                sizes[distinct.pop()] += sum(own)
                continue
            for number, size in zip(numbers, own, strict=True):
                sizes[number] += size
        return {self._shown.get(number, number): size for number, size in sizes.items()}

    def _download_of(self, layer: int, rows: RowsByLayer) -> int | None:
        """The bytes of download of a layer's rows that were just freed; None if it has neither a size nor an estimate."""
        gone = self._free_of_copies(layer, rows[layer], rows)
        first = self._evidence.layers[self._copies[layer][0]]
        table = self._evidence.tables[first.index]
        if table.compressed_sizes is not None:
            return sum(row_values(table.compressed_sizes, gone))
        if first.expected_compressed_size is None:
            return None if gone else 0
        if first.index not in self._estimates:
            self._estimates[first.index] = FileEstimates(table, first.expected_compressed_size)
        return self._estimates[first.index].sum_of(gone)

    def _free_of_copies(self, layer: int, freed: Sequence[int], rows: RowsByLayer) -> Sequence[int]:
        """Those of the freed rows that leave the download: a blob is downloaded as long as one of its layers needs a row."""
        copies = self._copies[layer]
        if len(copies) == 1:
            return freed
        last = max(rows.keys() & set(copies))
        counted = set(rows[last]) if layer != last else set()
        columns = [self._freed_by[index] for index in copies]
        return [row for row in freed if row not in counted and all(column[row] for column in columns)]
