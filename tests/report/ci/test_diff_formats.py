"""Comparisons in CI formats: causes of growth as notes, new findings, and budgets as the exit status has them."""

from __future__ import annotations

import io
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from ocisize import compare, parse_budgets
from ocisize.budgets.check_change import check_change
from ocisize.dockerfile.parse import parse_dockerfile
from ocisize.model.comparison import Comparison
from ocisize.report.ci import github
from ocisize.report.diff_formats import DIFF_FORMATS, write_diff_report
from ocisize.report.options import ReportOptions
from ocisize.report.words.budgets import describe
from tests.comparison.test_causes import APP, PIP, ROOT, debian, image, python_package

DOCKERFILE = "FROM scratch\nADD rootfs.tar /\nRUN pip install -r requirements.txt\nCOPY . /app\n"
SECRET = {"root/.ssh/id_rsa": b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + b"k" * 400}
CACHE = {f"root/.cache/pip/http/{number}": bytes(range(256)) * 300 for number in range(3)}


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """A package and a cache more in one layer, a secret more in another; one finding is in both."""
    base = {**debian(b"12.1"), "var/cache/apt/archives/a.deb": bytes(range(256)) * 400}
    numpy = python_package("numpy", "1.0", b"n" * 5000)
    more = {**numpy, **python_package("matplotlib", "3.8", bytes(range(256)) * 900), **CACHE}
    steps = [ROOT, PIP, APP]
    return compare(image([base, numpy, {"app/a": b"1"}], steps), image([base, more, {"app/a": b"1", **SECRET}], steps))


def report(comparison: Comparison, name: str, budgets: str = 'max-unpacked = "+1 %"') -> str:
    verdicts = check_change(comparison.before, comparison.after, parse_budgets(budgets, "ocisize.toml").budgets)
    file = io.StringIO()
    options = ReportOptions(verdicts=verdicts, parsed_dockerfile=parse_dockerfile(DOCKERFILE))
    write_diff_report(name, comparison, file, options)
    return file.getvalue()


def test_new_findings(comparison: Comparison) -> None:
    """Findings in layers that both images have are not new; the others are."""
    new = {str(finding.category) for finding in comparison.new_findings}
    assert {"secret", "cache"} <= new
    old = [finding for finding in comparison.after.advice.findings if finding not in comparison.new_findings]
    assert any(finding.layers == (0,) for finding in old)
    back = compare(comparison.after, comparison.before)
    assert len(back.fixed_findings) == len(comparison.new_findings)
    assert back.new_findings == ()


def test_github(comparison: Comparison) -> None:
    """The headline, the secret as an error, the budget, and the cause at the line of its instruction; no old finding."""
    lines = report(comparison, "github").splitlines()
    assert lines[0].startswith("::notice title=ocisize diff::Grew by ")
    assert lines[1].startswith("::error file=Dockerfile,line=4,endLine=4,title=ocisize OS2")
    assert lines[2].startswith("::error file=ocisize.toml,line=1,title=ocisize budget max-unpacked::")
    growth = [line for line in lines if "title=ocisize growth" in line]
    assert growth[0].startswith("::notice file=Dockerfile,line=3,endLine=3,title=ocisize growth::+")
    assert "adds matplotlib 3.8 +" in growth[0]
    assert "a.deb" not in "".join(lines)


