"""Sums by file type, made in bulk by extension, against types of single names."""

from __future__ import annotations

from array import array
from collections import defaultdict
from unittest.mock import patch

import attrs
from hypothesis import given
from hypothesis import strategies as st

from ocisize.filesystem.directories import NO_EXTENSION, DirectoryIndex, find_extensions, find_runs, split_names, split_runs
from ocisize.rules.file_types import extension_of, place_of, type_of
from ocisize.sizes.groups import Places, TypeSums
from ocisize.tar.filetable import DIRECTORY, REGULAR, SYMLINK, FileTable
from ocisize.tar.paths import PathColumn

DIRECTORIES = ["", "app", "usr/bin", "usr/libexec/x", "usr/share/doc/a", "a/.git", "a/.git/b", "a.so.1", "usr/lib/git-core"]
NAMES = [
    "a",
    "js",
    ".js",
    "a.js",
    "A.JS",
    "a.b.js",
    "lib.so.1",
    "lib.so.",
    "a.1",
    "a.7z",
    "x.",
    "..x",
    ".a.py",
    "a.dat",
    "é.\udcff",
]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(DIRECTORIES),
        st.sampled_from(NAMES),
        st.sampled_from([REGULAR, REGULAR, REGULAR, DIRECTORY, SYMLINK]),
        st.integers(0, 1000),
    ),
    min_size=1,
    max_size=12,
)


@given(ROWS, st.sampled_from([1, 3, 1000]), st.booleans())
def test_sums_by_type_are_those_of_single_names(rows: list[tuple[str, str, int, int]], piece: int, downloads: bool) -> None:
    paths = [f"{directory}/{name}".lstrip("/").encode("utf-8", "surrogateescape") for directory, name, _, _ in rows]
    kinds = [kind for _, _, kind, _ in rows]
    sizes = [size if kind == REGULAR else 0 for _, _, kind, size in rows]
    with patch("ocisize.tar.paths._PIECE_ROWS", piece):
        column = PathColumn(paths)
    shares = array("q", [size + 1 for size in sizes]) if downloads else None
    table = attrs.evolve(
        FileTable.empty(), paths=column, kinds=bytes(kinds), sizes=array("q", sizes), compressed_sizes=shares
    )
    runs = find_runs([table])
    sums = TypeSums.of(table, 0, runs, Places(runs.directories))
    expected: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for path, kind, size in zip(column, kinds, sizes, strict=True):
        directory, _, name = path.rpartition(b"/")
        figures = expected[type_of(name, place_of(directory)) if kind == REGULAR else ""]
        for index, figure in enumerate((size, kind == REGULAR, size + 1)):
            figures[index] += figure
    compressed = sums.compressed if sums.compressed is not None else array("q", [0] * len(sums.names))
    found = zip(sums.names, sums.content, sums.files, compressed, strict=True)
    assert {name: figures for name, *figures in found if any(figures)} == {
        name: figures if downloads else [*figures[:2], 0]
        for name, figures in expected.items()
        if downloads or any(figures[:2])
    }


@given(ROWS)
def test_extensions_are_those_of_single_names(rows: list[tuple[str, str, int, int]]) -> None:
    paths = [f"{directory}/{name}".lstrip("/").encode("utf-8", "surrogateescape") for directory, name, _, _ in rows]
    starts, directories, extensions = split_names(paths, DirectoryIndex())
    assert (starts, directories) == split_runs(paths, DirectoryIndex())
    assert extensions == find_extensions(paths)
    names = [path.rpartition(b"/")[2] for path in paths]
    with_extension = [bool(name.rpartition(b".")[0]) for name in names]
    assert [extensions.names[number] for number in extensions.numbers] == [
        extension_of(name) if has_extension else NO_EXTENSION
        for name, has_extension in zip(names, with_extension, strict=True)
    ]
    assert extensions.without == [row for row, has_extension in enumerate(with_extension) if not has_extension]
