"""make_outline: what the documents of an image mean, as an Outline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocisize.blob.compression import PLAIN
from ocisize.history.redact_run import list_config_secrets, redact_labels, redact_run
from ocisize.history.steps import LayerHistory, match_history
from ocisize.model.base import BaseImage
from ocisize.model.outline import LayerOutline, Outline
from ocisize.model.provenance import SourceLines
from ocisize.oci.artifacts import without_parameters
from ocisize.oci.documents import Descriptor
from ocisize.oci.image import Image, Layer
from ocisize.oci.media_types import LAYER_TYPES
from ocisize.oci.source import ImageSource
from ocisize.oci.toc_annotations import SOCI_INDEX_DIGEST, find_toc_format

if TYPE_CHECKING:
    from ocisize.provenance.record import BuildRecord

_UNKNOWN = "unknown"  # compression of a layer whose media type names none
_DIR = "dir"  # ``ImageSource.format`` of folders whose media types may be those of the compressed layers


def make_outline(
    source: ImageSource, name: str, image: Image, base: BaseImage | None, record: BuildRecord | None = None
) -> Outline:
    """Return the outline of an image.

    ``source`` is where the image was read from; it is asked for facts, never for bytes. ``name`` is the input as the user
    gave it, ``base`` the base image, None where none was found. ``record`` is what attestations say about the build.
    """
    config, index = image.config, image.index
    histories: Sequence[LayerHistory] = match_history(config.history, len(image.layers))
    lines: Sequence[SourceLines | None] = [None] * len(image.layers)
    if record is not None and record.lines:
        histories, lines = record.complete_history(histories), record.lines
    lowest: dict[str, int] = {}
    layers = [
        _outline_layer(source, layer, history, line, lowest)
        for layer, history, line in zip(image.layers, histories, lines, strict=True)
    ]
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
        index_size=index.size if index is not None and source.has_index else None,
        platforms=index.platforms if index is not None else (),
        attestations=index.attestations if index is not None else 0,
        unverified_hosts=tuple(source.unverified_hosts),
        warnings=image.warnings,
        config_layers=image.config_layers,
        provenance=record.provenance if record is not None else None,
    )


def _outline_layer(
    source: ImageSource, layer: Layer, history: LayerHistory, lines: SourceLines | None, lowest: dict[str, int]
) -> LayerOutline:
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
        source=lines,
    )


def _name_compression(source: ImageSource, descriptor: Descriptor) -> str:
    """The compression that the media type of a layer names, ``unknown`` if it names none or may be wrong."""
    if source.format == _DIR and not source.keeps_compression:  # podman decompresses layers and leaves their media types
        return _UNKNOWN
    named = LAYER_TYPES.get(without_parameters(descriptor.media_type))
    composed = PLAIN if not source.has_manifest else _UNKNOWN  # composed manifests have media types made from the bytes
    return named or composed
