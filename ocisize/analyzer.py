"""Analyzer: opens an image, reads its layers in parallel and analyzes them; here I/O and analysis meet.

An image of your own ``Source`` is analyzed like any other:

>>> import json
>>> from ocisize.blob.digest import digest_of
>>> blobs = {}
>>> def add(data: bytes, media_type: str) -> dict:
...     blobs[digest_of(data)] = data
...     return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}
>>> tar = bytes(1024)  # without entries
>>> config = {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [digest_of(tar)]}}
>>> manifest = {
...     "schemaVersion": 2,
...     "config": add(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
...     "layers": [add(tar, "application/vnd.oci.image.layer.v1.tar")],
... }
>>> class Memory:
...     def read_manifest(self, digest=None):
...         return blobs[digest] if digest else json.dumps(manifest).encode()
...     def open_blob(self, descriptor):
...         return [blobs[descriptor.digest]]
>>> analysis = Analyzer().analyze_source(Memory(), name="mine")
>>> analysis.platform, analysis.compressed_size, analysis.file_count
('linux/amd64', 1024, 0)
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from ocisize.errors import LayerError
from ocisize.forks import forking
from ocisize.layer.content_hashes import Outcome
from ocisize.layer.locks import fork_safe
from ocisize.layer.progress import ProgressCallback
from ocisize.layer.reader import LayerReader
from ocisize.limits import TIMES_TWO_IMAGES, Limits, limits_within
from ocisize.logs import Logger, PhaseTimer
from ocisize.model.analysis import Analysis
from ocisize.oci.index import error_context, layer_key, locate_error, read_images, shared_layers
from ocisize.oci.source import ImageSource, OnePassSource, Source, complete_source
from ocisize.outlining import Outliner
from ocisize.rules.load import load_catalog
from ocisize.sources.schemes import trim_input
from ocisize.text import printable
from ocisize.values import asdict, at_least, define, evolve, field

if TYPE_CHECKING:
    from ocisize.chosen_base import TracedImage
    from ocisize.finished import Finished
    from ocisize.layer.scan import LayerScan
    from ocisize.model.build_files import BuildFiles
    from ocisize.model.platforms import IndexAnalysis
    from ocisize.oci.documents import Platform
    from ocisize.rules.rule import Catalog
    from ocisize.sources.registry.client import Connection

_log = Logger(__name__)


@define(kw_only=True)
class Analyzer(Outliner):
    """Analyzes images with one set of options. It may be used for many images, from many threads and processes.

    >>> Analyzer(platform="linux/arm64", jobs=2).analyze("./missing.tar")
    Traceback (most recent call last):
    ocisize.errors.ArchiveError: no such file or folder: ./missing.tar
    """

    #: How many layers are read at once.
    jobs: int = field(factory=lambda: min(os.cpu_count() or 1, 8), validator=at_least(1))
    #: Read all bytes and check all digests, diff_ids included.
    verify: bool = False
    #: Read layers from their tables of contents if a registry sends parts of blobs; without effect with ``verify``.
    use_toc: bool = True
    #: Also read layers from the tables of a SOCI index of version 1: nothing verifies it, and to find it takes one or two
    #: requests for each image without an index of version 2. Without effect if ``use_toc`` is False, or with ``verify``.
    use_unverified_toc: bool = False
    #: Hash the content of every file, not only where the figures need it.
    hash_content: bool = False
    #: The function that hashes contents: ``xxh3-128``, or ``sha256-128``, which tables of contents have. None: as is best.
    hash_function: str | None = None
    #: Compress a sample of layers that an archive holds uncompressed, to estimate their compressed size.
    estimate_download: bool = True
    #: Read and analyze plain layers in ``jobs`` processes. Without effect if threads run, or with ``max_memory``.
    use_processes: bool = False
    #: Rules for files that images rarely need; None: the packaged rules.
    catalog: Catalog | None = None
    #: The Dockerfile and the ignore file that the images were built with: the plan names their lines and has a patch.
    build_files: BuildFiles | None = None
    #: Find what could be better, and make the plan; False leaves both out, and takes half of the time after reading.
    advice: bool = True
    #: Keep the scans of verified layers, by digest and diff_id, so that images which share layers read them once.
    keep_layers: bool = False
    #: Keep the databases of package managers in the file tables, so that ``compare`` names the packages that changed.
    keep_packages: bool = False
    #: Find the package that each stored byte belongs to: ``Analysis.packages``.
    packages: bool = False
    #: The analysis needs file tables, as lists of files and budgets on paths do; False: one from the cache is without them.
    files: bool = True
    #: Is called under a lock, at most once per MiB and layer; its errors end the analysis.
    on_progress: ProgressCallback | None = None
    _scans: dict[tuple[str, str | None], LayerScan] = field(factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(factory=lambda: fork_safe(threading.Lock()), init=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """For another process: the options, without the lock and the scans of this process."""
        return asdict(self, recurse=False, filter=lambda field, _: field.init)

    def __setstate__(self, options: dict[str, Any]) -> None:
        self.__init__(**options)  # type: ignore[misc]

    def analyze(self, image: str | os.PathLike[str], *, select: str | None = None) -> Analysis:
        """Analyze the image that ``image`` names: a reference, a saved archive or a layout folder.

        ``select`` chooses among several images in one file. Raises OcisizeError.
        """
        image = trim_input(os.fspath(image))
        with closing(self._open(image, select)) as source:
            return self.analyze_source(source, name=image)

    def analyze_source(self, source: Source, *, name: str = "") -> Analysis:
        """Analyze the image of a source, which the caller closes; the analysis has ``name`` as its input.

        Raises OcisizeError. The ``abort`` method of an ``ImageSource`` is called when the analysis fails or is interrupted;
        nothing can be read from the source afterwards.
        """
        source = complete_source(source)
        self._make_reader(source, name).read_once()

        # Read the manifest and the config, and find the base image, where the figures are split, and the attestations.
        traced = self._read_image(source, name)
        image = traced.image

        # Read the layers: this takes most of the time.
        timer = PhaseTimer(_log)
        with closing(self._make_reader(source, name)) as reader:
            finished = self._open_finished(reader, source, name, traced)
            known = finished.find(reader, files=self.files) if finished is not None else None
            if known is not None:
                timer.end("analysis from the cache")
                return known
            outcomes = reader.with_tocs([image]).read_distinct(image.layers, self._scans if self.keep_layers else None)
            timer.end("layers")
            image = evolve(image, warnings=(*source.warnings, *image.warnings))
            analysis = self._analyze_layers(source, name, traced._replace(image=image), outcomes, finished)
        if finished is not None:
            finished.keep(analysis, len(image.warnings))
        timer.end("analysis")
        return analysis

    def analyze_all(self, image: str | os.PathLike[str], *, select: str | None = None) -> IndexAnalysis:
        """Analyze the images of all platforms of an index; layers that several images share are read once.

        A single image counts as an index of one; ``platform`` is ignored. ``select`` chooses among several images in one
        file. Raises PlatformError for an error in one of the images, and other OcisizeErrors.
        """
        image = trim_input(os.fspath(image))
        with closing(self._open(image, select)) as source:
            return self.analyze_all_source(source, name=image)

    def analyze_all_source(self, source: Source, *, name: str = "") -> IndexAnalysis:
        """Analyze the images of all platforms of a source, which the caller closes; raises as ``analyze_all`` does."""
        from ocisize.comparison.platforms import find_drift
        from ocisize.model.platforms import IndexAnalysis

        timer = PhaseTimer(_log)
        source = complete_source(source)
        self._make_reader(source, name, TIMES_TWO_IMAGES).read_once()

        # Read the manifests and configs of all platforms, and find the base image of each.
        index = read_images(source, keep_going=self.keep_going)
        _log.info("%s: platforms %s", printable(source.reference or name), printable(", ".join(index.images)))
        images: dict[str, TracedImage] = {}
        for label, image in index.images.items():
            with error_context(label):
                images[label] = self._trace(source, image)
        timer.end("manifests, configs, base images and attestations")

        # Read the layers of all images, each distinct one once.
        layers = shared_layers(index.images)
        with closing(self._make_reader(source, name, TIMES_TWO_IMAGES).with_tocs([*index.images.values()])) as reader:
            try:
                results = reader.read(list(layers.values()))
            except LayerError as error:
                raise locate_error(error, index.images, list(layers)) from error
            outcomes = dict(zip(layers, results, strict=True))
            timer.end("layers")

            # Analyze each image from the scans of its layers.
            analyses = dict[str, Analysis]()
            for label, traced in images.items():
                with error_context(label):
                    image = traced.image
                    own = reader.hash_duplicates(image.layers, [outcomes[layer_key(layer)] for layer in image.layers])
                    finished = self._open_finished(reader, source, name, traced)
                    known = finished.find_with(own, keep_packages=self.keep_packages) if finished is not None else None
                    analyses[label] = known or self._analyze_layers(source, name, traced, own, finished)
                    if finished is not None and known is None:
                        finished.keep(analyses[label], len(image.warnings))
            timer.end("analyses")

        return IndexAnalysis(
            source=name,
            format=source.format,
            reference=source.reference,
            digest=index.digest if source.has_index else None,
            index_size=index.size if source.has_index else None,
            media_type=index.media_type,
            analyses=analyses,
            drift=find_drift(analyses),
            attestations=index.attestations,
            absent=index.absent,
            unread=index.unread,
            warnings=(*source.warnings, *index.warnings),
        )

    def _make_limits(self, times: int = 1) -> Limits:
        """The limits, lowered to ``max_memory``."""
        most = self.max_memory
        return self.limits if most is None else limits_within(most, self.limits, jobs=self.jobs, times=times)

    def _analyze_layers(
        self, source: ImageSource, name: str, traced: TracedImage, outcomes: Sequence[Outcome], finished: Finished | None
    ) -> Analysis:
        """The analysis of an image from the outcomes of its layers; with ``finished``, their values come from the cache."""
        from ocisize.pipeline import analyze_layers

        catalog = (self.catalog or load_catalog()) if self.advice else None
        image, base, record = traced
        analyze = partial(analyze_layers, source, name, image, outcomes, catalog, base, self.build_files, record=record)
        if finished is None:
            with forking(enabled=self.use_processes and self.jobs > 1 and self.max_memory is None) as start:
                return analyze(keep_packages=self.keep_packages, packages=self.packages, start=start)
        from ocisize.layer_values import keep_layer_values

        with keep_layer_values(finished, outcomes, catalog) as known_duplicates:
            return analyze(known_duplicates, keep_packages=self.keep_packages, packages=self.packages)

    def _open_finished(self, reader: LayerReader, source: ImageSource, name: str, traced: TracedImage) -> Finished | None:
        """The place of an analysis in the cache; its modules are imported only if the analysis may be there."""
        if self.cache is None or isinstance(source, OnePassSource) or not reader.may_reuse(traced.image.layers):
            return None
        from ocisize.finished import Finished

        return Finished.of(self.cache, self.__getstate__(), self._make_limits(), source, name, *traced)

    def _make_reader(self, source: ImageSource, name: str, times: int = 1) -> LayerReader:
        """A reader of layers with these options; ``times`` is that of the memory law."""
        report = self.on_progress
        return LayerReader(
            source=source,
            jobs=self.jobs,
            verify=self.verify,
            hash_content=self.hash_content,
            hash_function=self.hash_function,
            keep_packages=self.keep_packages,
            keep_records=self.keep_packages or self.packages or self.advice,
            estimate_download=self.estimate_download,
            use_processes=self.use_processes and self.max_memory is None,
            keep_going=self.keep_going,
            limits=self._make_limits(times),
            on_progress=(lambda progress: report(evolve(progress, image=name))) if report else None,
            progress_lock=self._lock,
            cache=self.cache,
            use_toc=self.use_toc,
            use_unverified_toc=self.use_unverified_toc,
            prepare=self._prepare,
        )

    def _prepare(self) -> None:
        """Import what comes after the layers, while other processes scan."""
        from ocisize.pipeline import prepare_steps

        prepare_steps((self.catalog or load_catalog()) if self.advice else None)


def analyze(
    image: str | os.PathLike[str],
    *,
    select: str | None = None,
    platform: Platform | str | None = None,
    verify: bool = False,
    connection: Connection | None = None,
) -> Analysis:
    """Analyze one image with default options.

    ``image`` and ``select`` are those of ``Analyzer.analyze``, the other options those of Analyzer. Raises OcisizeError.

    >>> analysis = analyze("testdata/example.tar")  # or "docker.io/library/debian:12"
    >>> f"{analysis.compressed_size:,} bytes to download, {analysis.wasted_size:,} of {analysis.content_size:,} wasted"
    '1,590,055 bytes to download, 260,940 of 2,931,632 wasted'
    """
    return Analyzer(platform=platform, verify=verify, connection=connection).analyze(image, select=select)
