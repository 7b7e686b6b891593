"""Formats for CI beyond findings: budgets, the images of all platforms in one document, lines of the Dockerfile."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import attrs
import pytest

from ocisize import Analysis, Verdict
from ocisize.budgets.check_platforms import check_all
from ocisize.budgets.parse import parse_budgets
from ocisize.dockerfile.parse import parse_dockerfile
from ocisize.model.platforms import IndexAnalysis
from ocisize.comparison.platforms import find_drift
from ocisize.model.budget import BudgetStatus
from ocisize.model.findings import Advice, Category, Finding, Severity
from ocisize.cli.main import main
from ocisize.report.formats import FORMATS, write_index_report, write_report
from ocisize.report.ci.markdown import LIMIT
from ocisize.report.options import ReportOptions
from ocisize.report.ci.sarif import LIMIT as MOST_RESULTS
from ocisize.report.ci.sarif import most_serious
from ocisize.report.subject import ReportedImage
from ocisize.report.words.budgets import line_of, title_of
from tests.gates import build, changed, image, judge, verdict
from tests.hostile import HOSTILE, finding, hostile_analysis
from tests.images import write_layout
from tests.plans import with_plan
from tests.reports import DOCKERFILE, index_of, judged_all, of_all, platforms, text_of, with_budgets

OF_ALL = [name for name, row in FORMATS.items() if row.all_platforms]

# what budgets are called


@pytest.mark.parametrize(
    ("toml", "title"),
    [
        ('max-download = "120 MB"', "download ≤ 120 MB"),
        ('max-download = "120 MiB"', "download ≤ 125,829,120 B"),
        ('max-waste = "5.25 %"', "waste ≤ 5.25 %"),
        ("min-efficiency = 0.95", "efficiency ≥ 95 %"),
        ('max-files = "1,000"', "files ≤ 1,000"),
        ('max-transfer = "10 s at 12.5 MB/s"', "transfer at 100 Mbps ≤ 10.0 s"),
        ('max-live = "+2 %"', "live ≤ baseline + 2 %"),
        ('forbid = ["**/.git/**", "*.pem"]\nlayer = "COPY *"', "no **/.git/**, *.pem of COPY *"),
        ('forbid-findings = ["high", "OS101"]', "no finding high, OS101"),
        ('[[budget]]\npath = "/a"\nignore = "b"\nplatform = "linux"\nmax-file-size = 1', "largest file in /a without b ≤ 1 B on linux"),
        ("max-files = 3\nvisible-only = true", "files, visible ≤ 3"),
    ],
)  # fmt: skip
def test_titles_of_budgets(toml: str, title: str) -> None:
    """The title has the figure, the limit and the scope, and nothing that changes with the image."""
    assert title_of(verdict(toml).budget) == title


@pytest.mark.parametrize(
    ("origin", "place"),
    [
        ("ocisize.toml:3", ("ocisize.toml", 3)), ("ci/limits.toml:12", ("ci/limits.toml", 12)), (".dive-ci:2", (".dive-ci", 2)),
        ("--max-download", None), ("dive's default", None), ("/etc/o.toml:3", None), ("../o.toml:3", None), ("", None),
        ("ocisize.toml", None),
    ],
)  # fmt: skip
def test_places_of_budgets(origin: str, place: tuple[str, int] | None) -> None:
    """Files below the current folder can be annotated, flags and files elsewhere cannot."""
    assert line_of(attrs.evolve(verdict("max-files = 1").budget, origin=origin)) == place


# budgets


def test_junit_has_a_test_for_each_budget() -> None:
    """A failed budget is a failed test, a warning passes with an output, a skipped budget is skipped; findings come after."""
    cases = ElementTree.fromstring(with_budgets("junit")).findall(".//testcase")
    budgets = [case for case in cases if case.get("classname") == "ocisize.budget"]
    assert cases[:6] == budgets
    assert [(case.get("name"), *(child.tag for child in case)) for case in budgets] == [
        ("download ≤ 10.0 kB", "failure"), ("waste ≤ 25 %",), ("waste ≤ 4.00 kB", "failure"), ("no /app", "failure"),
        ("files ≤ 5", "system-out"), ("files ≤ 5 on linux/s390x", "skipped"),
    ]  # fmt: skip
    assert budgets[3][0].get("message", "").startswith("forbidden paths 3: /app/big in layer 1, ")
    assert (budgets[3][0].text or "").splitlines()[1:] == [
        "/app/big in layer 1", "/app/tmp in layer 1", "/app/cache/c1 in layer 1",
    ]  # fmt: skip
    assert budgets[4][0].text == "warning: files 6 > 5, 1 over (Inodes are few.)"
    suite = ElementTree.fromstring(with_budgets("junit"))[0]
    assert (suite.get("failures"), suite.get("skipped")) == ("3", "2")  # the second is a finding


def test_no_two_tests_of_junit_share_a_name() -> None:
    """Budgets and findings that read alike are numbered, so that readers do not merge them."""
    alike = changed(image(), advice=Advice((finding(), finding(), finding(102))))
    text = text_of("junit", alike, verdicts=judge("max-files = [6, 6]"))
    names = [(case.get("classname"), case.get("name")) for case in ElementTree.fromstring(text).iter("testcase")]
    assert names == [
        ("ocisize.budget", "files ≤ 6"), ("ocisize.budget", "files ≤ 6 (2)"), ("ocisize.OS101", "a thing"),
        ("ocisize.OS101", "a thing (2)"), ("ocisize.OS102", "a thing"),
    ]  # fmt: skip
    titles = ("a thing", "a thing", "a thing (2)")
    again = changed(image(), advice=Advice(tuple(attrs.evolve(finding(), title=title) for title in titles)))
    cases = ElementTree.fromstring(text_of("junit", again)).iter("testcase")
    assert [case.get("name") for case in cases] == ["a thing", "a thing (2)", "a thing (2) (2)"]


def test_files_with_names_that_are_not_utf_8() -> None:
    """A Dockerfile, or a folder with budgets, may have any name; the reports are still UTF-8."""
    name = os.fsdecode(b"\xff/Dockerfile")
    verdicts = [
        attrs.evolve(verdict, budget=attrs.evolve(verdict.budget, origin=f"{name}:3")) for verdict in judge("max-files = 1")
    ]
    texts = {form: text_of(form, image(), verdicts=verdicts, dockerfile=name) for form in ("sarif", "github", "gitlab")}
    for text in texts.values():
        text.encode()
    locations = [result["locations"][0] for result in json.loads(texts["sarif"])["runs"][0]["results"]]
    assert {place["physicalLocation"]["artifactLocation"]["uri"] for place in locations} == {"%FF/Dockerfile"}
    assert {issue["location"]["path"] for issue in json.loads(texts["gitlab"])} == {"\\xff/Dockerfile"}
    assert texts["github"].count("file=\\xff/Dockerfile,") == len(locations)


def test_paths_that_no_file_can_have() -> None:
    """A saved analysis may contain any path; a lone surrogate comes from no file name."""
    odd = changed(image(), advice=Advice((attrs.evolve(finding(), paths=("a\ud800b",)),)))
    (result,) = json.loads(text_of("sarif", odd))["runs"][0]["results"]
    assert result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%5Cud800b"


def test_markdown_has_the_budgets_first() -> None:
    """A headline, and a row for each budget, failing ones first; nothing without budgets."""
    text = with_budgets("markdown")
    assert "\n**Budgets: 3 failed, 1 warned, 1 passed, 1 skipped (only for linux/s390x)**\n" in text
    rows = re.findall(r"^\| \S+ (fail|warn|pass) \| (.*?) \| `(.*?)` \|$", text, re.MULTILINE)
    assert [row[0] for row in rows] == ["fail", "fail", "fail", "warn", "pass"]
    assert "<summary>1 more budget</summary>" in text
    assert rows[0] == ("fail", "download 10.1 kB &gt; 10.0 kB, 100 B over → OS101 saves 45 B", "ocisize.toml:1")
    assert text.index(" fail |") < text.index("findings**")
    assert "udget" not in text_of("markdown", image())


def test_markdown_with_thousands_of_budgets() -> None:
    """They leave room for the findings, and the rows left out are counted."""
    text = text_of("markdown", image(), verdicts=judge("max-download = [" + '"1 kB", ' * 2000 + "]"))
    assert len(text.encode()) <= LIMIT
    shown = text.count(" fail |")
    assert 100 < shown < 2000
    assert f"… and {2000 - shown:,} more budgets, not shown to save space." in text
    assert "OS101" in text


def test_github_annotates_budgets_where_they_are_written() -> None:
    """Failing budgets are errors and warnings are warnings, before all findings, which are notices."""
    lines = with_budgets("github").splitlines()
    assert lines[0] == (
        "::error file=ocisize.toml,line=1,title=ocisize budget max-download::"
        "download 10.1 kB > 10.0 kB, 100 B over → OS101 saves 45 B"
    )
    assert [line.split(":")[2].split(" ")[0] for line in lines] == [
        "error",
        "error",
        "error",
        "warning",
        "notice",
        "notice",
    ]
    assert "%0A/app/tmp in layer 1%0A" in lines[2]
    flag = [
        attrs.evolve(verdict, budget=attrs.evolve(verdict.budget, origin="--max-download"))
        for verdict in judge("max-download = 1")
    ]
    assert text_of("github", image(), verdicts=flag).startswith("::error title=ocisize budget max-download::download ")


def test_gitlab_and_sarif_have_the_broken_budgets() -> None:
    """A passed budget is not an issue; each issue is at the line of its budget and has a unique fingerprint."""
    issues = json.loads(with_budgets("gitlab"))
    assert [(issue["check_name"], issue["severity"], issue["location"]["path"], issue["location"]["lines"]["begin"])
            for issue in issues[:4]] == [
        ("budget-max-download", "critical", "ocisize.toml", 1), ("budget-max-waste", "critical", "ocisize.toml", 2),
        ("budget-forbid", "critical", "ocisize.toml", 3), ("budget-max-files", "minor", "ocisize.toml", 6),
    ]  # fmt: skip
    (run,) = json.loads(with_budgets("sarif"))["runs"]
    results = run["results"]
    assert [(result["ruleId"], result["level"]) for result in results[:4]] == [
        ("budget-max-download", "error"), ("budget-max-waste", "error"), ("budget-forbid", "error"), ("budget-max-files", "warning"),
    ]  # fmt: skip
    place = results[3]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("ocisize.toml", 6)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert [rules[result["ruleIndex"]] for result in results] == [result["ruleId"] for result in results]
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in results]
    assert len(set(prints)) == len(prints) == 6


def test_fingerprints_of_budgets_outlive_other_figures() -> None:
    """An image of another size breaks the same budget; two equal budgets are two issues."""
    text = 'max-download = "1 kB"\n[[budget]]\nmax-download = "1 kB"'
    found = [json.loads(text_of("gitlab", image, verdicts=judge(text, image))) for image in platforms()[:1] * 2]
    grown = changed(image(), compressed_size=99_999)
    found.append(json.loads(text_of("gitlab", grown, verdicts=judge(text, grown))))
    prints = [[issue["fingerprint"] for issue in issues[:2]] for issues in found]
    assert prints[0] == prints[1] == prints[2]
    assert len(set(prints[0])) == 2


def test_metrics_count_budgets() -> None:
    """By outcome; skipped ones are not among them, and without budgets there is no such gauge."""
    lines = [line for line in with_budgets("openmetrics").splitlines() if line.startswith("ocisize_budgets{")]
    assert [line.split('outcome="')[1] for line in lines] == ['fail"} 3', 'warn"} 1', 'pass"} 1']
    assert "ocisize_budgets" not in text_of("openmetrics", image())


def test_metrics_say_what_the_plan_saves() -> None:
    """A sample for each confidence, whose sum is the saving of the whole plan."""
    text = text_of("openmetrics", with_plan(image()))
    assert re.findall(r'^ocisize_plan_compressed_bytes\{.*confidence="(\w+)"\} (\d+)$', text, re.MULTILINE) == [
        ("safe", "2000"), ("probably", "1000"), ("ask", "250"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_names_in_verdicts(name: str) -> None:
    """No control character of a path, step or reason is written."""
    analysis = hostile_analysis()
    verdicts = judge("forbid = '*1*'\n[[budget]]\nlayer = '*'\nmax-unpacked = 0\nmax-file-size = 1", analysis)
    bad = [attrs.evolve(verdict, budget=attrs.evolve(verdict.budget, reason="".join(HOSTILE[:-1]))) for verdict in verdicts]
    text = text_of(name, analysis, verdicts=bad)
    if name != "dive-json":
        assert not re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", text)
    if name == "github":
        assert all(line.startswith(("::", "ocisize: ")) for line in text.splitlines())


# all platforms


@pytest.mark.parametrize("name", OF_ALL)
def test_every_document_names_the_platforms(name: str) -> None:
    """Both platforms are named, and the same input gives the same document."""
    text = of_all(name, verdicts=judged_all())
    assert "linux/amd64" in text and "linux/arm64" in text
    assert of_all(name, verdicts=judged_all()) == text


def test_junit_has_a_suite_for_each_platform() -> None:
    """Test names are unique, since readers merge tests of one name."""
    root = ElementTree.fromstring(of_all("junit", verdicts=judged_all()))
    assert [suite.get("name") for suite in root] == ["acme/app:1 linux/amd64", "acme/app:1 linux/arm64"]
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(names)) == len(names) == 6
    assert names[0] == ("ocisize.budget", "linux/amd64: download ≤ 10,150 B")
    assert (root.get("tests"), root.get("failures")) == ("6", "1")


def test_sarif_has_a_run_for_each_platform() -> None:
    """Each run has its own category, and each message names the platform."""
    runs = json.loads(of_all("sarif", verdicts=judged_all()))["runs"]
    assert [run["automationDetails"]["id"] for run in runs] == [
        "ocisize/acme/app/linux/amd64/",
        "ocisize/acme/app/linux/arm64/",
    ]
    assert [len(run["results"]) for run in runs] == [2, 2]
    for run, platform in zip(runs, ("linux/amd64", "linux/arm64"), strict=True):
        assert all(result["message"]["text"].startswith(f"{platform}: ") for result in run["results"])


def test_gitlab_separates_platforms() -> None:
    """Fingerprints are unique over all images, and the same in a report on one platform."""
    issues = json.loads(of_all("gitlab", verdicts=judged_all()))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == 4
    assert [issue["description"].partition(": ")[0] for issue in issues] == ["linux/amd64"] * 2 + ["linux/arm64"] * 2
    alone = json.loads(text_of("gitlab", platforms()[1], verdicts=judged_all()["linux/arm64"]))
    assert [issue["fingerprint"] for issue in alone] == [issue["fingerprint"] for issue in issues[2:]]


def test_github_annotates_once_what_several_platforms_have() -> None:
    """The platforms are named; budgets are reported for each."""
    lines = of_all("github", verdicts=judged_all()).splitlines()
    assert [line.partition("::")[2].partition("::")[2][:44] for line in lines] == [
        "linux/arm64: download 10,200 B > 10,150 B, 5",
        "linux/amd64, linux/arm64: Deleted by layer 2",
        "linux/amd64: Overwritten by layer 3: 1 file ",
    ]


def test_markdown_compares_the_platforms() -> None:
    """A row for each with its figures, budgets, findings once, and layers."""
    text = of_all("markdown", verdicts=judged_all())
    assert text.startswith("<!-- ocisize image acme/app all-platforms -->\n### ")
    assert " `acme/app:1` 2 platforms · budgets: 1 of 4 failed\n\n| Platform | Download |" in text
    assert "\n| linux/arm64 | 10.2 kB | 20.0 kB |" in text
    assert "\n| linux/arm64 | \N{CROSS MARK} fail | download 10,200 B &gt; 10,150 B, 50 B over → OS101 saves 45 B |" in text
    assert "**Budgets: 1 failed, 3 passed**" in text
    assert re.findall(r"OS\d+ · .* · (on .*?)<br>", text) == ["on all platforms", "on linux/amd64"]
    assert len(re.findall(r"^\| linux/\w+ \| \d \|", text, re.MULTILINE)) == 8
    assert "\n### `acme/app:1` 1 platform\n" in of_all("markdown", [image()])


def test_markdown_of_many_platforms_fits() -> None:
    """Thousands of findings on twenty platforms: the report fits a comment, and counts all of them."""
    findings = [
        finding(number, text=f"thing {number}", step=f"RUN {number}", paths=["x" * 300]) for number in range(100, 400)
    ]
    analyses = [changed(image(), platform=f"linux/p{number}", advice=Advice(tuple(findings))) for number in range(20)]
    text = of_all("markdown", analyses)
    assert len(text.encode()) <= LIMIT
    shown = text.count("· on all platforms")
    assert shown > 100
    assert f"… and {300 - shown} more findings" in text
    text = of_all("markdown", [changed(image(), platform=f"linux/p{number}") for number in range(2000)])
    assert len(text.encode()) <= LIMIT
    assert "\n\n… and 1,900 more platforms, not shown to save space.\n\n**2 findings**" in text


def test_rows_name_their_platform() -> None:
    """The platform is a column of CSV and a label of metrics; each family of metrics is written once."""
    rows = list(csv.DictReader(io.StringIO(of_all("csv"))))
    assert [row["platform"] for row in rows] == ["linux/amd64"] * 4 + ["linux/arm64"] * 4
    files = list(csv.DictReader(io.StringIO(of_all("csv", files=True))))
    assert {row["platform"] for row in files} == {"linux/amd64", "linux/arm64"}
    assert len(files) == 2 * image().entry_count
    metrics = of_all("openmetrics")
    assert metrics.count("# TYPE ocisize_image_compressed_bytes ") == 1
    assert 'ocisize_image_compressed_bytes{image="acme/app",platform="linux/arm64"} 10200\n' in metrics


def test_platforms_are_what_the_index_calls_them() -> None:
    """Images stay separate in every document, even if their configs lack the variant or are wrong."""
    alike = {
        name: changed(image(), platform="linux/arm") for name in ("linux/arm/v6", "linux/arm/v7", "windows/amd64 10.0.1")
    }
    verdicts = check_all(alike, parse_budgets('[[budget]]\nplatform = "linux/arm/v7"\nmax-files = 1').budgets)
    assert {name: found[0].status.value for name, found in verdicts.items()} == {
        "linux/arm/v6": "skipped", "linux/arm/v7": "fail", "windows/amd64 10.0.1": "skipped",
    }  # fmt: skip
    (found,) = check_all(alike, parse_budgets('platform = "windows/amd64"\nmax-files = 1').budgets)["windows/amd64 10.0.1"]
    assert found.status.value == "fail"

    def written(name: str, **options: Any) -> str:
        file = io.StringIO(newline="")
        index = attrs.evolve(index_of(image()), analyses=alike)
        write_index_report(name, index, file, ReportOptions(**options), verdicts)
        return file.getvalue()

    for name in ("csv", "openmetrics", "sarif", "gitlab", "junit", "markdown"):
        assert all(platform in written(name) for platform in alike), name
    lines = written("openmetrics").splitlines()
    assert len(set(lines)) == len(lines)
    prints = [issue["fingerprint"] for issue in json.loads(written("gitlab"))]
    assert len(set(prints)) == len(prints) == 7
    assert len({run["automationDetails"]["id"] for run in json.loads(written("sarif"))["runs"]}) == 3


def test_the_command_writes_all_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several reports on all platforms from one analysis; a format for a single image is refused before the index is read."""
    folder = str(write_layout(build(), tmp_path / "app"))
    names = [name for name in OF_ALL if name != "text"]
    outputs = [word for name in names for word in ("-f", f"{name}={tmp_path / name}")]
    assert main([folder, "--all-platforms", "-q", "--no-budgets", "--max-files", "5", *outputs, "-f", "text"]) == 1
    assert all("linux/amd64" in (tmp_path / name).read_text() for name in names)
    capsys.readouterr()
    assert main([str(tmp_path / "missing"), "--all-platforms", "-f", "text", "-f", "ncdu=x", "-f", "badge=y"]) == 2
    assert "--all-platforms: ncdu, badge can show one image only" in capsys.readouterr().err


