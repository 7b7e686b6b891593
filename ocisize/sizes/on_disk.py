"""What hosts write for layers beside the content of files: directories and symlinks, which other tools count."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from ocisize.filesystem.directories import DirectoryIndex, DirectoryRuns, ImageRuns
from ocisize.filesystem.hidden_rows import find_hidden
from ocisize.filesystem.overlay import Overlay
from ocisize.model.tool_sizes import LayerOnDisk
from ocisize.sizes.layers import DISK_BLOCK
from ocisize.tar.filetable import DIRECTORY, SYMLINK, FileTable, IntArray

_IS_DIRECTORY = bytes(kind == DIRECTORY for kind in range(256))  # by kind, for ``translate``

LONG_SYMLINK = 60  #: bytes of a target from which on ext4 does not keep a symlink in its inode


def find_on_disk(tables: Sequence[FileTable], overlay: Overlay, runs: ImageRuns) -> tuple[LayerOnDisk, ...]:
    """Return what a host writes for each layer beside the content of its files, base first.

    ``tables`` are those of the layers, ``overlay`` and ``runs`` are those of these tables.
    """
    return tuple(
        _measure(index, table, hidden_by, table_runs, runs.directories)
        for index, (table, hidden_by, table_runs) in enumerate(zip(tables, overlay.hidden_by, runs.tables, strict=True))
    )


def _measure(
    index: int, table: FileTable, hidden_by: IntArray, runs: DirectoryRuns, directories: DirectoryIndex
) -> LayerOnDisk:
    replaced = [row for row in find_hidden(hidden_by) if hidden_by[row] == index]
    sizes, gone = [table.sizes[row] for row in replaced], set(replaced)
    targets = [len(target) for row, target in table.links.items() if table.kinds[row] == SYMLINK and row not in gone]
    return LayerOnDisk(
        directory_count=count_directories(table, runs, directories),
        symlink_size=sum(targets),
        long_symlink_count=sum(length >= LONG_SYMLINK for length in targets),
        replaced_size=sum(sizes),
        replaced_disk_size=DISK_BLOCK * sum(-(-size // DISK_BLOCK) for size in sizes),
    )


def count_directories(table: FileTable, runs: DirectoryRuns, directories: DirectoryIndex) -> int:
    """Return the number of directories that a host makes for a layer, the parents of its paths included, without the root.

    ``runs`` are those of the table, numbered in ``directories``. The number is kept with the table.
    """
    kept = table.derived.get(count_directories)
    if isinstance(kept, int):
        return kept
    parents, made = directories.parents, bytearray(len(directories))

    def mark(number: int) -> None:
        while number and not made[number]:
            made[number] = 1
            number = parents[number]

    for number in set(runs.directories):
        mark(number)
    empty: set[bytes] = set()  # directories that no path of the image is in
    rows = list(compress(range(len(table)), table.kinds.translate(_IS_DIRECTORY)))
    for path in table.paths.select(rows):
        number_of_path = directories.numbers.get(path)
        if number_of_path is not None:
            mark(number_of_path)
        else:
            empty.add(path)
    count = table.derived[count_directories] = sum(made) + len(empty)
    return count
