"""Budgets on outlines: those of the manifest are judged as on the analysis, no other one passes."""

from __future__ import annotations

import attrs
import pytest

from ocisize import Analyzer, Baseline, baseline_entry, check, check_all, parse_budgets
from ocisize.budgets.baseline import baseline_from_json, baseline_to_json, ratchet
from ocisize.budgets.check_change import check_change
from ocisize.budgets.kinds import KEYS, needs_layers
from ocisize.model.budget import BudgetStatus
from ocisize.model.unread import NOT_READ
from tests.oci.test_image import single
from tests.outlines import build

ANALYZER = Analyzer(platform="linux/amd64")
OUTLINE, ANALYSIS = (
    ANALYZER.outline_source(single(build()), name="app"),
    ANALYZER.analyze_source(single(build()), name="app"),
)
OF_MANIFESTS = ("max-download", "max-layers", "max-layer-download", "max-transfer")
LIMITS = {"max-transfer": "1 s at 1 kB/s", "max-layers": "3", "max-files": "3", "min-efficiency": "99 %", "forbid": "*.pem",
          "forbid-findings": "high"}  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_every_kind(key: str) -> None:
    """The manifest has the figure, and the verdict is that on the analysis; or the budget is incomplete and fails."""
    (budget,) = (
        parse_budgets(f'{key} = "{LIMITS.get(key, "1 kB")}"').budgets
        if key != "max-layers"
        else parse_budgets("max-layers = 3").budgets
    )
    (verdict,) = check(OUTLINE, [budget])
    assert needs_layers(budget) is (key not in OF_MANIFESTS)
    if key in OF_MANIFESTS:
        assert verdict == check(ANALYSIS, [budget])[0]
        assert verdict.status is BudgetStatus.FAIL
    else:
        assert (verdict.status, verdict.outcome, verdict.reason) == (BudgetStatus.INCOMPLETE, BudgetStatus.FAIL, NOT_READ)


@pytest.mark.parametrize(
    ("text", "is_answered"),
    [
        ('layer = "COPY *"\nmax-download = "1 kB"', True), ('layer = "COPY *"\nmax-layers = 1', True),
        ('path = "/app"\nmax-download = "1 GB"', False), ('ignore = "*.pyc"\nmax-download = "1 GB"', False),
        ('layer = "COPY *"\nmax-unpacked = "1 GB"', False), ('visible-only = true\nmax-files = 9', False),
    ],
)  # fmt: skip
def test_narrowed_budgets(text: str, is_answered: bool) -> None:
    """By layers the manifest answers, by paths it does not."""
    (budget,) = parse_budgets(text).budgets
    (verdict,) = check(OUTLINE, [budget])
    assert needs_layers(budget) is not is_answered
    assert (verdict == check(ANALYSIS, [budget])[0]) is is_answered
    assert is_answered or verdict.status is BudgetStatus.INCOMPLETE


def test_budgets_that_are_off_need_nothing() -> None:
    (budget,) = parse_budgets('max-waste = "5 %"\nlevel = "off"').budgets
    assert not needs_layers(budget)


def test_growth_over_a_baseline_and_over_another_outline() -> None:
    """The figures of an outline are stored, and those that it lacks are unknown."""
    budgets = parse_budgets('max-download = "+1 %"\nmax-layers = "+0"').budgets
    baseline = Baseline().with_entry("app", "linux/amd64", baseline_entry(OUTLINE))
    assert baseline.has_downloads_alone and not Baseline().has_downloads_alone
    assert baseline_from_json(baseline_to_json(baseline), "it") == baseline
    for image in (OUTLINE, ANALYSIS):
        assert [verdict.status for verdict in check(image, budgets, baseline)] == [BudgetStatus.PASS] * 2
    smaller = attrs.evolve(OUTLINE, layers=OUTLINE.layers[:2])
    assert [verdict.status for verdict in check_change(smaller, OUTLINE, budgets)] == [BudgetStatus.FAIL] * 2
    (verdict,) = check(ANALYSIS, parse_budgets('max-unpacked = "+1 %"').budgets, baseline)
    assert verdict.status is BudgetStatus.UNKNOWN


def test_ratchets_keep_what_an_outline_does_not_know() -> None:
    full, quick = baseline_entry(ANALYSIS), baseline_entry(OUTLINE)
    assert ratchet(full, quick) == full
    assert ratchet(quick, full).totals == full.totals
    lower = attrs.evolve(quick, totals=attrs.evolve(quick.totals, compressed_size=5))
    assert (ratchet(full, lower).totals.compressed_size, ratchet(full, lower).totals.live_size) == (5, full.totals.live_size)


def test_all_platforms() -> None:
    budgets = parse_budgets('max-download = "1 kB"\nplatform = "linux/arm64"').budgets
    verdicts = check_all({"linux/amd64": OUTLINE, "linux/arm64": OUTLINE}, budgets)
    assert [verdicts[name][0].status for name in verdicts] == [BudgetStatus.SKIPPED, BudgetStatus.FAIL]
