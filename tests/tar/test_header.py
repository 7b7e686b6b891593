"""The rare forms of tar headers, one function at a time."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import assume, strategies as st

from ocisize.tar.header import ExtendedHeader, checksum_matches, parse_number, parse_pax
from tests.strategies import base256, header, record


@pytest.mark.parametrize(
    ("field", "number"),
    [
        (b"0000644\0", 0o644), (b" 644 \0\0\0", 0o644), (b"\0\0\0\0", 0), (b"        ", 0), (b"", 0), (b"7\x008", 7), (b"\0 17\0", 15),
        (base256(-5, 8), -5), (base256((1 << 63) - 1, 12), (1 << 63) - 1), (base256(-(1 << 63), 12), -(1 << 63)),
    ],
)  # fmt: skip
def test_numbers(field: bytes, number: int) -> None:
    """Octal digits with any padding, or binary with the top bit set."""
    assert parse_number(field) == number


@pytest.mark.parametrize("field", [b"8", b"-1", b"0x10", b"1 2", b"1_0", b"+7", b"1\xb2", base256(1 << 64, 12)])
def test_what_is_no_number(field: bytes) -> None:
    """Everything else is refused."""
    with pytest.raises(ValueError, match="number"):
        parse_number(field)


@given(st.integers(-(1 << 55), (1 << 55) - 1))
def test_base_256_goes_round(value: int) -> None:
    """Every number that fits comes back."""
    assert parse_number(base256(value, 8)) == value


@given(st.binary(min_size=1, max_size=20).map(lambda name: name.replace(b"\0", b"n")))
def test_unsigned_checksums_match(name: bytes) -> None:
    """A header with any name has the checksum it was given, and no other."""
    block = header(name)
    assert checksum_matches(block)
    assert not checksum_matches(block[:511] + b"\x01")


KEYS = st.binary(min_size=1, max_size=10).filter(lambda key: b"=" not in key and b"\0" not in key)


@given(st.dictionaries(KEYS, st.binary(max_size=1200)))
def test_pax_records_go_round(records: dict[bytes, bytes]) -> None:
    """Records with any value, newlines and NULs included, come back."""
    assume(not any(key in (b"path", b"linkpath", b"uname", b"gname") or key.startswith(b"GNU.") for key in records))
    assert parse_pax(b"".join(record(key, value) for key, value in records.items())) == records


@pytest.mark.parametrize(
    "payload",
    [
        b"x", b"5", b"5 a=", b"6 a=b\0", b"99 a=b\n", b"6 ab\n", b"5 =b\n", b"0 a=b\n", b"2 \n", b"3 \n\n", b"-6 a=b\n", b" 6 a=b\n",
        b"6 a=b\n\0\0\0", b"1" * 30 + b" a=b\n", b"\xb2 a=b\n", record(b"k\0", b"v"), record(b"path", b"a\0"),
    ],
)  # fmt: skip
def test_malformed_pax_records(payload: bytes) -> None:
    """A record that Go refuses is refused."""
    with pytest.raises(ValueError, match="malformed PAX"):
        parse_pax(payload)


@given(st.binary(max_size=60))
def test_pax_never_fails_otherwise(payload: bytes) -> None:
    """Any bytes are read or refused with ValueError."""
    try:
        parse_pax(payload)
    except ValueError:
        pass


def test_repeated_pax_records() -> None:
    """The last of equal keys wins."""
    assert parse_pax(record(b"path", b"a") + record(b"path", b"b")) == {b"path": b"b"}


def test_extra_defaults_to_the_header() -> None:
    """Without records the header's own values apply."""
    extra = ExtendedHeader()
    assert (extra.name(b"n"), extra.link(b"l"), extra.size(5), extra.owner_id(b"uid", 6)) == (b"n", b"l", 5, 6)
    assert extra.xattrs == {}


@pytest.mark.parametrize(("value", "owner"), [(b"7", 7), (b"-2", -2), (b"", 1)])
def test_pax_owners(value: bytes, owner: int) -> None:
    """Owners are decimal and may be negative."""
    assert ExtendedHeader({b"uid": value}).owner_id(b"uid", 1) == owner
