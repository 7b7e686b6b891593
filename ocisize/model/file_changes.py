"""FileChanges: the stored files that are not as they were, in columns, with what became of each."""

from __future__ import annotations

import enum
import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import compress
from operator import sub
from typing import TypeVar, overload

import attrs

from ocisize.tar.filetable import IntArray
from ocisize.text import decode_name

T = TypeVar("T")


class FileChangeKind(str, enum.Enum):
    """What became of a stored file."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"  #: other content at the path
    MOVED = "moved"  #: the same content at another path
    STORED_AGAIN = "stored again"  #: AFTER stores what a lower layer of it has, for owner, mode or time alone
    STORED_ONCE = "stored once"  #: BEFORE stored it again, AFTER does not
    NOT_COMPARED = "not compared"  #: as large as before, its content was not read

    def __str__(self) -> str:
        return self.value


KINDS = tuple(FileChangeKind)


class SizeGrowth:
    """What a figure of both sides says."""

    before_size: int
    after_size: int
    before_compressed_size: int | None
    after_compressed_size: int | None

    @property
    def growth(self) -> int:
        """Bytes of content more than before."""
        return self.after_size - self.before_size

    @property
    def compressed_growth(self) -> int | None:
        """Bytes of wire more than before."""
        if self.before_compressed_size is None or self.after_compressed_size is None:
            return None
        return self.after_compressed_size - self.before_compressed_size


@attrs.frozen(kw_only=True)
class FileChange(SizeGrowth):
    """A stored file that is not as it was; sizes are 0 and the layer None on a side that does not have it."""

    kind: FileChangeKind
    path: str  #: in AFTER, or in BEFORE where AFTER does not have it
    before_path: str | None  #: None where BEFORE does not have it
    before_layer: int | None
    after_layer: int | None
    before_size: int
    after_size: int
    before_compressed_size: int | None
    after_compressed_size: int | None


@attrs.frozen(eq=False)
class FileColumns:
    """The stored files with content of some layers, in columns beside each other, base first and in tar order."""

    layers: IntArray  #: "i"
    paths: list[bytes]
    sizes: list[int]
    compressed_sizes: list[int] | None  #: None where the wire is unknown

    def compressed_size(self, row: int) -> int | None:
        """What a row costs on the wire; 0 for no row."""
        if self.compressed_sizes is None:
            return None
        return self.compressed_sizes[row] if row >= 0 else 0


@attrs.frozen
class FileChangeSpan:
    """Changes of one kind that stand behind each other and belong to one layer."""

    kind: FileChangeKind
    before: int | None  #: the layer of BEFORE, of what AFTER does not have
    after: int | None  #: the layer of AFTER
    rows: slice  #: of the columns of FileChanges


@attrs.frozen(eq=False, slots=False)
class FileChanges(Sequence[FileChange]):
    """The stored files that differ, largest growth first, ties by path; objects and order are made on demand.

    The columns are by kind, and within a kind by the row of AFTER, or of BEFORE where AFTER has none.
    """

    before: FileColumns
    after: FileColumns
    kinds: bytes  #: index into KINDS
    before_rows: IntArray  #: "q", into ``before``; -1 where there is none
    after_rows: IntArray  #: "q", into ``after``; -1 where there is none

    def __len__(self) -> int:
        return len(self.kinds)

    @overload
    def __getitem__(self, index: int) -> FileChange: ...
    @overload
    def __getitem__(self, index: slice) -> list[FileChange]: ...
    def __getitem__(self, index: int | slice) -> FileChange | list[FileChange]:
        if isinstance(index, slice):
            return [self._change(place) for place in self._order[index]]
        return self._change(self._order[index])

    def __iter__(self) -> Iterator[FileChange]:
        return map(self._change, self._order)

    def largest(self, most: int) -> list[FileChange]:
        """The first ``most`` of them; costs less than to bring all of them into their order."""
        if not 0 < most < len(self):
            return self[: max(most, 0)]
        weights, places = self._weights, range(len(self))
        least = min(heapq.nlargest(most, weights))
        larger = list(compress(places, map(least.__lt__, weights)))
        equal = list(compress(places, map(least.__eq__, weights)))
        first = heapq.nsmallest(most - len(larger), zip(self._paths_of(equal), equal, strict=True))
        return [self._change(place) for place in (*self._sorted(larger), *(place for _, place in first))]

    def spans(self) -> Iterator[FileChangeSpan]:
        """All changes by kind and layer."""
        for code, kind in enumerate(KINDS):
            start, end = bisect_left(self.kinds, code), bisect_right(self.kinds, code)
            stands = start < end and self.after_rows[start] >= 0
            rows, layers = (self.after_rows, self.after.layers) if stands else (self.before_rows, self.before.layers)
            while start < end:
                layer = layers[rows[start]]
                stop = bisect_left(rows, bisect_right(layers, layer), start, end)
                yield FileChangeSpan(kind, None if stands else layer, layer if stands else None, slice(start, stop))
                start = stop

    def _change(self, place: int) -> FileChange:
        old, new = self.before_rows[place], self.after_rows[place]
        before_path = decode_name(self.before.paths[old]) if old >= 0 else None
        return FileChange(
            kind=KINDS[self.kinds[place]],
            path=decode_name(self.after.paths[new]) if new >= 0 else before_path or "",
            before_path=before_path,
            before_layer=self.before.layers[old] if old >= 0 else None,
            after_layer=self.after.layers[new] if new >= 0 else None,
            before_size=self.before.sizes[old] if old >= 0 else 0,
            after_size=self.after.sizes[new] if new >= 0 else 0,
            before_compressed_size=self.before.compressed_size(old),
            after_compressed_size=self.after.compressed_size(new),
        )

    @cached_property
    def _weights(self) -> list[int]:
        """By place, how much larger or smaller a file is."""
        before, after = (
            column_of([*self.before.sizes, 0], self.before_rows),
            column_of([*self.after.sizes, 0], self.after_rows),
        )
        return list(map(abs, map(sub, after, before)))  # the last one, of row -1, is that of no file

    @cached_property
    def _order(self) -> list[int]:
        return self._sorted(range(len(self)))

    def _paths_of(self, places: Sequence[int]) -> list[bytes]:
        old, new = self.before.paths, self.after.paths
        rows = zip(column_of(self.before_rows, places), column_of(self.after_rows, places), strict=True)
        return [new[second] if second >= 0 else old[first] for first, second in rows]

    def _sorted(self, places: Sequence[int]) -> list[int]:
        order = sorted(range(len(places)), key=self._paths_of(places).__getitem__)
        order.sort(key=column_of(self._weights, places).__getitem__, reverse=True)  # stable in reverse, too
        return column_of(places, order)


def column_of(values: Sequence[T], places: Iterable[int]) -> list[T]:
    """The values that stand at some places."""
    return list(map(values.__getitem__, places))
