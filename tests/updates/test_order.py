"""The best order of build steps: against all permutations, and what the rule of thumb costs."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import pytest

from ocisize.updates import order as order_module
from ocisize.updates.order import best_order, order_cost
from ocisize.updates.packing import Part


def random_steps(numbers: random.Random, count: int) -> list[Part]:
    return [Part(10 ** numbers.uniform(0, 3), numbers.uniform(0.01, 0.95)) for _ in range(count)]


def lowest_cost(steps: Sequence[Part], needs: Sequence[Sequence[int]] = ()) -> float:
    """The cost of the best of all permutations that keep the dependencies."""
    costs = []
    for order in itertools.permutations(range(len(steps))):
        if all(order.index(lower) < order.index(step) for step, lowers in enumerate(needs) for lower in lowers):
            costs.append(order_cost(steps, order))
    return min(costs)


def simulated_cost(steps: Sequence[Part], order: Sequence[int], numbers: random.Random, updates: int) -> float:
    """The mean over random updates in which a changed step gives all steps above new layers."""
    total = 0.0
    for _ in range(updates):
        changed = [numbers.random() < steps[step].rate for step in order]
        first = changed.index(True) if True in changed else len(order)
        total += sum(steps[step].size for step in order[first:])
    return total / updates


def test_the_rule_is_the_best_of_all_permutations() -> None:
    numbers = random.Random(1)
    for _ in range(200):
        steps = random_steps(numbers, 6)
        assert order_cost(steps, best_order(steps)) == pytest.approx(lowest_cost(steps), rel=1e-9)


def test_with_dependencies_the_order_is_the_best_that_keeps_them() -> None:
    numbers = random.Random(2)
    for _ in range(100):
        steps = random_steps(numbers, 6)
        needs = [[lower for lower in range(step) if numbers.random() < 0.3] for step in range(6)]
        order = best_order(steps, needs)
        assert sorted(order) == list(range(6))
        assert order_cost(steps, order) == pytest.approx(lowest_cost(steps, needs), rel=1e-9)


def test_many_steps_keep_their_dependencies_and_come_near(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search without sets, on cases that permutations can judge: at most 5 % above the best, and mostly the best."""
    monkeypatch.setattr(order_module, "MAX_EXACT_STEPS", 0)
    numbers, ratios = random.Random(3), []
    for _ in range(100):
        steps = random_steps(numbers, 6)
        needs = [[lower for lower in range(step) if numbers.random() < 0.3] for step in range(6)]
        order = best_order(steps, needs)
        assert all(order.index(lower) < order.index(step) for step in range(6) for lower in needs[step])
        ratios.append(order_cost(steps, order) / lowest_cost(steps, needs))
    assert max(ratios) < 1.05 and sum(ratio < 1 + 1e-9 for ratio in ratios) >= 90


def test_rarely_changed_first_is_not_the_rule() -> None:
    """A large step belongs below a small one that changes less often."""
    steps = [Part(1, 0.1), Part(1000, 0.15)]
    assert best_order(steps) == [1, 0]
    assert order_cost(steps, [0, 1]) > 1.5 * order_cost(steps, [1, 0])


def test_the_cost_is_that_of_random_updates() -> None:
    numbers = random.Random(4)
    for _ in range(5):
        steps = random_steps(numbers, 5)
        order = numbers.sample(range(5), 5)
        assert simulated_cost(steps, order, numbers, 20_000) == pytest.approx(order_cost(steps, order), rel=0.05)
