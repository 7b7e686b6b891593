"""Exposed secrets in words: where each is, in a sentence, and what to do first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocisize.model.analysis import Analysis
from ocisize.model.findings import Category, Finding
from ocisize.patterns import lazy_pattern
from ocisize.report.words.fixes import place_of
from ocisize.text import printable

if TYPE_CHECKING:
    from ocisize.model.comparison import Comparison

_PLACE = lazy_pattern(r".*? in (layers? \d.*?)(?:: [\d,]+ files?)?")  # in the title of a finding about files
_HIDDEN = lazy_pattern(r", still downloadable although (layer \d+ \w+ \w+)")
_MAX_PATHS = 2  # in a sentence


def list_secrets(analysis: Analysis) -> list[Finding]:
    """The findings about secrets in the image."""
    return [finding for finding in analysis.advice.findings if finding.category is Category.SECRET]


def describe_secrets(findings: Sequence[Finding]) -> list[str]:
    """A sentence for each place with secrets: files in the same layers share a sentence."""
    paths_by_place: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    others = []
    for finding in findings:
        match = _PLACE.fullmatch(finding.title) if finding.paths else None
        if match is None:
            title = printable(finding.title)
            path = f", /{printable(finding.paths[0])}" if finding.paths else ""
            others.append(f"{title[:1].upper()}{title[1:]}{path}.")
            continue
        place = _HIDDEN.sub(r" (\1 too late)", match[1])
        paths_by_place.setdefault(place, []).extend(f"/{printable(path)}" for path in finding.paths)
        counts[place] = counts.get(place, 0) + finding.path_count
    files = [f"{_enumerate(paths, counts[place])} in {place}." for place, paths in paths_by_place.items()]
    return files + others


def _enumerate(paths: Sequence[str], count: int) -> str:
    if count == 1:
        return f"{paths[0]} is"
    shown = paths[:_MAX_PATHS]
    rest = count - len(shown)
    text = ", ".join(shown) + f" and {rest:,} more" if rest > 0 else " and ".join(shown)
    return f"{text} are"


def count_secrets(findings: Sequence[Finding]) -> int:
    """The number of secrets that findings are about: their files, their names, or one without these."""
    names = {name for finding in findings for name in finding.names}
    return len(names) + sum(max(finding.path_count, 1) for finding in findings if not finding.names)


def list_new_secrets(comparison: Comparison) -> dict[Finding, list[str]]:
    """The files and names that are new, by the new findings that are about secrets of the image before, too."""
    whole = [finding for finding in comparison.new_findings if finding.category is Category.SECRET]
    return {
        finding: [*(f"/{path}" for path in new.paths), *new.names]
        for finding, new in zip(whole, comparison.new_secrets, strict=True)
        if new != finding
    }


def describe_remedy(findings: Sequence[Finding], analysis: Analysis) -> str:
    """What to do about all secrets: revoke them first, then keep them out of the image."""
    count = count_secrets(findings)
    it = "it" if count == 1 else "them"
    steps = [step for step in analysis.plan.steps if step.category is Category.SECRET]
    places = list(dict.fromkeys(place_of(step, analysis) for step in steps))
    if steps and all(step.ignored for step in steps) and all(finding.paths for finding in findings):
        lines = [place for place in places if place != ".dockerignore"]
        where = f" ({', '.join(lines).replace(' · .dockerignore', '')})" if lines else ""
        return f"Revoke {it}, then add {it} to .dockerignore{where}."
    return f"Revoke {it}: anyone with the image can read {it}. Build without {it}."
