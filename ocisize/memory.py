"""The memory law: what an analysis takes at most, and what that leaves for the entries of an image.

::

    peak = BASE + jobs * (PER_JOB + zstd window) + times * (PER_ENTRY * entries + PER_BYTE * metadata)

``entries`` and ``metadata`` are what ``limits`` counts: entries of all layers with the directories that only paths name,
and bytes of paths, links' targets and extended headers. ``times`` is 1 for an analysis and a report of its figures; more
where several images are held at once or a report lists files. Sizes of layers and files are not in it.
``tests/test_memory.py`` measures it.
"""

from __future__ import annotations

import attrs

from ocisize.errors import LimitExceeded
from ocisize.limits import PER_BYTE, PER_ENTRY, Limits

__all__ = ["BASE", "EVERY_FILE", "PER_BYTE", "PER_ENTRY", "PER_JOB", "TWO_IMAGES", "limits_within"]

BASE = 96 << 20  #: interpreter, modules, catalogue, what a report is written on
PER_JOB = 12 << 20  #: a layer being read: windows, decoder, chunks on their way to the hash
TWO_IMAGES = 2  #: times, where images are compared: as those of an index
EVERY_FILE = 6  #: times, where a report lists every file, or every wasted one as JSON does
_SHARE_OF_WINDOWS = 4  # part of what is left that zstd windows may take, as a divisor


def limits_within(memory: int, limits: Limits, *, jobs: int, times: int = 1) -> Limits:
    """The limits, lowered so that an analysis takes at most ``memory`` bytes.

    Raises LimitExceeded where nothing could be read in so little.
    """
    least = BASE + jobs * (PER_JOB + (1 << 20))
    left = memory - BASE - jobs * PER_JOB
    window = min(limits.zstd_window, max(left, 0) // (_SHARE_OF_WINDOWS * jobs))
    left -= jobs * window
    if memory <= least:
        what = f"reading {jobs} layers at once" if jobs > 1 else "reading a layer"
        raise LimitExceeded(
            f"too little memory: {what} takes more than {least:,} bytes, allowed are {memory:,}",
            limit="memory",
            got=least,
            allowed=memory,
            hint="allow more with --max-memory" + (", or read fewer at once with --jobs" if jobs > 1 else ""),
        )
    return attrs.evolve(limits, memory=min(left // times, limits.memory or left), zstd_window=window)
