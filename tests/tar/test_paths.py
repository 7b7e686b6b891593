"""Paths: one clean form, joined and split again, by piece, by row and all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.tar.paths import PathColumn, clean_name, clean_names

PARTS = st.sampled_from([b"a", b"b.c", b".", b"..", b"", b"...", b".a"])
RAW_NAMES = st.lists(PARTS, min_size=1, max_size=6).map(b"/".join)


@given(st.lists(RAW_NAMES, min_size=1, max_size=6))
def test_names_are_cleaned_alike_together_and_alone(names: list[bytes]) -> None:
    """The fast form over all names gives what the plain one gives for each."""
    assert clean_names(b"\0".join(names)).split(b"\0") == [clean_name(name) for name in names]


@given(RAW_NAMES)
def test_clean_names_stay_clean(name: bytes) -> None:
    """Cleaning twice changes nothing, and dots are left in front only."""
    cleaned = clean_name(name)
    assert clean_name(cleaned) == cleaned
    parts = cleaned.split(b"/") if cleaned else []
    while parts and parts[0] == b"..":
        parts.pop(0)
    assert not {b"", b".", b".."} & set(parts)


@pytest.mark.parametrize("count", [0, 1, 3, 16384, 16385, 50000])
@pytest.mark.parametrize("batch", [1000, 16384, 40000])
def test_rows_and_pieces(count: int, batch: int) -> None:
    """However rows were added and are asked for, they are the same."""
    names = [b"d%d/f%d" % (number // 9, number) for number in range(count)]
    paths = PathColumn()
    for start in range(0, count, batch):
        paths.add(names[start : start + batch])
    assert list(paths) == names == paths[:]
    assert len(paths) == count
    rebuilt: list[bytes] = []
    for first, piece in paths.pieces():
        assert first == len(rebuilt)
        rebuilt += piece
    assert rebuilt == names
    rows = sorted({0, 1, 16383, 16384, 16385, 40000, count - 1} & set(range(count)))
    assert list(paths.select(rows)) == [names[row] for row in rows] == [paths[row] for row in rows]
    assert paths == PathColumn(names)


def test_pieces_of_long_paths_are_smaller() -> None:
    """A piece is split into objects of its own, so long paths come in pieces of about a MiB, not of 16,000."""
    names = [b"%d/" % number + b"deep/" * 200 + b"file" for number in range(10_000)]
    pieces = [piece for _, piece in PathColumn(names).pieces()]
    assert [path for piece in pieces for path in piece] == names
    assert max(sum(map(len, piece)) for piece in pieces) < 3 << 20  # a MiB, and one chunk


def test_rows_that_are_not_there() -> None:
    """Rows count from the end like any sequence's, and end like it."""
    paths = PathColumn([b"a", b"b/"])
    assert (paths[-1], paths[0]) == (b"b", b"a")
    for row in (2, -3):
        with pytest.raises(IndexError):
            paths[row]
    with pytest.raises(IndexError):
        PathColumn()[0]


def test_rows_that_cannot_be_selected() -> None:
    """A row beyond the end, or below the one before it, is an error and no endless loop."""
    paths = PathColumn([b"%d" % number for number in range(20_000)])
    for rows in ([20_000], [5, 20_001], [19_000, 5]):
        with pytest.raises(IndexError):
            list(paths.select(rows))


def test_rows_added_after_a_look() -> None:
    """What was looked up before does not hide what came after."""
    paths = PathColumn([b"a"])
    assert paths[0] == b"a"
    paths.add([b"./b//c/"])
    assert (paths[1], list(paths)) == (b"b/c", [b"a", b"b/c"])


def test_empty_paths_are_paths() -> None:
    """The root itself is a row like any other."""
    assert list(PathColumn([b"./"])) == [b""]
    assert list(PathColumn([b"", b"a", b""])) == [b"", b"a", b""]


def test_text_in_any_path() -> None:
    """One search over all, and paths compare by their rows."""
    assert PathColumn([b"a/.wh.b"]).contain(b".wh.")
    assert not PathColumn([b"a/b"]).contain(b".wh.")
    assert PathColumn([b"a"]) != PathColumn([b"b"])
    assert PathColumn([b"a"]) != [b"a"]


@given(
    st.lists(st.sampled_from([b"a", b"b/a", b"ab~", b"~", b"c", b"aa/aa"])),
    st.sampled_from([b"a", b"a\0", b"~\0", b"b/", b"x"]),
)
def test_rows_with_a_text(names: list[bytes], text: bytes) -> None:
    """A search over all paths finds each row once; a NUL matches the end of a path."""
    rows = [row for row, name in enumerate(names) if text in name + b"\0"]
    assert list(PathColumn(names).rows_with(text)) == rows
    assert list(PathColumn(names).select_with(text)) == [(row, names[row]) for row in rows]
