"""An outline as an analysis none of whose layers was read, for code that judges and names images: budgets, CI reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocisize.model.analysis import Analysis, LayerAnalysis, LayerFailure
from ocisize.model.base import BaseSplit
from ocisize.model.outline import LayerOutline, Outline
from ocisize.model.waste import WasteTable
from ocisize.tar.filetable import FileTable

NOT_READ = "the layers were not read"  #: the error of each layer
_STEP = "outline"  # ``LayerFailure.step``
_SHARED = (
    "source", "format", "reference", "platform", "digest", "config_digest", "media_type", "created", "manifest_size",
    "config_size", "mirror", "unverified_hosts", "warnings", "config_layers", "compressed_size",
    "provenance",
)  # fmt: skip
_OF_LAYERS = (
    "index", "digest", "diff_id", "media_type", "compression", "compressed_size", "build_step", "created_by", "created",
    "build_step_certain", "member", "source",
)  # fmt: skip
_NO_FILES: Mapping[str, Any] = dict.fromkeys((
    "tar_size", "content_size", "stored_size", "live_size", "disk_size", "wasted_size", "duplicate_size", "file_count",
    "entry_count",
), 0)  # fmt: skip


def unread_analysis(outline: Outline) -> Analysis:
    """Return an analysis with what the outline says; it is not ``complete``, and its figures of files are 0.

    >>> import ocisize
    >>> analysis = unread_analysis(ocisize.Analyzer().outline("testdata/example.tar"))
    >>> analysis.compressed_size, analysis.complete, len(analysis.unread)
    (1590055, False, 5)
    """
    return Analysis(
        **{name: getattr(outline, name) for name in _SHARED},
        **_NO_FILES,
        wasted_compressed_size=None,
        layers=tuple(map(_unread_layer, outline.layers)),
        waste=WasteTable(),
        base=BaseSplit(outline.base) if outline.base is not None else None,
    )


def _unread_layer(layer: LayerOutline) -> LayerAnalysis:
    return LayerAnalysis(
        **{name: getattr(layer, name) for name in _OF_LAYERS},
        **_NO_FILES,
        wasted_compressed_size=None,
        overhead_size=None,
        hides_size=0,
        digest_verified=False,
        diff_id_verified=False,
        failure=LayerFailure(_STEP, NOT_READ),
        files=FileTable.empty(),
    )


def as_analysis(image: Analysis | Outline) -> Analysis:
    """Return an analysis itself, or the analysis without layers of an outline."""
    return unread_analysis(image) if isinstance(image, Outline) else image


def was_outlined(analysis: Analysis) -> bool:
    """Whether an analysis was made of an outline: nobody tried to read its layers."""
    return any(layer.failure is not None and layer.failure.step == _STEP for layer in analysis.layers)
