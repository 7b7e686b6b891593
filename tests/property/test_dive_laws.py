"""dive's figures agree with a plainly written model of dive, whatever is in the layers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from unittest.mock import patch

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize.filesystem.overlap import find_overlapping_rows
from ocisize.filesystem.dive_figures import find_dive_figures, find_repeated_files
from ocisize.filesystem.dive_tree import BLANK, list_nodes, size_reader
from ocisize.tar.filetable import FileTable
from ocisize.text import decode_name
from ocisize.tar.paths import PathColumn
from tests.images import DIR, Entry
from tests.property.dive_model import NEIGHBORS, dive, layers_apart, random_layers
from tests.property.model import Pairs, tables_of
from tests.property.test_contested_laws import long_layers, sparse_layers
from tests.property.test_merge_laws import LAYERS


def in_pieces(table: FileTable, piece: int) -> FileTable:
    """The table with its paths split after so many rows, as long ones are."""
    rooted = set(table.paths.rooted)
    with patch("ocisize.tar.paths._PIECE_ROWS", piece):
        return attrs.evolve(table, paths=PathColumn(b"/" * (row in rooted) + path for row, path in enumerate(table.paths)))


def node_list(table: FileTable) -> list[tuple[str | None, int]]:
    size_of = size_reader(table)
    return [(None if row == BLANK else decode_name(path), size_of(row)) for path, row in list_nodes(table)]


def assert_like_dive(layers: Sequence[Pairs], piece: int = 1000) -> None:
    tables, expected = tables_of(layers), dive(layers)
    tables = [in_pieces(table, piece) for table in tables]
    figures = find_dive_figures(tables, find_overlapping_rows(tables))
    assert list(figures.layer_sizes) == expected.layer_sizes
    assert (figures.image_size, figures.user_size) == (sum(expected.layer_sizes), sum(expected.layer_sizes[1:]))
    assert (figures.efficiency, figures.wasted_size) == (expected.efficiency, expected.wasted_size)
    found = [(file.path, file.count, file.size) for file in find_repeated_files(tables)]
    assert found == [(row.path, row.count, row.total) for row in expected.repeated]
    assert [node_list(table) for table in tables] == expected.node_lists


laws = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])


@laws
@given(LAYERS, st.sampled_from([1, 2, 5, 1000]))
def test_figures_agree_with_the_model(layers: list[Pairs], piece: int) -> None:
    """Efficiency, wasted bytes, layer sizes, repeated files and their order, nodes and their order."""
    assert_like_dive(layers, piece)


@pytest.mark.parametrize("seed", range(600))
def test_figures_of_dense_layers(seed: int) -> None:
    """The same for layers in which nearly everything meets."""
    dice = random.Random(seed)
    assert_like_dive(random_layers(dice), dice.choice([2, 5, 1000]))


def odd_layers(dice: random.Random) -> list[Pairs]:
    """Layers that lie apart, and a few rows that matter to what lies apart."""
    layers: list[list[tuple[str, Entry]]] = []
    for index in range(dice.randint(1, 3)):
        layers.append([])
        for folder in dice.sample([f"{top}/{index}{name}/x" for top in "ab" for name in "cdef"], 3):
            above = folder.rpartition("/")[0]
            layers[-1] += [(at, DIR) for at in (above, folder) if dice.random() < 0.5]
            layers[-1] += [(f"{folder}/{name}", bytes(dice.randint(0, 3))) for name in dice.sample(NEIGHBORS, 2)]
    for _ in range(dice.randint(1, 3)):
        layer = dice.choice(layers)
        path = dice.choice([each for each, entry in layer if entry != DIR])
        folder, _, name = path.rpartition("/")
        above, _, last = folder.rpartition("/")
        odd = [f"{folder}/.wh.{name}", f"{above}/.wh.{last}", f"../{path}", f"/../{path}", f"{folder}/.wh..wh..x",
               f"{folder}/.wh..wh..x/{name}", f"{folder}/.wh.{name}/deep", f"{above}/.wh.{last}/deep", f"../{above}/.wh.{last}",
               f"/../{folder}/.wh.{name}", f"{folder}/.wh..wh..opq", f"{path}/.wh..wh..opq", f"{folder}/", f"{above}/"]  # fmt: skip
        for _ in range(dice.randint(1, 2)):
            at = dice.choice(odd)
            where = dice.choice([layer, dice.choice(layers)])
            where.insert(dice.randrange(len(where) + 1), (at, DIR if at[-1] == "/" else bytes(dice.choice([0, 0, 3]))))
    return list(layers)


@pytest.mark.parametrize("seed", range(300))
@pytest.mark.parametrize("make", [sparse_layers, long_layers, odd_layers, layers_apart])
def test_rows_that_meet_nothing_count_too(make: Callable[[random.Random], list[Pairs]], seed: int) -> None:
    """The same where most rows are counted by subtraction."""
    dice = random.Random(seed)
    assert_like_dive(make(dice), dice.choice([3, 10, 40, 1000]))


OWN_WHITEOUTS: dict[str, tuple[list[Pairs], float]] = {
    "a name before .wh.": ([[], [(".a", b"1"), (".wh..a", b"")]], 1.0),
    "a name after .wh.": ([[("c", b"12")], [("b", b"1"), (".wh.b", b"")]], 1 / 2),
    "names on both sides": ([[("c", b"12")], [("d/.a", b"1"), ("d/.wh..a", b""), ("d/b", b"345")]], 1.0),
    "in a folder, an empty file": ([[("c", b"12")], [("d/-", b""), ("d/.wh.-", b"")]], 1.0),
    "a directory": ([[("c", b"12")], [("d/!", DIR), ("d/.wh.!", b"")]], 1.0),
    "a directory with a file": ([[("c", b"12")], [("d/!/f", b"1"), ("d/.wh.!", b"")]], 2 / 3),
    "a path twice": ([[("c", b"12")], [("d/+", b"1"), ("d/.wh.+", b""), ("d/+", b"345")]], 1.0),
}


@pytest.mark.parametrize(("layers", "efficiency"), OWN_WHITEOUTS.values(), ids=OWN_WHITEOUTS)
def test_a_layer_with_a_path_and_its_whiteout(layers: list[Pairs], efficiency: float) -> None:
    """dive 0.13.1 counts the path before the whiteout only if its name sorts before ``.wh.``; the figures are dive's."""
    assert_like_dive(layers)
    assert find_dive_figures(tables_of(layers)).efficiency == efficiency


def test_paths_beyond_any_filesystem_are_left_out() -> None:
    """A path of twenty thousand directories costs no set of them, and counts in the size of its layer only."""
    long = "a/" * 20_000
    layers: list[Pairs] = [[(f"{long}f", b"12"), ("b", b"345")], [(f"{long}f", b"12"), (f"{long}.wh.f", b""), ("c", b"6")]]
    tables = tables_of(layers)
    figures = find_dive_figures(tables)
    assert (figures.layer_sizes, figures.wasted_size, figures.efficiency) == ((5, 3), 0, 1.0)
    assert find_repeated_files(tables) == []
    assert [decode_name(path) for table in tables for path, _ in list_nodes(table)] == ["b", "c"]
