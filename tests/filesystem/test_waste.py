"""Wasted entries, duplicate content, and which files need their content read."""

from __future__ import annotations

import io
import random

import attrs
import pytest

from ocisize.model.waste import CAUSES, Cause, WastedEntry, WasteTable
from ocisize.filesystem.overlay import Overlay, overlay_all
from ocisize.filesystem.duplicates import find_duplicates
from ocisize.filesystem.waste import find_waste
from ocisize.layer.content_hashes import candidate_rows
from ocisize.tar.filetable import FileTable
from ocisize.tar.scanner import scan_tar
from tests.images import DIR, Entries, File, Hard, tar_bytes


def tables_of(*layers: Entries, hash_content: bool = True) -> list[FileTable]:
    return [scan_tar(io.BytesIO(tar_bytes(entries)), hash_content=hash_content) for entries in layers]


def waste_of(*layers: Entries) -> WasteTable:
    tables = tables_of(*layers)
    return find_waste(tables, overlay_all(tables))


EVERY_CAUSE: list[Entries] = [
    {"a": b"1", "b": b"22", "c": b"333", "d/x": b"4444"},
    [("a", b"changed"), ("b", File(b"22", uid=1)), (".wh.c", b""), ("d/.wh..wh..opq", b""), ("e", b"55555"), ("e", b"6")],
    {".wh.zzz": b"payload"},
]


def test_every_cause_has_its_layers() -> None:
    """One image with every cause: each entry tells what holds it and what hides it."""
    found = {entry.cause: (entry.path, entry.size, entry.held_by, entry.hidden_by) for entry in waste_of(*EVERY_CAUSE)}
    assert found == {
        Cause.OVERWRITTEN: ("a", 1, 0, 1),
        Cause.METADATA_ONLY: ("b", 2, 0, 1),
        Cause.DELETED: ("c", 3, 0, 1),
        Cause.OPAQUE: ("d/x", 4, 0, 1),
        Cause.DUPLICATE_ENTRY: ("e", 5, 1, 1),
        Cause.UNREACHABLE: (".wh.zzz", 7, 2, 2),
    }
    assert set(found) == set(CAUSES)


def test_largest_first_ties_by_path_and_layer() -> None:
    """Waste is sorted by size, then path, then layer, whatever the order of the tars."""
    layers: list[Entries] = [
        {"b": b"11", "c": b"11", "a": b"1"},
        {"c": b"22", "b": b"2222", "a": b"2"},
        {"a": DIR, "b": DIR, "c": DIR},
    ]
    found = [(entry.path, entry.held_by) for entry in waste_of(*layers)]
    assert found == [("b", 1), ("b", 0), ("c", 0), ("c", 1), ("a", 0), ("a", 1)]


def test_a_file_with_links_is_named_as_stored() -> None:
    """The wasted entry has the path its bytes were stored at, whichever name went last."""
    assert [entry.path for entry in waste_of({"z": b"1", "a": Hard("z")}, {".wh.z": b""}, {".wh.a": b""})] == ["z"]


def test_compressed_sizes_are_of_the_entry() -> None:
    """An entry's compressed size is its share of the blob, unknown in layers of unknown compressed size."""
    tables = tables_of({"a": b"1"}, {"a": b"2"}, {"a": b"3"})
    tables[0] = tables[0].with_compressed_sizes(tables[0].sizes, 0)
    waste = find_waste(tables, overlay_all(tables))
    assert [(entry.held_by, entry.compressed_size) for entry in waste] == [(0, 1), (1, None)]


def test_tables_without_shares() -> None:
    """A table that has no compressed sizes gives entries without."""
    assert [entry.compressed_size for entry in waste_of({"a": b"1"}, {"a": b"2"})] == [None]


def test_waste_table_is_a_sequence() -> None:
    """Entries are read by index, slice and in a loop, and all forms agree."""
    waste = waste_of(*EVERY_CAUSE)
    entries = list(waste)
    assert len(waste) == len(entries) == 6
    assert [waste[row] for row in range(6)] == waste[:] == entries
    assert waste[-1] == entries[-1] == WastedEntry("a", 1, None, Cause.OVERWRITTEN, 0, 1)
    assert waste[1:5:2] == entries[1:5:2]
    with pytest.raises(IndexError):
        waste[6]


def test_no_layers() -> None:
    """An image without layers wastes nothing."""
    assert list(waste_of()) == []
    assert find_duplicates([], overlay_all([])) == []
    assert candidate_rows([]) == []


# Duplicate content


def sizes_of(tables: list[FileTable], overlay: Overlay) -> list[int]:
    return [duplicate.size for duplicate in find_duplicates(tables, overlay)]


