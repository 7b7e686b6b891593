"""Wasted entries: the stored files that no container can see, and the cause of each."""

from __future__ import annotations

import enum
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from ocisize.tar.filetable import IntArray
from ocisize.values import field, frozen


class Cause(str, enum.Enum):
    """Why no container can see a stored file. Decided by ``ocisize.filesystem.overlay``, entry by entry.

    METADATA_ONLY needs the content hashes of both files. Without one, because the content was not read, the cause is
    OVERWRITTEN.

    >>> str(Cause.METADATA_ONLY), Cause("deleted") is Cause.DELETED
    ('metadata-only', True)
    """

    OVERWRITTEN = "overwritten"  #: an upper layer has another entry at the path, or at a directory above it
    #: an upper layer stores the same content again only to change owner, permissions or timestamps
    METADATA_ONLY = "metadata-only"
    DELETED = "deleted"  #: an upper layer has a whiteout for it
    OPAQUE = "opaque"  #: an upper layer replaces the whole directory
    DUPLICATE_ENTRY = "duplicate-entry"  #: a later entry of the same layer has the same path
    UNREACHABLE = "unreachable"  #: never in a filesystem: content of whiteout markers, paths that lead out of the root

    def __str__(self) -> str:
        return self.value


CAUSES = tuple(Cause)


@frozen
class WastedEntry:
    """A stored file that no container can see.

    >>> import ocisize
    >>> largest = ocisize.analyze("testdata/example.tar").waste[0]
    >>> largest.path, largest.size, str(largest.cause), largest.held_by, largest.hidden_by
    ('var/cache/apt/archives/ca-certificates_20250419~deb12u2_all.deb', 160948, 'deleted', 1, 3)
    """

    path: str  #: without a leading slash
    size: int  #: bytes of content
    compressed_size: int | None  #: bytes of download in its layer, None if unknown
    cause: Cause  #: why no container sees it
    held_by: int  #: index of the layer that stores it
    hidden_by: int  #: index of the layer that hides it


@frozen
class WasteTable(Sequence[WastedEntry]):
    """All wasted entries in columns, largest first, ties by path and layer. Indexing makes a ``WastedEntry``.

    >>> table = WasteTable.from_entries([WastedEntry("tmp/x", 10, None, Cause.DELETED, held_by=0, hidden_by=1)])
    >>> len(table), table[0].cause.value
    (1, 'deleted')
    """

    paths: list[str] = field(factory=list)  #: without leading slashes
    sizes: IntArray = field(factory=lambda: array("q"))  #: bytes of content
    compressed_sizes: IntArray = field(factory=lambda: array("q"))  #: -1 where unknown
    causes: bytearray = field(factory=bytearray)  #: index into ``tuple(Cause)``
    held_by: IntArray = field(factory=lambda: array("i"))  #: index of the layer that stores the file
    hidden_by: IntArray = field(factory=lambda: array("i"))  #: index of the layer that hides it

    @classmethod
    def from_entries(cls, entries: Iterable[WastedEntry]) -> WasteTable:
        """Return the table of some entries, which must be in the order of the table."""
        table = cls()
        for entry in entries:
            table.paths.append(entry.path)
            table.sizes.append(entry.size)
            table.compressed_sizes.append(-1 if entry.compressed_size is None else entry.compressed_size)
            table.causes.append(CAUSES.index(entry.cause))
            table.held_by.append(entry.held_by)
            table.hidden_by.append(entry.hidden_by)
        return table

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> WastedEntry: ...
    @overload
    def __getitem__(self, index: slice) -> list[WastedEntry]: ...
    def __getitem__(self, index: int | slice) -> WastedEntry | list[WastedEntry]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        compressed = self.compressed_sizes[index]
        return WastedEntry(
            self.paths[index],
            self.sizes[index],
            compressed if compressed >= 0 else None,
            CAUSES[self.causes[index]],
            self.held_by[index],
            self.hidden_by[index],
        )

    def __iter__(self) -> Iterator[WastedEntry]:
        return (self[row] for row in range(len(self)))
