"""Which layer first brought a file that a later one only stores again, for its owner, mode or time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import compress

from ocisize.filesystem.overlay import Overlay
from ocisize.model.waste import CAUSES, Cause
from ocisize.tar.filetable import FileTable

_AGAIN = CAUSES.index(Cause.METADATA_ONLY)


class FirstLayerIndex:
    """The origins of rows, looked up for those layers only that store again what others brought."""

    def __init__(self, tables: Sequence[FileTable], overlay: Overlay) -> None:
        self._tables = tables
        copied: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for lower, causes in enumerate(overlay.causes):
            if _AGAIN in causes:
                hidden_by = overlay.hidden_by[lower]
                again = map(_AGAIN.__eq__, causes)
                for row in compress(range(len(causes)), again):
                    if hidden_by[row] >= 0:
                        copied[hidden_by[row]][lower].append(row)
        self._copied = copied
        self._brought: dict[int, dict[bytes, int]] = {}

    def split(self, layer: int, rows: Sequence[int]) -> Mapping[int, Sequence[int]]:
        """Rows of a layer by the layer that first brought their content."""
        if layer not in self._copied:
            return {layer: rows}
        brought = self._of(layer)
        found: dict[int, list[int]] = defaultdict(list)
        ordered = sorted(rows)
        for row, path in zip(ordered, self._tables[layer].paths.select(ordered), strict=True):
            found[brought.get(path, layer)].append(row)
        return found

    def _of(self, layer: int) -> dict[bytes, int]:
        """Paths that a layer stores again, with their origins; such layers may stand on one another."""
        for upper in sorted(each for each in self._copied if each <= layer):
            if upper not in self._brought:
                found = self._brought[upper] = {}
                for lower, rows in self._copied[upper].items():
                    below = self._brought.get(lower, {})
                    found.update((path, below.get(path, lower)) for path in self._tables[lower].paths.select(rows))
        return self._brought[layer]
