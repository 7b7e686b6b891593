"""No budget passes on an image whose config and manifest list different numbers of layers.

Docker 25.0.0 saved manifests without layers (https://github.com/moby/moby/issues/47065): 0 bytes to download.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import attrs
import pytest

import ocisize
from ocisize import Analysis, Analyzer, check, parse_budgets
from ocisize.budgets.baseline import Baseline, baseline_entry
from ocisize.budgets.check_platforms import check_all
from ocisize.cli.main import main
from ocisize.errors import DocumentError, IncompleteAnalysis
from ocisize.model.budget import BudgetStatus
from ocisize.report.formats import FORMATS, write_report
from ocisize.report.options import ReportOptions
from tests.images import build_image, for_platform, index_bytes, layer, layout_files, sha256, write_files

BUDGETS = """
max-download = "1 GB"
max-unpacked = "1 GB"
max-live = "1 GB"
max-waste = "90 %"
min-efficiency = "1 %"
max-files = 100
max-layers = 100
max-layer-download = "1 GB"
max-file-size = "1 GB"
max-transfer = "10 s at 100 Mbit/s"
forbid = ["/nowhere"]
forbid-findings = ["high"]
"""
SAYS = "the config lists {} layers, the manifest {}"


def write_image(folder: Path, manifest_layers: int, config_layers: int, architecture: str = "amd64") -> Path:
    """A layout of an image whose manifest lists the first of two layers, and whose config lists so many diff_ids."""
    layers = [layer({"etc/a": b"a" * 1000}), layer({"etc/b": b"b" * 500})]
    diff_ids = [*(sha256(each.tar) for each in layers)][:config_layers]
    image = build_image(layers, config={"rootfs": {"type": "layers", "diff_ids": diff_ids}}, architecture=architecture)
    document = json.loads(image.manifest)
    document["layers"] = document["layers"][:manifest_layers]
    manifest = json.dumps(document).encode()
    entry = {**image.descriptor, "digest": sha256(manifest), "size": len(manifest)}
    entry = for_platform(entry, "linux", architecture)
    return write_files(layout_files(index_bytes([entry]), image.blobs | {sha256(manifest): manifest}), folder)


def analyze(folder: Path, manifest_layers: int, config_layers: int) -> Analysis:
    return Analyzer(platform="linux/amd64").analyze(write_image(folder / "layout", manifest_layers, config_layers))


@pytest.mark.parametrize(("manifest", "config"), [(1, 2), (2, 1), (2, 0), (1, 0)])
def test_no_budget_passes(manifest: int, config: int, tmp_path: Path) -> None:
    """Neither with layers missing from the manifest nor from the config; the figures of the manifest are still shown."""
    analysis = analyze(tmp_path, manifest, config)
    assert analysis.content_size == [1000, 1500][manifest - 1]
    assert analysis.warnings == (SAYS.format(config, manifest),)
    verdicts = check(analysis, parse_budgets(BUDGETS).budgets)
    assert {verdict.status for verdict in verdicts} == {BudgetStatus.INCOMPLETE}
    assert {verdict.outcome for verdict in verdicts} == {BudgetStatus.FAIL}
    assert {verdict.reason for verdict in verdicts} == {SAYS.format(config, manifest)}


@pytest.mark.parametrize("config", [1, 2])
def test_no_layers_at_all_are_refused(config: int, tmp_path: Path) -> None:
    """docker load and pull, skopeo and containerd refuse every difference; without layers there is nothing to show."""
    with pytest.raises(DocumentError, match=f"^the config lists {config} layers, the manifest none$"):
        analyze(tmp_path, 0, config)


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_agreeing_documents_pass(layers: int, tmp_path: Path) -> None:
    """An image without layers is one, too."""
    verdicts = check(analyze(tmp_path, layers, layers), parse_budgets(BUDGETS).budgets)
    assert {verdict.status for verdict in verdicts} <= {BudgetStatus.PASS, BudgetStatus.UNMATCHED}


def test_options_of_a_budget(tmp_path: Path) -> None:
    """``if-unknown`` does not let it pass, a warning stays a warning, and what is switched off is not checked."""
    analysis = analyze(tmp_path, 1, 2)
    text = 'max-files = 9\n{} = "{}"'
    found = {
        (key, value): check(analysis, parse_budgets(text.format(key, value)).budgets)[0].outcome
        for key, value in [
            ("if-unknown", "off"),
            ("if-unmatched", "off"),
            ("level", "warn"),
            ("level", "off"),
            ("layer", "x"),
        ]
        if key != "if-unmatched"
    }
    assert found == {
        ("if-unknown", "off"): BudgetStatus.FAIL, ("level", "warn"): BudgetStatus.WARN, ("level", "off"): BudgetStatus.PASS,
        ("layer", "x"): BudgetStatus.FAIL,
    }  # fmt: skip


@pytest.mark.parametrize(("manifest", "config"), [(1, 2), (2, 1)])
def test_a_saved_analysis_keeps_it(manifest: int, config: int, tmp_path: Path) -> None:
    """Read back from JSON, also from that of versions without the field."""
    analysis = analyze(tmp_path, manifest, config)
    text = ocisize.to_json(analysis, files=True)
    assert ocisize.from_json(text).layer_mismatch == SAYS.format(config, manifest)
    document = json.loads(text)
    del document["config_layers"]
    older = ocisize.from_json(json.dumps(document)).layer_mismatch
    assert older == (SAYS.format(1, 2) if manifest == 2 else "")  # what an older version wrote shows only some
    assert attrs.evolve(analysis, config_layers=None).layer_mismatch == older


def test_comparisons_refuse_it(tmp_path: Path) -> None:
    """An image of unknown layers is neither a baseline nor a side of a comparison."""
    good, bad = analyze(tmp_path / "good", 2, 2), analyze(tmp_path / "bad", 1, 2)
    for refused in (lambda: baseline_entry(bad), lambda: ocisize.compare(good, bad), lambda: ocisize.compare(bad, good)):
        with pytest.raises(
            IncompleteAnalysis, match="cannot be compared, because the config lists 2 layers, the manifest 1"
        ):
            refused()
    baseline = Baseline().with_entry("layout", "linux/amd64", baseline_entry(good))
    (verdict,) = check(bad, parse_budgets('max-download = "+0"').budgets, baseline, name="layout")
    assert verdict.status is BudgetStatus.INCOMPLETE


def test_platforms(tmp_path: Path) -> None:
    """Each image is judged for itself, and only images of known layers are compared."""
    folder, other = write_image(tmp_path / "l", 2, 2), write_image(tmp_path / "m", 1, 2, "arm64")
    for blob in (other / "blobs/sha256").iterdir():
        blob.rename(folder / "blobs/sha256" / blob.name)
    entries = [*(json.loads((each / "index.json").read_bytes())["manifests"][0] for each in (folder, other))]
    (folder / "index.json").write_bytes(index_bytes(entries))
    index = Analyzer().analyze_all(folder)
    verdicts = check_all(index.analyses, parse_budgets("max-files = 9").budgets)
    assert {name: [verdict.status.value for verdict in each] for name, each in verdicts.items()} == {
        "linux/amd64": ["pass"], "linux/arm64": ["incomplete"]
    }  # fmt: skip
    assert index.drift.platforms == ("linux/amd64",)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without budgets the figures and a warning; with budgets exit status 2; baselines and diffs are refused."""
    monkeypatch.chdir(tmp_path)
    bad, good = str(write_image(tmp_path / "bad", 1, 2)), str(write_image(tmp_path / "good", 2, 2))
    platform = ["--platform", "linux/amd64"]
    assert main([bad, *platform]) == 0
    assert SAYS.format(2, 1) in capsys.readouterr().err
    assert main([bad, *platform, "--max-download", "1GB"]) == 2
    assert f"download unknown: {SAYS.format(2, 1)}" in capsys.readouterr().out
    assert main([bad, "--all-platforms", "--max-download", "1GB"]) == 2
    assert main(["baseline", "write", bad, *platform]) == 2
    assert main(["baseline", "write", good, *platform, "--name", "app"]) == 0
    assert main(["baseline", "check", bad, *platform, "--name", "app"]) == 2
    assert main(["diff", good, bad, *platform]) == 2
    assert main(["diff", bad, good, *platform]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert lines == 4 * [f"error: {bad}: cannot be compared, because {SAYS.format(2, 1)}"]


@pytest.mark.parametrize("name", ["text", "json", "markdown", "html", "junit", "github", "gitlab", "sarif"])
def test_reports_show_no_pass(name: str, tmp_path: Path) -> None:
    """Every report of verdicts has the reason."""
    analysis = analyze(tmp_path, 1, 2)
    verdicts = check(analysis, parse_budgets('max-download = "1 GB"').budgets)
    file = io.StringIO()
    write_report(name, analysis, file, ReportOptions(verdicts=verdicts, sections=()))
    assert "the config lists 2 layers, the manifest 1" in " ".join(file.getvalue().split())
    assert name in FORMATS
