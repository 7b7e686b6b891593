"""Duplicates among the large layers of an image that an earlier analysis has found, and those that other layers add.

Images that are built on the same layers have the same duplicates within them, unless a layer above hides another row of a
content. So the contents of all other layers and of rows whose visibility changed are compared with all rows, and the rest is
taken as it was.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import accumulate, compress, islice, repeat
from operator import add, gt

from ocisize.filesystem.duplicates import Duplicates, add_repeated, find_duplicates, with_size
from ocisize.filesystem.hidden_rows import find_hidden
from ocisize.filesystem.overlay import Overlay
from ocisize.tar.filetable import NO_HASH, FileTable, IntArray

_HEAD = 8  # bytes of a hash that rows are searched by
LARGE = 1 << 11  #: rows of a layer whose duplicates are kept
UNKNOWN, LEFT_OUT, OWN, FIRST_PACKAGE = range(4)
"""Codes of duplicates: nothing is known yet; not to be linked; no package manager owns them; from here on, the place of the
package that they belong to in a list."""


class LayerPairs:
    """The duplicates of one layer among some large layers."""

    def __init__(self, hidden: IntArray, rows: IntArray, originals: IntArray, codes: IntArray) -> None:
        self.hidden = hidden  #: rows ("I") with content that another layer hid when the duplicates were found, ascending
        self.rows = rows  #: "q", ascending; see ``Duplicates``
        self.originals = originals  #: "q": rows, counted through the large layers
        self.codes = codes  #: "I", by duplicate: what the two paths mean, see ``FIRST_PACKAGE``
        #: codes of further pairs, row and original as above: claims that have the originals leave these as the first copies
        self.replaced: dict[tuple[int, int], int] = {}


class KnownDuplicates:
    """The duplicates among the large layers of an image, from an earlier analysis or for later ones."""

    def __init__(
        self,
        layers: Sequence[int],
        pairs: Sequence[LayerPairs] = (),
        packages: Sequence[tuple[int, bytes, bytes]] = (),
    ) -> None:
        self.layers = layers  #: indexes of the large layers among those of the image
        self.pairs = pairs  #: by large layer; empty if they must be found
        self.packages = list(packages)  #: what codes mean: a package manager and the two directories of a package
        self.is_new = not pairs  #: whether anything was added

    def find(self, tables: Sequence[FileTable], overlay: Overlay) -> list[Duplicates]:
        """Return the duplicates of all layers, as ``find_duplicates`` does, with their places among the known ones."""
        if 2 * sum(len(tables[index]) for index in self.layers) < sum(map(len, tables)):
            return find_duplicates(tables, overlay)  # to compare the others takes as long
        if not self.pairs:
            self.find_among_large(tables, overlay)
        return self.compare(tables, overlay)

    def find_among_large(self, tables: Sequence[FileTable], overlay: Overlay) -> None:
        """Find the duplicates among the large layers alone, as ``overlay`` shows them."""
        large, hidden_by = [tables[index] for index in self.layers], [overlay.hidden_by[index] for index in self.layers]
        self.pairs = [
            LayerPairs(hidden_rows(table, hidden), *_sort_by_row(found), array("I", bytes(4 * len(found.rows))))
            for table, hidden, found in zip(
                large, hidden_by, find_duplicates(large, Overlay(tuple(hidden_by), (), ())), strict=True
            )
        ]

    def offsets(self, tables: Sequence[FileTable]) -> dict[int, int]:
        """By large layer, how many rows of other layers are below, by which numbers through all layers are higher."""
        starts, large = list(accumulate(map(len, tables), initial=0)), 0
        offsets: dict[int, int] = {}
        for index in self.layers:
            offsets[index] = starts[index] - large
            large += len(tables[index])
        return offsets

    def compare(self, tables: Sequence[FileTable], overlay: Overlay) -> list[Duplicates]:
        """Return the duplicates of all layers from those among the large ones: contents that may differ are compared."""
        affected = self._affected_contents(tables, overlay)
        heads = _heads(affected)
        starts = list(accumulate(map(len, tables), initial=0))
        found = [Duplicates(known=array("i")) for _ in tables]
        compared: list[set[int]] = []  # by layer: the rows with affected contents
        seen: dict[bytes, int] = {}
        for index, (table, hidden_by) in enumerate(zip(tables, overlay.hidden_by, strict=True)):
            rows = [row for row in _rows_with(heads, table) if table.hash_of(row) in affected]
            shown = [row for row in rows if table.sizes[row] > 0 > hidden_by[row]]
            add_repeated(found[index], table, shown, starts[index], seen)
            found[index].known.extend([-1] * len(found[index].rows))
            compared.append({*rows})
        self._add_known(found, tables, compared)
        return [with_size(duplicates, table) for duplicates, table in zip(found, tables, strict=True)]

    def _affected_contents(self, tables: Sequence[FileTable], overlay: Overlay) -> set[bytes]:
        """The contents whose rows must be compared again."""
        affected, large = set[bytes](), dict(zip(self.layers, self.pairs, strict=True))
        for index, (table, hidden_by) in enumerate(zip(tables, overlay.hidden_by, strict=True)):
            if (pairs := large.get(index)) is not None:
                rows = {*pairs.hidden} ^ {*hidden_rows(table, hidden_by)}
            else:
                rows = {row for row in range(len(table)) if table.sizes[row] > 0 > hidden_by[row]}
            affected.update(map(table.hash_of, rows))
        affected.discard(NO_HASH)
        return affected

    def _add_known(self, found: Sequence[Duplicates], tables: Sequence[FileTable], compared: Sequence[set[int]]) -> None:
        """Add the known duplicates that were not compared again."""
        ends = list(accumulate(len(tables[index]) for index in self.layers))
        moved = list(self.offsets(tables).values())
        for index, pairs in zip(self.layers, self.pairs, strict=True):
            duplicates, numbers = found[index], _places_without(compared[index], pairs.rows)
            rows, originals = pairs.rows, pairs.originals
            if len(numbers) < len(rows):
                rows = array("q", map(rows.__getitem__, numbers))
                originals = array("q", map(originals.__getitem__, numbers))
            if any(moved):
                moves = (
                    map(moved.__getitem__, map(partial(bisect_right, ends), originals))
                    if len({*moved}) > 1
                    else repeat(moved[0])
                )
                originals = array("q", map(add, originals, moves))
            duplicates.known.extend(numbers)
            duplicates.rows.extend(rows)
            duplicates.originals.extend(originals)


def _sort_by_row(found: Duplicates) -> tuple[IntArray, IntArray]:
    """The rows of duplicates and their originals, the rows ascending: they are found bucket by bucket."""
    if not any(map(gt, found.rows, islice(found.rows, 1, None))):
        return found.rows, found.originals
    pairs = sorted(zip(found.rows, found.originals, strict=True))
    return array("q", [row for row, _ in pairs]), array("q", [original for _, original in pairs])


def hidden_rows(table: FileTable, hidden_by: IntArray) -> IntArray:
    """The rows ("I") with content that a layer hides, ascending."""
    return array("I", [row for row in find_hidden(hidden_by) if table.sizes[row] > 0])


def _heads(contents: set[bytes]) -> set[int]:
    return {int.from_bytes(content[:_HEAD], sys.byteorder) for content in contents}


def _places_without(compared: set[int], rows: IntArray) -> Sequence[int]:
    """The places of the rows that were not compared."""
    if not compared or compared.isdisjoint(rows):
        return range(len(rows))
    return [place for place, row in enumerate(rows) if row not in compared]


def _rows_with(heads: set[int], table: FileTable) -> list[int]:
    """The rows whose hash begins with one of some numbers."""
    column = array("Q", table.hashes)[::2] if heads else ()
    if heads.isdisjoint(column):  # 40 % of the time of the selection
        return []
    return list(compress(range(len(column)), map(heads.__contains__, column)))
