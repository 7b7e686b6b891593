"""An image for tests of budgets, of which every figure is known.

::

    layer 0  ADD rootfs          bin/sh 9000, etc/conf 1000
    layer 1  RUN apt-get install app/big 4000, app/tmp 3000, app/cache/c1 1000
    layer 2  RUN rm              removes app/tmp and the directory app/cache
    layer 3  COPY . /app         etc/conf 2000

20000 bytes unpacked, of which 5000 are waste (25 %), 15000 live; 6 files; the layers above the first store 10000, of
which 4000 are waste (40 %). The download of each layer is half of what it stores, and of the empty one 100 bytes. Its
findings are OS101, of medium severity, and OS103, of low.
"""

from __future__ import annotations

from array import array
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from ocisize import Analysis, Analyzer, Verdict, check, parse_budgets
from ocisize.budgets.baseline import Baseline
from ocisize.model.findings import Advice, Severity
from tests.images import BuiltImage, build_image, layer, write_layout

STEPS = ("ADD rootfs", "RUN apt-get install", "RUN rm", "COPY . /app")
COMPRESSED_SIZES = (5000, 4000, 100, 1000)


def build() -> BuiltImage:
    """The image."""
    return build_image(
        [
            layer({"bin/sh": b"s" * 9000, "etc/conf": b"c" * 1000}),
            layer({"app/big": b"b" * 4000, "app/tmp": b"t" * 3000, "app/cache/c1": b"1" * 1000}),
            layer({"app/.wh.tmp": b"", "app/.wh.cache": b""}),
            layer({"etc/conf": b"C" * 2000}),
        ],
        history=[{"created_by": step} for step in STEPS],
    )


@cache
def image() -> Analysis:
    """Its analysis, with round compressed sizes."""
    with TemporaryDirectory() as folder:
        analysis = Analyzer(platform="linux/amd64").analyze(write_layout(build(), Path(folder) / "layout"))
    layers = []
    for layer, compressed_size in zip(analysis.layers, COMPRESSED_SIZES, strict=True):
        assert layer.files is not None
        files = layer.files.with_compressed_sizes(
            array("q", [size // 2 for size in layer.files.sizes]), layer.files.overhead
        )
        layers.append(attrs.evolve(layer, compressed_size=compressed_size, files=files))
    severities = {"OS101": Severity.MEDIUM, "OS103": Severity.LOW}
    findings = [
        attrs.evolve(finding, severity=severities[finding.id])
        for finding in analysis.advice.findings
        if finding.id in severities
    ]
    return attrs.evolve(
        analysis, layers=tuple(layers), compressed_size=sum(COMPRESSED_SIZES), advice=Advice(tuple(findings)), source="app",
        reference="acme/app:1",
    )  # fmt: skip


def judge(toml: str, analysis: Analysis | None = None, baseline: Baseline | None = None) -> list[Verdict]:
    """Verdicts on budgets given as TOML."""
    return list(check(analysis or image(), parse_budgets(toml).budgets, baseline))


def verdict(toml: str, analysis: Analysis | None = None, baseline: Baseline | None = None) -> Verdict:
    """The verdict on a single budget."""
    (found,) = judge(toml, analysis, baseline)
    return found


def changed(analysis: Analysis, **changes: Any) -> Analysis:
    """The analysis with some figures changed."""
    return attrs.evolve(analysis, **changes)
