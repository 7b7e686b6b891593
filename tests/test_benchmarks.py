"""The figures of the benchmarks: ratios, the table of two revisions, and targets."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a module of the benchmarks, whose folder is on the path for one test."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


def outcome(modules: Any, *walls: float, peak: int = 50_000_000) -> Any:
    measure = modules("measure")
    return measure.Outcome(tuple(measure.Run(wall, wall, peak) for wall in walls))


def test_ratios_are_medians_of_rounds(modules: Any) -> None:
    """A round in which all commands were slow does not change a ratio; rounds that a slow command left out do not count."""
    wall = modules("measure").wall
    fast, slow = outcome(modules, 1, 9, 1), outcome(modules, 2, 18)
    assert slow.ratio(fast, wall) == 2
    assert fast.ratio(slow, wall) == 0.5


def test_two_revisions(modules: Any) -> None:
    """The table has both revisions and dive's ratio; the targets use its scan and its memory."""
    results, tables, targets = modules("results"), modules("tables"), modules("targets")
    facts = results.Facts(entries=1000, unpacked=2, stored=1, layers=1)
    old, new = outcome(modules, 2.0), outcome(modules, 0.5)
    measured = results.Results(
        sections=[
            results.Section("before", "node", "archive", "a and b", "before", facts, {"before": old, "after": new}),
            results.Section("before", "python-service", "steps", "a and b", pairs={"scan in place": (10_000.0, 5_500.0)}),
            results.Section(
                "archive", "node", "archive", "", "ocisize", facts, {"ocisize": new, "dive --ci": outcome(modules, 2.5)}
            ),
        ]
    )
    assert "| node | docker-archive | 2.00 | 0.500 | 0.25 | 2.00 | 0.500 | 0.25 | 50 | 50 | 1.00 | 5.0 |" in tables.before(
        measured
    )
    assert "| python-service | scan in place | 10,000 | 5,500 | 0.55 |" in tables.before(measured)
    verdicts = {one.target: one.met for one in targets.verdicts(measured) if one.met is not None}
    assert verdicts == {
        "plain docker-archive (node): wall ≥ 4x faster than dive": True,
        "scan of a plain layer in place (python-service): ≤ 0.6x of before": True,
        "peak memory ≤ 1.02x of before, which is as much as runs differ": True,
    }


def test_committed_figures(modules: Any) -> None:
    """Every kept table can be written, and RESULTS.md has the targets as the committed figures meet them."""
    results = modules("results").load(BENCHMARKS / "results.json")
    for section in results.sections:
        assert modules("tables").section(section)
    assert modules("targets").table(results) in (BENCHMARKS / "RESULTS.md").read_text()
