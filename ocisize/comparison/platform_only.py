"""find_only_there: the visible files that stand in one image of several only, by directory.

Paths are compared without the names of processors, and by their hash: Python's of bytes has 64 bits and a secret key, so
that of ten million paths two are taken for one once in 100,000 runs, and nobody can make them so. A table that several
images share is hashed once; what is compared are sets of numbers.
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

MAX_PLATFORM_ONLY = 10  #: directories of a layer
_STANDS = bytes(kind != DIRECTORY for kind in range(256))  # links and devices are there as files are
_IS_FILE = bytes(kind == REGULAR for kind in range(256))


def find_only_there(analyses: Mapping[str, Analysis]) -> tuple[OnlyThere, ...]:
    """Per layer of each image the directories that say most, largest first; nothing where there is one image.

    Raises ValueError for analyses without file tables.
    """
    if len(analyses) < 2:
        return ()
    names = _Names()
    several = _find_several(list(analyses.values()), names)
    found = [
        each
        for name, image in analyses.items()
        for layer in image.layers
        for each in _of_layer(name, layer, names.of(require_table(layer)), several)
    ]
    return tuple(sorted(found, key=lambda each: (-each.content_size, each.platform, each.layer, each.directory or "\uffff")))


class _Names:
    """Hashed paths by row, of each table once."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[FileTable, IntArray]] = {}  # the table keeps its id from being given away

    def of(self, table: FileTable) -> IntArray:
        if id(table) not in self._found:
            column = array("q")
            for _, paths in table.paths.pieces():
                column.extend(map(hash, paths_without_processor(paths)))
            self._found[id(table)] = table, column
        return self._found[id(table)][1]


def _find_several(images: Sequence[Analysis], names: _Names) -> set[int]:
    """The names that stand in more than one image."""
    seen, several = set[int](), set[int]()
    for image in images:
        own = set[int]()
        for layer in image.layers:
            table = require_table(layer)
            own.update(compress(names.of(table), _visible(layer, table.kinds.translate(_STANDS))))
        several |= own & seen
        seen |= own
    return several


def _visible(layer: LayerAnalysis, flags: bytes) -> bytes:
    """Flags by row without those of what is hidden."""
    hidden_by = layer.hidden_by
    if hidden_by is None or hidden_by.count(-1) == len(hidden_by):
        return flags
    return bytes(flag and by < 0 for flag, by in zip(flags, hidden_by, strict=True))


def _of_layer(platform: str, layer: LayerAnalysis, names: IntArray, several: Container[int]) -> Iterator[OnlyThere]:
    tree, sums, table = DirectoryIndex(MAX_DEPTH), GroupTotals(layer.compressed_size is not None), require_table(layer)
    flags = _visible(layer, table.kinds.translate(_IS_FILE))
    rows = [row for row in compress(range(len(table)), flags) if table.sizes[row] and names[row] not in several]
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
