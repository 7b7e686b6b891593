"""Sizes, shares, counts, growth and download times, read from the text in which people write limits.

``120 MB``, ``1.5kB``, ``2,500``
    bytes, decimal: k, M, G, T, P are powers of 1000. Case does not matter; the B is optional.
``120 MiB``
    bytes, binary: Ki, Mi, Gi, Ti, Pi are powers of 1024.
``5 %``
    a share; ``0.05`` is the same where only shares are allowed.
``+2 %``, ``+5 MB``, ``+100``
    growth over a baseline.
``10 s at 100 Mbit/s``
    seconds to download at a bandwidth. A small b and "bit" are bits, a big B is bytes: ``12.5 MB/s``, ``1 Gbps``.

Numbers are exact, int or Fraction, so that a figure equal to its limit compares equal.
"""

from __future__ import annotations

import enum
import math
import re
from fractions import Fraction
from typing import TypeAlias

from ocisize.values import evolve, frozen

Number: TypeAlias = int | Fraction

_MAX_LENGTH = 60  # characters; no sensible limit is longer
_NUMBER = r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d[\d_]*(?:\.\d+)?|\.\d+)"
_SIZE = re.compile(rf"{_NUMBER}\s*(?P<prefix>[kmgtp]i?)?(?:b|bytes?)?", re.IGNORECASE | re.ASCII)
_SHARE = re.compile(rf"{_NUMBER}\s*(?P<percent>%)?", re.ASCII)
_COUNT = re.compile(r"\d{1,3}(?:,\d{3})+|\d[\d_]*", re.ASCII)
_PULL = re.compile(rf"{_NUMBER}\s*(?P<unit>s|sec|seconds?|min|minutes?)\s+at\s+(?P<bandwidth>.+)", re.ASCII)
_BANDWIDTH = re.compile(r"(?P<rate>\d+(?:\.\d+)?)\s*(?P<prefix>[kKMGT]i?)?(?P<what>bit|b|B)(?:/s|ps)", re.ASCII)
_POWERS = {prefix: power for power, prefix in enumerate("kmgtp", 1)}


class Unit(str, enum.Enum):
    """What a number counts."""

    BYTES = "bytes"  #: bytes
    COUNT = "count"  #: things
    SHARE = "share"  #: 0..1
    SECONDS = "seconds"  #: seconds

    def __str__(self) -> str:
        return self.value


class GrowthKind(enum.Enum):
    """How a limit on growth is written."""

    AMOUNT = "amount"  #: in the figure's unit: ``+5 MB``, ``+100``
    SHARE = "share"  #: as a share of the baseline: ``+2 %``


_EXPECTED = {
    Unit.BYTES: "a size such as '120 MB' or '120 MiB'",
    Unit.COUNT: "a whole number",
    Unit.SHARE: "a share such as '5 %'",
    Unit.SECONDS: "a time and a bandwidth such as '10 s at 100 Mbit/s'",
}


@frozen
class BudgetLimit:
    """The largest value that a figure may have, or the largest growth over its baseline.

    >>> BudgetLimit(120_000_000, Unit.BYTES).allowed(None)
    120000000
    >>> BudgetLimit(Fraction(1, 50), Unit.BYTES, growth=GrowthKind.SHARE).allowed(baseline=1000)
    Fraction(1020, 1)
    """

    value: Number  #: in ``value_unit``
    unit: Unit  #: of the figure
    growth: GrowthKind | None = None  #: how growth over the baseline is written; None for a limit on the figure itself
    bandwidth: Number | None = None  #: bytes per second, of limits in seconds
    is_minimum: bool = False  #: the smallest value allowed, not the largest

    @property
    def value_unit(self) -> Unit:
        """The unit of ``value``: SHARE for growth as a share, else the figure's unit."""
        return Unit.SHARE if self.growth is GrowthKind.SHARE else self.unit

    def allowed(self, baseline: Number | None) -> Number | None:
        """The limit in the figure's unit; None for growth over an unknown baseline."""
        if self.growth is None:
            return self.value
        if baseline is None:
            return None
        return baseline + (self.value * baseline if self.growth is GrowthKind.SHARE else self.value)


