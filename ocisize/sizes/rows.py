"""The rows of an image's layers, summed by directory or by a group number that the caller chooses.

Every row is counted once. The sums of a directory come from the running totals of its runs, without a look at single rows.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from itertools import accumulate, chain, compress, islice, repeat
from operator import sub

from ocisize.filesystem.directories import ImageRuns, Piece, find_runs
from ocisize.filesystem.whiteout import whiteout_rows
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.sizes import Group, paid_layers, sum_known, uppermost_layers
from ocisize.tar.filetable import REGULAR, FileTable, IntArray
from ocisize.values import define, field, frozen

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


@frozen
class PieceColumns:
    """The columns of a piece of a layer."""

    piece: Piece
    kinds: bytes
    is_file: bytes | bytearray  #: by row: 1 for a regular file
    sizes: IntArray
    costs: IntArray | None  #: bytes of download; None if unknown, or paid by a lower layer
    wasted_costs: IntArray | None  #: the same of what is hidden; None if unknown, or if an upper layer has the same blob
    hidden: list[bool] | None  #: None if nothing is wasted


def directory_runs(layers: Sequence[LayerAnalysis]) -> ImageRuns:
    """Return the runs of the layers' tables; raises ValueError for layers without, as in an analysis saved without files."""
    return find_runs([require_table(layer) for layer in layers])


def require_table(layer: LayerAnalysis) -> FileTable:
    """Return the table of a layer; raises ValueError if the analysis was read back from JSON."""
    if layer.files is None or layer.hidden_by is None:
        raise ValueError(f"layer {layer.index} has no file table")
    return layer.files


def iter_pieces(layers: Sequence[LayerAnalysis], runs: ImageRuns) -> Iterator[PieceColumns]:
    """Yield all rows of the layers, base first, piece by piece; raises ValueError for layers without file tables.

    The download of a blob that several layers have is in the rows of the lowest of them.
    """
    columns = zip(layers, paid_shares(layers), uppermost_shares(layers), strict=True)
    for position, (layer, shares, wasted_shares) in enumerate(columns):
        table, hidden_by = require_table(layer), layer.hidden_by
        is_file = file_flags(table)
        for piece in runs.pieces(table, position):
            rows = slice(piece.first, piece.first + len(piece.paths))
            yield PieceColumns(
                piece,
                table.kinds[rows],
                is_file[rows],
                table.sizes[rows],
                shares[rows] if shares is not None else None,
                wasted_shares[rows] if wasted_shares is not None else None,
                [by >= 0 for by in hidden_by[rows]] if layer.wasted_size and hidden_by is not None else None,
            )


def empty_sums(layers: Sequence[LayerAnalysis], groups: int = 0) -> GroupTotals:
    """Return sums of 0: arrays for ``groups`` groups, or lists that grow, which are faster but take more memory."""
    compressed_size_known = all(layer.files is not None and layer.files.compressed_sizes is not None for layer in layers)
    return GroupTotals(compressed_size_known, *[array("q", bytes(8 * groups)) for _ in range(5 * bool(groups))])


def add_runs(sums: GroupTotals, rows: PieceColumns) -> None:
    """Add rows to the directories that they are directly in: runs by their totals, wasted rows one by one."""
    directories, bounds = rows.piece.directories, rows.piece.bounds
    columns = (sums.content, rows.sizes), (sums.files, rows.is_file), (sums.compressed, rows.costs)
    for column, figures in columns:
        if figures is not None:
            totals = list(accumulate(figures, initial=0))
            sums_before = [totals[bound] for bound in bounds]
            figures_of_runs = map(sub, islice(sums_before, 1, None), sums_before)
            for directory, figure in zip(directories, figures_of_runs, strict=True):
                column[directory] += figure
    if rows.hidden is not None:
        lengths = map(sub, islice(bounds, 1, None), bounds)
        _add_wasted(sums, rows, list(chain.from_iterable(map(repeat, directories, lengths))))


def add_numbered(sums: GroupTotals, rows: PieceColumns, numbers: Sequence[int]) -> None:
    """Add rows to groups; ``numbers``: by row, the number of its group."""
    _add(sums.content, sums.compressed, numbers, rows.sizes, rows.costs)
    for number, count in Counter(compress(numbers, rows.is_file)).items():
        sums.files[number] += count
    _add_wasted(sums, rows, numbers)


def _add_wasted(sums: GroupTotals, rows: PieceColumns, numbers: Sequence[int]) -> None:
    if rows.hidden is None:
        return
    wasted = [row for row in compress(range(len(numbers)), rows.hidden) if rows.sizes[row]]
    _add(
        sums.wasted,
        sums.wasted_compressed,
        [numbers[row] for row in wasted],
        [rows.sizes[row] for row in wasted],
        [rows.wasted_costs[row] for row in wasted] if rows.wasted_costs is not None else None,
    )


def _add(
    content: MutableSequence[int],
    compressed: MutableSequence[int],
    numbers: Sequence[int],
    sizes: Sequence[int],
    costs: Sequence[int] | None,
) -> None:
    if costs is None:
        for number, size in zip(numbers, sizes, strict=True):
            content[number] += size
        return
    for number, size, cost in zip(numbers, sizes, costs, strict=True):
        content[number] += size
        compressed[number] += cost


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
