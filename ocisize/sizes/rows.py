"""The rows of an image's layers, summed by a group number that the caller chooses. Every row is counted once."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, MutableSequence, Sequence
from itertools import repeat

from ocisize.filesystem.directories import ImageRuns, find_runs
from ocisize.filesystem.hidden_rows import find_hidden
from ocisize.filesystem.whiteout import whiteout_rows
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.sizes import Group, paid_layers, sum_known, uppermost_layers
from ocisize.tar.filetable import REGULAR, FileTable, IntArray
from ocisize.tuples import NamedTuple
from ocisize.values import define, field

_IS_FILE = bytes(kind == REGULAR for kind in range(256))


@define
class GroupTotals:
    """Sums by group number, in bytes; compressed sizes are only valid if ``compressed_size_known``."""

    compressed_size_known: bool
    content: MutableSequence[int] = field(factory=list)
    wasted: MutableSequence[int] = field(factory=list)
    compressed: MutableSequence[int] = field(factory=list)
    wasted_compressed: MutableSequence[int] = field(factory=list)
    files: MutableSequence[int] = field(factory=list)

    @property
    def columns(self) -> tuple[MutableSequence[int], ...]:
        """All five columns."""
        return self.content, self.wasted, self.compressed, self.wasted_compressed, self.files

    def grow(self, groups: int) -> None:
        """Make room for ``groups`` groups."""
        for column in self.columns:
            column.extend(repeat(0, groups - len(column)))

    def group(self, number: int, name: str | None) -> Group:
        """Return the sums of one group as a ``Group`` with a name."""
        return Group(
            name=name,
            content_size=self.content[number],
            wasted_size=self.wasted[number],
            compressed_size=self.compressed[number] if self.compressed_size_known else None,
            wasted_compressed_size=self.wasted_compressed[number] if self.compressed_size_known else None,
            file_count=self.files[number],
        )


def paid_shares(layers: Sequence[LayerAnalysis]) -> list[IntArray | None]:
    """Return by layer the bytes of download of each row; None if unknown, or if a lower layer has the same blob."""
    return [
        layer.files.compressed_sizes if pays and layer.files is not None else None
        for layer, pays in zip(layers, paid_layers(layers), strict=True)
    ]


def uppermost_shares(layers: Sequence[LayerAnalysis]) -> list[IntArray | None]:
    """Return by layer the bytes of download that a row wastes if it is hidden; None if unknown, or if an upper layer has it.

    A row has the same path in all layers that have its blob, and so belongs to the same group: the sums of groups are
    right, though the lowest layer pays and the uppermost layer decides about waste.
    """
    uppermost = uppermost_layers(layers)
    return [
        layer.files.compressed_sizes if uppermost[layer.digest] is layer and layer.files is not None else None
        for layer in layers
    ]


def directory_runs(layers: Sequence[LayerAnalysis]) -> ImageRuns:
    """Return the runs of the layers' tables; raises ValueError for layers without, as in an analysis saved without files."""
    return find_runs([require_table(layer) for layer in layers])


def require_table(layer: LayerAnalysis) -> FileTable:
    """Return the table of a layer; raises ValueError if the analysis was read back from JSON."""
    if layer.files is None or layer.hidden_by is None:
        raise ValueError(f"layer {layer.index} has no file table")
    return layer.files


class LayerColumns(NamedTuple):
    """The columns of a layer that are summed."""

    table: FileTable
    wasted: Sequence[int]  #: rows of files with content that no container sees, ascending
    shares: IntArray | None  #: bytes of download; None if unknown, or paid by a lower layer
    wasted_shares: IntArray | None  #: the same of what is hidden; None if unknown, or if an upper layer has the same blob


def layer_columns(layers: Sequence[LayerAnalysis]) -> list[LayerColumns]:
    """Return the columns of the layers, base first; raises ValueError for layers without file tables.

    The download of a blob that several layers have is in the rows of the lowest of them.
    """
    return [
        LayerColumns(require_table(layer), _wasted_rows(layer), shares, wasted_shares)
        for layer, shares, wasted_shares in zip(layers, paid_shares(layers), uppermost_shares(layers), strict=True)
    ]


def _wasted_rows(layer: LayerAnalysis) -> list[int]:
    if not layer.wasted_size or layer.hidden_by is None:
        return []
    sizes = require_table(layer).sizes
    return [row for row in find_hidden(layer.hidden_by) if sizes[row]]


def empty_sums(layers: Sequence[LayerColumns], groups: int = 0) -> GroupTotals:
    """Return sums of 0: arrays for ``groups`` groups, or lists that grow, which are faster but take more memory."""
    compressed_size_known = all(layer.table.compressed_sizes is not None for layer in layers)
    return GroupTotals(compressed_size_known, *[array("q", bytes(8 * groups)) for _ in range(5 * bool(groups))])


def add_figures(column: MutableSequence[int], numbers: Iterable[int], figures: Iterable[int]) -> None:
    """Add figures to the groups of a column; ``numbers`` are the groups, in the order of the figures."""
    for number, figure in zip(numbers, figures, strict=True):
        column[number] += figure


def add_layer(
    sums: GroupTotals,
    columns: LayerColumns,
    numbers: Collection[int],
    *,
    content: Iterable[int],
    files: Iterable[int],
    compressed: Iterable[int] | None,
    wasted: Sequence[int],
) -> None:
    """Add the figures of a layer to groups.

    ``numbers`` are the groups of ``content``, ``files`` and ``compressed``, in their order; ``wasted`` are the groups of the
    wasted rows. What a lower layer pays for is left out of ``compressed``.
    """
    add_figures(sums.content, numbers, content)
    add_figures(sums.files, numbers, files)
    if columns.shares is not None and compressed is not None:
        add_figures(sums.compressed, numbers, compressed)
    add_figures(sums.wasted, wasted, map(columns.table.sizes.__getitem__, columns.wasted))
    if columns.wasted_shares is not None:
        add_figures(sums.wasted_compressed, wasted, map(columns.wasted_shares.__getitem__, columns.wasted))


def file_flags(table: FileTable) -> bytes | bytearray:
    """Return by row 1 for a regular file and 0 for all else; whiteout markers do not count as files."""
    flags = table.kinds.translate(_IS_FILE)
    markers = list(whiteout_rows(table))
    if not markers:
        return flags
    changed = bytearray(flags)
    for row in markers:
        changed[row] = 0
    return changed


def sum_groups(groups: Iterable[Group], name: str | None) -> Group:
    """Return the sum of some groups under a name; a compressed size that one of them lacks is None."""
    groups = list(groups)
    return Group(
        name=name,
        content_size=sum(group.content_size for group in groups),
        wasted_size=sum(group.wasted_size for group in groups),
        compressed_size=sum_known(group.compressed_size for group in groups),
        wasted_compressed_size=sum_known(group.wasted_compressed_size for group in groups),
        file_count=sum(group.file_count for group in groups),
    )


def remainder(whole: Group, parts: Iterable[Group]) -> Group:
    """Return the rest of a whole without some groups, as a group without a name."""
    taken = sum_groups(parts, None)
    known = whole.compressed_size is not None
    return Group(
        name=None,
        content_size=whole.content_size - taken.content_size,
        wasted_size=whole.wasted_size - taken.wasted_size,
        compressed_size=(whole.compressed_size or 0) - (taken.compressed_size or 0) if known else None,
        wasted_compressed_size=(whole.wasted_compressed_size or 0) - (taken.wasted_compressed_size or 0) if known else None,
        file_count=whole.file_count - taken.file_count,
    )
