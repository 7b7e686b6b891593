"""FileTable: what one pass over a layer's tar found, one column per field and one row per entry."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, overload

import attrs

from ocisize.tar.paths import PathColumn
from ocisize.text import decode_name

if TYPE_CHECKING:
    IntArray: TypeAlias = array[int]
else:
    IntArray = array  # cannot be subscripted before Python 3.12, and cattrs resolves annotations

REGULAR = ord("0")
HARD_LINK = ord("1")
SYMLINK = ord("2")
DIRECTORY = ord("5")

KIND_NAMES: Mapping[int, str] = {
    REGULAR: "file",
    HARD_LINK: "hardlink",
    SYMLINK: "symlink",
    ord("3"): "char",
    ord("4"): "block",
    DIRECTORY: "dir",
    ord("6"): "fifo",
}
HASH_SIZE = 16  #: bytes of one content hash (xxh3-128)
NO_HASH = bytes(HASH_SIZE)  #: stands where no hash was computed: other kinds, or content that was not read


@attrs.frozen
class Attributes:
    """Permission bits and owner of an entry."""

    mode: int
    uid: int
    gid: int


@attrs.frozen
class FileEntry:
    """One tar entry. ``path`` has no leading slash; bytes that are not UTF-8 are surrogate escapes."""

    path: str
    kind: str
    size: int  #: bytes of payload stored in the tar; 0 for everything but regular files
    apparent_size: int  #: bytes a reader of the file sees; differs from ``size`` for sparse files only
    compressed_size: int | None  #: bytes of the stored blob this entry takes, headers included
    mode: int
    uid: int
    gid: int
    link: str | None  #: target of a hard link or symlink
    content_hash: str | None  #: xxh3-128 of the payload in hex, None where it was not computed
    xattrs: Mapping[str, bytes] = attrs.field(factory=dict, hash=False)


@attrs.frozen(eq=False)
class FileTable(Sequence[FileEntry]):
    """Columns over the entries of one layer, in tar order.

    Iterating makes FileEntry objects on demand; code that handles all rows uses the columns.
    """

    paths: PathColumn
    kinds: bytes  #: one tar type flag per row, normalised to ``0`` to ``6``
    sizes: IntArray  #: "q": bytes of payload, 0 for directories and links
    ends: IntArray  #: "q": where the entry ends in the uncompressed tar, padding included
    hashes: bytes  #: HASH_SIZE bytes per row; empty when content was not read
    owners: IntArray  #: "I": index into ``attributes``
    attributes: tuple[Attributes, ...]
    tar_size: int  #: length of the uncompressed tar
    links: Mapping[int, bytes] = attrs.field(factory=dict)  #: by row: target as written in the tar
    apparent_sizes: Mapping[int, int] = attrs.field(factory=dict)  #: by row: full size of a sparse file
    claimed_sizes: Mapping[int, int] = attrs.field(factory=dict)  #: by row: size in the header of what has no payload
    type_flags: Mapping[int, int] = attrs.field(factory=dict)  #: by row: flag as written, of files of a rare type
    xattrs: Mapping[int, Mapping[str, bytes]] = attrs.field(factory=dict)  #: by row
    contents: Mapping[int, bytes] = attrs.field(factory=dict)  #: by row: payloads that were asked for
    compressed_sizes: IntArray | None = None  #: "q": share of the stored blob; None when that is unknown
    overhead: int | None = None  #: bytes of the stored blob that belong to no entry
    anomalies: tuple[str, ...] = ()  #: what was odd but readable

    @classmethod
    def empty(cls) -> FileTable:
        """A table without rows."""
        return cls(
            paths=PathColumn(()), kinds=b"", sizes=array("q"), ends=array("q"), hashes=b"", owners=array("I"), attributes=(),
            tar_size=0, compressed_sizes=array("q"), overhead=0,
        )  # fmt: skip

    def with_compressed_sizes(self, compressed_sizes: IntArray | None, overhead: int | None) -> FileTable:
        """The same entries with other shares of the stored blob; None, None where they are unknown."""
        return attrs.evolve(self, compressed_sizes=compressed_sizes, overhead=overhead)

    def with_hashes(self, hashes: Iterable[tuple[Sequence[int], bytes]]) -> FileTable:
        """The same entries with more content hashes: pairs of rows and their hashes, HASH_SIZE bytes for each row."""
        column = bytearray(self.hashes or NO_HASH * len(self))
        for rows, values in hashes:
            for start, row in zip(range(0, len(values), HASH_SIZE), rows, strict=True):
                column[row * HASH_SIZE : (row + 1) * HASH_SIZE] = values[start : start + HASH_SIZE]
        return attrs.evolve(self, hashes=bytes(column))

    def without_contents(self) -> FileTable:
        """The same entries without the payloads that the scan kept."""
        return attrs.evolve(self, contents={}) if self.contents else self

    def __len__(self) -> int:
        return len(self.kinds)

    def payload_start(self, row: int) -> int:
        """Offset of a row's payload in the uncompressed tar."""
        size = self.sizes[row]
        return self.ends[row] - size - (-size & 511)

    def hash_of(self, row: int) -> bytes:
        """The content hash of a row; NO_HASH when it was not computed."""
        return self.hashes[row * HASH_SIZE : (row + 1) * HASH_SIZE] or NO_HASH

    @overload
    def __getitem__(self, row: int) -> FileEntry: ...

    @overload
    def __getitem__(self, row: slice) -> list[FileEntry]: ...

    def __getitem__(self, row: int | slice) -> FileEntry | list[FileEntry]:
        if isinstance(row, slice):
            return [self._entry(number) for number in range(len(self))[row]]
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        return self._entry(row % len(self))

    def _entry(self, row: int) -> FileEntry:
        attributes = self.attributes[self.owners[row]]
        link, content_hash = self.links.get(row), self.hash_of(row)
        return FileEntry(
            path=decode_name(self.paths[row]),
            kind=KIND_NAMES[self.kinds[row]],
            size=self.sizes[row],
            apparent_size=self.apparent_sizes.get(row, self.sizes[row]),
            compressed_size=self.compressed_sizes[row] if self.compressed_sizes is not None else None,
            mode=attributes.mode,
            uid=attributes.uid,
            gid=attributes.gid,
            link=decode_name(link) if link is not None else None,
            content_hash=content_hash.hex() if content_hash != NO_HASH else None,
            xattrs=self.xattrs.get(row, {}),
        )

    def __iter__(self) -> Iterator[FileEntry]:
        return map(self._entry, range(len(self)))

    def largest(self, count: int) -> list[FileEntry]:
        """The ``count`` largest regular files, largest first, ties by path."""
        sizes = self.sizes
        smallest = min(heapq.nlargest(count, sizes), default=0)
        rows = [row for row, size in enumerate(sizes) if size >= smallest and self.kinds[row] == REGULAR]
        paths = dict(zip(rows, self.paths.select(rows), strict=True))
        rows.sort(key=lambda row: (-sizes[row], paths[row]))
        entries = {row: self[row] for row in sorted(rows[:count])}  # in order, which splits each piece of paths once
        return [entries[row] for row in rows[:count]]
