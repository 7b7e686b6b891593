"""TocRows: the rows of a file table, added one by one from a table of contents."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from ocisize.layer.toc.unusable import Unusable
from ocisize.limits import ROW_VALUE_OVERHEAD, Meter
from ocisize.tar.filetable import DIRECTORY, HARD_LINK, NO_HASH, REGULAR, SYMLINK, Attributes, FileTable
from ocisize.tar.header import MAX_NAME
from ocisize.tar.table_builder import TableBuilder
from ocisize.values import evolve

KINDS: Mapping[object, int] = {
    "reg": REGULAR,
    "dir": DIRECTORY,
    "symlink": SYMLINK,
    "hardlink": HARD_LINK,
    "char": ord("3"),
    "block": ord("4"),
    "fifo": ord("6"),
}  #: types of entries → kinds of rows
MAX_NUMBER = 1 << 62  #: sums of a few numbers fit in 64 bits
FLUSH_ROWS = 1024
_LINKS = (HARD_LINK, SYMLINK)
_LONG_NAME = 100  # bytes; longer names count as those of extended headers


class TocRows:
    """The columns of a file table while rows are added; ``meter`` counts rows and the bytes of their names.

    >>> rows = TocRows(has_hashes=False)
    >>> rows.add(b"etc/", DIRECTORY, 0, (0o755, 0, 0))
    >>> [(entry.path, entry.kind, oct(entry.mode)) for entry in rows.build("xxh3-128")]
    [('etc', 'dir', '0o755')]
    """

    def __init__(self, meter: Meter | None = None, *, has_hashes: bool) -> None:
        self.piece_count = 0  #: pieces of contents beyond the first of a row; they take as long as a row
        self._builder = TableBuilder(has_hashes=has_hashes)
        self._meter = meter
        self._owners: dict[tuple[int, int, int], int] = {}
        self._links: dict[int, bytes] = {}
        self._claimed_sizes: dict[int, int] = {}
        self._xattrs: dict[int, Mapping[str, bytes]] = {}
        self._metadata_size = self._parents_size = 0

    def __len__(self) -> int:
        return len(self._builder)

    def add(
        self,
        name: bytes,
        kind: int,
        size: int,
        owner: tuple[int, int, int],
        *,
        content_hash: bytes = NO_HASH,
        link: bytes = b"",
        xattrs: Mapping[str, bytes] | None = None,
    ) -> None:
        """Add a row; ``owner`` is mode, uid and gid. Raises Unusable for an impossible name or link, and LimitExceeded."""
        row = len(self._builder)
        if max(len(name), len(link)) > MAX_NAME or b"\0" in name or b"\0" in link:
            raise Unusable(f"its table of contents has a name of {max(len(name), len(link))} bytes, or with NUL")
        if kind == DIRECTORY:
            name = name.rstrip(b"/") or name[:1]
        if len(name) > _LONG_NAME:
            self._parents_size += len(name) * name.count(b"/")
        if size and kind != REGULAR:
            self._claimed_sizes[row], size = size, 0
            self._metadata_size += ROW_VALUE_OVERHEAD
        if kind in _LINKS:
            self._links[row] = link
            self._metadata_size += len(link) + ROW_VALUE_OVERHEAD
        if xattrs:
            self._xattrs[row] = xattrs
            self._metadata_size += ROW_VALUE_OVERHEAD + sum(len(key) + len(value) for key, value in xattrs.items())
        index = self._owners.setdefault(owner, len(self._owners))
        self._builder.new_fields += name, kind, size, 0, index, content_hash
        if self._builder.flush(FLUSH_ROWS):
            self.record()

    def record(self) -> None:
        """Count all rows and pieces so far. Raises LimitExceeded."""
        if self._meter is not None:
            count = len(self._builder) + self.piece_count
            self._meter.record_entries(count, self._builder.paths.size + self._metadata_size)

    def build(self, hash_function: str, *, tar_size: int | None = None) -> FileTable:
        """The table of all rows, without compressed sizes. Raises LimitExceeded."""
        table = self._builder.build(
            attributes=tuple(Attributes(*owner) for owner in self._owners),
            tar_size=tar_size,
            links=self._links,
            claimed_sizes=self._claimed_sizes,
            xattrs=self._xattrs,
            hash_function=hash_function,
        )
        self.record()
        return evolve(table, ends=array("q"))

    def check_directories(self, table: FileTable) -> None:
        """Count the directories that the paths of the table imply. Raises LimitExceeded."""
        if self._meter is not None:
            self._meter.check_directories(table.paths, table.paths.components, self._parents_size)
