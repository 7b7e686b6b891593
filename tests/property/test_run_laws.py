"""Runs that are kept with a table are those that a first look at its paths finds."""

from __future__ import annotations

import random
from unittest.mock import patch

import attrs
import pytest

from ocisize.filesystem.directories import ImageRuns, find_runs
from ocisize.tar.filetable import FileTable
from ocisize.tar.paths import PathColumn
from tests.property.model import tables_of
from tests.property.test_contested_laws import long_layers, sparse_layers


def pieces_of(tables: list[FileTable]) -> list[list[tuple[int, list[bytes], list[int], list[int]]]]:
    runs = ImageRuns()
    return [
        [(piece.first, piece.paths, list(piece.directories), piece.bounds) for piece in runs.read(table)] for table in tables
    ]


def columns_of(runs: ImageRuns) -> tuple[object, ...]:
    directories = runs.directories
    return directories.paths, directories.parents, [(table.starts, table.directories) for table in runs.tables]


@pytest.mark.parametrize("seed", range(100))
def test_kept_runs(seed: int) -> None:
    """Runs do not depend on the image in which the table of a layer was read first."""
    dice = random.Random(seed)
    layers = [*sparse_layers(dice), *long_layers(dice)]
    with patch("ocisize.tar.paths._PIECE_ROWS", dice.choice([1, 3, 10, 1000])):
        new, read = ([attrs.evolve(table, paths=PathColumn(table.paths)) for table in tables_of(layers)] for _ in range(2))
    find_runs(dice.sample(read, len(read)))
    assert pieces_of(read) == pieces_of(new)
    assert columns_of(find_runs([*read, read[0]])) == columns_of(find_runs([*new, new[0]]))
