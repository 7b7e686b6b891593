"""One layer, from its blob to its FileTable: where streams, verification and the tar scanner meet."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import attrs
import xxhash

from ocisize.blob.compression import PLAIN, detect_compression
from ocisize.blob.region import FileRegion
from ocisize.blob.stream import LayerStream
from ocisize.blob.verify import Verifier, verified
from ocisize.errors import DigestMismatch, LayerError, OcisizeError, SizeMismatch, StreamError, TarError
from ocisize.layer.kept_files import BEGINNINGS, KeptFiles
from ocisize.layer.locks import fork_safe
from ocisize.layer.pool import Stopped
from ocisize.limits import Meter
from ocisize.oci.documents import SELF_NAMED
from ocisize.oci.image import Layer
from ocisize.oci.media_types import LAYER_TYPES
from ocisize.oci.source import Source
from ocisize.tar.filetable import FileTable, IntArray
from ocisize.tar.scanner import WINDOW, scan_tar

MAX_HASHED_IN_PLACE = 16 << 10  #: contents of up to so many bytes are cheaper hashed in passing than passed over
_IN_PLACE_WINDOW = 64 << 10
_MOST_DRAINED = 256 << 20  # bytes read on to tell whether a blob that cannot be unpacked is the one its digest names
_ONE_AT_A_TIME = fork_safe(threading.Lock())  # walking headers hardly lets go of the interpreter: two take longer


@attrs.frozen
class LayerScan:
    """What scanning a layer gave: its table, how it is stored and what was verified."""

    table: FileTable
    compression: str  #: ``gzip``, ``zstd`` or ``plain``
    digest_verified: bool
    diff_id_verified: bool
    region: FileRegion | None = None  #: where a plain layer lies that was read in place, contents unread


def scan_layer(
    source: Source,
    layer: Layer,
    *,
    verify: bool = False,
    hash_content: bool = False,
    aside: bool = False,
    meter: Meter | None = None,
    on_bytes: Callable[[int], object] | None = None,
) -> LayerScan:
    """Read one layer and return its table.

    A plain layer in a local file is read in place: headers and small contents only, nothing but its size verified,
    unless ``verify`` or ``hash_content`` ask for all contents. Everything else is streamed and its digest verified;
    ``verify`` checks the diff_id as well. ``aside`` hashes in a second thread. ``meter`` holds the
    layer to limits. Raises LayerError around whatever goes wrong; where bytes cannot be unpacked because they are other ones
    than the digest names, that is what it tells, unless more than 256 MiB would have to be read on for it.
    """
    try:
        blob = source.open_blob(layer.descriptor)
        if isinstance(blob, FileRegion) and not verify and detect_compression(blob.read_at(0, 18)) == PLAIN:
            if blob.size != layer.descriptor.size:
                raise SizeMismatch(layer.descriptor.digest, got=blob.size, expected=layer.descriptor.size)
            try:
                return _scan_in_place(blob, hash_content=hash_content, meter=meter, on_bytes=on_bytes)
            except TarError:
                _verify_rest(verified(blob, layer.descriptor.digest, blob.size), on_bytes)
                raise
        return _scan_stream(blob, layer, verify=verify, aside=aside, meter=meter, on_bytes=on_bytes)
    except OcisizeError as error:
        raise LayerError(layer.index, layer.descriptor.digest, error) from error


def _scan_stream(
    blob: Iterable[bytes],
    layer: Layer,
    *,
    verify: bool,
    aside: bool,
    meter: Meter | None,
    on_bytes: Callable[[int], object] | None,
) -> LayerScan:
    digest, diff_id = layer.descriptor.digest, layer.diff_id
    self_named = SELF_NAMED in layer.descriptor.annotations
    check_diff_id = diff_id is not None and (verify or self_named)
    size, verifier = layer.descriptor.size, None
    if isinstance(blob, FileRegion) and not aside:
        verifier = Verifier(digest, size)
    else:
        blob = verified(blob, digest, size, aside=aside)
    try:
        stream = LayerStream(
            blob,
            stored_size=size,
            verifier=verifier,
            diff_id=diff_id if check_diff_id else None,
            verified_as=digest,
            meter=meter,
            on_bytes=on_bytes,
        )
        table = scan_tar(stream, wanted=KeptFiles(), beginnings=BEGINNINGS, meter=meter)
        stored = stream.finish()
    except (StreamError, TarError):
        _verify_rest(verified(blob, digest, size) if isinstance(blob, FileRegion) else blob, on_bytes)
        raise
    finally:
        if not isinstance(blob, FileRegion):
            blob.close()  # type: ignore[attr-defined]
    anomalies = (*table.anomalies, *stream.anomalies, *_media_type_anomaly(layer.descriptor.media_type, stream.compression))
    return LayerScan(
        _add_compressed_sizes(attrs.evolve(table, anomalies=anomalies), stream.wire.shares(table.ends), stored),
        stream.compression,
        digest_verified=not self_named,
        diff_id_verified=check_diff_id or (stream.compression == PLAIN and diff_id == digest),
    )


def _verify_rest(chunks: Iterable[bytes], on_bytes: Callable[[int], object] | None) -> None:
    """Read on, within limits, what is verified on the way; raise SizeMismatch or DigestMismatch where it is not the blob."""
    left = _MOST_DRAINED
    try:
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                return
            if on_bytes is not None:
                on_bytes(0)  # ends here when nobody waits for the result any more
    except (SizeMismatch, DigestMismatch):
        raise
    except OcisizeError:  # there is an error already
        return


def _media_type_anomaly(media_type: str, compression: str) -> list[str]:
    """Return a warning if the media type names another compression than the bytes have."""
    named = LAYER_TYPES.get(media_type)
    return [f"stored as {compression}, though its media type says {named}"] if named not in (None, compression) else []


def _scan_in_place(
    blob: FileRegion, *, hash_content: bool, meter: Meter | None, on_bytes: Callable[[int], object] | None
) -> LayerScan:
    with _ONE_AT_A_TIME:
        if on_bytes is not None:
            on_bytes(0)  # ends here when nobody waits for the result any more
        table = scan_tar(
            blob.part(0, blob.size),
            hash_up_to=MAX_HASHED_IN_PLACE,
            wanted=KeptFiles(),
            beginnings=BEGINNINGS,
            meter=meter,
            window_size=_IN_PLACE_WINDOW,
        )
    if hash_content:
        rows = [row for row, size in enumerate(table.sizes) if size > MAX_HASHED_IN_PLACE]
        table = table.with_hashes([(rows, hash_payloads(blob, table, rows))])
    if on_bytes is not None:
        on_bytes(blob.size)
    table = _add_compressed_sizes(table, array("q", (end - start for start, end in pairwise([0, *table.ends]))), blob.size)
    return LayerScan(table, PLAIN, digest_verified=False, diff_id_verified=False, region=None if hash_content else blob)


def _add_compressed_sizes(table: FileTable, shares: IntArray, stored: int) -> FileTable:
    overrun = sum(shares) - stored  # padding that a cut tar promises but does not have
    if overrun > 0 and shares:
        shares[-1] -= overrun
    return table.with_compressed_sizes(shares, stored - sum(shares))


def hash_payloads(
    region: FileRegion, table: FileTable, rows: Sequence[int], stopped: threading.Event | None = None
) -> bytes:
    """The content hashes of ``rows``, HASH_SIZE bytes for each, whose payloads are read by offset.

    Raises Stopped once it is ``stopped``, TarError when the file has been cut since it was scanned.
    """
    buffer, hashes = memoryview(bytearray(WINDOW)), bytearray()
    for row in rows:
        hashes += _hash_payload(region.part(table.payload_start(row), table.sizes[row]), buffer, stopped)
    return bytes(hashes)


def _hash_payload(payload: FileRegion, buffer: memoryview, stopped: threading.Event | None) -> bytes:
    hasher = xxhash.xxh3_128()
    while count := payload.readinto(buffer):
        hasher.update(buffer[:count])
        if stopped is not None and stopped.is_set():
            raise Stopped
    if payload.position < payload.size:
        raise TarError("the file has been cut while it was read", offset=payload.offset + payload.position)
    return hasher.digest()
