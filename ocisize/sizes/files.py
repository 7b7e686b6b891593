"""The largest files of an image or a layer, chosen by globs, with the layer that hides each.

A glob selects the files that it matches and those below: see ``globs``. Rows are compared by their columns; only those
that are shown become objects.
"""

from __future__ import annotations

import enum
import heapq
from array import array
from collections.abc import Sequence
from itertools import compress

from ocisize.errors import ViewError
from ocisize.globs import Glob, with_contents
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.sizes import paid_layers, sum_known
from ocisize.model.waste import CAUSES, Cause
from ocisize.rules.match import match_globs
from ocisize.sizes.rows import file_flags, require_table
from ocisize.tar.filetable import REGULAR, FileTable, IntArray
from ocisize.text import decode_name
from ocisize.values import frozen


class SortOrder(str, enum.Enum):
    """The size that files and directories are sorted by."""

    SIZE = "size"  #: bytes of content
    DOWNLOAD = "download"  #: compressed size

    def __str__(self) -> str:
        return self.value


@frozen(kw_only=True)
class ListedFile:
    """A stored file, and whether a container can see it."""

    path: str  #: without a leading slash
    size: int  #: bytes of content
    compressed_size: int | None  #: bytes of download, None if unknown
    layer: int  #: index of the layer that stores it
    cause: Cause | None  #: why it is hidden; None if it is visible
    hidden_by: int | None  #: index of the layer that hides it; None if it is visible


@frozen(kw_only=True)
class Listing:
    """The largest files that match, largest first, and the sums of all files that match."""

    files: tuple[ListedFile, ...]  #: at most as many as were asked for
    file_count: int  #: number of all files that match
    content_size: int  #: their bytes of content
    compressed_size: int | None  #: their bytes of download, None if unknown


def select_layers(layers: Sequence[LayerAnalysis], layer: int | None) -> Sequence[LayerAnalysis]:
    """Return one layer, or all layers for None; raises ViewError if there is no such layer.

    >>> from ocisize import analyze
    >>> select_layers(analyze("testdata/example.tar").layers, 9)
    Traceback (most recent call last):
    ocisize.errors.ViewError: there is no layer 9
    """
    if layer is None:
        return layers
    if not 0 <= layer < len(layers):
        have = f"layers 0 to {len(layers) - 1}" if len(layers) > 1 else "layer 0 only" if layers else "none"
        raise ViewError(f"there is no layer {layer}", hint=f"the image has {have}")
    return layers[layer : layer + 1]


def check_order(layers: Sequence[LayerAnalysis], order: SortOrder) -> None:
    """Raise ViewError if the compressed sizes that ``order`` needs are unknown."""
    if order == SortOrder.DOWNLOAD and any(layer.wasted_compressed_size is None for layer in layers):
        raise ViewError(
            "the download of files is unknown: the layers were read uncompressed",
            hint="sort by size, or analyze the image in its registry",
        )


def list_files(
    layers: Sequence[LayerAnalysis], *, count: int, order: SortOrder = SortOrder.SIZE, globs: Sequence[Glob] = ()
) -> Listing:
    """Return the ``count`` largest files of some layers at a glob or below, ties by path and layer; without globs, of all.

    Links, directories and whiteout markers do not count as files. The files of a repeated blob are downloaded once. Raises
    ViewError if ``order`` needs compressed sizes that are unknown, and ValueError for layers without file tables, as in an
    analysis that was read back from JSON.

    >>> import ocisize
    >>> layers = ocisize.analyze("testdata/example.tar").layers
    >>> listing = list_files(layers, count=1, globs=[ocisize.parse_glob("*.deb")])
    >>> listing.files[0].path, listing.file_count, listing.content_size
    ('var/cache/apt/archives/ca-certificates_20250419~deb12u2_all.deb', 2, 187084)
    """
    check_order(layers, order)
    tables = [require_table(layer) for layer in layers]
    if globs:
        selected = match_globs(with_contents(globs), tables, kinds=(REGULAR,))
    else:
        selected = [array("I", compress(range(len(table)), file_flags(table))) for table in tables]
    candidates: list[tuple[int, bytes, int, int]] = []  # negative size, path, position of the layer, row
    sizes, costs, paid = [0] * len(layers), list[int | None](), paid_layers(layers)
    for position, (table, rows) in enumerate(zip(tables, selected, strict=True)):
        shares = table.compressed_sizes
        column = shares if order == SortOrder.DOWNLOAD and shares is not None else table.sizes
        candidates += [(-column[row], path, position, row) for row, path in _largest(table, rows, column, count)]
        sizes[position] = sum([table.sizes[row] for row in rows])
        if paid[position]:
            costs.append(None if shares is None else sum([shares[row] for row in rows]))
    return Listing(
        files=tuple(
            _make_listed_file(layers[position], row, path) for _, path, position, row in heapq.nsmallest(count, candidates)
        ),
        file_count=sum(map(len, selected)),
        content_size=sum(sizes),
        compressed_size=sum_known(costs),
    )


def _largest(table: FileTable, rows: Sequence[int], column: IntArray, count: int) -> list[tuple[int, bytes]]:
    """The ascending rows with the ``count`` largest values in a column, all rows of a tie included, each with its path."""
    values = [column[row] for row in rows]
    smallest = min(heapq.nlargest(count, values), default=None)
    if smallest is None:
        return []
    chosen = [row for row, value in zip(rows, values, strict=True) if value >= smallest]
    return list(zip(chosen, table.paths.select(chosen), strict=True))


def _make_listed_file(layer: LayerAnalysis, row: int, path: bytes) -> ListedFile:
    table, hidden_by = require_table(layer), layer.hidden_by[row] if layer.hidden_by is not None else -1
    return ListedFile(
        path=decode_name(path),
        size=table.sizes[row],
        compressed_size=table.compressed_sizes[row] if table.compressed_sizes is not None else None,
        layer=layer.index,
        cause=CAUSES[layer.causes[row]] if hidden_by >= 0 and layer.causes is not None else None,
        hidden_by=hidden_by if hidden_by >= 0 else None,
    )
