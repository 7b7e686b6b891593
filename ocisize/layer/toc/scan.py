"""scan_toc: one layer from its table of contents to its table of files, without the rest of its bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from ocisize.blob.compression import GZIP, ZSTD
from ocisize.errors import LimitExceeded, OcisizeError
from ocisize.layer.scan import LayerScan
from ocisize.layer.toc.contents import choose_rows, read_contents, unpack_gzip, unpack_zstd
from ocisize.layer.toc.documents import read_entries
from ocisize.layer.toc.entries import TocTableBuilder
from ocisize.layer.toc.find import Tocs
from ocisize.layer.toc.footer import FOOTER_SIZE, read_footer, tail_size
from ocisize.layer.toc.position import MAX_STORED, ListedZtoc, StoredSpan, TocPosition, data_end, find_toc
from ocisize.layer.toc.rows import TocRows
from ocisize.layer.toc.spans import Pieces, share_out
from ocisize.layer.toc.stored import StoredToc
from ocisize.layer.toc.unusable import Unusable
from ocisize.limits import Limits, Meter
from ocisize.logs import Logger
from ocisize.model.analysis import TableOfContents
from ocisize.oci.image import Layer
from ocisize.oci.read import read_blob
from ocisize.oci.toc_annotations import ESTARGZ, SOCI
from ocisize.tar.content_hash import SHA256, ContentHash
from ocisize.tar.filetable import FileTable
from ocisize.tar.header import BLOCK
from ocisize.values import evolve

_MAX_ZTOC_SHARE = 2  # divisor: a zTOC of more than this part of a layer is not worth reading
_NO_DIGESTS = "read from its SOCI index, which has no digests of files: duplicates among them are not found"
_NOT_VERIFIED = "read from a SOCI index of version 1, which nothing verifies: anyone who may push can replace it"
_log = Logger(__name__)


def scan_toc(
    tocs: Tocs,
    layer: Layer,
    *,
    content_hash: ContentHash = SHA256,
    keep_records: bool = False,
    meter: Meter | None = None,
    on_bytes: Callable[[int], object] | None = None,
) -> LayerScan | None:
    """Read one layer from its table of contents; return None if it has none that can be used, so that it must be read.

    The options are those of ``scan_layer``. A table that lists sha256 digests is used only if ``content_hash`` is SHA256.
    Raises what ``on_bytes`` raises.
    """
    position = find_toc(layer.descriptor) if content_hash is SHA256 else None
    ztoc = tocs.ztocs.get(layer.descriptor.digest) if position is None else None
    if position is None and ztoc is None:
        return None
    started = time.perf_counter()
    reader = _TocReader(tocs, layer, meter, on_bytes, keep_records=keep_records)
    try:
        scan = reader.scan(position) if position is not None else reader.scan_ztoc(ztoc, content_hash) if ztoc else None
    except (Unusable, LimitExceeded) as reason:
        _log.info("layer %d (%s) is read: %s", layer.index, layer.descriptor.digest, reason)
        if meter is not None:  # reading the layer counts again
            meter.record_entries(0, 0)
            meter.record_size(0, stored=layer.descriptor.size)
        return None
    if on_bytes is not None:
        on_bytes(layer.descriptor.size)
    _log.debug(
        "layer %d (%s): from its table of contents, %d of %d bytes, %.3f s",
        layer.index, layer.descriptor.digest, reader.read_size, layer.descriptor.size, time.perf_counter() - started,
    )  # fmt: skip
    return scan


class _TocReader:
    """Reads the table of one layer; ``read_size`` are the bytes that it has asked for. Raises Unusable and LimitExceeded."""

    def __init__(
        self,
        tocs: Tocs,
        layer: Layer,
        meter: Meter | None,
        on_bytes: Callable[[int], object] | None,
        *,
        keep_records: bool,
    ) -> None:
        self._tocs, self._descriptor, self._meter = tocs, layer.descriptor, meter
        self._keep_records, self._on_bytes = keep_records, on_bytes
        self._limits = meter.limits if meter is not None else Limits()
        self.read_size = 0

    def scan(self, position: TocPosition) -> LayerScan:
        """The scan of a layer with eStargz or zstd:chunked."""
        stored, span = self._read_stored(position)
        if position.stored_digest is not None:
            stored.check_stored(position.stored_digest)
        if position.json_digest is not None:
            stored.check_json(position.json_digest)
        builder = TocTableBuilder(self._meter)
        table, pieces = self._make_table(builder, stored, span, position), builder.pieces
        is_gzip, window = stored.format == ESTARGZ, self._limits.zstd_window

        def unpack(index: int, data: bytes) -> bytes:
            skip = pieces.skips[index]
            size = skip + pieces.sizes[index]
            return (unpack_gzip(data, size) if is_gzip else unpack_zstd(data, size, window))[skip:]

        self._record_size(table)
        kept = choose_rows(table, keep_records=self._keep_records)
        contents = read_contents(table, kept, pieces, self._read, unpack, self._descriptor.size)
        return self._finish(table, builder.rows, contents, stored.format)

    def scan_ztoc(self, ztoc: ListedZtoc, content_hash: ContentHash) -> LayerScan:
        """The scan of a layer with a zTOC."""
        from ocisize.layer.toc.ztoc import read_ztoc  # few layers have one

        size, descriptor = self._descriptor.size, ztoc.descriptor
        if not 0 < descriptor.size <= min(size // _MAX_ZTOC_SHARE, MAX_STORED):
            raise Unusable(f"its zTOC has {descriptor.size} bytes, the layer {size}")
        self._check()
        try:
            data = read_blob(self._tocs.source, descriptor, MAX_STORED)
        except OcisizeError as error:
            raise Unusable(f"its zTOC cannot be read: {error}") from None
        self.read_size += len(data)
        table, rows, starts, checkpoints = read_ztoc(data, size, content_hash.name, self._meter)
        self._record_size(table)
        kept, pieces, spans = choose_rows(table, keep_records=self._keep_records), Pieces(), []
        for row in kept:
            part = checkpoints.spans_of(starts[row], starts[row] + table.sizes[row])
            spans.append(part)
            pieces.add(row, checkpoints.start(part[0]), table.sizes[row], starts[row] - checkpoints.uncompressed[part[0]])
            pieces.stops[-1] = checkpoints.stop(part[-1])

        def unpack(index: int, data: bytes) -> bytes:
            skip = pieces.skips[index]
            return checkpoints.unpack(data, spans[index], skip + pieces.sizes[index])[skip:]

        contents = read_contents(table, kept, pieces, self._read, unpack, size)
        anomalies = (_NO_DIGESTS,) if ztoc.verified else (_NOT_VERIFIED, _NO_DIGESTS)
        return self._finish(evolve(table, anomalies=anomalies), rows, contents, SOCI, verified=ztoc.verified)

    def _finish(
        self, table: FileTable, rows: TocRows, contents: Mapping[int, bytes], format_: str, *, verified: bool = True
    ) -> LayerScan:
        rows.check_directories(table)
        if self._meter is not None:
            for content in contents.values():
                self._meter.record_kept(len(content))
        return LayerScan(
            evolve(table, contents=contents),
            GZIP if format_ in (ESTARGZ, SOCI) else ZSTD,
            digest_verified=False,
            diff_id_verified=False,
            toc=TableOfContents(format_, verified=verified, read_size=self.read_size),
        )

    def _make_table(self, builder: TocTableBuilder, stored: StoredToc, span: StoredSpan, position: TocPosition) -> FileTable:
        """The table of files, with the stored bytes of each."""
        entries: Iterable[Mapping[str, object]] = read_entries(stored.json())
        for entry in entries:
            builder.add(entry)
        file, end = stored.file(), data_end(stored.format, span)
        toc_row = builder.add_table(file, position.json_digest) if file is not None and position.json_digest else None
        table = builder.build(tar_size=position.tar_size)
        if table.tar_size is not None and table.tar_size < sum(table.sizes) + BLOCK * len(table):
            raise Unusable(f"its tar has {table.tar_size} bytes by its annotation, which the files of the table exceed")
        sizes = share_out(builder.pieces, end, len(table))
        if toc_row is not None:
            sizes[toc_row] += span.size
        return table.with_compressed_sizes(sizes, self._descriptor.size - sum(sizes))

    def _read_stored(self, position: TocPosition) -> tuple[StoredToc, StoredSpan]:
        """The stored table, and its place."""
        window = self._limits.zstd_window
        if position.format is not None and position.span is not None:
            return StoredToc(position.format, self._read(position.span), window), position.span
        size = self._descriptor.size
        start = size - tail_size(size)
        tail = self._read(StoredSpan(start, size))
        format_, span = read_footer(tail[-FOOTER_SIZE:], size)
        if span.size > MAX_STORED:
            raise Unusable(f"its table of contents has {span.size} bytes, more than {MAX_STORED}")
        head = self._read(StoredSpan(span.start, min(start, span.stop))) if span.start < start else b""
        data = head + tail[max(span.start - start, 0) : max(span.stop - start, 0)]
        return StoredToc(format_, data, window), span

    def _record_size(self, table: FileTable) -> None:
        if self._meter is not None:
            size = max(sum(table.sizes), table.tar_size or 0)
            self._meter.record_size(size, stored=self._descriptor.size)

    def _check(self) -> None:
        if self._on_bytes is not None:
            self._on_bytes(0)  # raises when the result is not needed any more

    def _read(self, span: StoredSpan) -> bytes:
        self._check()
        data = self._tocs.source.read_range(self._descriptor, span.start, span.stop)
        if data is None or len(data) != span.size:
            raise Unusable("its source does not send parts of it")
        self.read_size += span.size
        return data
