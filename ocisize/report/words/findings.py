"""One finding in words, and the fingerprints of findings: shared by the CI formats."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

from ocisize.budgets.baseline import baseline_name
from ocisize.model.analysis import Analysis
from ocisize.model.findings import Finding
from ocisize.report.words.units import human_size
from ocisize.text import name_input, printable

_MAX_PATHS = 5  # of a finding
_CHANGING = re.compile(r"\b[0-9a-f]{12,}\b")  # digests and ids within build steps: other contents, same step


def describe_image(analysis: Analysis) -> str:
    """The name of an image, printable on a terminal."""
    return printable(analysis.reference or name_input(analysis.source))


def repository_of(analysis: Analysis) -> str:
    """The reference without tag and digest, which stays the same from build to build; baselines use the same name."""
    return printable(baseline_name(analysis))


def describe_saving(finding: Finding) -> str:
    """The bytes that the fix saves, "" if it saves none."""
    if not finding.size:
        return ""
    unpacked = f"{human_size(finding.size)} unpacked"
    return unpacked if finding.compressed_size is None else f"{human_size(finding.compressed_size)} of download, {unpacked}"


def describe(finding: Finding) -> str:
    """A finding on one line: what it is, how many bytes it saves, and the fix."""
    saving = describe_saving(finding)
    what = f"{printable(finding.title)}{f' ({saving})' if saving else ''}."
    return f"{what[:1].upper()}{what[1:]} {printable(finding.fix)}"


def shown_paths(finding: Finding) -> tuple[str, ...]:
    """The files of a finding that reports for people and CI systems name: the first five."""
    return finding.paths[:_MAX_PATHS]


def list_paths(finding: Finding) -> list[str]:
    """The absolute paths of the finding's largest files, and the number of the others."""
    paths = [f"/{printable(path)}" for path in shown_paths(finding)]
    rest = finding.path_count - len(paths)
    return [*paths, f"… and {rest:,} more"] if rest > 0 else paths


def fingerprints(findings: Sequence[Finding], image: str = "") -> list[str]:
    """A fingerprint for each finding, no two alike: ``<16 hexadecimal digits>:<number>``.

    A fingerprint depends on the rule and its build steps, so it stays the same when sizes, digests, file names or the order
    of layers change. Findings with the same rule and steps are numbered in the order of their layers. ``image`` separates
    the findings of several images.
    """
    keys = [fingerprint(image, finding.id, *map(str, finding.build_steps)) for finding in findings]
    numbers: Counter[str] = Counter()
    results = [""] * len(findings)
    for index in sorted(range(len(findings)), key=lambda index: (findings[index].layers, findings[index].paths)):
        numbers[keys[index]] += 1
        results[index] = f"{keys[index]}:{numbers[keys[index]]}"
    return results


def fingerprint(image: str, *words: str) -> str:
    """16 hexadecimal digits for some words, without the digests in them, and for an image if one is named."""
    text = "\0".join((*([image] if image else []), *(_CHANGING.sub("", word) for word in words)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
