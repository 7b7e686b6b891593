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

try:
    from isal.isal_zlib import adler32  # half the time of zlib's
except ImportError:
    from zlib import adler32

from ocisize.errors import TarError
from ocisize.excerpts.collect import MIN_LARGE_SIZE, Excerpts
from ocisize.limits import Meter
from ocisize.tar.content_hash import XXH3, ContentHash
from ocisize.tar.field_cache import KIND_UNIT, ChecksumCache, OwnerTable, RestOfHeader, SizeCache, usual_numbers
from ocisize.tar.filetable import DIRECTORY, HARD_LINK, NO_HASH, REGULAR, SYMLINK, FileTable
from ocisize.tar.header import BLOCK, FIELDS, ExtendedHeader
from ocisize.tar.late_payloads import ALL_NAMES, LatePayloads
from ocisize.tar.paths import clean_name, name_for_error
from ocisize.tar.payload import Payload
from ocisize.tar.sparse import describe_holes
from ocisize.tar.special_entries import EXTENDED_HEADERS, PAX, SPARSE, SpecialEntries
from ocisize.tar.table_builder import FIELDS_PER_ROW, TableBuilder
from ocisize.tar.usual_records import PAX_FIELDS, USUAL_TIME, UsualHeaders, usual_path_in, usual_times
from ocisize.tar.window import ByteStream, Window

_MAX_SKIPPED = 1 << 60  # bytes; no real tar has a payload as large, and a larger claim fails at the end of the stream
_FLUSH_FIELDS = 1024 * FIELDS_PER_ROW
_FLUSH_HEADER_BYTES = 1 << 20  # of extended headers and sparse maps, which take more time and memory than rows
BEGINNING_SIZE = 18  #: bytes of a name as written, padded with NUL, that ``beginnings`` are compared with
WINDOW = 256 << 10  #: bytes; fits a core's second-level cache, and larger windows were no faster
_LINK = struct.Struct("157x100s")
_NEWLINE = ord("\n")
_PAX_SIZE = 2 * BLOCK  # bytes of a usual PAX header with its records
_PAX_UNITS = (PAX - REGULAR) * KIND_UNIT
_WITHOUT_PAYLOAD = frozenset((HARD_LINK, SYMLINK, DIRECTORY))
_BEGINNING = slice(BEGINNING_SIZE)


