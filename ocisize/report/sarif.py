"""Findings as SARIF 2.1.0, the form of code scanning and editors.

Form: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. What GitHub asks for on top: each result lies in a
file of the repository, with a fingerprint, and no text is empty
(https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support-for-code-scanning). So results
lie in the Dockerfile; the layers are their logical locations, and the files in the image are related locations.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TextIO
from urllib.parse import quote

import ocisize
from ocisize.analysis.findings import Confidence, Finding, Severity
from ocisize.analysis.model import Analysis
from ocisize.report.findings import describe, describe_image, fingerprints, repository_of
from ocisize.report.options import ReportOptions
from ocisize.report.rules import Explanation, explain_rules
from ocisize.report.units import printable

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
_PRECISIONS = {Confidence.SURE: "very-high", Confidence.LIKELY: "high", Confidence.ASK: "medium"}  # GitHub's words
_START = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
_IMAGE = "IMAGE"  # base of the paths in the image


def write(analysis: Analysis, file: TextIO, options: ReportOptions) -> None:
    """Write one run."""
    findings = analysis.advice.findings
    rules = explain_rules(findings)
    precisions = {finding.id: _PRECISIONS[finding.confidence] for finding in reversed(findings)}
    indexes = {rule_id: index for index, rule_id in enumerate(rules)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "ocisize",
                "semanticVersion": ocisize.__version__,
                "rules": [_rule(rule, precisions[rule.id]) for rule in rules.values()],
            }
        },
        # what stands before the last slash is GitHub's category: images of one repository do not replace each other
        "automationDetails": {"id": f"ocisize/{repository_of(analysis)}/{printable(analysis.platform)}/"},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _warnings(analysis)}],
        "originalUriBaseIds": {_IMAGE: {"description": {"text": "the root of the image's filesystem"}}},
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(finding, indexes[finding.id], fingerprint, analysis, options.dockerfile)
            for finding, fingerprint in zip(findings, fingerprints(findings), strict=True)
        ],
        "properties": {
            "image": describe_image(analysis),
            "digest": analysis.digest,
            "compressedSize": analysis.compressed_size,
            "contentSize": analysis.content_size,
            "wastedSize": analysis.wasted_size,
        },
    }
    json.dump({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, file, indent=2)
    file.write("\n")


def _rule(rule: Explanation, precision: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": rule.id,
        "name": rule.id,
        "shortDescription": {"text": printable(rule.title)},
        "fullDescription": {"text": printable(rule.what)},
        "help": {"text": printable(rule.help)},
        "properties": {"tags": ["container", "image-size"], "precision": precision},
    }
    return {**document, "helpUri": rule.source} if rule.source.startswith("https://") else document


def _warnings(analysis: Analysis) -> list[dict[str, Any]]:
    return [{"level": "warning", "message": {"text": printable(text)}} for text in analysis.warnings if text]


def _result(finding: Finding, rule: int, fingerprint: str, analysis: Analysis, dockerfile: str) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": quote(dockerfile, safe="/")}, "region": _START}
    location: dict[str, Any] = {"physicalLocation": place}
    if layers := _layers(finding, analysis):
        location["logicalLocations"] = layers
    document: dict[str, Any] = {
        "ruleId": finding.id,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(describe(finding))},
        "locations": [location],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint, "ocisize/v1": fingerprint},
        "properties": {
            "confidence": str(finding.confidence),
            "size": finding.size,
            "compressedSize": finding.compressed_size,
            "pathCount": finding.path_count,
            "inBase": finding.in_base,
        },
    }
    related = _paths(finding.paths)
    return {**document, "relatedLocations": related} if related else document


def _message(text: str) -> str:
    """Text without SARIF's embedded links, which look like Markdown's."""
    return text.replace("](", "] (")


def _layers(finding: Finding, analysis: Analysis) -> list[dict[str, Any]]:
    return [
        {
            "name": f"layer {index}",
            "fullyQualifiedName": printable(f"{analysis.layers[index].digest} {instruction}".rstrip()),
            "kind": "layer",
        }
        for index, instruction in zip(finding.layers, finding.instructions, strict=True)
    ]


def _paths(paths: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "physicalLocation": {
                "artifactLocation": {"uri": quote(path.encode("utf-8", "surrogateescape"), safe="/"), "uriBaseId": _IMAGE}
            },
            "message": {"text": _message(f"/{printable(path)}")},
        }
        for number, path in enumerate(paths, 1)
    ]
