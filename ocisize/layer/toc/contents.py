"""The few files that an analysis reads, such as package databases, by ranges of the blob."""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from ocisize.layer.kept_files import KeptFiles, may_be_kept
from ocisize.layer.toc.position import StoredSpan
from ocisize.layer.toc.spans import Pieces
from ocisize.layer.toc.unusable import Unusable
from ocisize.tar.content_hash import CONTENT_HASHES
from ocisize.tar.filetable import REGULAR, FileTable
from ocisize.tuples import NamedTuple

_MAX_REQUESTS = 8
_MAX_GAP = 128 << 10  # bytes; to read so many that nobody needs is cheaper than another request
_MAX_SHARE = 4  # divisor: a layer of which more than this part is needed is read
_ALWAYS_READ = 256 << 10  # bytes that are read of any layer
_MAX_READ = 16 << 20  # bytes that are in memory until the files are unpacked; real images need less than 5 MB
_MAX_UNPACKED = 64 << 20  # bytes of one piece with what is before it: spans have 4 MiB, and 16 MiB are the largest file

ReadRange = Callable[[StoredSpan], bytes]  #: of the layer; raises Unusable if the bytes cannot be had
Unpack = Callable[[int, bytes], bytes]  #: of a piece, by its number and its stored bytes; raises Unusable


class _Part(NamedTuple):
    """A range of the blob that is read at once, with its bytes."""

    span: StoredSpan
    data: bytes


def choose_rows(table: FileTable, *, keep_records: bool) -> list[int]:
    """The rows of the files that a scan of the layer would keep; ``keep_records`` is that of ``may_be_kept``."""
    wanted, rows = KeptFiles(), list[int]()
    for first, paths in table.paths.pieces():
        for row, path in enumerate(paths, first):
            is_asked = may_be_kept(path, keep_records=keep_records) and table.kinds[row] == REGULAR
            if is_asked and wanted(path, table.sizes[row]):
                rows.append(row)
    return rows


def read_contents(
    table: FileTable, rows: Sequence[int], pieces: Pieces, read: ReadRange, unpack: Unpack, size: int
) -> Mapping[int, bytes]:
    """Read the contents of ``rows`` from a layer of ``size`` bytes, in a few requests; verify those that have a digest.

    Raises Unusable if they would take a large part of the layer, and for contents that are not those of the table.
    """
    needed = {row: range(bisect_left(pieces.rows, row), bisect_right(pieces.rows, row)) for row in rows}
    if any(pieces.skips[index] + pieces.sizes[index] > _MAX_UNPACKED for part in needed.values() for index in part):
        raise Unusable(f"a file that is read comes after more than {_MAX_UNPACKED} bytes of others")
    spans = merge_spans(StoredSpan(pieces.starts[index], pieces.stops[index]) for part in needed.values() for index in part)
    total = sum(span.size for span in spans)
    if total > min(max(size // _MAX_SHARE, _ALWAYS_READ), _MAX_READ):
        raise Unusable(f"the {len(rows)} files that are read are {total} of its {size} bytes")
    parts = [_Part(span, read(span)) for span in spans]
    starts = [part.span.start for part in parts]
    digest, contents = CONTENT_HASHES[table.hash_function].of, dict[int, bytes]()
    for row, indexes in needed.items():
        content = bytearray()
        for index in indexes:
            part = parts[bisect_right(starts, pieces.starts[index]) - 1]
            data = part.data[pieces.starts[index] - part.span.start : pieces.stops[index] - part.span.start]
            content += unpack(index, data)
        if len(content) != table.sizes[row] or (table.hashes and digest(content) != table.hash_of(row)):
            raise Unusable("a file does not have the size or the digest of its table of contents")
        contents[row] = bytes(content)
    return contents


def merge_spans(spans: Iterable[StoredSpan]) -> list[StoredSpan]:
    """Join spans to at most eight in ascending order, so that as few other bytes as possible are between them.

    >>> merge_spans([StoredSpan(0, 10), StoredSpan(900_000, 900_010), StoredSpan(20, 30)])
    [StoredSpan(start=0, stop=30), StoredSpan(start=900000, stop=900010)]
    """
    ordered = sorted(spans, key=lambda span: span.start)
    gaps = sorted((after.start - before.stop for before, after in pairwise(ordered)), reverse=True)
    largest_joined = max(gaps[_MAX_REQUESTS - 1] if len(gaps) >= _MAX_REQUESTS else 0, _MAX_GAP)
    merged: list[StoredSpan] = []
    for span in ordered:
        if merged and span.start - merged[-1].stop <= largest_joined:
            merged[-1] = StoredSpan(merged[-1].start, max(merged[-1].stop, span.stop))
        else:
            merged.append(span)
    return merged


def unpack_gzip(data: bytes, size: int) -> bytes:
    """The first ``size`` bytes of a gzip member."""
    try:
        return zlib.decompressobj(31).decompress(data, size) if size else b""
    except zlib.error as error:
        raise Unusable(f"a file of the layer is no gzip: {error}") from None


def unpack_zstd(data: bytes, size: int, max_window: int) -> bytes:
    """The first ``size`` bytes of zstd frames."""
    import zstandard

    reader = zstandard.ZstdDecompressor(max_window_size=max_window).stream_reader(data, read_across_frames=True)
    try:
        return reader.read(size)
    except zstandard.ZstdError as error:
        raise Unusable(f"a file of the layer is no zstd: {error}") from None
