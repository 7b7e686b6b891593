"""explain: what the scans of an image's layers mean, as an Analysis. No I/O; the scans are all it needs."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from ocisize.analysis.advice import advise
from ocisize.analysis.base import Base
from ocisize.analysis.catalog import Catalog
from ocisize.analysis.claims import Scene
from ocisize.analysis.contested import find_contested
from ocisize.analysis.dive import find_dive_figures
from ocisize.analysis.grouping import find_groups
from ocisize.analysis.history import match_history
from ocisize.analysis.matching import match_image
from ocisize.analysis.model import Analysis, DiveFigures
from ocisize.analysis.overlay import Overlay, lay_over
from ocisize.analysis.runs import ImageRuns
from ocisize.analysis.summary import LayerFacts, split, summarize_layers, total
from ocisize.analysis.system import find_system
from ocisize.analysis.waste import find_duplicates, find_waste
from ocisize.files import FileTable
from ocisize.image import Image, Source
from ocisize.scan import LayerScan
from ocisize.stream import PLAIN


def explain(
    source: Source, name: str, image: Image, scans: Sequence[LayerScan], catalog: Catalog, base: Base | None
) -> Analysis:
    """The analysis of an image that was read from ``source``, given as ``name``; its tables are kept."""
    tables = [scan.table for scan in scans]
    facts = _list_facts(source, image, scans)
    for table, fact in zip(tables, facts, strict=True):
        if fact.compressed_size is None:
            table.compressed_sizes = table.overhead = None
    runs = ImageRuns()
    overlay, dive = _lay_over(tables, runs)
    waste, duplicates = find_waste(tables, overlay), find_duplicates(tables, overlay)
    origins = match_history(image.config.history, len(image.layers))
    layers = summarize_layers(tables, facts, origins, waste, [each.size for each in duplicates], overlay)
    system = find_system(tables, overlay, image.config.run)
    reference = getattr(source, "reference", None)
    matches, secrets = match_image(catalog, tables, runs)
    scene = Scene(
        layers=layers,
        tables=tables,
        overlay=overlay,
        duplicates=duplicates,
        config=image.config,
        reference=reference,
        catalog=catalog,
        matches=matches,
        secrets=secrets,
        base_layers=base.certain_layers if base is not None else 0,
        system=system,
    )
    advice = advise(scene)
    has_manifest = getattr(source, "has_manifest", True)
    return Analysis(
        source=name,
        format=getattr(source, "format", "custom"),
        reference=reference,
        platform=str(image.platform),
        digest=image.digest if has_manifest else None,
        config_digest=image.config_descriptor.digest,
        media_type=image.media_type,
        created=image.config.created,
        manifest_size=image.manifest_size if has_manifest else None,
        config_size=image.config_descriptor.size,
        layers=layers,
        waste=waste,
        advice=advice,
        base=split(layers, base) if base is not None else None,
        system=system,
        warnings=(*image.warnings, *_anomalies(scans), *overlay.anomalies),
        dive=dive,
        groups=find_groups(layers, runs),
        **attrs.asdict(total(layers)),
    )


def _list_facts(source: Source, image: Image, scans: Sequence[LayerScan]) -> list[LayerFacts]:
    """What is known of each layer besides its table; an archive that holds plain layers does not tell their wire size."""
    repacked = getattr(source, "repacked", False)
    member_of = getattr(source, "member_of", None)
    return [
        LayerFacts(
            digest=layer.descriptor.digest,
            diff_id=layer.diff_id,
            media_type=layer.descriptor.media_type,
            compression=scan.compression,
            compressed_size=None if repacked and scan.compression == PLAIN else layer.descriptor.size,
            digest_verified=scan.digest_verified,
            diff_id_verified=scan.diff_id_verified,
            member=member_of(layer.descriptor) if member_of else None,
        )
        for layer, scan in zip(image.layers, scans, strict=True)
    ]


def _lay_over(tables: Sequence[FileTable], runs: ImageRuns) -> tuple[Overlay, DiveFigures]:
    selection = find_contested(tables, runs)
    return lay_over(tables, selection), find_dive_figures(tables, selection)


def _anomalies(scans: Sequence[LayerScan]) -> list[str]:
    return [f"layer {index}: {text}" for index, scan in enumerate(scans) for text in scan.table.anomalies]
