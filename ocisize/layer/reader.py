"""LayerReader: scans the layers of a source in parallel, within limits, and reports the progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ocisize.blob.compression import PLAIN, Decompressors
from ocisize.blob.region import FileRegion
from ocisize.errors import LayerError, OcisizeError
from ocisize.layer.content_hashes import Outcome, hash_duplicate_candidates
from ocisize.layer.pool import CallbackFailed, Check, is_shared_limit, read_layers
from ocisize.layer.progress import ProgressCallback, Totals
from ocisize.layer.sampler import SamplerOptions, ThreadSampler
from ocisize.layer.scan import LayerScan, reads_in_place, scan_layer
from ocisize.layer.toc.find import Tocs, find_tocs
from ocisize.limits import Limits, Meter, Tally
from ocisize.oci.documents import FILE_NAMED, SELF_NAMED
from ocisize.oci.foreign import open_layer
from ocisize.oci.image import Image, Layer
from ocisize.oci.source import ImageSource, OnePassSource
from ocisize.tar.content_hash import CONTENT_HASHES, SHA256, XXH3, ContentHash
from ocisize.tar.filetable import FileTable
from ocisize.values import define, field

if TYPE_CHECKING:
    from ocisize.cache.store import Cache
    from ocisize.layer.cache import LayerCache
    from ocisize.layer.processes import LayerProcesses
    from ocisize.layer.sampler import Sampler
    from ocisize.layer.uncounted_scan import UncountedScan

_PROGRESS_STEP = 1 << 20  # bytes
_SMALL_IMAGE = 8 << 20  # stored bytes that are read in 50 ms: threads would save less than to start them costs


LayerId: TypeAlias = "tuple[str, str | None]"  #: digest and diff_id


@define(kw_only=True)
class LayerReader:
    """Reads layers of one source, until it is closed; the options are those of Analyzer."""

    source: ImageSource
    jobs: int
    verify: bool
    hash_content: bool
    keep_packages: bool
    keep_records: bool  #: for advice and inventories; else only the databases of distributions are needed
    estimate_download: bool
    use_processes: bool
    keep_going: bool
    limits: Limits  #: of all layers of one call together
    on_progress: ProgressCallback | None
    progress_lock: threading.Lock  #: held while ``on_progress`` is called
    cache: Cache | None = None  #: where scans are looked up and kept
    use_toc: bool = False
    use_unverified_toc: bool = False
    hash_function: str | None = None
    prepare: Callable[[], object] | None = None  #: makes ready what comes after the layers, while processes scan
    _tocs: Tocs | None = field(default=None, init=False)
    _sampler: Sampler | None = field(default=None, init=False)
    _processes: LayerProcesses | None = field(default=None, init=False)
    _scans: LayerCache | None = field(default=None, init=False)

    def read_once(self) -> None:
        """Read a source whose blobs pass only once, such as a pipe, before its documents say which of them are layers.

        Raises OcisizeError, and what ``on_progress`` raises.
        """
        if not isinstance(self.source, OnePassSource):
            return
        from ocisize.layer.passing import PassingScanner

        scanner = PassingScanner(
            verify=self.verify,
            estimate_download=self.estimate_download,
            content_hash=self.content_hash,
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
        try:
            return self._read(layers)
        except LayerError as error:
            if self._processes is None or not is_shared_limit(error):
                raise
        self._processes.close()  # which layer exceeds a limit depends on the order of reading, and one process has one order
        self._processes, self.use_processes = None, False
        return self._read(layers)

    def _read(self, layers: Sequence[Layer]) -> list[Outcome]:
        stored_size = sum(layer.descriptor.size for layer in layers)
        tally = Tally(self.limits, stored_size)
        plain_layers, cached = self._look_up(layers)
        missing = [layer for layer in layers if layer.index not in cached]
        missing_size = sum(layer.descriptor.size for layer in missing)
        totals = Totals(len(missing), missing_size)
        all_in_place = len(plain_layers) == len(missing) and not self.hash_content
        in_turn = all_in_place or (self.source.is_local and missing_size <= _SMALL_IMAGE)
        options = SamplerOptions(self.jobs, stored_size, len(layers))
        processes = self._processes = self._fork(plain_layers, options) if all_in_place else None
        sampler = self._sampler = (processes or ThreadSampler(options)) if self._estimates else None
        is_one_pass, decompressors = isinstance(self.source, OnePassSource), Decompressors()

        def scan(layer: Layer, check: Check) -> LayerScan:
            if (known := cached.get(layer.index)) is not None:
                return known.count(layer, Meter(tally))
            on_bytes = self._make_on_bytes(layer, totals, check)
            if processes is not None and (found := processes.find(layer)) is not None:
                on_bytes(layer.descriptor.size)
                return found.count(layer, Meter(tally))
            if is_one_pass:
                from ocisize.layer.passing import scan_passed_layer

                if (passed := scan_passed_layer(self.source, layer, verify=self.verify, on_bytes=on_bytes)) is not None:
                    return passed
            from_toc = self._scan_toc(layer, Meter(tally), on_bytes)
            if from_toc is not None:
                return from_toc
            meter = Meter(tally) if self._scans is None else self._scans.make_meter(tally)
            outcome = scan_layer(
                self.source,
                layer,
                verify=self.verify,
                hash_content=self.hash_content,
                content_hash=self.content_hash,
                sampler=sampler if layer.pulled_blob is None else None,
                meter=meter,
                decompressors=decompressors,
                # With one job, or while a layer of more than half of all bytes is read, a core is idle and can hash.
                hash_in_thread=not in_turn and (self.jobs == 1 or layer.descriptor.size > missing_size / 2),
                on_bytes=on_bytes,
            )
            if self._scans is not None:
                self._scans.keep(layer, outcome, meter)
            return outcome

        if processes is not None:
            if self.prepare is not None:
                self.prepare()
            return read_layers(self.source, layers, scan, jobs=1, keep_going=self.keep_going, order=processes.order())
        return read_layers(self.source, layers, scan, jobs=self.jobs, keep_going=self.keep_going, in_turn=in_turn)

    def read_distinct(self, layers: Sequence[Layer], kept: dict[LayerId, LayerScan] | None) -> list[Outcome]:
        """The outcome of each layer of an image. A layer that the image has twice, or that was kept, is not read again.

        ``kept`` are scans by digest and diff_id, to which those of verified layers are added; None keeps nothing. Those
        whose content hashes are of another function than the reader's are made again.
        """
        distinct = {(layer.descriptor.digest, layer.diff_id): layer for layer in reversed(layers)}
        name = self.content_hash.name
        usable = {key: scan for key, scan in (kept or {}).items() if scan.table.hash_function == name}
        outcomes: dict[LayerId, Outcome] = {key: usable[key] for key in distinct if key in usable}
        missing = {key: layer for key, layer in distinct.items() if key not in outcomes}
        outcomes.update(zip(missing, self.read(list(missing.values())), strict=True))
        if kept is not None:  # the bytes of a layer that is not verified may not be those of its digest
            read = ((key, outcomes[key]) for key in missing)
            kept.update({key: scan for key, scan in read if isinstance(scan, LayerScan) and scan.digest_verified})
        return self.hash_duplicates(layers, [outcomes[layer.descriptor.digest, layer.diff_id] for layer in layers])

    def with_tocs(self, images: Sequence[Image]) -> LayerReader:
        """Find the tables of contents of the layers of these images; return the reader."""
        if self.use_toc and not self.verify:
            with_soci, with_unverified = not self.hash_content, self.use_unverified_toc
            self._tocs = find_tocs(self.source, images, with_soci=with_soci, with_unverified=with_unverified)
            self._scans = None  # those of another function may have been looked up
        return self

    @property
    def content_hash(self) -> ContentHash:
        """The function that hashes files: if none is asked for, that of tables of contents where a layer has one."""
        if self.hash_function is not None:
            return CONTENT_HASHES[self.hash_function]
        return SHA256 if self._tocs is not None and self._tocs.list_digests else XXH3

    def close(self) -> None:
        """End the processes, and the sampling of layers whose estimates nobody has asked for."""
        for closable in (self._processes, self._sampler):
            if closable is not None:
                closable.close()

    def _open_cache(self) -> LayerCache | None:
        """The scans in the cache; its modules are imported only for a layer that may be there."""
        if self._scans is None and self.cache is not None and not isinstance(self.source, OnePassSource):
            from ocisize.layer.cache import LayerCache

            self._scans = LayerCache(self.cache, limits=self.limits, content_hash=self.content_hash)
        return self._scans

    def may_reuse(self, layers: Iterable[Layer]) -> bool:
        """Whether scans in the cache may take the place of all layers: no file is read in place, absent, or too large."""
        return all(self._probe(layer)[1] for layer in layers)

    def find_tables(self, layers: Iterable[Layer]) -> list[FileTable] | None:
        """The file tables of all layers from the cache, as an analysis has them; None if one is not there."""
        tables = dict[str, FileTable]()
        for layer in layers:
            if layer.descriptor.digest not in tables:
                scans = self._open_cache()
                found = None if scans is None else scans.find(layer, verify=self.verify)
                if found is None:
                    return None
                table = found.scan.table
                tables[layer.descriptor.digest] = table if self.keep_packages else table.without_contents()
        return [tables[layer.descriptor.digest] for layer in layers]

    def _look_up(self, layers: Sequence[Layer]) -> tuple[list[tuple[Layer, FileRegion]], dict[int, UncountedScan]]:
        """The layers that will be read in place, and the scans of those that need not be read, by index."""
        plain_layers: list[tuple[Layer, FileRegion]] = []
        cached: dict[int, UncountedScan] = {}
        for layer in layers:
            region, is_usable = self._probe(layer)
            if region is not None:
                plain_layers.append((layer, region))
            elif (scans := self._open_cache()) is not None and is_usable and (found := self._find(scans, layer)) is not None:
                cached[layer.index] = found
        return plain_layers, cached

    def _probe(self, layer: Layer) -> tuple[FileRegion | None, bool]:
        """The region of a layer that will be read in place; and whether a scan in the cache may take the place of a layer.

        A layer in a file is taken from the cache if the file is there and has the right size, a rebuilt one if its record is
        there; ``verify`` reads both again. The errors of blobs are for ``scan_layer`` to raise.
        """
        if layer.rebuilt is not None:
            return None, layer.rebuilt.is_exact and not self.verify
        is_sure = {SELF_NAMED, FILE_NAMED}.isdisjoint(layer.descriptor.annotations)  # whose digest is in the manifest
        if not self.source.is_local or self.source.sequential:
            return None, is_sure and not (self.verify and self.source.is_local)
        with suppress(OcisizeError):
            blob = open_layer(self.source, layer.descriptor)
            if reads_in_place(blob, verify=self.verify):
                return blob, False
            return None, is_sure and not self.verify and getattr(blob, "size", None) == layer.descriptor.size
        return None, False

    def _find(self, scans: LayerCache, layer: Layer) -> UncountedScan | None:
        """The scan of a layer in the cache; None if it has an estimate, which is not kept."""
        found = scans.find(layer, verify=self.verify)
        has_estimate = self._estimates and layer.pulled_blob is None
        return None if found is not None and found.scan.compression == PLAIN and has_estimate else found

    @property
    def _estimates(self) -> bool:
        """Whether the compressed sizes of plain layers are unknown and asked for."""
        return self.estimate_download and not self.source.keeps_compression

    def _scan_toc(self, layer: Layer, meter: Meter, on_bytes: Callable[[int], None]) -> LayerScan | None:
        """The scan of a layer from its table of contents; None if the layer must be read."""
        if self._tocs is None:
            return None
        from ocisize.layer.toc.scan import scan_toc  # few layers have one

        keep, function = self.keep_records, self.content_hash
        return scan_toc(self._tocs, layer, content_hash=function, keep_records=keep, meter=meter, on_bytes=on_bytes)

    def _fork(self, plain_layers: Sequence[tuple[Layer, FileRegion]], options: SamplerOptions) -> LayerProcesses | None:
        """Processes that scan and sample the layers that are read in place; None if they are of no use."""
        if not (self.use_processes and self.jobs > 1 and options.image_size > _SMALL_IMAGE):
            return None
        from ocisize.layer.processes import fork_for_layers

        scan = partial(scan_layer, self.source, content_hash=self.content_hash)
        return fork_for_layers(plain_layers, scan, limits=self.limits, estimates=self._estimates, options=options)

    def hash_duplicates(self, layers: Sequence[Layer], outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes of an image's layers with the hashes of duplicates; see ``hash_duplicate_candidates``."""
        return hash_duplicate_candidates(layers, outcomes, jobs=self.jobs, keep_going=self.keep_going)

    def _make_on_bytes(self, layer: Layer, totals: Totals, check: Check) -> Callable[[int], None]:
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
