"""PathRuns: the paths that an entry of the cache describes are those that were written, or none."""

from __future__ import annotations

import pickle
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.tar.path_runs import PathRuns, RunColumns, find_columns
from ocisize.tar.paths import PathColumn

_PARTS = st.sampled_from([b"a", b"b.c", b".", b"..", b"", b"...", b".a", b"\xff\n"])
_NAMES = st.lists(st.lists(_PARTS, min_size=1, max_size=5).map(b"/".join), max_size=12)
_TEXTS = st.lists(st.sampled_from([b"a", b".", b"/", b"\0", b"b"]), min_size=1, max_size=4).map(b"".join)


_MAX_SIZE = 1 << 20  # bytes


def columns_of(*names: bytes) -> RunColumns:
    return find_columns(PathColumn(names))


def make(names: list[bytes], batch: int) -> PathColumn:
    paths = PathColumn()
    for start in range(0, len(names), batch):
        paths.add(names[start : start + batch])
    return paths


@given(_NAMES, st.integers(1, 13), st.lists(_TEXTS, max_size=4))
def test_paths_come_back(names: list[bytes], batch: int, texts: list[bytes]) -> None:
    """Whatever is asked, directories and names give the answer of joined paths, before they are joined and after."""
    paths = make(names, batch)
    runs = PathRuns.from_columns(find_columns(paths), _MAX_SIZE)
    assert (len(runs), list(runs.rooted)) == (len(paths), list(paths.rooted))
    for _ in range(2):
        assert list(runs) == list(paths)
        assert list(runs.pieces()) == list(paths.pieces())
        assert runs.piece_starts() == paths.piece_starts()
        assert [runs[row] for row in range(len(runs))] == list(paths)
        assert list(runs.select(range(len(runs)))) == list(paths)
        assert [runs.contain(text) for text in texts] == [paths.contain(text) for text in texts]
        assert runs.columns() == paths.columns()
    assert runs == paths
    assert [list(runs.select_with(text)) for text in texts] == [list(paths.select_with(text)) for text in texts]
    assert (runs.size, runs.components) == (paths.size, paths.components)
    assert find_columns(runs) == find_columns(paths)


def test_long_columns_come_back() -> None:
    """Runs end with a chunk, and pieces begin where they did."""
    names = [b"d%d/f%d" % (number // 700, number) for number in range(50_000)]
    paths = PathColumn(names)
    runs = PathRuns.from_columns(find_columns(paths), _MAX_SIZE)
    assert list(runs) == names
    assert runs.piece_starts() == paths.piece_starts()
    assert list(runs.select(range(0, 50_000, 777))) == names[::777]
    assert list(pickle.loads(pickle.dumps(runs))) == names  # noqa: S301


_COLUMNS = columns_of(b"", b"a/b", b"a/c", b"/d")


@pytest.mark.parametrize(
    "changes",
    [
        {"directories": b"a/"}, {"directories": b"a//b"}, {"directories": b"./a"}, {"directories": b"/a"}, {"directories": b""},
        {"runs": array("I", [0, 2, 0])}, {"runs": array("I", [0, 1])}, {"runs": array("I", [0, 1, 0, 0])},
        {"names": b"/b\0/d/"}, {"names": b"/b\0./d/"}, {"names": b"/b\0../d/"}, {"names": b"/b\0c/d\0"}, {"names": b"/b\0c//"},
        {"names": b"/b\0c/./"}, {"names": b"/b\0c/d"}, {"names": b"/b/c/d/"}, {"names": b""},
        {"first_rows": array("q")}, {"first_rows": array("q", [1, 5])}, {"first_rows": array("q", [0, 5])},
        {"first_rows": array("q", [0, 4, 4])}, {"offsets": array("q", [0, 0])}, {"offsets": array("q", [0])},
        {"name_offsets": array("q", [0, 99])}, {"name_offsets": array("q", [0, -1])}, {"name_offsets": array("q", [1, 7])},
        {"offsets": array("q", [0, 10])}, {"offsets": array("q", [0, 12])}, {"directories": b"aa"},
        {"rooted": array("q", [4])}, {"rooted": array("q", [-1])}, {"rooted": array("q", [3, 3])},
    ],
)  # fmt: skip
def test_columns_of_no_paths(changes: dict[str, Any]) -> None:
    assert list(PathRuns.from_columns(_COLUMNS, _MAX_SIZE)) == [b"", b"a/b", b"a/c", b"d"]
    with pytest.raises(ValueError, match=r"paths|directories"):
        PathRuns.from_columns(_COLUMNS._replace(**changes), _MAX_SIZE)


def test_directories_that_are_too_long_together() -> None:
    """A directory is once in an entry, and in the path of each row."""
    columns = find_columns(PathColumn([b"d" * 10_000 + b"/%d" % number for number in range(1000)]))
    assert len(columns.directories) + len(columns.names) < 20_000
    assert len(PathRuns.from_columns(columns, 10_100_000)) == 1000
    with pytest.raises(ValueError, match="too long"):
        PathRuns.from_columns(columns, _MAX_SIZE)
    with pytest.raises(ValueError, match="another length"):
        PathRuns.from_columns(columns._replace(offsets=array("q", [0, 10_000])), _MAX_SIZE)
