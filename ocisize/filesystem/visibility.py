"""Which rows of an analysis a container sees, also of an analysis that was read back from JSON."""

from __future__ import annotations

import weakref

from ocisize.filesystem.overlay import Overlay, overlay_all
from ocisize.model.analysis import Analysis

#: by id of the analysis: overlays of analyses that were read back from JSON and are still in use
_overlays: dict[int, tuple[weakref.ref[Analysis], Overlay]] = {}


def overlay_of(analysis: Analysis) -> Overlay:
    """Return which rows of each layer are hidden, by which layer and why; without the anomalies, which are warnings.

    JSON does not have this. The layers of an analysis that was read back are laid over each other on the first call;
    later calls return the same overlay. Raises ValueError if a layer has no file table.

    >>> from ocisize import analyze, from_json, to_json
    >>> analysis = analyze("testdata/example.tar")
    >>> saved = from_json(to_json(analysis, files=True))
    >>> saved.layers[0].hidden_by is None, overlay_of(saved).hidden_by == overlay_of(analysis).hidden_by
    (True, True)
    """
    tables = [layer.files for layer in analysis.layers if layer.files is not None]
    if len(tables) < len(analysis.layers):
        raise ValueError("the analysis was saved without its file tables")
    hidden_by = [layer.hidden_by for layer in analysis.layers if layer.hidden_by is not None]
    causes = [layer.causes for layer in analysis.layers if layer.causes is not None]
    if len(hidden_by) == len(causes) == len(tables):
        return Overlay(tuple(hidden_by), tuple(causes), ())
    key = id(analysis)
    reference, overlay = _overlays.get(key, (None, None))
    if reference is None or overlay is None or reference() is not analysis:
        overlay = overlay_all(tables)
        _overlays[key] = weakref.ref(analysis, lambda _: _overlays.pop(key, None)), overlay
    return overlay
