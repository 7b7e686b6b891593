"""How reports mark an image with unread layers: the layers, the errors, and which figures are uncertain."""

from __future__ import annotations

from collections.abc import Iterator

from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.report.words.units import human_size
from ocisize.text import printable

AT_LEAST, UNSURE = "≥ ", "? "
NOTE = (
    "Download is from the manifest; other figures count only the layers that were read: ≥ is at least, ? may be more or less"
)
_AT_LEAST = ("Unpacked", "Waste", "On disk")
_EXACT = ("Download",)
_MAX_LAYERS = 10  # that are listed


def headline(analysis: Analysis) -> str:
    """How many layers could not be read, "" if all could."""
    count = len(analysis.unread)
    if count and analysis.lacks_only_foreign:
        is_or_are = "is foreign and was" if count == 1 else "are foreign and were"
        return f"incomplete: {count:,} of {len(analysis.layers):,} layers {is_or_are} not read"
    return f"incomplete: {count:,} of {len(analysis.layers):,} layers could not be read" if count else ""


def describe_layer(layer: LayerAnalysis) -> str:
    """An unread layer on one line: index, digest, size, the step that failed and the error."""
    if layer.failure is None:
        return ""
    size = "" if layer.compressed_size is None else f", {human_size(layer.compressed_size)}"
    error = layer.failure.error.replace(layer.digest, f"{layer.digest[:19]}…")  # once at length is enough
    return printable(f"layer {layer.index} ({layer.digest}{size}): {layer.failure.step}: {error}")


def list_unread(analysis: Analysis) -> Iterator[str]:
    """One line for each unread layer; the layers beyond the first ten are only counted."""
    for layer in analysis.unread[:_MAX_LAYERS]:
        yield describe_layer(layer)
    if len(analysis.unread) > _MAX_LAYERS:
        yield f"… and {len(analysis.unread) - _MAX_LAYERS:,} more"


def mark_incomplete(analysis: Analysis, name: str, value: str) -> str:
    """A figure of the image, marked as a lower bound or as uncertain if layers are missing."""
    if analysis.complete or name in _EXACT:
        return value
    return f"{AT_LEAST if name in _AT_LEAST else UNSURE}{value}"
