"""An image and its baseline side by side, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ocisize.report.json.budgets import verdict_document
from ocisize.report.words.baseline import BaselineComparison
from ocisize.values import asdict

SCHEMA, INDEX_SCHEMA = "ocisize.baseline-check", "ocisize.baseline-check-index"
VERSION = 1


def baseline_comparison_to_json(comparison: BaselineComparison) -> str:
    """A comparison with a baseline as JSON text: the totals of baseline and image, and the verdicts."""
    return json.dumps(_document(comparison), indent=2)


def baseline_comparisons_to_json(comparisons: Sequence[BaselineComparison]) -> str:
    """The comparisons of the images of all platforms as one JSON text."""
    images = [_document(comparison) for comparison in comparisons]
    return json.dumps({"schema": INDEX_SCHEMA, "version": VERSION, "images": images}, indent=2)


def _document(comparison: BaselineComparison) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "name": comparison.name,
        "platform": comparison.analysis.platform,
        "baseline": asdict(comparison.old.totals) if comparison.old else None,
        "image": asdict(comparison.new.totals),
        "budgets": [verdict_document(verdict) for verdict in comparison.verdicts],
        "written": comparison.written,
    }
