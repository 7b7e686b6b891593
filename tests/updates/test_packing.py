"""The division of a layer: against exhaustive search, its bound, and its stickiness."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.updates.packing import PAYBACK_UPDATES, Part, cost_bound, pack, pack_runs, packing_cost

parts_of_layers = st.lists(
    st.builds(Part, st.floats(1, 1e6), st.floats(0.01, 0.99)), min_size=1, max_size=12
)  # fmt: skip


def random_parts(numbers: random.Random, count: int) -> list[Part]:
    return [Part(10 ** numbers.uniform(0, 3), numbers.betavariate(0.5, 2) * 0.98 + 0.01) for _ in range(count)]


def by_rate(parts: Sequence[Part]) -> list[int]:
    """The best division into three runs of parts sorted by their rates."""
    return pack_runs(parts, sorted(range(len(parts)), key=lambda number: parts[number].rate), 3)


def all_packings(length: int, count: int) -> Iterator[tuple[int, ...]]:
    """All divisions into at most ``count`` groups, each once: a new group has the next number."""
    for groups in itertools.product(range(count), repeat=length):
        if all(group <= max(groups[:place], default=-1) + 1 for place, group in enumerate(groups)):
            yield groups


def test_packings_are_nearly_always_the_best_ones() -> None:
    """Eight parts in three groups, 60 cases: at least 90 % optimal, at worst 10 % above."""
    numbers = random.Random(5)
    ratios, sorted_ratios = [], []
    for _ in range(60):
        parts = random_parts(numbers, 8)
        lowest = min(packing_cost(parts, groups) for groups in all_packings(8, 3))
        ratios.append(packing_cost(parts, pack(parts, 3)) / lowest)
        sorted_ratios.append(packing_cost(parts, by_rate(parts)) / lowest)
    assert min(ratios) > 1 - 1e-9
    assert sum(ratio < 1 + 1e-9 for ratio in ratios) >= 54 and max(ratios) <= 1.1
    assert sum(sorted_ratios) > sum(ratios)  # the moves are worth something


def test_runs_of_sorted_parts_are_the_best_runs() -> None:
    """Against all ways to cut the sorted parts."""
    numbers = random.Random(6)
    for _ in range(50):
        parts = sorted(random_parts(numbers, 7), key=lambda part: part.rate)
        lowest = min(
            packing_cost(parts, [sum(place >= cut for cut in cuts) for place in range(7)])
            for cuts in itertools.combinations_with_replacement(range(8), 2)
        )
        assert packing_cost(parts, by_rate(parts)) == pytest.approx(lowest, rel=1e-9)


@given(parts_of_layers, st.integers(1, 5))
def test_no_packing_is_below_the_bound_or_above_one_group(parts: list[Part], count: int) -> None:
    groups = pack(parts, count)
    assert len(groups) == len(parts) and set(groups) <= set(range(count))
    cost = packing_cost(parts, groups)
    assert cost_bound(parts) * (1 - 1e-9) <= cost <= packing_cost(parts, [0] * len(parts)) * (1 + 1e-9)


def objective(parts: Sequence[Part], groups: Sequence[int], previous: Sequence[int | None], count: int) -> float:
    """The slow reference: the cost, and the groups that differ from those that hosts have, spread over updates."""
    total = packing_cost(parts, groups)
    for group in range(count):
        now = {number for number, other in enumerate(groups) if other == group}
        before = {number for number, other in enumerate(previous) if other == group}
        if now != before:
            total += sum(parts[number].size for number in now) / PAYBACK_UPDATES
    return total


@given(st.data())
def test_a_new_packing_pays_for_its_download(data: st.DataObject) -> None:
    """It never costs more than to leave all parts where they are."""
    parts = data.draw(parts_of_layers)
    previous = data.draw(
        st.lists(st.none() | st.integers(0, 2), min_size=len(parts), max_size=len(parts)), label="previous"
    )  # fmt: skip
    groups = pack(parts, 3, previous)
    kept = [0 if group is None else group for group in previous]
    assert objective(parts, groups, previous, 3) <= objective(parts, kept, previous, 3) * (1 + 1e-9)


def test_sticky_packings_are_nearly_the_best_ones() -> None:
    """Against exhaustive search with the same costs: at most 25 % above, and mostly the best."""
    numbers, ratios = random.Random(7), []
    for _ in range(40):
        parts = random_parts(numbers, 6)
        previous = [numbers.randrange(3) for _ in parts]
        lowest = min(objective(parts, groups, previous, 3) for groups in itertools.product(range(3), repeat=6))
        ratios.append(objective(parts, pack(parts, 3, previous), previous, 3) / lowest)
    assert min(ratios) > 1 - 1e-9 and sum(ratio < 1 + 1e-9 for ratio in ratios) >= 30 and max(ratios) <= 1.25


def test_a_small_gain_moves_nothing() -> None:
    """Two parts that change nearly as often stay where they are, a part that begins to change leaves."""
    parts = [Part(1000, 0.010), Part(1000, 0.012), Part(1000, 0.011), Part(500, 0.9)]
    assert pack(parts, 2, [0, 0, 1, 1]) != [0, 0, 1, 1]
    parts = [Part(1000, 0.010), Part(1000, 0.012), Part(1000, 0.30), Part(500, 0.31)]
    assert pack(parts, 2, [0, 0, 1, 1]) == [0, 0, 1, 1]
