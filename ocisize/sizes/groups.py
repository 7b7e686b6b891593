"""Grouping: the stored bytes of an image divided by directory, by file type and by build step.

Every entry of every layer is in exactly one group of each division, so that each division adds up to the image's figures.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, islice

from ocisize.filesystem.directories import NO_EXTENSION, DirectoryIndex, ImageRuns, Piece
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.sizes import Group, Groups, paid_layers, uppermost_layers
from ocisize.rules.file_types import OTHER, PROGRAMS, decides, place_of, type_of
from ocisize.sizes.directories import directory_sums, main_directories
from ocisize.sizes.rows import (
    GroupTotals,
    LayerColumns,
    add_figures,
    add_layer,
    directory_runs,
    empty_sums,
    file_flags,
    layer_columns,
    remainder,
    sum_groups,
)
from ocisize.tar.filetable import REGULAR, FileTable, IntArray
from ocisize.tuples import NamedTuple

MAX_GROUPS = 30  #: named groups of a division; the rest is one group without a name
_NO_FILE = ""  # the type of entries that are no regular files: they cost headers only
_BY_NAME = {None: -1, PROGRAMS: -2}  # by place: in place of the number of a type that the whole name decides
_IS_NO_FILE = bytes(kind != REGULAR for kind in range(256))


def find_groups(layers: Sequence[LayerAnalysis], runs: ImageRuns | None = None) -> Groups:
    """Return the stored bytes by directory, file type and build step; raises ValueError for layers without file tables.

    ``layers``: the layers of an image, base first; ``runs``: the runs of their tables, if they are known.

    >>> from ocisize import analyze
    >>> [group.name for group in find_groups(analyze("testdata/example.tar").layers).file_types[:2]]
    ['programs', 'documentation']
    """
    runs, columns = runs or directory_runs(layers), layer_columns(layers)
    return Groups(
        directories=main_directories(runs.directories, directory_sums(columns, runs), MAX_GROUPS),
        file_types=_largest(_sum_file_types(columns, runs)),
        build_steps=group_by_build_step(layers),
    )


def _sum_file_types(layers: Sequence[LayerColumns], runs: ImageRuns) -> list[Group]:
    """The figures of each file type."""
    numbers, sums, places = _Numbers(), empty_sums(layers), Places(runs.directories)
    for position, columns in enumerate(layers):
        own = TypeSums.of(columns.table, position, runs, places)
        own_numbers = list(map(numbers.__getitem__, own.names))
        wasted = [numbers[name] for name in _types_of(columns.table, columns.wasted)]
        sums.grow(len(numbers))
        add_layer(sums, columns, own_numbers, content=own.content, files=own.files, compressed=own.compressed, wasted=wasted)
    return [sums.group(number, name) for name, number in numbers.items()]


def _types_of(table: FileTable, rows: Sequence[int]) -> Iterator[str]:
    """The types of some rows, ascending: for few rows, which are looked at one by one."""
    last, place = None, None
    for row, path in zip(rows, table.paths.select(rows), strict=True):
        directory, _, name = path.rpartition(b"/")
        if directory != last:
            last, place = directory, place_of(directory)
        yield type_of(name, place) if table.kinds[row] == REGULAR else _NO_FILE


class TypeSums(NamedTuple):
    """The sums of a layer's rows by file type; kept with the table of the layer."""

    names: list[str]  #: of the types
    content: IntArray
    files: IntArray
    compressed: IntArray | None

    @classmethod
    def of(cls, table: FileTable, layer: int, runs: ImageRuns, places: Places) -> TypeSums:
        """The sums of the table at the place ``layer`` of the image; ``places`` are those of its directories."""
        kept = table.derived.get(cls)
        if isinstance(kept, cls) and (kept.compressed is not None or table.compressed_sizes is None):
            return kept
        scan = TypeScan(table, places)
        for piece in runs.pieces(table, layer):
            scan.add(piece)
        return scan.finish()


class _Numbers(dict[str, int]):
    """Type → its number, in the order in which types are met."""

    def __missing__(self, name: str) -> int:
        number = self[name] = len(self)
        return number


class Places(dict[int, "str | None"]):
    """The result of `place_of` for each directory, by number."""

    def __init__(self, directories: DirectoryIndex) -> None:
        super().__init__()
        self._paths = directories.paths

    def __missing__(self, number: int) -> str | None:
        place = self[number] = place_of(self._paths[number])
        return place


