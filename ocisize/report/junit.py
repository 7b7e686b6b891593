"""Checks as JUnit XML, the form in which Jenkins, GitLab, Azure and others read test results.

The form is the one that Jenkins checks, junit-10.xsd of its xunit plugin. Findings of high and medium severity are failed
tests, verdicts on budgets are tests of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TextIO

import attrs

from ocisize.analysis.findings import Finding, Severity
from ocisize.analysis.model import Analysis
from ocisize.report.findings import describe_image, describe_saving, list_paths
from ocisize.report.options import ReportOptions
from ocisize.report.units import printable


@attrs.frozen(kw_only=True)
class Check:
    """One thing that an image passes or fails."""

    group: str  #: ``ocisize.`` and a word
    name: str
    failure: str = ""  #: one line on why it failed, "" where it passed
    details: str = ""


def write(analysis: Analysis, file: TextIO, _: ReportOptions) -> None:
    """Write one suite: the findings that matter, or one passed test where there are none."""
    write_checks(analysis, list(checks_of(analysis.advice.findings)), file)


def checks_of(findings: Iterable[Finding]) -> Iterator[Check]:
    """A failed check for each finding that matters; a passed one where none does, since readers refuse empty suites."""
    serious = [finding for finding in findings if finding.severity is not Severity.LOW]
    for finding in serious:
        yield Check(
            group=f"ocisize.{finding.id}",
            name=finding.title,
            failure=describe_saving(finding) or finding.title,
            details="\n".join([finding.fix, *_steps(finding), *list_paths(finding)]),
        )
    if not serious:
        yield Check(group="ocisize.findings", name="no finding of high or medium severity")


def _steps(finding: Finding) -> list[str]:
    pairs = zip(finding.layers, finding.instructions, strict=True)
    return [f"layer {layer}: {printable(step)}" for layer, step in pairs if step]


def write_checks(analysis: Analysis, checks: Sequence[Check], file: TextIO) -> None:
    """Write one suite of these checks."""
    failures = sum(bool(check.failure) for check in checks)
    counts = f'tests="{len(checks)}" failures="{failures}" errors="0"'
    name = _text(f"{describe_image(analysis)} {analysis.platform}")
    file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="ocisize" {counts}>\n')
    file.write(f'  <testsuite name="{name}" {counts} skipped="0" time="0">\n    <properties>\n')
    file.writelines(f'      <property name="{key}" value="{_text(value)}"/>\n' for key, value in _properties(analysis))
    file.write("    </properties>\n")
    file.writelines(map(_testcase, checks))
    file.write("  </testsuite>\n</testsuites>\n")


def _testcase(check: Check) -> str:
    head = f'    <testcase classname="{_text(check.group)}" name="{_text(check.name)}" time="0"'
    if not check.failure:
        return f"{head}/>\n"
    kind = _text(check.group.rpartition(".")[2])
    details = "\n".join(map(_text, check.details.split("\n")))
    failure = f'<failure type="{kind}" message="{_text(check.failure)}">{details}</failure>'
    return f"{head}>\n      {failure}\n    </testcase>\n"


def _properties(analysis: Analysis) -> Iterator[tuple[str, str]]:
    names = ("digest", "compressed_size", "content_size", "live_size", "wasted_size", "wasted_compressed_size")
    for name in names:
        value = getattr(analysis, name)
        if value is not None:
            yield name, str(value)


def _text(text: str) -> str:
    """Text that any XML parser takes, on one line."""
    return escape(printable(text))
