"""Figures over several updates: the total, the mean, the 95th percentile."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.updates import Release, SkippedUpdates, UpdateSums
from ocisize.updates.pulls import pull_sizes

SKIPS = (1, 2, 4, 8)  #: every how many releases hosts update that skip some
_PERCENTILE = 95


def sum_updates(sizes: Sequence[int], whole: Sequence[int]) -> UpdateSums:
    """Return the figures of updates of ``sizes`` bytes to releases of ``whole`` bytes.

    The 95th percentile is that of the nearest rank: a size that occurs.

    >>> sum_updates([10, 30, 20], [100, 100, 100])
    UpdateSums(count=3, total=60, mean=20.0, p95=30, largest=30, share=0.2)
    """
    if not sizes:
        return UpdateSums(0, 0, 0.0, 0, 0, 0.0)
    total, ordered = sum(sizes), sorted(sizes)
    rank = -(-len(sizes) * _PERCENTILE // 100)
    share = total / sum(whole) if sum(whole) else 0.0
    return UpdateSums(len(sizes), total, total / len(sizes), ordered[rank - 1], ordered[-1], share)


def skip_updates(releases: Sequence[Release], step: int) -> SkippedUpdates:
    """Return what hosts download that install every ``step``-th release, whichever release they begin with."""
    pairs = list(zip(releases, releases[step:], strict=False))
    sizes = [pull_sizes(before, after) for before, after in pairs]
    whole = [after.size for _, after in pairs]
    return SkippedUpdates(
        step,
        sum_updates([by_blob for by_blob, _ in sizes], whole),
        sum_updates([by_chain for _, by_chain in sizes], whole),
    )
