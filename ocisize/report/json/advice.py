"""All findings about an image and the plan as JSON: a versioned document, ``ocisize.advice``."""

from __future__ import annotations

import json

from ocisize.model.analysis import Analysis
from ocisize.model.findings import Confidence
from ocisize.report.json.analysis import advice_document, plan_document
from ocisize.report.json.head import head_of_view

SCHEMA, VERSION = "ocisize.advice", 1


def advice_to_json(analysis: Analysis) -> str:
    """The plan, all findings, the largest saving first, and the savings of each confidence."""
    savings = {str(confidence): analysis.advice.saving(confidence) for confidence in Confidence}
    document = {
        **head_of_view(SCHEMA, VERSION, analysis),
        "content_size": analysis.content_size,
        "compressed_size": analysis.compressed_size,
        "savings": {
            name: {"size": saving.size, "compressed_size": saving.compressed_size} for name, saving in savings.items()
        },
        "advice": advice_document(analysis.advice),
        "plan": plan_document(analysis.plan),
    }
    return json.dumps(document, indent=2)
