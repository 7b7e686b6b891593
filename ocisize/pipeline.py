"""explain: what the scans of an image's layers mean, as an Analysis. No I/O; the scans are all it needs."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from ocisize.blob.compression import PLAIN
from ocisize.errors import BlobError, LayerError, LimitExceeded, OcisizeError, SourceError, StreamError, TarError
from ocisize.filesystem.directories import ImageRuns
from ocisize.filesystem.dive_figures import find_dive_figures
from ocisize.filesystem.duplicates import find_duplicates
from ocisize.filesystem.overlap import find_overlapping_rows
from ocisize.filesystem.overlay import Overlay, overlay_selected
from ocisize.filesystem.waste import find_waste
from ocisize.findings.advise import advise
from ocisize.findings.evidence import ImageEvidence
from ocisize.history.steps import match_history
from ocisize.layer.scan import LayerScan
from ocisize.model.analysis import Analysis, Failure
from ocisize.model.base import Base
from ocisize.model.dive import DiveFigures
from ocisize.oci.image import Image
from ocisize.oci.source import ImageSource
from ocisize.packages.system import find_system
from ocisize.rules.match import match_image
from ocisize.rules.rule import Catalog
from ocisize.sizes.groups import find_groups
from ocisize.sizes.layers import LayerFacts, split_at_base, sum_layers, summarize_layers
from ocisize.tar.filetable import FileTable

_STEPS: tuple[tuple[type[OcisizeError], str], ...] = (
    (SourceError, "fetch"),
    (BlobError, "verify"),
    (StreamError, "decompress"),
    (TarError, "unpack"),
    (LimitExceeded, "limit"),
)
_UNKNOWN = "unknown"  # compression of a layer that could not be read


def analyze_layers(
    source: ImageSource,
    name: str,
    image: Image,
    outcomes: Sequence[LayerScan | LayerError],
    catalog: Catalog,
    base: Base | None,
) -> Analysis:
    """The analysis of an image that was read from ``source``, given as ``name``; its tables are kept.

    ``outcomes`` are the scans of its layers, or the errors of those that could not be read, whose tables are empty.
    """
    scans = [_nothing(outcome) if isinstance(outcome, LayerError) else outcome for outcome in outcomes]
    tables = [scan.table for scan in scans]
    facts = _list_facts(source, image, scans, [_failure(outcome) for outcome in outcomes])
    for table, fact in zip(tables, facts, strict=True):
        if fact.compressed_size is None:
            table.compressed_sizes = table.overhead = None
    runs = ImageRuns()
    overlay, dive = _lay_over(tables, runs)
    waste, duplicates = find_waste(tables, overlay), find_duplicates(tables, overlay)
    origins = match_history(image.config.history, len(image.layers))
    layers = summarize_layers(tables, facts, origins, waste, [each.size for each in duplicates], overlay)
    system = find_system(tables, overlay, image.config.run)
    matches, secrets = match_image(catalog, tables, runs)
    evidence = ImageEvidence(
        layers=layers,
        tables=tables,
        overlay=overlay,
        duplicates=duplicates,
        config=image.config,
        reference=source.reference,
        catalog=catalog,
        matches=matches,
        secrets=secrets,
        base_layers=base.certain_layers if base is not None else 0,
        system=system,
    )
    advice = advise(evidence)
    return Analysis(
        source=name,
        format=source.format,
        reference=source.reference,
        platform=str(image.platform),
        digest=image.digest if source.has_manifest else None,
        config_digest=image.config_descriptor.digest,
        media_type=image.media_type,
        created=image.config.created,
        manifest_size=image.manifest_size if source.has_manifest else None,
        config_size=image.config_descriptor.size,
        layers=layers,
        waste=waste,
        advice=advice,
        base=split_at_base(layers, base) if base is not None else None,
        system=system,
        warnings=(*image.warnings, *_anomalies(scans), *overlay.anomalies),
        dive=dive if all(fact.failure is None for fact in facts) else None,
        groups=find_groups(layers, runs),
        **attrs.asdict(sum_layers(layers)),
    )


def _nothing(_: LayerError) -> LayerScan:
    """What was found in a layer that could not be read: nothing, not even what had come before it broke."""
    return LayerScan(FileTable.empty(), _UNKNOWN, digest_verified=False, diff_id_verified=False)


def _failure(outcome: LayerScan | LayerError) -> Failure | None:
    if not isinstance(outcome, LayerError):
        return None
    step = next((step for kind, step in _STEPS if isinstance(outcome.cause, kind)), "read")
    return Failure(step, str(outcome.cause))


def _list_facts(
    source: ImageSource, image: Image, scans: Sequence[LayerScan], failures: Sequence[Failure | None]
) -> list[LayerFacts]:
    """What is known of each layer besides its table; an archive that holds plain layers does not tell their wire size."""
    sizeless = () if source.keeps_compression else (PLAIN, _UNKNOWN)
    return [
        LayerFacts(
            digest=layer.descriptor.digest,
            diff_id=layer.diff_id,
            media_type=layer.descriptor.media_type,
            compression=scan.compression,
            compressed_size=None if scan.compression in sizeless else layer.descriptor.size,
            digest_verified=scan.digest_verified,
            diff_id_verified=scan.diff_id_verified,
            member=source.member_name(layer.descriptor),
            failure=failure,
        )
        for layer, scan, failure in zip(image.layers, scans, failures, strict=True)
    ]


def _lay_over(tables: Sequence[FileTable], runs: ImageRuns) -> tuple[Overlay, DiveFigures]:
    selection = find_overlapping_rows(tables, runs)
    return overlay_selected(tables, selection), find_dive_figures(tables, selection)


def _anomalies(scans: Sequence[LayerScan]) -> list[str]:
    return [f"layer {index}: {text}" for index, scan in enumerate(scans) for text in scan.table.anomalies]
