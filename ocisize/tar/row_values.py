"""row_values: the values of some rows in a column of a table."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import TypeVar

_ValueT = TypeVar("_ValueT")


def row_values(column: Sequence[_ValueT], rows: Sequence[int]) -> tuple[_ValueT, ...]:
    """Return the values of ``rows`` in a column, in the order of the rows.

    >>> row_values(bytes([5, 6, 7]), [2, 0])
    (7, 5)
    """
    if len(rows) > 1:  # of one row, an itemgetter returns no tuple
        values: tuple[_ValueT, ...] = itemgetter(*rows)(column)  # half the time of ``map(column.__getitem__, rows)``
        return values
    return tuple(map(column.__getitem__, rows))
