"""Contents that layers store more than once, counted in bounded memory.

A content is a pair of content hash and size. Contents are divided by the first bits of their hashes into partitions, and all
tables are read once for each partition, so that only the contents of one partition are in memory.

The memory law, in bytes::

    peak = CONTENT_MEMORY * contents of a partition + MAX_LISTED * a few hundred + one table

Hashes are evenly spread, so a partition has about ``contents / partitions`` of them; ``count_partitions`` takes the number
of files for that of contents, which is at least as high. ``tests/fleet/files/test_contents.py`` measures the law.
"""

from __future__ import annotations

import heapq
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from operator import and_
from typing import TypeAlias

from ocisize.rules.file_types import place_of, type_of
from ocisize.tar.content_hash import HASH_SIZE
from ocisize.tar.filetable import NO_HASH, FileTable
from ocisize.text import decode_name
from ocisize.values import define, field, frozen

CONTENT_MEMORY = 280  #: bytes of one content: its hash as a key, its number, and its columns
MAX_LISTED = 1000  #: contents that are listed
MAX_PATHS = 5  #: paths of one content
MAX_PARTITIONS = 1 << 16
DEFAULT_MEMORY = 1 << 30  #: bytes
MAX_GROUPS = 100_000  #: types, and directories, that are counted apart; honest fleets have a few hundred
_OTHERS = "…"
_BYTE = 256

Tables: TypeAlias = Callable[[], Iterable[FileTable]]  #: yields the tables of all layers, in the same order each time


@frozen
class CountedContent:
    """A content with more than one copy."""

    content: bytes  #: hash
    size: int
    copies: int
    layers: tuple[int, ...]  #: numbers of the tables that have it
    paths: tuple[str, ...]

    @property
    def excess_size(self) -> int:
        """Bytes of all copies but one."""
        return (self.copies - 1) * self.size


@define
class ContentCounts:
    """What all partitions add up to."""

    files: int = 0  #: regular files with content and a hash
    size: int = 0
    distinct_files: int = 0
    distinct_size: int = 0
    duplicate_count: int = 0
    excess_size: int = 0
    excess_across_size: int = 0
    duplicates: Sequence[CountedContent] = ()  #: the MAX_LISTED with the most excess bytes
    file_types: dict[str, list[int]] = field(factory=dict)  #: by name: files, size, excess files, excess size
    directories: dict[str, list[int]] = field(factory=dict)  #: likewise


def count_partitions(files: int, memory: int) -> int:
    """Return into how many partitions contents must be divided, a power of two.

    Args:
        files: regular files of all layers, of which each may have a content of its own.
        memory: bytes that the contents of a partition may take.

    >>> count_partitions(1_000_000, 1 << 30), count_partitions(1_000_000_000, 1 << 30)
    (1, 512)

    """
    partitions = 1
    while partitions < MAX_PARTITIONS and files * CONTENT_MEMORY > memory * partitions:
        partitions *= 2
    return partitions


def count_contents(tables: Tables, partitions: int) -> ContentCounts:
    """Return the counts of the contents of all layers; they do not depend on the number of partitions.

    Args:
        tables: is called once for each partition, and once more for the paths of the listed contents.
        partitions: a power of two, up to MAX_PARTITIONS.

    """
    counts, listed = ContentCounts(), list[tuple[int, int, bytes]]()
    for partition in range(partitions):
        counted = _Partition(partition, partitions)
        for number, table in enumerate(tables()):
            counted.add(number, table, counts)
        listed = heapq.nsmallest(MAX_LISTED, [*listed, *counted.end(counts)])
    counts.duplicates = _locate(tables, [(content, size) for _, size, content in listed]) if listed else ()
    return counts


