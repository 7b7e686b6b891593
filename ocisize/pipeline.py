"""The pipeline: computes an Analysis from the scans of an image's layers, step by step.

``analyze_layers`` is the place to see the order of the steps. Each step takes values and returns new ones; no step reads
a file, and none changes the scans, so several analyses may share them. The modules of findings and of the plan are imported
where they are used: a report without findings needs neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
from ocisize.filesystem.directories import ImageRuns
from ocisize.filesystem.dive_figures import find_dive_figures
from ocisize.filesystem.duplicates import find_duplicates
from ocisize.filesystem.overlap import find_overlapping_rows
from ocisize.filesystem.overlay import Overlay, overlay_selected
from ocisize.filesystem.waste import find_waste
from ocisize.history.steps import match_history
from ocisize.layer.scan import LayerScan
from ocisize.logs import Logger, PhaseTimer
from ocisize.model.analysis import FOREIGN, Analysis, DiveFigures, LayerAnalysis, LayerFailure
from ocisize.model.base import BaseCertainty, BaseImage
from ocisize.model.findings import Advice, Finding
from ocisize.model.plan import Plan
from ocisize.oci.artifacts import without_parameters
from ocisize.oci.image import Image, Layer
from ocisize.oci.media_types import LAYER_TYPES
from ocisize.oci.source import ImageSource
from ocisize.packages.system import find_system
from ocisize.sizes.groups import find_groups
from ocisize.sizes.layers import LayerFacts, split_at_base, sum_layers, summarize_layers
from ocisize.tar.filetable import FileTable
from ocisize.values import asdict, evolve

if TYPE_CHECKING:
    from ocisize.model.build_files import BuildFiles
    from ocisize.plan.pairing import Pairing
    from ocisize.rules.rule import Catalog

#: error class → the step of reading that failed, as ``LayerFailure.step`` names it
_FAILED_STEPS: tuple[tuple[type[OcisizeError], str], ...] = (
    (ForeignLayerAbsent, FOREIGN),
    (SourceError, "fetch"),
    (BlobError, "verify"),
    (StreamError, "decompress"),
    (TarError, "unpack"),
    (LimitExceeded, "limit"),
)
_UNKNOWN = "unknown"  # compression of a layer that could not be read

_log = Logger(__name__)


def analyze_layers(
    source: ImageSource,
    name: str,
    image: Image,
    outcomes: Sequence[LayerScan | LayerError],
    catalog: Catalog | None,
    base: BaseImage | None,
    build_files: BuildFiles | None = None,
    *,
    keep_packages: bool = False,
) -> Analysis:
    """Compute the analysis of an image from the scans of its layers.

    ``source`` is where the image was read from; it is asked for facts, never for bytes. ``name`` is the input as the user
    gave it. ``outcomes`` has one element for each of ``image.layers``, base first: the layer's scan, or the error of a layer
    that could not be read. ``catalog`` has the rules for files that images rarely need; None leaves out the findings and the
    plan. ``base`` is the base image, None where none was found. ``build_files`` are the Dockerfile and the ignore file of
    the build, for the plan. ``keep_packages`` leaves the databases of package managers in the file tables.

    The scans stay as they are, and the analysis shares their columns.
    """
    timer = PhaseTimer(_log)

    # A layer that could not be read counts as one without files; its facts keep the error.
    scans = [_empty_scan() if isinstance(outcome, LayerError) else outcome for outcome in outcomes]
    facts = _list_facts(source, image, scans, [_find_failure(outcome) for outcome in outcomes])
    tables = _hide_unknown_sizes(scans, facts)

    # Lay the layers over each other, to see which files a container sees and which layer hides the others.
    runs = ImageRuns()
    overlay, dive = _overlay_layers(tables, runs)
    timer.end("overlay")

    # Find the bytes that no container sees, and those that it sees at more than one path.
    waste = find_waste(tables, overlay)
    duplicates = find_duplicates(tables, overlay)
    timer.end("waste and duplicates")

    # Find the distribution, its packages and the language runtimes: advice depends on them.
    system = find_system(tables, overlay, image.config.run)
    timer.end("system")

    # Find the files that a rule of the catalog says images rarely need, and those that look like secrets.
    if catalog is not None:
        from ocisize.rules.match import match_image

        matches, secrets = match_image(catalog, tables, runs)
        timer.end("rules")

    # Wait for the estimates of compressed sizes, which are made meanwhile.
    facts = [_add_estimate(layer, scan, fact) for layer, scan, fact in zip(image.layers, scans, facts, strict=True)]
    timer.end("estimates")

    # Pair the layers with the build steps of the image's history, and add up the figures of each layer.
    histories = match_history(image.config.history, len(image.layers))
    layers = summarize_layers(tables, facts, histories, waste, [duplicate.size for duplicate in duplicates], overlay)
    groups = find_groups(layers, runs)
    timer.end("history and sizes")

    # Pair the Dockerfile with the layers that it made: it knows the base image better than the history does.
    pairing = None
    if build_files is not None:
        from ocisize.plan.pairing import pair_dockerfile

        pairing = pair_dockerfile([layer.build_step for layer in layers], image.config.history, build_files)
        base = _check_base(base, pairing)

    # Find what could be better, and plan what to change in the build.
    findings: tuple[Finding, ...] = ()
    plan = Plan(dockerfile=pairing.files.dockerfile if pairing is not None else None)
    if catalog is not None:
        from ocisize.findings.advise import advise
        from ocisize.findings.evidence import ImageEvidence
        from ocisize.plan.make import make_plan

        # Turn all of this evidence into findings: what could be better, and how many bytes that is.
        evidence = ImageEvidence(
            layers=layers,
            tables=tables,
            runs=runs,
            overlay=overlay,
            duplicates=duplicates,
            config=image.config,
            reference=source.reference,
            catalog=catalog,
            matches=matches,
            secrets=secrets,
            base_layers=_count_base_layers(base, pairing),
            system=system,
        )
        reported = advise(evidence)
        timer.end("findings")

        # Make one plan of all findings: what to change in the build, and what each change saves after those before it.
        plan, findings = make_plan(evidence, reported, pairing)
        timer.end("plan")

    return Analysis(
        source=name,
        format=source.format,
        reference=source.reference,
        mirror=source.mirror,
        platform=str(image.platform),
        digest=image.digest if source.has_manifest else None,
        config_digest=image.config_descriptor.digest,
        media_type=image.media_type,
        created=image.config.created,
        manifest_size=image.manifest_size if source.has_manifest else None,
        config_size=image.config_descriptor.size,
        layers=layers if keep_packages else tuple(map(_without_contents, layers)),
        waste=waste,
        advice=Advice(findings),
        plan=plan,
        base=split_at_base(layers, base) if base is not None else None,
        system=system,
        unverified_hosts=tuple(source.unverified_hosts),
        warnings=(*image.warnings, *_list_anomalies(scans, facts), *overlay.anomalies),
        dive=dive if all(fact.failure is None for fact in facts) else None,
        groups=groups,
        config_layers=image.config_layers,
        **asdict(sum_layers(layers)),
    )


def _count_base_layers(base: BaseImage | None, pairing: Pairing | None) -> int:
    """The number of layers of the base image that is certain, by the history or by the Dockerfile."""
    return max(base.certain_layers if base is not None else 0, pairing.base_layers if pairing is not None else 0)


def _check_base(base: BaseImage | None, pairing: Pairing | None) -> BaseImage | None:
    """The base image, checked with a Dockerfile that made the image: signs in the history say less."""
    if base is None or base.certainty is BaseCertainty.SURE or pairing is None:
        return base
    if pairing.from_scratch:
        return None
    return evolve(base, certainty=BaseCertainty.SURE) if 0 < base.layers == pairing.base_layers else base


def _empty_scan() -> LayerScan:
    """The scan of a layer that could not be read: files that came before the error are not counted either."""
    return LayerScan(FileTable.empty(), _UNKNOWN, digest_verified=False, diff_id_verified=False)


def _find_failure(outcome: LayerScan | LayerError) -> LayerFailure | None:
    """The step of reading a layer that failed, with its error; None for a layer that was read."""
    if not isinstance(outcome, LayerError):
        return None
    step = next((step for kind, step in _FAILED_STEPS if isinstance(outcome.cause, kind)), "read")
    return LayerFailure(step, str(outcome.cause))


def _list_facts(
    source: ImageSource, image: Image, scans: Sequence[LayerScan], failures: Sequence[LayerFailure | None]
) -> list[LayerFacts]:
    """What the manifest, the config, the source and the scan say of each layer, besides its files."""
    sizeless = () if source.keeps_compression else (PLAIN, _UNKNOWN)  # registries have these layers compressed
    return [
        LayerFacts(
            digest=scan.digest or layer.descriptor.digest,
            diff_id=layer.diff_id,
            media_type=layer.descriptor.media_type,
            compression=scan.compression,
            compressed_size=None if scan.compression in sizeless and not _is_unread(layer, scan) else layer.descriptor.size,
            digest_verified=scan.digest_verified and source.has_digests,
            diff_id_verified=scan.diff_id_verified and source.has_digests,
            member=source.member_name(layer.descriptor),
            toc=scan.toc,
            failure=failure,
        )
        for layer, scan, failure in zip(image.layers, scans, failures, strict=True)
    ]


def _add_estimate(layer: Layer, scan: LayerScan, fact: LayerFacts) -> LayerFacts:
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


def _is_unread(layer: Layer, scan: LayerScan) -> bool:
    """Whether a layer was not read whose media type says that it is compressed: its size is the download."""
    return scan.compression == _UNKNOWN and LAYER_TYPES.get(layer.descriptor.media_type) not in (None, PLAIN)


def _hide_unknown_sizes(scans: Sequence[LayerScan], facts: Sequence[LayerFacts]) -> list[FileTable]:
    """The scans' tables; without the files' compressed sizes where that of the layer is unknown."""
    return [
        scan.table.with_compressed_sizes(None, None) if fact.compressed_size is None else scan.table
        for scan, fact in zip(scans, facts, strict=True)
    ]


def _overlay_layers(tables: Sequence[FileTable], runs: ImageRuns) -> tuple[Overlay, DiveFigures]:
    """The overlay, and dive's figures, which need the same selection of rows; it is large and ends here.

    ``runs`` must be empty, and is filled.
    """
    selection = find_overlapping_rows(tables, runs)
    return overlay_selected(tables, selection), find_dive_figures(tables, selection)


def _without_contents(layer: LayerAnalysis) -> LayerAnalysis:
    """The layer without the package databases that its scan kept: the steps above have read them."""
    return evolve(layer, files=layer.files.without_contents() if layer.files is not None else None)


def _list_anomalies(scans: Sequence[LayerScan], facts: Sequence[LayerFacts]) -> list[str]:
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
    if named in (None, fact.compression) or fact.compression == _UNKNOWN:
        return []
    return [f"stored as {fact.compression}, but its media type says {named}"]
