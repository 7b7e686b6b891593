"""Analyses of small images, for tests that look at findings only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ocisize import Analyzer
from ocisize.model.findings import Finding
from ocisize.model.analysis import Analysis
from tests.images import Compression, Entries, build_image, layer, write_layout


def analyze(
    tmp_path: Path,
    layers: Sequence[Entries],
    steps: Sequence[str],
    *,
    config: dict[str, Any] | None = None,
    name: str = "app",
    history: Sequence[dict[str, Any]] = (),
    compression: Compression = "gzip",
) -> Analysis:
    """The analysis of an image with these layers, made by these steps; ``history`` are steps without a layer, first."""
    entries = [*({**each, "empty_layer": True} for each in history), *({"created_by": step} for step in steps)]
    image = build_image([layer(each, compression) for each in layers], history=entries, config={"config": config or {}})
    return Analyzer(platform="linux/amd64").analyze(str(write_layout(image, tmp_path / "image", name=name)))


def by_id(analysis: Analysis, prefix: str) -> list[Finding]:
    """The findings whose id begins with a prefix."""
    return [finding for finding in analysis.advice.findings if finding.id.startswith(prefix)]
