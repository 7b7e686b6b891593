"""The formats of a report, by name, each a module that is imported when it is used.

A format is a row in FORMATS and a module below ``ocisize.report`` of the same name, with ``_`` for ``-`` and with
``write(analysis: Analysis, file: TextIO, options: ReportOptions) -> None``, which writes text for UTF-8.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from ocisize.analysis.model import Analysis
    from ocisize.report.options import ReportOptions

#: name → what it is for; the first is the default
FORMATS: Mapping[str, str] = {
    "text": "for people, on a terminal",
    "json": "everything, for programs; ocisize.from_json reads it",
    "html": "one page with a treemap and all files, which opens offline",
    "markdown": "a pull request's comment or a step summary",
    "sarif": "findings for code scanning and editors",
    "junit": "findings as failed tests, for Jenkins, GitLab, Azure",
    "github": "findings as annotations of a GitHub workflow",
    "gitlab": "findings for GitLab's Code Quality widget",
    "openmetrics": "figures for Prometheus and GitLab's metrics report",
    "csv": "a row per layer, or with --files per file",
    "ncdu": "what a container sees, for ncdu -f and gdu -f",
    "dive-json": "what dive --json exports",
    "badge": "JSON for a shields.io endpoint",
    "badge-svg": "the badge itself",
}


def write_report(name: str, analysis: Analysis, file: TextIO, options: ReportOptions) -> None:
    """Write an analysis to a text file in the form of that name."""
    module = import_module(f"ocisize.report.{name.replace('-', '_')}")
    module.write(analysis, file, options)
