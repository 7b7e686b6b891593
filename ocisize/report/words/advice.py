"""Advice in words: which findings to show first and at length, and what findings save together.

Findings that save bytes come before remarks, and findings of the confidence ``ask`` come last.
"""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.analysis import Analysis
from ocisize.model.findings import Category, Confidence, Finding, Severity, sum_savings
from ocisize.model.sizes import weight_of
from ocisize.report.words.units import human_size, percent

_MIN_SHARE = 0.005  # of the content of the image that a significant finding saves


def is_secret(finding: Finding) -> bool:
    """Whether a finding is about a secret in the image."""
    return finding.category is Category.SECRET


def list_advice(analysis: Analysis) -> list[Finding]:
    """The findings without secrets: first those that save bytes, those of the confidence ``ask`` last."""
    findings = [finding for finding in analysis.advice.findings if not is_secret(finding)]
    return sorted(findings, key=lambda finding: (not finding.size, finding.confidence is Confidence.ASK))


def is_significant(finding: Finding, analysis: Analysis) -> bool:
    """Whether a finding saves enough, or is severe enough, to be shown at length."""
    return finding.severity is not Severity.LOW or 0 < finding.size >= _MIN_SHARE * analysis.content_size


def advice_headline(analysis: Analysis) -> str:
    """How many findings there are, and what they save together."""
    advice, download = analysis.advice, analysis.compressed_size
    count = len(advice.findings)
    text = f"All findings: {count:,}"
    if not advice.size:
        return text
    if advice.compressed_size is not None and download:
        saved = f"{human_size(advice.compressed_size)} of download ({percent(advice.compressed_size / download)})"
        return f"{text}, saving {saved}, {human_size(advice.size)} unpacked"
    return f"{text}, saving {human_size(advice.size)} unpacked"


def by_confidence(analysis: Analysis) -> str:
    """What the findings of each confidence save, and how much of that is in the base image."""
    findings = analysis.advice.findings
    groups = savings_by_confidence(findings).items()
    text = " · ".join(f"{name} {human_size(size)}" for name, size in groups if size)
    in_base = saving_bytes([finding for finding in findings if finding.in_base])
    return f"{text}; of these in the base image {human_size(in_base)}" if in_base else text


def savings_by_confidence(findings: Sequence[Finding]) -> dict[Confidence, int]:
    """What the findings of each confidence save, in bytes of download (of content if that is unknown)."""
    return {
        confidence: saving_bytes([finding for finding in findings if finding.confidence is confidence])
        for confidence in Confidence
    }


def saving_bytes(findings: Sequence[Finding]) -> int:
    """Bytes of download that some findings save, or of content if the download is unknown."""
    saving = sum_savings(findings)
    return weight_of(saving.compressed_size, saving.size)
