"""Outlines for CI systems: the budgets as JUnit tests and as annotations of GitHub, and the figures as OpenMetrics text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from ocisize.report.ci.github import Annotation, annotate_budgets, write_annotations
from ocisize.report.ci.junit import Check, check_budgets, write_suites
from ocisize.report.ci.openmetrics import write_manifest_gauges
from ocisize.report.options import ReportOptions
from ocisize.report.outline_subject import OutlineDiffSubject, OutlineSubject
from ocisize.report.subject import ReportedImage
from ocisize.report.words.outline_diff import describe_upgrade, summarize


def write_junit(subject: OutlineSubject, file: TextIO, _: ReportOptions) -> None:
    """Write a suite for each image: its budgets, or one passed test."""
    _write_suites([image.as_image() for image in subject.images], file)


def write_junit_diff(subject: OutlineDiffSubject, file: TextIO, _: ReportOptions) -> None:
    """Write the suite of AFTER."""
    _write_suites([subject.image.as_image()], file)


def _write_suites(images: Sequence[ReportedImage], file: TextIO) -> None:
    write_suites([(image.analysis, check_budgets(image) or [_read(image)]) for image in images], file)


def _read(image: ReportedImage) -> Check:
    """A check that passed: readers refuse empty suites."""
    return Check(group="ocisize.read", name=image.with_platform("manifest and config can be read"))


def write_github(subject: OutlineSubject, file: TextIO, _: ReportOptions) -> None:
    """Write a command for each violated budget."""
    write_annotations(annotate_budgets([image.as_image() for image in subject.images]), file)


def write_github_diff(subject: OutlineDiffSubject, file: TextIO, _: ReportOptions) -> None:
    """Write a notice about the growth, and a command for each violated budget of AFTER."""
    sentences = filter(None, [summarize(subject.comparison), describe_upgrade(subject.comparison)])
    growth: Annotation = ("notice", {"title": "ocisize diff"}, [" ".join(sentences)])
    write_annotations([growth, *annotate_budgets([subject.image.as_image()])], file)


def write_openmetrics(subject: OutlineSubject, file: TextIO, _: ReportOptions) -> None:
    """Write gauges for the downloads, the layers and the budgets."""
    write_manifest_gauges([image.as_image() for image in subject.images], file)
