"""The queries on docs/fleet.md give what a slow reference computes from the images."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import duckdb
import pytest

from ocisize.fleet.engine.executors import SerialEngine
from ocisize.fleet.export.layers import export_fleet
from ocisize.fleet.measure import measure_fleet
from ocisize.model.fleet import Fleet
from tests.fleet.given import make_fleet
from tests.fleet.made import Blobs
from tests.fleet.queries import list_queries
from tests.fleet.shop import last_week, shop
from tests.fleets import write_fleet

TAGS = shop()


def fleet_of(layout: Path) -> Fleet:
    return make_fleet(TAGS, lambda tag: f"oci-dir:{layout}:{tag.repository}:{tag.tag}", str(layout))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the exports that the queries read."""
    folder = tmp_path_factory.mktemp("queries")
    figures = measure_fleet(fleet_of(write_fleet(TAGS, folder / "shop")))
    assert export_fleet(figures, folder / "tables", files=True, engine=SerialEngine())
    assert export_fleet(figures, folder / "this-week")
    older = make_fleet(last_week(TAGS), lambda tag: f"{tag.repository}:{tag.tag}")
    assert export_fleet(measure_fleet(older), folder / "last-week")
    return folder


def run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    monkeypatch.chdir(folder)
    return duckdb.connect().execute(list_queries()[name]).fetchall()


def test_the_page_has_five_queries() -> None:
    assert list(list_queries()) == ["duplicates", "directories", "bases", "growth", "versions"]


def test_duplicates(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of each content in all distinct layers."""
    blobs = Blobs(TAGS)
    copies: dict[tuple[str | None, int], list[str]] = defaultdict(list)
    for digest in {layer.digest for root in fleet_of(folder).roots for layer in root.images[0].layers}:
        for entry in blobs.read_table(digest):
            if entry.kind == "file" and entry.size:
                copies[entry.content_hash, entry.size].append(entry.path)
    expected = sorted(
        ((size * (len(paths) - 1), len(paths), min(paths)) for (_, size), paths in copies.items()), reverse=True
    )
    found = run("duplicates", folder, monkeypatch)
    assert [(excess, count, path) for excess, count, _, path in found] == expected[: len(found)] and len(found) == 5


def test_directories(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Blobs(TAGS)
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for digest in {layer.digest for root in fleet_of(folder).roots for layer in root.images[0].layers}:
        for entry in blobs.read_table(digest):
            if entry.kind == "file":
                row = sums["/".join(entry.path.split("/")[:-1][:3])]
                row[0] += 1
                row[1] += entry.size
                row[2] += entry.compressed_size or 0
    expected = [(name, *row) for name, row in sorted(sums.items(), key=lambda item: -item[1][1])]
    assert run("directories", folder, monkeypatch) == expected[:5]


def test_bases(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: dict[str | None, set[str]] = defaultdict(set)
    for root in fleet_of(folder).roots:
        counts[root.images[0].layers[0].diff_id].add(root.images[0].digest)
    found = run("bases", folder, monkeypatch)
    assert [row[0] for row in found] == sorted(map(len, counts.values()), reverse=True) == [9, 3]


def test_growth(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blobs that only images of this week have."""
    known = {digest for tag in last_week(TAGS) for digest in tag.sizes}
    expected = {}
    for tag in TAGS:
        new = {digest: size for digest, size in tag.sizes.items() if digest not in known}
        if new:
            expected[f"oci-dir:{folder}/shop:{tag.repository}:{tag.tag}"] = (len(new), sum(new.values()))
    found = run("growth", folder, monkeypatch)
    assert {str(name): (count, size) for name, count, size in found} == expected
    assert len(expected) == 3


def test_versions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run("versions", folder, monkeypatch)
    assert [row[:3] for row in found] == [
        ("libssl3", "3.0.11-1", 9), ("libssl3", "3.0.13-1", 3), ("requests", "2.31.0", 5), ("requests", "2.32.3", 2),
    ]  # fmt: skip