class TypeScan:
    """Sums the rows of a layer by file type, piece by piece.

    Rows are numbered by type in bulk: by extension, and in directories that decide about the type, by directory. Only names
    with another ending are looked at.
    """

    def __init__(self, table: FileTable, places: Places) -> None:
        self._table, self._places = table, places
        self._numbers = _Numbers({_NO_FILE: 0})
        self._sums = GroupTotals(table.compressed_sizes is not None)
        self._is_file = file_flags(table)

    def add(self, piece: Piece) -> None:
        """Add the rows of the next piece."""
        numbers, rows, own = self._numbers_of(piece), piece.rows, self._sums
        own.grow(len(self._numbers))
        add_figures(own.content, numbers, self._table.sizes[rows])
        if (shares := self._table.compressed_sizes) is not None:
            add_figures(own.compressed, numbers, shares[rows])
        counts = Counter(compress(numbers, self._is_file[rows]))
        add_figures(own.files, counts.keys(), counts.values())

    def finish(self) -> TypeSums:
        """Return the sums after the last piece, and keep them with the table."""
        own = self._sums
        sums = self._table.derived[TypeSums] = TypeSums(
            list(islice(self._numbers, len(own.content))),
            array("q", own.content),
            array("I", own.files),
            array("q", own.compressed) if own.compressed_size_known else None,
        )
        return sums

    def _numbers_of(self, piece: Piece) -> list[int]:
        """The number of the file type of each row."""
        extensions, names, _ = piece.extensions
        of_extensions = [self._number_of(extension, None) for extension in names]
        in_programs = [self._number_of(extension, PROGRAMS) for extension in names]
        numbers = list(map(of_extensions.__getitem__, extensions))
        places = map(self._places.__getitem__, piece.directories)
        for start, end, place in zip(piece.bounds, islice(piece.bounds, 1, None), places, strict=False):
            if place == PROGRAMS:
                numbers[start:end] = map(in_programs.__getitem__, extensions[start:end])
            elif place is not None:
                numbers[start:end] = [self._numbers[place]] * (end - start)
        for place, mark in _BY_NAME.items():
            for row in compress(range(len(numbers)), map(mark.__eq__, numbers)) if mark in numbers else ():
                numbers[row] = self._numbers[type_of(piece.paths[row].rpartition(b"/")[2], place)]
        for row in compress(range(len(numbers)), self._table.kinds[piece.rows].translate(_IS_NO_FILE)):
            numbers[row] = 0
        return numbers

    def _number_of(self, extension: bytes, place: str | None) -> int:
        """The number of the type of names with an extension; one of _BY_NAME if such names can have several types."""
        if extension == NO_EXTENSION:
            return self._numbers[place or OTHER]
        if decides(extension):
            return self._numbers[type_of(b"name." + extension, place)]
        return _BY_NAME[place]


def group_by_build_step(layers: Sequence[LayerAnalysis]) -> tuple[Group, ...]:
    """Return one group per build step, the layers of equal steps together, largest first, then one for the rest.

    The name of a group is the text of the step, or the digest of the layer if the step is unknown.
    """
    uppermost = uppermost_layers(layers)
    groups: dict[str, list[Group]] = {}
    for layer, pays in zip(layers, paid_layers(layers), strict=True):
        name, wasted = layer.build_step.text or layer.digest, uppermost[layer.digest].wasted_compressed_size
        groups.setdefault(name, []).append(_group_of(layer, name, wasted, pays=pays))
    return _largest(sum_groups(alike, name) for name, alike in groups.items())


def _group_of(layer: LayerAnalysis, name: str, wasted_compressed: int | None, *, pays: bool) -> Group:
    compressed, overhead = layer.compressed_size, layer.overhead_size
    return Group(
        name=name,
        content_size=layer.content_size,
        wasted_size=layer.wasted_size,
        compressed_size=None if compressed is None or overhead is None else pays * (compressed - overhead),
        wasted_compressed_size=None if wasted_compressed is None else pays * wasted_compressed,
        file_count=layer.file_count,
    )


def _largest(groups: Iterable[Group]) -> tuple[Group, ...]:
    """The MAX_GROUPS largest groups that hold files, ties by name, and one group for all others."""
    ordered = sorted(groups, key=lambda group: (-group.content_size, -bool(group.file_count), group.name or ""))
    count = min(MAX_GROUPS, sum(bool(group.content_size or group.file_count) for group in ordered))
    return (*ordered[:count], remainder(sum_groups(ordered, None), ordered[:count]))
