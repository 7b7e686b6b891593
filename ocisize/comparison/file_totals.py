"""FileSums: the sums of files by layer and kind of change, over two images."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from ocisize.model.comparison import FileSum
from ocisize.model.file_changes import KINDS, FileChangeKind, FileChanges, FileColumns, column_of
from ocisize.tar.filetable import IntArray
from ocisize.values import define

_COUNTED_BEFORE = {FileChangeKind.REMOVED, FileChangeKind.STORED_ONCE}  # kinds of files that AFTER does not have


@define
class _Tally:
    """Files of one kind in one layer: their number, and bytes of content and of download."""

    count: int = 0
    size: int = 0
    compressed: int = 0


class FileSums:
    """The files of two images by layer and kind. The index of a layer that an image does not have is None."""

    def __init__(self, changes: FileChanges) -> None:
        self._before, self._after = changes.before, changes.after
        self._old = _tally(changes.before, changes.before_rows, changes.kinds)
        self._new = _tally(changes.after, changes.after_rows, changes.kinds)

    def by_kind(self, before: int | None, after: int | None) -> dict[FileChangeKind, FileSum]:
        """Return the files that differ, of a layer of BEFORE and a layer of AFTER."""
        sums = {}
        for code, kind in enumerate(KINDS):
            old, new = self._old.get((before, code)), self._new.get((after, code))
            if old or new:
                sums[kind] = self._sum(old or _Tally(), new or _Tally(), counted_before=kind in _COUNTED_BEFORE)
        return sums

    def unchanged(self, before: int | None, after: int | None) -> FileSum:
        """Return the files that the other image has, too, in any of its layers."""
        return self._sum(_rest(self._before, before, self._old), _rest(self._after, after, self._new))

    def other(self, before: int | None, after: int | None, size_before: int | None, size_after: int | None) -> FileSum:
        """Return the part of the download of two layers that is not of files with content.

        ``size_before`` and ``size_after`` are the bytes of download of the layers, None if unknown.
        """
        old, new = _whole(self._before, before), _whole(self._after, after)
        known_before, known_after = self._before.compressed_sizes is not None, self._after.compressed_sizes is not None
        return FileSum(
            before_compressed_size=size_before - old.compressed if known_before and size_before is not None else None,
            after_compressed_size=size_after - new.compressed if known_after and size_after is not None else None,
        )

    def _sum(self, old: _Tally, new: _Tally, *, counted_before: bool = False) -> FileSum:
        return FileSum(
            count=old.count if counted_before else new.count,
            before_size=old.size,
            after_size=new.size,
            before_compressed_size=None if self._before.compressed_sizes is None else old.compressed,
            after_compressed_size=None if self._after.compressed_sizes is None else new.compressed,
        )


def _tally(stored: FileColumns, rows: IntArray, kinds: bytes) -> dict[tuple[int | None, int], _Tally]:
    """Rows added up by layer and kind; -1 is no row."""
    tallies: dict[tuple[int | None, int], _Tally] = {}
    for code in range(len(KINDS)):
        rows_of_kind = rows[bisect_left(kinds, code) : bisect_right(kinds, code)]
        ordered, start = [] if -1 in rows_of_kind else sorted(rows_of_kind), 0
        while start < len(ordered):
            layer = stored.layers[ordered[start]]
            end = bisect_left(ordered, bisect_right(stored.layers, layer), start)
            in_layer = ordered[start:end]
            compressed = sum(column_of(stored.compressed_sizes, in_layer)) if stored.compressed_sizes is not None else 0
            tallies[layer, code] = _Tally(len(in_layer), sum(column_of(stored.sizes, in_layer)), compressed)
            start = end
    return tallies


def _whole(stored: FileColumns, layer: int | None) -> _Tally:
    """All files of a layer, whose rows follow each other."""
    if layer is None:
        return _Tally()
    rows = slice(bisect_left(stored.layers, layer), bisect_right(stored.layers, layer))
    return _Tally(rows.stop - rows.start, sum(stored.sizes[rows]), sum((stored.compressed_sizes or [])[rows]))


def _rest(stored: FileColumns, layer: int | None, tallies: dict[tuple[int | None, int], _Tally]) -> _Tally:
    """The files of a layer without those that differ."""
    rest = _whole(stored, layer)
    for code in range(len(KINDS)):
        if tally := tallies.get((layer, code)):
            rest.count -= tally.count
            rest.size -= tally.size
            rest.compressed -= tally.compressed
    return rest
