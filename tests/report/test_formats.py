"""Formats for CI: their content, their limits, and that no name in an image breaks their syntax."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree
from typing import Any

import attrs
import pytest
from hypothesis import given

from ocisize import Analysis, Analyzer, from_json, to_json
from ocisize.model.findings import Category, Severity
from ocisize.model.waste import Cause
from ocisize.errors import ReportError
from ocisize.report.export.badge import make_badge
from ocisize.report.words.findings import fingerprints, repository_of
from ocisize.report.formats import FORMATS, write_report
from ocisize.report.subject import ReportedImage
from ocisize.report.ci.junit import Check, write_suites
from ocisize.report.ci.markdown import LIMIT, to_markdown
from ocisize.report.options import ReportOptions
from ocisize.text import printable
from ocisize.findings.explanations import explain_rules
from tests import hostile
from tests.gates import image, judge
from tests.hostile import analysis_of, finding, hostile_analysis
from tests.plans import hostile_plan, with_plan

EXAMPLE = Path(__file__).parent.parent.parent / "testdata" / "example.tar"


@pytest.fixture(scope="module")
def example() -> Analysis:
    """The example of the README."""
    return Analyzer(packages=True).analyze(str(EXAMPLE))


def text_of(name: str, analysis: Analysis, **options: Any) -> str:
    file = io.StringIO(newline="")
    write_report(name, analysis, file, ReportOptions(**options))
    return file.getvalue()


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes(name: str, example: Analysis) -> None:
    """Each registered format has a module, whose report can be encoded."""
    assert text_of(name, example).encode()


@pytest.mark.parametrize("name", FORMATS)
def test_formats_take_the_extremes(name: str) -> None:
    """An image without layers and one of unknown download size are reported in every format."""
    text_of(name, analysis_of())
    assert text_of(name, analysis_of({"a": b"1"}, findings=[finding(compressed_size=None)], compressed_size_known=False))


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "dive-json"])
def test_no_format_writes_controls(name: str) -> None:
    """No control or direction character of a name is written, only line ends, and all text is UTF-8."""
    text = text_of(name, with_plan(hostile_analysis(), hostile_plan()), files=name == "csv")
    assert not re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", text)
    assert text.encode()


def test_formats_are_the_same_each_time(example: Analysis) -> None:
    """A report depends on the analysis alone: no time, no order of sets."""
    again = Analyzer(packages=True).analyze(str(EXAMPLE))
    assert {name: text_of(name, again) for name in FORMATS} == {name: text_of(name, example) for name in FORMATS}


def test_formats_without_advice_are_the_same_without_it(example: Analysis) -> None:
    """A format that declares no advice writes the same report of an analysis without findings and plan."""
    bare = Analyzer(advice=False, packages=True).analyze(str(EXAMPLE))
    names = [name for name, row in FORMATS.items() if not row.advice]
    assert {name: text_of(name, bare) for name in names} == {name: text_of(name, example) for name in names}
    assert text_of("csv", bare, files=True) == text_of("csv", example, files=True)
    others = [name for name in FORMATS if name not in names and not name.startswith("badge")]  # the example has no secrets
    assert all(text_of(name, bare) != text_of(name, example) for name in others)


def test_the_registry_imports_no_format() -> None:
    """Listing the formats imports none of them, nor attrs, nor rich."""
    code = (
        "import sys, ocisize.report.formats; print([m for m in sys.modules if m.startswith(('ocisize.', 'attr', 'rich'))])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "['ocisize.public_names', 'ocisize.report', 'ocisize.tuples', 'ocisize.report.formats']"


@pytest.mark.parametrize("name", ["ncdu", "dive-json"])
def test_formats_of_files_need_file_tables(name: str, example: Analysis) -> None:
    """An analysis that was saved without file tables is refused where every file is listed."""
    with pytest.raises(ReportError, match="without its file tables"):
        text_of(name, from_json(to_json(example)))
    with pytest.raises(ReportError, match="without its file tables"):
        text_of("csv", from_json(to_json(example)), files=True)
    assert text_of("csv", from_json(to_json(example))) == text_of("csv", example)


def test_every_format_is_described() -> None:
    """The page on formats has a section for each."""
    page = (EXAMPLE.parent.parent / "docs" / "formats.md").read_text()
    sections = set(re.findall(r"^## (.*)$", page, re.MULTILINE)) | {"badge", "badge-svg"}
    assert [name for name in FORMATS if name not in sections or f"`{name}`" not in page] == []


# fingerprints


def test_fingerprints_outlive_other_changes() -> None:
    """New sizes, names, digests in steps, and layers in other places leave a finding's fingerprint as it is."""
    before = finding(step="COPY file:0123456789ab in /app", layers=(1,))
    after = finding(step="COPY file:ba9876543210 in /app", layers=(4,), text="other", size=7, paths=("b", "c"))
    assert fingerprints([before]) == fingerprints([finding(102), after])[1:]


