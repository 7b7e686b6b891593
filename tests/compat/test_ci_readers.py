"""Budgets, all platforms and lines of a Dockerfile, read by the programs that the formats are for.

There is no reader of workflow commands or Code Quality reports but GitHub's runner and GitLab itself. Code Quality is
compared with what sarif-tools makes of the SARIF report, which GitLab's users convert with it.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attrs
import cmarkgfm
import junitparser
import pytest
import xmlschema
from jsonschema import Draft4Validator
from prometheus_client.openmetrics.parser import text_fd_to_metric_families

from ocisize.dockerfile.parse import parse_dockerfile
from tests.gates import image, judge
from tests.hostile import hostile_analysis
from tests.plans import hostile_plan, with_plan
from tests.reports import BUDGETS, DOCKERFILE, judged_all, of_all, platforms, text_of

SCHEMAS = Path(__file__).parents[2] / "testdata" / "schemas"
SARIF = Draft4Validator(
    json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text()), format_checker=Draft4Validator.FORMAT_CHECKER
)
JUNIT = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")


def texts(name: str) -> list[str]:
    """One image with budgets, lines and a plan, a hostile one, and all platforms."""
    hostile = with_plan(hostile_analysis(), hostile_plan())
    forbidden = (
        "forbid = '*1*'\nmax-files = [1, 1]\n[[budget]]\nlayer = '*'\nmax-unpacked = 0\nmax-layers = 1\nlevel = 'warn'"
    )
    return [
        text_of(name, with_plan(image()), verdicts=judge(BUDGETS), parsed_dockerfile=parse_dockerfile(DOCKERFILE)),
        text_of(name, hostile, verdicts=judge(forbidden, hostile)),
        of_all(name, verdicts=judged_all(), parsed_dockerfile=parse_dockerfile(DOCKERFILE)),
        of_all(name, [*map(with_plan, platforms()), attrs.evolve(hostile, platform="linux/s390x")]),
    ]


def test_sarif_is_valid() -> None:
    """The schema holds, and the rule of each result is described."""
    for text in texts("sarif"):
        document = json.loads(text)
        assert [error.message for error in SARIF.iter_errors(document)] == []
        for run in document["runs"]:
            rules = run["tool"]["driver"]["rules"]
            assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
            assert len({rule["id"] for rule in rules}) == len(rules)
            prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
            assert len(set(prints)) == len(prints) > 0


def code_climate(folder: Path, sarif: str) -> list[dict[str, Any]]:
    (folder / "in.sarif").write_text(sarif)
    program = str(Path(sys.executable).parent / "sarif")
    command = [program, "codeclimate", str(folder / "in.sarif"), "--output", str(folder / "out.json")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    issues: list[dict[str, Any]] = json.loads((folder / "out.json").read_text())
    return issues


def test_code_quality_is_what_others_make_of_sarif(tmp_path: Path) -> None:
    """The same issues, places and severities, but for broken budgets, which are critical; GitLab needs no more fields."""
    for sarif, gitlab in zip(texts("sarif"), texts("gitlab"), strict=True):
        ours, theirs = json.loads(gitlab), code_climate(tmp_path, sarif)
        assert len(ours) == len(theirs) > 0
        assert sorted(map(issue_of, ours)) == sorted(map(issue_of, theirs))
        for issue in ours:
            assert {"description", "check_name", "fingerprint", "location", "severity"} <= set(issue)
            assert {type(issue["location"]["lines"]["begin"]), type(issue["location"]["path"])} == {int, str}
        assert len({issue["fingerprint"] for issue in ours}) == len(ours)


def issue_of(issue: dict[str, Any]) -> tuple[object, ...]:
    severity = {"critical": "major"}.get(issue["severity"], issue["severity"])
    place = issue["location"]
    return issue["check_name"], place["path"], place["lines"]["begin"], severity, issue["type"]


def test_junit_is_valid() -> None:
    """Jenkins' schema holds, and the counts equal those of junitparser."""
    for text in texts("junit"):
        JUNIT.validate(text)
        suites = list(junitparser.JUnitXml.fromstring(text.encode()))
        for suite in suites:
            told = suite.tests, suite.failures, suite.skipped, suite.errors
            suite.update_statistics()  # type: ignore[no-untyped-call]
            assert told == (suite.tests, suite.failures, suite.skipped, suite.errors)
        root = junitparser.JUnitXml.fromstring(text.encode())
        assert (root.tests, root.failures) == (sum(suite.tests for suite in suites), sum(suite.failures for suite in suites))


class Rows(HTMLParser):
    """Cells of each row of a document's tables, and its tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[int] = []
        self.tags: set[str] = set()
        self.plain = ""  # what is no code
        self._depth = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._depth += tag == "code"
        if tag == "tr":
            self.rows.append(0)
        elif tag in ("td", "th"):
            self.rows[-1] += 1

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "code"

    def handle_data(self, data: str) -> None:
        self.plain += data if not self._depth else ""


def test_markdown_renders() -> None:
    """Each row has as many cells as its table has columns in GitHub's renderer, and no name becomes an element."""
    allowed = {"h3", "p", "strong", "code", "br", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre"}
    for text, columns in zip(texts("markdown"), ({3, 5, 6}, {3, 5, 6}, {3, 4, 7}, {3, 4, 5, 7}), strict=True):
        page = Rows(cmarkgfm.github_flavored_markdown_to_html(text, cmarkgfm.Options.CMARK_OPT_UNSAFE))
        assert page.tags <= allowed
        assert set(page.rows) == columns
        assert not re.search(r"@|#\d|https?:|www\.|\$|:smile:", page.plain)  # mentions, references, links, formulas
        lines = [line for line in text.splitlines() if line.startswith("| ")]  # all rows but those of dashes
        assert len(page.rows) == len(lines)


def test_metrics_parse() -> None:
    """Prometheus' parser reads them, and no series is repeated."""
    for text in texts("openmetrics"):
        families = list(text_fd_to_metric_families(io.StringIO(text)))  # type: ignore[no-untyped-call]
        assert len({family.name for family in families}) == len(families) >= 13
        series = [(sample.name, *sorted(sample.labels.items())) for family in families for sample in family.samples]
        assert len(set(series)) == len(series)


@pytest.mark.parametrize("name", ["sarif", "junit", "markdown", "openmetrics", "gitlab"])
def test_the_samples_have_budgets_and_platforms(name: str) -> None:
    """The documents read above have budgets and platforms."""
    one, _, two, three = texts(name)
    assert "budget" in one.lower()
    assert "linux/arm64" in two and "linux/arm64" not in one
    assert "linux/s390x" in three
