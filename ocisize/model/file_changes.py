"""The stored files that differ between two images, in columns, with the kind of change of each."""

from __future__ import annotations

import enum
import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import compress
from operator import sub
from typing import TypeVar, overload

from ocisize.tar.filetable import IntArray
from ocisize.text import decode_name
from ocisize.values import frozen

T = TypeVar("T")


class FileChangeKind(str, enum.Enum):
    """How a stored file differs between two images."""

    ADDED = "added"  #: only AFTER has it
    REMOVED = "removed"  #: only BEFORE has it
    CHANGED = "changed"  #: different content at the same path
    MOVED = "moved"  #: the same content at another path
    STORED_AGAIN = "stored again"  #: only AFTER stores it a second time, to change owner, permissions or timestamps
    STORED_ONCE = "stored once"  #: only BEFORE stores it a second time
    NOT_COMPARED = "not compared"  #: the same size at the same path, and a content was not read

    def __str__(self) -> str:
        return self.value


KINDS = tuple(FileChangeKind)


class SizeGrowth:
    """A size in both images, with its growth. Bytes."""

    before_size: int
    after_size: int
    before_compressed_size: int | None
    after_compressed_size: int | None

    @property
    def growth(self) -> int:
        """Bytes of content that AFTER has more than BEFORE."""
        return self.after_size - self.before_size

    @property
    def compressed_growth(self) -> int | None:
        """Bytes of download that AFTER has more than BEFORE; None if one of both is unknown."""
        if self.before_compressed_size is None or self.after_compressed_size is None:
            return None
        return self.after_compressed_size - self.before_compressed_size


@frozen(kw_only=True)
class FileChange(SizeGrowth):
    """A stored file that differs; on a side that does not have it, sizes are 0 and the layer is None."""

    kind: FileChangeKind  #: how the file differs
    path: str  #: in AFTER, or in BEFORE if AFTER does not have the file
    before_path: str | None  #: None if BEFORE does not have the file
    before_layer: int | None  #: index of the layer
    after_layer: int | None  #: index of the layer
    before_size: int  #: bytes of content in BEFORE
    after_size: int  #: bytes of content in AFTER
    before_compressed_size: int | None  #: bytes of download of BEFORE, None if unknown
    after_compressed_size: int | None  #: bytes of download of AFTER, None if unknown


@frozen(eq=False)
class FileColumns:
    """The stored files with content of some layers, in columns, base first and in tar order."""

    layers: IntArray  #: "i", by row: index of the layer
    paths: list[bytes]  #: without leading slashes
    sizes: list[int]  #: bytes of content
    compressed_sizes: list[int] | None  #: bytes of download, None if they are unknown

    def compressed_size(self, row: int) -> int | None:
        """Return the bytes of download of a row, 0 for no row, None if they are unknown."""
        if self.compressed_sizes is None:
            return None
        return self.compressed_sizes[row] if row >= 0 else 0


@frozen
class FileChangeSpan:
    """Consecutive changes of one kind and one layer."""

    kind: FileChangeKind  #: how the files differ
    before: int | None  #: the layer of BEFORE, if AFTER does not have the files
    after: int | None  #: the layer of AFTER, if it has the files
    rows: slice  #: of the columns of FileChanges


@frozen(eq=False, slots=False)
class FileChanges(Sequence[FileChange]):
    """The stored files that differ, largest change of size first, ties by path; objects and order are made on demand.

    The columns are sorted by kind, then by the row of AFTER, or of BEFORE if AFTER does not have the file.
    """

    before: FileColumns  #: the stored files of BEFORE
    after: FileColumns  #: the stored files of AFTER
    kinds: bytes  #: index into ``tuple(FileChangeKind)``
    before_rows: IntArray  #: "q", rows of ``before``, -1 for none
    after_rows: IntArray  #: "q", rows of ``after``, -1 for none

    def __len__(self) -> int:
        return len(self.kinds)

    @overload
    def __getitem__(self, index: int) -> FileChange: ...
    @overload
    def __getitem__(self, index: slice) -> list[FileChange]: ...
    def __getitem__(self, index: int | slice) -> FileChange | list[FileChange]:
        if isinstance(index, slice):
            return [self._change(position) for position in self._order[index]]
        return self._change(self._order[index])

    def __iter__(self) -> Iterator[FileChange]:
        return map(self._change, self._order)

    def largest(self, count: int) -> list[FileChange]:
        """Return the first ``count`` changes; takes less time than to sort all of them."""
        if not 0 < count < len(self):
            return self[: max(count, 0)]
        weights, positions = self._weights, range(len(self))
        smallest = min(heapq.nlargest(count, weights))
        larger = list(compress(positions, map(smallest.__lt__, weights)))
        equal = list(compress(positions, map(smallest.__eq__, weights)))
        first = heapq.nsmallest(count - len(larger), zip(self._paths_of(equal), equal, strict=True))
        return [self._change(position) for position in (*self._sort(larger), *(position for _, position in first))]

    def spans(self) -> Iterator[FileChangeSpan]:
        """Yield all changes by kind and layer."""
        for code, kind in enumerate(KINDS):
            start, end = bisect_left(self.kinds, code), bisect_right(self.kinds, code)
            in_after = start < end and self.after_rows[start] >= 0
            rows, layers = (self.after_rows, self.after.layers) if in_after else (self.before_rows, self.before.layers)
            while start < end:
                layer = layers[rows[start]]
                stop = bisect_left(rows, bisect_right(layers, layer), start, end)
                yield FileChangeSpan(kind, None if in_after else layer, layer if in_after else None, slice(start, stop))
                start = stop

    def _change(self, position: int) -> FileChange:
        old, new = self.before_rows[position], self.after_rows[position]
        before_path = decode_name(self.before.paths[old]) if old >= 0 else None
        return FileChange(
            kind=KINDS[self.kinds[position]],
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
        """By position: the absolute growth of the file."""
        before, after = (
            column_of([*self.before.sizes, 0], self.before_rows),
            column_of([*self.after.sizes, 0], self.after_rows),
        )
        return list(map(abs, map(sub, after, before)))  # row -1 is the 0 at the end

    @cached_property
    def _order(self) -> list[int]:
        return self._sort(range(len(self)))

    def _paths_of(self, positions: Sequence[int]) -> list[bytes]:
        old, new = self.before.paths, self.after.paths
        rows = zip(column_of(self.before_rows, positions), column_of(self.after_rows, positions), strict=True)
        return [new[second] if second >= 0 else old[first] for first, second in rows]

    def _sort(self, positions: Sequence[int]) -> list[int]:
        order = sorted(range(len(positions)), key=self._paths_of(positions).__getitem__)
        order.sort(key=column_of(self._weights, positions).__getitem__, reverse=True)  # stable in reverse, too
        return column_of(positions, order)


def column_of(values: Sequence[T], positions: Iterable[int]) -> list[T]:
    """Return the values at some positions.

    >>> column_of("abc", [2, 0])
    ['c', 'a']
    """
    return list(map(values.__getitem__, positions))
