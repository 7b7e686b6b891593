"""Quantities as people write limits: sizes, shares, counts, growth, and how long a download may take.

``120 MB``, ``1.5kB``, ``2,500``
    bytes, decimal: k, M, G, T, P are powers of 1000. Upper and lower case are the same, the B may be left out.
``120 MiB``
    bytes, binary: Ki, Mi, Gi, Ti, Pi are powers of 1024.
``5 %``
    a share; where nothing else is possible also ``0.05``.
``+2 %``, ``+5 MB``, ``+100``
    growth over a baseline.
``10 s at 100 Mbit/s``
    seconds to transfer at a bandwidth. Small b and "bit" are bits, big B is bytes: ``12.5 MB/s``, ``1 Gbps``.

Numbers are exact, int or Fraction: a figure equal to its limit is equal, whatever a float would make of it.
"""

from __future__ import annotations

import enum
import math
import re
from fractions import Fraction
from typing import TypeAlias

import attrs

Number: TypeAlias = int | Fraction

_MAX_LENGTH = 60  # characters; no limit that makes sense is longer
_NUMBER = r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d[\d_]*(?:\.\d+)?|\.\d+)"
_SIZE = re.compile(rf"{_NUMBER}\s*(?P<prefix>[kmgtp]i?)?(?:b|bytes?)?", re.IGNORECASE | re.ASCII)
_SHARE = re.compile(rf"{_NUMBER}\s*(?P<percent>%)?", re.ASCII)
_COUNT = re.compile(r"\d{1,3}(?:,\d{3})+|\d[\d_]*", re.ASCII)
_PULL = re.compile(rf"{_NUMBER}\s*(?P<unit>s|sec|seconds?|min|minutes?)\s+at\s+(?P<bandwidth>.+)", re.ASCII)
_BANDWIDTH = re.compile(r"(?P<rate>\d+(?:\.\d+)?)\s*(?P<prefix>[kKMGT]i?)?(?P<what>bit|b|B)(?:/s|ps)", re.ASCII)
_POWERS = {prefix: power for power, prefix in enumerate("kmgtp", 1)}


class Unit(str, enum.Enum):
    """What a number counts."""

    BYTES = "bytes"
    COUNT = "count"
    SHARE = "share"  #: 0..1; as growth, of the baseline
    SECONDS = "seconds"

    def __str__(self) -> str:
        return self.value


EXPECTED = {
    Unit.BYTES: "a size such as '120 MB' or '120 MiB'",
    Unit.COUNT: "a whole number",
    Unit.SHARE: "a share such as '5 %'",
    Unit.SECONDS: "a time and a bandwidth such as '10 s at 100 Mbit/s'",
}


@attrs.frozen
class Limit:
    """A number that a figure must keep to; ``growth`` limits how far it may rise above its baseline."""

    value: Number
    unit: Unit
    growth: bool = False
    bandwidth: Number | None = None  #: bytes per second, of limits in seconds

    def over(self, baseline: Number) -> Number:
        """The limit in the figure's own unit for a growth over ``baseline``."""
        return baseline + (self.value * baseline if self.unit == Unit.SHARE else self.value)


def parse_limit(text: str, units: tuple[Unit, ...], *, growth: bool = False) -> Limit:
    """Read a limit in one of some units, the first that fits; raises ValueError that says what was expected.

    ``growth`` allows a plus in front: more than the baseline by so much, as a number of that unit or as a share.
    """
    text = text.strip()
    if growth and text.startswith("+"):
        found = _first(text[1:].strip(), (Unit.SHARE, *[unit for unit in units if unit is not Unit.SHARE]), whole=False)
        if found is not None:
            return attrs.evolve(found, growth=True)
    found = _first(text, units, whole=True)
    if found is None:
        several = [EXPECTED[unit] for unit in units] + (["a growth such as '+2 %'"] if growth else [])
        raise ValueError(f"expected {' or '.join(several)}")
    return found


def _first(text: str, units: tuple[Unit, ...], *, whole: bool) -> Limit | None:
    """The limit in the first unit that fits; a ``whole`` that shares are of is not exceeded by any."""
    if len(text) > _MAX_LENGTH:
        return None
    for unit in units:
        if unit is Unit.SECONDS:
            if limit := _parse_pull(text):
                return limit
            continue
        value = parse_share(text, alone=units == (Unit.SHARE,)) if unit is Unit.SHARE else _PARSERS[unit](text)
        if value is not None and not (unit is Unit.SHARE and whole and value > 1):
            return Limit(value, unit)
    return None


def parse_size(text: str) -> int | None:
    """Bytes, rounded down to whole ones; None when the text is no size, as parts of a byte are none."""
    match = _SIZE.fullmatch(text)
    if match is None or ("." in match["number"] and not match["prefix"]):
        return None
    return int(_number(match["number"]) * _factor(match["prefix"]))


def parse_share(text: str, *, alone: bool = False) -> Fraction | None:
    """``5 %`` as 1/20, and ``0.05`` too where that can be nothing but a share; None when the text is none."""
    match = _SHARE.fullmatch(text)
    if match is None or not (match["percent"] or alone):
        return None
    return _number(match["number"]) / (100 if match["percent"] else 1)


def parse_count(text: str) -> int | None:
    """A whole number; None when the text is none."""
    return int(_number(text)) if _COUNT.fullmatch(text) else None


def parse_bandwidth(text: str) -> Fraction | None:
    """Bytes a second, above 0; None when the text is no bandwidth."""
    match = _BANDWIDTH.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        return None
    return _number(match["rate"]) * _factor(match["prefix"]) / (1 if match["what"] == "B" else 8) or None


def _parse_pull(text: str) -> Limit | None:
    match = _PULL.fullmatch(text)
    if match is None:
        return None
    seconds = _number(match["number"]) * (60 if match["unit"].startswith("m") else 1)
    bandwidth = parse_bandwidth(match["bandwidth"])
    return Limit(seconds, Unit.SECONDS, bandwidth=bandwidth) if bandwidth else None


def _number(text: str) -> Fraction:
    return Fraction(text.replace(",", "").replace("_", ""))


def _factor(prefix: str | None) -> int:
    if not prefix:
        return 1
    base = 1024 if prefix[1:] else 1000
    return math.prod([base] * _POWERS[prefix[0].lower()])


_PARSERS = {Unit.BYTES: parse_size, Unit.COUNT: parse_count}
