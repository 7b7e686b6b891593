"""find_rows: the rows of a layer that have some paths."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from itertools import chain

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
    numbers = runs.directories.numbers
    searched = {numbers[above] for path in wanted if (above := path.rpartition(b"/")[0]) in numbers}
    return find_rows_in(searched, wanted, table, layer, runs)


def find_rows_in(
    searched: AbstractSet[int], wanted: AbstractSet[bytes], table: FileTable, layer: int, runs: ImageRuns
) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of ``find_rows`` that are in the directories with the numbers ``searched``."""
    spans = (range(start, end) for start, end, number in runs.tables[layer].spans(len(table)) if number in searched)
    rows = list(chain.from_iterable(spans))
    return ((row, path) for row, path in zip(rows, table.paths.select(rows), strict=True) if path in wanted)
