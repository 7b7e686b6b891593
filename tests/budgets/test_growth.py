"""Growth over a baseline names the layers that grew, and suggests what makes those smaller."""

from __future__ import annotations

import attrs
import pytest

from ocisize import Analysis
from ocisize.budgets.baseline import Baseline, BaselineEntry, BaselineLayer, baseline_entry
from ocisize.budgets.growth import grown_layers
from ocisize.budgets.parse import parse_budgets
from ocisize.model.findings import Advice
from ocisize.report.words.budgets import describe
from tests.gates import STEPS, changed, image, judge
from tests.hostile import finding


def smaller(**sizes: int) -> BaselineEntry:
    """A baseline of the image whose layers, named ``L0`` and so on, had less content and download by these bytes."""
    entry = baseline_entry(image())
    layers = [
        attrs.evolve(
            layer,
            content_size=(layer.content_size or 0) - sizes.get(f"L{number}", 0),
            compressed_size=(layer.compressed_size or 0) - sizes.get(f"L{number}", 0),
        )
        for number, layer in enumerate(entry.layers)
    ]
    less = sum(sizes.values())
    totals = attrs.evolve(
        entry.totals,
        content_size=(entry.totals.content_size or 0) - less,
        compressed_size=(entry.totals.compressed_size or 0) - less,
    )
    return attrs.evolve(entry, totals=totals, layers=tuple(layers))


def grown(entry: BaselineEntry, toml: str = 'max-unpacked = "+0"') -> list[tuple[int | None, object]]:
    """The layers that grew, with their growth."""
    (budget,) = parse_budgets(toml).budgets
    return [(place.layer, place.exact_measured) for place in grown_layers(budget, image().layers, entry)]


def line(entry: BaselineEntry, toml: str = 'max-download = "+0"', analysis: Analysis | None = None) -> str:
    """The line about a budget of growth."""
    baseline = Baseline().with_entry("acme/app", "linux/amd64", entry)
    (verdict,) = judge(toml, analysis or image(), baseline)
    return describe(verdict, analysis or image())


def test_the_layers_that_grew_come_largest_first() -> None:
    """Layers that shrank or stayed are left out."""
    assert grown(smaller(L1=500, L3=700)) == [(3, 700), (1, 500)]
    assert grown(smaller(L1=500, L3=-700), 'max-download = "+0"') == [(1, 500)]
    assert grown(baseline_entry(image())) == []


def test_steps_that_changed_are_compared_in_order() -> None:
    """A base image of another version is compared with the former one; a step that is new as a whole with nothing."""
    entry = baseline_entry(image())
    first, *rest = entry.layers
    other = attrs.evolve(first, build_step="ADD file:0123456789ab in /", content_size=9_000)
    assert grown(attrs.evolve(entry, layers=(other, *rest))) == [(0, 1000)]
    assert grown(attrs.evolve(entry, layers=tuple(rest))) == [(0, 10_000)]
    assert grown(attrs.evolve(entry, layers=())) == [(0, 10_000), (1, 8_000), (3, 2_000)]


def test_figures_that_baselines_do_not_have_for_layers() -> None:
    """Growth of waste or files names no layers; an unknown download of a layer is not compared."""
    assert grown(smaller(L1=500), 'max-waste = "+0 B"') == grown(smaller(L1=500), 'max-files = "+0"') == []
    entry = baseline_entry(image())
    unknown = tuple(BaselineLayer(digest="", build_step=step, compressed_size=None, content_size=0) for step in STEPS)
    assert grown(attrs.evolve(entry, layers=unknown), 'max-download = "+0"') == []


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (smaller(L1=500), "download 10.1 kB > 9.60 kB (baseline +0 B), 500 B over: +500 B in layer 1 (RUN apt-get install) → OS101 saves 45 B"),
        (smaller(L0=500), "download 10.1 kB > 9.60 kB (baseline +0 B), 500 B over: +500 B in layer 0 (ADD rootfs)"),
        (
            smaller(L0=1, L1=2, L3=3),
            "download 10,100 B > 10,094 B (baseline +0 B), 6 B over: +3 B in layer 3 (COPY . /app), "
            "+2 B in layer 1 (RUN apt-get install) and 1 more → OS101 saves 45 B",
        ),
    ],
)  # fmt: skip
def test_the_suggestion_is_about_what_grew(entry: BaselineEntry, text: str) -> None:
    """The largest finding on one of the layers that grew; none if there is none on them."""
    assert line(entry, analysis=image_without_other_findings()) == text


def image_without_other_findings() -> Analysis:
    """The image with a finding on layers 1 and 2, behind one that saves nothing."""
    (os101, *_) = image().advice.findings
    nothing = finding(401, layers=(1,), size=0, compressed_size=0)
    return changed(image(), advice=Advice((nothing, os101)))


def test_an_absolute_limit_keeps_its_suggestion() -> None:
    """Where nothing says what grew, the finding that saves most is suggested."""
    assert line(baseline_entry(image()), 'max-download = "1 kB"').endswith("over → OS101 saves 45 B")
