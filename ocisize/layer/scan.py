"""scan_layer: one layer from its blob to its table of files, where streams, verification and the tar scanner meet."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable, Iterable
from itertools import chain
from operator import sub
from typing import TYPE_CHECKING

from ocisize.blob.compression import MAGIC_SIZE, PLAIN, Decompressors, detect_compression
from ocisize.blob.digest import Digest
from ocisize.blob.region import FileRegion, close_chunks
from ocisize.blob.stream import LayerStream
from ocisize.blob.verify import Verifier, check_plain, verify_chunks
from ocisize.errors import DigestMismatch, LayerError, OcisizeError, SizeMismatch, StreamError, TarError
from ocisize.excerpts.collect import Excerpts
from ocisize.layer.kept_files import BEGINNINGS, PATH_PARTS, KeptFiles
from ocisize.layer.locks import fork_safe
from ocisize.layer.payloads import hash_payloads, keep_payloads, read_excerpts
from ocisize.layer.sampling import SampledStream, SizeEstimate, no_estimate
from ocisize.limits import Meter
from ocisize.logs import Logger
from ocisize.model.analysis import TableOfContents
from ocisize.oci.documents import FILE_NAMED, SELF_NAMED
from ocisize.oci.foreign import open_layer
from ocisize.oci.image import Layer
from ocisize.oci.source import Source
from ocisize.tar.content_hash import XXH3, ContentHash
from ocisize.tar.filetable import FileTable, IntArray
from ocisize.tar.scanner import scan_tar
from ocisize.tuples import NamedTuple
from ocisize.values import evolve, field, frozen

if TYPE_CHECKING:
    from typing import TypeGuard

    from ocisize.layer.sampler import Sampler
    from ocisize.layer.sampling import BlockPlan

MAX_HASHED_IN_PLACE = 16 << 10  #: bytes of a file; up to this size it is cheaper to hash a file than to skip it
_IN_PLACE_WINDOW = 64 << 10
_MAX_DRAINED = 256 << 20  # bytes read on, to see whether a blob that cannot be unpacked is the one that its digest names
# Header scanning holds the GIL, so two plain layers in parallel are slower than one after the other (+20 % CPU).
_HEADER_SCAN_LOCK = fork_safe(threading.Lock())

_log = Logger(__name__)


@frozen
class LayerScan:
    """The result of scanning a layer: its files, how it is stored, and what was verified."""

    table: FileTable
    compression: str  #: ``gzip``, ``zstd``, ``bzip2``, ``xz`` or ``plain``
    digest_verified: bool  #: the stored bytes have the descriptor's digest
    diff_id_verified: bool  #: the uncompressed bytes have the config's diff_id
    region: FileRegion | None = None  #: of a layer that was read in place, without its large files
    digest: str | None = None  #: of the stored bytes, if their file is named after another one
    toc: TableOfContents | None = None  #: the table of contents that was read instead of the stored bytes
    wait_for_estimate: Callable[[], SizeEstimate | None] = field(default=no_estimate, eq=False, repr=False)
    """Waits for the estimate of the compressed size of a plain layer, and returns the estimate; None without a sampler.

    Raises TarError if the file has been cut.
    """


class _Options(NamedTuple):
    """The options of ``scan_layer`` that its parts share."""

    verify: bool
    hash_in_thread: bool
    content_hash: ContentHash
    sampler: Sampler | None
    meter: Meter | None
    decompressors: Decompressors | None
    on_bytes: Callable[[int], object] | None


def scan_layer(
    source: Source,
    layer: Layer,
    *,
    verify: bool = False,
    hash_content: bool = False,
    hash_in_thread: bool = False,
    content_hash: ContentHash = XXH3,
    sampler: Sampler | None = None,
    meter: Meter | None = None,
    decompressors: Decompressors | None = None,
    on_bytes: Callable[[int], object] | None = None,
) -> LayerScan:
    """Read one layer of ``source`` and return its table.

    Without ``verify``, a plain layer in a local file is read in place: only the size of the blob is verified, and only
    headers and small files are read; with ``hash_content`` all files. Every other layer is streamed, and its digest
    verified; with ``verify`` its diff_id too. ``hash_in_thread`` computes the digest in a second thread. ``content_hash`` is
    the function that hashes files. ``sampler`` estimates the compressed size of a plain layer. ``meter`` enforces limits.
    ``decompressors`` are those of other layers of the same call. ``on_bytes`` is called with the number of stored bytes read
    so far; its errors end the scan.

    Raises LayerError with the cause: SourceError, BlobError, StreamError, TarError or LimitExceeded. If the bytes
    cannot be unpacked and do not have the digest either, the cause is the digest, unless the check needs more than 256 MiB.

    >>> import io, tarfile
    >>> from ocisize.blob.digest import digest_of
    >>> from ocisize.oci.documents import Descriptor
    >>> file = io.BytesIO()
    >>> with tarfile.open(fileobj=file, mode="w") as tar:
    ...     tar.addfile(tarfile.TarInfo("etc/hostname"))
    >>> blob = file.getvalue()
    >>> class OneBlob:
    ...     def read_manifest(self, digest=None):
    ...         raise NotImplementedError
    ...     def open_blob(self, descriptor):
    ...         return [blob]
    >>> scan = scan_layer(OneBlob(), Layer(0, Descriptor(digest_of(blob), len(blob)), None))
    >>> [entry.path for entry in scan.table], scan.compression, scan.digest_verified
    (['etc/hostname'], 'plain', True)
    """
    started = time.perf_counter()
    options = _Options(verify, hash_in_thread, content_hash, sampler, meter, decompressors, on_bytes)
    try:
        blob = open_layer(source, layer.descriptor)
        if in_place := reads_in_place(blob, verify=verify):
            scan = _scan_region(blob, layer, options, hash_content=hash_content)
        else:
            scan = _scan_named(source, blob, layer, options)
        if scan.compression == PLAIN and {SELF_NAMED, FILE_NAMED}.isdisjoint(layer.descriptor.annotations):
            check_plain(layer.descriptor.digest, layer.diff_id)
    except OcisizeError as error:
        raise LayerError(layer.index, layer.descriptor.digest, error) from error
    if _log.logs_debug:
        place, seconds = "in place" if in_place else "streamed", time.perf_counter() - started
        _log.debug(
            "layer %d (%s): %s, %s, %d bytes, %d entries, %.3f s",
            layer.index, layer.descriptor.digest, scan.compression, place, layer.descriptor.size, len(scan.table), seconds,
        )  # fmt: skip
    return scan


def reads_in_place(blob: Iterable[bytes], *, verify: bool) -> TypeGuard[FileRegion]:
    """Whether ``scan_layer`` reads only headers and small files of a layer: a plain one in a local file, not verified."""
    return isinstance(blob, FileRegion) and not verify and detect_compression(blob.read_at(0, MAGIC_SIZE)) == PLAIN


def _scan_named(source: Source, blob: Iterable[bytes], layer: Layer, options: _Options) -> LayerScan:
    """Scan a blob as ``_scan_stream`` does; one in a file that another digest names is read again, to verify its diff_id.

    For docker, names of files in an archive are only names. Reading again costs nothing where names are digests.
    """
    try:
        return _scan_stream(blob, layer, options)
    except DigestMismatch as error:
        if FILE_NAMED not in layer.descriptor.annotations or layer.diff_id is None or error.what != "blob":
            raise
        renamed = evolve(layer.descriptor, digest=Digest(error.got), annotations={SELF_NAMED: "true"})
        try:
            again = source.open_blob(layer.descriptor)
            scan = _scan_stream(again, evolve(layer, descriptor=renamed), options)
        except (StreamError, TarError):
            raise error from None
        text = f"its file is named after {layer.descriptor.digest}, its digest is {error.got}"
        table = evolve(scan.table, anomalies=(*scan.table.anomalies, text))
        return evolve(scan, table=table, digest=error.got)


def _scan_stream(blob: Iterable[bytes], layer: Layer, options: _Options) -> LayerScan:
    """Decompress and verify the whole blob, and scan its tar on the way."""
    digest, diff_id = layer.descriptor.digest, layer.diff_id
    self_named = SELF_NAMED in layer.descriptor.annotations
    check_diff_id = diff_id is not None and (options.verify or self_named) and layer.is_verifiable
    size, verifier, sampler = layer.descriptor.size, None, options.sampler
    if isinstance(blob, FileRegion):
        verifier = Verifier(digest, size, hash_in_thread=options.hash_in_thread)
    elif layer.is_verifiable:
        blob = verify_chunks(blob, digest, size, hash_in_thread=options.hash_in_thread)
    try:
        stream = LayerStream(
            blob,
            stored_size=size,
            verifier=verifier,
            diff_id=diff_id if check_diff_id else None,
            verified_as=digest,
            meter=options.meter,
            decompressors=options.decompressors,
            on_bytes=options.on_bytes,
        )
        plan = sampler.plan(size) if sampler is not None and stream.compression == PLAIN else None
        scan = scan_stream(stream, plan=plan, meter=options.meter, content_hash=options.content_hash)
    except (StreamError, TarError):
        _verify_rest(verifier.read_rest(blob) if isinstance(blob, FileRegion) and verifier else blob, options.on_bytes)
        raise
    finally:
        if verifier is not None:
            verifier.close()
        close_chunks(blob)
    is_diff_id = check_diff_id or (scan.compression == PLAIN and diff_id == digest)
    if not layer.is_verifiable:
        return scan
    return evolve(scan, digest_verified=not self_named, diff_id_verified=is_diff_id)


def scan_stream(
    stream: LayerStream,
    *,
    plan: BlockPlan | None,
    meter: Meter | None,
    content_hash: ContentHash = XXH3,
) -> LayerScan:
    """Scan the tar of a layer while it is decompressed, to the end of the stream; nothing is said of what was verified.

    ``plan`` says which blocks of a plain layer are sampled. Raises StreamError, TarError and LimitExceeded.
    """
    sampled = SampledStream(stream, plan) if plan is not None else None
    table = scan_tar(
        sampled or stream,
        content_hash=content_hash,
        wanted=KeptFiles(meter),
        beginnings=BEGINNINGS,
        path_parts=PATH_PARTS,
        excerpts=Excerpts(meter),
        meter=meter,
    )
    stored_size = stream.finish()
    estimate = sampled.estimate() if sampled is not None else None
    table = evolve(table, anomalies=(*table.anomalies, *stream.anomalies))
    return LayerScan(
        _add_compressed_sizes(table, stream.offsets.compressed_sizes(table.ends), stored_size),
        stream.compression,
        digest_verified=False,
        diff_id_verified=False,
        wait_for_estimate=lambda: estimate,
    )


def _verify_rest(chunks: Iterable[bytes], on_bytes: Callable[[int], object] | None) -> None:
    """Read on, at most 256 MiB, to verify a blob that could not be unpacked. Raises SizeMismatch or DigestMismatch."""
    remaining = _MAX_DRAINED
    try:
        for chunk in chunks:
            remaining -= len(chunk)
            if remaining < 0:
                return
            if on_bytes is not None:
                on_bytes(0)  # raises when the result is not needed any more
    except (SizeMismatch, DigestMismatch):
        raise
    except OcisizeError:  # the caller raises the error that it has already
        return


def _scan_region(blob: FileRegion, layer: Layer, options: _Options, *, hash_content: bool) -> LayerScan:
    """Scan a plain layer in place. A blob that is not a tar is read whole, to see whether it is the right blob."""
    digest, size = layer.descriptor.digest, layer.descriptor.size
    if blob.size != size:
        raise SizeMismatch(digest, got=blob.size, expected=size)
    wait_for_estimate = options.sampler.start(blob) if options.sampler is not None else no_estimate
    try:
        return evolve(_scan_in_place(blob, options, hash_content=hash_content), wait_for_estimate=wait_for_estimate)
    except TarError:
        _verify_rest(verify_chunks(blob, digest, size), options.on_bytes)
        raise


def _scan_in_place(blob: FileRegion, options: _Options, *, hash_content: bool) -> LayerScan:
    with _HEADER_SCAN_LOCK:
        if options.on_bytes is not None:
            options.on_bytes(0)  # raises when the result is not needed any more
        wanted = KeptFiles(options.meter)
        table = scan_tar(
            blob.part(0, blob.size),
            hash_up_to=MAX_HASHED_IN_PLACE,
            content_hash=options.content_hash,
            wanted=wanted,
            beginnings=BEGINNINGS,
            meter=options.meter,
            window_size=_IN_PLACE_WINDOW,
        )
        table = keep_payloads(blob, table, wanted, PATH_PARTS)
        table = read_excerpts(blob, table, Excerpts(options.meter), options.on_bytes)
    if hash_content:
        sizes, sparse = table.sizes, table.stored_sizes
        rows = [row for row, size in enumerate(sizes) if size > MAX_HASHED_IN_PLACE and row not in sparse]
        table = table.with_hashes([(rows, hash_payloads(blob, table, rows))])
    if options.on_bytes is not None:
        options.on_bytes(blob.size)
    table = _add_compressed_sizes(table, array("q", map(sub, table.ends, chain((0,), table.ends))), blob.size)
    return LayerScan(table, PLAIN, digest_verified=False, diff_id_verified=False, region=None if hash_content else blob)


def _add_compressed_sizes(table: FileTable, sizes: IntArray, stored_size: int) -> FileTable:
    """The table with the compressed sizes of its entries, and the rest of the blob as overhead."""
    overhead = stored_size - sum(sizes)
    if overhead < 0 and sizes:  # padding that the headers of a cut tar promise
        sizes[-1] += overhead
        overhead = 0
    return table.with_compressed_sizes(sizes, overhead)
