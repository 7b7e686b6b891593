"""scan_tar: one pass over the uncompressed tar of a layer, bytes in and a FileTable out.

This is the hot path: about 1.3 µs per entry. What makes it fast, guarded by ``benchmarks/``: headers are read in
place from one preallocated window, one ``unpack_from`` takes just the fields needed, the checksum is one adler32
call, numbers are parsed once per distinct half of a field, no object is made per entry, and what can be done for a
thousand entries at once is done then.
Layout: https://www.gnu.org/software/tar/manual/html_node/Standard.html; rare forms are in ``header`` and
``special_entries``, usual PAX headers in ``usual_records``.
"""

from __future__ import annotations

import functools
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
from ocisize.tar.field_cache import (
    ChecksumCache,
    HighSizes,
    HighSums,
    LowSizes,
    LowSums,
    OwnerTable,
    RestOfHeader,
    SizeCache,
)
from ocisize.tar.filetable import DIRECTORY, HARD_LINK, NO_HASH, REGULAR, SYMLINK, FileTable
from ocisize.tar.header import BLOCK, FIELDS, ExtendedHeader
from ocisize.tar.late_payloads import LatePayloads
from ocisize.tar.paths import clean_name, name_for_error
from ocisize.tar.sparse import describe_holes
from ocisize.tar.special_entries import EXTENDED_HEADERS, PAX, SPARSE, SpecialEntries
from ocisize.tar.table_builder import TableBuilder
from ocisize.tar.usual_records import MAX_TIME, PAIR_FIELDS, TIME_BEGINNING, TimeSizes, time_lengths, usual_path
from ocisize.tar.window import ByteStream, Window

_MAX_SKIPPED = 1 << 60  # bytes; no real tar has a payload as large, and a larger claim fails at the end of the stream
_FLUSH_ROWS = 1024
_FLUSH_HEADER_BYTES = 1 << 20  # of extended headers and sparse maps, which take more time and memory than rows
BEGINNING_SIZE = 18  #: bytes of a name as written, padded with NUL, that ``beginnings`` are compared with
WINDOW = 256 << 10  #: bytes; fits a core's second-level cache, and larger windows were no faster
_EMPTY_HASH = xxhash.xxh3_128_digest(b"")
_LINK = struct.Struct("157x100s")
_NEWLINE = ord("\n")
_WITHOUT_PAYLOAD = frozenset((HARD_LINK, SYMLINK, DIRECTORY))


