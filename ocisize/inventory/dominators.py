"""Dominators: which nodes of a graph can be reached only through which other node.

The algorithm of Lengauer and Tarjan, https://doi.org/10.1145/357062.357071, with path compression: its time is nearly
linear in the number of edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def sum_dominated(sizes: Sequence[int], edges: Sequence[Sequence[int]], roots: Iterable[int]) -> list[int]:
    """By node, the size of the node and of all nodes that can be reached from the roots only through it.

    A node that no root reaches counts as a root if it is the first such node, and so on. ``sizes`` are those of the nodes,
    ``edges`` the nodes that each of them leads to.

    >>> sum_dominated([1, 10, 100, 1000], [[1, 2], [3], [3], []], [0])
    [1111, 10, 100, 1000]
    """
    search = _Search(len(sizes), edges)
    for root in roots:
        search.visit(root, is_root=True)
    for node in range(len(sizes)):
        search.visit(node, is_root=False)
    dominators = search.dominators()
    sums = [0, *sizes]
    for node in reversed(search.order[1:]):
        sums[dominators[node]] += sums[node]
    return sums[1:]


class _Search:
    """A search from a node 0 that leads to all roots; node n of the graph is n + 1 here."""

    def __init__(self, count: int, edges: Sequence[Sequence[int]]) -> None:
        self.order = [0]  #: nodes in the order in which they are reached
        self._edges = edges
        self._number = [-1] * (count + 1)  # by node: its place in the order
        self._number[0] = 0
        self._parent = [0] * (count + 1)
        self._before: list[list[int]] = [[] for _ in range(count + 1)]  # by node: nodes that lead to it

    def visit(self, root: int, *, is_root: bool) -> None:
        """Reach all nodes behind a node, unless it was reached before."""
        if self._number[root + 1] >= 0:
            if is_root:
                self._before[root + 1].append(0)
            return
        waiting = [(0, root + 1)]
        while waiting:
            parent, node = waiting.pop()
            self._before[node].append(parent)
            if self._number[node] >= 0:
                continue
            self._number[node] = len(self.order)
            self.order.append(node)
            self._parent[node] = parent
            waiting.extend((node, target + 1) for target in reversed(self._edges[node - 1]))

    def dominators(self) -> list[int]:
        """By node, the innermost node that all ways to it lead through."""
        number, order, parent = self._number, self.order, self._parent
        semi = list(number)  # by node: the place in the order of its semidominator
        forest = _Forest(semi)
        evaluate = forest.evaluate
        buckets: list[list[int]] = [[] for _ in number]
        dominator = [0] * len(number)

        for node in reversed(order[1:]):
            for source in self._before[node]:
                semi[node] = min(semi[node], semi[evaluate(source)])
            buckets[order[semi[node]]].append(node)
            above = parent[node]
            forest.ancestor[node] = above
            for waiting in buckets[above]:
                least = evaluate(waiting)
                dominator[waiting] = least if semi[least] < semi[waiting] else above
            buckets[above].clear()
        for node in order[1:]:
            if dominator[node] != order[semi[node]]:
                dominator[node] = dominator[dominator[node]]
        return dominator


class _Forest:
    """Trees of the nodes that were handled, which tell the least semidominator above a node."""

    def __init__(self, semi: Sequence[int]) -> None:
        self.ancestor = [-1] * len(semi)  #: by node: one above it in its tree, -1 of a root
        self._semi = semi
        self._label = list(range(len(semi)))

    def evaluate(self, node: int) -> int:
        """The node with the least semidominator from a node up to the one below the root; shortens the way up."""
        ancestor, semi, label = self.ancestor, self._semi, self._label
        if ancestor[node] < 0:
            return node
        path = [node]
        while ancestor[ancestor[path[-1]]] >= 0:
            path.append(ancestor[path[-1]])
        for below, above in zip(reversed(path[:-1]), reversed(path[1:]), strict=True):
            if semi[label[above]] < semi[label[below]]:
                label[below] = label[above]
            ancestor[below] = ancestor[above]
        return label[node]
