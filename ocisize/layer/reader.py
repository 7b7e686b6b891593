"""LayerReader: scans the layers of a source in parallel, within limits, and reports the progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext

from ocisize.layer.content_hashes import Outcome, hash_duplicate_candidates
from ocisize.layer.pool import CallbackFailed, Check, read_layers
from ocisize.layer.scan import LayerScan, scan_layer
from ocisize.limits import Limits, Meter, Tally
from ocisize.oci.image import Layer
from ocisize.oci.source import ImageSource
from ocisize.values import frozen

_PROGRESS_STEP = 1 << 20  # bytes
_SMALL_IMAGE = 8 << 20  # stored bytes that are read in 50 ms: threads would save less than to start them costs


@frozen
class Progress:
    """How far one layer has been read.

    >>> progress = Progress(layer=0, layers=3, done=512, size=2048)
    >>> f"layer {progress.layer + 1} of {progress.layers}: {progress.done / progress.size:.0%}"
    'layer 1 of 3: 25%'
    """

    layer: int  #: index of the layer, 0 at the base
    layers: int  #: how many layers are read
    done: int  #: stored bytes so far
    size: int  #: stored bytes of the layer; equals ``done`` at its end


ProgressCallback = Callable[[Progress], object]


@frozen(kw_only=True)
class LayerReader:
    """Reads layers of one source; the options are those of Analyzer."""

    source: ImageSource
    jobs: int
    verify: bool
    hash_content: bool
    estimate_download: bool
    keep_going: bool
    limits: Limits  #: of all layers of one call together
    on_progress: ProgressCallback | None
    progress_lock: threading.Lock  #: held while ``on_progress`` is called

    def read(self, layers: Sequence[Layer]) -> list[Outcome]:
        """The scans of ``layers``, in their order; with ``keep_going`` the LayerError of a layer that cannot be read.

        Raises LayerError, of several that of the lowest layer, and what ``on_progress`` raises.
        """
        stored_size = sum(layer.descriptor.size for layer in layers)
        tally = Tally(self.limits, stored_size)
        sampler = None
        if self.estimate_download and not self.source.keeps_compression:  # else the compressed sizes are known
            from ocisize.layer.sampling import LayerSampler

            sampler = LayerSampler(jobs=self.jobs, image_size=stored_size, layer_count=len(layers))
        in_turn = self.source.is_local and stored_size <= _SMALL_IMAGE

        def scan(layer: Layer, check: Check) -> LayerScan:
            return scan_layer(
                self.source,
                layer,
                verify=self.verify,
                hash_content=self.hash_content,
                sampler=sampler,
                meter=Meter(tally),
                # With one job, or while a layer of more than half of all bytes is read, a core is idle and can hash.
                hash_in_thread=not in_turn and (self.jobs == 1 or layer.descriptor.size > stored_size / 2),
                on_bytes=self._make_on_bytes(layer, len(layers), check),
            )

        with closing(sampler) if sampler is not None else nullcontext():
            return read_layers(self.source, layers, scan, jobs=self.jobs, keep_going=self.keep_going, in_turn=in_turn)

    def hash_duplicates(self, layers: Sequence[Layer], outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes of an image's layers with the hashes of duplicates; see ``hash_duplicate_candidates``."""
        return hash_duplicate_candidates(layers, outcomes, jobs=self.jobs, keep_going=self.keep_going)

    def _make_on_bytes(self, layer: Layer, layer_count: int, check: Check) -> Callable[[int], None]:
        """A function for ``scan_layer`` that ends reads which are not needed any more, and reports the progress."""
        size, reported = layer.descriptor.size, -_PROGRESS_STEP

        def on_bytes(done: int) -> None:
            nonlocal reported
            check()
            if self.on_progress is not None and (done - reported >= _PROGRESS_STEP or done >= size > reported):
                reported = done
                try:
                    with self.progress_lock:
                        self.on_progress(Progress(layer.index, layer_count, done, size))
                except BaseException as error:
                    raise CallbackFailed(error) from None

        return on_bytes
