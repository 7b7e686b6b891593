"""Outliner: opens an image and reads its index, manifest and config; ``outlines.make_outline`` says what these mean.

Its modules are imported where they are used: an analysis, which is an Outliner too, needs no outline.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from ocisize.chosen_base import TracedImage, trace_image
from ocisize.limits import Limits, limits_within
from ocisize.logs import Logger, PhaseTimer
from ocisize.oci.choose import IndexFacts, parse_wanted
from ocisize.oci.documents import Platform
from ocisize.oci.image import Image, read_image
from ocisize.oci.index import IndexImages, error_context, read_images
from ocisize.oci.source import ImageSource, Source, complete_source
from ocisize.sources.open import open_source
from ocisize.sources.schemes import trim_input
from ocisize.text import printable
from ocisize.values import define, evolve, field

if TYPE_CHECKING:
    from ocisize.cache.store import Cache
    from ocisize.model.outline import IndexOutline, Outline
    from ocisize.sources.registry.client import Connection

_log = Logger(__name__)


@define(kw_only=True)
class Outliner:
    """The options that say which image is meant and how to reach it, and the methods that read its documents only."""

    #: Of the images to analyze, as a Platform or a text such as ``linux/arm64``. None: Linux on this machine's processor.
    platform: Platform | str | None = None
    #: Options for registries; None: the defaults.
    connection: Connection | None = None
    #: The base image of the analyzed images, named as for ``analyze``; ``scratch`` for none. Its layers are never read.
    base: str | os.PathLike[str] | None = None
    #: Read the provenance attestation of BuildKit, if an image has one: it names the base image, and which lines of the
    #: Dockerfile made which layer. It costs two small requests to a registry, three for an image by digest.
    use_attestations: bool = True
    #: What an image may ask for.
    limits: Limits = field(factory=Limits)
    #: Bytes of memory; lowers ``limits`` by the memory law of ``ocisize.limits``. None: no limit.
    max_memory: int | None = None
    #: Leave out layers, and images of an index, that cannot be read; the analysis names them, and is not ``complete``.
    keep_going: bool = False
    #: Where results that depend on digests alone are kept between runs, such as a ``DiskCache``; None: nowhere.
    cache: Cache | None = None

    def outline(self, image: str | os.PathLike[str], *, select: str | None = None) -> Outline:
        """Return what the index, the manifest and the config of an image say; no layer is read.

        An image in a registry costs two requests, or three if its name is that of an index; a base image that ``base`` names
        costs as many again. Attestations cost two more, if the index lists some. ``image`` and ``select`` are those of
        ``analyze``. Raises OcisizeError.
        """
        image = trim_input(os.fspath(image))
        with closing(self._open(image, select)) as source:
            return self.outline_source(source, name=image)

    def outline_source(self, source: Source, *, name: str = "") -> Outline:
        """Return the outline of the image of a source, which the caller closes; raises OcisizeError.

        The outline has ``name`` as its input. Of the source's blobs only the config is opened.
        """
        from ocisize.outlines import make_outline

        source = complete_source(source)
        traced = self._read_image(source, name)
        image = evolve(traced.image, warnings=(*source.warnings, *traced.image.warnings))
        return make_outline(source, name, image, traced.base, traced.record)

    def outline_all(self, image: str | os.PathLike[str], *, select: str | None = None) -> IndexOutline:
        """Return the outlines of the images of all platforms of an index: one request for it, and two for each image.

        The attestations of an image cost two more requests.
        A single image counts as an index of one; ``platform`` is ignored. Raises PlatformError for an error in one of the
        images, and other OcisizeErrors.
        """
        image = trim_input(os.fspath(image))
        with closing(self._open(image, select)) as source:
            return self.outline_all_source(source, name=image)

    def outline_all_source(self, source: Source, *, name: str = "") -> IndexOutline:
        """Return the outlines of all images of a source, which the caller closes; raises as ``outline_all`` does."""
        from ocisize.model.outline import IndexOutline
        from ocisize.outlines import make_outline

        source = complete_source(source)
        index = read_images(source, keep_going=self.keep_going)
        _log.info("%s: platforms %s", printable(source.reference or name), printable(", ".join(index.images)))
        facts = _list_facts(index)
        outlines: dict[str, Outline] = {}
        for label, image in index.images.items():
            with error_context(label):
                traced = self._trace(source, evolve(image, index=facts))
                outlines[label] = make_outline(source, name, traced.image, traced.base, traced.record)
        return IndexOutline(
            source=name,
            format=source.format,
            reference=source.reference,
            digest=index.digest if source.has_index else None,
            index_size=index.size if source.has_index else None,
            media_type=index.media_type,
            outlines=outlines,
            attestations=index.attestations,
            absent=index.absent,
            unread=index.unread,
            warnings=(*source.warnings, *index.warnings),
        )

    def _make_limits(self) -> Limits:
        """The limits on what is read to find the image, lowered to ``max_memory``."""
        return self.limits if self.max_memory is None else limits_within(self.max_memory, self.limits, jobs=1)

    def _open(self, name: str, select: str | None = None) -> ImageSource:
        timer = PhaseTimer(_log)
        limits = self._make_limits()
        source = open_source(name, select=select, connection=self.connection, limits=limits, cache=self.cache)
        timer.end("open")
        return source

    def _trace(self, source: ImageSource, image: Image) -> TracedImage:
        """An image of a source, with its base image and its attestations."""
        return trace_image(source, image, self.base, self._open, use_attestations=self.use_attestations)

    def _read_image(self, source: ImageSource, name: str) -> TracedImage:
        """The image of a source for the platform, from its manifest and config, with its base image and attestations."""
        timer = PhaseTimer(_log)
        platform = parse_wanted(source, self.platform) if isinstance(self.platform, str) else self.platform
        image = read_image(source, platform)
        shown = printable(source.reference or name)
        _log.info("%s: %d layers for %s", shown, len(image.layers), printable(str(image.platform)))
        traced = self._trace(source, image)
        timer.end("manifest, config, base image and attestations")
        return traced


def _list_facts(index: IndexImages) -> IndexFacts | None:
    """What the index says beside each of its images; None for a single image."""
    if index.digest is None:
        return None
    platforms = (*index.images, *index.absent, *(image.platform for image in index.unread if image.platform))
    return IndexFacts(index.digest, platforms, index.attestations, index.size)
