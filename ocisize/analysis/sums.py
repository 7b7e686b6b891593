"""Sums: the rows of an image's layers added up by the number of their group.

Every row is counted once. Rows get their numbers piece by piece, from a function that sees the paths of a piece, and
figures are columns by group number: 0.2 µs a row beside what the numbers cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Sized
from itertools import compress, repeat
from typing import TypeAlias

import attrs

from ocisize.analysis.contested import WHITEOUT
from ocisize.analysis.model import Group, LayerAnalysis
from ocisize.files import REGULAR, FileTable, IntArray

#: group numbers of some rows of a layer: from its kinds and paths
Numbering: TypeAlias = Callable[[bytes, list[bytes]], Sequence[int]]

_IS_FILE = bytes(kind == REGULAR for kind in range(256))


@attrs.define
class Sums:
    """Figures by group number; those of the wire mean nothing unless ``wire_known``."""

    wire_known: bool
    content: list[int] = attrs.field(factory=list)
    wasted: list[int] = attrs.field(factory=list)
    compressed: list[int] = attrs.field(factory=list)
    wasted_compressed: list[int] = attrs.field(factory=list)
    files: list[int] = attrs.field(factory=list)

    @property
    def columns(self) -> tuple[list[int], ...]:
        """All five, to treat them alike."""
        return self.content, self.wasted, self.compressed, self.wasted_compressed, self.files

    def grow(self, groups: int) -> None:
        """Make room for so many groups."""
        for column in self.columns:
            column.extend(repeat(0, groups - len(column)))

    def copy(self) -> Sums:
        """Sums of their own columns."""
        return Sums(self.wire_known, *map(list, self.columns))

    def regrouped(self, groups: Sequence[int], count: int) -> Sums:
        """Sums of ``count`` groups, from the number that each of these goes to."""
        found = Sums(self.wire_known)
        found.grow(count)
        for column, mine in zip(found.columns, self.columns, strict=True):
            if not any(mine):
                continue
            for group, figure in zip(groups, mine, strict=True):
                column[group] += figure
        return found

    def group(self, number: int, name: str | None) -> Group:
        """The figures of one group."""
        return Group(
            name=name,
            content_size=self.content[number],
            wasted_size=self.wasted[number],
            compressed_size=self.compressed[number] if self.wire_known else None,
            wasted_compressed_size=self.wasted_compressed[number] if self.wire_known else None,
            file_count=self.files[number],
        )


def paid_shares(layers: Sequence[LayerAnalysis]) -> list[IntArray | None]:
    """Per layer, what each row costs on the wire; None where that is unknown, or paid with the same blob further up."""
    uppermost = {layer.digest: layer.index for layer in layers}
    return [
        layer.files.compressed_sizes if layer.files is not None and uppermost[layer.digest] == layer.index else None
        for layer in layers
    ]


def add_up(layers: Sequence[LayerAnalysis], numbers_of: Numbering, groups: Sized) -> Sums:
    """Add up all rows of the layers by group; ``groups`` may grow while ``numbers_of`` is asked.

    A blob that stands in several layers is downloaded once: it costs the wire in the uppermost of them. Raises ValueError
    for layers without file tables, as they are in an analysis read back from JSON.
    """
    sums = Sums(all(layer.files is not None and layer.files.compressed_sizes is not None for layer in layers))
    for layer, shares in zip(layers, paid_shares(layers), strict=True):
        table = layer.files
        if table is None or layer.hidden_by is None:
            raise ValueError(f"layer {layer.index} has no file table")
        is_file = file_flags(table)
        for first, paths in table.paths.pieces():
            rows = slice(first, first + len(paths))
            numbers = numbers_of(table.kinds[rows], paths)
            sums.grow(len(groups))
            sizes, costs = table.sizes[rows], shares[rows] if shares is not None else None
            _add(sums.content, sums.compressed, numbers, sizes, costs)
            for number, count in Counter(compress(numbers, is_file[rows])).items():
                sums.files[number] += count
            if layer.wasted_size:
                wasted = [row for row, by in enumerate(layer.hidden_by[rows]) if by >= 0 and sizes[row]]
                _add(
                    sums.wasted,
                    sums.wasted_compressed,
                    [numbers[row] for row in wasted],
                    [sizes[row] for row in wasted],
                    [costs[row] for row in wasted] if costs is not None else None,
                )
    return sums


def _add(
    content: list[int], compressed: list[int], numbers: Sequence[int], sizes: Sequence[int], costs: Sequence[int] | None
) -> None:
    if costs is None:
        for number, size in zip(numbers, sizes, strict=True):
            content[number] += size
        return
    for number, size, cost in zip(numbers, sizes, costs, strict=True):
        content[number] += size
        compressed[number] += cost


def file_flags(table: FileTable) -> bytes | bytearray:
    """By row, 1 for what counts as a file: whiteout markers are stored as files but are none."""
    flags = table.kinds.translate(_IS_FILE)
    rows = list(table.paths.rows_with(WHITEOUT))
    if not rows:
        return flags
    changed = bytearray(flags)
    for row, path in zip(rows, table.paths.select(rows), strict=True):
        if path.rpartition(b"/")[2].startswith(WHITEOUT):
            changed[row] = 0
    return changed


def join_groups(groups: Iterable[Group], name: str | None) -> Group:
    """Some groups as one; a wire figure that one of them lacks is unknown."""
    groups = list(groups)
    return Group(
        name=name,
        content_size=sum(group.content_size for group in groups),
        wasted_size=sum(group.wasted_size for group in groups),
        compressed_size=sum_known(group.compressed_size for group in groups),
        wasted_compressed_size=sum_known(group.wasted_compressed_size for group in groups),
        file_count=sum(group.file_count for group in groups),
    )


def group_rest(whole: Group, parts: Iterable[Group]) -> Group:
    """What some groups leave of a whole."""
    taken = join_groups(parts, None)
    known = whole.compressed_size is not None
    return Group(
        name=None,
        content_size=whole.content_size - taken.content_size,
        wasted_size=whole.wasted_size - taken.wasted_size,
        compressed_size=(whole.compressed_size or 0) - (taken.compressed_size or 0) if known else None,
        wasted_compressed_size=(whole.wasted_compressed_size or 0) - (taken.wasted_compressed_size or 0) if known else None,
        file_count=whole.file_count - taken.file_count,
    )


def sum_known(values: Iterable[int | None]) -> int | None:
    """The sum of figures, None where one of them is unknown."""
    values = list(values)
    return None if None in values else sum(value or 0 for value in values)
