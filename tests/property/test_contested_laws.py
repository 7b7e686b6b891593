"""Rows that were told to meet nothing meet nothing: leaving them out of the merge changes nothing."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from unittest.mock import patch

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize.filesystem.dive_figures import find_dive_figures
from ocisize.filesystem.overlap import RowSelection, find_overlapping_rows, select_all_rows
from ocisize.filesystem.overlay import overlay_selected, overlay_all
from ocisize.filesystem.whiteout import OPAQUE_MARKER, whiteout_target
from ocisize.tar.filetable import DIRECTORY, HARD_LINK, FileTable
from ocisize.tar.paths import PathColumn, clean_name
from tests.images import DIR, Entry, Hard, Link
from tests.property.model import Pairs, tables_of
from tests.property.test_merge_laws import LAYERS


def sparse_layers(dice: random.Random) -> list[Pairs]:
    """Layers that mostly lie apart, with a few rows that meet, remove, replace and link."""
    folders = [f"{dice.choice('ab')}/{dice.choice('cdef')}{number}/{dice.choice('gh')}" for number in range(30)]
    layers: list[Pairs] = []
    for _ in range(dice.randrange(1, 5)):
        entries: list[tuple[str, Entry]] = []
        for folder in dice.sample(folders, 8):
            entries += [(f"{folder}/{name}", dice.choice([b"x", b"yy", b""])) for name in dice.sample("ijklm", 3)]
        for _ in range(dice.randrange(4)):
            folder, name = dice.choice(folders), dice.choice("ijklm")
            above, _, last = folder.rpartition("/")
            odd: list[tuple[str, Entry]] = [
                (f"{folder}/.wh.{name}", b""), (f"{above}/.wh.{last}", b""), (f"{above}/.wh..wh..opq", b""),
                (folder, b"a file"), (above, DIR), (f"{folder}/{name}/deep", b"x"), (f"{folder}/{name}", DIR),
                (f"{folder}/{name}", Hard(f"{dice.choice(folders)}/{name}")), (f"{folder}/{name}", b"twice"),
                (f"{folder}/{name}", Link(f"/{dice.choice(folders)}")), (folder, Link("/a")), ("../out", b"x"),
            ]  # fmt: skip
            entries.insert(dice.randrange(len(entries)), dice.choice(odd))
        layers.append(entries)
    return layers


def long_layers(dice: random.Random) -> list[Pairs]:
    """Layers with one directory longer than a piece, mostly in order, and a few rows that disturb it."""
    folder = dice.choice(["", "long/", "a/b/"])
    entries: list[tuple[str, Entry]] = [(f"{folder}{number:03}", b"x") for number in range(dice.randrange(5, 40))]
    for _ in range(dice.randrange(3)):
        odd: list[tuple[str, Entry]] = [
            (f"{folder}{dice.randrange(40):03}", b"twice"), (f"{folder}{dice.randrange(40):03}", DIR),
            (f"{folder}{dice.randrange(40):03}/below", b"x"), ("else/where", b"x"), (f"{folder}.wh.{dice.randrange(40):03}", b""),
        ]  # fmt: skip
        entries.insert(dice.randrange(len(entries)), dice.choice(odd))
    for _ in range(dice.randrange(3)):
        entries += [("other/where", b"x"), (f"{folder}{dice.randrange(40):03}", b"again")]
    upper: list[tuple[str, Entry]] = [(f"{folder}{dice.randrange(40):03}", b"x")]
    return [entries, upper] if dice.random() < 0.5 else [entries]


def assert_nothing_is_missed(layers: Sequence[Pairs], piece: int) -> None:
    tables = tables_of(layers)
    with patch("ocisize.tar.paths._PIECE_ROWS", piece):
        tables = [attrs.evolve(table, paths=PathColumn(table.paths)) for table in tables]
    assert overlay_all(tables) == overlay_selected(tables, select_all_rows(tables))


def above(path: bytes) -> set[bytes]:
    """The directories above a path, without the root."""
    parts = path.split(b"/")
    return {b"/".join(parts[:count]) for count in range(1, len(parts))}


def rows_by_definition(tables: Sequence[FileTable], selection: Sequence[RowSelection]) -> list[list[int]]:
    """The rows of each layer that overlap by the definition, from a look at all paths; ``selection`` has the special rows."""
    rows = [(path, table.kinds[row]) for table in tables for row, path in enumerate(table.paths)]
    special = [table.paths[row] for table, chosen in zip(tables, selection, strict=True) for row in chosen.special]
    named = {path.rpartition(b"/")[0] if path.endswith(OPAQUE_MARKER) else whiteout_target(path) for path in special}
    linked = {clean_name(table.links[row]) for table in tables for row in table.links if table.kinds[row] == HARD_LINK}
    linked |= {path for path, kind in rows if kind == HARD_LINK}
    implied = {directory for path, _ in rows for directory in above(path)}
    files, count = {path for path, kind in rows if kind != DIRECTORY}, Counter(path for path, _ in rows)
    removed = named | (files & implied)
    overlapping = removed | linked | {path for path in files if count[path] > 1}
    return [
        [
            row
            for row, path in enumerate(table.paths)
            if row in chosen.special or path in overlapping or b"" in removed or not removed.isdisjoint(above(path))
        ]
        for table, chosen in zip(tables, selection, strict=True)
    ]


@pytest.mark.parametrize("seed", range(300))
def test_the_definition_of_overlap(seed: int) -> None:
    """No row is selected that the definition leaves out, and the results are those of all rows."""
    dice = random.Random(seed)
    tables = tables_of(dice.choice([sparse_layers, long_layers])(dice))
    selection, everything = find_overlapping_rows(tables), select_all_rows(tables)
    chosen = [list(rows.rows) for rows in selection]
    if chosen == [list(rows.rows) for rows in everything]:
        return  # a path leads through a link
    assert all(
        set(rows) <= set(expected) for rows, expected in zip(chosen, rows_by_definition(tables, selection), strict=True)
    )
    assert find_dive_figures(tables, selection) == find_dive_figures(tables, everything)
    assert overlay_selected(tables, selection) == overlay_selected(tables, everything)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(LAYERS, st.sampled_from([1, 2, 5, 1000]))
def test_what_is_left_out_meets_nothing(layers: list[Pairs], piece: int) -> None:
    """Laying contested rows over each other gives what laying all does, however rows fall into pieces."""
    assert_nothing_is_missed(layers, piece)


@pytest.mark.parametrize("seed", range(300))
def test_what_lies_apart_may_be_left_out(seed: int) -> None:
    """The same where most rows meet nothing and are left out."""
    dice = random.Random(seed)
    assert_nothing_is_missed(sparse_layers(dice), dice.choice([3, 10, 40, 1000]))


@pytest.mark.parametrize("seed", range(300))
def test_long_directories(seed: int) -> None:
    """A directory that goes on over pieces is left out only while its names are new."""
    dice = random.Random(seed)
    assert_nothing_is_missed(long_layers(dice), dice.choice([2, 5, 7]))


def test_a_long_directory_is_left_out() -> None:
    """A million files in one directory are as cheap as in many."""
    tables = tables_of([[(f"long/{number:03}", b"x") for number in range(100)]])
    with patch("ocisize.tar.paths._PIECE_ROWS", 7):
        tables = [attrs.evolve(tables[0], paths=PathColumn(tables[0].paths))]
    assert [list(rows.rows) for rows in find_overlapping_rows(tables)] == [[]]


def test_a_long_directory_that_comes_back() -> None:
    """A name that a long directory repeats after another directory is found, with pieces as long as they are."""
    entries: list[tuple[str, Entry]] = [(f"long/{number:06}", b"x") for number in range(20_000)]
    entries += [("other/x", b"y"), ("long/000005", b"second")]
    (hidden,) = overlay_all(tables_of([entries])).hidden_by
    assert [row for row, by in enumerate(hidden) if by >= 0] == [5]


@pytest.mark.parametrize("below", [False, True])
def test_a_hard_link_to_a_symlink_leads_on(below: bool) -> None:
    """What is below such a link stands where the symlink leads."""
    target: list[tuple[str, Entry]] = [("t/x", b"old")]
    links: list[tuple[str, Entry]] = [("p/S", Link("/t")), ("p/H", Hard("p/S"))]
    layers: list[Pairs] = [target, [*links, ("p/H/x", b"new")]] if below else [[*links, *target, ("p/H/x", b"new")]]
    assert_nothing_is_missed(layers, 1000)
    assert overlay_all(tables_of(layers)).hidden_by[0][0 if below else 2] >= 0


@pytest.mark.parametrize("length", [60_000, 4_000])
def test_long_paths_take_little_memory(length: int) -> None:
    """No directory above a path that nothing can hold is kept, nor one that an endless symlink names."""
    path = "/".join("a" * (length // 2))
    layers: list[Pairs] = [[(path, b"x"), ("link", Link(path)), ("link/x", b"x")]]
    tables = tables_of(layers)
    tracemalloc.start()
    try:
        overlay_all(tables)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000


SYSTEM: list[tuple[str, Entry]] = [(f"usr/lib/{number}/file", b"x") for number in range(50)]


@pytest.mark.parametrize(
    ("upper", "selected"),
    [
        ([("app/main", b"x")], set[str]()),
        ([("usr/lib/7/file", b"y")], {"usr/lib/7/file"}),
        ([("usr/lib/7/other", b"y")], set[str]()),
        ([("usr/lib/7", DIR), ("usr/lib/7/other", b"y")], set[str]()),
        ([("usr/lib/7/link", Hard("usr/lib/8/file"))], {"usr/lib/8/file", "usr/lib/7/link"}),
        ([("usr/lib/.wh.7", b"")], {"usr/lib/7/file", "usr/lib/.wh.7"}),
        ([("usr/lib/7/.wh..wh..opq", b"")], {"usr/lib/7/file", "usr/lib/7/.wh..wh..opq"}),
        ([("usr/lib/7", b"now a file")], {"usr/lib/7/file", "usr/lib/7"}),
    ],
)
def test_few_rows_overlap(upper: Pairs, selected: set[str]) -> None:
    """What lies apart is left out, what can be hidden and what hides it is not."""
    rows = find_overlapping_rows(tables_of([SYSTEM, upper]))
    assert {path.decode() for row in rows for path in row.paths} == selected
