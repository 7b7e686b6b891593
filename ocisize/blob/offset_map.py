"""What each entry costs on the wire: compressed positions of uncompressed offsets.

While a layer streams, its decoder's position in the stored blob is noted every 4 to 128 KiB; between two notes the
position is interpolated. Law: the entries' shares and the overhead add up to the blob's size, exactly.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import attrs

from ocisize.tar.filetable import IntArray


@attrs.define
class OffsetMap:
    """Pairs of (uncompressed, stored) positions, both ascending, from (0, 0) to the end of both streams."""

    uncompressed: IntArray = attrs.field(factory=lambda: array("q", [0]))
    stored: IntArray = attrs.field(factory=lambda: array("q", [0]))

    def note(self, uncompressed: int, stored: int) -> None:
        """Add a pair; positions never go back."""
        self.uncompressed.append(uncompressed)
        self.stored.append(stored)

    def shares(self, ends: Sequence[int]) -> IntArray:
        """Stored bytes from each end to the next, the first from 0; rounding never loses or adds a byte."""
        shares = array("q")
        add = shares.append
        uncompressed, stored = self.uncompressed, self.stored
        last, previous, note = len(uncompressed) - 1, 0, 0
        low = high = low_stored = high_stored = 0
        for end in ends:
            while end > high and note < last:
                note += 1
                low, low_stored = high, high_stored
                high, high_stored = uncompressed[note], stored[note]
            here = high_stored
            if end < high:
                here = low_stored + (end - low) * (high_stored - low_stored) // (high - low)
            add(here - previous)
            previous = here
        return shares
