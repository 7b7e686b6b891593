"""What reports say of an image some of whose layers could not be read: that, which ones, why, and what figures mean then."""

from __future__ import annotations

from collections.abc import Iterator

from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.report.words.units import human_size
from ocisize.text import printable

AT_LEAST, UNSURE = "≥ ", "? "
NOTE = "Download is from the manifest; other figures count the layers that were read: ≥ is at least, ? may be more or less"
_AT_LEAST = ("Unpacked", "Waste", "On disk")
_EXACT = ("Download",)
_MOST = 10  # layers that are named


def headline(analysis: Analysis) -> str:
    """How many layers could not be read, "" where all could."""
    count = len(analysis.unread)
    return f"incomplete: {count:,} of {len(analysis.layers):,} layers could not be read" if count else ""


def describe_layer(layer: LayerAnalysis) -> str:
    """A layer that could not be read, on one line: which it is, at which step it failed, and why."""
    if layer.failure is None:
        return ""
    size = "" if layer.compressed_size is None else f", {human_size(layer.compressed_size)}"
    error = layer.failure.error.replace(layer.digest, f"{layer.digest[:19]}…")  # once at length is enough
    return printable(f"layer {layer.index} ({layer.digest}{size}): {layer.failure.step}: {error}")


def list_unread(analysis: Analysis) -> Iterator[str]:
    """The layers that could not be read, the first of them by name."""
    for layer in analysis.unread[:_MOST]:
        yield describe_layer(layer)
    if len(analysis.unread) > _MOST:
        yield f"… and {len(analysis.unread) - _MOST:,} more"


def mark_incomplete(analysis: Analysis, name: str, value: str) -> str:
    """A figure of the image with what it is worth where layers are missing in it."""
    if analysis.complete or name in _EXACT:
        return value
    return f"{AT_LEAST if name in _AT_LEAST else UNSURE}{value}"
