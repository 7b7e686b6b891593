"""Sizes, shares, counts and bandwidths as people write them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.model.quantity import GrowthKind, BudgetLimit, Unit, parse_count, parse_limit, parse_share, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("120 MB", 120_000_000), ("120MB", 120_000_000), ("120 MiB", 120 << 20), ("1.5kB", 1500), ("1.5 KiB", 1536),
        ("0", 0), ("7 B", 7), ("7 bytes", 7), ("1 byte", 1), ("1_000", 1000), ("1,234,567", 1_234_567), ("2g", 2 * 10**9),
        (".5 k", 500), ("1 TB", 10**12), ("1 PiB", 1 << 50), ("0.0015 kB", 1),
    ],
)  # fmt: skip
def test_sizes(text: str, size: int) -> None:
    """Decimal and binary units; parts of bytes are cut off."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "MB", "-1", "+1", "1 XB", "1 MiBB", "1,5 MB", "12,34", "1.2.3 MB", "1e6", "0x10", "1.5", "nan", "inf",
             "1 M B", "²", "１２"],
)  # fmt: skip
def test_no_sizes(text: str) -> None:
    """Signs, exponents, decimal commas and parts of a byte are refused, and so are digits of other scripts."""
    assert parse_size(text) is None


@given(st.integers(0, 10**18))
def test_every_number_of_bytes_can_be_written(size: int) -> None:
    """Plainly, with thousands marked, and as a multiple of each unit."""
    for text in (f"{size}", f"{size:,}", f"{size:_} B"):
        assert parse_size(text) == size
    assert parse_size(f"{size} kB") == 1000 * size
    assert parse_size(f"{size} GiB") == size << 30


def test_shares() -> None:
    """Exact, in percent; without its sign only where it can be nothing else."""
    assert parse_share("5 %") == parse_share("5%") == Fraction(1, 20)
    assert parse_share("0.1%") == Fraction(1, 1000)
    assert parse_share("0.7") is None
    assert parse_share("0.7", alone=True) == Fraction(7, 10)


def test_counts() -> None:
    """Whole numbers only."""
    assert [parse_count(text) for text in ("12", "1,000", "1_000")] == [12, 1000, 1000]
    assert [parse_count(text) for text in ("1.0", "-1", "", "1 k", "1,0")] == [None] * 5


@pytest.mark.parametrize(
    ("text", "seconds", "bandwidth"),
    [
        ("10 s at 100 Mbit/s", 10, 12_500_000), ("10s at 12.5 MB/s", 10, 12_500_000), ("1 min at 1 Gbps", 60, 125_000_000),
        ("0.5 sec at 8 kb/s", Fraction(1, 2), 1000), ("2 minutes at 1 MiB/s", 120, 1 << 20), ("1 s at 8 bit/s", 1, 1),
    ],
)  # fmt: skip
def test_pulls(text: str, seconds: Fraction, bandwidth: int) -> None:
    """A small b and "bit" are bits, a big B is bytes."""
    assert parse_limit(text, (Unit.SECONDS,)) == BudgetLimit(seconds, Unit.SECONDS, bandwidth=bandwidth)


@pytest.mark.parametrize("text", ["10 s", "10 at 1 MB/s", "10 s at 0 MB/s", "10 s at 5 MB", "s at 1 MB/s", "10 h at 1 MB/s"])
def test_no_pulls(text: str) -> None:
    """Both numbers need their unit, and nothing takes forever."""
    with pytest.raises(ValueError, match="expected a time and a bandwidth such as '10 s at 100 Mbit/s'"):
        parse_limit(text, (Unit.SECONDS,))


def test_growth() -> None:
    """As a share or in the figure's unit, where growth is possible at all."""
    assert parse_limit("+2 %", (Unit.BYTES,), growth=True) == BudgetLimit(
        Fraction(1, 50), Unit.BYTES, growth=GrowthKind.SHARE
    )
    assert parse_limit("+ 5 MB", (Unit.BYTES,), growth=True) == BudgetLimit(5_000_000, Unit.BYTES, growth=GrowthKind.AMOUNT)
    assert parse_limit("+1", (Unit.COUNT,), growth=True) == BudgetLimit(1, Unit.COUNT, growth=GrowthKind.AMOUNT)
    assert parse_limit("+300 %", (Unit.SHARE, Unit.BYTES), growth=True).allowed(100) == 400
    assert parse_limit("+0.1 %", (Unit.BYTES,), growth=True).allowed(1000) == 1001
    for text in ("++2 %", "+-2 %", "+", "-2 %", "+2 apples"):
        with pytest.raises(ValueError, match=r"expected a size such as '120 MB' or '120 MiB' or a growth such as '\+2 %'"):
            parse_limit(text, (Unit.BYTES,), growth=True)
    with pytest.raises(ValueError, match="expected a share"):
        parse_limit("+2 %", (Unit.SHARE,))


def test_overlong_numbers_are_refused() -> None:
    """A limit of thousands of digits is no limit, and takes no time."""
    for text in ("9" * 5000, "+" + "9" * 5000, "0." + "0" * 5000 + "1 %", "1" + ",000" * 5000):
        with pytest.raises(ValueError, match="expected"):
            parse_limit(text, (Unit.SHARE, Unit.BYTES, Unit.COUNT), growth=True)


@given(st.text(max_size=20), st.sampled_from(list(Unit)), st.booleans())
def test_any_text_is_a_limit_or_an_error(text: str, unit: Unit, growth: bool) -> None:
    """Whatever is read is a finite number that is not negative."""
    try:
        limit = parse_limit(text, (unit,), growth=growth)
    except ValueError:
        return
    assert limit.value >= 0
    assert isinstance(limit.value, int | Fraction)
