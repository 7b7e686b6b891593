"""find_rows: the rows of a layer that have some paths."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from itertools import chain, compress

from ocisize.filesystem.directories import ImageRuns
from ocisize.tar.filetable import FileTable


def find_rows(wanted: AbstractSet[bytes], table: FileTable, layer: int, runs: ImageRuns) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of a layer with ``wanted`` paths, ascending, and these paths; only their directories are searched.

    ``layer`` is the place of the table in ``runs``, which are those of all layers.

    >>> from ocisize import analyze
    >>> from ocisize.filesystem.directories import find_runs
    >>> table = analyze("testdata/example.tar").layers[1].files
    >>> [path for _, path in find_rows({b"etc/ssl/certs", b"etc/absent"}, table, 0, find_runs([table]))]
    [b'etc/ssl/certs']
    """
    return find_rows_in(_directories_of(wanted, runs), wanted, table, layer, runs)


def find_paths(wanted: AbstractSet[bytes], table: FileTable, layer: int, runs: ImageRuns) -> set[bytes]:
    """Return those of ``wanted`` paths that rows of the layer have; see ``find_rows``, which takes twice the time."""
    rows = _rows_in(_directories_of(wanted, runs), table, layer, runs)
    return set(wanted).intersection(table.paths.select(rows))


def _directories_of(paths: AbstractSet[bytes], runs: ImageRuns) -> set[int]:
    """The numbers of the directories that some paths are in, as far as they are known."""
    numbers = runs.directories.numbers
    return {numbers[above] for above in {path.rpartition(b"/")[0] for path in paths} if above in numbers}


def _rows_in(searched: AbstractSet[int], table: FileTable, layer: int, runs: ImageRuns) -> list[int]:
    """The rows in some directories."""
    is_searched = map(searched.__contains__, runs.tables[layer].directories)
    spans = compress(runs.tables[layer].spans(len(table)), is_searched)
    return list(chain.from_iterable(range(start, end) for start, end, _ in spans))


def find_rows_in(
    searched: AbstractSet[int], wanted: AbstractSet[bytes], table: FileTable, layer: int, runs: ImageRuns
) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of ``find_rows`` that are in the directories with the numbers ``searched``."""
    rows = _rows_in(searched, table, layer, runs)
    return ((row, path) for row, path in zip(rows, table.paths.select(rows), strict=True) if path in wanted)
