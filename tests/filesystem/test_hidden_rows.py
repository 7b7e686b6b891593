"""find_hidden: few and many hidden rows, by a search of single bytes, equal a look at each row."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from ocisize.filesystem.hidden_rows import find_hidden

_LAYERS = st.sampled_from((0, 1, 255, 256, 65_535, 65_536, 2**24 - 1))


@given(st.integers(0, 200), st.dictionaries(st.integers(0, 199), _LAYERS))
def test_hidden_rows_are_those_with_a_layer(rows: int, hiders: dict[int, int]) -> None:
    hidden_by = array("i", [hiders.get(row, -1) for row in range(rows)])

    assert find_hidden(hidden_by) == [row for row, hider in enumerate(hidden_by) if hider >= 0]
