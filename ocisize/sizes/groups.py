"""Grouping: the stored bytes of an image divided by directory, by file type and by build step.

Every entry of every layer is in exactly one group of each division, so that each division adds up to the image's figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress, groupby

from ocisize.filesystem.directories import ImageRuns, Piece
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.sizes import Group, Groups, paid_layers, uppermost_layers
from ocisize.rules.file_types import OTHER, PROGRAMS, is_word, place_of, type_of
from ocisize.sizes.directories import main_directories
from ocisize.sizes.rows import add_numbered, add_runs, directory_runs, empty_sums, iter_pieces, remainder, sum_groups
from ocisize.tar.filetable import REGULAR

MAX_GROUPS = 30  #: named groups of a division; the rest is one group without a name
_NO_FILE = ""  # the type of entries that are no regular files: they cost headers only
_IS_NO_FILE = bytes(kind != REGULAR for kind in range(256))


def find_groups(layers: Sequence[LayerAnalysis], runs: ImageRuns | None = None) -> Groups:
    """Return the stored bytes by directory, file type and build step; raises ValueError for layers without file tables.

    ``layers``: the layers of an image, base first; ``runs``: the runs of their tables, if they are known.

    >>> from ocisize import analyze
    >>> [group.name for group in find_groups(analyze("testdata/example.tar").layers).file_types[:2]]
    ['programs', 'documentation']
    """
    runs = runs or directory_runs(layers)
    types = _FileTypes(runs)
    by_directory, by_type = empty_sums(layers, len(runs.directories)), empty_sums(layers)
    for rows in iter_pieces(layers, runs):
        numbers = types.numbers_of(rows.kinds, rows.piece)
        by_type.grow(len(types.numbers))
        add_runs(by_directory, rows)
        add_numbered(by_type, rows, numbers)
    by_type.grow(len(types.numbers))
    return Groups(
        directories=main_directories(runs.directories, by_directory, MAX_GROUPS),
        file_types=_largest(by_type.group(number, name) for name, number in types.numbers.items()),
        build_steps=group_by_build_step(layers),
    )


class _FileTypes:
    """File types, numbered in the order in which they are met; an extension that is a word decides alone."""

    def __init__(self, runs: ImageRuns) -> None:
        self.numbers: dict[str, int] = {_NO_FILE: 0}
        self._places = list(map(place_of, runs.directories.paths))
        self._by_extension: dict[str | None, dict[bytes, int]] = {None: {}, PROGRAMS: {}}  # by place

    def numbers_of(self, kinds: bytes, piece: Piece) -> list[int]:
        """Return the number of the file type of each row of a piece."""
        numbers: list[int] = []
        for place, spans in groupby(piece.spans(), lambda span: self._places[span[2]]):
            start, end = _join(spans)
            if place is not None and place != PROGRAMS:
                numbers += [self._number(place)] * (end - start)
                continue
            by_extension, other = self._by_extension[place], self._number(place or OTHER)
            for path in piece.paths[start:end]:
                name = path.rpartition(b"/")[2]
                stem, _, extension = name.rpartition(b".")
                number = by_extension.get(extension) if stem else other
                numbers.append(self._look_up(name, extension, place) if number is None else number)
        for row in compress(range(len(kinds)), kinds.translate(_IS_NO_FILE)):
            numbers[row] = 0
        return numbers

    def _look_up(self, name: bytes, extension: bytes, place: str | None) -> int:
        """The type of a name with an extension that is new, or that is no word."""
        number = self._number(type_of(name, place))
        if is_word(extension):
            self._by_extension[place][extension] = number
        return number

    def _number(self, name: str) -> int:
        return self.numbers.setdefault(name, len(self.numbers))


def _join(spans: Iterable[tuple[int, int, int]]) -> tuple[int, int]:
    """Spans that follow each other as one."""
    first, *others = spans
    return first[0], (others[-1] if others else first)[1]


def group_by_build_step(layers: Sequence[LayerAnalysis]) -> tuple[Group, ...]:
    """Return one group per build step, the layers of equal steps together, largest first, then one for the rest.

    The name of a group is the text of the step, or the digest of the layer if the step is unknown.
    """
    uppermost = uppermost_layers(layers)
    groups: dict[str, list[Group]] = {}
    for layer, pays in zip(layers, paid_layers(layers), strict=True):
        name, wasted = layer.build_step.text or layer.digest, uppermost[layer.digest].wasted_compressed_size
        groups.setdefault(name, []).append(_group_of(layer, name, wasted, pays=pays))
    return _largest(sum_groups(alike, name) for name, alike in groups.items())


def _group_of(layer: LayerAnalysis, name: str, wasted_compressed: int | None, *, pays: bool) -> Group:
    compressed = layer.compressed_size
    return Group(
        name=name,
        content_size=layer.content_size,
        wasted_size=layer.wasted_size,
        compressed_size=None if compressed is None else pays * (compressed - (layer.overhead_size or 0)),
        wasted_compressed_size=None if wasted_compressed is None else pays * wasted_compressed,
        file_count=layer.file_count,
    )


def _largest(groups: Iterable[Group]) -> tuple[Group, ...]:
    """The MAX_GROUPS largest groups that hold files, ties by name, and one group for all others."""
    ordered = sorted(groups, key=lambda group: (-group.content_size, -bool(group.file_count), group.name or ""))
    count = min(MAX_GROUPS, sum(bool(group.content_size or group.file_count) for group in ordered))
    return (*ordered[:count], remainder(sum_groups(ordered, None), ordered[:count]))
