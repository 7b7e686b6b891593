"""Grouping: the stored bytes of an image divided by directory, by file type and by build step.

Every entry of every layer is in exactly one group of each division, so that each division adds up to the image's figures.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, groupby, islice

from ocisize.filesystem.directories import DirectoryIndex, ImageRuns
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.sizes import Group, Groups, paid_layers, uppermost_layers
from ocisize.rules.file_types import OTHER, PROGRAMS, is_word, place_of, type_of
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
    types, sums = _FileTypes(runs), empty_sums(layers)
    for position, columns in enumerate(layers):
        own = TypeSums.of(columns.table, position, types)
        numbers = list(map(types.number, own.names))
        sums.grow(len(types.numbers))
        wasted = [numbers[own.rows[row]] for row in columns.wasted]
        add_layer(sums, columns, numbers, content=own.content, files=own.files, compressed=own.compressed, wasted=wasted)
    sums.grow(len(types.numbers))
    return [sums.group(number, name) for name, number in types.numbers.items()]


class TypeSums(NamedTuple):
    """The sums of a layer's rows by file type; kept with the table of the layer."""

    names: list[str]  #: of the types
    rows: IntArray  #: by row ("I"), the index of its type
    content: IntArray
    files: IntArray
    compressed: IntArray | None

    @classmethod
    def of(cls, table: FileTable, layer: int, types: _FileTypes) -> TypeSums:
        """The sums of the table at the place ``layer`` of the image."""
        kept, shares = table.derived.get(cls), table.compressed_sizes
        if isinstance(kept, cls) and (kept.compressed is not None or shares is None):
            return kept
        own, all_numbers, is_file = GroupTotals(shares is not None), array("I"), file_flags(table)
        for rows, numbers in types.numbers_by_piece(table, layer):
            own.grow(len(types.numbers))
            all_numbers.extend(numbers)
            add_figures(own.content, numbers, table.sizes[rows])
            if shares is not None:
                add_figures(own.compressed, numbers, shares[rows])
            counts = Counter(compress(numbers, is_file[rows]))
            add_figures(own.files, counts.keys(), counts.values())
        names = list(islice(types.numbers, len(own.content)))
        sums = table.derived[cls] = cls(
            names,
            all_numbers,
            array("q", own.content),
            array("I", own.files),
            array("q", own.compressed) if shares is not None else None,
        )
        return sums


class _Places(dict[int, str | None]):
    """The result of `place_of` for each directory, by number."""

    def __init__(self, directories: DirectoryIndex) -> None:
        super().__init__()
        self._paths = directories.paths

    def __missing__(self, number: int) -> str | None:
        place = self[number] = place_of(self._paths[number])
        return place


class _FileTypes:
    """File types, numbered in the order in which they are met; an extension that is a word decides alone."""

    def __init__(self, runs: ImageRuns) -> None:
        self.numbers: dict[str, int] = {_NO_FILE: 0}
        self._runs, self._places = runs, _Places(runs.directories)
        self._by_extension: dict[str | None, dict[bytes, int]] = {None: {}, PROGRAMS: {}}  # by place

    def number(self, name: str) -> int:
        """Return the number of a type."""
        return self.numbers.setdefault(name, len(self.numbers))

    def numbers_by_piece(self, table: FileTable, layer: int) -> Iterator[tuple[slice, list[int]]]:
        """Yield the rows of each piece of a table, and the number of the file type of each row."""
        for piece in self._runs.pieces(table, layer):
            rows = slice(piece.first, piece.first + len(piece.paths))
            numbers: list[int] = []
            for place, spans in groupby(piece.spans(), lambda span: self._places[span[2]]):
                start, end = _join(spans)
                numbers += self._numbers_in(place, piece.paths[start:end])
            for row in compress(range(len(numbers)), table.kinds[rows].translate(_IS_NO_FILE)):
                numbers[row] = 0
            yield rows, numbers

    def _numbers_in(self, place: str | None, paths: list[bytes]) -> list[int]:
        """The numbers of files in directories of one place."""
        if place is not None and place != PROGRAMS:
            return [self.number(place)] * len(paths)
        by_extension, other, numbers = self._by_extension[place], self.number(place or OTHER), list[int]()
        for path in paths:
            name = path.rpartition(b"/")[2]
            stem, _, extension = name.rpartition(b".")
            number = by_extension.get(extension) if stem else other
            numbers.append(self._look_up(name, extension, place) if number is None else number)
        return numbers

    def _look_up(self, name: bytes, extension: bytes, place: str | None) -> int:
        """The type of a name with an extension that is new, or that is no word."""
        number = self.number(type_of(name, place))
        if is_word(extension):
            self._by_extension[place][extension] = number
        return number


def _join(spans: Iterable[tuple[int, int, int]]) -> tuple[int, int]:
    """Spans that follow each other as one."""
    first, *others = spans
    return first[0], (others[-1] if others else first)[1]


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
