"""Checks of a file table that was read back from a document or an entry of the cache, which nobody has to trust."""

from __future__ import annotations

from operator import gt

from ocisize.limits import MAX_HOLES
from ocisize.tar.content_hash import CONTENT_HASHES, HASH_SIZE
from ocisize.tar.filetable import KIND_NAMES, FileTable

_MAX = 1 << 63  # of sizes, counts and positions
_KINDS = bytes(KIND_NAMES)
_BY_ROW = ("links", "stored_sizes", "claimed_sizes", "type_flags", "xattrs", "contents", "excerpts")


def check_columns(table: FileTable) -> None:
    """Raises ValueError if the columns of a file table differ in length or have invalid values."""
    count = len(table.paths)
    columns = (table.kinds, table.sizes, table.ends or None, table.owners, table.compressed_sizes)
    if any(column is not None and len(column) != count for column in columns):
        raise ValueError("columns of different lengths")
    if len(table.hashes) not in (0, HASH_SIZE * count):
        raise ValueError("columns of different lengths")
    if table.hash_function not in CONTENT_HASHES:
        raise ValueError("a hash function that does not exist")
    if table.kinds.translate(None, _KINDS):
        raise ValueError("kinds that do not exist")
    if max(table.owners, default=-1) >= len(table.attributes):
        raise ValueError("owners that do not exist")
    numbers = [value for owner in table.attributes for value in (owner.mode, owner.uid, owner.gid)]
    numbers += [*table.stored_sizes.values(), *table.claimed_sizes.values(), *table.type_flags.values()]
    numbers += [table.tar_size or 0, table.overhead or 0]
    if not all(type(number) is int and -_MAX <= number < _MAX for number in numbers):
        raise ValueError("values that are not numbers")
    if any(not 0 <= row < count for name in _BY_ROW for row in getattr(table, name)):
        raise ValueError("rows that do not exist")
    _check_sizes(table)


def _check_sizes(table: FileTable) -> None:
    """Raises ValueError for sizes that no tar can have."""
    ends = table.ends.tolist()  # a list compares and sorts faster than an array
    if ends != sorted(ends) or any(map(gt, _stored_sizes(table), ends)):
        raise ValueError("ends that are not in order")
    shares = table.compressed_sizes.tolist() if table.compressed_sizes is not None else []
    if any(min(column, default=0) < 0 for column in (table.sizes.tolist(), table.stored_sizes.values(), shares)):
        raise ValueError("negative sizes")
    holes = [table.sizes[row] - stored for row, stored in table.stored_sizes.items()]
    if min(holes, default=0) < 0 or sum(holes) > MAX_HOLES:
        raise ValueError("sparse files with impossible sizes")


def _stored_sizes(table: FileTable) -> list[int]:
    sizes = table.sizes.tolist()
    for row, stored in table.stored_sizes.items():
        sizes[row] = stored
    return sizes
