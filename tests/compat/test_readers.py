"""Formats read by those they are for: schemas of SARIF and JUnit, GitHub's Markdown, Prometheus, ncdu, XML parsers.

What is read is hostile: every text that an image brings tries to break out.
"""

from __future__ import annotations

import io
import json
import math
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import cmarkgfm
import junitparser
import pytest
import xmlschema
from hypothesis import given
from jsonschema import Draft4Validator
from prometheus_client.openmetrics.parser import text_fd_to_metric_families

from ocisize import Analysis, Analyzer
from ocisize.model.findings import Severity
from ocisize.report.formats import write_report
from ocisize.report.subject import ReportedImage
from ocisize.report.ci.markdown import to_markdown
from ocisize.report.options import ReportOptions
from tests import hostile
from tests.tools import program
from tests.hostile import HOSTILE, analysis_of, finding, hostile_analysis
from tests.images import DIR, Entries, File, Hard, Link

DATA = Path(__file__).parent.parent.parent / "testdata"
SCHEMAS = DATA / "schemas"
SARIF = Draft4Validator(
    json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text()), format_checker=Draft4Validator.FORMAT_CHECKER
)
JUNIT = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")


def text_of(name: str, analysis: Analysis) -> str:
    file = io.StringIO(newline="")
    write_report(name, analysis, file, ReportOptions())
    return file.getvalue()


@pytest.fixture(scope="module")
def example() -> Analysis:
    """The example of the README."""
    return Analyzer().analyze(str(DATA / "example.tar"))


# SARIF


def check_sarif(analysis: Analysis) -> dict[str, Any]:
    """One run that the schema and GitHub's further rules allow."""
    document = json.loads(text_of("sarif", analysis))
    assert [error.message for error in SARIF.iter_errors(document)] == []
    run: dict[str, Any] = document["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert all(rule[name]["text"] for name in ("shortDescription", "fullDescription", "help"))
    for result in run["results"]:
        assert result["message"]["text"]
        assert "](" not in result["message"]["text"]  # an embedded link
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 1
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(prints)) == len(prints) == len(analysis.advice.findings)
    return run


def test_sarif_of_the_example(example: Analysis) -> None:
    """Findings become results with a level, layers become logical locations, files locations in the image."""
    run = check_sarif(example)
    assert [(result["level"], result["properties"]["severity"]) for result in run["results"]] == [
        ("note", str(finding.severity)) for finding in example.advice.findings
    ]
    first = run["results"][0]
    assert [place["name"] for place in first["locations"][0]["logicalLocations"]] == ["layer 1", "layer 3"]
    related = first["relatedLocations"][0]["physicalLocation"]["artifactLocation"]
    assert related["uriBaseId"] in run["originalUriBaseIds"]
    assert related["uri"].startswith("var/cache/apt/archives/ca-certificates")
    assert run["automationDetails"]["id"] == "ocisize/example/linux/amd64/"


def test_sarif_keeps_names_apart() -> None:
    """Hostile names stay within their strings; paths are URIs that lead back to the same bytes."""
    run = check_sarif(hostile_analysis())
    for result, name in zip(run["results"], HOSTILE, strict=True):
        uri = result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert unquote_to_bytes(uri) == name.encode("utf-8", "surrogateescape")
        assert re.fullmatch(r"[A-Za-z0-9%/._~-]*", uri)


@given(hostile.findings)
def test_sarif_is_valid_whatever_is_found(findings: list[Any]) -> None:
    """The schema holds for findings of any text."""
    check_sarif(analysis_of({"a": b"1"}, findings=findings))


def test_a_broken_run_would_be_noticed(example: Analysis) -> None:
    """The schema refuses what SARIF does not have."""
    document = json.loads(text_of("sarif", example))
    document["runs"][0]["results"][0]["level"] = "high"
    assert list(SARIF.iter_errors(document))


# JUnit


def check_junit(analysis: Analysis) -> junitparser.TestSuite:
    """One suite that Jenkins' schema allows and junitparser reads."""
    text = text_of("junit", analysis)
    JUNIT.validate(text)
    (suite,) = junitparser.JUnitXml.fromstring(text.encode())
    serious = [finding for finding in analysis.advice.findings if finding.severity is not Severity.LOW]
    assert (suite.tests, suite.failures, suite.skipped) == (len(serious) or 1, 0, len(serious))
    assert len(list(suite)) == suite.tests
    return suite


def test_junit_of_the_example(example: Analysis) -> None:
    """Each finding that matters is a skipped test with its fix and files, since no budget forbids it."""
    cases = list(check_junit(example))
    assert {case.classname for case in cases} >= {"ocisize.OS101", "ocisize.OS102", "ocisize.OS110"}
    assert "End the RUN with `apt-get clean`." in cases[0].result[0].text
    assert cases[0].result[0].message == "medium: 186 kB of download, 187 kB unpacked; no budget forbids it"