def duplicates(*layers: Entries) -> list[int]:
    tables = tables_of(*layers)
    return sizes_of(tables, overlay_all(tables))


def test_duplicates_count_all_but_one() -> None:
    """Content that is visible three times is duplicated twice; the first, in the lowest layer, is the original."""
    assert duplicates({"a": b"123", "b": b"123"}, {"c": b"123", "d": b"456"}) == [3, 3]


@pytest.mark.parametrize("bucket_rows", [1, 7, 1000])
def test_duplicates_are_the_same_in_any_number_of_buckets(bucket_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contents are compared bucket by bucket, of which there may be more than bytes have numbers."""
    monkeypatch.setattr("ocisize.filesystem.duplicates._MAX_BUCKET_ROWS", bucket_rows)
    dice = random.Random(6)
    layers: list[dict[str, bytes]] = [
        {f"f{dice.randrange(400)}": b"%d" % dice.randrange(150) for _ in range(300)} for _ in range(3)
    ]
    layers[1][".wh.f7"] = b""
    tables = tables_of(*layers)
    merged = overlay_all(tables)
    first: dict[str | None, int] = {}
    expected, start = [], 0
    for table, hidden_by in zip(tables, merged.hidden_by, strict=True):
        shown = [row for row, entry in enumerate(table) if entry.size and hidden_by[row] < 0]
        rows = [row for row in shown if first.setdefault(table[row].content_hash, start + row) != start + row]
        expected.append([(row, first[table[row].content_hash]) for row in rows])
        start += len(table)
    found = [sorted(zip(of_layer.rows, of_layer.originals, strict=True)) for of_layer in find_duplicates(tables, merged)]
    assert found == expected


def test_duplicates_name_their_originals() -> None:
    """Each duplicate comes with the first row, counted through all layers."""
    tables = tables_of({"a": b"123", "b": b"45", "c": b"123"}, {"d": b"45", "e": b"6", "f": b"123"})
    found = find_duplicates(tables, overlay_all(tables))
    assert [list(zip(each.rows, each.originals, strict=True)) for each in found] == [[(2, 0)], [(0, 1), (2, 0)]]


def test_hidden_files_are_no_duplicates() -> None:
    """A file that is wasted is neither an original nor a duplicate."""
    assert duplicates({"a": b"123"}, {".wh.a": b"", "b": b"123"}) == [0, 0]
    assert duplicates({"a": b"123"}, {"a": File(b"123", uid=1)}) == [0, 0]


def test_hard_links_are_no_duplicates() -> None:
    """Names of one inode are one file."""
    assert duplicates({"a": b"123", "b": Hard("a")}) == [0]


def test_empty_files_are_no_duplicates() -> None:
    """Nothing is not duplicated."""
    assert duplicates({"a": b"", "b": b""}) == [0]


def test_unread_content_is_no_duplicate() -> None:
    """Files whose content was not read equal nothing, each other included."""
    tables = tables_of({"a": b"123", "b": b"123"}, hash_content=False)
    assert sizes_of(tables, overlay_all(tables)) == [0]
    tables[0] = attrs.evolve(tables[0], hashes=bytes(32))
    assert sizes_of(tables, overlay_all(tables)) == [0]


# What to read


def test_only_repeated_sizes_need_reading() -> None:
    """A file of a size that no other has cannot equal another; directories, links and empty files never do."""
    layers: list[Entries] = [
        {"d": DIR, "a": b"1", "b": b"22", "e": b""},
        {"c": b"22", "l": Hard("c"), "e": b"", "f": b"333"},
    ]
    assert [list(rows) for rows in candidate_rows(tables_of(*layers))] == [[2], [0]]


def test_reading_those_is_enough() -> None:
    """Causes and duplicates are the same whether all content was read or only what ``rows_to_hash`` asks for."""
    layers: list[Entries] = [{"a": b"11", "b": b"22", "c": b"333"}, {"a": b"11", "b": b"23", "c": b"4444", "d": b"22"}]
    full, some = tables_of(*layers), tables_of(*layers)
    for layer, rows in enumerate(candidate_rows(some)):
        kept = {row: some[layer].hash_of(row) for row in rows}
        some[layer] = attrs.evolve(some[layer], hashes=b"".join(kept.get(row, bytes(16)) for row in range(len(some[layer]))))
    merged = [overlay_all(full), overlay_all(some)]
    assert find_waste(full, merged[0]) == find_waste(some, merged[1])
    assert sizes_of(full, merged[0]) == sizes_of(some, merged[1]) == [0, 0]
