"""Reports name the lines that the provenance has, in every format that names a build step."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import attrs
import pytest

from ocisize import check, compare, compare_outlines, parse_budgets, render_report, to_json
from ocisize.cli.main import main
from tests.images import build_image
from tests.provenance.statements import attest, build, statement
from tests.provenance.test_record import ANALYZER, write_index

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The image in a layout, from a folder without a Dockerfile."""
    image = build()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    return str(write_index(attest(image, statement(image)), tmp_path, "layout"))


def printed(capsys: pytest.CaptureFixture[str], path: str, *options: str) -> str:
    assert main([*options[:1], path, "--platform", "linux/amd64", *options[1:]]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("options", "expected"), [
    (["analyze"], ["2  509 B  Dockerfile:4  RUN apt-get update", "safe   Dockerfile:4\n"]),
    (["analyze", "--quick"], ["2  509 B  Dockerfile:4  RUN apt-get", "docker.io/library/debian:12@sha256:babababababa…: layer 0",
        "Source  Dockerfile, https://me:<redacted>@code.example/team/app at 0123456789ab"]),
    (["analyze", "--full"], ["Dockerfile:4-6 RUN", "layer 2 · Dockerfile:4-6", "Dockerfile, https://me:<redacted>@code.example/team/app",
        "lines are those of the Dockerfile in the provenance of the image", "from the provenance attestation"]),
    (["analyze", "-f", "markdown"], ["`Dockerfile:4-6 RUN apt-get update && apt-get install -y curl`", "**Fix 1** · Dockerfile:4-6",
        "Lines are those of the Dockerfile in the provenance of the image."]),
    (["analyze", "--quick", "-f", "markdown"], ["`Dockerfile:4-6 RUN apt-get update"]),
    (["analyze", "-f", "github"], ["::notice file=Dockerfile,line=4,endLine=6,title=ocisize OS203::"]),
    (["analyze", "-f", "html"], ["Dockerfile:4-6 RUN apt-get update", "Layer 2 · Dockerfile:4-6: ",
        "lines are those of the Dockerfile in the provenance of the image"]),
    (["analyze", "-f", "junit"], ["layer 2, Dockerfile:4-6: RUN apt-get update"]),
    (["advise", "--all"], ["Dockerfile:4-6 (layer 2)"]),
    (["files", "--layer", "2"], ["layer 2: Dockerfile:4-6 RUN apt-get update"]),
])  # fmt: skip
def test_reports_name_lines(path: str, capsys: pytest.CaptureFixture[str], options: list[str], expected: list[str]) -> None:
    """With the lines of the provenance; without attestations no report has them."""
    text = printed(capsys, path, *options)
    assert [part for part in expected if part not in text] == []
    assert "Dockerfile:" not in printed(capsys, path, *options, "--no-attestations")


def test_programs_read_lines(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """SARIF, Code Quality, CSV and JSON."""
    run = json.loads(printed(capsys, path, "analyze", "-f", "sarif"))["runs"][0]
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert (region["startLine"], region["endLine"]) == (4, 6) and run["results"][0]["fixes"]
    issues = json.loads(printed(capsys, path, "analyze", "-f", "gitlab"))
    assert issues[0]["location"] == {"path": "Dockerfile", "lines": {"begin": 4, "end": 6}}
    for quick in ([], ["--quick"]):
        rows = list(csv.DictReader(io.StringIO(printed(capsys, path, "analyze", "-f", "csv", *quick))))
        assert [row["lines"] for row in rows] == ["Dockerfile:2", "Dockerfile:3", "Dockerfile:4-6", "Dockerfile:7"]
        document = json.loads(printed(capsys, path, "analyze", "-f", "json", *quick))
        assert document["layers"][3]["source"] == {"file": "Dockerfile", "first": 7, "last": 7, "command": ""}
        assert document["provenance"]["has_steps"] and document["base"]["found"]["method"] == "provenance"


def test_comparisons_name_lines(path: str) -> None:
    """Those of the newer image."""
    image = build()
    before = build_image(image.layers[:2])
    old = write_index(attest(before, statement(before)), Path(path).parent / "old", "layout")
    comparison = compare(ANALYZER.analyze(old), ANALYZER.analyze(path))
    quick = compare_outlines(ANALYZER.outline(old), ANALYZER.outline(path))
    for layers in (comparison.layers, quick.layers):
        assert [str(layer.source) for layer in layers][-2:] == ["Dockerfile:4-6", "Dockerfile:7"]
    for format_name in ("text", "markdown", "html"):
        assert "Dockerfile:4-6 RUN apt-get update" in render_report(comparison, format_name)
    assert "layer 2 `RUN apt-get update && apt-get install -y curl` (`Dockerfile:4-6`) is new" in comparison.reasons[0].text
    assert json.loads(render_report(comparison, "json"))["layers"][-1]["source"]["first"] == 7
    assert "Dockerfile:4  RUN apt-get update" in render_report(quick, "text")
    assert "`Dockerfile:4-6 RUN apt-get update" in render_report(quick, "markdown")
    assert json.loads(render_report(quick, "json"))["layers"][-1]["source"]["first"] == 7


def test_budgets_name_lines(path: str) -> None:
    """The layers at fault."""
    analysis = ANALYZER.analyze(path)
    verdicts = check(analysis, parse_budgets('max-layer-unpacked = "100 kB"').budgets)
    text = render_report(analysis, "text", verdicts=verdicts)
    assert "in layer 2 (Dockerfile:4-6 RUN … apt-get install -y curl)" in " ".join(text.split())


def test_lines_of_a_dockerfile_here_come_first(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A Dockerfile in the current folder that made the image has its own lines; another one has none."""
    from tests.provenance.statements import DOCKERFILE

    Path("Dockerfile").write_text("# comment\n" + DOCKERFILE)
    assert "file=Dockerfile,line=5,endLine=7" in printed(capsys, path, "analyze", "-f", "github")
    Path("Dockerfile").write_text("FROM x\nRUN make\n")
    assert "file=Dockerfile,line=4,endLine=6" in printed(capsys, path, "analyze", "-f", "github")


@pytest.mark.parametrize(
    "name", ["a\x1b[31m", "<b>&", "x`|y", "::error::\n", "\u202ea", "d/" * 60 + "Dockerfile", "n" * 300]
)
def test_names_of_files_are_only_text(tmp_path: Path, name: str) -> None:
    """Whatever the name is: nothing controls a terminal, a page or a workflow."""
    image = build()
    data = statement(image).replace(b'"filename": "Dockerfile"', b'"filename": ' + json.dumps(name).encode())
    analysis = ANALYZER.analyze(write_index(attest(image, data), tmp_path, "layout"))
    for format_name in ("text", "markdown", "html", "github", "csv", "gitlab", "sarif"):
        text = render_report(analysis, format_name)
        assert not set("\x1b\u202e") & set(text) and "\n::error" not in text
        assert format_name != "html" or "<b>&" not in text
    assert json.loads(to_json(analysis))["layers"][0]["source"]["file"].strip("/")


def test_the_screen_keeps_its_size(path: str) -> None:
    """Lines take no more rows, and no line is longer than the screen."""
    analysis = ANALYZER.analyze(path)
    without = attrs.evolve(ANALYZER, use_attestations=False).analyze(path)
    text = render_report(analysis, "text")
    assert len(text.splitlines()) <= len(render_report(without, "text").splitlines()) + 1
