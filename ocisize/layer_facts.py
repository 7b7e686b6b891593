"""What is known of each layer besides its files: the facts of its documents, its source and its scan."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.blob.compression import PLAIN
from ocisize.errors import (
    BlobError,
    ForeignLayerAbsent,
    LayerError,
    LimitExceeded,
    OcisizeError,
    SourceError,
    StreamError,
    TarError,
)
from ocisize.layer.scan import LayerScan
from ocisize.model.analysis import FOREIGN, LayerFailure
from ocisize.oci.artifacts import without_parameters
from ocisize.oci.image import Image, Layer
from ocisize.oci.media_types import LAYER_TYPES
from ocisize.oci.source import ImageSource
from ocisize.sizes.layers import LayerFacts
from ocisize.tar.filetable import FileTable

#: error class → the step of reading that failed, as ``LayerFailure.step`` names it
_FAILED_STEPS: tuple[tuple[type[OcisizeError], str], ...] = (
    (ForeignLayerAbsent, FOREIGN),
    (SourceError, "fetch"),
    (BlobError, "verify"),
    (StreamError, "decompress"),
    (TarError, "unpack"),
    (LimitExceeded, "limit"),
)
UNKNOWN = "unknown"  #: compression of a layer that could not be read


def find_failure(outcome: LayerScan | LayerError) -> LayerFailure | None:
    """The step of reading a layer that failed, with its error; None for a layer that was read."""
    if not isinstance(outcome, LayerError):
        return None
    step = next((step for kind, step in _FAILED_STEPS if isinstance(outcome.cause, kind)), "read")
    return LayerFailure(step, str(outcome.cause))


def list_facts(
    source: ImageSource, image: Image, scans: Sequence[LayerScan], failures: Sequence[LayerFailure | None]
) -> list[LayerFacts]:
    """What the manifest, the config, the source and the scan say of each layer, besides its files."""
    return [
        _describe_layer(source, layer, scan, failure)
        for layer, scan, failure in zip(image.layers, scans, failures, strict=True)
    ]


def _describe_layer(source: ImageSource, layer: Layer, scan: LayerScan, failure: LayerFailure | None) -> LayerFacts:
    """What is known of one layer, besides its files; see ``list_facts``."""
    verifies = source.has_digests and layer.is_verifiable
    sizeless = () if source.keeps_compression else (PLAIN, UNKNOWN)  # registries have these layers compressed
    facts = LayerFacts(
        digest=scan.digest or layer.descriptor.digest,
        diff_id=layer.diff_id,
        media_type=layer.descriptor.media_type,
        compression=scan.compression,
        compressed_size=None if scan.compression in sizeless and not _is_unread(layer, scan) else layer.descriptor.size,
        digest_verified=scan.digest_verified and verifies,
        diff_id_verified=scan.diff_id_verified and verifies,
        member=source.member_name(layer.descriptor),
        toc=scan.toc,
        failure=failure,
    )
    pulled = layer.pulled_blob
    if layer.rebuilt is None or pulled is None:
        return facts
    return facts._replace(  # the tar was read, the blob was not
        digest=pulled.digest,
        media_type=pulled.media_type,
        compression=UNKNOWN if failure is not None else layer.rebuilt.compression,
        compressed_size=pulled.size,
        digest_verified=False,
    )


def _is_unread(layer: Layer, scan: LayerScan) -> bool:
    """Whether a layer was not read whose media type says that it is compressed: its size is the download."""
    return scan.compression == UNKNOWN and LAYER_TYPES.get(layer.descriptor.media_type) not in (None, PLAIN)


def add_estimate(layer: Layer, scan: LayerScan, fact: LayerFacts) -> LayerFacts:
    """The facts with the estimate of an unknown compressed size. Raises LayerError if the file of the layer has been cut."""
    if fact.compressed_size is not None:
        return fact
    try:
        estimate = scan.wait_for_estimate()
    except TarError as error:
        raise LayerError(layer.index, layer.descriptor.digest, error) from error
    if estimate is None:
        return fact
    return fact._replace(estimated_compressed_size=estimate.size, estimate_error=estimate.error)


def hide_unknown_sizes(image: Image, scans: Sequence[LayerScan], facts: Sequence[LayerFacts]) -> list[FileTable]:
    """The scans' tables, without the compressed sizes of files in layers whose own is unknown or whose blob was not read."""
    return [
        scan.table.with_compressed_sizes(None, None)
        if fact.compressed_size is None or (layer.rebuilt is not None and fact.failure is None)
        else scan.table
        for layer, scan, fact in zip(image.layers, scans, facts, strict=True)
    ]


def list_anomalies(scans: Sequence[LayerScan], facts: Sequence[LayerFacts]) -> list[str]:
    """What is odd about each layer; a scan that several images share knows nothing of the layer's media type."""
    return [
        f"layer {index}: {text}"
        for index, (scan, fact) in enumerate(zip(scans, facts, strict=True))
        for text in (*scan.table.anomalies, *_media_type_anomaly(fact))
    ]


def _media_type_anomaly(fact: LayerFacts) -> list[str]:
    """A warning if the media type of a layer names another compression than its bytes have.

    The bytes decide, as in containerd and Docker, which detect the compression.
    """
    named = LAYER_TYPES.get(without_parameters(fact.media_type))
    if named in (None, fact.compression) or fact.compression == UNKNOWN:
        return []
    return [f"stored as {fact.compression}, but its media type says {named}"]
