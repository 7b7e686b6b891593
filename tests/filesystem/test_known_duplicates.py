"""KnownDuplicates: an image on known layers has the duplicates that it has when all rows are compared."""

from __future__ import annotations

import io
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.filesystem.duplicates import Duplicates, find_duplicates
from ocisize.filesystem.known_duplicates import KnownDuplicates
from ocisize.filesystem.overlay import overlay_all
from ocisize.tar.filetable import FileTable
from ocisize.tar.scanner import scan_tar
from tests.images import tar_bytes

LAYERS = st.lists(
    st.dictionaries(
        st.sampled_from(["a", "b", "c", "d/a", "d/b", "e/c", ".wh.a", ".wh.b", "d/.wh.a", "d/.wh..wh..opq", ".wh.d"]),
        st.sampled_from([b"", b"x" * 20, b"y" * 20, b"z" * 30]),
        max_size=6,
    ),
    max_size=3,
)


def tables_of(layers: Sequence[dict[str, bytes]]) -> list[FileTable]:
    return [scan_tar(io.BytesIO(tar_bytes(entries))) for entries in layers]


def found_in(duplicates: Sequence[Duplicates]) -> list[tuple[int, dict[int, int]]]:
    return [(of_layer.size, dict(zip(of_layer.rows, of_layer.originals, strict=True))) for of_layer in duplicates]


@settings(max_examples=200, deadline=None)
@given(LAYERS, LAYERS, LAYERS, LAYERS)
def test_any_layers_on_known_ones(
    below: list[dict[str, bytes]],
    known: list[dict[str, bytes]],
    first: list[dict[str, bytes]],
    above: list[dict[str, bytes]],
) -> None:
    """Other layers hide rows of the known ones, no longer hide them, and have contents that they have."""
    before = tables_of([*known, *first])
    duplicates = KnownDuplicates(range(len(known)))
    duplicates.find_among_large(before, overlay_all(before))
    tables = tables_of([*below, *known, *above])
    again = KnownDuplicates(range(len(below), len(below) + len(known)), duplicates.pairs)
    overlay = overlay_all(tables)
    found = again.compare(tables, overlay)
    assert found_in(found) == found_in(find_duplicates(tables, overlay))
    for index, of_layer in enumerate(found):
        assert len(of_layer.known) == len(of_layer.rows)
        for row, place in zip(of_layer.rows, of_layer.known, strict=True):
            assert place < 0 or duplicates.pairs[index - len(below)].rows[place] == row


def test_few_large_layers_are_not_worth_it() -> None:
    """Where most rows are in other layers, all rows are compared, and nothing is known."""
    tables = tables_of([{"a": b"1"}, {"b": b"1", "c": b"1", "d": b"2"}])
    known = KnownDuplicates([0])
    found = known.find(tables, overlay_all(tables))
    assert found_in(found) == [(0, {}), (2, {0: 0, 1: 0})]
    assert not known.pairs
