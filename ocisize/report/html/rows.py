"""The rows of a page's treemap and file table: every stored byte once; small files are folded if there are too many.

A row is a file, or a group of similar entries of one directory with their number. ``fold_small_files`` makes groups of
small files. Counts and bytes of all rows add up to those of the image. The download of a blob that several layers have is in
the rows of the uppermost of them: only what this layer hides is wasted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, repeat
from typing import TypeAlias

from ocisize.filesystem.visibility import overlay_of
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.sizes import uppermost_layers
from ocisize.model.waste import CAUSES
from ocisize.rules.file_types import place_of, type_of
from ocisize.sizes.rows import uppermost_shares
from ocisize.tar.filetable import IntArray
from ocisize.values import define, field, frozen

EMPTY, OVERHEAD, UNSAVED = "entries without content", "archive structure", "files that the saved analysis does not list"
SPECIAL = (EMPTY, OVERHEAD, UNSAVED)  #: in place of a file type, for rows that are not files
RARE = "rare types"  #: all types but the MAX_TYPES - 1 with the most bytes
MAX_TYPES = 100

#: layer, hiding layer, index into CAUSES (both -1 while visible), file type, code of a change: 0 without a comparison
RowGroupKey: TypeAlias = tuple[int, int, int, str, int]
Hidden: TypeAlias = tuple[Sequence[int], Sequence[int]]


@define
class PageRows:
    """Rows in columns, in the order of layers and their entries; directories by number, the root is 0."""

    directories: dict[bytes, int] = field(factory=lambda: {b"": 0})
    kinds: dict[RowGroupKey, int] = field(factory=dict)
    parents: list[int] = field(factory=list)  #: directory of each row
    names: list[bytes] = field(factory=list)  #: b"" of a group
    sizes: list[int] = field(factory=list)
    compressed_sizes: list[int] = field(factory=list)  #: 0 where unknown, or where an upper layer has the same blob
    counts: list[int] = field(factory=list)  #: entries of a group, 1 of a file
    kind_of: list[int] = field(factory=list)

    def add(self, parent: int, name: bytes, size: int, compressed_size: int, count: int, kind: RowGroupKey) -> None:
        """Add a row at the end."""
        self.parents.append(parent)
        self.names.append(name)
        self.sizes.append(size)
        self.compressed_sizes.append(compressed_size)
        self.counts.append(count)
        self.kind_of.append(self.kinds.setdefault(kind, len(self.kinds)))

    def add_file(self, path: bytes, size: int, compressed_size: int, layer: int, hidden: tuple[int, int]) -> None:
        """Add a file by its path, with its type."""
        directory, _, name = path.rpartition(b"/")
        parent = self.directories.setdefault(directory, len(self.directories))
        self.add(parent, name, size, compressed_size, 1, (layer, *hidden, type_of(name, place_of(directory)), 0))

    def merge_rare_types(self) -> None:
        """Combine the file types beyond the first MAX_TYPES: an image can have any number of extensions."""
        kinds, weights = list(self.kinds), Counter[str]()
        for number, size in zip(self.kind_of, self.sizes, strict=True):
            weights[kinds[number][3]] += size
        ordered = sorted(weights.keys() - set(SPECIAL), key=lambda name: (-weights[name], name))
        if len(ordered) <= MAX_TYPES:
            return
        rare = set(ordered[MAX_TYPES - 1 :])
        self.kinds = {}
        renamed = [(*kind[:3], RARE if kind[3] in rare else kind[3], kind[4]) for kind in kinds]
        numbers = [self.kinds.setdefault(kind, len(self.kinds)) for kind in renamed]
        self.kind_of = [numbers[number] for number in self.kind_of]


def collect_rows(analysis: Analysis, changes: Mapping[int, bytes] | None = None) -> PageRows:
    """All rows of an analysis. Without file tables: the wasted files, and one group of all others for each layer.

    ``changes``: by layer, the code of the change of each file with content, in the order of the layer's entries.
    """
    rows = PageRows()
    if all(layer.files is not None for layer in analysis.layers):
        _add_tables(rows, analysis, changes or {})
    else:
        _add_waste(rows, analysis)
    rows.merge_rare_types()
    return rows


def _add_tables(rows: PageRows, analysis: Analysis, changes: Mapping[int, bytes]) -> None:
    overlay = overlay_of(analysis)
    for layer, shares in zip(analysis.layers, uppermost_shares(analysis.layers), strict=True):
        hidden = overlay.hidden_by[layer.index], overlay.causes[layer.index]
        _add_table(rows, layer, shares, hidden, changes.get(layer.index, b""))
        if shares is not None and layer.overhead_size:
            rows.add(0, b"", 0, layer.overhead_size, 0, (layer.index, -1, -1, OVERHEAD, 0))


def _add_table(rows: PageRows, layer: LayerAnalysis, shares: IntArray | None, hidden: Hidden, changes: bytes) -> None:
    """Add the files of a layer; entries without content are one group per directory."""
    assert layer.files is not None  # noqa: S101 - checked by the caller
    directories, index, table = rows.directories, layer.index, layer.files
    places = {number: place_of(path) for path, number in directories.items()}
    empty: dict[int, list[int]] = {}
    codes = chain(changes, repeat(0))
    columns = zip(table.paths, table.sizes, shares if shares is not None else repeat(0), *hidden, strict=False)
    for path, size, compressed, by, cause in columns:
        directory, _, name = path.rpartition(b"/")
        parent = directories.get(directory)
        if parent is None:
            parent = directories[directory] = len(directories)
        if not size:
            group = empty.setdefault(parent, [0, 0])
            group[0] += 1
            group[1] += compressed
            continue
        if parent not in places:
            places[parent] = place_of(directory)
        kind = (index, by, cause if by >= 0 else -1, type_of(name, places[parent]), next(codes))
        rows.add(parent, name, size, compressed, 1, kind)
    for parent, (count, compressed) in empty.items():
        rows.add(parent, b"", 0, compressed, count, (index, -1, -1, EMPTY, 0))


def _add_waste(rows: PageRows, analysis: Analysis) -> None:
    """Add the wasted files, and one group of all other files of each layer."""
    uppermost = uppermost_layers(analysis.layers)
    counted = [uppermost[layer.digest] is layer for layer in analysis.layers]
    sizes = [layer.content_size for layer in analysis.layers]
    compressed_sizes = [
        (layer.compressed_size or 0) * counts for layer, counts in zip(analysis.layers, counted, strict=True)
    ]
    counts = [layer.file_count for layer in analysis.layers]
    for entry in analysis.waste:
        held_by = entry.held_by
        compressed_size = (entry.compressed_size or 0) * counted[held_by]
        path = entry.path.encode("utf-8", "surrogateescape")
        rows.add_file(path, entry.size, compressed_size, held_by, (entry.hidden_by, CAUSES.index(entry.cause)))
        sizes[held_by] -= entry.size
        compressed_sizes[held_by] -= compressed_size
        counts[held_by] -= 1
    for index, (size, compressed_size, count) in enumerate(zip(sizes, compressed_sizes, counts, strict=True)):
        rows.add(0, b"", size, compressed_size, count, (index, -1, -1, UNSAVED, 0))


@frozen
class Folder:
    """A directory of the page with its own rows, files largest first, then groups."""

    name: bytes
    parent: int  #: place of the directory above, 0 of the root itself
    files: list[int]  #: into the columns of Rows
    groups: list[tuple[int, int, int, int]]  #: kind, entries, content size, compressed size


def fold_small_files(rows: PageRows, least: int, least_folder: int) -> list[Folder]:
    """The directories, each before those in it, ordered by name, with their rows.

    Files of less than ``least`` bytes become groups of their directory. Directories that hold no larger file, and less
    than ``least_folder`` bytes, become groups of the one above.
    """
    ordered = sorted(_with_ancestors(rows.directories), key=lambda path: path.replace(b"/", b"\0"))
    places = {path: place for place, path in enumerate(ordered)}
    above = [places[path.rpartition(b"/")[0]] for path in ordered]
    place_of_number = [places[path] for path in rows.directories]
    weights = [0] * len(ordered)
    for parent, size in zip(rows.parents, rows.sizes, strict=True):
        weights[place_of_number[parent]] += size if size < least else size + least_folder  # never folded
    for place in range(len(ordered) - 1, 0, -1):
        weights[above[place]] += weights[place]
    folders, homes = [Folder(b"", 0, [], [])], [0] * len(ordered)
    for place in range(1, len(ordered)):
        homes[place] = homes[above[place]]
        if weights[place] >= least_folder:
            folders.append(Folder(ordered[place].rpartition(b"/")[2], homes[place], [], []))
            homes[place] = len(folders) - 1
    _fill(folders, rows, [homes[place] for place in place_of_number], least)
    return folders


def _with_ancestors(paths: Iterable[bytes]) -> set[bytes]:
    known = {b""}
    for path in paths:
        while path not in known:
            known.add(path)
            path = path.rpartition(b"/")[0]  # noqa: PLW2901 - up to what is known
    return known


def _fill(folders: list[Folder], rows: PageRows, homes: Sequence[int], least: int) -> None:
    groups: dict[tuple[int, int], list[int]] = {}
    for row, (parent, size) in enumerate(zip(rows.parents, rows.sizes, strict=True)):
        home = homes[parent]
        if size >= least and rows.names[row]:
            folders[home].files.append(row)
            continue
        group = groups.setdefault((home, rows.kind_of[row]), [0, 0, 0])
        group[0] += rows.counts[row]
        group[1] += size
        group[2] += rows.compressed_sizes[row]
    for (home, kind), (count, size, compressed) in groups.items():
        folders[home].groups.append((kind, count, size, compressed))
    for folder in folders:
        folder.files.sort(key=lambda row: (-rows.sizes[row], rows.names[row], row))
        folder.groups.sort(key=lambda group: (-group[2], group[0]))


def size_thresholds(rows: PageRows, budget: int, cost: int) -> Iterator[tuple[int, int]]:
    """Ever larger values of ``least`` and ``least_folder`` for ``fold_small_files``.

    The first ones keep all files with content, if these may fit into ``budget`` bytes. Otherwise files get half of the
    budget, and directories the rest. A file takes ``cost`` bytes beside its name.
    """
    needed = sorted(zip(rows.sizes, [len(name) + cost for name in rows.names], strict=True), reverse=True)
    spent = list(accumulate(need for _, need in needed))
    if not spent or spent[-1] <= budget:
        yield 1, 1
    if not spent:
        return
    least = needed[min(bisect_right(spent, budget // 2), len(needed) - 1)][0] + 1
    while True:
        for factor in (4, 16, 64, 256):
            yield least, least * factor
        least *= 4
