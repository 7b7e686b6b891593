"""Contents that layers store more than once, counted in bounded memory.

A content is a pair of content hash and size. All tables are read once. If there may be more contents than the memory has
room for, a record of each file is first written to one of many temporary files, chosen by the first bits of the file's hash;
then the contents of one temporary file after the other are counted.

The memory law, in bytes, and the temporary space::

    peak = CONTENT_MEMORY * contents of a partition + BUFFER_MEMORY + one table
    disk = 36 * files, if there is more than one partition

Hashes are evenly spread, so a partition has about ``contents / partitions`` of them; ``count_partitions`` takes the number
of files for that of contents, which is at least as high. ``tests/fleet/files/test_contents.py`` measures the law.
"""

from __future__ import annotations

import heapq
import os
import struct
import tempfile
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, compress, repeat
from typing import TypeAlias

from ocisize.filesystem.directories import DirectoryIndex, split_runs
from ocisize.rules.file_types import PROGRAMS, extension_of, is_word, place_of, type_of
from ocisize.tar.content_hash import HASH_SIZE
from ocisize.tar.filetable import NO_HASH, FileTable
from ocisize.text import decode_name
from ocisize.values import define, field, frozen

CONTENT_MEMORY = 280  #: bytes of one content: its hash as a key, its number, and its columns
BUFFER_MEMORY = 16 << 20  #: bytes of records that were not written yet, and of those that are read at once
MAX_LISTED = 1000  #: contents that are listed
MAX_PATHS = 5  #: paths of one content
MAX_PARTITIONS = 1 << 12
DEFAULT_MEMORY = 1 << 30  #: bytes
MAX_GROUPS = 100_000  #: types, and directories, that are counted apart; honest fleets have a few hundred
_OTHERS = "…"
_RECORD = struct.Struct("<16sqIII")  # hash, size, and the numbers of layer, type and directory

Tables: TypeAlias = Callable[[], Iterable[FileTable]]  #: yields the tables of all layers, in the same order each time
_Record: TypeAlias = tuple[bytes, int, int, int, int]


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
        tables: is called twice; the second time for the paths of the listed contents.
        partitions: a power of two, up to MAX_PARTITIONS. With more than one, records go through temporary files.

    """
    counts, types, directories = ContentCounts(), _Groups(), _Groups()
    listed = list[tuple[int, int, bytes]]()
    records = (_list_records(number, table, types, directories) for number, table in enumerate(tables()))
    for part in [chain.from_iterable(records)] if partitions == 1 else _spill(records, partitions):
        counted = _Partition(types, directories)
        counted.add(part)
        listed = heapq.nsmallest(MAX_LISTED, chain(listed, counted.end(counts)))
    counts.files, counts.size = sum(types.files), sum(types.sizes)
    counts.file_types, counts.directories = types.sums(), directories.sums()
    counts.duplicates = _locate(tables, [(content, size) for _, size, content in listed]) if listed else ()
    return counts


class _Groups:
    """The sums of groups by their numbers, which are given in the order in which names come."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.files, self.sizes = list[int](), list[int]()
        self.excess_files, self.excess_sizes = list[int](), list[int]()

    def number(self, name: str) -> int:
        """Return the number of a group; once there are MAX_GROUPS, all further ones are one group."""
        number = self.numbers.get(name)
        if number is not None:
            return number
        if len(self.numbers) >= MAX_GROUPS and name != _OTHERS:
            return self.number(_OTHERS)
        for column in (self.files, self.sizes, self.excess_files, self.excess_sizes):
            column.append(0)
        return self.numbers.setdefault(name, len(self.numbers))

    def sums(self) -> dict[str, list[int]]:
        """Return files, size, excess files and excess size by name."""
        columns = zip(self.files, self.sizes, self.excess_files, self.excess_sizes, strict=True)
        return {name: list(sums) for name, sums in zip(self.numbers, columns, strict=True)}


def _list_records(layer: int, table: FileTable, types: _Groups, directories: _Groups) -> Iterator[_Record]:
    """Yield a record of each file with content and a hash, and count it in its type and its directory."""
    if not table.hashes:
        return
    own, places, hash_of = table.sizes, DirectoryIndex(), table.hash_of
    for first, paths in table.paths.pieces():
        starts, numbers = split_runs(paths, places)
        for start, end, number in zip(starts, [*starts[1:], len(paths)], numbers, strict=True):
            rows = [row for row in range(first + start, first + end) if own[row] and hash_of(row) != NO_HASH]
            if not rows:
                continue
            directory = directories.number(decode_name(_top(places.paths[number])))
            kinds = _number_types(places.paths[number], [paths[row - first] for row in rows], types)
            directories.files[directory] += len(rows)
            for row, kind in zip(rows, kinds, strict=True):
                size = own[row]
                types.files[kind] += 1
                types.sizes[kind] += size
                directories.sizes[directory] += size
                yield hash_of(row), size, layer, kind, directory


