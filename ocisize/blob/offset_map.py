"""OffsetMap: where an offset of the uncompressed stream lies in the stored blob, and so the compressed size of an entry.

A compressed blob has no boundaries between tar entries. While a layer streams, the decoder's position in the stored blob is
recorded every 4 to 128 KiB; positions between two of these points are interpolated. The compressed sizes of all entries and
the overhead, which is the rest of the blob, add up to the blob's size exactly.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from ocisize.tar.filetable import IntArray
from ocisize.values import define, field


@define
class OffsetMap:
    """Points of two streams: ``uncompressed[i]`` bytes of output came from ``stored[i]`` bytes of the blob.

    Both columns ascend, from 0 to the ends of the streams.

    >>> offsets = OffsetMap()
    >>> offsets.add(uncompressed=1000, stored=100)
    >>> offsets.add(uncompressed=2000, stored=500)
    >>> list(offsets.compressed_sizes([500, 1500, 2000]))  # of entries that end at these offsets
    [50, 250, 200]
    """

    uncompressed: IntArray = field(factory=lambda: array("q", [0]))
    stored: IntArray = field(factory=lambda: array("q", [0]))

    def add(self, uncompressed: int, stored: int) -> None:
        """Add a point; its offsets must not be less than those of the point before."""
        self.uncompressed.append(uncompressed)
        self.stored.append(stored)

    def compressed_sizes(self, ends: Sequence[int]) -> IntArray:
        """Stored bytes of each entry, from the uncompressed offsets at which the entries end, ascending.

        The first entry starts at 0, every other one where the entry before it ends. Rounding neither loses nor adds bytes.
        """
        sizes = array("q")
        add = sizes.append
        uncompressed, stored = self.uncompressed, self.stored
        last, point = len(uncompressed) - 1, 0
        stored_start = low = high = low_stored = high_stored = 0
        for end in ends:
            while end > high and point < last:
                point += 1
                low, low_stored = high, high_stored
                high, high_stored = uncompressed[point], stored[point]
            stored_end = high_stored
            if end < high:
                stored_end = low_stored + (end - low) * (high_stored - low_stored) // (high - low)
            add(stored_end - stored_start)
            stored_start = stored_end
        return sizes
