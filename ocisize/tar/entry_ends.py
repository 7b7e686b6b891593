"""The ends of entries as the bytes that lie between contents, of which most are one header, and back."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from itertools import accumulate
from operator import add, sub
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    IntArray: TypeAlias = array[int]

_BLOCK = 512


class EntryEnds:
    """The ends of a table's entries that nobody has asked for yet: reports without JSON of all files need none.

    >>> from array import array
    >>> sizes = array("q", [600, 0])
    >>> gaps = find_gaps(array("q", [1536, 2048]), sizes, {})
    >>> list(gaps), list(EntryEnds(gaps, sizes, {}).compute())
    ([512, 512], [1536, 2048])
    """

    __slots__ = ("_gaps", "_sizes", "_stored_sizes")

    def __init__(self, gaps: IntArray, sizes: IntArray, stored_sizes: Mapping[int, int]) -> None:
        self._gaps, self._sizes, self._stored_sizes = gaps, sizes, stored_sizes

    def compute(self) -> IntArray:
        """The ends ("q"). Raises OverflowError for sizes that no tar has together."""
        return array("q", accumulate(map(add, _padded_sizes(self._sizes, self._stored_sizes), self._gaps)))


def find_gaps(ends: IntArray, sizes: IntArray, stored_sizes: Mapping[int, int]) -> IntArray:
    """Return by row the bytes between the contents of the row and of the row before ("q"); no ends have no gaps."""
    lengths = map(sub, ends, [0, *ends])
    return array("q", map(sub, lengths, _padded_sizes(sizes, stored_sizes)))


def _padded_sizes(sizes: IntArray, stored_sizes: Mapping[int, int]) -> list[int]:
    """By row, the blocks of its content in bytes."""
    contents = sizes.tolist()
    for row, stored in stored_sizes.items():
        contents[row] = stored
    return [(size + _BLOCK - 1) & -_BLOCK for size in contents]
