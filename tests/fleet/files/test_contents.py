"""Partitions change no figure, and keep the law of memory."""

from __future__ import annotations

import random
import tracemalloc
from array import array
from collections.abc import Iterator

import pytest

from ocisize.fleet.files.contents import (
    BUFFER_MEMORY,
    CONTENT_MEMORY,
    MAX_PARTITIONS,
    ContentCounts,
    count_contents,
    count_partitions,
)
from ocisize.tar.filetable import REGULAR, Attributes, FileTable
from ocisize.tar.paths import PathColumn


def make_table(files: list[tuple[bytes, int]], name: str) -> FileTable:
    """A table of files with these hashes and sizes."""
    count = len(files)
    return FileTable(
        paths=PathColumn([b"srv/%s/%d.dat" % (name.encode(), number) for number in range(count)]),
        kinds=bytes([REGULAR]) * count,
        sizes=array("q", [size for _, size in files]),
        ends=array("q", range(count)),
        hashes=b"".join(content for content, _ in files),
        owners=array("I", bytes(4 * count)),
        attributes=(Attributes(0o644, 0, 0),),
        tar_size=0,
    )


def make_tables(count: int, rows: int, contents: int) -> list[FileTable]:
    """Tables whose files have some of so many contents; one hash is that of two sizes."""
    numbers = random.Random(7)
    known = [(numbers.randbytes(16), numbers.randrange(1, 5000)) for _ in range(contents)]
    known += [(known[0][0], known[0][1] + 1), (bytes(16), 10), (known[1][0], 0)]
    return [make_table([numbers.choice(known) for _ in range(rows)], f"layer{number}") for number in range(count)]


@pytest.mark.parametrize("partitions", [2, 8, 256, 512, 4096])
def test_partitions_change_nothing(partitions: int) -> None:
    tables = make_tables(6, 400, 300)
    assert count_contents(lambda: tables, partitions) == count_contents(lambda: tables, 1)


def test_two_sizes_of_one_hash_are_two_contents() -> None:
    content = b"\x01" * 16
    tables = [make_table([(content, 5), (content, 6)], "a"), make_table([(content, 5), (content, 6), (content, 6)], "b")]
    counts = count_contents(lambda: tables, 1)
    assert (counts.distinct_files, counts.distinct_size) == (2, 11)
    assert [(found.size, found.copies, found.layers) for found in counts.duplicates] == [(6, 3, (0, 1)), (5, 2, (0, 1))]


def test_files_without_hash_or_content_are_left_out() -> None:
    tables = [make_table([(bytes(16), 5), (bytes(16), 5), (b"\x01" * 16, 0), (b"\x02" * 16, 7)], "a")]
    counts = count_contents(lambda: tables, 1)
    assert (counts.files, counts.size, counts.duplicate_count) == (1, 7, 0)


def test_tables_without_hashes() -> None:
    empty = FileTable.empty()
    assert count_contents(lambda: [empty], 1) == ContentCounts()


@pytest.mark.parametrize(
    ("files", "memory", "partitions"),
    [
        (0, 1, 1),
        (1000, 1000 * CONTENT_MEMORY, 1),
        (1001, 1000 * CONTENT_MEMORY, 2),
        (10**9, 1 << 30, 512),
        (10**15, 1, MAX_PARTITIONS),
    ],
)
def test_count_partitions(files: int, memory: int, partitions: int) -> None:
    assert count_partitions(files, memory) == partitions


@pytest.mark.parametrize("partitions", [1, 4])
def test_memory_law(partitions: int) -> None:
    """The contents of one partition take no more than the law says, and not half of that."""
    contents = 60_000
    numbers = random.Random(3)
    tables = [
        make_table([(numbers.randbytes(16), 9) for _ in range(10_000)], f"layer{number}")
        for number in range(contents // 10_000)
    ]
    peak = _peak_of(tables, partitions)
    law = CONTENT_MEMORY * contents // partitions
    row_memory = 10_000 * 150  # of one table, while it is added
    assert peak < law + row_memory + (BUFFER_MEMORY if partitions > 1 else 0)
    assert peak > law // 2


def _peak_of(tables: list[FileTable], partitions: int) -> int:
    def stream() -> Iterator[FileTable]:
        yield from tables

    tracemalloc.start()
    try:
        count_contents(stream, partitions)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
