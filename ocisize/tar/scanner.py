"""scan_tar: one pass over a layer's uncompressed tar, bytes in and a FileTable out.

This is the hot path: about 1.3 µs per entry. What makes it fast, guarded by ``benchmarks/``: headers are read in
place from one preallocated window, one ``unpack_from`` takes just the fields needed, the checksum is one adler32
call, numbers are parsed once per distinct value, no object is made per entry, and what can be done for a thousand
entries at once is done then.
Layout: https://www.gnu.org/software/tar/manual/html_node/Standard.html; rare forms are in ``headers.py`` and ``rare.py``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Container

import xxhash

try:
    from isal.isal_zlib import adler32  # half the time of zlib's
except ImportError:
    from zlib import adler32

from ocisize.errors import TarError
from ocisize.limits import Meter
from ocisize.tar import header as headers
from ocisize.tar.field_cache import ChecksumCache, OwnerTable, SizeCache
from ocisize.tar.filetable import NO_HASH, REGULAR, FileTable
from ocisize.tar.header import BLOCK, ExtendedHeader
from ocisize.tar.paths import clean_name
from ocisize.tar.special_entries import SPECIAL, SpecialEntries, name_for_error
from ocisize.tar.table_builder import TableBuilder
from ocisize.tar.window import ByteStream, Window

_FAR = 1 << 60  # beyond any tar: left to the path that reads and finds out
_BATCH = 1024  # rows that are moved into their columns at once
_MUCH = 1 << 20  # or when there are so many bytes of extended headers: names in lists take more memory
BEGINNING = 18  #: bytes of a name as written, NUL-padded, that ``beginnings`` are compared with
WINDOW = 256 << 10  # fits a core's second-level cache; larger windows were no faster
_EMPTY_HASH = xxhash.xxh3_128_digest(b"")
# name, mode+uid+gid, size, checksum, type, first byte of the prefix
_FIELDS = struct.Struct("100s24s12s12x8sB188xB")


def scan_tar(  # noqa: C901, PLR0912, PLR0915 - the hot path: a call per entry costs more than a long function
    stream: ByteStream,
    *,
    hash_content: bool = True,
    hash_up_to: float = math.inf,
    wanted: Callable[[bytes, int], bool] | None = None,
    beginnings: Container[bytes] | None = None,
    meter: Meter | None = None,
    window_size: int = WINDOW,
) -> FileTable:
    """Read a tar to the end of its stream and return its entries.

    ``hash_content=False`` leaves payloads unread where the stream can skip, ``hash_up_to`` those of more bytes.
    Payloads of regular files for which ``wanted(path, size)`` is true are kept in ``contents``; with ``beginnings``
    only files are asked about whose name as written begins with BEGINNING bytes that are among them. ``meter`` is shown
    how much has been found, now and then, and raises LimitExceeded. Raises TarError where Go's archive/tar would refuse,
    as far as the fields are read: times, device numbers and the sparse maps inside payloads are not.
    """
    window = Window(stream, window_size)
    buffer, view, unpack = window.buffer, window.view, _FIELDS.unpack_from
    checksums, numbers, columns, digest = ChecksumCache(), SizeCache(), TableBuilder(), xxhash.xxh3_128_digest
    add_name, add_size, add_end, add_owner = (
        columns.new_names.append, columns.new_sizes.append, columns.new_ends.append, columns.new_owners.append,
    )  # fmt: skip
    kinds, hashes, owner_index = columns.kinds, columns.hashes, OwnerTable()
    rare = SpecialEntries(window, owner_index)
    limit = hash_up_to if hash_content else -1
    asked: Container[bytes] = frozenset() if wanted is None else _MATCH_ALL if beginnings is None else beginnings
    base = position = end = size = payload_end = 0
    start = BLOCK  # where the payload of the header at hand starts
    last = -1  # where the last header that lies wholly in the window may start
    extra: ExtendedHeader | None = None

    try:
        while True:
            if position > last:
                if columns.flush(_BATCH) and meter is not None:
                    meter.record_entries(len(columns.sizes) + rare.headers, columns.paths.size + rare.size)
                window.position = position
                end = window.fill(BLOCK)
                base, position, last = window.base, 0, end - BLOCK
                if last < 0:
                    if base < payload_end:
                        columns.flush()
                        raise window.cut(repr(name_for_error(columns.paths[-1])), payload_end - size, size)
                    if end:
                        raise TarError("the tar ends within a header", offset=base, truncated=True)
                    break
            name, owner, size_field, checksum, kind, prefix = unpack(buffer, position)
            start = position + BLOCK
            if adler32(view[position:start]) & 0xFFFF != checksums[checksum]:
                window.position = position
                if not rare.is_header():
                    window.end_of_archive()
                    break
            size = numbers[size_field]
            if prefix:
                name = headers.prefixed_name(bytes(view[position:start]), name.partition(b"\0")[0])

            if kind != REGULAR or extra is not None:
                name = name.partition(b"\0")[0]
                window.position = start
                if kind in SPECIAL:
                    extra = rare.special(kind, size, extra)
                    if rare.news >= _MUCH:
                        columns.flush()
                        if meter is not None:
                            meter.record_entries(len(columns.sizes) + rare.headers, columns.paths.size + rare.size)
                        rare.news = 0
                    base, position, end = window.base, window.position, window.end
                    last = end - BLOCK
                    continue
                kind, name, size, owner = rare.entry(len(kinds), kind, name, size, owner, extra)
                base, start, end = window.base, window.position, window.end
                last, extra = end - BLOCK, None

            stop = start + size
            if kind != REGULAR:
                position = start
                if hash_content:
                    hashes += NO_HASH
            elif (plain := name[:BEGINNING] not in asked) and start <= stop <= end and size <= limit:
                position = stop + (-size & 511)
                hashes += digest(view[start:stop]) if size else _EMPTY_HASH
            elif plain and size > limit and 0 <= size < _FAR:
                position, payload_end = stop + (-size & 511), base + stop
                if hash_content:
                    hashes += NO_HASH
            else:
                window.position, name = start, name.partition(b"\0")[0]
                keep = not plain and wanted is not None and wanted(clean_name(name), size)
                value = rare.payload(len(kinds), name, size, hash_content=size <= limit, keep=keep)
                hashes += value if hash_content else b""
                start -= window.base - base  # errors still to come name this header
                base, position, end = window.base, window.position + (-size & 511), window.end
                last = end - BLOCK

            add_name(name)
            kinds.append(kind)
            add_size(size)
            add_end(base + position)
            add_owner(owner_index[owner])
    except ValueError as error:
        raise TarError(f"bad header: {error}", offset=base + start - BLOCK) from None

    columns.flush()
    if meter is not None:
        meter.record_entries(len(columns.sizes) + rare.headers, columns.paths.size + rare.size)
        meter.check_directories(columns.paths, columns.paths.components, rare.depth_size)
    return columns.table(
        attributes=tuple(owner_index.attributes),
        tar_size=window.base,
        links=rare.links,
        apparent_sizes=rare.apparent_sizes,
        claimed_sizes=rare.claimed_sizes,
        type_flags=rare.type_flags,
        xattrs=rare.xattrs,
        contents=rare.contents,
        anomalies=tuple(rare.anomalies.values()),
    )


class _MatchAll(Container[bytes]):
    """Beginnings of all names."""

    def __contains__(self, _: object) -> bool:
        return True


_MATCH_ALL = _MatchAll()
