"""What pulls cost, and how assumptions are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.sizes.cost import CostAssumptions, Cost, cost_of, default_assumptions, parse_cost
from ocisize.errors import InvalidCost

SOME = CostAssumptions(deploys=10, nodes=5, price=0.09, bandwidths=(100_000_000, 1_000_000_000))


def test_the_packaged_assumptions() -> None:
    """They are an example, and the report says so."""
    assert default_assumptions() == SOME


def test_the_formulas() -> None:
    """100 MB: 8 s at 100 Mbps; 10 deploys to 5 nodes a day are 1825 GB a year."""
    cost = cost_of(100_000_000, SOME)
    assert cost.transfer_seconds == (8.0, 0.8)
    assert cost.yearly_bytes == 1825e9
    assert cost.yearly_dollars == pytest.approx(164.25)


def test_nothing_costs_nothing_and_unknown_is_unknown() -> None:
    """An empty image and one whose download is unknown are not the same."""
    assert cost_of(0, SOME) == Cost((0.0, 0.0), 0, 0)
    assert cost_of(None, SOME) == Cost(None, None, None)


@given(st.lists(st.integers(0, 2**50), max_size=5))
def test_costs_add_up(sizes: list[int]) -> None:
    """Savings together cost what they cost one by one."""
    dollars = sum(cost_of(size, SOME).yearly_dollars or 0 for size in sizes)
    assert cost_of(sum(sizes), SOME).yearly_dollars == pytest.approx(dollars)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deploys=3", CostAssumptions(deploys=3, nodes=5, price=0.09, bandwidths=SOME.bandwidths)),
        (
            "deploys=0.5, nodes=200,price=0,bandwidth=25Mbps",
            CostAssumptions(deploys=0.5, nodes=200, price=0, bandwidths=(25_000_000,)),
        ),
        (
            "bandwidth=512kbps,bandwidth=2.5 Gbps,bandwidth=12.5 MB/s,bandwidth=1Mbit/s",
            CostAssumptions(deploys=10, nodes=5, price=0.09, bandwidths=(512_000, 2_500_000_000, 100_000_000, 1_000_000)),
        ),
    ],
)
def test_assumptions_are_parsed(text: str, expected: CostAssumptions) -> None:
    """What is not named stays as packaged."""
    assert parse_cost(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing given: expected KEY=VALUE with one of the keys deploys, nodes, price, bandwidth"),
        ("deploys", "deploys: expected KEY=VALUE"),
        ("pods=3", "pods=3: expected KEY=VALUE with one of the keys"),
        ("deploys=10,", "nothing given: expected KEY=VALUE"),
        ("deploys=many", "deploys must be a number such as 10 or 0.5, not 'many'"),
        ("nodes=-1", "nodes must be a number such as 10 or 0.5, not '-1'"),
        ("price=nan", "price must be a number"),
        ("price=1e9", "price must be a number"),
        ("nodes=1,nodes=2", "nodes=2: nodes is given twice"),
        ("bandwidth=100", "bandwidth must be above 0 with a unit, such as 100Mbps or 12.5MB/s, not '100'"),
        ("bandwidth=0Mbps", "bandwidth must be above 0"),
        ("bandwidth=100mbps", "bandwidth must be above 0"),
    ],
)
def test_mistakes_are_named(text: str, says: str) -> None:
    """Which part, what it must be and what it is."""
    with pytest.raises(InvalidCost) as caught:
        parse_cost(text)
    assert says in str(caught.value)
