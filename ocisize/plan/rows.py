"""Rows of several layers that hold one file: where its content comes from, which layers store it again, how it ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import compress
from typing import NamedTuple, TypeAlias

from ocisize.findings.evidence import ImageEvidence
from ocisize.model.waste import CAUSES, Cause
from ocisize.tar.filetable import DIRECTORY
from ocisize.text import decode_name

RowsByLayer: TypeAlias = "Mapping[int, Sequence[int]]"
Place: TypeAlias = "tuple[int, int]"  # layer and row

REMOVED = (Cause.DELETED, Cause.OPAQUE)  #: causes of waste that are removals

_METADATA_ONLY = CAUSES.index(Cause.METADATA_ONLY)


class Ending(NamedTuple):
    """What hides the uppermost copy of a file."""

    cause: Cause
    layer: int  #: the layer that hides the copy


class RowIndex:
    """The copies of files whose content several layers store, and the paths of layers.

    A layer that changes only the owner, the mode or the time of a file stores a copy of it. Copies are followed through any
    number of layers.
    """

    def __init__(self, evidence: ImageEvidence) -> None:
        self._evidence = evidence
        self._paths: dict[int, list[str]] = {}
        self._path_sets: dict[int, frozenset[str]] = {}
        self._hidden: dict[int, dict[int, list[int]]] = {}

    def paths(self, layer: int) -> list[str]:
        """The paths of all rows of a layer, without leading slashes."""
        if layer not in self._paths:
            self._paths[layer] = list(map(decode_name, self._evidence.tables[layer].paths))
        return self._paths[layer]

    def has(self, layer: int, path: str) -> bool:
        """Whether a layer has an entry for a path."""
        if layer not in self._path_sets:
            self._path_sets[layer] = frozenset(self.paths(layer))
        return path in self._path_sets[layer]

    @cached_property
    def _copy_of(self) -> dict[Place, Place]:
        """The next copy of each row that an upper layer stores again only to change metadata."""
        copies: dict[Place, Place] = {}
        overlay = self._evidence.overlay
        lower_rows: dict[int, list[Place]] = defaultdict(list)
        for layer, causes in enumerate(overlay.causes):
            if _METADATA_ONLY in causes:
                hidden_by = overlay.hidden_by[layer]
                for row in compress(range(len(causes)), map(_METADATA_ONLY.__eq__, causes)):
                    if hidden_by[row] > layer:
                        lower_rows[hidden_by[row]].append((layer, row))
        for upper, places in lower_rows.items():
            rows = {path: row for row, path in enumerate(self._evidence.tables[upper].paths)}
            by_layer: dict[int, list[int]] = defaultdict(list)
            for layer, row in places:
                by_layer[layer].append(row)
            for layer, chosen in by_layer.items():
                for row, path in zip(chosen, self._evidence.tables[layer].paths.select(chosen), strict=True):
                    if path in rows:
                        copies[layer, row] = (upper, rows[path])
        return copies

    @cached_property
    def _original_of(self) -> dict[Place, Place]:
        return {copy: place for place, copy in self._copy_of.items()}

    def copies(self, place: Place) -> Iterator[Place]:
        """A row and its copies in upper layers, base first."""
        current: Place | None = place
        while current is not None:
            yield current
            current = self._copy_of.get(current)

    def next_copy(self, place: Place) -> Place:
        """The next copy of a row; raises KeyError if there is none."""
        return self._copy_of[place]

    def has_copy(self, place: Place, layer: int) -> bool:
        """Whether the next copy of a row is in ``layer``."""
        copy = self._copy_of.get(place)
        return copy is not None and copy[0] == layer

    def is_original(self, place: Place) -> bool:
        """Whether a row is no copy of a lower one."""
        return place not in self._original_of

    def origin(self, place: Place) -> Place:
        """The row that first brought the content of a row: the row itself for most rows."""
        while place in self._original_of:
            place = self._original_of[place]
        return place

    def ending(self, place: Place) -> Ending | None:
        """What hides the last copy of a row; None if a container sees the copy."""
        layer, row = place
        for layer, row in self.copies(place):  # noqa: B007 - the last one counts
            pass
        hider = self._evidence.overlay.hidden_by[layer][row]
        return None if hider < 0 else Ending(CAUSES[self._evidence.overlay.causes[layer][row]], hider)

    def hidden_rows(self, layer: int, hider: int) -> list[int]:
        """The rows of a layer that another layer hides, directories left out."""
        return self._hidden_of(layer).get(hider, [])

    def hiders(self, layer: int) -> Sequence[int]:
        """The upper layers that hide rows of a layer, ascending."""
        return sorted(hider for hider in self._hidden_of(layer) if hider > layer)

    def layers_hidden_by(self, hider: int) -> Sequence[int]:
        """The lower layers with rows that a layer hides, ascending."""
        return self._hidden_layers.get(hider, ())

    @cached_property
    def _hidden_layers(self) -> dict[int, list[int]]:
        layers: dict[int, list[int]] = defaultdict(list)
        for layer in range(len(self._evidence.tables)):
            for hider in self.hiders(layer):
                layers[hider].append(layer)
        return layers

    def _hidden_of(self, layer: int) -> Mapping[int, list[int]]:
        """The rows of a layer that are hidden, by the layer that hides them."""
        if layer not in self._hidden:
            rows: dict[int, list[int]] = defaultdict(list)
            hidden_by, kinds = self._evidence.overlay.hidden_by[layer], self._evidence.tables[layer].kinds
            for row in compress(range(len(kinds)), map((-1).__lt__, hidden_by)):
                if kinds[row] != DIRECTORY:
                    rows[hidden_by[row]].append(row)
            self._hidden[layer] = rows
        return self._hidden[layer]

    def size_of(self, rows: RowsByLayer) -> int:
        """The bytes of content of rows."""
        tables = self._evidence.tables
        return sum(tables[layer].sizes[row] for layer, chosen in rows.items() for row in chosen)


def by_layer(places: Iterable[Place]) -> dict[int, list[int]]:
    """Rows by their layers, ascending and each once.

    >>> by_layer([(1, 5), (0, 2), (1, 3), (1, 5)])
    {0: [2], 1: [3, 5]}
    """
    rows: dict[int, list[int]] = defaultdict(list)
    for layer, row in sorted(set(places)):
        rows[layer].append(row)
    return dict(rows)


def parents_of(path: str) -> Iterator[str]:
    """Yield the directories above a path, the nearest first.

    >>> list(parents_of("a/b/c"))
    ['a/b', 'a']
    """
    while path := path.rpartition("/")[0]:
        yield path


def top_paths(chosen: set[str], others: Iterable[str], root: str = "") -> list[str]:
    """The shortest list of paths that covers ``chosen`` and none of ``others``: whole directories where possible.

    Only directories below ``root`` are named; paths have no slashes at their ends.

    >>> top_paths({"app/.git/HEAD", "app/.git/refs/x", "app/a.log"}, ["app/main.py"], "app")
    ['app/.git', 'app/a.log']
    """
    kept = {root, ""}
    for path in others:
        parent = path.rpartition("/")[0]
        while parent and parent not in kept:
            kept.add(parent)
            parent = parent.rpartition("/")[0]
    tops = set()
    for path in chosen:
        top, parent = path, path.rpartition("/")[0]
        while parent not in kept and parent.startswith(f"{root}/" if root else ""):
            top, parent = parent, parent.rpartition("/")[0]
        tops.add(top)
    return sorted(tops)
