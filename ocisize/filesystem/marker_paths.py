"""Whiteouts whose paths lead through an entry of a lower layer that is no directory, such as a symlink.

overlayfs makes directories for such a whiteout, which hide the entry. umoci and Docker's vfs driver follow a symlink, and
remove what the whiteout names where the symlink leads.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import TypeAlias

from ocisize.filesystem.directories import MAX_PATH
from ocisize.filesystem.overlap import RowSelection
from ocisize.filesystem.whiteout import is_whiteout, whiteout_target

Node: TypeAlias = "dict[bytes, Node] | int"  #: a directory, or the number of any other entry


def find_entries_in_way(
    root: dict[bytes, Node],
    directories: Container[bytes],
    markers: Sequence[tuple[int, bytes]],
    selected: RowSelection,
) -> Iterator[tuple[int, bytes]]:
    """Yield number and path of the entries that the whiteouts of a layer lead through, each once.

    ``root`` and ``directories``, which has the paths of all directories, are those of the lower layers. ``markers`` are rows
    and paths of the layer's markers, ascending. An entry that an earlier row of the layer replaces or removes is left out.
    """
    found: dict[bytes, tuple[int, int]] = {}  # by path: the number, and the first row that leads through the entry
    seen = set[bytes]()
    for row, path in markers:
        directory = path.rpartition(b"/")[0]
        if directory not in seen and directory not in directories and is_whiteout(path) and len(path) <= MAX_PATH:
            seen.add(directory)
            if (entry := _entry_in_way(root, directory)) is not None:
                found.setdefault(entry[1], (entry[0], row))
    replaced_at: dict[bytes, int] = {}  # by path, the first row of the layer that replaces or removes the entry
    for row, path in zip(selected.rows, selected.paths, strict=True) if found else ():
        place = whiteout_target(path) if row in selected.special and is_whiteout(path) else path
        if place in found:
            replaced_at.setdefault(place, row)
    for path, (number, row) in found.items():
        if replaced_at.get(path, row) >= row:
            yield number, path


def _entry_in_way(root: dict[bytes, Node], directory: bytes) -> tuple[int, bytes] | None:
    """The entry in place of a directory or of a directory above it, with its path; None if there is none."""
    node: Node | None = root
    parts = directory.split(b"/")
    for count, part in enumerate(parts, 1):
        node = node.get(part) if isinstance(node, dict) else None
        if isinstance(node, int):
            return node, b"/".join(parts[:count])
    return None
