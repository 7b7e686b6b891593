"""FileSums: the files of every kind that the layers of two images have, added up."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import attrs

from ocisize.model.comparison import FileSum
from ocisize.model.file_changes import KINDS, FileChangeKind, FileChanges, FileColumns, column_of
from ocisize.tar.filetable import IntArray

_COUNTED_BEFORE = {FileChangeKind.REMOVED, FileChangeKind.STORED_ONCE}  # AFTER does not have them


@attrs.define
class _Tally:
    """Files of one kind in one layer."""

    count: int = 0
    size: int = 0
    compressed: int = 0


class FileSums:
    """The files of two images by layer and kind; None stands for a layer that an image does not have."""

    def __init__(self, changes: FileChanges) -> None:
        self._before, self._after = changes.before, changes.after
        self._old = _tally(changes.before, changes.before_rows, changes.kinds)
        self._new = _tally(changes.after, changes.after_rows, changes.kinds)

    def by_kind(self, before: int | None, after: int | None) -> dict[FileChangeKind, FileSum]:
        """The files that differ, of a layer of BEFORE and one of AFTER."""
        found = {}
        for code, kind in enumerate(KINDS):
            old, new = self._old.get((before, code)), self._new.get((after, code))
            if old or new:
                found[kind] = self._sum(old or _Tally(), new or _Tally(), counted_before=kind in _COUNTED_BEFORE)
        return found

    def unchanged(self, before: int | None, after: int | None) -> FileSum:
        """The files that are the same, in whatever layers of the other image they are."""
        return self._sum(_rest(self._before, before, self._old), _rest(self._after, after, self._new))

    def other(self, before: int | None, after: int | None, before_wire: int | None, after_wire: int | None) -> FileSum:
        """What two layers of so many bytes have on the wire besides files with content."""
        old, new = _whole(self._before, before), _whole(self._after, after)
        known_before, known_after = self._before.compressed_sizes is not None, self._after.compressed_sizes is not None
        return FileSum(
            before_compressed_size=before_wire - old.compressed if known_before and before_wire is not None else None,
            after_compressed_size=after_wire - new.compressed if known_after and after_wire is not None else None,
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
    found: dict[tuple[int | None, int], _Tally] = {}
    for code in range(len(KINDS)):
        mine = rows[bisect_left(kinds, code) : bisect_right(kinds, code)]
        ordered, start = [] if -1 in mine else sorted(mine), 0
        while start < len(ordered):
            layer = stored.layers[ordered[start]]
            end = bisect_left(ordered, bisect_right(stored.layers, layer), start)
            places = ordered[start:end]
            compressed = sum(column_of(stored.compressed_sizes, places)) if stored.compressed_sizes is not None else 0
            found[layer, code] = _Tally(len(places), sum(column_of(stored.sizes, places)), compressed)
            start = end
    return found


def _whole(stored: FileColumns, layer: int | None) -> _Tally:
    """All files of a layer, whose rows stand together."""
    if layer is None:
        return _Tally()
    rows = slice(bisect_left(stored.layers, layer), bisect_right(stored.layers, layer))
    return _Tally(rows.stop - rows.start, sum(stored.sizes[rows]), sum((stored.compressed_sizes or [])[rows]))


def _rest(stored: FileColumns, layer: int | None, tallies: dict[tuple[int | None, int], _Tally]) -> _Tally:
    """What a layer has besides the files that differ."""
    rest = _whole(stored, layer)
    for code in range(len(KINDS)):
        if tally := tallies.get((layer, code)):
            rest.count -= tally.count
            rest.size -= tally.size
            rest.compressed -= tally.compressed
    return rest
