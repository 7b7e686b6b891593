"""scan_ztoc: the table of files of a layer from its zTOC, a blob of a SOCI index.

Schema: https://github.com/awslabs/soci-snapshotter/blob/main/ztoc/fbs/ztoc.fbs. A zTOC has the fields of the tar headers and
checkpoints of the gzip stream. It has no digests of files, and their stored bytes are interpolated between checkpoints.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Mapping

from ocisize.layer.toc.checkpoints import Checkpoints
from ocisize.layer.toc.flatbuffer import FlatTable
from ocisize.layer.toc.rows import KINDS, MAX_NUMBER, TocRows
from ocisize.layer.toc.unusable import Unusable
from ocisize.limits import Meter
from ocisize.tar.filetable import REGULAR, FileTable, IntArray
from ocisize.tuples import NamedTuple

_VERSION, _TOOL, _STORED_SIZE, _TAR_SIZE, _TOC, _COMPRESSION = range(6)
_NAME, _TYPE, _OFFSET, _SIZE, _LINK, _MODE, _UID, _GID = range(8)
_XATTRS = 13
_ALGORITHM, _MAX_SPAN, _DIGESTS, _CHECKPOINTS = range(4)
_KNOWN_VERSIONS = (b"0.9",)
_GZIP = (0, 1)  # of the algorithm; 0 is absent, the default
_XATTR_PREFIX = b"SCHILY.xattr."


class Ztoc(NamedTuple):
    """What a zTOC says of a layer."""

    table: FileTable  #: without content hashes
    rows: TocRows
    starts: IntArray  #: by row: where the payload begins in the tar
    checkpoints: Checkpoints


def read_ztoc(data: bytes, size: int, hash_function: str, meter: Meter | None = None) -> Ztoc:
    """Read the zTOC of a layer of ``size`` stored bytes. Raises Unusable and LimitExceeded."""
    root = FlatTable.root(data)
    if root.text(_VERSION) not in _KNOWN_VERSIONS:
        raise Unusable(f"its zTOC has the unknown version {root.text(_VERSION)[:80]!r}")
    if root.number(_STORED_SIZE) != size:
        raise Unusable(f"its zTOC is of a layer of {root.number(_STORED_SIZE)} bytes, not of {size}")
    compression = root.table(_COMPRESSION)
    if compression.number(_ALGORITHM, struct.Struct("<b")) not in _GZIP:
        raise Unusable("its zTOC is of a layer that is no gzip")
    checkpoints = Checkpoints(compression.text(_CHECKPOINTS), list(compression.texts(_DIGESTS)), size)
    rows, starts, ends = TocRows(meter, has_hashes=False), array("q"), array("q")
    position = 0
    for entry in root.table(_TOC).tables(0):
        kind = KINDS.get(entry.text(_TYPE).decode("latin-1"))
        start, content_size, mode = entry.number(_OFFSET), entry.number(_SIZE), entry.number(_MODE)
        numbers = start, content_size, mode
        if kind is None or start < position or min(numbers) < 0 or max(numbers) >= MAX_NUMBER:
            raise Unusable("its zTOC has an entry of an unknown type, or entries that are not in order")
        owner = mode, entry.unsigned(_UID), entry.unsigned(_GID)
        rows.add(entry.text(_NAME), kind, content_size, owner, link=entry.text(_LINK), xattrs=_xattrs(entry))
        position = start + (content_size + (-content_size & 511) if kind == REGULAR else 0)
        starts.append(start)
        ends.append(position)
    tar_size = max(root.number(_TAR_SIZE), position)
    table = rows.build(hash_function)
    shares = checkpoints.offset_map(tar_size).compressed_sizes(ends)
    return Ztoc(table.with_compressed_sizes(shares, size - sum(shares)), rows, starts, checkpoints)


def _xattrs(entry: FlatTable) -> Mapping[str, bytes]:
    """Extended attributes by name: those of the PAX records that a zTOC lists."""
    records = {record.text(0): record.text(1) for record in entry.tables(_XATTRS)}
    return {
        key[len(_XATTR_PREFIX) :].decode("utf-8", "surrogateescape"): value
        for key, value in records.items()
        if key.startswith(_XATTR_PREFIX)
    }
