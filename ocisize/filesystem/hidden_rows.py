"""find_hidden: the rows of a layer that other layers hide, mostly few of many."""

from __future__ import annotations

import re
import sys
from itertools import compress

from ocisize.tar.filetable import IntArray

_HIDDEN = re.compile(rb"\0")  # the highest byte of the index of a layer; that of -1 is 0xff
_FLAGS = bytes([1]) + bytes(255)  # translate the highest bytes to flags
_FEW = 16  # with fewer hidden rows than one in so many, a search takes less time than a selection


def find_hidden(hidden_by: IntArray) -> list[int]:
    """Return the rows that are hidden, ascending.

    Args:
        hidden_by: ("i") by row, the index of the layer that hides the row, -1 for none.

    >>> from array import array
    >>> find_hidden(array("i", [-1, 3, -1, 0]))
    [1, 3]

    """
    # One byte per row tells: 0.2 ms for 190,000 rows, where a comparison of all numbers takes 12 ms.
    width = hidden_by.itemsize
    highest = hidden_by.tobytes()[width - 1 if sys.byteorder == "little" else 0 :: width]
    if _FEW * highest.count(0) < len(highest):
        return [match.start() for match in _HIDDEN.finditer(highest)]
    return list(compress(range(len(highest)), highest.translate(_FLAGS)))
