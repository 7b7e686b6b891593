"""Entries: what an opened directory has, or what a search has found, as columns that are sorted by any figure."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from ocisize.browse.courtesy import sort_in_pieces
from ocisize.browse.scope import Mark, Scope, ScopeFigures, mark_rows
from ocisize.model.sizes import Group, weight_of
from ocisize.sizes.rows import paid_shares, uppermost_shares
from ocisize.tar.filetable import DIRECTORY, REGULAR, IntArray
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ocisize.browse.image_index import ImageIndex

_Rows = list[tuple[int, int]]  # layer and row of each stored copy, base first


class Order(enum.Enum):
    """What the entries of a directory are sorted by; figures from the largest."""

    SIZE = "size"  #: bytes of content
    DOWNLOAD = "download"  #: compressed size; content where that is unknown
    WASTE = "waste"  #: bytes that no container sees
    NAME = "name"  #: bytes of the name


class Node(NamedTuple):
    """A directory or another entry, as it is shown."""

    path: bytes  #: without a leading slash
    name: bytes  #: the last component; of a search result the path
    directory: int  #: number of the directory; -1 of any other entry
    group: Group  #: its figures in the scope; of a directory with everything below it
    mark: Mark
    rows: Sequence[tuple[int, int]]  #: layer and row of each stored copy of an entry that is no directory, base first

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.directory >= 0


class Shares(NamedTuple):
    """By layer of a scope, the bytes of download of each row, and those that it wastes if it is hidden."""

    paid: Mapping[int, IntArray | None]
    wasted: Mapping[int, IntArray | None]
    known: bool  #: False if a layer does not know the download of its rows

    @classmethod
    def of(cls, index: ImageIndex, scope: Scope) -> Shares:
        """The shares of the layers of a scope, among which a repeated blob counts once."""
        chosen = scope.layers(index)
        layers = [index.layers[layer] for layer in chosen]
        known = all(index.tables[layer].compressed_sizes is not None for layer in chosen)
        paid, wasted = paid_shares(layers), uppermost_shares(layers)
        return cls(dict(zip(chosen, paid, strict=True)), dict(zip(chosen, wasted, strict=True)), known)


class Entries:
    """Entries in columns; ``order`` has their positions as they are sorted.

    A row of a tree is a position in such columns, so that no object is made for an entry before it is on the screen.
    """

    def __init__(
        self, index: ImageIndex, figures: ScopeFigures, shares: Shares, directory: int = -1, depth: int = 0
    ) -> None:
        """Begin without entries.

        Args:
            index: the indexed image.
            figures: those of the directories in the scope.
            shares: those of the layers of the scope.
            directory: number of the directory that has the entries; -1 of search results.
            depth: directories above.

        """
        self.index, self.figures, self.scope, self.shares = index, figures, figures.scope, shares
        self.directory, self.depth = directory, depth
        self.names: list[bytes] = []
        self.numbers: list[int] = []  #: of directories; -1 of other entries
        self.rows: list[_Rows] = []
        self.content: list[int] = []
        self.wasted: list[int] = []
        self.compressed: list[int] = []
        self.order: list[int] = []
        self._last = self.scope.last(index)
        self._layers = self.scope.layers(index)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def download_known(self) -> bool:
        """Whether the download of the entries is known."""
        return self.shares.known

    def add_directory(self, number: int, name: bytes) -> None:
        """Add a directory under a name."""
        sums = self.figures.sums
        self._add(name, number, [], sums.content[number], sums.wasted[number], sums.compressed[number])

    def add_rows(self, name: bytes, rows: _Rows) -> None:
        """Add an entry that is no directory; ``rows`` are all copies up to the highest layer, base first."""
        content = wasted = compressed = 0
        for layer, row in rows:
            if layer in self._layers and (size := self.index.tables[layer].sizes[row]):
                content += size
                if self.scope.hides(self.index.hidden_by[layer][row], self._last):
                    wasted += size
            shares = self.shares.paid.get(layer)
            if shares is not None:
                compressed += shares[row]
        self._add(name, -1, rows, content, wasted, compressed)

    def _add(self, name: bytes, number: int, rows: _Rows, content: int, wasted: int, compressed: int) -> None:
        self.names.append(name)
        self.numbers.append(number)
        self.rows.append(rows)
        self.content.append(content)
        self.wasted.append(wasted)
        self.compressed.append(compressed)
        self.order.append(len(self.names) - 1)  # last, so that another thread finds all columns of what is in the order

    def sort(self, order: Order) -> None:
        """Sort the entries; those of equal figures by name. Entries that another thread adds meanwhile need another sort."""
        names, content, positions = self.names, self.content, range(len(self.compressed))
        if order is Order.NAME:
            self.order = sort_in_pieces(positions, key=names.__getitem__)
            return
        known = order is Order.DOWNLOAD and self.download_known
        column = self.wasted if order is Order.WASTE else self.compressed if known else content
        self.order = sort_in_pieces(positions, key=lambda position: (-column[position], -content[position], names[position]))

    def path(self, position: int) -> bytes:
        """The path of an entry."""
        if self.directory <= 0:
            return self.names[position]
        return self.index.paths[self.directory] + b"/" + self.names[position]

    def node(self, position: int) -> Node:
        """An entry as an object."""
        number = self.numbers[position]
        path = self.path(position)
        if number >= 0:
            group, mark = self.figures.group(number), Mark(self.figures.marks[number])
        else:
            group, mark = self._sum(position), self.mark(position)
        return Node(path, self.names[position], number, group, mark, self.rows[position])

    def _sum(self, position: int) -> Group:
        rows = [(layer, row) for layer, row in self.rows[position] if layer in self._layers]
        hidden = [(layer, row) for layer, row in rows if self.scope.hides(self.index.hidden_by[layer][row], self._last)]
        hidden = [(layer, row) for layer, row in hidden if self.index.tables[layer].sizes[row]]
        known = self.download_known
        wasted = sum(shares[row] for layer, row in hidden if (shares := self.shares.wasted[layer]) is not None)
        return Group(
            name=None,
            content_size=self.content[position],
            wasted_size=self.wasted[position],
            compressed_size=self.compressed[position] if known else None,
            wasted_compressed_size=wasted if known else None,
            file_count=sum(
                self.index.tables[layer].kinds[row] == REGULAR and row not in self.index.markers[layer]
                for layer, row in rows
            ),
        )

    def _is_file(self, layer: int, row: int) -> bool:
        return self.index.tables[layer].kinds[row] == REGULAR and row not in self.index.markers[layer]

    def mark(self, position: int) -> Mark:
        """The mark of an entry."""
        number = self.numbers[position]
        if number >= 0:
            return Mark(self.figures.marks[number])
        rows = self.rows[position]
        if any(row in self.index.markers[layer] for layer, row in rows):
            return Mark.REMOVED
        return mark_rows([(layer, self.index.hidden_by[layer][row]) for layer, row in rows], self.scope, self._last)

    def weights(self, order: Order) -> Sequence[int]:
        """The figures that bars show, by position."""
        if order is Order.WASTE:
            return self.wasted
        return self.compressed if order is Order.DOWNLOAD and self.download_known else self.content


def weigh_group(group: Group, order: Order) -> int:
    """The figure of a group that a bar shows."""
    if order is Order.WASTE:
        return group.wasted_size
    return weight_of(group.compressed_size if order is Order.DOWNLOAD else None, group.content_size)


def list_directory(index: ImageIndex, figures: ScopeFigures, shares: Shares, directory: int, *, depth: int = 0) -> Entries:
    """The entries that are directly in a directory and in the layers of a scope, unsorted.

    Whiteout markers are shown of a layer alone, and if they have content, which is wasted.
    """
    entries = Entries(index, figures, shares, directory, depth)
    scope, last = figures.scope, figures.scope.last(index)
    for child in index.children(directory):
        if figures.shown[child]:
            path = index.paths[child]
            entries.add_directory(child, path[len(index.paths[directory]) + bool(directory) :])
    found: dict[bytes, _Rows] = {}
    for layer, row, path in iterate_rows(index, directory, last):
        if row not in index.markers[layer] or index.tables[layer].sizes[row] or (scope.alone and layer == last):
            found.setdefault(path.rpartition(b"/")[2], []).append((layer, row))
    for name, rows in found.items():
        if not scope.alone or rows[-1][0] == last:
            entries.add_rows(name, rows)
    return entries


def iterate_rows(index: ImageIndex, directory: int, last: int) -> Iterable[tuple[int, int, bytes]]:
    """Layer, row and path of the rows in a directory that are no directories, base first, up to the layer ``last``."""
    by_layer: dict[int, list[int]] = {}
    for layer, start, end in index.runs_in(directory):
        if layer <= last:
            kinds = index.tables[layer].kinds
            by_layer.setdefault(layer, []).extend(row for row in range(start, end) if kinds[row] != DIRECTORY)
    for layer, rows in by_layer.items():
        for row, path in zip(rows, index.tables[layer].paths.select(rows), strict=True):
            yield layer, row, path
