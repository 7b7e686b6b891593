"""Findings as SARIF 2.1.0, for code scanning and editors.

Format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. GitHub also requires a file of the repository and
a fingerprint for each result, and no empty texts
(https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support-for-code-scanning). So results
are in the Dockerfile; layers are logical locations, and files in the image are related locations.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import quote

import ocisize
from ocisize.findings.explanations import Explanation, explain_rules
from ocisize.model.analysis import Analysis
from ocisize.model.budget import Budget
from ocisize.model.findings import Confidence, Finding, Severity
from ocisize.model.plan import Plan
from ocisize.report.ci.levels import LEVELS, OF_OUTCOMES, AlertLevel, level_of
from ocisize.report.ci.sarif_fixes import MAX_FIXES, describe_fix, fixes_of
from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage, Subject
from ocisize.report.words.advice import is_secret
from ocisize.report.words.budgets import describe as describe_verdict
from ocisize.report.words.budgets import line_of, places_of, title_of
from ocisize.report.words.findings import describe, describe_image, fingerprint, fingerprints, repository_of, shown_paths
from ocisize.report.words.incomplete import describe_layer
from ocisize.report.words.upgrade import describe_reason
from ocisize.text import display_name, printable

if TYPE_CHECKING:
    from ocisize.report.diff_subject import DiffSubject

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {AlertLevel.ERROR: "error", AlertLevel.WARNING: "warning", AlertLevel.NOTICE: "note"}
_PRECISIONS = {Confidence.SAFE: "very-high", Confidence.PROBABLY: "high", Confidence.ASK: "medium"}  # GitHub's words
LIMIT = 5000  #: results of a run that code scanning shows
_GROWTH = "growth"  # rule
_IMAGE = "IMAGE"  # base of the paths in the image


def write(subject: Subject, file: TextIO, options: ReportOptions) -> None:
    """Write a run for each image."""
    json.dump(
        {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(image, options) for image in subject.images]}, file, indent=2
    )
    file.write("\n")


def write_diff(subject: DiffSubject, file: TextIO, options: ReportOptions) -> None:
    """Write a run for AFTER, which says of each finding whether it is new, with a note for each cause of growth."""
    write(Subject(images=[subject.image]), file, options)


def _run(image: ReportedImage, options: ReportOptions) -> dict[str, Any]:
    analysis = image.analysis
    findings = most_serious(image, LIMIT)
    rules = explain_rules(findings)
    precisions = {finding.id: _PRECISIONS[finding.confidence] for finding in reversed(findings)}
    descriptors = [_rule(rule, precisions[rule.id]) for rule in rules.values()]
    descriptors += [*_budget_rules(image), *_growth_rule(image)]
    indexes = {descriptor["id"]: index for index, descriptor in enumerate(descriptors)}
    secrets = sum(map(is_secret, findings))
    results = [
        _result(finding, indexes[finding.id], key, image, options)
        for finding, key in zip(findings, fingerprints(findings), strict=True)
    ]
    _add_fixes(results, findings, analysis.plan, options)
    results[secrets:secrets] = [*_budgets(image, indexes, options), *_growth(image, indexes, options)]
    return {
        "tool": {"driver": {"name": "ocisize", "semanticVersion": ocisize.__version__, "rules": descriptors}},
        # GitHub's category is the part before the last slash: images of one repository do not replace each other
        "automationDetails": {"id": f"ocisize/{repository_of(analysis)}/{printable(analysis.platform)}/"},
        "invocations": [
            {"executionSuccessful": analysis.lacks_only_foreign, "toolExecutionNotifications": _notifications(image)}
        ],
        "originalUriBaseIds": {_IMAGE: {"description": {"text": "the root of the image's filesystem"}}},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {
            "image": describe_image(analysis),
            "platform": printable(analysis.platform),
            "digest": analysis.digest,
            "complete": analysis.complete,
            "compressedSize": analysis.compressed_size,
            "contentSize": analysis.content_size if analysis.complete else None,
            "wastedSize": analysis.wasted_size if analysis.complete else None,
        },
    }


def most_serious(image: ReportedImage, limit: int) -> list[Finding]:
    """The ``limit`` findings of an image with the highest levels and severities, in their order."""
    findings, severities = image.findings, tuple(Severity)
    if len(findings) <= limit:
        return list(findings)
    ranks = [(LEVELS.index(level_of(finding, image)), severities.index(finding.severity)) for finding in findings]
    kept = sorted(range(len(findings)), key=ranks.__getitem__)[:limit]
    return [findings[number] for number in sorted(kept)]


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


def _budget_rules(image: ReportedImage) -> list[dict[str, Any]]:
    """A rule for each kind of budget that is not kept."""
    return [
        {
            "id": rule,
            "name": rule,
            "shortDescription": {"text": f"{key} failed"},
            "fullDescription": {"text": f"The image exceeds a budget: {key}."},
            "help": {"text": "Make the image smaller, or raise the budget."},
            "properties": {"tags": ["container", "image-size"], "precision": "very-high"},
        }
        for key, rule in {
            printable(verdict.budget.key): _budget_rule(verdict.budget) for verdict in image.violations
        }.items()
    ]


def _budget_rule(budget: Budget) -> str:
    return f"budget-{printable(budget.key)}"


def _notifications(image: ReportedImage) -> list[dict[str, Any]]:
    texts = [printable(text) for text in image.analysis.warnings if text]
    missing = len(image.findings) - LIMIT
    if missing > 0:
        texts.append(f"{missing:,} more findings of low severity: code scanning shows {LIMIT:,}")
    level = "warning" if image.analysis.lacks_only_foreign else "error"
    unread = [{"level": level, "message": {"text": f"not read: {describe_layer(layer)}"}} for layer in image.analysis.unread]
    return unread + [{"level": "warning", "message": {"text": text}} for text in texts]


def _budgets(image: ReportedImage, indexes: Mapping[str, int], options: ReportOptions) -> Iterator[dict[str, Any]]:
    """A result for each violated budget, at the line that sets it, or else in the Dockerfile."""
    seen = Counter[str]()
    for verdict in image.violations:
        rule = _budget_rule(verdict.budget)
        key = fingerprint("", rule, title_of(verdict.budget))
        seen[key] += 1
        path, line = line_of(verdict.budget) or (options.dockerfile, 1)
        text = "\n".join([printable(describe_verdict(verdict, image.analysis)), *places_of(verdict, image.analysis)])
        yield {
            "ruleId": rule,
            "ruleIndex": indexes[rule],
            "level": _LEVELS[OF_OUTCOMES[verdict.outcome]],
            "message": {"text": _message(image.with_platform(text))},
            "locations": [{"physicalLocation": _place(path, line)}],
            "partialFingerprints": _fingerprints(f"{key}:{seen[key]}"),
        }


def _growth_rule(image: ReportedImage) -> list[dict[str, Any]]:
    """The rule of the causes of growth, if there are any."""
    if not image.reasons:
        return []
    return [
        {
            "id": _GROWTH,
            "name": _GROWTH,
            "shortDescription": {"text": "The image grew"},
            "fullDescription": {"text": "A layer is larger than in the image that this one is compared with."},
            "help": {"text": "Remove what the build step added, or accept the growth."},
            "properties": {"tags": ["container", "image-size"], "precision": "very-high"},
        }
    ]


def _growth(image: ReportedImage, indexes: Mapping[str, int], options: ReportOptions) -> Iterator[dict[str, Any]]:
    """A note for each cause of growth, at the instruction that wrote the layer."""
    seen = Counter[str]()
    for reason in image.reasons:
        key = fingerprint("", _GROWTH, image.step_of(reason.after))
        seen[key] += 1
        line = image.layer_line(reason.after)
        lines = (line.first, line.last, max(line.width, 1)) if line else (1,)
        yield {
            "ruleId": _GROWTH,
            "ruleIndex": indexes[_GROWTH],
            "level": _LEVELS[AlertLevel.NOTICE],
            "message": {"text": _message(image.with_platform(describe_reason(reason)))},
            "locations": [{"physicalLocation": _place(options.dockerfile, *lines)}],
            "partialFingerprints": _fingerprints(f"{key}:{seen[key]}"),
            "properties": {"growth": reason.growth, "compressedGrowth": reason.compressed_growth},
        }


def _fingerprints(key: str) -> dict[str, str]:
    return {"primaryLocationLineHash": key, "ocisize/v1": key}


def _place(path: str, first: int, last: int | None = None, width: int = 1) -> dict[str, Any]:
    """A region of a file in the repository: from line ``first`` to line ``last``."""
    region = {"startLine": first, "startColumn": 1, "endLine": last or first, "endColumn": width + 1}
    return {"artifactLocation": {"uri": _uri(path)}, "region": region}


def _uri(path: str) -> str:
    """The bytes of a path, percent-encoded."""
    try:
        return quote(path.encode("utf-8", "surrogateescape"), safe="/")
    except UnicodeEncodeError:  # no file's, but a document may say anything
        return quote(display_name(path), safe="/")


def _result(finding: Finding, rule: int, key: str, image: ReportedImage, options: ReportOptions) -> dict[str, Any]:
    line = image.dockerfile_line(finding)
    lines = (line.first, line.last, max(line.width, 1)) if line else (1,)
    location: dict[str, Any] = {"physicalLocation": _place(options.dockerfile, *lines)}
    if layers := _layers(finding, image.analysis):
        location["logicalLocations"] = layers
    document: dict[str, Any] = {
        "ruleId": finding.id,
        "ruleIndex": rule,
        "level": _LEVELS[level_of(finding, image)],
        "message": {"text": _message(image.with_platform(describe(finding)))},
        "locations": [location],
        "partialFingerprints": _fingerprints(key),
        "properties": {
            "severity": str(finding.severity),
            "confidence": str(finding.confidence),
            "size": finding.size,
            "compressedSize": finding.compressed_size,
            "pathCount": finding.path_count,
            "inBase": finding.in_base,
        },
    }
    if image.known_findings is not None:
        document["baselineState"] = "new" if image.is_new(finding) else "unchanged"
    if related := _paths(shown_paths(finding)):
        document["relatedLocations"] = related
    return document


def _add_fixes(results: Sequence[dict[str, Any]], findings: Sequence[Finding], plan: Plan, options: ReportOptions) -> None:
    """Add the fixes of findings to their results; the plan knows the Dockerfile."""
    left = MAX_FIXES
    for finding, result in zip(findings, results, strict=True):
        changed = fixes_of(finding, plan) if left else []
        if changed:
            left -= 1
            artifacts = [
                {
                    "artifactLocation": {"uri": _uri(options.dockerfile if name == plan.dockerfile else name)},
                    "replacements": replacements,
                }
                for name, replacements in changed
            ]
            text = _message(describe_fix(finding, plan))
            result["fixes"] = [{"description": {"text": text}, "artifactChanges": artifacts}]


def _message(text: str) -> str:
    """Text in which SARIF sees no embedded links, whose syntax is that of Markdown."""
    return text.replace("](", "] (")


def _layers(finding: Finding, analysis: Analysis) -> list[dict[str, Any]]:
    return [
        {
            "name": f"layer {index}",
            "fullyQualifiedName": printable(f"{analysis.layers[index].digest} {step}".rstrip()),
            "kind": "layer",
        }
        for index, step in zip(finding.layers, finding.build_steps, strict=True)
    ]


def _paths(paths: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "physicalLocation": {"artifactLocation": {"uri": _uri(path), "uriBaseId": _IMAGE}},
            "message": {"text": _message(f"/{printable(path)}")},
        }
        for number, path in enumerate(paths, 1)
    ]
