"""Budgets on packages: which packages a name selects, what is measured, and what a budget without packages does."""

from __future__ import annotations

import pytest

from ocisize.budgets.baseline import Baseline, baseline_entry
from ocisize.budgets.check import check, measure_parts, part_of
from ocisize.sizes.package_names import select_packages
from ocisize.budgets.parse import parse_budgets
from ocisize.errors import BudgetError
from ocisize.model.budget import BudgetStatus, Verdict
from ocisize.model.packages import DEB, JAVA, PYTHON
from ocisize.report.words.budgets import describe, title_of
from ocisize.values import evolve
from tests.inventories import analysis_with, make_inventory, make_package, sizes


def verdict(text: str) -> Verdict:
    (found,) = check(analysis_with(make_inventory()), parse_budgets(text).budgets)
    return found


@pytest.mark.parametrize(
    ("names", "selected"),
    [
        (["torch"], {(PYTHON, "torch"), (DEB, "torch")}),
        (["python:torch"], {(PYTHON, "torch")}),
        (["deb:torch"], {(DEB, "torch")}),
        (["npm:torch"], set()),
        (["Py_YAML", "python:typing.extensions"], {(PYTHON, "py-yaml"), (PYTHON, "typing-extensions")}),
        (["nvidia-*"], {(PYTHON, "nvidia-cublas"), (DEB, "nvidia-smi")}),
        (["python:nvidia_*"], {(PYTHON, "nvidia-cublas")}),
        (["org.x:core"], {(JAVA, "org.x:core")}),
        (["tor"], set()),
        (["*"], None),
    ],
)
def test_names_select_packages(names: list[str], selected: set[tuple[str, str]] | None) -> None:
    known = [
        (PYTHON, "torch"), (DEB, "torch"), (PYTHON, "py-yaml"), (PYTHON, "typing-extensions"), (PYTHON, "nvidia-cublas"),
        (DEB, "nvidia-smi"), (JAVA, "org.x:core"),
    ]  # fmt: skip
    packages = [make_package(ecosystem, name, "1", sizes(1, 1)) for ecosystem, name in known]
    found = {(package.ecosystem, package.name) for package in select_packages(packages, names)}
    assert found == (set(known) if selected is None else selected)


@pytest.mark.parametrize(
    ("limit", "measured"),
    [
        ('max-download = "1 B"', 110_000),
        ('max-unpacked = "1 B"', 350_000),
        ('max-live = "1 B"', 350_000),
        ("max-files = 1", 70),
        ('max-transfer = "0.01 s at 8 Mbit/s"', 0.11),
    ],
)
def test_figures_are_the_sums_of_all_packages_of_a_name(limit: str, measured: float) -> None:
    found = verdict(f'package = "numpy"\n{limit}')
    assert (found.status, found.measured) == (BudgetStatus.FAIL, measured)


def test_waste_and_efficiency_are_those_of_the_packages() -> None:
    assert verdict('package = "libssl3"\nmax-waste = "39 kB"').measured == 40_000
    assert verdict('package = "libssl3"\nmax-waste = "50 %"').status is BudgetStatus.PASS
    assert verdict('package = "deb:libssl3"\nmin-efficiency = 0.5').status is BudgetStatus.PASS
    assert verdict('package = "deb:libssl3"\nmin-efficiency = 0.6').status is BudgetStatus.FAIL


def test_a_verdict_names_package_and_layers() -> None:
    found = verdict('package = "python:numpy"\nmax-unpacked = "300 kB"')
    assert [place.layer for place in found.where] == [2, 1]
    text = describe(found, analysis_with(make_inventory()))
    assert text.startswith("unpacked of package python:numpy 350 kB > 300 kB, 50.0 kB over: in layer 2")
    assert title_of(found.budget) == "unpacked of package python:numpy ≤ 300 kB"


def test_a_name_that_no_package_has_is_unmatched() -> None:
    found = verdict('package = "tensorflow"\nmax-unpacked = "1 B"')
    assert (found.status, found.reason) == (BudgetStatus.UNMATCHED, "no package has such a name")
    assert verdict('package = "tensorflow"\nmax-unpacked = 1\nif-unmatched = "fail"').outcome is BudgetStatus.FAIL