def test_fingerprints_differ_between_findings() -> None:
    """Rules and steps make fingerprints; where both are alike, findings are numbered by their layers."""
    alike = [finding(layers=(3,)), finding(layers=(1,)), finding(step="RUN other"), finding(102)]
    found = fingerprints(alike)
    assert len(set(found)) == 4
    assert [text[-2:] for text in found] == [":2", ":1", ":1", ":1"]
    assert fingerprints(alike[::-1]) == found[::-1]


@given(hostile.findings)
def test_fingerprints_are_unique(findings: list[Any]) -> None:
    """No two findings of an analysis have one fingerprint."""
    assert len(set(fingerprints(findings))) == len(findings)


@pytest.mark.parametrize(
    ("reference", "repository"),
    [("docker.io/library/app:1", "docker.io/library/app"), ("localhost:5000/a/b:1@sha256:0", "localhost:5000/a/b"),
     ("localhost:5000/app", "localhost:5000/app"), ("app", "app"), (None, "app.tar")],
)  # fmt: skip
def test_repositories_have_no_tag(reference: str | None, repository: str) -> None:
    """The name of an image that stays from build to build has neither tag nor digest; a port stays."""
    assert repository_of(analysis_of(reference=reference)) == repository


def test_rules_are_explained_in_general() -> None:
    """Packaged rules have the words of their page, for every image; rules of users have their title."""
    ours = [finding(102), finding(301, text="apt package lists: 3 files"), finding(102, text="again")]
    theirs = attrs.evolve(finding(text="our cache: 3 files"), id="ACME001")
    rules = explain_rules([*ours, theirs])
    assert list(rules) == ["OS102", "OS301", "ACME001"]
    assert rules["OS102"].title == "files stored again only to change owner, permissions or timestamps"
    assert rules["OS301"].title == "apt package lists"
    assert "--mount=type=cache" in rules["OS301"].help
    assert rules["ACME001"].title == "our cache"


# markdown


def test_markdown_has_totals_findings_and_layers(example: Analysis) -> None:
    """Totals, findings with fix and paths, and the layers are there."""
    text = to_markdown([ReportedImage(analysis=example)])
    for words in ("### `example` linux/amd64", "| 1.59 MB | 2.93 MB | 261 kB (8.9 %) |", "`/app/mime.types`",
                  f"<summary>{len(example.advice.findings)} findings</summary>", "**Fix first**", "End the RUN with `apt-get clean`.",
                  "<summary>Layers</summary>", "| 4 | 20.7 kB |"):  # fmt: skip
        assert words in text
    assert re.search(r"<br>… and \d+ more \|", text)


def test_markdown_has_the_warnings(example: Analysis) -> None:
    """Warnings are listed once, as code, and those that do not fit are counted."""
    changed = attrs.evolve(example, warnings=("read from @mirror <b>", "read from @mirror <b>"))
    assert "\n**1 warning**\n\n- `read from @mirror <b>`\n\n" in to_markdown([ReportedImage(analysis=changed)])
    changed = attrs.evolve(example, warnings=tuple(f"{number} {'x' * 900}" for number in range(1000)))
    text = to_markdown([ReportedImage(analysis=changed)])
    shown = len(re.findall(r"^- `\d+ x", text, re.MULTILINE))
    assert 5 < shown < 100
    assert f"\n**1,000 warnings**\n\n- `0 x" in text
    assert f"- and {1000 - shown:,} more\n" in text
    assert len(text.encode()) <= LIMIT


def test_markdown_fits_a_comment() -> None:
    """With thousands of findings the text stays below GitHub's 65,536 characters, and counts the rows it leaves out."""
    findings = [finding(number, text=f"thing {number}", step="x" * 3000) for number in range(100, 1000)]
    layers = [{f"{number}": b"1"} for number in range(100)]
    text = text_of("markdown", analysis_of(*layers, steps=["RUN " + "é|`" * 500] * 100, findings=findings))
    assert len(text.encode()) <= LIMIT < 65_536
    shown = text.count("<br>OS")
    assert 100 < shown < 900
    assert f"… and {900 - shown} more findings, not shown to save space.\n" in text
    layers_shown = len(re.findall(r"^\| \d+ \|", text, re.MULTILINE))
    assert layers_shown > 5
    assert f"… and {100 - layers_shown} more layers, not shown to save space.\n" in text
    assert text.endswith("</details>\n")


