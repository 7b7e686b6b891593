"""Findings and failed budgets as workflow commands, which GitHub shows as annotations of a run.

Format: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands; escapes as in ``command.ts``
of https://github.com/actions/toolkit. GitHub keeps 10 annotations of each kind per step; one log line counts the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO, TypeAlias

from ocisize.report.ci.levels import LEVELS, OF_OUTCOMES, AlertLevel
from ocisize.report.ci.merge_findings import MergedFinding, merge_findings
from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage, Subject
from ocisize.report.words.advice import is_secret
from ocisize.report.words.budgets import describe as describe_verdict
from ocisize.report.words.budgets import line_of, places_of
from ocisize.report.words.findings import describe, list_paths
from ocisize.report.words.incomplete import headline, list_unread
from ocisize.report.words.upgrade import describe_reason, summarize_growth
from ocisize.text import display_name, printable

if TYPE_CHECKING:
    from ocisize.report.diff_subject import DiffSubject

LIMIT = 10  #: annotations of a kind
#: command, properties, lines of the message
Annotation: TypeAlias = tuple[str, Mapping[str, "str | int"], Sequence[str]]


def write(subject: Subject, file: TextIO, options: ReportOptions) -> None:
    """Write a command for each secret, each violated budget and each finding, as many of a kind as GitHub keeps."""
    _write([], subject, file, options)


def _write(first: Sequence[Annotation], subject: Subject, file: TextIO, options: ReportOptions) -> None:
    findings = merge_findings(subject.images)
    write_annotations(
        [
            *first,
            *_unread(subject.images),
            *_findings([row for row in findings if is_secret(row.finding)], options),
            *annotate_budgets(subject.images),
            *_growth(subject.images, options),
            *_findings([row for row in findings if not is_secret(row.finding)], options),
        ],
        file,
    )


def write_annotations(annotations: Iterable[Annotation], file: TextIO) -> None:
    """Write a command for each annotation, as many of a kind as GitHub keeps, and how many there are more."""
    left = dict.fromkeys(map(str, LEVELS), LIMIT)
    for command, properties, lines in annotations:
        left[command] -= 1
        if left[command] >= 0:
            listed = ",".join(f"{name}={_escape_property(display_name(str(value)))}" for name, value in properties.items())
            file.write(f"::{command} {listed}::{_escape(chr(10).join(lines))}\n")
    missing = sum(-count for count in left.values() if count < 0)
    if missing:
        file.write(f"ocisize: {missing:,} more: GitHub shows {LIMIT} annotations of a kind\n")


def write_diff(subject: DiffSubject, file: TextIO, options: ReportOptions) -> None:
    """Write the same about AFTER, with the findings that are new or forbidden, and a notice for each cause of growth."""
    headline = (str(AlertLevel.NOTICE), {"title": "ocisize diff"}, [summarize_growth(subject.comparison)])
    _write([headline], Subject(images=[subject.news]), file, options)


def _unread(images: Sequence[ReportedImage]) -> Iterator[Annotation]:
    """The images with unread layers."""
    for image in images:
        if not image.analysis.complete:
            foreign = image.analysis.lacks_only_foreign
            title = "ocisize: foreign layers were not read" if foreign else "ocisize: some layers could not be read"
            yield (
                "warning" if foreign else "error",
                {"title": title},
                [image.with_platform(headline(image.analysis)), *list_unread(image.analysis)],
            )


def annotate_budgets(images: Sequence[ReportedImage]) -> Iterator[Annotation]:
    """The violated budgets, at the lines that set them."""
    for image in images:
        for verdict in image.violations:
            place = line_of(verdict.budget)
            where: Mapping[str, str | int] = {"file": place[0], "line": place[1]} if place else {}
            text = image.with_platform(printable(describe_verdict(verdict, image.analysis)))
            title = f"ocisize budget {verdict.budget.key}"
            yield str(OF_OUTCOMES[verdict.outcome]), {**where, "title": title}, [text, *places_of(verdict, image.analysis)]


def _findings(rows: Sequence[MergedFinding], options: ReportOptions) -> Iterator[Annotation]:
    """Some findings; a finding of several platforms is listed once."""
    for image, finding, platforms, level in rows:
        line = image.dockerfile_line(finding)
        lines: Mapping[str, str | int] = {"line": line.first, "endLine": line.last} if line else {}
        properties = {"file": options.dockerfile, **lines, "title": f"ocisize {finding.id}"}
        names = f"{', '.join(platforms)}: " if image.platform else ""
        yield str(level), properties, [f"{names}{describe(finding)}", *list_paths(finding)]


def _growth(images: Sequence[ReportedImage], options: ReportOptions) -> Iterator[Annotation]:
    """Why the images grew, at the instructions that wrote the layers."""
    for image in images:
        for reason in image.reasons:
            line = image.layer_line(reason.after)
            where: Mapping[str, str | int] = (
                {"file": options.dockerfile, "line": line.first, "endLine": line.last} if line else {}
            )
            yield str(AlertLevel.NOTICE), {**where, "title": "ocisize growth"}, [describe_reason(reason)]


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
