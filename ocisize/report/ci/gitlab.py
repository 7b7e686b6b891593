"""Findings and failed budgets as GitLab's Code Quality report, which merge requests show as new and resolved issues.

Format: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format. GitLab identifies issues
of all jobs by their fingerprint alone, so fingerprints include the image. It shows issues at a file of the repository.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

from ocisize.model.analysis import FOREIGN
from ocisize.model.findings import Finding
from ocisize.report.ci.levels import OF_OUTCOMES, AlertLevel, level_of
from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage, Subject
from ocisize.report.words.advice import is_secret
from ocisize.report.words.budgets import describe as describe_verdict
from ocisize.report.words.budgets import line_of, places_of, title_of
from ocisize.report.words.findings import describe, fingerprint, fingerprints, list_paths, repository_of
from ocisize.report.words.incomplete import describe_layer
from ocisize.report.words.upgrade import describe_reason
from ocisize.text import display_name, printable

if TYPE_CHECKING:
    from ocisize.dockerfile.parse import Instruction
    from ocisize.report.diff_subject import DiffSubject

_SEVERITIES = {AlertLevel.ERROR: "critical", AlertLevel.WARNING: "minor", AlertLevel.NOTICE: "info"}


def write(subject: Subject, file: TextIO, options: ReportOptions) -> None:
    """Write an issue for each secret, each violated budget and each other finding, image by image."""
    issues = [issue for image in subject.images for issue in _issues(image, options)]
    json.dump(issues, file, indent=2)
    file.write("\n")


def _issues(image: ReportedImage, options: ReportOptions) -> Iterator[dict[str, Any]]:
    keys = fingerprints(image.findings, _name(image))
    findings = [(finding, _finding(finding, key, image, options)) for finding, key in zip(image.findings, keys, strict=True)]
    yield from _unread(image, options)
    yield from (issue for finding, issue in findings if is_secret(finding))
    yield from _budgets(image, options)
    yield from _growth(image, options)
    yield from (issue for finding, issue in findings if not is_secret(finding))


def _unread(image: ReportedImage, options: ReportOptions) -> Iterator[dict[str, Any]]:
    """A blocker for each unread layer, so that an incomplete image does not look clean; a remark for a foreign one."""
    for layer in image.analysis.unread:
        severity = "info" if layer.failure is not None and layer.failure.step == FOREIGN else "blocker"
        key = fingerprint(_name(image), "unread", layer.digest)
        yield {
            **_issue(
                "unread-layer", image.with_platform(f"Not read: {describe_layer(layer)}"), severity, f"{key}:{layer.index}"
            ),
            "categories": ["Bug Risk"],
            "location": {"path": display_name(options.dockerfile), "lines": {"begin": 1, "end": 1}},
        }


def _budgets(image: ReportedImage, options: ReportOptions) -> Iterator[dict[str, Any]]:
    """The violated budgets, at the lines that set them, or else in the Dockerfile."""
    seen = Counter[str]()
    for verdict in image.violations:
        key = fingerprint(_name(image), "budget", title_of(verdict.budget))
        seen[key] += 1
        path, line = line_of(verdict.budget) or (options.dockerfile, 1)
        text = image.with_platform(printable(describe_verdict(verdict, image.analysis)))
        yield {
            **_issue(f"budget-{verdict.budget.key}", text, _SEVERITIES[OF_OUTCOMES[verdict.outcome]], f"{key}:{seen[key]}"),
            "content": {"body": "\n".join(places_of(verdict, image.analysis)) or text},
            "location": {"path": display_name(path), "lines": {"begin": line, "end": line}},
        }


def write_diff(subject: DiffSubject, file: TextIO, options: ReportOptions) -> None:
    """Write the same about AFTER, with an issue for each cause of growth; GitLab itself finds out which issues are new."""
    write(Subject(images=[subject.image]), file, options)


def _growth(image: ReportedImage, options: ReportOptions) -> Iterator[dict[str, Any]]:
    """Why the image grew, at the instructions that wrote the layers."""
    seen = Counter[str]()
    for reason in image.reasons:
        key = fingerprint(_name(image), "growth", image.step_of(reason.after))
        seen[key] += 1
        text = image.with_platform(describe_reason(reason))
        yield {
            **_issue("growth", text, _SEVERITIES[AlertLevel.NOTICE], f"{key}:{seen[key]}"),
            "location": _location(image.layer_line(reason.after), options),
        }


def _finding(finding: Finding, key: str, image: ReportedImage, options: ReportOptions) -> dict[str, Any]:
    text = image.with_platform(describe(finding))
    return {
        **_issue(finding.id, text, _SEVERITIES[level_of(finding, image)], key),
        "content": {"body": "\n".join(list_paths(finding)) or text},
        "location": _location(image.dockerfile_line(finding), options),
    }


def _location(line: Instruction | None, options: ReportOptions) -> dict[str, Any]:
    """The lines of an instruction of the Dockerfile; line 1 if no instruction is known."""
    first, last = (line.first, line.last) if line else (1, 1)
    return {"path": display_name(options.dockerfile), "lines": {"begin": first, "end": last}}


def _name(image: ReportedImage) -> str:
    return f"{repository_of(image.analysis)} {image.analysis.platform}"


def _issue(name: str, text: str, severity: str, key: str) -> dict[str, Any]:
    return {
        "type": "issue",
        "check_name": name,
        "categories": ["Performance"],
        "description": text,
        "severity": severity,
        "fingerprint": key,
    }
