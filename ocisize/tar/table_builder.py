"""TableBuilder: the columns of a file table while a scan adds rows."""

from __future__ import annotations

from array import array
from typing import Any

from ocisize.tar.filetable import FileTable
from ocisize.tar.paths import PathColumn

FIELDS_PER_ROW = 6
_NAME, _KIND, _SIZE, _END, _OWNER, _HASH = range(FIELDS_PER_ROW)


class TableBuilder:
    """Growing columns, with the fields of the newest rows one after the other in a list.

    The scanner extends the list directly, which is the cheapest way to add a row; ``flush`` moves the rows into the columns,
    about a thousand at a time, in C. A row has a name as in the header, padded with NUL and not clean, a kind, a size, the
    position behind the entry, an index of an owner, and a content hash.

    >>> builder = TableBuilder(has_hashes=False)
    >>> builder.new_fields += b"./etc/hostname" + bytes(86), ord("0"), 5, 1024, 0, b""
    >>> builder.flush(min_rows=1000), len(builder)
    (False, 1)
    >>> builder.flush(), list(builder.paths), list(builder.sizes)
    (True, [b'etc/hostname'], [5])
    """

    def __init__(self, *, has_hashes: bool) -> None:
        self.paths, self._kinds, self._hashes = PathColumn(), bytearray(), bytearray()
        self.sizes, self._ends, self._owners = array("q"), array("q"), array("I")
        self.new_fields: list[Any] = []
        self._stripped = 0  # the newest rows whose names have no padding any more
        self._has_hashes = has_hashes  # without, the hashes in the rows mean nothing

    def __len__(self) -> int:
        """The number of rows, the newest included."""
        return len(self.sizes) + len(self.new_fields) // FIELDS_PER_ROW

    def strip_names(self) -> None:
        """Cut the names of the newest rows at their first NUL."""
        first = self._stripped * FIELDS_PER_ROW
        names = [name.partition(b"\0")[0] for name in self.new_fields[first::FIELDS_PER_ROW]]
        self.new_fields[first::FIELDS_PER_ROW] = names
        self._stripped += len(names)

    def flush(self, min_rows: int = 1) -> bool:
        """Move the new rows into the columns if there are at least ``min_rows``; return whether there were."""
        fields = self.new_fields
        if len(fields) < min_rows * FIELDS_PER_ROW:
            return False
        self.strip_names()
        self.paths.add(fields[_NAME::FIELDS_PER_ROW])
        self._kinds += bytes(fields[_KIND::FIELDS_PER_ROW])
        self.sizes.fromlist(fields[_SIZE::FIELDS_PER_ROW])
        self._ends.fromlist(fields[_END::FIELDS_PER_ROW])
        self._owners.fromlist(fields[_OWNER::FIELDS_PER_ROW])
        if self._has_hashes:
            self._hashes += b"".join(fields[_HASH::FIELDS_PER_ROW])
        fields.clear()
        self._stripped = 0
        return True

    def build(self, **other_fields: Any) -> FileTable:
        """The finished table; ``other_fields`` are the fields of FileTable that are not columns here."""
        self.flush()
        return FileTable(
            paths=self.paths,
            kinds=bytes(self._kinds),
            sizes=self.sizes,
            ends=self._ends,
            hashes=bytes(self._hashes),
            owners=self._owners,
            **other_fields,
        )
