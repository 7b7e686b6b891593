"""The division of a layer: which of its parts share a layer, so that updates download as little as possible.

A group of parts is downloaded if one of its parts changes. With sizes s and probabilities p of a change in an update, parts
that change independently cost in groups g

    sum over g of (sum of s in g) * (1 - product over g of (1 - p)),

at least ``sum of s * p``, the cost of a layer for each part. The best division into runs of parts sorted by p is found
exactly, then single parts move to other groups as long as this lowers the cost. A second search begins with parts sorted by
``p * s``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ocisize.tuples import NamedTuple

PAYBACK_UPDATES = 8  #: a new division of a layer is worth its download if it saves as much in so many updates
_MAX_ROUNDS = 100  # of moves; each one lowers the cost
_LEAST_GAIN = 1e-9  # of a move, per bytes of all parts


class Part(NamedTuple):
    """A part of a layer."""

    size: float  #: bytes of download
    rate: float  #: probability that an update changes the part, above 0 and below 1


def estimate_rate(changes: int, updates: int) -> float:
    """Return the probability of a change in the next update, from those of the past: ``(changes + 0.5) / (updates + 1)``.

    This is the mean of Jeffreys' prior after so many updates: never 0 and never 1.

    >>> estimate_rate(0, 9), estimate_rate(9, 9)
    (0.05, 0.95)
    """
    return (changes + 0.5) / (updates + 1)


def packing_cost(parts: Sequence[Part], groups: Sequence[int]) -> float:
    """Return the bytes that an update downloads on average; ``groups`` has the number of the group of each part.

    >>> round(packing_cost([Part(100, 0.5), Part(1000, 0.01)], [0, 1]))
    60
    """
    sizes, unchanged = dict[int, float](), dict[int, float]()
    for part, group in zip(parts, groups, strict=True):
        sizes[group] = sizes.get(group, 0.0) + part.size
        unchanged[group] = unchanged.get(group, 1.0) * (1 - part.rate)
    return sum(size * (1 - unchanged[group]) for group, size in sizes.items())


def cost_bound(parts: Sequence[Part]) -> float:
    """Return the cost of a layer for each part, below which no division is."""
    return sum(part.size * part.rate for part in parts)


def pack(parts: Sequence[Part], count: int, previous: Sequence[int | None] = ()) -> list[int]:
    """Return the group of each part, of 0 to ``count`` - 1.

    Args:
        parts: of one layer.
        count: how many groups there may be, at least 1.
        previous: the groups of the same parts in the division that hosts have, None for a part that is new. A group whose
            parts differ is downloaded once, which has to pay within ``PAYBACK_UPDATES``. Without it every division is free.

    >>> pack([Part(10, 0.9), Part(1000, 0.01), Part(20, 0.8), Part(2000, 0.02)], 2)
    [1, 0, 1, 0]

    """
    orders = [
        sorted(range(len(parts)), key=lambda number: parts[number].rate),
        sorted(range(len(parts)), key=lambda number: parts[number].rate * parts[number].size),
    ]
    packings = [_Packing(parts, count, pack_runs(parts, order, count), ()).improve() for order in orders]
    fresh = min(packings, key=lambda packing: packing.objective())
    if not previous:
        return fresh.groups
    kept = [0 if group is None else group for group in previous]
    candidates = [
        _Packing(parts, count, kept, previous),
        _Packing(parts, count, kept, previous).improve(),
        _Packing(parts, count, _match(fresh.groups, kept, parts, count), previous).improve(),
    ]
    return min(candidates, key=lambda packing: packing.objective()).groups


def pack_runs(parts: Sequence[Part], order: Sequence[int], count: int) -> list[int]:
    """Return the best division of parts into at most ``count`` runs of an order, in O(count * n^2)."""
    sizes, logs = [0.0], [0.0]
    for number in order:
        sizes.append(sizes[-1] + parts[number].size)
        logs.append(logs[-1] + math.log1p(-parts[number].rate))
    length = len(parts)

    def cost(start: int, end: int) -> float:
        return (sizes[end] - sizes[start]) * -math.expm1(logs[end] - logs[start])

    best = [cost(0, end) for end in range(length + 1)]
    starts = [[0] * (length + 1)]
    for _ in range(1, min(count, length)):
        row, cuts = [0.0] * (length + 1), [0] * (length + 1)
        for end in range(1, length + 1):
            row[end], cuts[end] = min((best[start] + cost(start, end), start) for start in range(end))
        best = row
        starts.append(cuts)
    groups, end = [0] * length, length
    for group in range(len(starts) - 1, -1, -1):
        start = starts[group][end]
        for number in order[start:end]:
            groups[number] = group
        end = start
    return groups


def _match(groups: Sequence[int], previous: Sequence[int], parts: Sequence[Part], count: int) -> list[int]:
    """The same division with the numbers of the groups of ``previous`` that share most bytes."""
    shared = dict[tuple[int, int], float]()
    for group, old, part in zip(groups, previous, parts, strict=True):
        shared[group, old] = shared.get((group, old), 0.0) + part.size
    names, free = dict[int, int](), set(range(count))
    for group, old in sorted(shared, key=lambda pair: (-shared[pair], pair)):
        if group not in names and old in free:
            names[group] = old
            free.discard(old)
    for group in groups:
        if group not in names:
            names[group] = free.pop()
    return [names[group] for group in groups]


class _Packing:
    """A division whose parts can move: sums by group, so that a move is judged in constant time."""

    def __init__(self, parts: Sequence[Part], count: int, groups: Sequence[int], previous: Sequence[int | None]) -> None:
        self.parts, self.count, self.groups, self.previous = parts, count, list(groups), previous
        self.logs = [math.log1p(-part.rate) for part in parts]
        self.sizes, self.sums, self.foreign = [0.0] * count, [0.0] * count, [0] * count
        for number, group in enumerate(self.groups):
            self._put(number, group, 1)
        for old in previous:
            if old is not None:
                self.foreign[old] += 1
        for number, group in enumerate(self.groups):
            if previous and previous[number] == group:
                self.foreign[group] -= 2  # counted as a part that is there, and as one that was there

    def _put(self, number: int, group: int, sign: int) -> None:
        """Count a part in a group, or take it out; ``foreign`` is the number of parts that only one division has there."""
        self.sizes[group] += sign * self.parts[number].size
        self.sums[group] += sign * self.logs[number]
        self.foreign[group] += sign

    def _cost(self, group: int, size: float = 0.0, log: float = 0.0, foreign: int = 0) -> float:
        """The cost of a group with a change: for each update, and once if its parts differ from those that hosts have."""
        total = max(self.sizes[group] + size, 0.0)
        cost = total * -math.expm1(min(self.sums[group] + log, 0.0))
        if self.previous:
            cost += total / PAYBACK_UPDATES * (self.foreign[group] + foreign > 0)
        return cost

    def objective(self) -> float:
        """The bytes of an update on average, with the share of the new division."""
        return sum(self._cost(group) for group in range(self.count))

    def improve(self) -> _Packing:
        """Move single parts as long as one lowers the cost."""
        least = _LEAST_GAIN * (sum(part.size for part in self.parts) or 1.0)
        for _ in range(_MAX_ROUNDS):
            moves = [self._move(number, least) for number in range(len(self.parts))]
            if not any(moves):
                break
        return self

    def _move(self, number: int, least: float) -> bool:
        """Move a part to the group where it costs least; returns whether it moved."""
        old, size, log = self.groups[number], self.parts[number].size, self.logs[number]
        home = self.previous[number] if self.previous else None
        leave = self._cost(old, -size, -log, 1 if home == old else -1) - self._cost(old)
        best, gain = old, -least
        for group in range(self.count):
            if group != old:
                change = leave + self._cost(group, size, log, -1 if home == group else 1) - self._cost(group)
                if change < gain:
                    best, gain = group, change
        if best == old:
            return False
        for group, sign in ((old, -1), (best, 1)):
            self._put(number, group, sign)
            if home == group:  # the part is foreign where the other division has it
                self.foreign[group] -= 2 * sign
        self.groups[number] = best
        return True
