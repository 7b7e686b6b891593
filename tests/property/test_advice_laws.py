"""What always holds of findings, whatever is in the layers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.findings.advise import make_claims
from ocisize.findings.claim import Claim, Ledger, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.model.findings import Confidence
from ocisize.packages.owners import package_manager_of
from ocisize.findings.checks.hidden_files import find_hidden_files
from ocisize.findings.savings import make_findings
from tests.images import Entry
from tests.property.model import Pairs
from tests.property.test_merge_laws import LAYERS
from tests.evidence import advice_of, make_evidence

JUNK = st.sampled_from(
    [
        "var/lib/apt/lists/a", "var/lib/apt/lists/.wh.a", "root/.cache/pip/x", "app/.git/x", "app/__pycache__/a.pyc",
        "usr/share/doc/x/y", "var/log/x", "tmp/x", "a.tar.gz", "a/x", "var/lib/dpkg/status", "root/.wh..cache",
        "var/cache/apt/pkgcache.bin", "app/node_modules/x/y", "app/node_modules/z/node_modules/x/y", "etc/passwd",
    ]
)  # fmt: skip
JUNK_ENTRY: st.SearchStrategy[tuple[str, Entry]] = st.tuples(JUNK, st.sampled_from([b"", b"x", b"yy", b"four"]))
MIXED = st.tuples(LAYERS, st.lists(st.lists(JUNK_ENTRY, max_size=6), min_size=5, max_size=5)).map(
    lambda both: [list(pairs) + junk for pairs, junk in zip(both[0], both[1], strict=False)]
)
laws = settings(deadline=None, max_examples=150)


STEPS = st.lists(
    st.sampled_from(
        [
            "RUN apt-get update && apt-get install -y a", "RUN apt-get update && apt-get install -y b", "RUN pip install x",
            "RUN pip install -U x", "COPY . /app", "RUN chown -R 1 /app", "RUN rm -rf /var/lib/apt/lists/*", "ADD x in /", "",
        ]
    ),
    min_size=5,
    max_size=5,
)  # fmt: skip


def evidence_of(layers: Sequence[Pairs], base_layers: int = 0, steps: Sequence[str] = ()) -> ImageEvidence:
    return make_evidence(*layers, base_layers=base_layers, steps=steps)


def claimed_rows(evidence: ImageEvidence) -> list[Counter[int]]:
    """Per layer, how many claims got each row."""
    counts: list[Counter[int]] = [Counter() for _ in evidence.tables]
    for claim in make_claims(evidence):
        for layer, rows in claim.rows.items():
            counts[layer].update(rows)
    return counts


@laws
@given(MIXED, st.integers(0, 5), STEPS)
def test_savings_are_bounded_by_what_is_there(layers: list[Pairs], base_layers: int, steps: list[str]) -> None:
    """All findings together save no more than waste, catalog and duplicates have."""
    evidence = evidence_of(layers, base_layers, steps)
    advice = advice_of(evidence)
    wasted = sum(layer.wasted_size for layer in evidence.layers)
    matched = sum(
        evidence.tables[layer].sizes[row]
        for layer, found in enumerate(evidence.matches)
        for rows in found.values()
        for row in rows
    )
    duplicated = sum(layer.duplicate_size for layer in evidence.layers)
    assert advice.size <= wasted + matched + duplicated
    assert advice.size <= sum(layer.content_size for layer in evidence.layers)
    assert advice.size == sum(finding.size for finding in advice.findings)
    assert advice.compressed_size == sum(finding.compressed_size or 0 for finding in advice.findings)
    assert advice.compressed_size <= sum(layer.compressed_size or 0 for layer in evidence.layers)


@laws
@given(MIXED, st.integers(0, 5), STEPS)
def test_all_waste_is_reported_once(layers: list[Pairs], base_layers: int, steps: list[str]) -> None:
    """Each hidden file is in one claim: on what hides it, or on the step that left it for another one to replace.

    All claims are findings but those on a base's files that any step rewrites, while they are small.
    """
    evidence = evidence_of(layers, base_layers, steps)
    claims = [claim for claim in make_claims(evidence) if claim.rows]
    for layer, counts in enumerate(claimed_rows(evidence)):
        hidden = {
            row for row, by in enumerate(evidence.overlay.hidden_by[layer]) if by >= 0 and evidence.tables[layer].sizes[row]
        }
        assert hidden <= counts.keys()
        assert set(counts.values()) <= {1}
        for claim in claims:
            if not ("OS101" <= claim.id < "OS110" or claim.tier is Tier.TOOL_CACHE):
                assert hidden.isdisjoint(claim.rows.get(layer, ()))
    told = sum(finding.size for finding in advice_of(evidence).findings)
    small = [claim for claim in claims if claim.min_share]
    left = sum(evidence.tables[layer].sizes[row] for claim in small for layer, rows in claim.rows.items() for row in rows)
    everything = sum(
        evidence.tables[layer].sizes[row] for claim in claims for layer, rows in claim.rows.items() for row in rows
    )
    assert everything - left <= told <= everything


@laws
@given(MIXED, STEPS)
def test_acting_on_all_leaves_one_of_each_content(layers: list[Pairs], steps: list[str]) -> None:
    """With all findings acted on, each content that stays visible and is no junk is still there: once, or where packages have it."""
    evidence = evidence_of(layers, steps=steps)
    junk = [{row for rows in found.values() for row in rows} for found in evidence.matches]
    claimed = claimed_rows(evidence)
    seen: set[bytes] = set()
    own: Counter[bytes] = Counter()
    kept: set[bytes] = set()
    for layer, (table, hidden_by) in enumerate(zip(evidence.tables, evidence.overlay.hidden_by, strict=True)):
        for row, (path, size) in enumerate(zip(table.paths, table.sizes, strict=True)):
            if size and hidden_by[row] < 0 and row not in junk[layer]:
                content = table.hash_of(row)
                seen.add(content)
                if not claimed[layer][row]:
                    kept.add(content)
                    own[content] += package_manager_of(path) is None
    assert kept == seen
    assert max(own.values(), default=0) <= 1


@laws
@given(MIXED, st.randoms(use_true_random=False))
def test_the_order_of_claims_does_not_matter(layers: list[Pairs], shuffler: random.Random) -> None:
    """Rows go to the same claims in whatever order these come, overlapping ones included."""
    evidence = evidence_of(layers)
    rows = {layer: range(len(table)) for layer, table in enumerate(evidence.tables)}
    claims = [
        *find_hidden_files(evidence),
        *[
            Claim(rule=attrs.evolve(explain(Check.UNREACHABLE), id=f"X{number}"), title="x", fix="", tier=tier, rows=rows)
            for number, tier in enumerate(Tier)
        ],
    ]
    expected = make_findings(Ledger(evidence).assign_rows(claims), evidence)
    shuffler.shuffle(claims)
    assert make_findings(Ledger(evidence).assign_rows(claims), evidence) == expected


@laws
@given(MIXED)
def test_findings_are_ranked_by_their_content(layers: list[Pairs]) -> None:
    """What saves most content comes first, whatever the compression; every finding but a remark saves something."""
    findings = advice_of(evidence_of(layers)).findings
    sizes = [finding.size for finding in findings]
    assert sizes == sorted(sizes, reverse=True)
    assert all(finding.size or finding.id in ("OS122", "OS123") for finding in findings)
    assert all(len(finding.paths) == min(finding.path_count, 5) for finding in findings)