# lines


def lines_in(name: str, text: str) -> list[tuple[int, int]]:
    if name == "sarif":
        regions = [result["locations"][0]["physicalLocation"]["region"] for result in json.loads(text)["runs"][0]["results"]]
        return [(region["startLine"], region["endLine"]) for region in regions]
    if name == "gitlab":
        return [(issue["location"]["lines"]["begin"], issue["location"]["lines"]["end"]) for issue in json.loads(text)]
    return [(int(first), int(last)) for first, last in re.findall(r"file=Dockerfile,line=(\d+),endLine=(\d+),", text)]


@pytest.mark.parametrize("name", ["sarif", "gitlab", "github"])
def test_findings_are_at_the_lines_of_their_steps(name: str) -> None:
    """A finding about several layers is at the line of the first of them."""
    text = text_of(name, image(), parsed_dockerfile=parse_dockerfile(DOCKERFILE))
    assert lines_in(name, text) == [(3, 4), (2, 2)]
    assert lines_in(name, text_of(name, image())) == ([] if name == "github" else [(1, 1)] * 2)
    other = text_of(name, image(), parsed_dockerfile=parse_dockerfile("FROM x\nRUN other\n"))
    assert other == text_of(name, image())


def test_the_dockerfile_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--dockerfile names it, by default Dockerfile in the current folder; a named file that is missing gives a warning."""
    folder = str(write_layout(build(), tmp_path / "app"))
    monkeypatch.chdir(tmp_path)
    arguments = [folder, "--no-budgets", "-f", "gitlab"]

    def first_place(*more: str) -> tuple[str, int]:
        assert main([*arguments, *more]) == 0
        output = capsys.readouterr()
        place = next(issue["location"] for issue in json.loads(output.out) if issue["check_name"] == "OS101")
        assert ("warning: --dockerfile: nowhere: No such file" in output.err) is ("nowhere" in more)
        return place["path"], place["lines"]["begin"]

    assert first_place() == ("Dockerfile", 1)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    assert first_place() == first_place("--all-platforms") == ("Dockerfile", 3)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "Containerfile").write_text("# x\n\n" + DOCKERFILE)
    assert first_place("--dockerfile", "two/Containerfile") == ("two/Containerfile", 5)
    assert first_place("--dockerfile", str(tmp_path / "two" / "Containerfile")) == ("two/Containerfile", 5)
    assert first_place("--dockerfile", "./two/../Dockerfile") == ("Dockerfile", 3)
    assert first_place("--dockerfile", "nowhere") == ("nowhere", 1)
    (tmp_path / "other").write_text("FROM scratch\nRUN other\n")
    assert main([*arguments, "--dockerfile", "other"]) == 0
    assert "warning: --dockerfile: other: no layer matches its instructions" in capsys.readouterr().err


# levels


def secret(number: int = 401, severity: Severity = Severity.HIGH) -> Finding:
    """A finding about a secret, which saves nothing."""
    return attrs.evolve(finding(number, text="a secret", severity=severity, size=0), category=Category.SECRET)


def with_secrets() -> Analysis:
    """Findings of all severities in front of two secrets."""
    found = [finding(number, severity=severity) for number, severity in enumerate(Severity, 101)]
    return changed(image(), advice=Advice((*found, secret(402, Severity.MEDIUM), secret())))


def levels_in(name: str, text: str) -> list[tuple[str, str]]:
    """The id and the level of each finding and budget, in their order."""
    if name == "sarif":
        return [(result["ruleId"], result["level"]) for result in json.loads(text)["runs"][0]["results"]]
    if name == "gitlab":
        return [(issue["check_name"], issue["severity"]) for issue in json.loads(text)]
    if name == "github":
        return [(title, level) for level, title in re.findall(r"^::(\w+) .*?title=ocisize ([^:]*)::", text, re.MULTILINE)]
    cases = ElementTree.fromstring(text).iter("testcase")
    return [(case.get("classname", "").removeprefix("ocisize."), case[0].tag if len(case) else "pass") for case in cases]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("github", ["error", "warning", "notice", "notice", "notice"]),
        ("sarif", ["error", "warning", "note", "note", "note"]),
        ("gitlab", ["critical", "minor", "info", "info", "info"]),
        ("junit", ["skipped", "skipped", "skipped", "skipped"]),
    ],
)
def test_findings_are_notices_and_secrets_come_first(name: str, expected: list[str]) -> None:
    """Secrets come first with the level of their severity; other findings do not look like failures."""
    found = levels_in(name, text_of(name, with_secrets()))
    assert [level for _, level in found] == expected
    assert [id_ for id_, _ in found] == ["OS401", "OS402", "OS101", "OS102", "OS103"][: len(expected)]


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('"low"', ["OS401", "OS402", "budget", "OS101", "OS102", "OS103"]),
        ('"OS103"', ["budget", "OS103"]),
        ('"OS103"\nlevel = "warn"', []),
        ('"OS310"', []),
    ],
)
def test_junit_fails_as_the_command_does(toml: str, expected: list[str]) -> None:
    """There is a failed test exactly if a budget failed: one for the budget, and one for each finding that it forbids."""
    verdicts = judge(f"forbid-findings = {toml}", with_secrets())
    text = text_of("junit", with_secrets(), verdicts=verdicts)
    failed = [id_ for id_, result in levels_in("junit", text) if result == "failure"]
    assert failed == expected
    assert bool(failed) is any(verdict.outcome is BudgetStatus.FAIL for verdict in verdicts)
    assert ('message="medium: 500 B of download, 1.00 kB unpacked; no budget forbids it"' in text) is (toml != '"low"')


@pytest.mark.parametrize(
    ("name", "error", "warning"),
    [("github", "error", "warning"), ("sarif", "error", "warning"), ("gitlab", "critical", "minor")],
)
def test_budgets_raise_findings(name: str, error: str, warning: str) -> None:
    """A forbidden finding has the level of the budget; one in a layer that the budget does not select is a notice."""
    analysis = changed(image(), advice=Advice((finding(101, layers=(1,)), finding(102, layers=(3,)), secret())))
    for level, expected in (("fail", error), ("warn", warning)):
        toml = f'[[budget]]\nlayer = "RUN apt-get*"\nforbid-findings = "low"\nlevel = "{level}"'
        found = dict(levels_in(name, text_of(name, analysis, verdicts=judge(toml, analysis))))
        assert found.pop("OS401") == error
        assert found.pop("OS102") in ("notice", "note", "info")
        assert set(found.values()) == {expected}


def test_a_secret_is_not_among_the_annotations_left_out() -> None:
    """More budgets fail than GitHub shows: the secret is the first annotation, whatever platform has it."""
    verdicts = judge("max-files = [" + "1, " * 20 + "]", with_secrets())
    assert text_of("github", with_secrets(), verdicts=verdicts).startswith("::error file=Dockerfile,title=ocisize OS401::")
    other = attrs.evolve(with_secrets(), platform="linux/arm64")
    lines = of_all("github", [platforms()[0], other], verdicts={"linux/arm64": verdicts}).splitlines()
    assert lines[0].startswith("::error file=Dockerfile,title=ocisize OS401::linux/arm64: A secret.")


def test_a_merged_finding_has_the_loudest_level() -> None:
    """A finding of two platforms is an error if one of them forbids it."""
    verdicts = {"linux/arm64": judge('forbid-findings = "OS101"', platforms()[1])}
    assert "::error file=Dockerfile,title=ocisize OS101::linux/amd64, linux/arm64: " in of_all("github", verdicts=verdicts)


# what code scanning shows


def test_the_most_serious_findings_stay() -> None:
    """The least severe findings are left out and counted; the others keep their order."""
    findings = [finding(severity=list(Severity)[::-1][number % 3], size=number) for number in range(9)]
    analysis = changed(image(), advice=Advice(tuple(findings)))
    kept = most_serious(ReportedImage(analysis=analysis), 4)
    assert [finding.severity.value for finding in kept].count("high") == 3
    assert kept == [finding for finding in findings if finding in kept]
    many = [finding(100 + number % 900, severity=Severity.LOW, step=f"RUN {number}") for number in range(MOST_RESULTS + 7)]
    (run,) = json.loads(text_of("sarif", changed(image(), advice=Advice(tuple(many)))))["runs"]
    assert len(run["results"]) == MOST_RESULTS
    assert "7 more findings" in run["invocations"][0]["toolExecutionNotifications"][-1]["message"]["text"]
