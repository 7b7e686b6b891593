"""ImageIndex: what is in each directory of an image, found from the columns of its layers without an object per file."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import accumulate, compress
from operator import eq
from typing import TYPE_CHECKING

from ocisize.filesystem.directories import ImageRuns, find_runs
from ocisize.filesystem.whiteout import OPAQUE_MARKER, is_aufs, is_whiteout, marked_rows, whiteout_target
from ocisize.sizes.rows import require_table
from ocisize.tar.filetable import DIRECTORY, FileTable, IntArray
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ocisize.model.analysis import Analysis, LayerAnalysis


class Run(NamedTuple):
    """Neighboring rows of a layer that are in the same directory."""

    layer: int  #: index of the layer
    start: int  #: the first row
    end: int  #: the row after the last one


class ImageIndex:
    """The directories of an image by number, and the runs of rows in each.

    Every directory has a number, also one that is empty; 0 is the root. Making the index takes a tenth of a second for
    300,000 files.

    >>> import ocisize
    >>> index = ImageIndex(ocisize.analyze("testdata/example.tar"))
    >>> [index.paths[child] for child in index.children(0)][:3]
    [b'bin', b'etc', b'usr']
    """

    def __init__(self, analysis: Analysis) -> None:
        """Index an analysis; raises ValueError if it was saved without its file tables."""
        self.analysis = analysis
        self.layers: Sequence[LayerAnalysis] = analysis.layers
        self.tables: Sequence[FileTable] = [require_table(layer) for layer in analysis.layers]
        self.hidden_by: Sequence[IntArray] = [layer.hidden_by or array("i") for layer in analysis.layers]
        self.runs: ImageRuns = find_runs(self.tables)
        #: by layer, the numbers of the directories that have an entry of their own
        self.stored_directories: Sequence[IntArray] = [self._find_directories(table) for table in self.tables]
        self.paths: Sequence[bytes] = self.runs.directories.paths
        self.parents: IntArray = self.runs.directories.parents
        #: by layer, the rows that a layer hides, ascending, and the directories that they are in
        self.hidden_rows: Sequence[IntArray] = [
            array("I", compress(range(len(hidden_by)), map((-1).__lt__, hidden_by))) for hidden_by in self.hidden_by
        ]
        self.hidden_in: Sequence[IntArray] = [
            array("I", self._directories_of(layer, rows)) for layer, rows in enumerate(self.hidden_rows)
        ]
        #: by layer, the rows of whiteout markers
        self.markers: Sequence[frozenset[int]] = [
            frozenset(row for row, path in marked_rows(table) if is_whiteout(path)) for table in self.tables
        ]
        numbers = [number for runs in self.runs.tables for number in runs.directories]
        self._run_bounds, self._run_order = group_by(numbers, len(self.paths))
        self._first_runs = list(accumulate((len(runs.starts) for runs in self.runs.tables), initial=0))
        self._child_bounds, self._child_order = group_by(self.parents[1:], len(self.paths))
        #: by layer, the numbers of the directories that it removes from lower layers
        self.removed: Sequence[Sequence[int]] = [
            [*self._find_removed(table), *(self._find_replaced(layer) if layer else ())]
            for layer, table in enumerate(self.tables)
        ]

    def _find_directories(self, table: FileTable) -> IntArray:
        rows = list(compress(range(len(table)), map(eq, table.kinds, (DIRECTORY,) * len(table))))
        return array("I", [self.runs.directories.numbers[path] for path in table.paths.select(rows)])

    def _directories_of(self, layer: int, rows: Iterable[int]) -> Iterator[int]:
        runs = self.runs.tables[layer]
        return (runs.directories[bisect_right(runs.starts, row) - 1] for row in rows)

    def _find_removed(self, table: FileTable) -> Iterator[int]:
        """The directories that whiteouts of a layer remove from lower layers, and those in an opaque directory."""
        for _, path in marked_rows(table):
            if not is_whiteout(path) or is_aufs(path):
                continue
            parent, _, name = path.rpartition(b"/")
            if name == OPAQUE_MARKER:
                yield from self.children(self.runs.directories.numbers.get(parent, 0))
            elif number := self.runs.directories.numbers.get(whiteout_target(path)):
                yield number

    def _find_replaced(self, layer: int) -> Iterator[int]:
        """The directories in whose place a layer has an entry of another kind."""
        runs, table, numbers = self.runs.tables[layer], self.tables[layer], self.runs.directories.numbers
        for start, end, directory in runs.spans(len(table)):
            if self._child_bounds[directory] != self._child_bounds[directory + 1]:
                rows = [row for row in range(start, end) if table.kinds[row] != DIRECTORY]
                yield from (number for path in table.paths.select(rows) if (number := numbers.get(path)))

    def runs_in(self, directory: int) -> Iterator[Run]:
        """The runs of rows that are directly in a directory, base first."""
        for number in self._run_order[self._run_bounds[directory] : self._run_bounds[directory + 1]]:
            layer = bisect_right(self._first_runs, number) - 1
            starts = self.runs.tables[layer].starts
            place = number - self._first_runs[layer]
            end = starts[place + 1] if place + 1 < len(starts) else len(self.tables[layer])
            yield Run(layer, starts[place], end)

    def children(self, directory: int) -> Sequence[int]:
        """The directories that are directly in a directory."""
        bounds = self._child_bounds
        return [child + 1 for child in self._child_order[bounds[directory] : bounds[directory + 1]]]

    def find_directory(self, path: bytes) -> int | None:
        """The number of a directory; None if no layer has it."""
        return self.runs.directories.numbers.get(path)

    def has_parts(self, directory: int) -> bool:
        """Whether anything is in a directory, in any layer."""
        return (
            self._run_bounds[directory] != self._run_bounds[directory + 1]
            or self._child_bounds[directory] != self._child_bounds[directory + 1]
        )

    def find_layers(self, directory: int) -> list[int]:
        """The layers that store a directory or something below it."""
        layers = {layer for layer, _ in self.find_own_rows(directory)}
        waiting = [directory]
        while waiting:
            number = waiting.pop()
            waiting += self.children(number)
            layers |= {layer for layer, _, _ in self.runs_in(number)}
        return sorted(layers)

    def find_own_rows(self, directory: int) -> list[tuple[int, int]]:
        """Layer and row of the entries of a directory itself, base first."""
        path, found = self.paths[directory], []
        if directory:
            for layer, start, end in self.runs_in(self.parents[directory]):
                table = self.tables[layer]
                rows = [row for row in range(start, end) if table.kinds[row] == DIRECTORY]
                found += [(layer, row) for row in rows if table.paths[row] == path]
        return found

    def find_rows(self, path: bytes) -> list[tuple[int, int]]:
        """Layer and row of all entries with a path that are no directories, base first."""
        directory = self.find_directory(path.rpartition(b"/")[0])
        if directory is None:
            return []
        return [
            (layer, row)
            for layer, start, end in self.runs_in(directory)
            for row in range(start, end)
            if self.tables[layer].kinds[row] != DIRECTORY and self.tables[layer].paths[row] == path
        ]


def group_by(keys: Sequence[int], groups: int) -> tuple[IntArray, IntArray]:
    """The positions of keys in the order of their groups, and where each group begins in them.

    >>> bounds, order = group_by([1, 0, 1], 2)
    >>> list(bounds), list(order)
    ([0, 1, 3], [1, 0, 2])
    """
    counts = [0] * groups
    for key in keys:
        counts[key] += 1
    bounds = array("I", accumulate(counts, initial=0))
    return bounds, array("I", sorted(range(len(keys)), key=keys.__getitem__))
