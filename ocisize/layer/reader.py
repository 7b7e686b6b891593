"""LayerReader: scans the layers of a source in parallel, within limits, and reports the progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ocisize.blob.region import FileRegion
from ocisize.errors import OcisizeError
from ocisize.layer.content_hashes import Outcome, hash_duplicate_candidates
from ocisize.layer.pool import CallbackFailed, Check, read_layers
from ocisize.layer.progress import Progress, ProgressCallback
from ocisize.layer.scan import LayerScan, reads_in_place, scan_layer
from ocisize.limits import Limits, Meter, Tally
from ocisize.oci.foreign import open_layer
from ocisize.oci.image import Layer
from ocisize.oci.source import ImageSource, OnePassSource
from ocisize.values import define, field

if TYPE_CHECKING:
    from ocisize.layer.sampler import Sampler

_PROGRESS_STEP = 1 << 20  # bytes
_SMALL_IMAGE = 8 << 20  # stored bytes that are read in 50 ms: threads would save less than to start them costs


@define(kw_only=True)
class LayerReader:
    """Reads layers of one source, until it is closed; the options are those of Analyzer."""

    source: ImageSource
    jobs: int
    verify: bool
    hash_content: bool
    keep_packages: bool
    estimate_download: bool
    sample_in_process: bool
    keep_going: bool
    limits: Limits  #: of all layers of one call together
    on_progress: ProgressCallback | None
    progress_lock: threading.Lock  #: held while ``on_progress`` is called
    _sampler: Sampler | None = field(default=None, init=False)

    def read_once(self) -> None:
        """Read a source whose blobs pass only once, such as a pipe, before its documents say which of them are layers.

        Raises OcisizeError, and what ``on_progress`` raises.
        """
        if not isinstance(self.source, OnePassSource):
            return
        from ocisize.layer.passing import PassingScanner

        scanner = PassingScanner(
            verify=self.verify,
            keep_packages=self.keep_packages,
            estimate_download=self.estimate_download,
            limits=self.limits,
            on_progress=self.on_progress,
            progress_lock=self.progress_lock,
        )
        try:
            self.source.read_once(scanner)
        except CallbackFailed as failed:
            raise failed.error from None

    def read(self, layers: Sequence[Layer]) -> list[Outcome]:
        """The scans of ``layers``, in their order; with ``keep_going`` the LayerError of a layer that cannot be read.

        Raises LayerError, of several that of the lowest layer, and what ``on_progress`` raises.
        """
        stored_size = sum(layer.descriptor.size for layer in layers)
        tally = Tally(self.limits, stored_size)
        totals = _Totals(len(layers), stored_size)
        regions = self._find_regions(layers)
        sampler = self._sampler = self._make_sampler(layers, regions, stored_size)
        is_one_pass = isinstance(self.source, OnePassSource)
        all_in_place = len(regions) == len(layers) and not self.hash_content
        in_turn = all_in_place or (self.source.is_local and stored_size <= _SMALL_IMAGE)

        def scan(layer: Layer, check: Check) -> LayerScan:
            on_bytes = self._make_on_bytes(layer, totals, check)
            if is_one_pass:
                from ocisize.layer.passing import scan_passed_layer

                if (passed := scan_passed_layer(self.source, layer, verify=self.verify, on_bytes=on_bytes)) is not None:
                    return passed
            return scan_layer(
                self.source,
                layer,
                verify=self.verify,
                hash_content=self.hash_content,
                keep_records=self.keep_packages,
                sampler=sampler,
                meter=Meter(tally),
                # With one job, or while a layer of more than half of all bytes is read, a core is idle and can hash.
                hash_in_thread=not in_turn and (self.jobs == 1 or layer.descriptor.size > stored_size / 2),
                on_bytes=on_bytes,
            )

        return read_layers(self.source, layers, scan, jobs=self.jobs, keep_going=self.keep_going, in_turn=in_turn)

    def close(self) -> None:
        """End the sampling of layers whose estimates nobody has asked for."""
        if self._sampler is not None:
            self._sampler.close()

    def _find_regions(self, layers: Sequence[Layer]) -> list[FileRegion]:
        """The regions of the layers that ``scan_layer`` will read in place; the errors of others are for it to raise."""
        regions = []
        for layer in layers if self.source.is_local and not self.source.sequential else ():
            with suppress(OcisizeError):
                blob = open_layer(self.source, layer.descriptor)
                if reads_in_place(blob, verify=self.verify):
                    regions.append(blob)
        return regions

    def _make_sampler(self, layers: Sequence[Layer], regions: Sequence[FileRegion], stored_size: int) -> Sampler | None:
        """A sampler for layers whose compressed sizes are not known; in another process if that is worth its start."""
        if not self.estimate_download or self.source.keeps_compression:
            return None
        is_archive = (
            len({region.descriptor for region in regions}) == 1 and regions[0].owner is None
        )  # else files of a folder
        if self.sample_in_process and self.jobs > 1 and stored_size > _SMALL_IMAGE and is_archive:
            from ocisize.layer.sampling_process import ProcessSampler

            return ProcessSampler(regions, jobs=self.jobs, image_size=stored_size, layer_count=len(layers))
        from ocisize.layer.sampler import ThreadSampler

        return ThreadSampler(jobs=self.jobs, image_size=stored_size, layer_count=len(layers))

    def hash_duplicates(self, layers: Sequence[Layer], outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes of an image's layers with the hashes of duplicates; see ``hash_duplicate_candidates``."""
        return hash_duplicate_candidates(layers, outcomes, jobs=self.jobs, keep_going=self.keep_going)

    def _make_on_bytes(self, layer: Layer, totals: _Totals, check: Check) -> Callable[[int], None]:
        """A function for ``scan_layer`` that ends reads which are not needed any more, and reports the progress."""
        size, reported = layer.descriptor.size, -_PROGRESS_STEP

        def on_bytes(done: int) -> None:
            nonlocal reported
            check()
            if self.on_progress is not None and (done - reported >= _PROGRESS_STEP or done >= size > reported):
                try:
                    with self.progress_lock:
                        totals.add(done - max(reported, 0), ended=done >= size)
                        reported = done
                        self.on_progress(totals.progress(layer, done))
                except BaseException as error:
                    raise CallbackFailed(error) from None

        return on_bytes


@define
class _Totals:
    """How far all layers of one call are read."""

    layers: int
    size: int
    done: int = 0
    layers_done: int = 0

    def add(self, done: int, *, ended: bool) -> None:
        """Count stored bytes, and the end of a layer."""
        self.done += done
        self.layers_done += ended

    def progress(self, layer: Layer, done: int) -> Progress:
        """The progress with that of one layer."""
        return Progress(layer.index, self.layers, done, layer.descriptor.size, self.layers_done, self.done, self.size)
