"""Rows of several layers that hold one file."""

from __future__ import annotations

import pytest

from ocisize.model.waste import Cause
from ocisize.plan.paths import PathCounts, parents_of
from ocisize.plan.merged_rows import by_layer
from ocisize.plan.rows import Ending, RowIndex
from tests.evidence import make_evidence
from tests.images import DIR, Entries, File, Hard

DATA = b"1" * 100


def index_of(*layers: Entries) -> RowIndex:
    return RowIndex(make_evidence(*layers))


def test_copies_through_several_layers() -> None:
    """A row, its copies and its original; what hides the last copy is the ending of all of them."""
    rows = index_of({"x": File(DATA)}, {"y": b"y"}, {"x": File(DATA, uid=1)}, {"x": File(DATA, uid=2)}, {".wh.x": b""})
    assert rows.with_copies({0: [0]}) == {0: [0], 2: [0], 3: [0]}
    assert rows.brought_by([0], {3: [0]}) == {3: [0]}
    assert list(rows.copies_in(2, 0)) == [(0, 0)] and not list(rows.copies_in(3, 0)) and not list(rows.copies_in(4, 3))
    assert list(rows.originals(0, [0])) == [0] and not list(rows.originals(2, [0]))
    assert {ending for layer in (0, 2, 3) for ending in rows.endings(layer, [0])} == {(0, Ending(Cause.DELETED, 4))}


def test_changed_content_is_no_copy() -> None:
    """A file that a layer writes with other content ends there; a file that is visible has no ending."""
    rows = index_of({"x": DATA}, {"x": b"2" * 100})
    assert rows.with_copies({0: [0]}) == {0: [0]}
    assert list(rows.endings(0, [0])) == [(0, Ending(Cause.OVERWRITTEN, 1))]
    assert list(rows.endings(1, [0])) == []
    assert list(rows.originals(1, [0])) == [0]


@pytest.mark.parametrize("repeats", [2, 3, 50])
def test_paths_that_one_layer_repeats(repeats: int) -> None:
    """Copies within one layer are no copies in an upper one: following them ends."""
    again: Entries = [("x", File(DATA, uid=uid)) for uid in range(repeats)]
    rows = index_of(again, again, [("x", File(DATA, uid=99))])
    for layer in (0, 1):
        for row in range(repeats):
            copies = rows.with_copies({layer: [row]})
            assert all(len(chosen) == 1 for chosen in copies.values())
            assert rows.brought_by((0, 1), copies) == copies
            list(rows.endings(layer, [row]))


def test_hidden_rows() -> None:
    """The files of a layer by the layer that hides them, without directories."""
    rows = index_of({"d": DIR, "d/a": DATA, "d/b": DATA, "c": DATA}, {".wh.d": b""}, {"c": b"2"})
    paths = rows.paths(0)
    assert [paths[row] for row in rows.hidden_rows(0, 1)] == ["d/a", "d/b"]
    assert [paths[row] for row in rows.hidden_rows(0, 2)] == ["c"]
    assert rows.hidden_rows(1, 2) == []
    assert rows.size_of({0: rows.hidden_rows(0, 1)}) == 200


def test_hard_links_have_no_bytes() -> None:
    """The link is a row without content."""
    rows = index_of({"a": DATA, "b": Hard("a")})
    assert rows.size_of({0: [0, 1]}) == 100


def test_paths() -> None:
    """Rows grouped by layer, and parents."""
    assert by_layer([]) == {}
    assert by_layer([(1, 2), (1, 2), (0, 9)]) == {0: [9], 1: [2]}
    assert list(parents_of("a")) == []


@pytest.mark.parametrize(
    ("chosen", "others", "root", "tops"),
    [
        ({"app/x/a", "app/x/b"}, set(), "app", ["app/x"]),
        ({"app/x/a"}, {"app/x/b"}, "app", ["app/x/a"]),
        ({"a", "b/c"}, set(), "", ["a", "b"]),
        ({"app/x"}, {"app/y/z"}, "app", ["app/x"]),
        ({"a", "a/b"}, {"a/c"}, "", ["a", "a/b"]),
        ({"a/b/c", "a/b/d", "a/e"}, {"f"}, "", ["a"]),
    ],
)
def test_tops(chosen: set[str], others: set[str], root: str, tops: list[str]) -> None:
    """Whole directories where all their files are chosen, also if the chosen files are not among the counted ones."""
    assert PathCounts(chosen | others, root).tops(chosen) == tops
    assert PathCounts(others, root).tops(chosen) == tops


def test_rows_of_copies() -> None:
    """Rows with their copies, the originals of copies, and rows by the layer that brought their content."""
    rows = index_of({"x": File(DATA), "z": b"z"}, {"y": b"y"}, {"x": File(DATA, uid=1), "w": b"w"}, {"x": File(DATA, uid=2)})
    assert rows.with_copies({0: [1, 0, 0], 1: [0]}) == {0: [0, 1], 1: [0], 2: [0], 3: [0]}
    assert rows.with_copies({}) == {}
    assert rows.originals_in(0, {0: [1], 1: [0], 2: [0, 1], 3: [0]}) == {0, 1}
    assert rows.originals_in(2, {0: [1], 2: [0, 1], 3: [0]}) == {1}
    assert rows.brought_by(range(1), {3: [0], 2: [1, 0], 0: [1, 1], 1: [0]}) == {0: [1], 2: [0], 3: [0]}
    assert rows.brought_by(range(1, 4), {3: [0], 2: [1, 0], 0: [1], 1: [0]}) == {1: [0], 2: [1]}


def test_rows_inside() -> None:
    """Rows of some paths or below; a path that only begins like another is not inside."""
    rows = index_of({"app": DIR, "app/a": b"a", "apple": b"b", "lib/app/c": b"c"}, {"caf\udce9": b"d", "x/y": b"e"})
    assert rows.inside(0, ["app"]) == [(0, "app"), (1, "app/a")]
    assert rows.inside(0, ["app/a", "lib"]) == [(1, "app/a"), (3, "lib/app/c")]
    assert rows.inside(1, ("app/a", "caf\udce9")) == [(0, "caf\udce9")]
    assert (
        not rows.may_hold(1, "app") and not rows.may_hold(1, "app/a") and rows.may_hold(1, "x") and not rows.inside(1, "y")
    )
    assert rows.paths(1) == ["caf\udce9", "x/y"]
    assert index_of({}).inside(0, ["app", "caf\udce9"]) == []


@pytest.mark.parametrize("chosen", [[], [3], [0, 39], list(range(40))])
def test_names_of_rows(chosen: list[int]) -> None:
    """The paths of few rows are decoded one by one, those of many together; both equal all paths."""
    rows = index_of({f"d/{number}-caf\udce9": DATA for number in range(40)})
    names = rows.names(0, chosen)
    assert list(names) == chosen
    assert names == {row: rows.paths(0)[row] for row in chosen} == rows.names(0, chosen)
