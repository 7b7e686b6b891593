"""Finished: the analysis of one image in the cache, between the ``Analyzer`` and what says whether it may be used."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ocisize
from ocisize.analysis_cache import AnalysisCache, make_key
from ocisize.cache.plain_values import to_plain
from ocisize.cache.store import Cache
from ocisize.layer.cache import scan_version
from ocisize.layer.reader import LayerReader
from ocisize.layer.scan import LayerScan
from ocisize.limits import Limits
from ocisize.model.analysis import Analysis
from ocisize.model.base import BaseImage
from ocisize.oci.image import Image, Layer
from ocisize.oci.source import ImageSource
from ocisize.values import evolve, frozen

_OPTIONS = ("verify", "advice", "keep_packages", "packages", "hash_content")  # of the Analyzer, that change its result
_VERSION_SIZE = 16  # hex digits
_SOURCE_FACTS = ("format", "reference", "has_manifest", "has_digests", "keeps_compression")


@frozen
class Finished:
    """What the cache has of an image."""

    cache: AnalysisCache
    source: ImageSource
    name: str  #: the input as the user gave it
    image: Image
    version: str  #: what results depend on besides layers and documents: the version of ocisize and the rules

    @classmethod
    def of(
        cls,
        store: Cache,
        options: Mapping[str, Any],
        limits: Limits,
        source: ImageSource,
        name: str,
        image: Image,
        base: BaseImage | None,
        record: object = None,
    ) -> Finished:
        """The place of an image in a store; ``options`` are the fields of the Analyzer, ``record`` that of attestations."""
        rules, build_files = options["catalog"], options["build_files"]
        version = [code_version(), scan_version(), "packaged" if rules is None else _digest(repr(rules))]
        facts = [
            version,
            [options[name] for name in _OPTIONS],
            _digest(repr(build_files)),
            to_plain(limits),
            to_plain(base),
            _digest(repr(record)),
            [getattr(source, name) for name in _SOURCE_FACTS],
            [
                image.digest,
                image.manifest_size,
                image.media_type,
                image.config_descriptor.digest,
                image.config_descriptor.size,
            ],
            [
                [blob.digest, blob.size, blob.media_type, layer.diff_id, source.member_name(blob), _pulled_facts(layer)]
                for layer in image.layers
                for blob in [layer.descriptor]
            ],
        ]
        return cls(
            AnalysisCache(store, make_key(facts), limits), source, name, image, _digest(repr(version))[:_VERSION_SIZE]
        )

    def find(self, reader: LayerReader, *, files: bool) -> Analysis | None:
        """Return the analysis, with file tables if ``files``; None if the layers must be read.

        They must be such that the cache may take their place: see ``LayerReader.may_reuse``.
        """
        analysis = self.cache.find()
        if analysis is None or len(analysis.layers) != len(self.image.layers):
            return None
        if files:
            tables = reader.find_tables(self.image.layers)
            layers = None if tables is None else self.cache.find_rows(analysis.layers, tables)
            if layers is None:
                return None
            analysis = evolve(analysis, layers=layers)
        return self._with_names(analysis, self.source.warnings)

    def find_with(self, outcomes: Sequence[object], *, keep_packages: bool) -> Analysis | None:
        """Return the analysis with the file tables of its layers' outcomes, which the caller has; None if it is not kept.

        The warnings of the source are left out: they are about all images of an index.
        """
        scans = [outcome for outcome in outcomes if isinstance(outcome, LayerScan)]
        if len(scans) != len(outcomes) or any(scan.region is not None or not scan.digest_verified for scan in scans):
            return None
        analysis = self.cache.find()
        if analysis is None or len(analysis.layers) != len(scans):
            return None
        tables = [scan.table if keep_packages else scan.table.without_contents() for scan in scans]
        layers = self.cache.find_rows(analysis.layers, tables)
        return None if layers is None else self._with_names(evolve(analysis, layers=layers), ())

    def _with_names(self, analysis: Analysis, warnings: Iterable[str]) -> Analysis:
        """The analysis with what is of this run, and ``warnings`` before its other ones."""
        return evolve(
            analysis,
            source=self.name,
            reference=self.source.reference,
            mirror=self.source.mirror,
            unverified_hosts=tuple(self.source.unverified_hosts),
            warnings=(*warnings, *self.image.warnings, *analysis.warnings),
        )

    def keep(self, analysis: Analysis, warnings: int) -> None:
        """Keep an analysis of the image if it depends on digests alone; its first ``warnings`` are those of this run."""
        self.cache.keep(analysis, warnings)


@functools.cache
def code_version() -> str:
    """The version of ocisize; in a checkout, which changes between versions, with the time of the last change."""
    package = os.path.dirname(ocisize.__file__)
    if not os.path.exists(os.path.join(os.path.dirname(package), "pyproject.toml")):
        return ocisize.__version__
    times = [
        os.stat(os.path.join(folder, name)).st_mtime_ns
        for folder, _, names in os.walk(package)
        for name in names
        if name.endswith(".py")
    ]
    return f"{ocisize.__version__} {max(times)} {len(times)}"


def _pulled_facts(layer: Layer) -> list[object] | None:
    """What a store says about the blob of a rebuilt layer; None of other layers."""
    if layer.rebuilt is None:
        return None
    blob = layer.rebuilt.pulled
    return [layer.rebuilt.compression, *([] if blob is None else [blob.digest, blob.size, blob.media_type])]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
