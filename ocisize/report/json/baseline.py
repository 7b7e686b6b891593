"""An image beside its baseline, for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import attrs

from ocisize.report.json.budgets import verdict_document
from ocisize.report.text.baseline import SCHEMA, SCHEMA_OF_ALL, VERSION
from ocisize.report.words.baseline import BaselineComparison


def comparison_to_json(comparison: BaselineComparison) -> str:
    """The same for programs; totals as the baseline has them."""
    return json.dumps(_document(comparison), indent=2)


def comparisons_to_json(comparisons: Sequence[BaselineComparison]) -> str:
    """The same for the images of all platforms."""
    document = {"schema": SCHEMA_OF_ALL, "version": VERSION, "images": [_document(each) for each in comparisons]}
    return json.dumps(document, indent=2)


def _document(comparison: BaselineComparison) -> dict[str, Any]:
    kept = comparison.kept
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "name": comparison.name,
        "platform": comparison.analysis.platform,
        "baseline": attrs.asdict(kept.totals) if kept else None,
        "image": attrs.asdict(comparison.now.totals),
        "budgets": [verdict_document(verdict) for verdict in comparison.verdicts],
        "written": comparison.written,
    }