def _number_types(directory: bytes, paths: Sequence[bytes], types: _Groups) -> Iterator[int]:
    """The numbers of the types of files in one directory."""
    place = place_of(directory)
    if place is not None and place != PROGRAMS:
        return repeat(types.number(place), len(paths))
    return (types.number(name) for name in _name_types(place, paths))


def _name_types(place: str | None, paths: Sequence[bytes]) -> Iterator[str]:
    known: dict[bytes, str] = {}
    for path in paths:
        name = path.rpartition(b"/")[2]
        extension = extension_of(name)
        kind = known.get(extension)
        if kind is None:
            kind = type_of(name, place)
            if is_word(extension):  # it decides alone
                known[extension] = kind
        yield kind


def _top(directory: bytes) -> bytes:
    """The first two components of a directory.

    >>> _top(b"usr/lib/python3"), _top(b"etc"), _top(b"")
    (b'usr/lib', b'etc', b'')
    """
    return b"/".join(directory.split(b"/", 2)[:2])


def _spill(records: Iterable[Iterable[_Record]], partitions: int) -> Iterator[Iterator[_Record]]:
    """Write records to a temporary file for each partition, and yield those of one after the other, in their order."""
    buffers = [bytearray() for _ in range(partitions)]
    most, pack = max(BUFFER_MEMORY // 2 // partitions, _RECORD.size), _RECORD.pack
    with tempfile.TemporaryDirectory(prefix="ocisize-contents-") as folder:
        names = [os.path.join(folder, f"{number}") for number in range(partitions)]  # noqa: PTH118

        def flush(number: int) -> None:
            with open(names[number], "ab") as file:
                file.write(buffers[number])
            buffers[number].clear()

        for record in chain.from_iterable(records):
            number = (record[0][0] | record[0][1] << 8) % partitions
            buffers[number] += pack(*record)
            if len(buffers[number]) > most:
                flush(number)
        for number in range(partitions):
            flush(number)
            yield _read_records(names[number])
            os.unlink(names[number])  # noqa: PTH108


def _read_records(name: str) -> Iterator[_Record]:
    piece = BUFFER_MEMORY // 16 // _RECORD.size * _RECORD.size
    with open(name, "rb") as file:
        while data := file.read(piece):
            yield from _RECORD.iter_unpack(data)


class _Partition:
    """The contents of one partition while records are added."""

    def __init__(self, types: _Groups, directories: _Groups) -> None:
        self._types, self._directories = types, directories
        self._numbers: dict[bytes, int] = {}
        self._sizes, self._copies = array("q"), array("I")
        self._layers, self._last = array("I"), array("I")

    def add(self, records: Iterable[_Record]) -> None:
        """Count files, in the order of their layers."""
        numbers, sizes, copies, layers, last = self._numbers, self._sizes, self._copies, self._layers, self._last
        types, directories = self._types, self._directories
        for content, size, layer, kind, directory in records:
            number = numbers.get(content)
            if number is not None and sizes[number] != size:  # two contents with one hash
                content += size.to_bytes(8, "little")  # noqa: PLW2901
                number = numbers.get(content)
            if number is None:
                numbers[content] = len(sizes)
                sizes.append(size)
                copies.append(1)
                layers.append(1)
                last.append(layer)
                continue
            copies[number] += 1
            if last[number] != layer:
                last[number] = layer
                layers[number] += 1
            types.excess_files[kind] += 1
            types.excess_sizes[kind] += size
            directories.excess_files[directory] += 1
            directories.excess_sizes[directory] += size

    def end(self, counts: ContentCounts) -> Iterator[tuple[int, int, bytes]]:
        """Add the sums of the partition, and yield its contents with copies: minus their excess, size and hash."""
        counts.distinct_files += len(self._sizes)
        counts.distinct_size += sum(self._sizes)
        for content, number in self._numbers.items():
            if self._copies[number] > 1:
                size = self._sizes[number]
                counts.duplicate_count += 1
                counts.excess_size += size * (self._copies[number] - 1)
                counts.excess_across_size += size * (self._layers[number] - 1)
                yield -size * (self._copies[number] - 1), size, content[:HASH_SIZE]


def _locate(tables: Tables, listed: Sequence[tuple[bytes, int]]) -> tuple[CountedContent, ...]:
    """The listed contents with their layers and paths, in the same order."""
    wanted = frozenset(listed)
    first_bytes = frozenset(content[0] for content, _ in listed)
    mask = bytes(byte in first_bytes for byte in range(256))
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
