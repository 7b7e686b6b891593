"""Rows of several layers that hold one file: where its content comes from, which layers store it again, how it ends."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, compress

from ocisize.filesystem.hidden_rows import find_hidden
from ocisize.filesystem.path_search import find_rows
from ocisize.findings.evidence import ImageEvidence
from ocisize.model.waste import CAUSES, Cause
from ocisize.plan.merged_rows import Place, RowsByLayer, sort_rows
from ocisize.plan.paths import find_inside, parents_of
from ocisize.tar.filetable import DIRECTORY, IntArray
from ocisize.tar.row_values import row_values
from ocisize.text import decode_name
from ocisize.tuples import NamedTuple

REMOVED = (Cause.DELETED, Cause.OPAQUE)  #: causes of waste that are removals

_IS_FILE = bytes(kind != DIRECTORY for kind in range(256))
_FEW = 8  # the paths of fewer rows than one in so many are decoded one by one
_METADATA_ONLY = CAUSES.index(Cause.METADATA_ONLY)
_IS_METADATA_ONLY = bytes(cause == _METADATA_ONLY for cause in range(256))


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
        self._files: dict[int, dict[int, str]] = {}
        self._path_sets: dict[int, frozenset[str]] = {}
        self._hidden: dict[int, dict[int, list[int]]] = {}
        self._inside: dict[tuple[int, frozenset[str]], list[tuple[int, str]]] = {}
        self._may_hold: dict[tuple[int, str], bool] = {}

    def paths(self, layer: int) -> list[str]:
        """The paths of all rows of a layer, without leading slashes."""
        if layer not in self._paths:
            paths = self._paths[layer] = []
            for _, piece in self._evidence.tables[layer].paths.pieces():  # decoded at once: a third of the time
                paths += decode_name(b"\0".join(piece)).split("\0")
        return self._paths[layer]

    def names(self, layer: int, rows: Sequence[int]) -> dict[int, str]:
        """The paths of some rows of a layer, ascending, by row; of few rows, the paths of all others are left alone."""
        table = self._evidence.tables[layer]
        if layer in self._paths or _FEW * len(rows) > len(table):
            return dict(zip(rows, map(self.paths(layer).__getitem__, rows), strict=True))
        return dict(zip(rows, map(decode_name, table.paths.select(rows)), strict=True))

    def files(self, layer: int) -> Mapping[int, str]:
        """The paths of all rows of a layer but directories, by row."""
        if layer not in self._files:
            is_file = self._evidence.tables[layer].kinds.translate(_IS_FILE)
            self._files[layer] = dict(compress(enumerate(self.paths(layer)), is_file))
        return self._files[layer]

    def inside(self, layer: int, targets: Collection[str]) -> Sequence[tuple[int, str]]:
        """The rows of a layer that are one of some paths or below one of them, with their paths, ascending."""
        key = layer, frozenset(targets)
        if key not in self._inside:
            may_hold = any(self.may_hold(layer, target) for target in targets)
            self._inside[key] = list(find_inside(self.paths(layer), targets)) if may_hold else []
        return self._inside[key]

    def may_hold(self, layer: int, target: str) -> bool:
        """Whether a path of a layer begins with another path: most layers need neither split nor decode their paths."""
        key = layer, target
        if key not in self._may_hold:
            self._may_hold[key] = self._find_beginning(layer, target)
        return self._may_hold[key]

    def _find_beginning(self, layer: int, target: str) -> bool:
        column = self._evidence.tables[layer].paths
        if not target.isascii() or not column:
            return bool(column)
        if any(self._may_hold.get((layer, parent)) is False for parent in parents_of(target)):
            return False
        name = target.encode()
        return column[0].startswith(name) or column.contain(b"\0" + name)

    def has(self, layer: int, path: str) -> bool:
        """Whether a layer has an entry for a path."""
        if layer not in self._path_sets:
            self._path_sets[layer] = frozenset(self.paths(layer))
        return path in self._path_sets[layer]

    @cached_property
    def _bases(self) -> list[int]:
        """By layer, the number of its first row through all layers."""
        return list(accumulate(map(len, self._evidence.tables), initial=0))

    @cached_property
    def _copied_layers(self) -> Mapping[int, Sequence[int]]:
        """By upper layer, the layers with rows that the upper layer copies."""
        overlay = self._evidence.overlay
        layers: dict[int, list[int]] = defaultdict(list)
        for layer, causes in enumerate(overlay.causes):
            if _METADATA_ONLY in causes:
                for upper in {overlay.hidden_by[layer][row] for row in _metadata_only(causes)}:
                    layers[upper].append(layer)
        return layers

    @cached_property
    def _copies(self) -> tuple[IntArray, IntArray]:
        """By the number of a row, those of its next copy and of the row that it copies; -1 if there is none."""
        above, below = array("q", [-1]) * self._bases[-1], array("q", [-1]) * self._bases[-1]
        overlay = self._evidence.overlay
        for upper, lower_layers in self._copied_layers.items():
            copied: list[tuple[int, bytes]] = []  # numbers of rows that the upper layer copies, and their paths
            for layer in filter(upper.__gt__, lower_layers):
                hidden_by = overlay.hidden_by[layer]
                chosen = [row for row in _metadata_only(overlay.causes[layer]) if hidden_by[row] == upper]
                copied += zip(
                    map(self._bases[layer].__add__, chosen), self._evidence.tables[layer].paths.select(chosen), strict=True
                )
            rows = {
                path: row
                for row, path in find_rows(
                    {path for _, path in copied}, self._evidence.tables[upper], upper, self._evidence.runs
                )
            }
            for number, path in copied:
                if path in rows:
                    copy = self._bases[upper] + rows[path]
                    above[number], below[copy] = copy, number
        return above, below

    def _place(self, number: int) -> Place:
        layer = bisect_right(self._bases, number) - 1
        return layer, number - self._bases[layer]

    def copies_in(self, upper: int, layer: int) -> Iterator[tuple[int, int]]:
        """The rows of a layer whose next copy is in ``upper``, each with the row of its copy."""
        rows, upper_base = self.hidden_rows(layer, upper), self._bases[upper]
        numbers = row_values(self._copies[0], list(map(self._bases[layer].__add__, rows)))
        return ((row, number - upper_base) for row, number in zip(rows, numbers, strict=True) if number >= 0)

    def with_copies(self, rows: RowsByLayer) -> dict[int, list[int]]:
        """Some rows and their copies in upper layers, by layer, ascending and each once."""
        above = self._copies[0]
        numbers: set[int] = set()
        waiting = [self._bases[layer] + row for layer, chosen in rows.items() for row in chosen]
        while waiting:
            numbers.update(waiting)
            waiting = [above[number] for number in waiting if above[number] >= 0]
        return self._by_layer(sorted(numbers))

    def _by_layer(self, numbers: Sequence[int]) -> dict[int, list[int]]:
        """Ascending numbers of rows as rows by layer."""
        rows: dict[int, list[int]] = {}
        start = 0
        while start < len(numbers):
            layer, _ = self._place(numbers[start])
            end = bisect_left(numbers, self._bases[layer + 1], start)
            rows[layer] = [number - self._bases[layer] for number in numbers[start:end]]
            start = end
        return rows

    def originals(self, layer: int, rows: Iterable[int]) -> Iterator[int]:
        """Those of some rows of a layer that are no copies of lower ones."""
        below, base = self._copies[1], self._bases[layer]
        return (row for row in rows if below[base + row] < 0)

    def originals_in(self, layer: int, rows: RowsByLayer) -> set[int]:
        """The rows of a layer that first brought the content of some rows of any layers."""
        originals = set(self.originals(layer, rows.get(layer, ())))
        below, base, end = self._copies[1], self._bases[layer], self._bases[layer + 1]
        for upper in self._copied_layers.keys() & rows.keys():
            if upper > layer:
                numbers = map(self._bases[upper].__add__, rows[upper])
                origins = (self._origin(number) for number in numbers if below[number] >= 0)
                originals.update(origin - base for origin in origins if base <= origin < end)
        return originals

    def brought_by(self, layers: Collection[int], rows: RowsByLayer) -> dict[int, Sequence[int]]:
        """Those of some rows whose content one of some layers first brought, by layer, ascending and each once."""
        brought: dict[int, Sequence[int]] = {}
        below = self._copies[1]
        for layer in sorted(rows):
            chosen: Collection[int] = rows[layer] if layer in layers else ()
            if layer in self._copied_layers:
                base = self._bases[layer]
                copies = [row for row in rows[layer] if below[base + row] >= 0]
                chosen = set(chosen).difference(copies)
                chosen.update(row for row in copies if self._place(self._origin(base + row))[0] in layers)
            if ordered := sort_rows(chosen):
                brought[layer] = ordered
        return brought

    def _origin(self, number: int) -> int:
        """The row that first brought the content of a row, both counted through all layers: the row itself for most rows."""
        below = self._copies[1]
        while below[number] >= 0:
            number = below[number]
        return number

    def endings(self, layer: int, rows: Iterable[int]) -> Iterator[tuple[int, Ending]]:
        """Those of some rows of a layer whose last copy is hidden, each with what hides the copy."""
        above, bases, overlay = self._copies[0], self._bases, self._evidence.overlay
        hidden_by = overlay.hidden_by
        for row in rows:
            if (hider := hidden_by[layer][row]) < 0:
                continue
            holder, last = layer, row
            while (number := above[bases[holder] + last]) >= 0:
                holder, last = hider, number - bases[hider]  # the layer that hides a row has its copy
                hider = hidden_by[holder][last]
            if hider >= 0:
                yield row, Ending(CAUSES[overlay.causes[holder][last]], hider)

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
            for row in find_hidden(hidden_by):
                if kinds[row] != DIRECTORY:
                    rows[hidden_by[row]].append(row)
            self._hidden[layer] = rows
        return self._hidden[layer]

    def size_of(self, rows: RowsByLayer) -> int:
        """The bytes of content of rows."""
        tables = self._evidence.tables
        return sum(sum(row_values(tables[layer].sizes, chosen)) for layer, chosen in rows.items())


def _metadata_only(causes: bytes) -> Iterator[int]:
    """The rows of a layer that an upper layer stores again only to change metadata."""
    return compress(range(len(causes)), causes.translate(_IS_METADATA_ONLY))
