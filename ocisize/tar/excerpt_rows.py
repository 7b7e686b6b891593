"""find_excerpt_rows: the files of a table that may have an excerpt, by their paths, sizes and modes."""

from __future__ import annotations

from ocisize.excerpts.collect import JAR_END, MIN_LARGE_SIZE, is_read
from ocisize.tar.filetable import REGULAR, FileTable


def find_excerpt_rows(table: FileTable) -> list[tuple[int, bytes]]:
    """The rows of the executables and jars that excerpts are made of, with their paths.

    Of sparse files none is made.
    """
    sizes, modes = table.sizes, [attributes.mode for attributes in table.attributes]
    rows = {row for row, size in enumerate(sizes) if size >= MIN_LARGE_SIZE}
    rows.update(row for row, _ in table.paths.select_with(JAR_END + b"\0"))
    stored = sorted(row for row in rows if table.kinds[row] == REGULAR and row not in table.stored_sizes)
    paths = zip(stored, table.paths.select(stored), strict=True)
    return [(row, path) for row, path in paths if is_read(path, sizes[row], modes[table.owners[row]])]