def scan_tar(  # noqa: C901, PLR0912, PLR0915 - the hot path: a call per entry costs more than a long function
    stream: ByteStream,
    *,
    hash_content: bool = True,
    hash_up_to: float = math.inf,
    wanted: Callable[[bytes, int], bool] | None = None,
    beginnings: Container[bytes] | None = None,
    path_ends: tuple[bytes, ...] = (),
    meter: Meter | None = None,
    window_size: int = WINDOW,
) -> FileTable:
    """Read a tar to the end of its stream and return the table of its entries.

    ``stream`` is an open binary file, or any object with ``readinto``; one with ``skip`` too is not read where nothing
    needs the bytes. Without ``hash_content`` no content is hashed; with it, only sparse files and payloads of up to
    ``hash_up_to`` bytes are, and larger ones are passed over. ``wanted(path, size)`` says which contents of regular files to
    keep in the table's ``contents``. ``beginnings`` saves calls of ``wanted``: only names as written that begin with one of
    them, each BEGINNING_SIZE bytes long and padded with NUL, are asked about, and sparse files. It is also asked about files
    whose paths end with one of ``path_ends``, unless their payloads are passed over. ``meter`` holds the scan to limits,
    which it checks about every thousand entries. ``window_size`` is how many bytes of the tar are in memory at once.

    Raises TarError where Go's archive/tar, with which Docker and containerd read layers, would refuse the tar; only the
    times of star headers, which no builder writes, are not read. Raises LimitExceeded when ``meter`` does.

    >>> import io, tarfile
    >>> file = io.BytesIO()
    >>> with tarfile.open(fileobj=file, mode="w") as tar:
    ...     info = tarfile.TarInfo("etc/hostname")
    ...     info.size = 5
    ...     tar.addfile(info, io.BytesIO(b"host\\n"))
    >>> table = scan_tar(io.BytesIO(file.getvalue()))
    >>> [(entry.path, entry.kind, entry.size) for entry in table], table.tar_size
    ([('etc/hostname', 'file', 5)], 10240)
    """
    window = Window(stream, window_size)
    buffer, view, unpack, link_name = window.buffer, window.view, FIELDS.unpack_from, _LINK.unpack_from
    checksum_cache, size_cache, owner_table = ChecksumCache(), SizeCache(), OwnerTable()
    high_sums, low_sums, high_sizes, low_sizes = HighSums(), LowSums(), HighSizes(), LowSizes()
    rest, special = RestOfHeader(), SpecialEntries(window, owner_table, hash_content=hash_content, meter=meter)
    times, tails, valid_owners = rest.times, rest.tails, special.valid_owners
    builder, digest = TableBuilder(), xxhash.xxh3_128_digest
    add_name, add_size, add_end, add_owner = (
        builder.new_names.append, builder.new_sizes.append, builder.new_ends.append, builder.new_owners.append,
    )  # fmt: skip
    kinds, hashes = builder.kinds, builder.hashes
    max_hashed = hash_up_to if hash_content else -1
    kept_beginnings: Container[bytes] = frozenset() if wanted is None else _MATCH_ALL if beginnings is None else beginnings
    late = None if wanted is None or not path_ends else LatePayloads(builder, window, special.contents, wanted, path_ends)
    if late is not None:
        window.before_move = late.keep
        special.sparse.wants = functools.partial(late.wants_now, always=True)
    elif wanted is not None:
        special.sparse.wants = lambda _, name, size: wanted(clean_name(name), size)
    base = position = end = size = payload_end = 0
    start = BLOCK  # position of the payload of the current header
    last = -1  # the last position from which a whole header lies in the window
    # Between these positions, a PAX header of a time is tried together with the header after it: behind the entry of another
    # such header, and as long as both lie in the window.
    first_pair, last_pair, unpack_pair, time_sizes = 0, -1, PAIR_FIELDS.unpack_from, TimeSizes()
    last_mtime = last_tail = b""  # of the header before, if they are valid and it has no prefix
    extended: ExtendedHeader | None = None  # what extended headers say of the next entry
    path: bytes | None = None  # the same, if usual PAX records say only the path
    usual_headers = 0  # PAX headers read in the window since it moved

    def record_entries() -> None:
        if meter is not None:
            rows, metadata_size = len(builder.sizes), builder.paths.size
            meter.record_entries(rows + special.header_count, metadata_size + special.metadata_size)

    def flush_headers() -> None:
        if special.unflushed_size >= _FLUSH_HEADER_BYTES:
            if late is not None:
                late.keep()
            builder.flush()
            record_entries()
            special.unflushed_size = 0

    try:
        while True:
            # Move the window when the next header does not lie wholly in it; stop at the end of the stream.
            if position > last:
                if late is not None:
                    late.keep()
                special.add_usual_headers(usual_headers)
                usual_headers = 0
                flush_headers()
                if builder.flush(_FLUSH_ROWS):
                    record_entries()
                window.position = position
                end = window.fill(BLOCK)
                base, position, last, last_pair = window.base, 0, end - BLOCK, -1
                if last < 0:
                    if base < payload_end:
                        builder.flush()
                        raise window.truncation_error(repr(name_for_error(builder.paths[-1])), payload_end - size, size)
                    if end:
                        raise TarError("the tar ends within a header", offset=base, truncated=True)
                    break

            # Read the header's fields, and with them those of a usual PAX header before it.
            if position > last_pair or position < first_pair:
                name, owner, high_size, low_size, mtime, high_sum, low_sum, kind, tail = unpack(buffer, position)
            else:
                (
                    numbers, high_sum, low_sum, kind, tail, seconds, fraction,
                    name, owner, high_size, low_size, mtime, next_high_sum, next_low_sum, next_kind, next_tail,
                ) = unpack_pair(buffer, position)  # fmt: skip
                size = time_sizes.get(numbers, 0)
                digits = size - TIME_BEGINNING - 1
                if (
                    kind != PAX or time_lengths.get(seconds) != size or tail not in tails
                    or fraction[digits] != _NEWLINE or not fraction[:digits].isdigit()
                    or adler32(view[position : position + BLOCK]) & 0xFFFF != high_sums[high_sum] + low_sums[low_sum]
                ):  # fmt: skip
                    last_pair = -1
                    continue
                high_sum, low_sum, kind, tail = next_high_sum, next_low_sum, next_kind, next_tail
                position += 2 * BLOCK
                usual_headers += 1

            # Check the sum of the header; stop at the zero blocks that end the tar.
            start = position + BLOCK
            adler = adler32(view[position:start]) & 0xFFFF
            if adler != high_sums[high_sum] + low_sums[low_sum] and adler != checksum_cache[high_sum + low_sum]:
                window.position = position
                if not special.is_header():
                    window.end_of_archive()
                    break
            size = high_sizes[high_size] + low_sizes[low_size]
            if size < 0:
                size = size_cache[high_size + low_size]

            # A PAX header of usual records is read in the window: the entry after it gets the path.
            if (
                kind == PAX and 0 < size <= BLOCK <= end - start and extended is None
                and mtime in times and tail in tails and owner in valid_owners
            ):  # fmt: skip
                usual = usual_path(bytes(view[start : start + size]))
                if usual is not None:
                    last_pair = -1
                    if not usual and TIME_BEGINNING + 1 < size <= MAX_TIME:
                        time_sizes.add(bytes(view[position + 100 : position + 148]), size)
                        first_pair, last_pair = start + 2 * BLOCK, end - 3 * BLOCK
                    path, position = usual or None, start + BLOCK
                    usual_headers += 1
                    continue

            if mtime != last_mtime or tail != last_tail:
                if mtime in times and tail in tails:
                    last_mtime, last_tail = mtime, tail
                else:
                    name = rest.check(bytes(view[position:start]), name)

            # Links and directories have no payload; everything else that is no plain file takes the slow path.
            if kind != REGULAR or path is not None or extended is not None:
                name = name.partition(b"\0")[0]
                if extended is None and (not size if kind in _WITHOUT_PAYLOAD else kind == REGULAR and size >= 0):
                    if path is not None:
                        name, path = path, None
                        special.parents_size += len(name) * name.count(b"/")
                    if kind == DIRECTORY:
                        name = name.rstrip(b"/") or name[:1]
                    elif kind != REGULAR:
                        special.add_link(len(kinds), link_name(buffer, position)[0].partition(b"\0")[0])
                else:
                    if path is not None:
                        extended, path = ExtendedHeader(pax={b"path": path}), None
                    window.position = start
                    if kind in EXTENDED_HEADERS:
                        extended = special.read_extended_header(kind, size, owner, extended)
                        flush_headers()
                        base, position, end = window.base, window.position, window.end
                        last, last_pair = end - BLOCK, -1
                        continue
                    kind, name, size, owner = special.resolve_entry(len(kinds), kind, name, size, owner, extended)
                    base, start, end = window.base, window.position, window.end
                    last, last_pair, extended = end - BLOCK, -1, None

            # Move past the payload: hash it in the window, pass over it unread, or leave it to the slow path.
            stop = start + size
            if kind != REGULAR:
                position = start
                if kind == SPARSE:
                    kind = REGULAR
                    hashes += special.sparse.last_hash
                    flush_headers()
                elif hash_content:
                    hashes += NO_HASH
            elif (is_plain := name[:BEGINNING_SIZE] not in kept_beginnings) and start <= stop <= end and size <= max_hashed:
                position = stop + (-size & 511)
                hashes += digest(view[start:stop]) if size else _EMPTY_HASH
            elif is_plain and size > max_hashed and 0 <= size < _MAX_SKIPPED:
                position, payload_end = stop + (-size & 511), base + stop
                if hash_content:
                    hashes += NO_HASH
            else:
                window.position, name = start, name.partition(b"\0")[0]
                keep = False
                if late is not None:
                    keep = late.wants_now(len(kinds), name, size, always=not is_plain)
                elif wanted is not None and not is_plain:
                    keep = wanted(clean_name(name), size)
                value = special.read_payload(len(kinds), name, size, hash_content=size <= max_hashed, keep=keep)
                hashes += value if hash_content else b""
                start -= window.base - base  # so that errors name this header
                base, position, end = window.base, window.position + (-size & 511), window.end
                last, last_pair = end - BLOCK, -1

            add_name(name)
            kinds.append(kind)
            add_size(size)
            add_end(base + position)
            add_owner(owner_table[owner])
    except ValueError as error:
        raise TarError(f"bad header: {error}", offset=base + start - BLOCK) from None

    builder.flush()
    special.add_usual_headers(usual_headers)
    record_entries()
    if meter is not None:
        meter.check_directories(builder.paths, builder.paths.components, special.parents_size)
    return builder.build(
        attributes=tuple(owner_table.attributes),
        tar_size=window.base,
        links=special.links,
        stored_sizes=special.sparse.stored_sizes,
        claimed_sizes=special.claimed_sizes,
        type_flags=special.type_flags,
        xattrs=special.xattrs,
        contents=special.contents,
        anomalies=(*special.anomalies.values(), *describe_holes(builder.paths, builder.sizes, special.sparse.stored_sizes)),
    )


class _MatchAll(Container[bytes]):
    """Contains everything: the beginnings of all names."""

    def __contains__(self, _: object) -> bool:
        return True


_MATCH_ALL = _MatchAll()
