"""read_rows: one pass over the rows of each layer, for all that depends on one layer alone.

Paths are split once, piece by piece, while they are in the cache of the processor. Each step reads a piece before the next
piece is split, and keeps its result with the table, where the pipeline finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ocisize.filesystem.directories import ImageRuns, Piece
from ocisize.filesystem.layer_overlap import LayerOverlap, LayerOverlapScan
from ocisize.sizes.groups import Places, TypeScan
from ocisize.sizes.on_disk import count_directories
from ocisize.tar.filetable import FileTable

if TYPE_CHECKING:
    from ocisize.rules.match import CatalogMatcher
    from ocisize.rules.rule import Catalog


class _RowScan(Protocol):
    """What reads a layer piece by piece, and keeps its result with the table."""

    def add(self, piece: Piece, /) -> None: ...
    def finish(self) -> object: ...


def read_rows(tables: Sequence[FileTable], catalog: Catalog | None, *, overlaps_only: bool = False) -> ImageRuns:
    """Return the runs of the tables, base first, and give each table the values that depend on its rows alone.

    A table whose runs are kept is not read: what else is not kept with it is found when it is needed. ``catalog`` has the
    rules that claim rows; None: no claims. With ``overlaps_only``, file types and claims are found when they are needed, by
    other processes than the one that reads the rows.
    """
    runs, matcher = ImageRuns(), None
    places = Places(runs.directories)
    for layer, table in enumerate(tables):
        if LayerOverlap in table.derived and runs.add_kept(table):
            continue
        overlaps = LayerOverlapScan(table, runs, layer)
        scans: list[_RowScan] = [overlaps]
        if not overlaps_only:
            scans.append(TypeScan(table, places))
            if catalog is not None:
                matcher = matcher or _make_matcher(catalog, runs)
                scans.append(matcher.scan(table, layer))
        for piece in runs.read(table, extensions=not overlaps_only):
            for scan in scans:
                scan.add(piece)
        for scan in scans:
            scan.finish()
        table.derived[count_directories] = overlaps.count_directories()
    return runs


def _make_matcher(catalog: Catalog, runs: ImageRuns) -> CatalogMatcher:
    """The matcher of a catalog; without a catalog, its modules are not imported."""
    from ocisize.rules.match import CatalogMatcher

    return CatalogMatcher(catalog, runs)
