"""The visible files that only one image of an index has, by directory.

Paths are compared without the names of processors, and by their hash: 64 bits with a key that is new in every process, so
that nobody can make two paths collide. Two of ten million paths collide by chance once in 100,000 runs.
"""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import compress

from ocisize.filesystem.directories import MAX_DEPTH, DirectoryIndex
from ocisize.history.architectures import paths_without_processor
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.platforms import OnlyThere
from ocisize.sizes.directories import main_directories
from ocisize.sizes.rows import GroupTotals, require_table
from ocisize.tar.filetable import DIRECTORY, REGULAR, FileTable, IntArray

MAX_PLATFORM_ONLY = 10  #: directories that are named per layer
_IS_NO_DIRECTORY = bytes(kind != DIRECTORY for kind in range(256))  # links and devices count as files do
_IS_FILE = bytes(kind == REGULAR for kind in range(256))


def find_platform_only(analyses: Mapping[str, Analysis]) -> tuple[OnlyThere, ...]:
    """Return the main directories of the files that only one image has, by layer of each image, largest first.

    ``analyses``: by platform. Of a single image nothing is returned. Raises ValueError for analyses without file tables.
    """
    if len(analyses) < 2:
        return ()
    hashes = _PathHashes()
    repeated = _find_repeated(list(analyses.values()), hashes)
    parts = [
        part
        for name, image in analyses.items()
        for layer in image.layers
        for part in _of_layer(name, layer, hashes.of(require_table(layer)), repeated)
    ]
    return tuple(sorted(parts, key=lambda part: (-part.content_size, part.platform, part.layer, part.directory or "\uffff")))


class _PathHashes:
    """Hashed paths by row; those of a table that several images share are computed once.

    A hash takes 8 bytes, a path about 130: two images of 307,000 rows each took 76 MB here with hashes, 118 MB with paths.
    """

    def __init__(self) -> None:
        self._columns: dict[int, tuple[FileTable, IntArray]] = {}  # by id of the table, which is kept to keep its id

    def of(self, table: FileTable) -> IntArray:
        """Return the hash of each row's path ("q")."""
        if id(table) not in self._columns:
            column = array("q")
            for _, paths in table.paths.pieces():
                column.extend(map(hash, paths_without_processor(paths)))
            self._columns[id(table)] = table, column
        return self._columns[id(table)][1]


def _find_repeated(images: Sequence[Analysis], hashes: _PathHashes) -> set[int]:
    """The hashes of paths that more than one image has."""
    seen, repeated = set[int](), set[int]()
    for image in images:
        own = set[int]()
        for layer in image.layers:
            table = require_table(layer)
            own.update(compress(hashes.of(table), _visible(layer, table.kinds.translate(_IS_NO_DIRECTORY))))
        repeated |= own & seen
        seen |= own
    return repeated


def _visible(layer: LayerAnalysis, flags: bytes) -> bytes:
    """Flags by row, 0 for hidden rows."""
    hidden_by = layer.hidden_by
    if hidden_by is None or hidden_by.count(-1) == len(hidden_by):
        return flags
    return bytes(flag and by < 0 for flag, by in zip(flags, hidden_by, strict=True))


def _of_layer(platform: str, layer: LayerAnalysis, hashes: IntArray, repeated: Container[int]) -> Iterator[OnlyThere]:
    tree, table = DirectoryIndex(MAX_DEPTH), require_table(layer)
    sums = GroupTotals(table.compressed_sizes is not None)
    flags = _visible(layer, table.kinds.translate(_IS_FILE))
    rows = [row for row in compress(range(len(table)), flags) if table.sizes[row] and hashes[row] not in repeated]
    shares = table.compressed_sizes
    for row, path in zip(rows, table.paths.select(rows), strict=True):
        directory = tree.numbers[path.rpartition(b"/")[0]]
        sums.grow(directory + 1)
        sums.content[directory] += table.sizes[row]
        sums.compressed[directory] += shares[row] if shares is not None else 0
        sums.files[directory] += 1
    sums.grow(len(tree.paths))
    for group in main_directories(tree, sums, MAX_PLATFORM_ONLY):
        if group.content_size:
            yield OnlyThere(
                platform=platform,
                layer=layer.index,
                directory=group.name,
                content_size=group.content_size,
                compressed_size=group.compressed_size,
                file_count=group.file_count,
            )
