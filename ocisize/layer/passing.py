"""PassingScanner and take_passed: layers that are scanned before it is known which layers they are.

A pipe has the documents of an image behind its layers, as a rule. So everything that may be a layer is scanned as it passes,
with its digests, and compared with the descriptor and the config later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from ocisize.blob.compression import PLAIN
from ocisize.blob.passing import PassedBlob, PassingBlob
from ocisize.blob.stream import LayerStream
from ocisize.blob.verify import algorithm_of, check_plain
from ocisize.errors import (
    ArchiveError,
    BlobError,
    DigestMismatch,
    LayerError,
    LimitExceeded,
    OcisizeError,
    SizeMismatch,
    StreamError,
    TarError,
)
from ocisize.layer.pool import LIMITS_PER_LAYER, CallbackFailed
from ocisize.layer.progress import Progress, ProgressCallback
from ocisize.layer.sampling import plan_blocks
from ocisize.layer.scan import LayerScan, scan_stream
from ocisize.limits import Limits, Meter, Tally
from ocisize.oci.documents import FILE_NAMED, SELF_NAMED
from ocisize.oci.foreign import open_layer
from ocisize.patterns import lazy_pattern
from ocisize.tar.content_hash import ContentHash
from ocisize.values import define, evolve, field

if TYPE_CHECKING:
    from ocisize.layer.sampling import BlockPlan
    from ocisize.oci.image import Layer
    from ocisize.oci.source import Source

_PROGRESS_STEP = 1 << 20  # bytes
_UNPACKED_ALGORITHM = "sha256"  # of nearly all diff_ids
_NAMED_BLOB = lazy_pattern(r"(?:\./)?blobs/[a-z0-9]+/[0-9a-f]+")
_TO_FILE = "write the archive to a file, and name the file"


@define(kw_only=True)
class PassingScanner:
    """Scans the blobs of one source as they pass; the options are those of Analyzer."""

    verify: bool
    estimate_download: bool
    content_hash: ContentHash
    limits: Limits  #: of all blobs together
    on_progress: ProgressCallback | None
    progress_lock: threading.Lock  #: held while ``on_progress`` is called
    _tally: Tally | None = field(default=None, init=False)
    _blobs: int = field(default=0, init=False)  #: that have passed
    _passed_size: int = field(default=0, init=False)  #: bytes of them
    _sampled_size: int = field(default=0, init=False)  #: bytes of plain layers

    def wait(self, reason: str) -> None:
        """Report that the source waits."""
        self._report(0, 0, waits_for=reason)

    def scan(self, blob: PassingBlob) -> tuple[LayerScan | OcisizeError, str | None]:
        """Scan a blob; return its scan, or its error if it is no layer that can be read, and its ``unpacked_digest``.

        Raises LimitExceeded for a limit on all layers together.
        """
        try:
            return self._scan(blob)
        except (StreamError, TarError) as error:
            return error, None
        except LimitExceeded as error:
            if error.limit not in LIMITS_PER_LAYER:
                raise
            return error, None
        finally:
            self._blobs += 1
            self._passed_size += blob.size or blob.consumed

    def _scan(self, blob: PassingBlob) -> tuple[LayerScan, str | None]:
        self._tally = self._tally or Tally(self.limits)
        if blob.size is not None:
            self._tally.add_stored(blob.size)
        meter = Meter(self._tally)
        # A layout names blobs by their digests. Names of other files are only names: the diff_id may be all that verifies.
        needs_diff_id = self.verify or _NAMED_BLOB.fullmatch(blob.name) is None
        stream = LayerStream(
            blob,
            stored_size=blob.size,
            hashed_with=_UNPACKED_ALGORITHM if needs_diff_id else None,
            meter=meter,
            on_bytes=self._make_on_bytes(blob.size or 0),
        )
        is_sampled = self.estimate_download and stream.compression == PLAIN
        plan = self._plan_sample(blob.size) if is_sampled and blob.size is not None else None
        scan = scan_stream(stream, plan=plan, meter=meter, content_hash=self.content_hash)
        return scan, stream.digest

    def _plan_sample(self, size: int) -> BlockPlan:
        """The blocks of a plain layer that are sampled: half of its share of those layers that have passed so far.

        How many will follow is not known. The sample of a layer that comes later is smaller, so all samples together are
        about as large as that of a file: their sum grows with the logarithm of the number of layers.
        """
        self._sampled_size += size
        return plan_blocks(size, 2 * self._sampled_size, self._blobs + 1)

    def _make_on_bytes(self, size: int) -> Callable[[int], None]:
        reported = -_PROGRESS_STEP

        def on_bytes(done: int) -> None:
            nonlocal reported
            if done - reported >= _PROGRESS_STEP:
                reported = done
                self._report(done, size)

        return on_bytes

    def _report(self, done: int, size: int, *, waits_for: str = "") -> None:
        if self.on_progress is None:
            return
        progress = Progress(
            layer=self._blobs,
            layers=self._blobs + 1,
            done=done,
            size=size,
            layers_done=self._blobs,
            total_done=self._passed_size + done,
            total_size=None,
            waits_for=waits_for,
        )
        try:
            with self.progress_lock:
                self.on_progress(progress)
        except BaseException as error:
            raise CallbackFailed(error) from None


def scan_passed_layer(source: Source, layer: Layer, *, verify: bool, on_bytes: Callable[[int], object]) -> LayerScan | None:
    """The scan of a layer that has passed; None for a blob that can still be read, since its content was kept.

    The arguments and errors are those of ``scan_layer``.
    """
    try:
        blob = open_layer(source, layer.descriptor)
        if not isinstance(blob, PassedBlob):
            return None
        scan = take_passed(blob, layer, verify=verify)
        if scan.compression == PLAIN and {SELF_NAMED, FILE_NAMED}.isdisjoint(layer.descriptor.annotations):
            check_plain(layer.descriptor.digest, layer.diff_id)
    except OcisizeError as error:
        raise LayerError(layer.index, layer.descriptor.digest, error) from error
    on_bytes(layer.descriptor.size)
    return scan


def take_passed(blob: PassedBlob, layer: Layer, *, verify: bool) -> LayerScan:
    """The scan of a layer that has passed, verified as ``scan_layer`` verifies a layer that it reads.

    Raises BlobError if the bytes are not those of the descriptor or of the diff_id, else the error with which the scan of
    the blob ended.
    """
    if blob.outcome is None:
        raise ArchiveError(f"{blob.name} was not scanned while it passed", hint=_TO_FILE)
    descriptor, is_renamed = layer.descriptor, False
    if blob.size != descriptor.size:
        raise SizeMismatch(descriptor.digest, got=blob.size, expected=descriptor.size)
    if algorithm_of(descriptor.digest) != algorithm_of(blob.digest):
        raise BlobError(f"cannot verify {descriptor.digest}: the file {blob.name} is named otherwise")
    if blob.digest != descriptor.digest:
        is_renamed = FILE_NAMED in descriptor.annotations and layer.diff_id is not None
        if not is_renamed or isinstance(blob.outcome, OcisizeError):
            raise DigestMismatch("blob", got=blob.digest, expected=descriptor.digest)
    if not isinstance(blob.outcome, LayerScan):
        raise blob.outcome if isinstance(blob.outcome, OcisizeError) else TypeError(f"{type(blob.outcome)} is no outcome")
    is_self_named = is_renamed or SELF_NAMED in descriptor.annotations
    checks_diff_id = layer.diff_id is not None and (verify or is_self_named)
    if checks_diff_id:
        _check_diff_id(blob, str(layer.diff_id))
    scan = evolve(
        blob.outcome,
        digest_verified=not is_self_named,
        diff_id_verified=checks_diff_id or (blob.compression == PLAIN and layer.diff_id == blob.digest),
    )
    if not is_renamed:
        return scan
    text = f"its file is named after {descriptor.digest}, its digest is {blob.digest}"
    return evolve(scan, table=evolve(scan.table, anomalies=(*scan.table.anomalies, text)), digest=blob.digest)


def _check_diff_id(blob: PassedBlob, diff_id: str) -> None:
    """Raise DigestMismatch for a wrong diff_id, and BlobError for one of another algorithm than that of the pipe."""
    got = blob.digest if blob.compression == PLAIN else blob.unpacked_digest
    if got == diff_id:
        return
    if got is None or algorithm_of(got) != algorithm_of(diff_id):
        raise BlobError(f"cannot verify {diff_id}: layers of a pipe are hashed with {_UNPACKED_ALGORITHM}", hint=_TO_FILE)
    raise DigestMismatch("uncompressed layer", got=got, expected=diff_id)
