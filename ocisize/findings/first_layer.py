"""FirstLayerIndex: which layer first brought files that later layers store again only to change their metadata."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import compress, repeat

from ocisize.filesystem.directories import ImageRuns
from ocisize.filesystem.overlay import Overlay
from ocisize.filesystem.path_search import find_rows
from ocisize.model.waste import CAUSES, Cause
from ocisize.tar.filetable import FileTable

_METADATA_ONLY = CAUSES.index(Cause.METADATA_ONLY)


class FirstLayerIndex:
    """Finds the first layer of rows; built only for layers that store files of lower layers again."""

    def __init__(self, tables: Sequence[FileTable], overlay: Overlay, runs: ImageRuns) -> None:
        self._tables, self._runs = tables, runs
        copied: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for lower, causes in enumerate(overlay.causes):
            if _METADATA_ONLY in causes:
                hidden_by = overlay.hidden_by[lower]
                for row in compress(range(len(causes)), map(_METADATA_ONLY.__eq__, causes)):
                    if hidden_by[row] >= 0:
                        copied[hidden_by[row]][lower].append(row)
        self._copied = copied
        self._brought: dict[int, dict[int, int]] = {}

    def split(self, layer: int, rows: Sequence[int]) -> Mapping[int, Sequence[int]]:
        """Some rows of a layer, by the layer that first brought their content: the layer itself for most rows."""
        brought = self._of(layer) if layer in self._copied else {}
        if not brought or brought.keys().isdisjoint(rows):
            return {layer: rows}
        rows_by_layer: dict[int, list[int]] = defaultdict(list)
        for row in sorted(rows):
            rows_by_layer[brought.get(row, layer)].append(row)
        return rows_by_layer

    def _of(self, layer: int) -> dict[int, int]:
        """The rows that a layer stores again, with their first layers, through any number of layers that do so."""
        for upper in sorted(index for index in self._copied if index <= layer):
            if upper not in self._brought:
                origins: dict[bytes, int] = {}
                for lower, rows in self._copied[upper].items():
                    first = map(self._brought.get(lower, {}).get, rows, repeat(lower))
                    origins.update(zip(self._tables[lower].paths.select(rows), first, strict=True))
                found = find_rows(origins.keys(), self._tables[upper], upper, self._runs)
                self._brought[upper] = {row: origins[path] for row, path in found}
        return self._brought[layer]
