"""The headers in ``Packages.db``, which rpm writes on SUSE.

Format: ``lib/backend/ndb/rpmpkg.c`` of https://github.com/rpm-software-management/rpm. Pages of slots come first; the first
two slots are the header of the database. A slot has the place of a blob, in units of 16 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

from ocisize.packages.rpm.blobs import Blob, BrokenDatabase, slice_of

MAGIC = b"RpmP"
_PAGE_SIZE = 4096
_UNIT = 16  # bytes of a slot, and of what the offsets in slots count
_HEADER = struct.Struct("<4sIII")  # magic, version, generation, pages of slots
_SLOT = struct.Struct("<4sIII")  # magic, package, offset of the blob, size of the blob in units
_BLOB = struct.Struct("<4sIII")  # magic, package, generation, bytes of the header that follows


def read_blobs(content: bytes) -> Iterator[Blob]:
    """The blobs of a database; raises BrokenDatabase."""
    if len(content) < _PAGE_SIZE:
        raise BrokenDatabase("it ends too early")
    magic, version, _, pages = _HEADER.unpack_from(content)
    if magic != MAGIC or version != 0:
        raise BrokenDatabase("it is not a database of packages, or its version is unknown")
    for slot, package, offset, _ in _SLOT.iter_unpack(memoryview(content)[2 * _UNIT : _slots_end(content, pages)]):
        if slot != b"Slot":
            raise BrokenDatabase("a slot is damaged")
        if package:  # 0 in free slots
            yield _blob(content, package, offset * _UNIT)


def _slots_end(content: bytes, pages: int) -> int:
    end = pages * _PAGE_SIZE
    if not 0 < end <= len(content):
        raise BrokenDatabase("it ends too early")
    return end


def _blob(content: bytes, package: int, start: int) -> Blob:
    end = start + _BLOB.size
    if end > len(content):
        raise BrokenDatabase("it ends too early")
    magic, owner, _, size = _BLOB.unpack_from(content, start)
    if magic != b"BlbS" or owner != package or end + size > len(content):
        raise BrokenDatabase("a slot does not lead to its package")
    return Blob(size, partial(slice_of, content, end, end + size))