def test_junit_keeps_names_apart() -> None:
    """Hostile names end no element and no attribute, and hold no character that XML forbids."""
    check_junit(hostile_analysis())
    (case,) = check_junit(analysis_of({"a": b"1"}, findings=[finding(text="".join(HOSTILE), paths=HOSTILE)]))
    shown = {
        "<script>alert(1)</script>": "<script>alert(1)</script>",
        "\ufffe\uffff": r"\ufffe\uffff",
        "]]>--><!-- &amp; \"'": "]]>--><!-- &amp; \"'",
        "latin\udce9\udcff": r"latin\xe9\xff",
    }
    for name, text in shown.items():
        assert text in case.name
        (of_path,) = check_junit(analysis_of({"a": b"1"}, findings=[finding(text="a", paths=(name,))]))
        assert f"\n/{text}" in of_path.result[0].text


@given(hostile.findings)
def test_junit_is_valid_whatever_is_found(findings: list[Any]) -> None:
    """The schema holds for findings of any text; without serious ones a test passes."""
    suite = check_junit(analysis_of({"a": b"1"}, findings=findings))
    assert suite.tests >= 1


# Markdown


class Tags(HTMLParser):
    """The tags of a document, and the text of its table rows' cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.code: list[str] = []
        self.plain = ""
        self._in_code = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        if tag == "code":
            self._in_code = True
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_code = self._in_code and tag != "code"

    def handle_data(self, data: str) -> None:
        if self._in_code:
            self.code[-1] += data
        else:
            self.plain += data


def check_markdown(analysis: Analysis, limit: int = 65_000) -> Tags:
    """GitHub's own renderer makes of it what was meant: whole tables, no element that an image brought."""
    text = to_markdown([ReportedImage(analysis=analysis)], limit=limit)
    page = Tags(cmarkgfm.github_flavored_markdown_to_html(text, cmarkgfm.Options.CMARK_OPT_UNSAFE))
    allowed = {"h3", "p", "strong", "code", "br", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre"}
    assert set(page.tags) <= allowed
    assert page.attributes <= {"align", "lang"}
    heads = len(re.findall(r"^\|[-:|]+\|$", text, re.MULTILINE))  # of the figures and of all other tables, folded or not
    steps = len(re.findall(r"^\| \d+ \| [^|]* \| (?:safe|probably|ask)", text, re.MULTILINE))
    findings, layers = text.count("<br>OS"), len(re.findall(r"^\| \d+ \|", text, re.MULTILINE)) - steps
    assert page.tags["tr"] == heads + 1 + steps + findings + layers
    assert page.tags["td"] == 3 + 5 * steps + 3 * findings + 6 * layers
    assert not re.search(r"@|#\d|https?:|www\.|\$|:smile:", page.plain)  # mentions, references, links, formulas
    return page


def test_markdown_of_the_example(example: Analysis) -> None:
    """Steps and paths come out of the renderer as they went in."""
    page = check_markdown(example)
    assert "RUN apt-get update && apt-get install -y ca-certificates media-types" in page.code
    assert "/app/mime.types" in page.code
    assert "End the RUN with " in page.plain
    assert "apt-get clean" in page.code


def test_markdown_keeps_names_apart() -> None:
    """Hostile names are code, whole and unchanged but for escaped controls, in tables that keep their shape."""
    page = check_markdown(hostile_analysis())
    for name in ("/<script>alert(1)</script>", "/a|b\\|c`d``e", "/**bold** __x__ [a](javascript:b) ![c](d) ~~e~~",
                 r"/latin\xe9\xff", r"/\u202eexe.txt\u2066\u2028\ufeff", "/]]>--><!-- &amp; \"'"):  # fmt: skip
        assert name in page.code


@given(hostile.findings)
def test_markdown_renders_whatever_is_found(findings: list[Any]) -> None:
    """Findings of any text, cut at any size, leave the tables whole."""
    analysis = analysis_of({"a": b"1"}, {"b": b"2"}, findings=findings, steps=["RUN x"])
    check_markdown(analysis)
    check_markdown(analysis, 3000)


# OpenMetrics


def check_metrics(analysis: Analysis) -> dict[str, list[Any]]:
    """Families by name, as Prometheus' own parser reads them."""
    families = list(text_fd_to_metric_families(io.StringIO(text_of("openmetrics", analysis))))  # type: ignore[no-untyped-call]
    assert all(family.type == "gauge" and family.documentation for family in families)
    return {family.name: family.samples for family in families}


def test_metrics_of_the_example(example: Analysis) -> None:
    """Each gauge has the figure of the analysis, with what stays from build to build as labels."""
    found = check_metrics(example)
    (download,) = found["ocisize_image_compressed_bytes"]
    assert (download.value, download.labels) == (example.compressed_size, {"image": "example", "platform": "linux/amd64"})
    assert [sample.value for sample in found["ocisize_layer_wasted_bytes"]] == [
        layer.wasted_size for layer in example.layers
    ]
    assert found["ocisize_image_efficiency_ratio"][0].value == pytest.approx(example.efficiency, abs=1e-6)
    assert sum(sample.value for sample in found["ocisize_findings"]) == len(example.advice.findings)
    assert sum(sample.value for sample in found["ocisize_findings_compressed_bytes"]) == example.advice.compressed_size


def test_metrics_leave_out_what_is_unknown() -> None:
    """No gauge stands for a size that the saved form does not tell."""
    found = check_metrics(analysis_of({"a": b"1"}, findings=[finding(compressed_size=None)], compressed_size_known=False))
    assert "ocisize_image_compressed_bytes" not in found
    assert "ocisize_findings_compressed_bytes" not in found
    assert found["ocisize_image_content_bytes"][0].value == 1
    assert not any(math.isnan(sample.value) for samples in found.values() for sample in samples)


@given(hostile.texts)
def test_metrics_keep_names_apart(name: str) -> None:
    """An image named like the format's grammar is one label's value."""
    found = check_metrics(analysis_of({"a": b"1"}, reference=None, source=name))
    assert {len(samples) for samples in found.values()} == {1, 3}


# ncdu


def ncdu(text: str, folder: Path) -> list[Any]:
    """What the real ncdu makes of an export, as its own export."""
    (folder / "in.json").write_text(text, encoding="utf-8")
    command = [program("ncdu"), "-0", "-f", str(folder / "in.json"), "-o", str(folder / "out.json")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    document: list[Any] = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    return document


def walk(directory: list[Any], path: str = "") -> dict[str, dict[str, Any]]:
    """The entries below a directory by path."""
    found: dict[str, dict[str, Any]] = {}
    for entry in directory[1:]:
        if isinstance(entry, list):
            found |= walk(entry, f"{path}/{entry[0]['name']}")
        else:
            found[f"{path}/{entry['name']}"] = entry
    return found


def live_size(entries: dict[str, dict[str, Any]]) -> int:
    """Bytes of the entries, an inode with several names once."""
    inodes = {entry.get("ino", path): entry.get("asize", 0) for path, entry in entries.items()}
    return sum(inodes.values())


def test_ncdu_reads_the_example(example: Analysis, tmp_path: Path) -> None:
    """ncdu reads the export; its files are those that a container sees, with their sizes on disk."""
    entries = walk(ncdu(text_of("ncdu", example), tmp_path)[3])
    assert live_size(entries) == example.live_size
    assert entries["/app/mime.types"] == {"name": "mime.types", "asize": 73816, "dsize": 77824}
    assert entries["/bin/sh"] == {"name": "sh", "notreg": True}
    assert not [path for path in entries if path.endswith(".deb")]


def test_ncdu_sees_the_merged_image(tmp_path: Path) -> None:
    """What upper layers hide is gone, what they replace has its new size, hard links count once."""
    base: Entries = {
        "bin": DIR, "bin/a": b"1" * 10, "bin/b": Hard("bin/a"), "bin/c": Link("a"), "old/x/y": b"2" * 20, "old/z": b"3",
        "kept/deep/er/file": b"4" * 40, "..name": b"5" * 50,
    }  # fmt: skip
    top: Entries = {".wh.old": b"", "bin/.wh.a": b"", "bin/c": File(b"6" * 60), "bin/d": Hard("bin/b"), "dev": DIR}
    analysis = analysis_of(base, top)
    entries = walk(ncdu(text_of("ncdu", analysis), tmp_path)[3])
    assert sorted(entries) == ["/..name", "/bin/a", "/bin/b", "/bin/c", "/bin/d", "/kept/deep/er/file"]
    assert {entries[f"/bin/{name}"]["ino"] for name in "abd"} == {2}
    assert all(entries[f"/bin/{name}"]["hlnkc"] for name in "abd")
    assert entries["/bin/c"]["asize"] == 60
    assert live_size(entries) == analysis.live_size == 160


def test_ncdu_keeps_names_apart(tmp_path: Path) -> None:
    """Hostile names are names of files, in trees that are deeper than a parser's stack, too."""
    deep = "d/" * 2000 + "f"
    names = {name.replace("/", "_").replace("\0", ""): b"1" for name in HOSTILE[:-1]}
    entries = walk(ncdu_shallow(text_of("ncdu", analysis_of(names)), tmp_path))
    assert len(entries) == len(names)
    assert r"/latin\xe9\xff" in entries
    assert r"/\ufffe" not in entries
    text = text_of("ncdu", analysis_of({deep: b"1" * 7}))
    assert text.count("[") == text.count("]") == 2002
    subprocess.run([program("ncdu"), "-0", "-f", "-", "-o", "/dev/null"], input=text, text=True, check=True, timeout=60)


def ncdu_shallow(text: str, folder: Path) -> list[Any]:
    tree: list[Any] = ncdu(text, folder)[3]
    return tree


# SVG


def test_the_badge_is_a_picture(example: Analysis) -> None:
    """The badge is XML of the SVG namespace that refers to nothing outside of it, as wide as its two halves."""
    root = ElementTree.fromstring(text_of("badge-svg", example))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    rectangles = root.findall("{*}g/{*}rect")
    assert int(root.attrib["width"]) == sum(int(rectangle.attrib["width"]) for rectangle in rectangles)
    assert not [name for element in root.iter() for name in element.attrib if "href" in name]
