"""An IndexAnalysis as JSON: the full document of every image, and what differs between them.

The document is versioned like ``ocisize.analysis``, the form of its ``images``: ``ocisize.from_json`` reads each of them.
Lists of figures are in the order of ``drift.platforms``, null if an image does not have the thing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ocisize
from ocisize.model.platforms import Drift, IndexAnalysis, StepDrift
from ocisize.report.json.analysis import (
    analysis_document,
    encodable,
    index_tool_sizes_document,
    serialize_build_steps,
)
from ocisize.report.options import ReportOptions
from ocisize.values import asdict

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict

SCHEMA = "ocisize.index"
VERSION = 1


def index_to_json(
    index: IndexAnalysis,
    options: ReportOptions | None = None,
    *,
    verdicts: Mapping[str, Sequence[Verdict]] | None = None,
    indent: int | None = 2,
) -> str:
    """Write the analyses of an index as JSON text; ``verdicts`` are those on each platform's image."""
    options, verdicts = options or ReportOptions(), verdicts or {}
    images = [
        {
            "platform": platform,
            "analysis": analysis_document(
                analysis,
                files=options.files,
                assumptions=options.assumptions,
                verdicts=verdicts.get(platform, ()),
            ),
        }
        for platform, analysis in index.analyses.items()
    ]
    about = {
        name: getattr(index, name)
        for name in (
            "source",
            "format",
            "reference",
            "digest",
            "index_size",
            "media_type",
            "stored_size",
            "attestations",
            "absent",
        )
    }
    document = {"schema": SCHEMA, "version": VERSION, "ocisize": ocisize.__version__, **about}
    document |= {"complete": index.complete, "unread": [asdict(image) for image in index.unread]}
    document["tool_sizes"] = index_tool_sizes_document(index)
    document |= {"drift": _drift(index.drift), "warnings": index.warnings}
    return json.dumps({**encodable(document), "images": encodable(images)}, indent=indent)


def _drift(drift: Drift) -> dict[str, Any]:
    return {
        "platforms": drift.platforms,
        "figures": {spread.name: {"values": spread.values, "ratios": spread.ratios} for spread in drift.figures},
        "steps": [_step(step) for step in drift.steps],
        "only_there": [asdict(only) for only in drift.only_there],
        "findings": [{**asdict(finding, recurse=False), "difference": finding.difference} for finding in drift.findings],
    }


def _step(step: StepDrift) -> dict[str, Any]:
    sizes = asdict(step, recurse=False, value_serializer=serialize_build_steps)
    return {**sizes, "difference": step.difference}
