"""Analyzer: opens an input, scans its layers in parallel and analyses them; the one place where I/O meets analysis."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing
from typing import TYPE_CHECKING

import attrs

from ocisize.analysis.base import Base, GivenBase, find_base, match_given
from ocisize.analysis.catalog import Catalog, load_catalog
from ocisize.analysis.model import Analysis
from ocisize.analysis.waste import rows_to_hash
from ocisize.errors import InvalidReference, LayerError, OcisizeError, SourceError
from ocisize.explain import explain
from ocisize.image import Image, Layer, Source, read_image
from ocisize.index import layer_key, naming, placed, read_images, shared_layers
from ocisize.limits import Limits, Meter, Tally
from ocisize.oci import Platform
from ocisize.platforms import parse_platform
from ocisize.scan import SMALL, LayerScan, hash_rows, scan_layer
from ocisize.sources import open_source

if TYPE_CHECKING:
    from ocisize.analysis.drift import IndexAnalysis
    from ocisize.sources.client import Connection

_PROGRESS_STEP = 1 << 20


@attrs.frozen
class Progress:
    """How far one layer has come, in stored bytes; ``done`` equals ``size`` when it is finished."""

    layer: int
    layers: int
    done: int
    size: int


ProgressCallback = Callable[[Progress], object]


@attrs.define(kw_only=True)
class Analyzer:
    """Analyses images with one set of options; may be used for many images and from many threads.

    ``jobs`` is how many layers are read at once. ``verify`` reads and checks everything, diff_ids included.
    ``hash_content`` computes the content hash of every file, also where the figures do not need it. ``catalog`` are
    the rules for files that images rarely need; None means the packaged ones. ``base`` names the image that the analysed
    ones were built on, as ``analyze`` takes it; its manifest and config are read, never its layers. ``keep_layers`` keeps
    what was read of verified layers, so that images which share them read them once. ``limits`` are what an image may ask
    for. ``on_progress`` is called under a lock, at most once per MiB and layer.
    """

    platform: Platform | str | None = None
    jobs: int = attrs.field(factory=lambda: min(os.cpu_count() or 1, 8), validator=attrs.validators.ge(1))
    verify: bool = False
    hash_content: bool = False
    connection: Connection | None = None
    catalog: Catalog | None = None
    base: str | os.PathLike[str] | None = None
    keep_layers: bool = False
    limits: Limits = attrs.field(factory=Limits)
    on_progress: ProgressCallback | None = None
    _kept: dict[tuple[str, str | None], LayerScan] = attrs.field(factory=dict, init=False, repr=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    def analyze(self, image: str | os.PathLike[str], *, select: str | None = None) -> Analysis:
        """Analyse what ``image`` names: a reference, a saved archive or a layout folder.

        ``select`` chooses among several images in one file. Raises OcisizeError.
        """
        image = os.fspath(image)
        with closing(open_source(image, select=select, connection=self.connection, limits=self.limits)) as source:
            return self.analyze_source(source, name=image)

    def analyze_source(self, source: Source, *, name: str = "") -> Analysis:
        """Analyse an image from any Source; the caller closes it."""
        platform = parse_platform(self.platform) if isinstance(self.platform, str) else self.platform
        image = read_image(source, platform)
        base, note = self._find_base(image)
        if note is not None:
            image = attrs.evolve(image, warnings=(*image.warnings, note))
        scans = self._scan(source, image)
        analysis = explain(source, name, image, scans, self.catalog or load_catalog(), base)
        if not self.keep_layers:
            for scan in scans:
                scan.table.contents = {}  # read by now
        return analysis

    def analyze_all(self, image: str | os.PathLike[str], *, select: str | None = None) -> IndexAnalysis:
        """Analyse the images of all platforms that an index has, reading layers that several share once.

        A single image counts as an index of one; ``platform`` is not looked at. Raises PlatformError for what is wrong
        with one of the images, and other OcisizeErrors.
        """
        image = os.fspath(image)
        with closing(open_source(image, select=select, connection=self.connection, limits=self.limits)) as source:
            return self.analyze_all_source(source, name=image)

    def analyze_all_source(self, source: Source, *, name: str = "") -> IndexAnalysis:
        """Analyse the images of all platforms from any Source; the caller closes it."""
        from ocisize.analysis.drift import IndexAnalysis, find_drift

        index = read_images(source)
        images = dict[str, tuple[Image, Base | None]]()
        for label, image in index.images.items():
            with naming(label):
                base, note = self._find_base(image)
            images[label] = attrs.evolve(image, warnings=(*image.warnings, *filter(None, [note]))), base
        layers = shared_layers(index.images)
        try:
            scans = dict(zip(layers, self._scan_layers(source, list(layers.values())), strict=True))
        except LayerError as error:
            raise placed(error, index.images, list(layers)) from error
        analyses = {}
        for label, (image, base) in images.items():
            own = [scans[layer_key(layer)] for layer in image.layers]
            with naming(label):
                if any(scan.region is not None for scan in own):
                    self._hash_alike(own)
                analyses[label] = explain(source, name, image, own, self.catalog or load_catalog(), base)
        for scan in scans.values():
            scan.table.contents = {}  # read by now
        return IndexAnalysis(
            source=name,
            format=getattr(source, "format", "custom"),
            reference=getattr(source, "reference", None),
            digest=index.digest,
            media_type=index.media_type,
            analyses=analyses,
            drift=find_drift(analyses),
            attestations=index.attestations,
            absent=index.absent,
            warnings=index.warnings,
        )

    def _find_base(self, image: Image) -> tuple[Base | None, str | None]:
        """The base image, and a warning where it is not the one that was given."""
        found = find_base(image.config, image.annotations, len(image.layers))
        if self.base is None:
            return found, None
        given, note = match_given(self._read_base(image.platform), [layer.diff_id for layer in image.layers])
        return given or found, note

    def _read_base(self, platform: Platform) -> GivenBase:
        name = os.fspath(self.base or "")
        try:
            with closing(open_source(name, connection=self.connection, limits=self.limits)) as source:
                base = read_image(source, platform if platform.os and platform.architecture else None)
                in_layout = source.format.startswith("oci-")  # where names may be mere tags
                return GivenBase(
                    name=name if in_layout or source.reference is None else source.reference,
                    digest=base.digest if source.has_manifest else None,
                    diff_ids=tuple(layer.diff_id for layer in base.layers),
                )
        except OcisizeError as error:
            named = name in str(error) or isinstance(error, InvalidReference)  # which may hold a password
            which = "the base image:" if named else f"the base image {name}:"
            raise SourceError(f"{which} {error}", hint=error.hint) from error

    def _scan(self, source: Source, image: Image) -> list[LayerScan]:
        distinct = {(layer.descriptor.digest, layer.diff_id): layer for layer in reversed(image.layers)}
        found = {key: self._kept[key] for key in distinct if key in self._kept}
        missing = {key: layer for key, layer in distinct.items() if key not in found}
        found.update(zip(missing, self._scan_layers(source, list(missing.values())), strict=True))
        if self.keep_layers:  # unverified ones prove nothing about another image's layers
            self._kept.update((key, found[key]) for key in missing if found[key].digest_verified)
        scans = [found[layer.descriptor.digest, layer.diff_id] for layer in image.layers]
        if any(scan.region is not None for scan in scans):
            self._hash_alike(scans)
        return scans

    def _hash_alike(self, scans: Sequence[LayerScan]) -> None:
        """Hash what was passed over in layers read in place and could equal other contents."""
        rows = rows_to_hash([scan.table for scan in scans], SMALL)
        jobs = {
            (id(scan), part): (scan.region, scan.table, wanted[part :: self.jobs])
            for scan, wanted in zip(scans, rows, strict=True)
            if scan.region is not None
            for part in range(self.jobs)
        }
        with ThreadPoolExecutor(self.jobs, "ocisize") as pool:
            list(pool.map(lambda job: hash_rows(*job), jobs.values()))

    def _scan_layers(self, source: Source, layers: Sequence[Layer]) -> list[LayerScan]:
        """Scan all layers, largest first so that the last ones to finish are small; results in layer order."""
        stopped = threading.Event()
        stored = sum(layer.descriptor.size for layer in layers)
        half, tally = stored / 2, Tally(self.limits, stored)

        def scan(layer: Layer) -> LayerScan:
            return scan_layer(
                source,
                layer,
                verify=self.verify,
                hash_content=self.hash_content,
                meter=Meter(tally),
                aside=self.jobs == 1 or layer.descriptor.size > half,  # else every core has a layer to hash itself
                on_bytes=self._progress_of(layer, len(layers), stopped),
            )

        if getattr(source, "sequential", False):
            order = sorted(layers, key=lambda layer: source.stored_order(layer.descriptor))  # type: ignore[attr-defined]
            by_index = {layer.index: scan(layer) for layer in order}
            return [by_index[layer.index] for layer in layers]
        pool = ThreadPoolExecutor(self.jobs, "ocisize")
        try:
            by_size = sorted(layers, key=lambda layer: (-layer.descriptor.size, layer.index))
            futures = {layer.index: pool.submit(scan, layer) for layer in by_size}
            done, _ = wait(futures.values(), return_when=FIRST_EXCEPTION)
            failed = [future for future in futures.values() if future in done and future.exception() is not None]
            if failed:
                raise failed[0].exception() or AssertionError
            return [futures[layer.index].result() for layer in layers]
        finally:
            stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def _progress_of(self, layer: Layer, layers: int, stopped: threading.Event) -> Callable[[int], None]:
        size, reported = layer.descriptor.size, -_PROGRESS_STEP

        def on_bytes(done: int) -> None:
            nonlocal reported
            if stopped.is_set():
                raise _Stopped
            if self.on_progress is not None and (done - reported >= _PROGRESS_STEP or done >= size > reported):
                reported = done
                with self._lock:
                    self.on_progress(Progress(layer.index, layers, done, size))

        return on_bytes


class _Stopped(Exception):
    """Ends the scan of a layer whose result nobody waits for any more."""


def analyze(
    image: str | os.PathLike[str],
    *,
    select: str | None = None,
    platform: Platform | str | None = None,
    verify: bool = False,
    connection: Connection | None = None,
) -> Analysis:
    """Analyse one image with default options; see Analyzer."""
    return Analyzer(platform=platform, verify=verify, connection=connection).analyze(image, select=select)
