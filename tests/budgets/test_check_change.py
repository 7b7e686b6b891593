"""Budgets on a comparison: growth is measured from BEFORE, and a figure that BEFORE lacks is unknown."""

from __future__ import annotations

from typing import Any

import pytest

from ocisize import from_json, parse_budgets, to_json
from ocisize.budgets.check_change import BEFORE, NO_DOWNLOAD, NO_TABLES, check_change
from ocisize.model.analysis import Analysis
from ocisize.model.budget import BudgetStatus
from ocisize.report.words.budgets import describe, title_of
from ocisize.values import evolve
from tests.comparison.test_images import analyzed

STEPS = ["ADD rootfs /", "COPY . /app"]


def pair(**options: Any) -> tuple[Analysis, Analysis]:
    before = analyzed([{"bin/a": b"a" * 1000}, {"app/old": b"b" * 500}], STEPS, **options)
    after = analyzed([{"bin/a": b"a" * 1000}, {"app/old": b"b" * 500, "app/new": b"c" * 250}], STEPS, **options)
    return before, after


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ('max-unpacked = "+250 B"', "pass"),
        ('max-unpacked = "+249 B"', "fail"),
        ('max-unpacked = "1 kB"', "fail"),
        ('max-files = "+1"', "pass"),
        ('max-files = "+0"', "fail"),
        ('path = "/app"\nmax-unpacked = "+50 %"', "pass"),
        ('path = "/app"\nmax-unpacked = "+49 %"', "fail"),
        ('path = "/app/new"\nmax-unpacked = "+0 B"', "fail"),
        ('layer = "COPY *"\nmax-unpacked = "+100 B"', "fail"),
        ('layer = "ADD *"\nmax-unpacked = "+0 B"', "pass"),
        ('forbid = "/app/new"', "fail"),
    ],
)
def test_growth_is_measured_from_before(text: str, outcome: str) -> None:
    """Limits of growth need no baseline file, also on layers and paths; other limits are checked on AFTER."""
    (verdict,) = check_change(*pair(), parse_budgets(text).budgets)
    assert (str(verdict.outcome), verdict.growth_from) == (outcome, BEFORE)


def test_the_name_and_platform_of_the_images_do_not_matter() -> None:
    """The two sides may have other names and other platforms: a baseline would have no entry."""
    before, after = pair()
    other = evolve(before, reference="registry.io/other:1", platform="linux/arm64")
    (verdict,) = check_change(other, after, parse_budgets('path = "/app"\nmax-unpacked = "+1 B"').budgets)
    assert (verdict.measured, verdict.limit) == (750, 501)


def test_the_words_say_before() -> None:
    """A verdict and the title of its budget name BEFORE in place of a baseline."""
    before, after = pair()
    (verdict,) = check_change(before, after, parse_budgets('max-unpacked = "+1 B"').budgets)
    assert describe(verdict, after).startswith("unpacked 1.75 kB > 1.50 kB (BEFORE +1 B), 249 B over")
    assert title_of(verdict.budget, BEFORE) == "unpacked ≤ BEFORE + 1 B"


def test_a_figure_that_before_lacks_is_unknown() -> None:
    """An archive with uncompressed layers has no download, and an analysis saved without files no paths."""
    before, after = pair()
    layers = tuple(evolve(layer, compressed_size=None) for layer in before.layers)
    plain = evolve(before, compressed_size=None, layers=layers)
    (verdict,) = check_change(plain, after, parse_budgets('max-download = "+1 %"').budgets)
    assert (verdict.status, verdict.reason) == (BudgetStatus.UNKNOWN, NO_DOWNLOAD)
    saved = from_json(to_json(before))
    (verdict,) = check_change(saved, after, parse_budgets('path = "/app"\nmax-unpacked = "+1 %"').budgets)
    assert (verdict.status, verdict.reason) == (BudgetStatus.UNKNOWN, NO_TABLES)
