"""find_deletions: references whose deletion together frees much."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence

from ocisize.fleet.deletions import match_references, sum_bundles, sum_freed
from ocisize.fleet.table import SharingTable
from ocisize.model.fleet import Fleet
from ocisize.model.fleet_figures import Deletions

MAX_TOGETHER = 50  #: roots that alone share something and are tried as one step; the time grows with the square


def find_deletions(fleet: Fleet, count: int, *, candidates: str | None = None) -> Deletions:
    """Return ``count`` references, or fewer, whose deletion together frees much.

    ``candidates`` is a glob of the references that may be deleted, see ``match_references``; None for all. A root is deleted
    with all its references or not at all.

    To find the set that frees the most is NP-hard. The search takes one step after the other: of all roots, and of all sets
    of up to ``MAX_TOGETHER`` roots that alone share something, the one that frees the most for each reference, or in a
    second search the most. The better result is returned. It may miss the best set, and never promises more than the set
    frees.
    """
    table = SharingTable(fleet)
    allowed = None if candidates is None else set(match_references(fleet, [candidates]))
    deletable = [bool(root.references) and (allowed is None or allowed.issuperset(root.references)) for root in fleet.roots]
    searches = [_Search(table, deletable, count, score).run() for score in (_gain_per_reference, _gain)]
    best = max(searches, key=lambda roots: sum_bundles(table, roots))
    references, gains = list[str](), list[int]()
    for number, root in enumerate(best):
        before = sum_bundles(table, best[:number])
        names = fleet.roots[root].references
        references += names
        gains += [0] * (len(names) - 1) + [sum_bundles(table, best[: number + 1]) - before]
    return Deletions(references=tuple(references), gains=tuple(gains), freed=sum_freed(table, set(references)))


class _Search:
    """A search for roots with ``budget`` references in all, by the step with the highest score.

    ``score`` rates a step by the bytes that it frees and the references that it deletes.
    """

    def __init__(
        self, table: SharingTable, deletable: Sequence[bool], budget: int, score: Callable[[int, int], float]
    ) -> None:
        self._table, self._budget, self._score = table, budget, score
        self._costs = [len(root.references) for root in table.fleet.roots]
        self._left = [len(bundle.roots) for bundle in table.bundles]  # roots of each bundle that are not deleted
        self._deleted: dict[int, None] = {}
        self._steps = self._list_steps(deletable)
        self._steps_of: dict[int, list[int]] = {}  # by root
        for number, step in enumerate(self._steps):
            for root in step:
                self._steps_of.setdefault(root, []).append(number)
        self._heap: list[tuple[float, int, int]] = []  # negative score, bytes and number; a changed step is there again

    def _list_steps(self, deletable: Sequence[bool]) -> list[tuple[int, ...]]:
        """Single roots, and all roots of a bundle, as far as they may be deleted within the budget."""
        steps: dict[tuple[int, ...], None] = {(root,): None for root, may_go in enumerate(deletable) if may_go}
        for bundle in self._table.bundles:
            if len(bundle.roots) <= min(self._budget, MAX_TOGETHER) and all(deletable[root] for root in bundle.roots):
                steps[bundle.roots] = None
        return [step for step in steps if sum(self._costs[root] for root in step) <= self._budget]

    def run(self) -> list[int]:
        """Return the roots in the order of their deletion."""
        for number in range(len(self._steps)):
            self._rate(number)
        budget = self._budget
        while self._heap and budget:
            score, _, number = heapq.heappop(self._heap)
            roots = [root for root in self._steps[number] if root not in self._deleted]
            cost = sum(self._costs[root] for root in roots)
            gain = self._gain(roots)
            if cost > budget or not gain or -score != self._score(gain, cost):
                continue  # it does not fit, or it was rated again
            budget -= cost
            for changed in self._delete(roots):
                self._rate(changed)
        return list(self._deleted)

    def _rate(self, number: int) -> None:
        roots = [root for root in self._steps[number] if root not in self._deleted]
        gain = self._gain(roots)
        if gain:
            score = self._score(gain, sum(self._costs[root] for root in roots))
            heapq.heappush(self._heap, (-score, -gain, number))

    def _gain(self, roots: Sequence[int]) -> int:
        """The bytes that deleting roots frees beside those that are deleted."""
        counts: dict[int, int] = {}
        for root in roots:
            for number in self._table.by_root[root]:
                if self._left[number] <= len(roots):
                    counts[number] = counts.get(number, 0) + 1
        return sum(self._table.bundles[number].size for number, count in counts.items() if count == self._left[number])

    def _delete(self, roots: Sequence[int]) -> Iterator[int]:
        """Delete roots, and yield the steps that free more, or cost less, than before."""
        changed = dict[int, None]()
        for root in roots:
            self._deleted[root] = None
            changed |= dict.fromkeys(self._steps_of.get(root, ()))
        for root in roots:
            for number in self._table.by_root[root]:
                self._left[number] -= 1
        for root in roots:
            for number in self._table.by_root[root]:
                if 0 < self._left[number] <= self._budget:
                    rest = next(other for other in self._table.bundles[number].roots if other not in self._deleted)
                    changed |= dict.fromkeys(self._steps_of.get(rest, ()))
        yield from changed


def _gain(gain: int, _: int) -> float:
    return gain


def _gain_per_reference(gain: int, references: int) -> float:
    return gain / references
