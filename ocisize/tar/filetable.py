"""FileTable: the entries of a layer's tar, one column per field and one row per entry."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast, overload

from ocisize.tar.content_hash import HASH_SIZE, XXH3
from ocisize.tar.entry_ends import EntryEnds
from ocisize.tar.paths import PathColumn
from ocisize.text import decode_name
from ocisize.values import evolve, field, frozen

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
NO_HASH = bytes(HASH_SIZE)  #: of rows without a content hash: other kinds, or content that was not read

_ValueT = TypeVar("_ValueT")


class DerivedValues(dict[object, object]):
    """Values that depend on one table alone, by the function that computes them; they are not pickled or copied."""

    def __reduce__(self) -> tuple[type[DerivedValues], tuple[()]]:
        return DerivedValues, ()


@frozen
class Attributes:
    """Permission bits and owner of an entry."""

    mode: int  #: permission bits
    uid: int  #: of the owner
    gid: int  #: of the group


@frozen
class FileEntry:
    """One tar entry. ``path`` has no leading slash; bytes that are not UTF-8 are surrogate escapes. Sizes are in bytes.

    ``stored_size`` is smaller than ``size`` for sparse files only, of which a tar does not store the holes.

    >>> import ocisize
    >>> (entry,) = ocisize.analyze("testdata/example.tar").layers[1].files.largest(1)
    >>> entry.path, entry.kind, entry.size, entry.compressed_size, oct(entry.mode)
    ('var/cache/apt/archives/ca-certificates_20250419~deb12u2_all.deb', 'file', 160948, 159744, '0o644')
    """

    path: str  #: without a leading slash
    kind: str  #: ``file``, ``hardlink``, ``symlink``, ``dir``, ``char``, ``block`` or ``fifo``
    size: int  #: of the file, as a container sees it and a host writes it; 0 for everything but regular files
    stored_size: int  #: content of the file that the tar stores: without holes, and without the map of a sparse file
    compressed_size: int | None  #: share of the stored blob, headers included; None when unknown
    mode: int  #: permission bits
    uid: int  #: of the owner
    gid: int  #: of the group
    link: str | None  #: target of a hard link or symlink
    content_hash: str | None  #: of the content, in hex, by the ``hash_function`` of the table; None where unknown
    xattrs: Mapping[str, bytes] = field(factory=dict, hash=False)  #: extended attributes by name


@frozen(eq=False)
class FileTable(Sequence[FileEntry]):
    """The entries of one layer, in the order of the tar; as a sequence, of FileEntry objects that are made on demand.

    Code that handles all rows uses the columns, which are much faster and take a few dozen bytes a row.
    A table is frozen: nothing writes to a column after the scan, so tables and analyses can share columns. The ``with_``
    and ``without_`` methods return a new table.

    >>> import io, tarfile, ocisize
    >>> file = io.BytesIO()
    >>> with tarfile.open(fileobj=file, mode="w") as tar:
    ...     info = tarfile.TarInfo("bin/app")
    ...     info.size, info.mode = 600, 0o755
    ...     tar.addfile(info, io.BytesIO(bytes(600)))
    >>> table = ocisize.scan_tar(io.BytesIO(file.getvalue()))
    >>> len(table), list(table.paths), list(table.sizes), list(table.ends)
    (1, [b'bin/app'], [600], [1536])
    >>> entry = table[0]
    >>> entry.path, entry.kind, oct(entry.mode), entry.compressed_size
    ('bin/app', 'file', '0o755', None)
    """

    paths: PathColumn  #: without leading slashes, as bytes
    kinds: bytes  #: one tar type flag per row, normalized: 0 file, 1 hardlink, 2 symlink, 3 char, 4 block, 5 dir, 6 fifo
    sizes: IntArray  #: "q": bytes of the file, holes included; 0 for directories and links
    _ends: IntArray | EntryEnds  #: see ``ends``
    hashes: bytes  #: 16 bytes per row, all zero where unknown; empty when no content was read
    owners: IntArray  #: "I": index into ``attributes``
    attributes: tuple[Attributes, ...]  #: owners and modes that occur in the layer
    tar_size: int | None  #: length of the uncompressed tar; None if a table of contents does not tell
    links: Mapping[int, bytes] = field(factory=dict)  #: by row: target of a link, as written in the tar
    stored_sizes: Mapping[int, int] = field(factory=dict)  #: by row: bytes of a sparse file that the tar stores
    claimed_sizes: Mapping[int, int] = field(factory=dict)  #: by row: size in the header of an entry without payload
    type_flags: Mapping[int, int] = field(factory=dict)  #: by row: type flag as written, of files of a rare type
    xattrs: Mapping[int, Mapping[str, bytes]] = field(factory=dict)  #: by row: extended attributes by name
    contents: Mapping[int, bytes] = field(factory=dict)  #: by row: payloads that the scan was asked to keep
    excerpts: Mapping[int, bytes] = field(factory=dict)  #: by row: what executables and jars say of packages in them
    compressed_sizes: IntArray | None = None  #: "q": bytes of the stored blob per row; None when unknown
    overhead: int | None = None  #: bytes of the stored blob that belong to no entry
    hash_function: str = XXH3.name  #: name of the ContentHash of ``hashes``: only hashes of one function can be compared
    anomalies: tuple[str, ...] = ()  #: odd but readable parts of the tar, in words
    derived: DerivedValues = field(factory=DerivedValues, init=False, repr=False)  #: see ``layer_value``

    @property
    def ends(self) -> IntArray:
        """Type "q": where the entry ends in the uncompressed tar, padding included; empty if that is not known."""
        if isinstance(self._ends, EntryEnds):
            object.__setattr__(self, "_ends", self._ends.compute())
        return cast("IntArray", self._ends)

    @classmethod
    def empty(cls) -> FileTable:
        """A table without rows: that of a layer that could not be read."""
        return cls(
            paths=PathColumn(()), kinds=b"", sizes=array("q"), ends=array("q"), hashes=b"", owners=array("I"), attributes=(),
            tar_size=0, compressed_sizes=array("q"), overhead=0,
        )  # fmt: skip

    def with_compressed_sizes(self, compressed_sizes: IntArray | None, overhead: int | None) -> FileTable:
        """The same entries with other compressed sizes, and the rest of the blob; None, None where they are unknown."""
        table = evolve(self, compressed_sizes=compressed_sizes, overhead=overhead)
        return self._share_values(table) if compressed_sizes is None else table

    def with_hashes(self, hashes: Iterable[tuple[Sequence[int], bytes]]) -> FileTable:
        """The same entries with more content hashes.

        ``hashes`` are pairs of rows and their hashes, HASH_SIZE bytes for each of the rows.
        """
        column = bytearray(self.hashes or NO_HASH * len(self))
        for rows, values in hashes:
            for start, row in zip(range(0, len(values), HASH_SIZE), rows, strict=True):
                column[row * HASH_SIZE : (row + 1) * HASH_SIZE] = values[start : start + HASH_SIZE]
        return self._share_values(evolve(self, hashes=bytes(column)))

    def without_contents(self) -> FileTable:
        """The same entries without the payloads and excerpts that the scan kept."""
        return self._share_values(evolve(self, contents={}, excerpts={})) if self.contents or self.excerpts else self

    def _share_values(self, table: FileTable) -> FileTable:
        """Let another table of the same entries use the values of this one."""
        object.__setattr__(table, "derived", self.derived)
        return table

    def __len__(self) -> int:
        return len(self.kinds)

    def stored_size(self, row: int) -> int:
        """Bytes of content that the tar stores for a row: the size of the file, without the holes of a sparse file."""
        return self.stored_sizes.get(row, self.sizes[row])

    def payload_start(self, row: int) -> int:
        """Where the stored content of a row starts in the uncompressed tar, in bytes: behind the map of a sparse file."""
        size = self.stored_size(row)
        return self.ends[row] - size - (-size & 511)

    def hash_of(self, row: int) -> bytes:
        """The content hash of a row, HASH_SIZE bytes; NO_HASH where it is unknown."""
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
            stored_size=self.stored_size(row),
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
        """The ``count`` largest regular files, largest first, those of equal size by path."""
        sizes = self.sizes
        smallest = min(heapq.nlargest(count, sizes), default=0)
        rows = [row for row, size in enumerate(sizes) if size >= smallest and self.kinds[row] == REGULAR]
        paths = dict(zip(rows, self.paths.select(rows), strict=True))
        rows.sort(key=lambda row: (-sizes[row], paths[row]))
        entries = {row: self[row] for row in sorted(rows[:count])}  # by row, so that each piece of paths is split once
        return [entries[row] for row in rows[:count]]


def layer_value(table: FileTable, function: Callable[[FileTable], _ValueT]) -> _ValueT:
    """Return ``function(table)``, computed once for the table and the tables that its ``with_`` methods return.

    Analyses that share the scan of a layer share its values. ``function`` is a function of a module. It must not depend on
    columns that these methods change: content hashes, contents, and whether compressed sizes are known.

    >>> def count_links(table):
    ...     print("computed")
    ...     return len(table.links)
    >>> table = FileTable.empty()
    >>> layer_value(table, count_links), layer_value(table.without_contents(), count_links)
    computed
    (0, 0)
    """
    try:
        return cast("_ValueT", table.derived[function])
    except KeyError:
        value = table.derived[function] = function(table)
        return value
