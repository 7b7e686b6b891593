"""list_files: the largest files of an image or a layer, chosen by globs, each with what became of it.

A glob means the same as in the catalogue: see ``globs``. Rows are compared by their columns; only those that are shown
become objects.
"""

from __future__ import annotations

import enum
import heapq
from array import array
from collections.abc import Sequence
from itertools import compress

import attrs

from ocisize.errors import ViewError
from ocisize.globs import Glob
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.sizes import paid_layers, sum_known
from ocisize.model.waste import CAUSES, Cause
from ocisize.rules.match import match_globs
from ocisize.sizes.rows import file_flags, require_table
from ocisize.tar.filetable import REGULAR, FileTable, IntArray
from ocisize.text import decode_name


class Order(str, enum.Enum):
    """What makes one file or directory larger than another."""

    SIZE = "size"  #: bytes of content
    DOWNLOAD = "download"  #: compressed size

    def __str__(self) -> str:
        return self.value


@attrs.frozen(kw_only=True)
class ListedFile:
    """A stored file and whether it can be seen."""

    path: str
    size: int
    compressed_size: int | None
    layer: int
    cause: Cause | None  #: why it cannot be seen; None while it can
    hidden_by: int | None  #: index of the layer that hides it


@attrs.frozen(kw_only=True)
class Listing:
    """The largest files that were asked for, largest first, and the figures of all of them."""

    files: tuple[ListedFile, ...]
    file_count: int
    content_size: int
    compressed_size: int | None


def select_layers(layers: Sequence[LayerAnalysis], layer: int | None) -> Sequence[LayerAnalysis]:
    """One layer, or all of them for None; raises ViewError when there is no such layer."""
    if layer is None:
        return layers
    if not 0 <= layer < len(layers):
        have = f"layers 0 to {len(layers) - 1}" if len(layers) > 1 else "layer 0 only" if layers else "none"
        raise ViewError(f"there is no layer {layer}", hint=f"the image has {have}")
    return layers[layer : layer + 1]


def check_order(layers: Sequence[LayerAnalysis], order: Order) -> None:
    """Raise ViewError when the layers do not tell what to order by."""
    if order == Order.DOWNLOAD and any(layer.compressed_size is None for layer in layers):
        raise ViewError(
            "the download of files is unknown: the archive holds uncompressed layers",
            hint="order by size, or analyse the image in its registry",
        )


def list_files(
    layers: Sequence[LayerAnalysis], *, most: int, order: Order = Order.SIZE, globs: Sequence[Glob] = ()
) -> Listing:
    """The ``most`` largest files of some layers that match a glob, ties by path and layer; without globs, of all.

    Links, directories and whiteout markers are no files. A blob that stands in several layers is downloaded once, so
    its files count once for the download. Raises ViewError, and ValueError for layers without file tables, as they are in
    an analysis read back from JSON.
    """
    check_order(layers, order)
    tables = [require_table(layer) for layer in layers]
    if globs:
        selected = match_globs(globs, tables, kinds=(REGULAR,))
    else:
        selected = [array("I", compress(range(len(table)), file_flags(table))) for table in tables]
    found: list[tuple[int, bytes, int, int]] = []
    sizes, costs, paid = [0] * len(layers), list[int | None](), paid_layers(layers)
    for at, (table, rows) in enumerate(zip(tables, selected, strict=True)):
        shares = table.compressed_sizes
        column = shares if order == Order.DOWNLOAD and shares is not None else table.sizes
        found += [(-column[row], path, at, row) for row, path in _largest(table, rows, column, most)]
        sizes[at] = sum([table.sizes[row] for row in rows])
        if paid[at]:
            costs.append(None if shares is None else sum([shares[row] for row in rows]))
    return Listing(
        files=tuple(_listed(layers[at], row, path) for _, path, at, row in heapq.nsmallest(most, found)),
        file_count=sum(map(len, selected)),
        content_size=sum(sizes),
        compressed_size=sum_known(costs),
    )


def _largest(table: FileTable, rows: Sequence[int], column: IntArray, most: int) -> list[tuple[int, bytes]]:
    """Of ascending rows, those with the largest values in a column, each with its path; a tie brings all of its rows."""
    values = [column[row] for row in rows]
    least = min(heapq.nlargest(most, values), default=None)
    if least is None:
        return []
    chosen = [row for row, value in zip(rows, values, strict=True) if value >= least]
    return list(zip(chosen, table.paths.select(chosen), strict=True))


def _listed(layer: LayerAnalysis, row: int, path: bytes) -> ListedFile:
    table, hidden_by = require_table(layer), layer.hidden_by[row] if layer.hidden_by is not None else -1
    return ListedFile(
        path=decode_name(path),
        size=table.sizes[row],
        compressed_size=table.compressed_sizes[row] if table.compressed_sizes is not None else None,
        layer=layer.index,
        cause=CAUSES[layer.causes[row]] if hidden_by >= 0 and layer.causes is not None else None,
        hidden_by=hidden_by if hidden_by >= 0 else None,
    )
