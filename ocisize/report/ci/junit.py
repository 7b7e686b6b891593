"""Checks as JUnit XML, the form in which Jenkins, GitLab, Azure and others read test results.

The form is the one that Jenkins checks, junit-10.xsd of its xunit plugin. Each budget is a test, and findings of high and
medium severity are failed tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from typing import TextIO

import attrs

from ocisize.model.analysis import Analysis
from ocisize.model.budget import BudgetStatus
from ocisize.model.findings import Finding, Severity
from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage, Subject
from ocisize.report.words.budgets import describe, places_of, title_of
from ocisize.report.words.findings import describe_image, describe_saving, list_paths
from ocisize.report.words.incomplete import describe_layer
from ocisize.text import printable


@attrs.frozen(kw_only=True)
class Check:
    """One thing that an image passes or fails, or that is not checked."""

    group: str  #: ``ocisize.`` and a word
    name: str
    failure: str = ""  #: one line on why it failed, "" where it passed
    details: str = ""
    warning: str = ""  #: what is told of one that passed
    skipped: str = ""  #: why it is not checked
    error: bool = False  #: it failed because it could not be looked at


def write(subject: Subject, file: TextIO, _: ReportOptions) -> None:
    """Write a suite for each image: its budgets and the findings that matter, or one passed test.

    Layers that could not be read are errors.
    """
    write_suites(
        [
            (image.analysis, _told_apart([*_of_layers(image), *_of_budgets(image), *_of_findings(image)]))
            for image in subject.images
        ],
        file,
    )


def _told_apart(checks: Sequence[Check]) -> list[Check]:
    """The checks by names that no two share: readers take tests of one name for one."""
    seen = Counter[tuple[str, str]]()
    found = []
    for check in checks:
        name = check.name
        while seen[check.group, name]:
            seen[check.group, check.name] += 1
            name = f"{check.name} ({seen[check.group, check.name]})"
        seen[check.group, name] += 1
        found.append(attrs.evolve(check, name=name))
    return found


def _of_layers(image: ReportedImage) -> Iterator[Check]:
    """An error for each layer that could not be read."""
    for layer in image.analysis.unread:
        name = image.with_platform(f"layer {layer.index} can be read")
        yield Check(group="ocisize.read", name=name, failure=describe_layer(layer), error=True)


def _of_budgets(image: ReportedImage) -> Iterator[Check]:
    """A check for each budget, in their order; one that is a warning only passes."""
    for verdict in image.verdicts:
        text = describe(verdict, image.analysis)
        broken = verdict.outcome is BudgetStatus.FAIL
        yield Check(
            group="ocisize.budget",
            name=image.with_platform(title_of(verdict.budget)),
            failure=text if broken else "",
            details="\n".join([text, *places_of(verdict, image.analysis)]) if broken else "",
            warning=text if verdict.outcome is BudgetStatus.WARN else "",
            skipped=verdict.reason if verdict.status is BudgetStatus.SKIPPED else "",
        )


def _of_findings(image: ReportedImage) -> Iterator[Check]:
    """A failed check for each finding that matters; a passed one where none does, since readers refuse empty suites."""
    serious = [finding for finding in image.findings if finding.severity is not Severity.LOW]
    for finding in serious:
        yield Check(
            group=f"ocisize.{finding.id}",
            name=image.with_platform(finding.title),
            failure=describe_saving(finding) or finding.title,
            details="\n".join([finding.fix, *_steps(finding), *list_paths(finding)]),
        )
    if not serious and image.analysis.complete:
        yield Check(group="ocisize.findings", name=image.with_platform("no finding of high or medium severity"))


def _steps(finding: Finding) -> list[str]:
    pairs = zip(finding.layers, finding.build_steps, strict=True)
    return [f"layer {layer}: {printable(step.text)}" for layer, step in pairs if step.text]


def write_suites(suites: Sequence[tuple[Analysis, Sequence[Check]]], file: TextIO) -> None:
    """Write a suite for each image."""
    everything = [check for _, checks in suites for check in checks]
    file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="ocisize" {_counts(everything)}>\n')
    for analysis, checks in suites:
        name = _text(f"{describe_image(analysis)} {analysis.platform}")
        skipped = sum(bool(check.skipped) for check in checks)
        file.write(f'  <testsuite name="{name}" {_counts(checks)} skipped="{skipped}" time="0">\n    <properties>\n')
        file.writelines(f'      <property name="{key}" value="{_text(value)}"/>\n' for key, value in _properties(analysis))
        file.write("    </properties>\n")
        file.writelines(map(_testcase, checks))
        file.write("  </testsuite>\n")
    file.write("</testsuites>\n")


def _counts(checks: Sequence[Check]) -> str:
    errors = sum(check.error for check in checks)
    return f'tests="{len(checks)}" failures="{sum(bool(check.failure) for check in checks) - errors}" errors="{errors}"'


def _testcase(check: Check) -> str:
    head = f'    <testcase classname="{_text(check.group)}" name="{_text(check.name)}" time="0"'
    if check.failure:
        kind = _text(check.group.rpartition(".")[2])
        details = "\n".join(map(_text, check.details.split("\n")))
        element = "error" if check.error else "failure"
        inside = f'<{element} type="{kind}" message="{_text(check.failure)}">{details}</{element}>'
    elif check.skipped:
        inside = f'<skipped message="{_text(check.skipped)}"/>'
    elif check.warning:
        inside = f"<system-out>warning: {_text(check.warning)}</system-out>"
    else:
        return f"{head}/>\n"
    return f"{head}>\n      {inside}\n    </testcase>\n"


def _properties(analysis: Analysis) -> Iterator[tuple[str, str]]:
    names = ("digest", "compressed_size", "content_size", "live_size", "wasted_size", "wasted_compressed_size")
    for name in names if analysis.complete else names[:2]:
        value = getattr(analysis, name)
        if value is not None:
            yield name, str(value)


def _text(text: str) -> str:
    """Text that any XML parser takes, on one line."""
    return escape(printable(text))
