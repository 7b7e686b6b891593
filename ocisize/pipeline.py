"""The pipeline: computes an Analysis from the scans of an image's layers, step by step.

``analyze_layers`` is the place to see the order of the steps. Each step takes values and returns new ones; no step reads
a file, and none changes the scans, so several analyses may share them. The modules of findings and of the plan are imported
where they are used: a report without findings needs neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ocisize.errors import LayerError
from ocisize.filesystem.dive_figures import find_dive_figures
from ocisize.filesystem.duplicates import find_duplicates
from ocisize.filesystem.overlap import find_overlapping_rows
from ocisize.filesystem.overlay import overlay_selected
from ocisize.filesystem.waste import find_waste
from ocisize.forks import start_here
from ocisize.history.steps import LayerHistory, match_history
from ocisize.inventory.image_packages import ImagePackages
from ocisize.layer.scan import LayerScan
from ocisize.layer_facts import (
    UNKNOWN,
    add_estimate,
    find_failure,
    hide_unknown_sizes,
    list_anomalies,
    list_facts,
)
from ocisize.logs import Logger, PhaseTimer
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.base import BaseCertainty, BaseImage
from ocisize.model.findings import Advice, Finding
from ocisize.model.plan import Plan
from ocisize.oci.image import Image
from ocisize.oci.source import ImageSource
from ocisize.packages.system import find_system
from ocisize.row_scan import read_rows
from ocisize.sizes.groups import find_groups
from ocisize.sizes.layers import split_at_base, sum_layers, summarize_layers
from ocisize.sizes.on_disk import find_on_disk
from ocisize.tar.filetable import FileTable
from ocisize.values import asdict, evolve

if TYPE_CHECKING:
    from ocisize.filesystem.known_duplicates import KnownDuplicates
    from ocisize.findings.evidence import ImageEvidence
    from ocisize.forks import Start
    from ocisize.model.build_files import BuildFiles
    from ocisize.plan.pairing import Pairing
    from ocisize.provenance.record import BuildRecord
    from ocisize.rules.rule import Catalog

_MIN_STARTED_ENTRIES = 5000  # read in place: fewer take less time than to start calls, and streams take much more

_log = Logger(__name__)


def analyze_layers(
    source: ImageSource,
    name: str,
    image: Image,
    outcomes: Sequence[LayerScan | LayerError],
    catalog: Catalog | None,
    base: BaseImage | None,
    build_files: BuildFiles | None = None,
    known_duplicates: KnownDuplicates | None = None,
    record: BuildRecord | None = None,
    *,
    keep_packages: bool = False,
    packages: bool = False,
    start: Start = start_here,
) -> Analysis:
    """Compute the analysis of an image from the scans of its layers.

    ``source`` is where the image was read from; it is asked for facts, never for bytes. ``name`` is the input as the user
    gave it. ``outcomes`` has one element for each of ``image.layers``, base first: the layer's scan, or the error of a layer
    that could not be read. ``catalog`` has the rules for files that images rarely need; None leaves out the findings and the
    plan. ``base`` is the base image, None where none was found. ``build_files`` are the Dockerfile and the ignore file of
    the build, for the plan. ``known_duplicates`` are those of an earlier analysis, to which new ones are added. ``record``
    is what attestations say about the build. ``keep_packages`` leaves the databases of package managers in the file tables.
    ``packages`` adds the inventory. ``start`` starts what other steps do not wait for.

    The scans stay as they are, and the analysis shares their columns.
    """
    timer = PhaseTimer(_log)
    # A layer that could not be read counts as one without files; its facts keep the error.
    scans = [_empty_scan() if isinstance(outcome, LayerError) else outcome for outcome in outcomes]
    if sum(len(scan.table) for scan in scans if scan.region is not None) < _MIN_STARTED_ENTRIES:
        start = start_here
    facts = list_facts(source, image, scans, [find_failure(outcome) for outcome in outcomes])
    tables = hide_unknown_sizes(image, scans, facts)

    # Read the rows of each layer that is new, once for all that depends on one layer alone. Forks read them themselves.
    runs = read_rows(tables, catalog, overlaps_only=start is not start_here)
    timer.end("rows")

    # Lay the layers over each other, to see which files a container sees and which layer hides the others.
    selection = find_overlapping_rows(tables, runs)
    wait_for_dive = start(partial(find_dive_figures, tables, selection))
    overlay = overlay_selected(tables, selection)
    del selection  # it is large
    timer.end("overlay")

    # Find the files that a rule of the catalog says images rarely need, and those that look like secrets.
    if catalog is not None:
        from ocisize.rules.match import match_image

        wait_for_matches = start(partial(match_image, catalog, tables, runs))
        timer.end("rules")

    # Find the bytes that no container sees, and those that it sees at more than one path.
    waste = find_waste(tables, overlay)
    duplicates = find_duplicates(tables, overlay) if known_duplicates is None else known_duplicates.find(tables, overlay)
    timer.end("waste and duplicates")

    # Find the distribution, its packages and the language runtimes: advice depends on them.
    system = find_system(tables, overlay, image.config.run)
    dive = wait_for_dive()
    timer.end("system")

    # Wait for the estimates of compressed sizes, which are made meanwhile.
    facts = [add_estimate(layer, scan, fact) for layer, scan, fact in zip(image.layers, scans, facts, strict=True)]
    timer.end("estimates")

    # Pair the layers with the build steps of the image's history, and add up the figures of each layer.
    histories: Sequence[LayerHistory] = match_history(image.config.history, len(image.layers))
    if record is not None:
        histories = record.complete_history(histories)
    on_disk = find_on_disk(tables, overlay, runs)
    copied = [duplicate.size for duplicate in duplicates]
    layers = summarize_layers(tables, facts, histories, waste, copied, overlay, on_disk)
    if record is not None and record.lines:
        layers = tuple(evolve(layer, source=lines) for layer, lines in zip(layers, record.lines, strict=True))
    wait_for_groups = start(partial(find_groups, layers, runs))
    timer.end("history and sizes")

    # Prepare to find the package that each byte belongs to, which takes time only if something asks for it.
    owned = ImagePackages(tables, overlay, runs, layers, system, is_asked_for=packages)

    # Pair the Dockerfile with the layers that it made: it knows the base image better than the history does.
    pairing = _pair_dockerfile(build_files, record, layers, image)
    base = _check_base(base, pairing)

    # Find what could be better, and plan what to change in the build.
    findings: tuple[Finding, ...] = ()
    plan = Plan(dockerfile=pairing.files.dockerfile, from_provenance=pairing.files.from_provenance) if pairing else Plan()
    if catalog is not None:
        from ocisize.findings.evidence import ImageEvidence

        matches, secrets = wait_for_matches()
        evidence = ImageEvidence(
            layers=layers,
            tables=tables,
            runs=runs,
            overlay=overlay,
            duplicates=duplicates,
            known_duplicates=known_duplicates,
            config=image.config,
            reference=source.reference,
            catalog=catalog,
            matches=matches,
            secrets=secrets,
            base_layers=_count_base_layers(base, pairing),
            system=system,
            packages=owned,
        )
        plan, findings = _find_changes(evidence, pairing, timer)

    # Sum the bytes of each package.
    inventory = None
    if packages:
        inventory = owned.inventory
        timer.end("packages")

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
        warnings=(*image.warnings, *list_anomalies(scans, facts), *overlay.anomalies),
        dive=dive if all(fact.failure is None for fact in facts) else None,
        groups=wait_for_groups(),
        config_layers=image.config_layers,
        packages=inventory,
        provenance=record.provenance if record is not None else None,
        **asdict(sum_layers(layers)),
    )


def _find_changes(evidence: ImageEvidence, pairing: Pairing | None, timer: PhaseTimer) -> tuple[Plan, tuple[Finding, ...]]:
    """The plan, and the findings as the plan sees them."""
    from ocisize.findings.advise import advise
    from ocisize.plan.make import make_plan

    # Turn all evidence into findings: what could be better, and how many bytes that is.
    reported = advise(evidence)
    timer.end("findings")

    # Make one plan of all findings: what to change in the build, and what each change saves after those before it.
    changes = make_plan(evidence, reported, pairing)
    timer.end("plan")
    return changes


def prepare_steps(catalog: Catalog | None) -> None:
    """Import the modules that ``analyze_layers`` imports where it uses them; ``catalog`` is that of the analysis."""
    if catalog is not None:
        import ocisize.findings.advise
        import ocisize.plan.make
        import ocisize.rules.match  # noqa: F401


def _pair_dockerfile(
    files: BuildFiles | None, record: BuildRecord | None, layers: Sequence[LayerAnalysis], image: Image
) -> Pairing | None:
    """The pairing of the user's Dockerfile, if it fits the image, else that of the Dockerfile in the provenance.

    If both are the same, the provenance knows the lines of the layers.
    """
    recorded = record.files if record is not None else None
    if files is None and recorded is None:
        return None
    from ocisize.plan.pairing import pair_dockerfile, pair_lines

    is_recorded = record is not None and files is not None and record.is_of_dockerfile(files)
    pairing = None
    if files is not None and not is_recorded:
        pairing = pair_dockerfile([layer.build_step for layer in layers], image.config.history, files)
    if pairing is not None or record is None or recorded is None:
        return pairing
    return pair_lines(
        files if files is not None and is_recorded else recorded,
        record.dockerfile_lines,
        base_layers=record.base.layers if record.base is not None else 0,
        from_scratch=record.from_scratch,
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
    return LayerScan(FileTable.empty(), UNKNOWN, digest_verified=False, diff_id_verified=False)


def _without_contents(layer: LayerAnalysis) -> LayerAnalysis:
    """The layer without the package databases that its scan kept: the steps above have read them."""
    return evolve(layer, files=layer.files.without_contents() if layer.files is not None else None)
