"""Packages that findings look at, and the rows that belong to them."""

from __future__ import annotations

from ocisize.findings.checks.installed_packages import find_npm_rows
from ocisize.inventory.record import PackageRecord
from ocisize.model.packages import NPM
from tests.evidence import make_evidence


def record(name: str, directory: bytes) -> PackageRecord:
    return PackageRecord(
        ecosystem=NPM, name=name, version="1", database=directory + b"/package.json", directories=(directory,)
    )


def test_rows_of_npm_packages() -> None:
    """Files belong to the innermost package; hidden ones to none."""
    evidence = make_evidence(
        {"m/a/x": b"1", "m/a/m/b/y": b"2", "m/a/m/b/d/z": b"3", "other": b"4", "m/a/w": b"5"},
        {"m/a/w": b"6", "m/a/v": b"7"},
    )
    outer, inner = record("a", b"m/a"), record("b", b"m/a/m/b")
    rows = find_npm_rows(evidence, iter([outer, inner]))
    paths = {
        found.name: [evidence.tables[layer].paths[row] for layer, chosen in by_layer.items() for row in chosen]
        for found, by_layer in rows.items()
    }
    assert paths == {"a": [b"m/a/x", b"m/a/w", b"m/a/v"], "b": [b"m/a/m/b/y", b"m/a/m/b/d/z"]}


def test_two_packages_in_one_directory() -> None:
    """Each has its rows, if only none: an entry of the cache may say that there are two."""
    one, other = record("a", b"m/a"), record("b", b"m/a")
    rows = find_npm_rows(make_evidence({"m/a/x": b"1"}), [one, other])
    assert sorted(map(dict, rows.values()), key=len) == [{}, {0: [0]}]
