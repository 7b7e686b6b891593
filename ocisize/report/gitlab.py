"""Findings as GitLab's Code Quality report, which merge requests show as new and resolved issues.

Form: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format. GitLab tells issues apart by their
fingerprint alone, and shows them at a file of the repository.
"""

from __future__ import annotations

import json
from typing import TextIO

from ocisize.analysis.findings import Severity
from ocisize.analysis.model import Analysis
from ocisize.report.findings import describe, fingerprints, list_paths
from ocisize.report.options import ReportOptions

_SEVERITIES = {Severity.HIGH: "major", Severity.MEDIUM: "minor", Severity.LOW: "info"}


def write(analysis: Analysis, file: TextIO, options: ReportOptions) -> None:
    """Write an issue for each finding."""
    findings = analysis.advice.findings
    issues = [
        {
            "type": "issue",
            "check_name": finding.id,
            "categories": ["Performance"],
            "description": describe(finding),
            "content": {"body": "\n".join(list_paths(finding)) or describe(finding)},
            "severity": _SEVERITIES[finding.severity],
            "fingerprint": fingerprint,
            "location": {"path": options.dockerfile, "lines": {"begin": 1}},
        }
        for finding, fingerprint in zip(findings, fingerprints(findings), strict=True)
    ]
    json.dump(issues, file, indent=2)
    file.write("\n")
