"""Findings as workflow commands, which GitHub shows as annotations of a run.

Form: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands; escapes as in ``command.ts``
of https://github.com/actions/toolkit. GitHub keeps 10 annotations of each kind per step; what is beyond is one log line.
"""

from __future__ import annotations

from typing import TextIO

from ocisize.analysis.findings import Severity
from ocisize.analysis.model import Analysis
from ocisize.report.findings import describe, list_paths
from ocisize.report.options import ReportOptions

LIMIT = 10  #: annotations of a kind
_COMMANDS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "notice"}


def write(analysis: Analysis, file: TextIO, options: ReportOptions) -> None:
    """Write a command for each finding, the largest savings first, as many of a kind as GitHub keeps."""
    left = dict.fromkeys(_COMMANDS, LIMIT)
    for finding in analysis.advice.findings:
        left[finding.severity] -= 1
        if left[finding.severity] < 0:
            continue
        properties = {"file": options.dockerfile, "title": f"ocisize {finding.id}"}
        listed = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
        message = _escape("\n".join([describe(finding), *list_paths(finding)]))
        file.write(f"::{_COMMANDS[finding.severity]} {listed}::{message}\n")
    missing = sum(-count for count in left.values() if count < 0)
    if missing:
        file.write(f"ocisize: {missing:,} more finding{'s' * (missing != 1)}: GitHub keeps {LIMIT} annotations of a kind\n")


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
