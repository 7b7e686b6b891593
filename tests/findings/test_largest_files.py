"""largest_places: the largest files of rows by layer, as sorting all of them finds them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.findings import largest_files
from ocisize.findings.largest_files import largest_places
from ocisize.tar.row_values import row_values

_SIZES = st.lists(st.sampled_from((0, 1, 2, 3, 50, 10**12)), max_size=60)


@given(st.lists(_SIZES, max_size=3), st.integers(1, 6), st.integers(1, 64))
def test_largest_places(columns: list[list[int]], count: int, sample: int) -> None:
    sizes = dict(enumerate(columns))
    rows = {layer: [7 + 2 * place for place in range(len(column))] for layer, column in sizes.items()}
    expected = sorted(
        (-size, layer, row) for layer in sizes for size, row in zip(sizes[layer], rows[layer], strict=True) if size
    )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(largest_files, "_SAMPLE", sample)
        assert largest_places(rows, sizes, count) == [(layer, row) for _, layer, row in expected[:count]]


@given(st.lists(st.integers(0, 9), max_size=4))
def test_row_values(rows: list[int]) -> None:
    assert row_values(range(100, 110), rows) == tuple(100 + row for row in rows)