def parse_limit(text: str, units: tuple[Unit, ...], *, growth: bool = False) -> BudgetLimit:
    """Read a limit in the first of some units that fits.

    ``growth`` allows a plus in front, for growth as a share or in a unit other than shares.
    Raises ValueError with what was expected.

    >>> parse_limit("120 MB", (Unit.BYTES,)).value
    120000000
    >>> parse_limit("5 %", (Unit.SHARE, Unit.BYTES)).value
    Fraction(1, 20)
    >>> parse_limit("+2 %", (Unit.BYTES,), growth=True) == BudgetLimit(Fraction(1, 50), Unit.BYTES, growth=GrowthKind.SHARE)
    True
    >>> parse_limit("10 s at 100 Mbit/s", (Unit.SECONDS,)).bandwidth
    Fraction(12500000, 1)
    >>> parse_limit("a lot", (Unit.BYTES,), growth=True)
    Traceback (most recent call last):
    ValueError: expected a size such as '120 MB' or '120 MiB' or a growth such as '+2 %'
    """
    text = text.strip()
    limit = _parse_growth(text, units) if growth and text.startswith("+") else _parse_absolute(text, units)
    if limit is None:
        expected = [_EXPECTED[unit] for unit in units] + (["a growth such as '+2 %'"] if growth else [])
        raise ValueError(f"expected {' or '.join(expected)}")
    return limit


def _parse_growth(text: str, units: tuple[Unit, ...]) -> BudgetLimit | None:
    text = text[1:].strip()
    if len(text) > _MAX_LENGTH:
        return None
    for unit in units:
        if unit is not Unit.SHARE:
            share = parse_share(text)
            if share is not None:
                return BudgetLimit(share, unit, growth=GrowthKind.SHARE)
            limit = _parse_absolute(text, (unit,))
            if limit is not None:
                return evolve(limit, growth=GrowthKind.AMOUNT)
    return None


def _parse_absolute(text: str, units: tuple[Unit, ...]) -> BudgetLimit | None:
    if len(text) > _MAX_LENGTH:
        return None
    for unit in units:
        value: Number | None = None
        if unit is Unit.SECONDS:
            if limit := _parse_pull(text):
                return limit
        elif unit is Unit.SHARE:
            share = parse_share(text, alone=units == (Unit.SHARE,))
            value = share if share is not None and share <= 1 else None
        else:
            value = parse_size(text) if unit is Unit.BYTES else parse_count(text)
        if value is not None:
            return BudgetLimit(value, unit)
    return None


def parse_size(text: str) -> int | None:
    """Bytes, rounded down to whole ones; None if the text is not a size.

    >>> parse_size("1.5 kB"), parse_size("2 KiB"), parse_size("1,234"), parse_size("1.5"), parse_size("1 XB")
    (1500, 2048, 1234, None, None)
    """
    match = _SIZE.fullmatch(text)
    if match is None or ("." in match["number"] and not match["prefix"]):
        return None
    return int(_number(match["number"]) * _factor(match["prefix"]))


def parse_share(text: str, *, alone: bool = False) -> Fraction | None:
    """``5 %`` as 1/20; None if the text is not a share. ``alone``: only shares are allowed, so ``0.05`` is one, too.

    >>> parse_share("5 %"), parse_share("0.05"), parse_share("0.05", alone=True)
    (Fraction(1, 20), None, Fraction(1, 20))
    """
    match = _SHARE.fullmatch(text)
    if match is None or not (match["percent"] or alone):
        return None
    return _number(match["number"]) / (100 if match["percent"] else 1)


def parse_count(text: str) -> int | None:
    """A whole number; None if the text is not one.

    >>> parse_count("1,000"), parse_count("1.5")
    (1000, None)
    """
    return int(_number(text)) if _COUNT.fullmatch(text) else None


def parse_bandwidth(text: str) -> Fraction | None:
    """Bytes per second, above 0; None if the text is not a bandwidth.

    >>> parse_bandwidth("8 Mbit/s"), parse_bandwidth("1 MB/s"), parse_bandwidth("1 MB")
    (Fraction(1000000, 1), Fraction(1000000, 1), None)
    """
    match = _BANDWIDTH.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        return None
    return _number(match["rate"]) * _factor(match["prefix"]) / (1 if match["what"] == "B" else 8) or None


def _parse_pull(text: str) -> BudgetLimit | None:
    match = _PULL.fullmatch(text)
    if match is None:
        return None
    seconds = _number(match["number"]) * (60 if match["unit"].startswith("m") else 1)
    bandwidth = parse_bandwidth(match["bandwidth"])
    return BudgetLimit(seconds, Unit.SECONDS, bandwidth=bandwidth) if bandwidth else None


def plain_number(value: Number | None) -> int | float | None:
    """A number as Python's own types have it: an int if it is whole, else the nearest float; None for None.

    >>> plain_number(Fraction(6, 3)), plain_number(Fraction(1, 20)), plain_number(None)
    (2, 0.05, None)
    """
    return value if value is None or isinstance(value, int) else value.numerator if value.denominator == 1 else float(value)


def _number(text: str) -> Fraction:
    return Fraction(text.replace(",", "").replace("_", ""))


def _factor(prefix: str | None) -> int:
    if not prefix:
        return 1
    base = 1024 if prefix[1:] else 1000
    return math.prod([base] * _POWERS[prefix[0].lower()])
