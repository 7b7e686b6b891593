"""Which stored bytes of a layer are those of which file.

Every content begins with a frame or gzip member at an offset that the table lists. Newer zstd:chunked tables list its end,
too; without it, a content ends where the next one begins, so that the headers of the entries between them count for it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import pairwise

from ocisize.layer.toc.unusable import Unusable
from ocisize.tar.filetable import IntArray
from ocisize.values import define, field


@define
class Pieces:
    """The pieces of contents, in the order of the table: a content has one, a large one several, an empty one none."""

    rows: IntArray = field(factory=lambda: array("q"))  #: of the file table, ascending
    starts: IntArray = field(factory=lambda: array("q"))  #: where the frame or member of a piece begins in the blob
    stops: IntArray = field(factory=lambda: array("q"))  #: where it ends in the blob; 0 until that is known
    skips: IntArray = field(factory=lambda: array("q"))  #: uncompressed bytes of other contents before it in the member
    sizes: IntArray = field(factory=lambda: array("q"))  #: uncompressed bytes

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, row: int, start: int, size: int, skip: int = 0) -> None:
        """Add the next piece, whose end is not known yet."""
        self.rows.append(row)
        self.starts.append(start)
        self.stops.append(0)
        self.skips.append(skip)
        self.sizes.append(size)


def share_out(pieces: Pieces, data_end: int, row_count: int) -> IntArray:
    """Find the ends of all pieces, and return the stored bytes of each row; ``data_end`` is where all contents end.

    Bytes before the first content, and between contents whose ends the table lists, are headers. The rows after the content
    before, up to the content after, share them equally, if the table has the order of the tar; else they belong to the
    content after. Raises Unusable for contents that overlap or are outside of the layer.
    """
    order = sorted(range(len(pieces)), key=pieces.starts.__getitem__)
    ends_known = bool(pieces.stops) and all(pieces.stops)
    if not ends_known and any(pieces.stops):
        raise Unusable("its table of contents lists the ends of some contents only")
    shares = array("q", bytes(8 * row_count))
    in_order = all(pieces.rows[one] <= pieces.rows[other] for one, other in pairwise(order))
    if not ends_known:
        if not in_order:  # a content ends where the next one of the tar begins
            raise Unusable("its table of contents lists contents in another order than the layer has them")
        _find_stops(pieces, order, data_end)
    position, next_row = 0, 0
    for group in _group_by_start(pieces, order):
        start, stop = pieces.starts[group[0]], pieces.stops[group[0]]
        if not position <= start < stop <= data_end or not start:
            raise Unusable(f"its table of contents has a content at {start} to {stop} that overlaps another, or the end")
        first, last = pieces.rows[group[0]], pieces.rows[group[-1]]
        _share_headers(shares, start - position, range(min(next_row, first) if in_order else first, first + 1))
        _share_member(shares, stop - start, pieces, group)
        position, next_row = stop, last + 1
    return shares


def _find_stops(pieces: Pieces, order: Sequence[int], data_end: int) -> None:
    """Set the end of each piece to the next start."""
    stop, start = data_end, -1
    for index in reversed(order):
        if pieces.starts[index] != start:
            stop, start = data_end if start < 0 else start, pieces.starts[index]
        pieces.stops[index] = stop


def _group_by_start(pieces: Pieces, order: Sequence[int]) -> list[list[int]]:
    """The pieces by member: those of one member have the same start, and follow each other in it."""
    groups: list[list[int]] = []
    start = -1
    for index in order:
        if pieces.starts[index] == start:
            groups[-1].append(index)
        else:
            groups.append([index])
        start = pieces.starts[index]
    for group in groups:
        if len(group) > 1:
            group.sort(key=pieces.skips.__getitem__)
            if any(pieces.skips[one] + pieces.sizes[one] > pieces.skips[other] for one, other in pairwise(group)):
                raise Unusable(f"its table of contents has two contents at {pieces.starts[group[0]]}")
    return groups


def _share_headers(shares: IntArray, size: int, rows: range) -> None:
    """Share the bytes of headers among the rows that they belong to; the last row gets what is left."""
    share, rest = divmod(size, len(rows))
    if share:
        for row in rows:
            shares[row] += share
    shares[rows[-1]] += rest


def _share_member(shares: IntArray, size: int, pieces: Pieces, group: Sequence[int]) -> None:
    """Share the stored bytes of a member among its pieces, by their uncompressed sizes."""
    total = sum(pieces.sizes[index] for index in group)
    done = stored = 0
    for index in group:
        done += pieces.sizes[index]
        reached = size * done // total
        shares[pieces.rows[index]] += reached - stored
        stored = reached