def scan_tar(  # noqa: C901, PLR0912, PLR0915 - the hot path: a call per entry costs more than a long function
    stream: ByteStream,
    *,
    hash_content: bool = True,
    hash_up_to: float = math.inf,
    content_hash: ContentHash = XXH3,
    wanted: Callable[[bytes, int], bool] | None = None,
    beginnings: Container[bytes] | None = None,
    path_parts: tuple[bytes, ...] = (),
    visit: Callable[[int, bytes, Payload], object] | None = None,
    excerpts: Excerpts | None = None,
    meter: Meter | None = None,
    window_size: int = WINDOW,
) -> FileTable:
    """Read a tar to the end of its stream and return the table of its entries.

    ``stream`` is an open binary file, or any object with ``readinto``; one with ``skip`` too is not read where nothing
    needs the bytes. Without ``hash_content`` no content is hashed; with it, only sparse files and payloads of up to
    ``hash_up_to`` bytes are, and larger ones are passed over. ``content_hash`` is the function that hashes them.
    ``wanted(path, size)`` says which contents of regular files to keep in the table's ``contents``. ``beginnings`` saves
    calls of ``wanted``: only names as written that begin with one of them, each BEGINNING_SIZE bytes long and padded with
    NUL, are asked about, and sparse files. It is also asked about files whose paths contain one of ``path_parts``, unless
    their payloads are passed over. ``visit``, in place of all of these, is called with the row, the path and the payload of
    regular files, as they pass. ``excerpts`` collects those of executables and jars, unless payloads are passed over.
    ``meter`` holds the scan to limits, which it checks about every thousand entries; it is for the analyzer, as ``visit``
    and ``excerpts`` are. Without it there are no limits: analyze a tar that you do not trust as ``rootfs:FILE``.
    ``window_size`` is how many bytes of the tar are in memory at once.

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
    buffer, view, blocks, unpack, link_name = window.buffer, window.view, window.blocks, FIELDS.unpack, _LINK.unpack_from
    checksum_cache, size_cache, owner_table = ChecksumCache(), SizeCache(), OwnerTable()
    high_sums, low_sums, high_sizes, low_sizes = usual_numbers()
    rest = RestOfHeader()
    special = SpecialEntries(window, owner_table, hash_content=hash_content, meter=meter, content_hash=content_hash)
    times, tails, valid_owners = rest.times, rest.tails, special.valid_owners
    builder, digest = TableBuilder(has_hashes=hash_content), content_hash.of
    empty_hash = digest(b"")
    new_fields, add_row = builder.new_fields, builder.new_fields.extend
    max_hashed = hash_up_to if hash_content else -1
    max_in_window = min(max_hashed, window_size, math.inf if excerpts is None else MIN_LARGE_SIZE - 1)  # of the fast path
    kept_beginnings: Container[bytes] = (
        frozenset() if wanted is None and visit is None else ALL_NAMES if beginnings is None else beginnings
    )
    special.visit, special.excerpts = visit, excerpts
    late = None
    if excerpts is not None or (wanted is not None and path_parts):
        late = LatePayloads(builder, window, special.contents, wanted, path_parts, excerpts)
        window.before_move = late.keep
        special.sparse.wants = functools.partial(late.wants_now, always=True)
    elif wanted is not None:
        special.sparse.wants = lambda _, name, size: wanted(clean_name(name), size)
    base = position = end = size = payload_end = 0
    start = BLOCK  # position of the payload of the current header
    last = -1  # the last position from which a whole header lies in the window
    # Up to this position, a usual PAX header is expected, since there was one before the last entry, and the header after it
    # lies in the window too.
    last_usual, unpack_pax, usual_headers = -1, PAX_FIELDS.unpack_from, UsualHeaders()
    last_owner, owner_index = b"", 0
    last_mtime = last_tail = b""  # of the header before, if they are valid and it has no prefix
    # What extended headers say of the next entry; of usual PAX records, only the path or b"".
    described: ExtendedHeader | bytes | None = None
    usual_count = 0  # usual PAX headers since the window moved
    parents_size = 0  # as that of special, for usual PAX headers

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
                if usual_count or special.unflushed_size:
                    special.add_usual_headers(usual_count)
                    usual_count = 0
                    flush_headers()
                if len(new_fields) >= _FLUSH_FIELDS:
                    builder.flush()
                    record_entries()
                window.position = position
                end = window.fill(BLOCK)
                base, position, last = window.base, 0, end - BLOCK
                last_usual = end - 3 * BLOCK if last_usual >= 0 else -1
                if last < 0:
                    if base < payload_end:
                        builder.flush()
                        raise window.truncation_error(repr(name_for_error(builder.paths[-1])), payload_end - size, size)
                    if end:
                        raise TarError("the tar ends within a header", offset=base, truncated=True)
                    break

            # Read a usual PAX header, if one is expected, and go on to the header after it.
            if position <= last_usual and described is None:
                fields, low_sum, tail, seconds, fraction, last_byte = unpack_pax(buffer, position)
                high, size = usual_headers[fields]
                excess = high + low_sums[low_sum] - (adler32(blocks[position >> 9]) & 0xFFFF)
                if excess != _PAX_UNITS or (tail != last_tail and tail not in tails):
                    last_usual = -1
                elif size == USUAL_TIME and last_byte == _NEWLINE and seconds in usual_times and fraction.isdigit():
                    position += _PAX_SIZE
                    usual_count += 1
                elif (usual := usual_path_in(buffer, position + BLOCK, size)) is not None:
                    described, position = usual or None, position + _PAX_SIZE
                    usual_count += 1
                else:
                    last_usual = -1

            # Read the header's fields and check its sum; stop at the zero blocks that end the tar.
            block, start, kind = blocks[position >> 9], position + BLOCK, REGULAR
            name, owner, high_size, low_size, mtime, high_sum, low_sum, tail = unpack(block)
            adler = adler32(block) & 0xFFFF
            excess = high_sums[high_sum] + low_sums[low_sum] - adler
            if excess:
                kind = low_sum[5]
                if excess != (kind - REGULAR) * KIND_UNIT and adler != checksum_cache[high_sum + low_sum[:5]]:
                    window.position = position
                    if not special.is_header():
                        window.end_of_archive()
                        break
            size = high_sizes[high_size] + low_sizes[low_size]
            if size < 0:
                size = size_cache[high_size + low_size]
            if mtime != last_mtime or tail != last_tail:
                if mtime in times and tail in tails:
                    last_mtime, last_tail = mtime, tail
                else:
                    name = rest.check(bytes(block), name)

            # Links and directories have no payload, and usual PAX headers are read in the window; everything else that is no
            # plain file takes the slow path.
            if excess or described is not None:
                if kind == PAX and 0 < size <= BLOCK <= end - start and described is None and owner in valid_owners:
                    usual = usual_path_in(buffer, start, size)
                    if usual is not None:
                        usual_headers.add(bytes(block[100:151]), high_sums[high_sum], size)
                        described, position, last_usual = usual, start + BLOCK, end - 3 * BLOCK
                        usual_count += 1
                        continue
                if not isinstance(described, ExtendedHeader) and (
                    not size if kind in _WITHOUT_PAYLOAD else kind == REGULAR and size >= 0
                ):
                    if described:
                        name = described.ljust(BEGINNING_SIZE, b"\0")
                        parents_size += len(described) * described.count(b"/")
                    if kind == DIRECTORY:
                        name = name.partition(b"\0")[0]
                        name = name.rstrip(b"/") or name[:1]
                    elif kind != REGULAR:
                        special.add_link(len(builder), link_name(block)[0].partition(b"\0")[0])
                else:
                    name = name.partition(b"\0")[0]
                    if isinstance(described, bytes):
                        described = ExtendedHeader(pax={b"path": described})
                    window.position = start
                    if kind in EXTENDED_HEADERS:
                        described = special.read_extended_header(kind, size, owner, described)
                        flush_headers()
                        base, position, end = window.base, window.position, window.end
                        last, last_usual = window.last_header, -1
                        continue
                    kind, name, size, owner = special.resolve_entry(len(builder), kind, name, size, owner, described)
                    name = name.ljust(BEGINNING_SIZE, b"\0")
                    base, start, end = window.base, window.position, window.end
                    last, last_usual = window.last_header, -1
                described = None

            # Move past the payload: hash it in the window, pass over it unread, or leave it to the slow path.
            stop = start + size
            if kind != REGULAR:
                position, row_hash = start, NO_HASH
                if kind == SPARSE:
                    kind, row_hash = REGULAR, special.sparse.last_hash
                    flush_headers()
            elif (is_plain := name[_BEGINNING] not in kept_beginnings) and stop <= end and 0 <= size <= max_in_window:
                position = stop + (-size & 511)
                row_hash = digest(view[start:stop]) if size else empty_hash
            elif is_plain and size > max_hashed and 0 <= size < _MAX_SKIPPED:
                position, payload_end, row_hash = stop + (-size & 511), base + stop, NO_HASH
            else:
                window.position, name = start, name.partition(b"\0")[0]
                if late is not None:
                    keep = late.wants_now(len(builder), name, size, always=not is_plain)
                else:
                    keep = not is_plain and wanted is not None and wanted(clean_name(name), size)
                is_usual = not keep and late is None and visit is None and 0 <= size <= max_in_window
                if is_usual and (stop <= end or window.fill(size) >= size):
                    row_hash = digest(view[window.position : window.position + size])
                    window.position += size
                else:
                    row_hash = special.read_payload(
                        len(builder), name, size, owner, hash_content=size <= max_hashed, keep=keep
                    )
                start -= window.base - base  # so that errors name this header
                window.position += -size & 511
                base, position, end = window.base, window.position, window.end
                last, last_usual = window.last_header, -1

            if owner != last_owner:
                owner_index, last_owner = owner_table[owner], owner
            add_row((name, kind, size, base + position, owner_index, row_hash))
    except ValueError as error:
        raise TarError(f"bad header: {error}", offset=base + start - BLOCK) from None

    builder.flush()
    window.before_move = None  # which refers to the window: the search for garbage would free the buffer much later
    special.add_usual_headers(usual_count)
    record_entries()
    if meter is not None:
        meter.check_directories(builder.paths, builder.paths.components, special.parents_size + parents_size)
    return builder.build(
        attributes=tuple(owner_table.attributes),
        tar_size=window.base,
        links=special.links,
        stored_sizes=special.sparse.stored_sizes,
        claimed_sizes=special.claimed_sizes,
        type_flags=special.type_flags,
        xattrs=special.xattrs,
        contents=special.contents,
        excerpts=excerpts.by_row if excerpts is not None else {},
        hash_function=content_hash.name,
        anomalies=(*special.anomalies.values(), *describe_holes(builder.paths, builder.sizes, special.sparse.stored_sizes)),
    )
