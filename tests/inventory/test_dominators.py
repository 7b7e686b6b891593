"""Dominators, compared with what removing each node shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.inventory.dominators import sum_dominated


def reach(edges: Sequence[Sequence[int]], roots: Iterable[int], without: int = -1) -> set[int]:
    reached, waiting = set[int](), [root for root in roots if root != without]
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting += [target for target in edges[node] if target != without]
    return reached


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[list[int]], list[int]]:
    count = draw(st.integers(1, 12))
    nodes = st.integers(0, count - 1)
    return draw(st.lists(st.lists(nodes, max_size=4), min_size=count, max_size=count)), draw(st.lists(nodes, max_size=3))


@settings(deadline=None, max_examples=500)
@given(graphs())
def test_what_goes_with_a_node_is_what_only_it_reaches(graph: tuple[list[list[int]], list[int]]) -> None:
    """The sums are those of a search without the node; nodes that no root reaches are roots in turn."""
    edges, roots = graph
    for node in range(len(edges)):
        if node not in reach(edges, roots):
            roots.append(node)
    sizes = [1 << node for node in range(len(edges))]
    whole = reach(edges, roots)
    for node, total in enumerate(sum_dominated(sizes, edges, graph[1])):
        assert total == sum(sizes[lost] for lost in whole - reach(edges, roots, without=node))


def test_deep_graphs_are_no_problem() -> None:
    """Neither a chain nor one with ways around each node needs recursion."""
    count = 20_000
    chain = [[node + 1] for node in range(count - 1)] + [[]]
    assert sum_dominated([1] * count, chain, [0]) == list(range(count, 0, -1))
    ladder = [[node + 1, node + 2] for node in range(count - 2)] + [[count - 1], []]
    assert sum_dominated([1] * count, ladder, [0]) == [count, *[1] * (count - 1)]


def test_no_packages() -> None:
    """An image without any has no sums."""
    assert sum_dominated([], [], []) == []
