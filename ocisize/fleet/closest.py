"""Which root shares the most with each root, and what each two of the largest share."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.fleet.table import SharingTable
from ocisize.model.fleet_figures import SharedPair, SharingMatrix

MAX_COMPARED = 200  #: roots that one root is compared with: all pairs of 20,000 images on one base would be 200 million
MAX_PAIRS = 100  #: pairs that are listed
MAX_MATRIX = 30  #: roots of the matrix


def find_closest(table: SharingTable) -> list[SharedPair | None]:
    """Return for each root the pair with the root that shares the most bytes with it; None for one that shares nothing.

    Roots that share what few reach come first, since they usually share the rest, too; the search ends where no other root
    can share more. It ends as well after ``MAX_COMPARED`` comparisons, so that another root may share more in fleets
    where hundreds of images share parts in many combinations.
    """
    return [_find_closest(table, root) for root in range(len(table.by_root))]


def _find_closest(table: SharingTable, root: int) -> SharedPair | None:
    shared = [number for number in table.by_root[root] if len(table.bundles[number].roots) > 1]
    possible = sum(table.bundles[number].size for number in shared)  # bytes that a root not seen yet may share
    best, best_size = root, 0
    seen = {root}
    for number in shared:
        if best_size >= possible:
            break
        for other in table.bundles[number].roots:
            if other in seen:
                continue
            seen.add(other)
            size = table.shared_by(root, other)
            if size > best_size:
                best, best_size = other, size
            if best_size >= possible or len(seen) > MAX_COMPARED:
                break
        if len(seen) > MAX_COMPARED:
            break
        possible -= table.bundles[number].size
    return SharedPair(min(root, best), max(root, best), best_size) if best_size else None


def list_pairs(closest: Sequence[SharedPair | None]) -> list[SharedPair]:
    """Return the distinct pairs, those that share the most first, ``MAX_PAIRS`` at most."""
    pairs = {(pair.first, pair.second): pair for pair in closest if pair is not None}
    return sorted(pairs.values(), key=lambda pair: (-pair.size, pair.first, pair.second))[:MAX_PAIRS]


def make_matrix(table: SharingTable, sizes: Sequence[int]) -> SharingMatrix:
    """Return what each two of the ``MAX_MATRIX`` largest roots share; ``sizes`` are the bytes of all roots."""
    largest = sorted(range(len(sizes)), key=lambda root: (-sizes[root], root))[:MAX_MATRIX]
    rows = tuple(tuple(table.shared_by(row, column) for column in largest) for row in largest)
    return SharingMatrix(tuple(largest), rows)