@given(hostile.findings)
def test_markdown_keeps_any_limit(findings: list[Any]) -> None:
    """Rows are whole at every limit, and shown and missing rows add up."""
    analysis = analysis_of({"a": b"1"}, {"b": b"2"}, findings=findings)
    for limit in (1500, 4000, 20_000):
        text = to_markdown([ReportedImage(analysis=analysis)], limit=limit)
        assert len(text.encode()) <= limit
        missing = re.findall(r"and ([\d,]+) more findings?, not shown", text)
        if shown := text.count("<br>OS"):
            assert shown + sum(map(int, missing)) == len(findings)
        assert text.count("\n<details>\n") == text.count("\n</details>\n")


# github


COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")  # the runner takes the first :: after the properties


def test_github_keeps_to_ten_of_a_kind() -> None:
    """The 10 findings of each kind that save most are annotated, the others counted in a line that is no command."""
    findings = [
        attrs.evolve(finding(number, severity=severity), category=Category.SECRET)
        for severity in Severity
        for number in range(100, 113)
    ]
    lines = text_of("github", analysis_of(findings=findings)).splitlines()
    kinds = [line.split(" ")[0] for line in lines]
    assert [kinds.count(kind) for kind in ("::error", "::warning", "::notice")] == [10, 10, 10]
    assert lines[0].startswith("::error file=Dockerfile,title=ocisize OS100::")
    assert lines[-1] == "ocisize: 9 more: GitHub shows 10 annotations of a kind"


@given(hostile.findings)
def test_github_commands_hold_together(findings: list[Any]) -> None:
    """Each line is one command whose message, unescaped as the runner does it, has the finding's words."""
    text = text_of("github", analysis_of(findings=findings), dockerfile="a:b,c%\nd")
    lines = [line for line in text.split("\n")[:-1] if not line.startswith("ocisize: ")]
    assert len(lines) == min(len(findings), 10)
    for line in lines:
        match = COMMAND.fullmatch(line)
        assert match
        properties = dict(pair.split("=", 1) for pair in match[2].split(","))
        assert properties["file"] == "a%3Ab%2Cc%25%0Ad"
        message = match[3].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
        assert "Do `" in message


def test_github_has_nothing_to_say_without_findings() -> None:
    """No findings, no annotations."""
    assert text_of("github", analysis_of()) == ""


# gitlab


def test_gitlab_has_what_the_widget_needs() -> None:
    """Every issue has GitLab's five required fields with its words for severity, and unique fingerprints."""
    issues = json.loads(text_of("gitlab", hostile_analysis(), dockerfile="build/Dockerfile"))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == len(hostile.HOSTILE)
    assert {issue["severity"] for issue in issues} == {"info"}
    for issue in issues:
        assert issue["location"] == {"path": "build/Dockerfile", "lines": {"begin": 1, "end": 1}}
        assert issue["check_name"] == "OS101"
        assert issue["description"]


# csv


def test_csv_of_layers(example: Analysis) -> None:
    """A row per layer with the figures as integers of bytes; lines end as in RFC 4180."""
    text = text_of("csv", example)
    assert text.count("\r\n") == text.count("\n") == 6
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["compressed_size"]) for row in rows] == [layer.compressed_size for layer in example.layers]
    assert [row["build_step"] for row in rows] == [str(layer.build_step) for layer in example.layers]


def test_csv_of_files(example: Analysis) -> None:
    """With --files a row per tar entry; a hidden entry names the layer that hides it."""
    rows = list(csv.DictReader(io.StringIO(text_of("csv", example, files=True))))
    assert len(rows) == example.entry_count
    assert sum(int(row["size"]) for row in rows) == example.content_size
    assert sum(int(row["size"]) for row in rows if row["hidden_by"]) == example.wasted_size
    deleted = next(entry for entry in example.waste if entry.cause == Cause.DELETED)
    row = next(row for row in rows if row["path"] == f"/{deleted.path}")
    assert (row["layer"], row["hidden_by"], row["kind"], row["mode"]) == ("1", "3", "file", "0644")


