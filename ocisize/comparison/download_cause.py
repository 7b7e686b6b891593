"""Why a host with BEFORE downloads files again that it has: the lowest layer that changed."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.comparison.base_words import changed_base_layer, describe_base
from ocisize.comparison.reasons import name_layer
from ocisize.model.analysis import Analysis
from ocisize.model.causes import CauseKind, DownloadCause
from ocisize.model.comparison import LayerChange, LayerStatus
from ocisize.model.sizes import sum_known

_MIN_UNCHANGED_SHARE = 0.5  # of the downloaded content that BEFORE has, for a download to be one "again"
_MAX_STEP_LENGTH = 48  # characters of a build step in the headline
_STATUS_WORDS = {LayerStatus.CHANGED: "changed", LayerStatus.ADDED: "is new", LayerStatus.REMOVED: "is gone"}


def find_download_cause(before: Analysis, after: Analysis, layers: Sequence[LayerChange]) -> DownloadCause | None:
    """Return why layers are downloaded again; None if none is, or if most of what is downloaded is new.

    ``layers``: those of the comparison, with the sums of their files if these were compared.
    """
    if not before.layers:
        return None
    fetched = [layer for layer in layers if layer.after is not None and layer.status is not LayerStatus.SHARED]
    changed = [layer for layer in layers if layer.status in _STATUS_WORDS]
    if not fetched:
        return None
    if not changed:
        rebuilt = any(layer.status is LayerStatus.REBUILT for layer in fetched)
        kind = CauseKind.REBUILD if rebuilt else CauseKind.COMPRESSION
        text = "timestamps or the order of files differ" if rebuilt else "the same layers are compressed differently"
        return _cause(kind, f"{text}; no file changed", fetched[0], fetched)
    base = changed_base_layer(before, after, layers)
    if base is not None:
        difference = describe_base(before, after)
        above = [layer for layer in fetched if layers.index(layer) >= layers.index(base)]
        return _cause(CauseKind.BASE, f"the base image changed{f' ({difference})' if difference else ''}", base, above)
    first = changed[0]
    above = [layer for layer in fetched if layers.index(layer) > layers.index(first) and _is_again(layer)]
    if not above:
        return None
    gone = first.status is LayerStatus.REMOVED
    index, side = (first.before, " of BEFORE") if gone else (first.after, "")
    name = name_layer(index, first.build_step, side, _MAX_STEP_LENGTH)
    return _cause(CauseKind.LAYER, f"{name} {_STATUS_WORDS[first.status]}", first, above)


def _is_again(layer: LayerChange) -> bool:
    """Whether most of the content of a layer is in BEFORE already."""
    if layer.status in (LayerStatus.REBUILT, LayerStatus.RECOMPRESSED):
        return True
    unchanged = layer.unchanged.after_size if layer.unchanged is not None else 0
    return unchanged > 0 and unchanged >= _MIN_UNCHANGED_SHARE * layer.after_size


def _cause(kind: CauseKind, text: str, first: LayerChange, layers: Sequence[LayerChange]) -> DownloadCause:
    return DownloadCause(
        kind=kind,
        text=text,
        layer=first.before if first.status is LayerStatus.REMOVED else first.after,
        layers=tuple(layer.after for layer in layers if layer.after is not None),
        size=sum(layer.after_size for layer in layers),
        compressed_size=sum_known(layer.download_size for layer in layers),
    )
