"""The cost of a download in seconds and dollars, under assumptions that reports show beside every figure.

::

    seconds = bytes * 8 / bandwidth                          # the transfer alone; unpacking comes on top
    bytes a year = bytes * deploys a day * 365 * nodes       # every node pulls every deploy with nothing cached
    dollars a year = bytes a year / 10^9 * price per GB
"""

from __future__ import annotations

import functools
import re

from ocisize.errors import InvalidCost
from ocisize.values import frozen

_DAYS = 365
_GB = 1e9
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?")
_KEYS = ("deploys", "nodes", "price", "bandwidth")


@frozen(kw_only=True)
class CostAssumptions:
    """How often, how far and how fast an image travels."""

    deploys: float  #: a day
    nodes: float  #: number of hosts that pull each deploy
    price: float  #: dollars per GB (10^9 bytes) of egress
    bandwidths: tuple[int, ...]  #: bits a second


@frozen
class Cost:
    """The cost of a download; None if its size is unknown."""

    transfer_seconds: tuple[float, ...] | None  #: at each of the assumed bandwidths
    yearly_bytes: float | None  #: bytes that all hosts download in a year
    yearly_dollars: float | None  #: the price of these bytes


@functools.cache
def default_assumptions() -> CostAssumptions:
    """The packaged assumptions, ``ocisize/sizes/cost.toml``."""
    from ocisize.prebuilt.cost import TABLE

    return CostAssumptions(**TABLE)


def cost_of(size: int | None, assumptions: CostAssumptions) -> Cost:
    """Return the cost of downloading ``size`` bytes with every deploy.

    >>> assumptions = CostAssumptions(deploys=10, nodes=5, price=0.09, bandwidths=(100_000_000,))
    >>> cost = cost_of(1_000_000_000, assumptions)
    >>> cost.transfer_seconds, cost.yearly_bytes, round(cost.yearly_dollars, 2)
    ((80.0,), 18250000000000, 1642.5)
    """
    if size is None:
        return Cost(None, None, None)
    yearly = size * assumptions.deploys * _DAYS * assumptions.nodes
    seconds = tuple(size * 8 / bandwidth for bandwidth in assumptions.bandwidths)
    return Cost(seconds, yearly, yearly / _GB * assumptions.price)


def parse_cost(text: str) -> CostAssumptions:
    """Return the assumptions of a text such as ``deploys=10,nodes=5,price=0.09,bandwidth=100Mbps``.

    A key that is missing has its packaged value; ``bandwidth`` can be given several times. Raises InvalidCost, which names
    the key, the text and what is expected.

    >>> parse_cost("deploys=2,bandwidth=1Gbps").bandwidths
    (1000000000,)
    """
    values: dict[str, float] = {}
    bandwidths: list[int] = []
    for part in text.split(","):
        key, equals, value = (word.strip() for word in part.partition("="))
        if key not in _KEYS or not equals:
            raise InvalidCost(part.strip(), f"expected KEY=VALUE with one of the keys {', '.join(_KEYS)}")
        if key == "bandwidth":
            bandwidths.append(_parse_bandwidth(value))
        elif key in values:
            raise InvalidCost(part.strip(), f"{key} is given twice")
        elif not _NUMBER.fullmatch(value):
            raise InvalidCost(part.strip(), f"{key} must be a number such as 10 or 0.5, not {value!r}")
        else:
            values[key] = float(value)
    usual = default_assumptions()
    return CostAssumptions(
        deploys=values.get("deploys", usual.deploys),
        nodes=values.get("nodes", usual.nodes),
        price=values.get("price", usual.price),
        bandwidths=tuple(bandwidths) or usual.bandwidths,
    )


def _parse_bandwidth(text: str) -> int:
    from ocisize.model.quantity import parse_bandwidth

    bandwidth = parse_bandwidth(text)
    value = int(8 * bandwidth) if bandwidth else 0
    if not value:
        raise InvalidCost(
            f"bandwidth={text}", f"bandwidth must be above 0 with a unit, such as 100Mbps or 12.5MB/s, not {text!r}"
        )
    return value
