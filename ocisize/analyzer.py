"""Analyzer: opens an input, scans its layers in parallel and analyses them; the one place where I/O meets analysis."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import attrs

from ocisize.errors import InvalidReference, LayerError, OcisizeError, SourceError
from ocisize.history.base_image import find_base, match_given
from ocisize.layer.content_hashes import Outcome, hash_duplicate_candidates
from ocisize.layer.locks import fork_safe
from ocisize.layer.pool import CallbackFailed, Check, read_layers
from ocisize.layer.scan import LayerScan, scan_layer
from ocisize.limits import TIMES_TWO_IMAGES, Limits, Meter, Tally, limits_within
from ocisize.model.analysis import Analysis
from ocisize.model.base import Base, GivenBase
from ocisize.oci.documents import Platform
from ocisize.oci.image import Image, Layer, read_image
from ocisize.oci.index import error_context, layer_key, locate_error, read_images, shared_layers
from ocisize.oci.platform import parse_platform
from ocisize.oci.source import ImageSource, Source, complete_source
from ocisize.pipeline import analyze_layers
from ocisize.rules.load import load_catalog
from ocisize.rules.rule import Catalog
from ocisize.sources.open import open_source

if TYPE_CHECKING:
    from ocisize.model.platforms import IndexAnalysis
    from ocisize.sources.registry.client import Connection

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
    """Analyses images with one set of options; may be used for many images, from many threads and processes.

    ``jobs`` is how many layers are read at once. ``verify`` reads and checks everything, diff_ids included.
    ``hash_content`` computes the content hash of every file, also where the figures do not need it. ``catalog`` are
    the rules for files that images rarely need; None means the packaged ones. ``base`` names the image that the analysed
    ones were built on, as ``analyze`` takes it; its manifest and config are read, never its layers. ``keep_layers`` keeps
    what was read of verified layers, so that images which share them read them once. With ``keep_going`` layers that
    cannot be read are left out and named in the analysis, which then says that it is not ``complete``; so are images of an
    index. ``limits`` are what an image may ask for; ``max_memory``, in bytes, lowers them by the law of
    ``ocisize.limits``. ``on_progress`` is called under a lock, at most once per MiB and layer.
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
    max_memory: int | None = None
    keep_going: bool = False
    on_progress: ProgressCallback | None = None
    _kept: dict[tuple[str, str | None], LayerScan] = attrs.field(factory=dict, init=False, repr=False)
    _lock: threading.Lock = attrs.field(factory=lambda: fork_safe(threading.Lock()), init=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """For another process: the options, without what belongs to this one."""
        return attrs.asdict(self, recurse=False, filter=lambda field, _: field.init)

    def __setstate__(self, options: dict[str, Any]) -> None:
        self.__init__(**options)  # type: ignore[misc]

    def _limits(self, times: int = 1) -> Limits:
        if self.max_memory is None:
            return self.limits
        return limits_within(self.max_memory, self.limits, jobs=self.jobs, times=times)

    def analyze(self, image: str | os.PathLike[str], *, select: str | None = None) -> Analysis:
        """Analyse what ``image`` names: a reference, a saved archive or a layout folder.

        ``select`` chooses among several images in one file. Raises OcisizeError.
        """
        image = os.fspath(image)
        with closing(open_source(image, select=select, connection=self.connection, limits=self._limits())) as source:
            return self.analyze_source(source, name=image)

    def analyze_source(self, source: Source, *, name: str = "") -> Analysis:
        """Analyse an image from any Source; the caller closes it.

        The ``abort`` method of an ``ImageSource`` is called when the analysis fails or is interrupted; nothing can be read
        from it afterwards.
        """
        source = complete_source(source)
        platform = parse_platform(self.platform) if isinstance(self.platform, str) else self.platform
        image = read_image(source, platform)
        base, note = self._find_base(image)
        if note is not None:
            image = attrs.evolve(image, warnings=(*image.warnings, note))
        outcomes = self._scan(source, image)
        return analyze_layers(source, name, image, outcomes, self.catalog or load_catalog(), base)

    def analyze_all(self, image: str | os.PathLike[str], *, select: str | None = None) -> IndexAnalysis:
        """Analyse the images of all platforms that an index has, reading layers that several share once.

        A single image counts as an index of one; ``platform`` is not looked at. Raises PlatformError for what is wrong
        with one of the images, and other OcisizeErrors.
        """
        image = os.fspath(image)
        with closing(open_source(image, select=select, connection=self.connection, limits=self._limits())) as source:
            return self.analyze_all_source(source, name=image)

    def analyze_all_source(self, source: Source, *, name: str = "") -> IndexAnalysis:
        """Analyse the images of all platforms from any Source; the caller closes it."""
        from ocisize.comparison.platforms import find_drift
        from ocisize.model.platforms import IndexAnalysis

        source = complete_source(source)
        index = read_images(source, keep_going=self.keep_going)
        images = dict[str, tuple[Image, Base | None]]()
        for label, image in index.images.items():
            with error_context(label):
                base, note = self._find_base(image)
            images[label] = attrs.evolve(image, warnings=(*image.warnings, *filter(None, [note]))), base
        layers = shared_layers(index.images)
        try:
            found = self._scan_layers(source, list(layers.values()), self._limits(TIMES_TWO_IMAGES))
        except LayerError as error:
            raise locate_error(error, index.images, list(layers)) from error
        outcomes = dict(zip(layers, found, strict=True))
        analyses = {}
        for label, (image, base) in images.items():
            with error_context(label):
                own = self._hash_alike(image, [outcomes[layer_key(layer)] for layer in image.layers])
                analyses[label] = analyze_layers(source, name, image, own, self.catalog or load_catalog(), base)
        return IndexAnalysis(
            source=name,
            format=source.format,
            reference=source.reference,
            digest=index.digest,
            media_type=index.media_type,
            analyses=analyses,
            drift=find_drift(analyses),
            attestations=index.attestations,
            absent=index.absent,
            unread=index.unread,
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
            with closing(open_source(name, connection=self.connection, limits=self._limits())) as source:
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

    def _scan(self, source: ImageSource, image: Image) -> list[Outcome]:
        distinct = {(layer.descriptor.digest, layer.diff_id): layer for layer in reversed(image.layers)}
        found: dict[tuple[str, str | None], Outcome] = {key: self._kept[key] for key in distinct if key in self._kept}
        missing = {key: layer for key, layer in distinct.items() if key not in found}
        found.update(zip(missing, self._scan_layers(source, list(missing.values()), self._limits()), strict=True))
        if self.keep_layers:  # unverified ones prove nothing about another image's layers
            scans = {key: scan for key in missing if isinstance(scan := found[key], LayerScan)}
            self._kept.update((key, scan) for key, scan in scans.items() if scan.digest_verified)
        return self._hash_alike(image, [found[layer.descriptor.digest, layer.diff_id] for layer in image.layers])

    def _hash_alike(self, image: Image, outcomes: Sequence[Outcome]) -> list[Outcome]:
        return hash_duplicate_candidates(image.layers, outcomes, jobs=self.jobs, keep_going=self.keep_going)

    def _scan_layers(self, source: ImageSource, layers: Sequence[Layer], limits: Limits) -> list[Outcome]:
        stored = sum(layer.descriptor.size for layer in layers)
        half, tally = stored / 2, Tally(limits, stored)

        def scan(layer: Layer, check: Check) -> LayerScan:
            return scan_layer(
                source,
                layer,
                verify=self.verify,
                hash_content=self.hash_content,
                meter=Meter(tally),
                hash_in_thread=self.jobs == 1 or layer.descriptor.size > half,  # else every core has a layer to hash itself
                on_bytes=self._progress_of(layer, len(layers), check),
            )

        return read_layers(source, layers, scan, jobs=self.jobs, keep_going=self.keep_going)

    def _progress_of(self, layer: Layer, layers: int, check: Check) -> Callable[[int], None]:
        size, reported = layer.descriptor.size, -_PROGRESS_STEP

        def on_bytes(done: int) -> None:
            nonlocal reported
            check()
            if self.on_progress is not None and (done - reported >= _PROGRESS_STEP or done >= size > reported):
                reported = done
                try:
                    with self._lock:
                        self.on_progress(Progress(layer.index, layers, done, size))
                except BaseException as error:
                    raise CallbackFailed(error) from None

        return on_bytes


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
