"""Grouping: the stored bytes of an image divided by directory, by file type and by instruction.

Every entry of every layer is counted in exactly one group of a division, so that each adds up to the image's figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ocisize.analysis.directories import Directories, main_directories
from ocisize.analysis.filetypes import PROGRAMS, extension_of, is_word, place_of, type_of
from ocisize.analysis.model import Group, Groups, LayerAnalysis
from ocisize.analysis.sums import add_up, group_rest, join_groups
from ocisize.files import REGULAR

MOST = 30  #: groups of a division that are kept apart
_TYPE_BITS = 32  # of a cell's key
_ENTRIES = ""  # the type of what is no file and costs headers only


def find_groups(layers: Sequence[LayerAnalysis]) -> Groups:
    """All three divisions; raises ValueError for layers without file tables."""
    cells = _Cells()
    sums = add_up(layers, cells.numbers_of, cells.types)
    by_directory = sums.regrouped(cells.directories, len(cells.tree.paths))
    by_type = sums.regrouped(cells.types, len(cells.type_numbers))
    return Groups(
        directories=main_directories(cells.tree, by_directory, MOST),
        file_types=_largest(by_type.group(number, name) for name, number in cells.type_numbers.items()),
        instructions=group_by_instruction(layers),
    )


class _Cells:
    """Files of one type directly in one directory, numbered: both divisions for the price of one."""

    def __init__(self) -> None:
        self.tree = Directories()
        self.type_numbers: dict[str, int] = {_ENTRIES: 0}
        self.directories: list[int] = []  #: by cell
        self.types: list[int] = []  #: by cell
        self._by_extension: dict[str | None, dict[bytes, int]] = {None: {}, PROGRAMS: {}}
        self._cells: dict[int, int] = {}  # directory and type → cell

    def numbers_of(self, kinds: bytes, paths: list[bytes]) -> list[int]:
        """The cells of some rows; 0.35 µs each."""
        cells, numbers = self._cells, []
        last, place, everything, first, by_extension = None, None, None, 0, self._by_extension[None]
        for kind, path in zip(kinds, paths, strict=True):
            directory, _, name = path.rpartition(b"/")
            if directory != last:
                last, place, first = directory, place_of(directory), self.tree.numbers[directory] << _TYPE_BITS
                everything = self._type(place) if place is not None and place != PROGRAMS else None
                by_extension = self._by_extension[place if everything is None else None]
            if kind != REGULAR:
                file_type = 0
            elif everything is not None:
                file_type = everything
            else:
                stem, _, extension = name.rpartition(b".")
                known = by_extension.get(extension if stem else b"")
                file_type = self._look(name, place) if known is None else known
            cell = cells.get(first + file_type)
            numbers.append(self._add(first + file_type) if cell is None else cell)
        return numbers

    def _look(self, name: bytes, place: str | None) -> int:
        number, extension = self._type(type_of(name, place)), extension_of(name)
        if not extension or is_word(extension):
            self._by_extension[place][extension] = number
        return number

    def _type(self, name: str) -> int:
        return self.type_numbers.setdefault(name, len(self.type_numbers))

    def _add(self, key: int) -> int:
        self.directories.append(key >> _TYPE_BITS)
        self.types.append(key & (1 << _TYPE_BITS) - 1)
        return self._cells.setdefault(key, len(self._cells))


def group_by_instruction(layers: Sequence[LayerAnalysis]) -> tuple[Group, ...]:
    """Groups by the build step that made the layer, equal ones together, in the form of ``group_by_type``."""
    uppermost = {layer.digest: layer.index for layer in layers}
    groups: dict[str, list[Group]] = {}
    for layer in layers:
        name, paid = layer.instruction or layer.digest, uppermost[layer.digest] == layer.index
        groups.setdefault(name, []).append(_group_of(layer, name, paid=paid))
    return _largest(join_groups(alike, name) for name, alike in groups.items())


def _group_of(layer: LayerAnalysis, name: str, *, paid: bool) -> Group:
    compressed, wasted_compressed = layer.compressed_size, layer.wasted_compressed_size
    return Group(
        name=name,
        content_size=layer.content_size,
        wasted_size=layer.wasted_size,
        compressed_size=None if compressed is None else paid * (compressed - (layer.overhead_size or 0)),
        wasted_compressed_size=None if wasted_compressed is None else paid * wasted_compressed,
        file_count=layer.file_count,
    )


def _largest(groups: Iterable[Group]) -> tuple[Group, ...]:
    """The largest groups that hold files, ties by name, and all others as one."""
    ordered = sorted(groups, key=lambda group: (-group.content_size, -bool(group.file_count), group.name or ""))
    count = min(MOST, sum(bool(group.content_size or group.file_count) for group in ordered))
    return (*ordered[:count], group_rest(join_groups(ordered, None), ordered[:count]))