def test_packages_that_were_not_read_are_unknown() -> None:
    budgets = parse_budgets('package = "torch"\nmax-unpacked = "1 TB"').budgets
    (found,) = check(evolve(analysis_with(make_inventory()), packages=None), budgets)
    assert (found.status, found.outcome) == (BudgetStatus.UNKNOWN, BudgetStatus.FAIL)
    assert found.reason == "the packages of the image were not read"


def test_growth_is_measured_from_the_part_in_the_baseline() -> None:
    budgets = parse_budgets('package = ["torch", "numpy"]\nmax-unpacked = "+5 %"').budgets
    assert part_of(budgets[0]) == "content_size of package numpy, torch"
    analysis = analysis_with(make_inventory())
    parts = measure_parts(analysis, budgets)
    assert parts == {"content_size of package numpy, torch": 1_250_000}
    entry = baseline_entry(analysis, parts=parts)
    baseline = Baseline({"app": {analysis.platform: entry}})
    (same,) = check(analysis, budgets, baseline, name="app")
    assert same.status is BudgetStatus.PASS
    more = make_package(PYTHON, "torch", "3", sizes(100_000, 1))
    inventory = make_inventory()
    grown = evolve(analysis, packages=evolve(inventory, packages=(*inventory.packages, more)))
    (found,) = check(grown, budgets, baseline, name="app")
    assert (found.status, found.measured, found.limit) == (BudgetStatus.FAIL, 1_350_000, 1_312_500)
    none = evolve(analysis, packages=evolve(inventory, packages=()))
    (gone,) = check(none, budgets, baseline, name="app")
    assert gone.status is BudgetStatus.PASS


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('package = "a"\nmax-layers = 1', "o.toml:1: package: cannot narrow max-layers"),
        ('package = "a"\nforbid = "b"', "o.toml:1: package: cannot narrow forbid"),
        ('package = "a"\npath = "/b"\nmax-unpacked = 1', "o.toml:1: package: cannot be combined with path"),
        ('package = ["a", ""]\nmax-unpacked = 1', "o.toml:1: package: expected a name"),
        ('package = "python:"\nmax-unpacked = 1', "o.toml:1: package: expected a name"),
    ],
)
def test_what_cannot_be_measured_is_refused(text: str, problem: str) -> None:
    with pytest.raises(BudgetError) as error:
        parse_budgets(text, "o.toml")
    assert problem in str(error.value)


def test_a_combination_made_by_hand_is_refused() -> None:
    (budget,) = parse_budgets('package = "torch"\nmax-unpacked = 1').budgets
    with pytest.raises(BudgetError, match="unpacked cannot be measured by layer, package"):
        check(analysis_with(make_inventory()), [evolve(budget, layer="*")])


@pytest.mark.parametrize(
    ("name", "meant"), [("pip:numpy", "python:numpy"), ("Golang:x", "go:x"), ("pyhton:numpy", "python:numpy")]
)
def test_another_name_of_an_ecosystem_is_refused(name: str, meant: str) -> None:
    with pytest.raises(BudgetError, match=f"ocisize.toml:1: package: unknown ecosystem '.*', did you mean {meant}\\?"):
        parse_budgets(f'package = "{name}"\nmax-unpacked = 1')


@pytest.mark.parametrize("name", ["junit:junit", "org.maven:core", "java:maven:core", "libc6:amd64"])
def test_a_colon_in_a_name_is_no_ecosystem(name: str) -> None:
    assert parse_budgets(f'package = "{name}"\nmax-unpacked = 1').budgets[0].packages == (name,)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("numpi", "numpy"), ("python:tourch", "python:torch"), ("deb:numpy", "python:numpy"), ("libssl3*-dev", "libssl3")],
)
def test_the_nearest_package_is_named_where_none_matches(name: str, nearest: str) -> None:
    found = verdict(f'package = "{name}"\nmax-unpacked = 1')
    assert (found.status, found.reason) == (
        BudgetStatus.UNMATCHED, f"no package has such a name, the nearest is {nearest}"
    )  # fmt: skip


def test_nothing_is_named_where_no_package_is_near() -> None:
    assert verdict('package = "zzz"\nmax-unpacked = 1').reason == "no package has such a name"
