"""Saved archives with figures that were worked out by hand and checked by unpacking them for real."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ocisize import Analyzer
from ocisize.model.waste import Cause
from ocisize.report.export.dive_json import to_dive_json

FOLDER = Path(__file__).parent.parent / "testdata" / "golden"
GOLDEN: dict[str, dict[str, Any]] = json.loads((FOLDER / "golden.json").read_text())


def golden_cause(cause: Cause) -> str:
    return "overwritten" if cause == Cause.METADATA_ONLY else str(cause)


def sorted_items(row: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(row.items())


def test_every_archive_has_its_figures() -> None:
    """No archive is without figures and no figures are without an archive."""
    assert sorted(path.stem for path in FOLDER.glob("*.tar")) == sorted(GOLDEN)
    assert len(GOLDEN) == 27


def test_every_archive_is_described() -> None:
    """The README of the test data has a line for every archive."""
    text = (FOLDER.parent / "README.md").read_text()
    assert [name for name in GOLDEN if f"`{name}.tar`" not in text] == []


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_figures_of_saved_archives(name: str) -> None:
    """Content, live and wasted bytes, efficiency, and every wasted file with its layers are the known ones."""
    expected = GOLDEN[name]["ours"]
    analysis = Analyzer().analyze(str(FOLDER / f"{name}.tar"))
    assert analysis.content_size == expected["totalBytes"]
    assert analysis.live_size == expected["liveBytes"]
    assert analysis.wasted_size == expected["wastedBytes"]
    assert analysis.efficiency == pytest.approx(expected["efficiency"], abs=1e-12)
    assert [layer.wasted_size for layer in analysis.layers] == expected["wastedInLayer"]
    causes: Counter[str] = Counter()
    for entry in analysis.waste:
        causes[golden_cause(entry.cause)] += entry.size
    assert causes == expected["wastedByCause"]
    found = [
        {
            "file": f"/{entry.path}",
            "sizeBytes": entry.size,
            "cause": golden_cause(entry.cause),
            "layer": entry.held_by,
            "hiddenByLayer": entry.hidden_by,
        }
        for entry in analysis.waste
    ]
    assert sorted(map(sorted_items, found)) == sorted(map(sorted_items, expected["wastedFiles"]))


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_dives_figures_of_saved_archives(name: str) -> None:
    """Efficiency, wasted bytes, sizes, what its CI mode prints and its list of files are what dive gave, to the last bit."""
    expected = GOLDEN[name]
    analysis = Analyzer().analyze(str(FOLDER / f"{name}.tar"))
    figures = analysis.dive
    assert figures is not None
    assert figures.efficiency == expected["efficiencyScore"]
    assert figures.wasted_size == expected["wastedBytes"] == expected["inefficientBytes"]
    assert figures.image_size == expected["sizeBytes"]
    assert list(figures.layer_sizes) == expected["layerSizes"]
    assert f"{100 * figures.efficiency:.4f}" == expected["efficiencyPrinted"]
    assert go_format(100 * figures.user_wasted_ratio) == expected["userWastedPercentPrinted"]
    export = json.loads(to_dive_json(analysis))
    assert sorted(map(sorted_items, export["image"]["fileReference"])) == sorted(
        map(sorted_items, expected["fileReference"])
    )


def go_format(value: float) -> str:
    """A percentage as Go prints it."""
    return f"{value:.4f}" if math.isfinite(value) else "NaN" if math.isnan(value) else "+Inf"


@pytest.mark.parametrize(
    ("name", "cause"),
    [("06-same-content-rewritten", Cause.METADATA_ONLY), ("07-chmod-only", Cause.METADATA_ONLY),
     ("03-overwrite-same-size", Cause.OVERWRITTEN)],
)  # fmt: skip
def test_unchanged_content_is_distinguished(name: str, cause: Cause) -> None:
    """A file stored again with the same bytes is metadata-only, one of the same size with other bytes is not."""
    assert {entry.cause for entry in Analyzer().analyze(str(FOLDER / f"{name}.tar")).waste} == {cause}
