"""FirstLayerIndex: which layer first brought files that later layers store again only to change their metadata."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import compress

from ocisize.filesystem.overlay import Overlay
from ocisize.model.waste import CAUSES, Cause
from ocisize.tar.filetable import FileTable

_METADATA_ONLY = CAUSES.index(Cause.METADATA_ONLY)


class FirstLayerIndex:
    """Finds the first layer of rows; built only for layers that store files of lower layers again."""

    def __init__(self, tables: Sequence[FileTable], overlay: Overlay) -> None:
        self._tables = tables
        copied: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for lower, causes in enumerate(overlay.causes):
            if _METADATA_ONLY in causes:
                hidden_by = overlay.hidden_by[lower]
                for row in compress(range(len(causes)), map(_METADATA_ONLY.__eq__, causes)):
                    if hidden_by[row] >= 0:
                        copied[hidden_by[row]][lower].append(row)
        self._copied = copied
        self._brought: dict[int, dict[bytes, int]] = {}

    def split(self, layer: int, rows: Sequence[int]) -> Mapping[int, Sequence[int]]:
        """Some rows of a layer, by the layer that first brought their content: the layer itself for most rows."""
        if layer not in self._copied:
            return {layer: rows}
        brought = self._of(layer)
        rows_by_layer: dict[int, list[int]] = defaultdict(list)
        ordered = sorted(rows)
        for row, path in zip(ordered, self._tables[layer].paths.select(ordered), strict=True):
            rows_by_layer[brought.get(path, layer)].append(row)
        return rows_by_layer

    def _of(self, layer: int) -> dict[bytes, int]:
        """The paths that a layer stores again, with their first layers, through any number of layers that do so."""
        for upper in sorted(index for index in self._copied if index <= layer):
            if upper not in self._brought:
                origins = self._brought[upper] = {}
                for lower, rows in self._copied[upper].items():
                    below = self._brought.get(lower, {})
                    origins.update((path, below.get(path, lower)) for path in self._tables[lower].paths.select(rows))
        return self._brought[layer]
