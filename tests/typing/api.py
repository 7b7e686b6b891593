"""The public API as a typed caller uses it: checked by mypy, never run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from typing_extensions import assert_type

import ocisize


class OwnSource:
    """A source needs no base class."""

    def read_manifest(self, digest: str | None = None) -> bytes:
        return b""

    def open_blob(self, descriptor: ocisize.Descriptor) -> Iterable[bytes]:
        return [b""]


def show(progress: ocisize.Progress) -> None:
    assert_type(progress.done, int)


def use() -> None:
    analysis = ocisize.analyze("app.tar", platform="linux/arm64", verify=True)
    assert_type(analysis, ocisize.Analysis)
    assert_type(analysis.compressed_size, int | None)
    assert_type(analysis.efficiency, float)
    for layer in analysis.layers:
        assert_type(layer, ocisize.LayerAnalysis)
        assert_type(layer.build_step, ocisize.BuildStep)
        if layer.files is not None:
            assert_type(layer.files.largest(3), list[ocisize.FileEntry])
    if analysis.groups is not None:
        assert_type(analysis.groups.directories, tuple[ocisize.Group, ...])
    assert_type(analysis.waste[:20], list[ocisize.WastedEntry])
    assert_type(analysis.waste[0].cause, ocisize.Cause)
    assert_type(ocisize.from_json(ocisize.to_json(analysis)), ocisize.Analysis)
    for verdict in ocisize.check(analysis, ocisize.parse_budgets("max-files = 9").budgets):
        assert_type(verdict, ocisize.Verdict)
        assert_type(verdict.budget, ocisize.Budget)
        assert_type(verdict.measured, int | float | None)
        assert_type(verdict.outcome, ocisize.BudgetStatus)
    for finding in analysis.advice.findings:
        assert_type(finding, ocisize.Finding)
        assert_type((finding.severity, finding.confidence), tuple[ocisize.Severity, ocisize.Confidence])
    for step in analysis.plan.steps:
        assert_type(step, ocisize.PlanStep)
    assert_type(analysis.plan.total, ocisize.Saving)
    assert_type(ocisize.load_baseline(Path("ocisize-baseline.json")), ocisize.Baseline | None)
    assert_type(ocisize.load_catalog([Path("team.toml")]).rules, tuple[ocisize.Rule, ...])
    assert_type(
        ocisize.list_files(analysis.layers, count=9, globs=[ocisize.parse_glob("*.pyc")]).files,
        tuple[ocisize.ListedFile, ...],
    )
    assert_type(ocisize.render_report(analysis, "markdown", options=ocisize.ReportOptions(top=3)), str)
    comparison = ocisize.compare(analysis, analysis)
    assert_type(comparison, ocisize.Comparison)
    assert_type(comparison.compressed_growth, int | None)
    for verdict in ocisize.check_change(analysis, analysis, ocisize.parse_budgets('max-files = "+9"').budgets):
        assert_type(verdict, ocisize.Verdict)
    if comparison.files is not None:
        assert_type(comparison.files.after, ocisize.FileColumns)
    for instruction in ocisize.parse_dockerfile("FROM scratch").instructions:
        assert_type(instruction, ocisize.Instruction)
    assert_type(ocisize.Descriptor(ocisize.digest_of(b"{}"), size=2).digest, ocisize.Digest)
    assert_type(ocisize.load_catalog().ecosystems["apt"], ocisize.Ecosystem)
    analyzer = ocisize.Analyzer(jobs=2, connection=ocisize.Connection(plain_http=True), on_progress=show)
    analyzer.connection = ocisize.Connection(ca_certs=["corp.pem"], client_cert="me.pem", client_key=None, mirrors=False)
    assert_type(analyzer.analyze_source(OwnSource(), name="mine"), ocisize.Analysis)
    assert_type(ocisize.open_source("app.tar"), ocisize.ImageSource)
    index = analyzer.analyze_all("app:tag")
    assert_type(index, ocisize.IndexAnalysis)
    assert_type(index.analyses["linux/arm64"], ocisize.Analysis)
    assert_type(index.stored_size, int | None)
    try:
        analyzer.analyze("registry.io/app:tag", select=None)
    except ocisize.OcisizeError as error:
        assert_type(error.hint, str | None)
