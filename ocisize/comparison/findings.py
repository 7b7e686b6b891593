"""Which findings about AFTER are new, and which of those about BEFORE are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ocisize.model.analysis import Analysis
from ocisize.model.comparison import LayerChange
from ocisize.model.findings import Category, Finding

_Key = tuple[str, tuple[object, ...], str]


def compare_findings(
    before: Analysis, after: Analysis, layers: Sequence[LayerChange]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Return the findings that only AFTER has, and those that only BEFORE has, each in the order of their image.

    Two findings are the same if they have one id and are about the same layers, as the comparison pairs them; findings about
    secrets also have the same first path. Of several that are the same, the first ones are paired.
    """
    partner: dict[int, int] = {
        layer.before: layer.after for layer in layers if layer.before is not None and layer.after is not None
    }
    old = [_key(finding, partner) for finding in before.advice.findings]
    new = [_key(finding, None) for finding in after.advice.findings]
    return _without(after.advice.findings, new, old), _without(before.advice.findings, old, new)


def _key(finding: Finding, partner: Mapping[int, int] | None) -> _Key:
    """What identifies a finding; layers of BEFORE are numbered as ``partner`` does, and by themselves where it has none."""
    layers: list[object] = [layer if partner is None else partner.get(layer, f"before {layer}") for layer in finding.layers]
    path = finding.paths[0] if finding.category is Category.SECRET and finding.paths else ""
    return finding.id, tuple(dict.fromkeys(layers)), path


def _without(findings: Sequence[Finding], keys: Sequence[_Key], others: Sequence[_Key]) -> tuple[Finding, ...]:
    left = Counter(others)
    rest = []
    for finding, key in zip(findings, keys, strict=True):
        left[key] -= 1
        if left[key] < 0:
            rest.append(finding)
    return tuple(rest)
