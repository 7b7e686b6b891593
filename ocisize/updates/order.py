"""The order of build steps in which updates download least.

A build step that changes gives all steps above it new layers. With sizes s, and probabilities p that a step itself changes,
an order costs on average

    sum over steps j of s_j * (1 - product over j and all steps below of (1 - p_i)).

Without dependencies the best order sorts by ``p / ((1 - p) * s)``, ascending: exchange two neighbors, and compare. Of two
steps that change as often, the larger one belongs below; a large step may belong below a small one that changes less often.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ocisize.updates.packing import Part

MAX_EXACT_STEPS = 12  #: with dependencies, orders of so many steps are searched exactly: 2^12 sets
MAX_STEPS = 127  #: that are ordered: the layers of an image that Docker builds at most; the time grows with their cube
_MAX_ROUNDS = 10  # of moves of single steps


def order_cost(steps: Sequence[Part], order: Sequence[int]) -> float:
    """Return the bytes that an update downloads on average; ``order`` has the numbers of the steps, lowest first.

    >>> steps = [Part(100, 0.5), Part(1000, 0.01)]
    >>> round(order_cost(steps, [0, 1])), round(order_cost(steps, [1, 0]))
    (555, 61)
    """
    total, unchanged = 0.0, 1.0
    for number in order:
        unchanged *= 1 - steps[number].rate
        total += steps[number].size * (1 - unchanged)
    return total


def order_key(step: Part) -> float:
    """Return what steps without dependencies are sorted by: the odds of a change, for each byte."""
    return step.rate / ((1 - step.rate) * step.size) if step.size > 0 else float("inf")


def best_order(steps: Sequence[Part], needs: Sequence[Collection[int]] = ()) -> list[int]:
    """Return the numbers of the steps, lowest first, in the order of the lowest cost.

    Args:
        steps: sizes and probabilities.
        needs: for each step the numbers of those that must stay below. Without dependencies the order is the best one, with
            dependencies it is the best one of up to ``MAX_EXACT_STEPS`` steps, and a good one of more.

    >>> best_order([Part(100, 0.5), Part(1000, 0.01), Part(10, 0.1)])
    [1, 0, 2]
    >>> best_order([Part(100, 0.5), Part(1000, 0.01), Part(10, 0.1)], [[], [0], []])
    [0, 1, 2]

    """
    by_key = sorted(range(len(steps)), key=lambda number: (order_key(steps[number]), number))
    if not any(needs):
        return by_key
    if len(steps) <= MAX_EXACT_STEPS:
        return _search(steps, needs)
    return _improve(steps, needs, _list_ready(by_key, needs))


def _search(steps: Sequence[Part], needs: Sequence[Collection[int]]) -> list[int]:
    """The best order: what a step costs depends on the set of the steps below, not on their order."""
    count = len(steps)
    masks = [sum(1 << lower for lower in lowers) for lowers in needs]
    best: dict[int, tuple[float, int]] = {0: (0.0, -1)}  # by set of the lowest steps: the cost, and the uppermost of them
    for chosen in range(1 << count):
        if chosen not in best:
            continue
        cost = best[chosen][0]
        unchanged = 1.0
        for number in range(count):
            if chosen >> number & 1:
                unchanged *= 1 - steps[number].rate
        for number in range(count):
            if chosen >> number & 1 or masks[number] & ~chosen:
                continue
            step, larger = steps[number], chosen | 1 << number
            total = cost + step.size * (1 - unchanged * (1 - step.rate))
            if larger not in best or total < best[larger][0]:
                best[larger] = total, number
    order, chosen = list[int](), (1 << count) - 1
    while chosen:
        number = best[chosen][1]
        order.append(number)
        chosen ^= 1 << number
    return order[::-1]


def _list_ready(by_key: Sequence[int], needs: Sequence[Collection[int]]) -> list[int]:
    """The first step by key whose needs are met, again and again."""
    order, left = list[int](), list(by_key)
    while left:
        ready = next(number for number in left if all(lower in order for lower in needs[number]))
        order.append(ready)
        left.remove(ready)
    return order


def _improve(steps: Sequence[Part], needs: Sequence[Collection[int]], order: list[int]) -> list[int]:
    """Move single steps as long as one lowers the cost, ``_MAX_ROUNDS`` times at most."""
    best = order_cost(steps, order)
    for _ in range(_MAX_ROUNDS):
        moved = False
        for number in list(order):
            rest = [other for other in order if other != number]
            for place in range(len(order)):
                candidate = [*rest[:place], number, *rest[place:]]
                if _is_allowed(candidate, needs) and (cost := order_cost(steps, candidate)) < best * (1 - 1e-12):
                    order, best, moved = candidate, cost, True
                    break
        if not moved:
            break
    return order


def _is_allowed(order: Sequence[int], needs: Sequence[Collection[int]]) -> bool:
    place = {number: position for position, number in enumerate(order)}
    return all(place[lower] < place[number] for number in order for lower in needs[number])
