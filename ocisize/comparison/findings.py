"""Which findings about AFTER are new, and which of those about BEFORE are gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ocisize.model.analysis import Analysis
from ocisize.model.comparison import LayerChange
from ocisize.model.findings import Category, Finding


def compare_findings(
    before: Analysis, after: Analysis, layers: Sequence[LayerChange]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Return the findings that only AFTER has, and those that only BEFORE has, each in the order of their image.

    Two findings are the same if they have one id and share a layer, as the comparison pairs layers, or if both are about no
    layer; findings about secrets also have the same first path. Each finding is the same as at most one other.
    """
    pairs = [(layer.before, layer.after) for layer in layers]
    partner = {old: new for old, new in pairs if old is not None and new is not None}
    waiting: dict[tuple[str, str], list[tuple[Finding, frozenset[int]]]] = defaultdict(list)
    for finding in before.advice.findings:
        waiting[_key(finding)].append((finding, frozenset(partner[layer] for layer in finding.layers if layer in partner)))
    new = []
    for finding in after.advice.findings:
        known = waiting[_key(finding)]
        same = next((number for number, (old, shared) in enumerate(known) if _is_same(finding, old, shared)), None)
        if same is None:
            new.append(finding)
        else:
            del known[same]
    left = {id(old) for known in waiting.values() for old, _ in known}
    return tuple(new), tuple(finding for finding in before.advice.findings if id(finding) in left)


def _key(finding: Finding) -> tuple[str, str]:
    return finding.id, finding.paths[0] if finding.category is Category.SECRET and finding.paths else ""


def _is_same(finding: Finding, old: Finding, shared: frozenset[int]) -> bool:
    """Whether a finding about AFTER shares a layer with one about BEFORE, whose layers are ``shared`` in AFTER."""
    return not shared.isdisjoint(finding.layers) or not (finding.layers or old.layers)