class _Partition:
    """The contents of one partition while tables are added."""

    def __init__(self, number: int, partitions: int) -> None:
        first = min(partitions, _BYTE)
        self._masks = [_mask(number % first, first)] * (first > 1)
        if partitions > _BYTE:
            self._masks.append(_mask(number // first, partitions // first))
        self._numbers: dict[bytes, int] = {}
        self._sizes, self._copies = array("q"), array("I")
        self._layers, self._last = array("I"), array("I")

    def add(self, layer: int, table: FileTable, counts: ContentCounts) -> None:
        """Count the files of a layer whose contents are in the partition."""
        numbers, sizes, copies, layers, last = self._numbers, self._sizes, self._copies, self._layers, self._last
        own, hashes, rows, repeated = table.sizes, table.hashes, list[int](), list[int]()
        for row in self._select(table):
            size, content = own[row], hashes[HASH_SIZE * row : HASH_SIZE * (row + 1)]
            if content == NO_HASH:
                continue
            rows.append(row)
            number = numbers.get(content)
            if number is not None and sizes[number] != size:  # two contents with one hash
                content += size.to_bytes(8, "little")
                number = numbers.get(content)
            if number is None:
                numbers[content] = len(sizes)
                sizes.append(size)
                copies.append(1)
                layers.append(1)
                last.append(layer)
            else:
                repeated.append(row)
                copies[number] += 1
                if last[number] != layer:
                    last[number] = layer
                    layers[number] += 1
        counts.files += len(rows)
        counts.size += sum(map(own.__getitem__, rows))
        _add_groups(table, rows, repeated, counts)

    def _select(self, table: FileTable) -> Iterator[int]:
        """The rows of files with content and a hash that begins as the partition says."""
        if not table.hashes:
            return iter(())
        chosen: Iterable[int] = map(bool, table.sizes)
        for place, mask in enumerate(self._masks):
            chosen = map(and_, chosen, table.hashes[place::HASH_SIZE].translate(mask))
        return compress(range(len(table)), chosen)

    def end(self, counts: ContentCounts) -> Iterator[tuple[int, int, bytes]]:
        """Add the sums of the partition, and return its contents with copies: least of minus their excess, size and hash."""
        counts.distinct_files += len(self._sizes)
        counts.distinct_size += sum(self._sizes)
        for content, number in self._numbers.items():
            if self._copies[number] > 1:
                size = self._sizes[number]
                counts.duplicate_count += 1
                counts.excess_size += size * (self._copies[number] - 1)
                counts.excess_across_size += size * (self._layers[number] - 1)
                yield -size * (self._copies[number] - 1), size, content[:HASH_SIZE]


def _mask(number: int, count: int) -> bytes:
    """A table for ``bytes.translate``: 1 for bytes whose lowest bits are ``number``, of ``count`` possible ones."""
    return bytes(byte % count == number for byte in range(_BYTE))


def _add_groups(table: FileTable, rows: Sequence[int], repeated: Sequence[int], counts: ContentCounts) -> None:
    """Count files by type and by directory."""
    again, sizes = frozenset(repeated), table.sizes
    last, place, types, group = None, None, dict[bytes, str](), list[int]()
    for row, path in zip(rows, table.paths.select(rows), strict=True):
        directory, _, name = path.rpartition(b"/")
        if directory != last:
            last, place = directory, place_of(directory)
            group = _group(counts.directories, decode_name(_top(directory)))
            types = {}
        kind = types.get(name)
        if kind is None:
            kind = types[name] = type_of(name, place)
        size = sizes[row]
        for sums in (group, _group(counts.file_types, kind)):
            sums[0] += 1
            sums[1] += size
            if row in again:
                sums[2] += 1
                sums[3] += size


def _group(groups: dict[str, list[int]], name: str) -> list[int]:
    """The sums of a group, a new one if there is room."""
    return groups.setdefault(name if len(groups) < MAX_GROUPS or name in groups else _OTHERS, [0, 0, 0, 0])


def _top(directory: bytes) -> bytes:
    """The first two components of a directory.

    >>> _top(b"usr/lib/python3"), _top(b"etc"), _top(b"")
    (b'usr/lib', b'etc', b'')
    """
    return b"/".join(directory.split(b"/", 2)[:2])


def _locate(tables: Tables, listed: Sequence[tuple[bytes, int]]) -> tuple[CountedContent, ...]:
    """The listed contents with their layers and paths, in the same order."""
    wanted = frozenset(listed)
    first_bytes = frozenset(content[0] for content, _ in listed)
    mask = bytes(byte in first_bytes for byte in range(_BYTE))
    copies: dict[tuple[bytes, int], int] = defaultdict(int)
    layers: dict[tuple[bytes, int], list[int]] = defaultdict(list)
    paths: dict[tuple[bytes, int], dict[str, None]] = defaultdict(dict)
    for number, table in enumerate(tables()):
        candidates = compress(range(len(table)), table.hashes[::HASH_SIZE].translate(mask))
        found = {row: key for row in candidates if (key := (table.hash_of(row), table.sizes[row])) in wanted}
        for (_, key), path in zip(found.items(), table.paths.select(list(found)), strict=True):
            copies[key] += 1
            if number not in layers[key][-1:]:
                layers[key].append(number)
            if len(paths[key]) < MAX_PATHS:
                paths[key][decode_name(path)] = None
    return tuple(CountedContent(*key, copies[key], tuple(layers[key]), tuple(paths[key])) for key in listed)
