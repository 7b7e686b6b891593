"""What always holds of findings, whatever is in the layers."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.analysis.advice import advise
from ocisize.analysis.claims import Claim, Ledger, Scene, Tier, weigh
from ocisize.analysis.findings import Confidence, add_up
from ocisize.analysis.structure import find_wasted
from tests.images import Entry
from tests.property.model import Pairs
from tests.property.test_merge_laws import LAYERS
from tests.scenes import make_scene

JUNK = st.sampled_from(
    [
        "var/lib/apt/lists/a", "var/lib/apt/lists/.wh.a", "root/.cache/pip/x", "app/.git/x", "app/__pycache__/a.pyc",
        "usr/share/doc/x/y", "var/log/x", "tmp/x", "a.tar.gz", "a/x", "var/lib/dpkg/status", "root/.wh..cache",
    ]
)  # fmt: skip
JUNK_ENTRY: st.SearchStrategy[tuple[str, Entry]] = st.tuples(JUNK, st.sampled_from([b"", b"x", b"yy", b"four"]))
MIXED = st.tuples(LAYERS, st.lists(st.lists(JUNK_ENTRY, max_size=6), min_size=5, max_size=5)).map(
    lambda both: [list(pairs) + junk for pairs, junk in zip(both[0], both[1], strict=False)]
)
laws = settings(deadline=None, max_examples=150)


def scene_of(layers: Sequence[Pairs], base_layers: int = 0) -> Scene:
    return make_scene(*layers, base_layers=base_layers)


@laws
@given(MIXED, st.integers(0, 5))
def test_savings_are_bounded_by_what_is_there(layers: list[Pairs], base_layers: int) -> None:
    """All findings together save no more than waste, catalogue and duplicates have; no file is counted twice."""
    scene = scene_of(layers, base_layers)
    advice = advise(scene)
    wasted = sum(layer.wasted_size for layer in scene.layers)
    matched = sum(
        scene.tables[layer].sizes[row]
        for layer, found in enumerate(scene.matches)
        for rows in found.values()
        for row in rows
    )
    duplicated = sum(layer.duplicate_size for layer in scene.layers)
    assert wasted <= advice.size <= wasted + matched + duplicated
    assert advice.size <= sum(layer.content_size for layer in scene.layers)
    assert advice.size == sum(finding.size for finding in advice.findings)
    assert advice.compressed_size == sum(finding.compressed_size or 0 for finding in advice.findings)
    assert advice.compressed_size <= sum(layer.compressed_size or 0 for layer in scene.layers)
    of_waste = [finding for finding in advice.findings if finding.id < "OS110"]
    assert add_up(of_waste).size == wasted


@laws
@given(MIXED)
def test_acting_on_all_leaves_one_of_each_content(layers: list[Pairs]) -> None:
    """With all findings acted on, each content that stays visible and is no junk still stands once, protected ones always."""
    scene = scene_of(layers)
    advice = advise(scene)
    junk = [{row for rows in found.values() for row in rows} for found in scene.matches]
    stays = 0
    contents = set[bytes]()
    for layer, (table, hidden_by) in enumerate(zip(scene.tables, scene.overlay.hidden_by, strict=True)):
        for row, size in enumerate(table.sizes):
            if size and hidden_by[row] < 0 and row not in junk[layer]:
                if table.hash_of(row) not in contents or table.paths[row] == b"var/lib/dpkg/status":
                    stays += size
                contents.add(table.hash_of(row))
    stored = sum(layer.content_size for layer in scene.layers)
    assert stored - advice.size == stays


@laws
@given(MIXED, st.randoms(use_true_random=False))
def test_the_order_of_claims_does_not_matter(layers: list[Pairs], shuffler: random.Random) -> None:
    """Rows go to the same claims in whatever order these come, overlapping ones included."""
    scene = scene_of(layers)
    rows = {layer: range(len(table)) for layer, table in enumerate(scene.tables)}
    claims = [
        *find_wasted(scene),
        *[
            Claim(id=f"X{number}", title="x", confidence=Confidence.ASK, fix="", tier=tier, rows=rows)
            for number, tier in enumerate(Tier)
        ],
    ]
    expected = weigh(Ledger(scene).give(claims), scene)
    shuffler.shuffle(claims)
    assert weigh(Ledger(scene).give(claims), scene) == expected


@laws
@given(MIXED)
def test_findings_are_ranked_by_the_wire(layers: list[Pairs]) -> None:
    """What saves most on the wire comes first; every finding but a remark saves something."""
    findings = advise(scene_of(layers)).findings
    sizes = [finding.compressed_size or 0 for finding in findings]
    assert sizes == sorted(sizes, reverse=True)
    assert all(finding.size or finding.id in ("OS122", "OS123") for finding in findings)
    assert all(len(finding.paths) == min(finding.path_count, 5) for finding in findings)
