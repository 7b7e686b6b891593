"""Columns: what a scan has found so far, until it is a FileTable."""

from __future__ import annotations

from array import array
from typing import Any

from ocisize.tar.filetable import FileTable
from ocisize.tar.paths import PathColumn


class TableBuilder:
    """The columns of a growing table, and its newest rows, which are raw and in lists.

    What a scan can postpone, ``settle`` does for all new rows at once, in C; ``kinds`` and ``hashes`` grow at once.
    """

    def __init__(self) -> None:
        self.paths, self.kinds, self.hashes = PathColumn(), bytearray(), bytearray()
        self.sizes, self.ends, self.owners = array("q"), array("q"), array("I")
        self.new_names: list[bytes] = []  # may have NUL and what stood behind it
        self.new_sizes: list[int] = []
        self.new_ends: list[int] = []
        self.new_owners: list[int] = []

    def flush(self, least: int = 1) -> bool:
        """Move the new rows into the columns, when there are at least so many; return whether there were."""
        if len(self.new_names) < least:
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

    def table(self, **rest: Any) -> FileTable:
        """The finished table; ``rest`` are its other fields."""
        self.flush()
        return FileTable(
            paths=self.paths,
            kinds=bytes(self.kinds),
            sizes=self.sizes,
            ends=self.ends,
            hashes=bytes(self.hashes),
            owners=self.owners,
            **rest,
        )
