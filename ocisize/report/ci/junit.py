"""JUnit XML, the test results that Jenkins, GitLab, Azure and others read.

The schema is the one that Jenkins validates, junit-10.xsd of its xunit plugin. Each budget is a test. Findings of high and
medium severity are skipped tests with the saving as their message, and failed tests if a budget that fails forbids them: so
there are failed tests exactly if a budget fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ocisize.budgets.forbidden import outcome_of
from ocisize.model.analysis import FOREIGN, Analysis
from ocisize.model.budget import BudgetStatus
from ocisize.model.findings import Finding, Severity
from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage, Subject
from ocisize.report.words.advice import is_secret
from ocisize.report.words.budgets import describe, places_of, title_of
from ocisize.report.words.findings import describe_image, describe_saving, list_paths
from ocisize.report.words.incomplete import describe_layer
from ocisize.report.words.steps import name_lines_at
from ocisize.report.words.upgrade import describe_reason
from ocisize.text import printable
from ocisize.values import evolve, frozen

if TYPE_CHECKING:
    from ocisize.report.diff_subject import DiffSubject


@frozen(kw_only=True)
class Check:
    """A test case: something that an image passes or fails, or that is skipped."""

    group: str  #: ``ocisize.`` and a word
    name: str
    failure: str = ""  #: one line that says why the check failed, "" if it passed
    details: str = ""  #: more lines about the failure, the warning, what was skipped, or what passed
    warning: str = ""  #: the warning of a check that passed
    skipped: str = ""  #: why the check was skipped
    error: bool = False  #: the check failed because a layer could not be read


def write(subject: Subject, file: TextIO, _: ReportOptions) -> None:
    """Write a suite for each image: its secrets, its budgets and the findings that matter, or one passed test.

    Layers that could not be read are errors.
    """
    makers = (_of_layers, _of_secrets, _of_budgets, _of_growth, _of_findings)
    write_suites(
        [
            (image.analysis, _with_unique_names([check for make in makers for check in make(image)]))
            for image in subject.images
        ],
        file,
    )


def write_diff(subject: DiffSubject, file: TextIO, options: ReportOptions) -> None:
    """Write the same about AFTER: findings that are new or forbidden, and a passed test for each cause of growth."""
    write(Subject(images=[subject.news]), file, options)


def check_budgets(image: ReportedImage) -> Sequence[Check]:
    """A check for each budget of an image, with unique names."""
    return _with_unique_names(list(_of_budgets(image)))


def _with_unique_names(checks: Sequence[Check]) -> list[Check]:
    """The checks with unique names: readers take tests with the same name for one test."""
    seen = Counter[tuple[str, str]]()
    unique = []
    for check in checks:
        name = check.name
        while seen[check.group, name]:
            seen[check.group, check.name] += 1
            name = f"{check.name} ({seen[check.group, check.name]})"
        seen[check.group, name] += 1
        unique.append(evolve(check, name=name))
    return unique


def _of_layers(image: ReportedImage) -> Iterator[Check]:
    """An error for each layer that could not be read; a foreign layer, which need not be there, is skipped."""
    for layer in image.analysis.unread:
        name, text = image.with_platform(f"layer {layer.index} can be read"), describe_layer(layer)
        is_foreign = layer.failure is not None and layer.failure.step == FOREIGN
        yield Check(
            group="ocisize.read",
            name=name,
            failure="" if is_foreign else text,
            error=not is_foreign,
            skipped=text if is_foreign else "",
        )


def _of_budgets(image: ReportedImage) -> Iterator[Check]:
    """A check for each budget, in their order; a budget that only warns passes."""
    for verdict in image.verdicts:
        text = describe(verdict, image.analysis)
        broken = verdict.outcome is BudgetStatus.FAIL
        yield Check(
            group="ocisize.budget",
            name=image.with_platform(title_of(verdict.budget, verdict.growth_from)),
            failure=text if broken else "",
            details="\n".join([text, *places_of(verdict, image.analysis)]) if broken else "",
            warning=text if verdict.outcome is BudgetStatus.WARN else "",
            skipped=verdict.reason if verdict.status is BudgetStatus.SKIPPED else "",
        )


def _of_growth(image: ReportedImage) -> Iterator[Check]:
    """A passed check for each cause of growth: budgets decide how much is too much."""
    for reason in image.reasons:
        yield Check(
            group="ocisize.growth",
            name=image.with_platform(f"growth of layer {reason.after}"),
            details=describe_reason(reason),
        )


def _of_secrets(image: ReportedImage) -> Iterator[Check]:
    return (_of_finding(finding, image) for finding in image.secrets)


def _of_findings(image: ReportedImage) -> Iterator[Check]:
    """A check for each finding that matters, or one passed check: readers refuse empty suites."""
    others = [finding for finding in image.findings if not is_secret(finding) and _matters(finding, image)]
    yield from (_of_finding(finding, image) for finding in others)
    if not others and not image.secrets and image.analysis.complete:
        new = "" if image.known_findings is None else "new "
        yield Check(group="ocisize.findings", name=image.with_platform(f"no {new}finding of high or medium severity"))


def _matters(finding: Finding, image: ReportedImage) -> bool:
    """Whether a finding is of high or medium severity, or a budget forbids it."""
    return finding.severity is not Severity.LOW or _outcome_of(finding, image) is not BudgetStatus.PASS


def _outcome_of(finding: Finding, image: ReportedImage) -> BudgetStatus:
    return outcome_of(finding, image.analysis, image.verdicts)


def _of_finding(finding: Finding, image: ReportedImage) -> Check:
    """A failed check if a budget that fails forbids the finding, else one that is skipped or has a warning."""
    outcome, saving = _outcome_of(finding, image), describe_saving(finding) or finding.title
    return Check(
        group=f"ocisize.{finding.id}",
        name=image.with_platform(finding.title),
        failure=saving if outcome is BudgetStatus.FAIL else "",
        warning=saving if outcome is BudgetStatus.WARN else "",
        skipped=f"{finding.severity}: {saving}; no budget forbids it" if outcome is BudgetStatus.PASS else "",
        details="\n".join([finding.fix, *_steps(finding, image), *list_paths(finding)]),
    )


def _steps(finding: Finding, image: ReportedImage) -> list[str]:
    """The layers with their lines, if they are known, and build steps."""
    pairs = [(layer, printable(step.text)) for layer, step in zip(finding.layers, finding.build_steps, strict=True)]
    places = [name_lines_at(image.analysis.layers, layer) for layer, _ in pairs]
    return [
        f"layer {layer}{f', {place}' if place else ''}: {step}"
        for (layer, step), place in zip(pairs, places, strict=True)
        if step
    ]


def write_suites(suites: Sequence[tuple[Analysis, Sequence[Check]]], file: TextIO) -> None:
    """Write a suite for each image with its checks.

    All text is made printable first: XML 1.0 has no way to write most control characters.
    """
    all_checks = [check for _, checks in suites for check in checks]
    root = Element("testsuites", {"name": "ocisize", **_count(all_checks)})
    for analysis, checks in suites:
        name = printable(f"{describe_image(analysis)} {analysis.platform}")
        skipped = sum(bool(check.skipped) for check in checks)
        suite = SubElement(root, "testsuite", {"name": name, **_count(checks), "skipped": str(skipped), "time": "0"})
        properties = SubElement(suite, "properties")
        for key, value in _properties(analysis):
            SubElement(properties, "property", name=key, value=printable(value))
        for check in checks:
            _add_test(suite, check)
    indent(root)
    file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, "unicode")}\n')


def _count(checks: Sequence[Check]) -> dict[str, str]:
    errors = sum(check.error for check in checks)
    failures = sum(bool(check.failure) for check in checks) - errors
    return {"tests": str(len(checks)), "failures": str(failures), "errors": str(errors)}


def _add_test(suite: Element, check: Check) -> None:
    test = SubElement(suite, "testcase", classname=printable(check.group), name=printable(check.name), time="0")
    if check.failure:
        kind = check.group.rpartition(".")[2]
        result = SubElement(
            test, "error" if check.error else "failure", type=printable(kind), message=printable(check.failure)
        )
        result.text = _printable_lines(check.details)
    elif check.skipped:
        SubElement(test, "skipped", message=printable(check.skipped)).text = _printable_lines(check.details) or None
    elif check.warning or check.details:
        warning = f"warning: {check.warning}\n" if check.warning else ""
        SubElement(test, "system-out").text = _printable_lines(f"{warning}{check.details}".rstrip())


def _printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def _properties(analysis: Analysis) -> Iterator[tuple[str, str]]:
    names = ("digest", "compressed_size", "content_size", "live_size", "wasted_size", "wasted_compressed_size")
    for name in names if analysis.complete else names[:2]:
        value = getattr(analysis, name)
        if value is not None:
            yield name, str(value)
