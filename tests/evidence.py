"""Evidence for tests of findings: layers given as entries, analysed as far as findings need."""

from __future__ import annotations

import io
from array import array
from collections.abc import Sequence
from functools import cache

from ocisize.findings.advise import advise
from ocisize.rules.rule import Catalog
from ocisize.rules.load import load_catalog
from ocisize.findings.evidence import ImageEvidence
from ocisize.inventory.image_packages import ImagePackages
from ocisize.model.system import System
from ocisize.model.build_files import BuildFiles
from ocisize.model.build_step import BuildStep
from ocisize.model.findings import Advice, Finding
from ocisize.model.plan import Plan
from ocisize.plan.make import make_plan
from ocisize.plan.pairing import Pairing, pair_dockerfile
from ocisize.history.steps import LayerHistory, describe
from ocisize.rules.match import match_image
from ocisize.filesystem.overlay import overlay_all
from ocisize.layer.kept_files import BEGINNINGS, PATH_PARTS, KeptFiles
from ocisize.sizes.layers import LayerFacts, summarize_layers
from ocisize.filesystem.directories import find_runs
from ocisize.filesystem.duplicates import find_duplicates
from ocisize.filesystem.waste import find_waste
from ocisize.oci.documents import History, ImageConfig, RootFs, RunConfig
from ocisize.tar.scanner import scan_tar
from tests.images import Entries, tar_bytes

packaged = cache(load_catalog)


def make_evidence(
    *layers: Entries,
    steps: Sequence[str] = (),
    config: ImageConfig | None = None,
    reference: str | None = None,
    catalog: Catalog | None = None,
    base_layers: int = 0,
    compressed_size_known: bool = True,
) -> ImageEvidence:
    """The evidence of some layers; the compressed size of each file is half its size, rounded up."""
    tables = [
        scan_tar(io.BytesIO(tar_bytes(entries)), wanted=KeptFiles(), beginnings=BEGINNINGS, path_parts=PATH_PARTS)
        for entries in layers
    ]
    if compressed_size_known:
        tables = [
            table.with_compressed_sizes(array("q", [-(-size // 2) for size in table.sizes]), overhead=0) for table in tables
        ]
    overlay, catalog = overlay_all(tables), catalog or packaged()
    waste, duplicates = find_waste(tables, overlay), find_duplicates(tables, overlay)
    facts = [
        LayerFacts(
            digest=f"sha256:{number:064x}",
            diff_id=None,
            media_type="",
            compression="gzip",
            compressed_size=sum(table.compressed_sizes) if table.compressed_sizes is not None else None,
            digest_verified=True,
            diff_id_verified=True,
        )
        for number, table in enumerate(tables)
    ]
    matches, secrets = match_image(catalog, tables)
    histories = [LayerHistory(BuildStep(steps[number] if number < len(steps) else "")) for number in range(len(tables))]
    texts = [steps[number] if number < len(steps) else "" for number in range(len(tables))]
    if config is None:
        config = ImageConfig(RootFs(), history=tuple(History(created_by=text) for text in texts), run=RunConfig(user="app"))
    summaries = summarize_layers(tables, facts, histories, waste, [duplicate.size for duplicate in duplicates], overlay)
    runs = find_runs(tables)
    return ImageEvidence(
        layers=summaries,
        tables=tables,
        runs=runs,
        overlay=overlay,
        duplicates=duplicates,
        config=config,
        reference=reference,
        catalog=catalog,
        matches=matches,
        secrets=secrets,
        base_layers=base_layers,
        packages=ImagePackages(tables, overlay, runs, summaries, System()),
    )


def advice_on(
    *layers: Entries,
    steps: Sequence[str] = (),
    base_layers: int = 0,
    catalog: Catalog | None = None,
    compressed_size_known: bool = True,
) -> Advice:
    """All findings on some layers, with the fixes of the plan."""
    evidence = make_evidence(
        *layers, steps=steps, base_layers=base_layers, catalog=catalog, compressed_size_known=compressed_size_known
    )
    return advice_of(evidence)


def advice_of(evidence: ImageEvidence) -> Advice:
    """All findings on an image, with the fixes of the plan."""
    return Advice(make_plan(evidence, advise(evidence)).findings)


def plan_on(
    *layers: Entries,
    steps: Sequence[str] = (),
    base_layers: int = 0,
    history: Sequence[History] | None = None,
    os: str = "linux",
    dockerfile: str | None = None,
    catalog: Catalog | None = None,
) -> Plan:
    """The plan for some layers that BuildKit built; ``history`` is that of another builder or has steps without layers."""
    if history is None:
        history = [History(created_by=text, comment="buildkit.dockerfile.v0") for text in steps]
    else:
        steps = [describe(entry).text for entry in history if not entry.empty_layer]
    config = ImageConfig(RootFs(), os=os, history=tuple(history), run=RunConfig(user="app"))
    evidence = make_evidence(*layers, steps=steps, base_layers=base_layers, config=config, catalog=catalog)
    files = BuildFiles(dockerfile="Dockerfile", text=dockerfile) if dockerfile is not None else None
    return make_plan(evidence, advise(evidence), paired(evidence, files)).plan


def paired(evidence: ImageEvidence, files: BuildFiles | None) -> Pairing | None:
    """The layers of an image with the instructions of its Dockerfile."""
    if files is None:
        return None
    return pair_dockerfile([layer.build_step for layer in evidence.layers], evidence.config.history, files)


def by_id(advice: Advice) -> dict[str, Finding]:
    """Findings by their id, which must occur once each."""
    found = {finding.id: finding for finding in advice.findings}
    assert len(found) == len(advice.findings), [finding.id for finding in advice.findings]
    return found
