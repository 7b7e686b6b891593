"""Outliner: opens an image and reads its index, manifest and config; ``make_outline`` says what these mean."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from ocisize.blob.compression import PLAIN
from ocisize.chosen_base import choose_base
from ocisize.history.redact_run import list_config_secrets, redact_labels, redact_run
from ocisize.history.steps import LayerHistory, match_history
from ocisize.limits import Limits, limits_within
from ocisize.logs import Logger, PhaseTimer
from ocisize.model.base import BaseImage
from ocisize.model.outline import IndexOutline, LayerOutline, Outline
from ocisize.oci.artifacts import without_parameters
from ocisize.oci.choose import IndexFacts, parse_wanted
from ocisize.oci.documents import Descriptor, Platform
from ocisize.oci.image import Image, Layer, read_image
from ocisize.oci.index import IndexImages, error_context, read_images
from ocisize.oci.media_types import LAYER_TYPES
from ocisize.oci.source import ImageSource, Source, complete_source
from ocisize.oci.toc_annotations import SOCI_INDEX_DIGEST, find_toc_format
from ocisize.sources.open import open_source
from ocisize.sources.schemes import trim_input
from ocisize.text import printable
from ocisize.values import define, evolve, field

if TYPE_CHECKING:
    from ocisize.cache.store import Cache
    from ocisize.sources.registry.client import Connection

_UNKNOWN = "unknown"  # compression of a layer whose media type names none
_DIR = "dir"  # ``ImageSource.format`` of folders whose media types may be those of the compressed layers
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
        costs as many again. ``image`` and ``select`` are those of ``analyze``. Raises OcisizeError.
        """
        image = trim_input(os.fspath(image))
        with closing(self._open(image, select)) as source:
            return self.outline_source(source, name=image)

    def outline_source(self, source: Source, *, name: str = "") -> Outline:
        """Return the outline of the image of a source, which the caller closes; raises OcisizeError.

        The outline has ``name`` as its input. Of the source's blobs only the config is opened.
        """
        source = complete_source(source)
        image, base = self._read_image(source, name)
        return make_outline(source, name, evolve(image, warnings=(*source.warnings, *image.warnings)), base)

    def outline_all(self, image: str | os.PathLike[str], *, select: str | None = None) -> IndexOutline:
        """Return the outlines of the images of all platforms of an index: one request for it, and two for each image.

        A single image counts as an index of one; ``platform`` is ignored. Raises PlatformError for an error in one of the
        images, and other OcisizeErrors.
        """
        image = trim_input(os.fspath(image))
        with closing(self._open(image, select)) as source:
            return self.outline_all_source(source, name=image)

    def outline_all_source(self, source: Source, *, name: str = "") -> IndexOutline:
        """Return the outlines of all images of a source, which the caller closes; raises as ``outline_all`` does."""
        source = complete_source(source)
        index = read_images(source, keep_going=self.keep_going)
        _log.info("%s: platforms %s", printable(source.reference or name), printable(", ".join(index.images)))
        facts = _list_facts(index)
        outlines: dict[str, Outline] = {}
        for label, image in index.images.items():
            with error_context(label):
                based, base = choose_base(evolve(image, index=facts), self.base, self._open)
                outlines[label] = make_outline(source, name, based, base)
        return IndexOutline(
            source=name,
            format=source.format,
            reference=source.reference,
            digest=index.digest if source.has_index else None,
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

    def _read_image(self, source: ImageSource, name: str) -> tuple[Image, BaseImage | None]:
        """The image of a source for the platform, from its manifest and config, and its base image."""
        timer = PhaseTimer(_log)
        platform = parse_wanted(source, self.platform) if isinstance(self.platform, str) else self.platform
        image = read_image(source, platform)
        shown = printable(source.reference or name)
        _log.info("%s: %d layers for %s", shown, len(image.layers), printable(str(image.platform)))
        found = choose_base(image, self.base, self._open)
        timer.end("manifest, config and base image")
        return found


def _list_facts(index: IndexImages) -> IndexFacts | None:
    """What the index says beside each of its images; None for a single image."""
    if index.digest is None:
        return None
    platforms = (*index.images, *index.absent, *(image.platform for image in index.unread if image.platform))
    return IndexFacts(index.digest, platforms, index.attestations)


def make_outline(source: ImageSource, name: str, image: Image, base: BaseImage | None) -> Outline:
    """Return the outline of an image.

    ``source`` is where the image was read from; it is asked for facts, never for bytes. ``name`` is the input as the user
    gave it, ``base`` the base image, None where none was found.
    """
    config, index = image.config, image.index
    histories = match_history(config.history, len(image.layers))
    lowest: dict[str, int] = {}
    layers = [_outline_layer(source, layer, history, lowest) for layer, history in zip(image.layers, histories, strict=True)]
    return Outline(
        source=name,
        format=source.format,
        reference=source.reference,
        mirror=source.mirror,
        platform=str(image.platform),
        os_version=config.os_version,
        digest=image.digest if source.has_manifest else None,
        config_digest=image.config_descriptor.digest,
        media_type=image.media_type,
        created=config.created,
        manifest_size=image.manifest_size if source.has_manifest else None,
        config_size=image.config_descriptor.size,
        layers=tuple(layers),
        run=redact_run(config.run),
        base=base,
        secrets=list_config_secrets(config),
        annotations=redact_labels(image.annotations),
        soci_index=image.annotations.get(SOCI_INDEX_DIGEST),
        index_digest=index.digest if index is not None and source.has_index else None,
        platforms=index.platforms if index is not None else (),
        attestations=index.attestations if index is not None else 0,
        unverified_hosts=tuple(source.unverified_hosts),
        warnings=image.warnings,
        config_layers=image.config_layers,
    )


def _outline_layer(source: ImageSource, layer: Layer, history: LayerHistory, lowest: dict[str, int]) -> LayerOutline:
    """The outline of a layer; ``lowest`` has the indexes of the layers below by digest, and this one afterwards."""
    descriptor = layer.pulled_blob or layer.descriptor
    compression = _name_compression(source, descriptor)
    is_download = source.keeps_compression or compression not in (PLAIN, _UNKNOWN)  # registries have these layers compressed
    first = lowest.setdefault(descriptor.digest, layer.index)
    return LayerOutline(
        index=layer.index,
        digest=descriptor.digest,
        diff_id=layer.diff_id,
        media_type=descriptor.media_type,
        compression=compression,
        compressed_size=descriptor.size if is_download else None,
        blob_size=descriptor.size,
        build_step=history.build_step,
        created_by=history.created_by,
        created=history.created,
        build_step_certain=history.certain,
        repeats=None if first == layer.index else first,
        toc_format=find_toc_format(descriptor.annotations),
        member=source.member_name(descriptor),
    )


def _name_compression(source: ImageSource, descriptor: Descriptor) -> str:
    """The compression that the media type of a layer names, ``unknown`` if it names none or may be wrong."""
    if source.format == _DIR and not source.keeps_compression:  # podman decompresses layers and leaves their media types
        return _UNKNOWN
    named = LAYER_TYPES.get(without_parameters(descriptor.media_type))
    composed = PLAIN if not source.has_manifest else _UNKNOWN  # composed manifests have media types made from the bytes
    return named or composed