def test_github_counts_the_headline(comparison: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub drops more notices of a step than it keeps: the headline is one of them."""
    monkeypatch.setattr(github, "LIMIT", 1)
    lines = report(comparison, "github").splitlines()
    assert [line for line in lines if line.startswith("::notice")] == [lines[0]]
    assert lines[0].startswith("::notice title=ocisize diff::")
    assert lines[-1].startswith("ocisize: ")


def test_junit(comparison: Comparison) -> None:
    """Only the budget fails; the cause is a test that passes and says why."""
    root = ElementTree.fromstring(report(comparison, "junit"))
    failed = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert failed == ["unpacked ≤ BEFORE + 1 %"]
    growth = [case for case in root.iter("testcase") if case.get("classname") == "ocisize.growth"]
    assert "adds matplotlib 3.8 +" in (growth[0].findtext("system-out") or "")
    assert ElementTree.fromstring(report(comparison, "junit", "")).find(".//failure") is None


def test_sarif(comparison: Comparison) -> None:
    """All findings of AFTER, each with whether it is new, so that code scanning closes no alert."""
    (run,) = json.loads(report(comparison, "sarif"))["runs"]
    states: dict[str, list[Any]] = {}
    for result in run["results"]:
        states.setdefault(result.get("baselineState", ""), []).append(result)
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert len(states["new"]) == len(comparison.new_findings)
    assert len(states["new"]) + len(states["unchanged"]) == len(comparison.after.advice.findings)
    growth = [result for result in states[""] if result["ruleId"] == "growth"]
    assert growth[0]["level"] == "note"
    assert growth[0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 3


def test_gitlab(comparison: Comparison) -> None:
    """All findings of AFTER and the causes, each with its own fingerprint."""
    issues = json.loads(report(comparison, "gitlab"))
    prints = [issue["fingerprint"] for issue in issues]
    assert len(set(prints)) == len(prints)
    names = [issue["check_name"] for issue in issues]
    assert names.count("growth") == 2
    assert len(names) == len(comparison.after.advice.findings) + 3
    assert issues[names.index("growth")]["location"]["lines"] == {"begin": 3, "end": 3}


@pytest.mark.parametrize("name", [name for name in DIFF_FORMATS if name != "json"])
def test_suggestions_beside_budgets(name: str) -> None:
    """What a failed budget suggests may be a finding that is not new, in formats that show only new ones, too."""
    numpy, more = python_package("numpy", "1.0", b"n" * 5000), python_package("matplotlib", "3.8", bytes(range(256)) * 900)
    found = compare(image([{**numpy, **CACHE}], [PIP]), image([{**numpy, **more, **CACHE}], [PIP]))
    assert found.new_findings == ()
    (verdict,) = check_change(found.before, found.after, parse_budgets('max-unpacked = "+1 %"').budgets)
    what, _, hint = describe(verdict, found.after).partition(" → ")
    assert "in layer 0" in what and hint.startswith("OS") and " saves " in hint
    assert hint in " ".join(report(found, name).split())


@pytest.mark.parametrize("name", ["github", "junit"])
def test_known_secrets_are_not_shown_as_new(name: str) -> None:
    """A finding about a known secret and a new one names the new one; both if a budget forbids them."""
    more = {**SECRET, "root/.ssh/id_dsa": SECRET["root/.ssh/id_rsa"] + b"2"}
    found = compare(image([SECRET], [APP]), image([more], [APP]))
    text = report(found, name, "")
    assert "/root/.ssh/id_dsa" in text and "/root/.ssh/id_rsa" not in text
    text = report(found, name, 'forbid-findings = "OS230"')
    assert "/root/.ssh/id_dsa" in text and "/root/.ssh/id_rsa" in text


def test_text_says_new_secrets_first(comparison: Comparison) -> None:
    """A new secret comes before all figures, new findings after the causes."""
    text = report(comparison, "text")
    assert text.index("NEW SECRET") < text.index("Download") < text.index("Budgets: 1 failed") < text.index("Why")
    assert text.index("Why") < text.index("New findings:")


@pytest.mark.parametrize("name", DIFF_FORMATS)
def test_images_that_are_the_same(name: str, comparison: Comparison) -> None:
    """Every format can say that nothing changed."""
    same = compare(comparison.after, comparison.after)
    text = report(same, name, "")
    assert text
    causes = (
        "title=ocisize growth",
        "ocisize.growth",
        '"ruleId": "growth"',
        '"check_name": "growth"',
        ">Why<",
        "**Why**",
        "Why (",
    )
    assert not [cause for cause in causes if cause in text]
