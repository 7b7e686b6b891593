"""How the files of AFTER differ from those of BEFORE, as codes for the colors of the treemap."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from ocisize.model.file_changes import KINDS, FileChangeKind

if TYPE_CHECKING:
    from ocisize.model.comparison import Comparison

#: code → name; the first one is that of files that are the same
CHANGES = ("unchanged", "added", "grew", "shrank", "changed", "moved", "stored again", "not compared")
_CODES = {
    FileChangeKind.ADDED: CHANGES.index("added"),
    FileChangeKind.MOVED: CHANGES.index("moved"),
    FileChangeKind.STORED_AGAIN: CHANGES.index("stored again"),
    FileChangeKind.NOT_COMPARED: CHANGES.index("not compared"),
}
_GREW, _SHRANK, _CHANGED = map(CHANGES.index, ("grew", "shrank", "changed"))


def list_changes(comparison: Comparison) -> dict[int, bytes] | None:
    """By layer of AFTER that differs: the code of each file with content, in the order of the layer's entries.

    None if files were not compared, or if AFTER was saved without the files of a layer.
    """
    changes = comparison.files
    if changes is None or any(layer.files is None for layer in comparison.after.layers):
        return None
    codes = bytearray(len(changes.after.paths))
    for kind, old, new in zip(changes.kinds, changes.before_rows, changes.after_rows, strict=True):
        if new >= 0:
            growth = changes.after.sizes[new] - (changes.before.sizes[old] if old >= 0 else 0)
            codes[new] = _CODES.get(KINDS[kind]) or (_GREW if growth > 0 else _SHRANK if growth < 0 else _CHANGED)
    layers = changes.after.layers  # ascending
    return {index: bytes(codes[bisect_left(layers, index) : bisect_right(layers, index)]) for index in set(layers)}