def test_csv_has_no_formulas() -> None:
    """No cell begins with a character that starts a formula in a spreadsheet."""
    steps = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", 'plain, "quoted"\n=1']
    analysis = analysis_of(*[hostile.FILES] * len(steps), steps=steps, reference=None, source="=evil.tar")
    for files in (False, True):
        rows = list(csv.reader(io.StringIO(text_of("csv", analysis, files=files), newline="")))
        assert {len(row) for row in rows} == {len(rows[0])}
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d"))]
    assert text_of("csv", analysis).splitlines()[1].startswith("'=evil.tar,")


# badges


@pytest.mark.parametrize(
    ("content", "wasted", "color"),
    [(0, 0, "brightgreen"), (100, 2, "brightgreen"), (100, 9, "yellowgreen"), (100, 90, "red")],
)
def test_badge_colours_tell_waste(content: int, wasted: int, color: str) -> None:
    """The color of the badge follows the share of waste."""
    analysis = attrs.evolve(analysis_of(), content_size=content, wasted_size=wasted)
    assert make_badge(ReportedImage(analysis=analysis)).color == color


@pytest.mark.parametrize(
    ("severity", "message", "color"),
    [(Severity.HIGH, "3 secrets", "red"), (Severity.MEDIUM, "3 secrets", "orange"), (Severity.LOW, "3 secrets", "yellow")],
)
def test_badge_names_secrets(severity: Severity, message: str, color: str) -> None:
    """Secrets are counted after the size, and the color is at least that of their severity."""
    secrets = [
        attrs.evolve(finding(501, severity=severity, paths=("a", "b")), category=Category.SECRET),
        attrs.evolve(finding(502, severity=Severity.LOW, paths=()), category=Category.SECRET),
    ]
    analysis = attrs.evolve(analysis_of(findings=secrets), content_size=100)
    badge = make_badge(ReportedImage(analysis=analysis))
    assert (badge.message.partition(", ")[2], badge.color) == (message, color)
    incomplete = json.loads(text_of("badge", attrs.evolve(analysis, wasted_size=90)))
    assert incomplete["color"] == "red"


def test_badge_names_failed_budgets() -> None:
    """An image beyond its budgets has a red badge; budgets that pass do not show."""
    analysis = attrs.evolve(image(), wasted_size=0)
    assert json.loads(text_of("badge", analysis, verdicts=judge("max-files = 100", analysis)))["color"] == "brightgreen"
    badge = json.loads(text_of("badge", analysis, verdicts=judge("max-files = 0\nmax-layers = 0", analysis)))
    assert (badge["message"].partition(", ")[2], badge["color"]) == ("2 budgets failed", "red")


def test_badges_say_what_they_know(example: Analysis) -> None:
    """The badge shows the download, or the unpacked size if the download is unknown."""
    assert json.loads(text_of("badge", example)) == {
        "schemaVersion": 1, "label": "image size", "message": "1.59 MB", "color": "yellowgreen",
    }  # fmt: skip
    assert (
        json.loads(text_of("badge", analysis_of({"a": b"1" * 5000}, compressed_size_known=False)))["label"]
        == "unpacked size"
    )
    assert ">1.59 MB</text>" in text_of("badge-svg", example)


# junit


def test_junit_takes_other_checks() -> None:
    """Passed and failed checks that are not findings are tests of one suite."""
    file = io.StringIO()
    checks = [
        Check(group="ocisize.budget", name="download <= 120 MB"),
        Check(group="ocisize.budget", name="waste <= 5 MB", failure="31 MB", details="a\nb"),
    ]
    write_suites([(analysis_of(), checks)], file)
    text = file.getvalue()
    assert '<testsuites name="ocisize" tests="2" failures="1" errors="0">' in text
    assert '<testcase classname="ocisize.budget" name="download &lt;= 120 MB" time="0" />' in text
    assert '<failure type="budget" message="31 MB">a\nb</failure>' in text


def test_junit_is_xml_whatever_the_text() -> None:
    """Control characters that XML cannot hold, markup and quotes are escaped and read back."""
    file = io.StringIO()
    text = '\0\x1b[31m\x0b\ufffe]]> <b a="\'">&amp; \udce9'
    write_suites([(analysis_of(), [Check(group="ocisize.x", name=text, failure=text, details=f"{text}\n{text}")])], file)
    (case,) = ElementTree.fromstring(file.getvalue()).iter("testcase")
    assert case.get("name") == case[0].get("message") == printable(text)
    assert case[0].text == f"{printable(text)}\n{printable(text)}"
