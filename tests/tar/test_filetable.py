"""FileTable and its rows."""

from __future__ import annotations

import copy
import pickle
from array import array

import attrs
import pytest

from ocisize.tar.filetable import NO_HASH, FileTable, layer_value
from ocisize.text import decode_name, display_name
from tests.strategies import header, member, pax, scan


def table() -> FileTable:
    return scan(
        member(b"b", b"xx"), member(b"a", b"yy"), member(b"c", b"zzz"), header(b"d", kind=b"5"), header(b"l", kind=b"2", link=b"a"),
        pax((b"SCHILY.xattr.user.k", b"v")), header(b"e"),
    )  # fmt: skip


def test_a_table_is_a_sequence() -> None:
    """Length, indexes from both ends, slices and iteration agree."""
    rows = table()
    assert len(rows) == 6
    assert [rows[index] for index in range(6)] == list(rows) == rows[:] == [rows[index - 6] for index in range(6)]
    assert [entry.path for entry in rows[1:3]] == ["a", "c"]
    assert [entry.path for entry in reversed(rows)] == ["e", "l", "d", "c", "a", "b"]


@pytest.mark.parametrize("row", [6, -7])
def test_rows_that_do_not_exist(row: int) -> None:
    """An index out of range raises IndexError."""
    with pytest.raises(IndexError):
        table()[row]
    with pytest.raises(IndexError):
        scan()[0]


def test_the_largest_files() -> None:
    """Largest first, ties by path, regular files only, as many as asked for."""
    assert [entry.path for entry in table().largest(10)] == ["c", "a", "b", "e"]
    assert [entry.path for entry in table().largest(2)] == ["c", "a"]
    assert table().largest(0) == [] == scan().largest(5)


def test_payload_starts() -> None:
    """A payload starts behind its header, also where padding follows."""
    rows = table()
    assert [rows.payload_start(row) for row in range(3)] == [512, 1536, 2560]


def test_hashes_of_rows() -> None:
    """Equal contents have equal hashes; links and folders have none."""
    rows = table()
    assert rows.hash_of(0) != rows.hash_of(1) != NO_HASH
    assert rows.hash_of(3) == rows.hash_of(4) == NO_HASH
    assert [entry.content_hash is None for entry in rows] == [False, False, False, True, True, False]
    unread = attrs.evolve(rows, hashes=b"")
    assert unread.hash_of(0) == NO_HASH and unread[0].content_hash is None


def test_paths_by_row() -> None:
    """One path or all, they are the same."""
    rows = table()
    assert [rows.paths[row] for row in range(6)] == list(rows.paths) == [b"b", b"a", b"c", b"d", b"l", b"e"]


def test_entries_are_values() -> None:
    """Entries with the same fields are equal and can be in sets."""
    assert set(table()) == set(table())
    assert table()[5].xattrs == {"user.k": b"v"}


def test_names_that_are_not_utf_8() -> None:
    """Such names come back as the same bytes, and are shown with escapes."""
    name = decode_name(b"caf\xe9")
    assert name.encode("utf-8", "surrogateescape") == b"caf\xe9"
    assert (display_name(name), display_name("café")) == ("caf\\xe9", "café")


def _count_files(rows: FileTable) -> list[int]:
    return [rows.kinds.count(b"0")]


def test_values_of_a_layer_are_shared_by_tables_of_the_same_entries() -> None:
    """A value is computed once, also for tables with other hashes, without contents or without compressed sizes."""
    rows = table()
    value = layer_value(rows, _count_files)
    assert value == [4]
    for same in (rows, rows.with_hashes([]), rows.without_contents(), rows.with_compressed_sizes(None, None)):
        assert layer_value(same, _count_files) is value


def test_values_of_a_layer_are_not_shared_by_other_tables() -> None:
    """Tables that were changed, copied or pickled compute their own values; so do tables with other compressed sizes."""
    rows = table()
    value = layer_value(rows, _count_files)
    sized = rows.with_compressed_sizes(array("q", range(6)), 0)
    for other in (attrs.evolve(rows, kinds=b"555555"), copy.deepcopy(rows), pickle.loads(pickle.dumps(rows)), sized):
        assert layer_value(other, _count_files) is not value
    assert layer_value(attrs.evolve(rows, kinds=b"555555"), _count_files) == [0]
