"""The first fields of JSON documents."""

from __future__ import annotations

from typing import Any

import ocisize
from ocisize.model.analysis import Analysis
from ocisize.text import display_name


def unread_document(analysis: Analysis) -> dict[str, Any]:
    """Whether all layers were read, and the unread layers."""
    return {
        "complete": analysis.complete,
        "unread": [
            {
                "layer": layer.index,
                "digest": layer.digest,
                "step": layer.failure.step,
                "error": display_name(layer.failure.error),
            }
            for layer in analysis.unread
            if layer.failure is not None
        ],
    }


def head_of_view(schema: str, version: int, analysis: Analysis) -> dict[str, Any]:
    """The first fields of the documents of ``advise``, ``files`` and ``tree``."""
    return {
        "schema": schema,
        "version": version,
        "ocisize": ocisize.__version__,
        "source": display_name(analysis.source),
        "reference": analysis.reference,
        "mirror": analysis.mirror,
        "unverified_hosts": analysis.unverified_hosts,
        "platform": analysis.platform,
        "digest": analysis.digest,
        "config_digest": analysis.config_digest,
        **unread_document(analysis),
    }
