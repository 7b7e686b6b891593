"""Bytes split into whole parts that add up exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ocisize.fleet.table import SharingTable


def round_parts(parts: Sequence[Fraction], total: int) -> list[int]:
    """Return whole numbers for parts whose sum is ``total``, each less than one from its part (largest remainders).

    >>> round_parts([Fraction(10, 3)] * 3, 10)
    [4, 3, 3]
    """
    whole = [part.numerator // part.denominator for part in parts]
    left = total - sum(whole)
    remainders = [float(part - below) for part, below in zip(parts, whole, strict=True)]
    for index in sorted(range(len(parts)), key=lambda index: (-remainders[index], index))[:left]:
        whole[index] += 1
    return whole


def split_evenly(size: int, count: int) -> list[int]:
    """Return ``count`` whole numbers with the sum ``size``, the larger ones first.

    >>> split_evenly(10, 3)
    [4, 3, 3]
    """
    quotient, rest = divmod(size, count)
    return [quotient + 1] * rest + [quotient] * (count - rest)


def amortise(table: SharingTable) -> list[int]:
    """Return the part of each root in its store: each blob is split evenly among the roots that reach it.

    The parts of all roots of a store add up to the bytes of the store.
    """
    whole = [0] * len(table.by_root)
    fractions: list[list[Fraction]] = [[] for _ in whole]
    stored: dict[int, int] = {}  # by store
    for bundle in table.bundles:
        store = table.fleet.roots[bundle.roots[0]].store
        stored[store] = stored.get(store, 0) + bundle.size
        part, rest = divmod(bundle.size, len(bundle.roots))
        fraction = Fraction(rest, len(bundle.roots)) if rest else None
        for root in bundle.roots:
            whole[root] += part
            if fraction is not None:
                fractions[root].append(fraction)
    exact = [Fraction(part) + sum(rests, Fraction()) for part, rests in zip(whole, fractions, strict=True)]
    result = [0] * len(exact)
    for store, size in stored.items():
        roots = [index for index, root in enumerate(table.fleet.roots) if root.store == store]
        for index, part in zip(roots, round_parts([exact[index] for index in roots], size), strict=True):
            result[index] = part
    return result
