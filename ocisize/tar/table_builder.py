"""TableBuilder: the columns of a file table while a scan adds rows."""

from __future__ import annotations

from array import array
from typing import Any

from ocisize.tar.filetable import FileTable
from ocisize.tar.paths import PathColumn


class TableBuilder:
    """Growing columns, with the newest rows in lists.

    The scanner appends to the ``new_`` lists directly, which is the cheapest way to add a row; ``flush`` moves the rows into
    the columns, about a thousand at a time, in C. ``kinds`` and ``hashes`` need no lists and grow row by row.

    >>> builder = TableBuilder()
    >>> builder.new_names.append(b"./etc/hostname" + bytes(86))
    >>> builder.new_sizes.append(5), builder.new_ends.append(1024), builder.new_owners.append(0)
    (None, None, None)
    >>> builder.kinds.append(ord("0"))
    >>> builder.flush(min_rows=1000), builder.flush()
    (False, True)
    >>> list(builder.paths), list(builder.sizes)
    ([b'etc/hostname'], [5])
    """

    def __init__(self) -> None:
        self.paths, self.kinds, self.hashes = PathColumn(), bytearray(), bytearray()
        self.sizes, self.ends, self.owners = array("q"), array("q"), array("I")
        self.new_names: list[bytes] = []  # as in the header: padded with NUL, and not clean
        self.new_sizes: list[int] = []
        self.new_ends: list[int] = []
        self.new_owners: list[int] = []

    def flush(self, min_rows: int = 1) -> bool:
        """Move the new rows into the columns if there are at least ``min_rows``; return whether there were."""
        if len(self.new_names) < min_rows:
            return False
        self.paths.add([name.partition(b"\0")[0] for name in self.new_names])
        self.sizes.fromlist(self.new_sizes)
        self.ends.fromlist(self.new_ends)
        self.owners.fromlist(self.new_owners)
        self.new_names.clear()
        self.new_sizes.clear()
        self.new_ends.clear()
        self.new_owners.clear()
        return True

    def build(self, **other_fields: Any) -> FileTable:
        """The finished table; ``other_fields`` are the fields of FileTable that are not columns here."""
        self.flush()
        return FileTable(
            paths=self.paths,
            kinds=bytes(self.kinds),
            sizes=self.sizes,
            ends=self.ends,
            hashes=bytes(self.hashes),
            owners=self.owners,
            **other_fields,
        )
