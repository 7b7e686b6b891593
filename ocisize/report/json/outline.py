"""Outlines as JSON: versioned documents that follow the rules of ``report.json.analysis``.

Figures that only the layers have are null: programs find the same fields in the documents of analyses and of outlines.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

import ocisize
from ocisize.model.outline import IndexOutline, LayerOutline, Outline
from ocisize.report.json.analysis import (
    encodable,
    index_tool_sizes_document,
    pull_document,
    serialize_build_steps,
    tool_sizes_document,
)
from ocisize.report.options import ReportOptions
from ocisize.report.outline_subject import OutlineDiffSubject, OutlineSubject
from ocisize.sizes.cost import CostAssumptions, cost_of, default_assumptions
from ocisize.values import asdict

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict
    from ocisize.model.outline_comparison import OutlineComparison, OutlineLayerChange

SCHEMA, INDEX_SCHEMA, COMPARISON_SCHEMA = "ocisize.outline", "ocisize.outline-index", "ocisize.outline-comparison"
VERSION = 1
_FACTS = (
    "source", "format", "reference", "mirror", "unverified_hosts", "platform", "os_version", "digest", "config_digest",
    "media_type", "created", "manifest_size", "config_size", "config_layers", "compressed_size", "blob_size",
)  # fmt: skip
_NOT_KNOWN = ("content_size", "live_size", "wasted_size", "file_count")
_OF_INDEX = (
    "source",
    "format",
    "reference",
    "digest",
    "index_size",
    "media_type",
    "stored_size",
    "attestations",
    "absent",
    "complete",
)


def write(subject: OutlineSubject, file: TextIO, options: ReportOptions) -> None:
    """Write the document of an image, or of an index, indented."""
    images = [
        (image.platform, outline_document(image.outline, image.verdicts, options.assumptions)) for image in subject.images
    ]
    document = images[0][1] if subject.index is None else _index_document(subject.index, images)
    file.write(json.dumps(encodable(document), indent=2) + "\n")


def write_diff(subject: OutlineDiffSubject, file: TextIO, _: ReportOptions) -> None:
    """Write the document of a comparison, indented."""
    document = _comparison_document(subject.comparison, subject.image.verdicts)
    file.write(json.dumps(encodable(document), indent=2) + "\n")


def outline_document(
    outline: Outline, verdicts: Sequence[Verdict] = (), assumptions: CostAssumptions | None = None
) -> dict[str, Any]:
    """The document of an outline; docs/formats.md describes it."""
    chosen = assumptions or default_assumptions()
    return {
        **_head(SCHEMA),
        **_facts(outline),
        "index": {"digest": outline.index_digest, "platforms": outline.platforms, "attestations": outline.attestations},
        "base": _base(outline),
        "run": asdict(outline.run),
        "secrets": outline.secrets,
        "annotations": outline.annotations,
        "soci_index": outline.soci_index,
        "provenance": None if outline.provenance is None else asdict(outline.provenance),
        "layers": [_layer(layer) for layer in outline.layers],
        "cost": {"assumptions": asdict(chosen), "image": asdict(cost_of(outline.compressed_size, chosen))},
        "pull": pull_document(outline, chosen),
        "tool_sizes": tool_sizes_document(outline),
        **_budgets(verdicts),
        "warnings": outline.warnings,
    }


def _head(schema: str) -> dict[str, Any]:
    return {"schema": schema, "version": VERSION, "ocisize": ocisize.__version__}


def _facts(outline: Outline) -> dict[str, Any]:
    return {**{name: getattr(outline, name) for name in _FACTS}, **dict.fromkeys(_NOT_KNOWN)}


def _base(outline: Outline) -> dict[str, Any] | None:
    if outline.base is None:
        return None
    parts = {"base": outline.base_compressed_size, "own": outline.own_compressed_size}
    return {"found": asdict(outline.base), **{name: {"compressed_size": size} for name, size in parts.items()}}


def _layer(layer: LayerOutline) -> dict[str, Any]:
    source = None if layer.source is None else asdict(layer.source)
    return asdict(layer, recurse=False, value_serializer=serialize_build_steps) | {"source": source}


def _budgets(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The verdicts, if there are any."""
    if not verdicts:
        return {}
    from ocisize.report.json.budgets import verdict_document

    return {"budgets": [verdict_document(verdict) for verdict in verdicts]}


def _index_document(index: IndexOutline, images: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    return {
        **_head(INDEX_SCHEMA),
        **{name: getattr(index, name) for name in _OF_INDEX},
        "unread": [asdict(image) for image in index.unread],
        "tool_sizes": index_tool_sizes_document(index),
        "warnings": index.warnings,
        "images": [{"platform": platform, "outline": document} for platform, document in images],
    }


def _comparison_document(comparison: OutlineComparison, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    names = ("compressed_growth", "download_size", "same_layers", "config_changes", "changed_base_layers")
    return {
        **_head(COMPARISON_SCHEMA),
        "before": {**_facts(comparison.before), "base": _base(comparison.before)},
        "after": {**_facts(comparison.after), "base": _base(comparison.after)},
        **{name: getattr(comparison, name) for name in names},
        "layers": [_layer_change(layer) for layer in comparison.layers],
        **_budgets(verdicts),
    }


def _layer_change(layer: OutlineLayerChange) -> dict[str, Any]:
    sizes = {"compressed_growth": layer.compressed_growth, "download_size": layer.download_size}
    source = None if layer.source is None else asdict(layer.source)
    return {**asdict(layer, recurse=False, value_serializer=serialize_build_steps), "source": source, **sizes}
