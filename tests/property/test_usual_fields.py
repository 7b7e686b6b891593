"""Fast readings of header fields and PAX headers agree with the strict ones wherever they say anything."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.errors import TarError
from ocisize.limits import Limits, Meter, Tally
from ocisize.tar.field_cache import HighSizes, HighSums, LowSizes, LowSums
from ocisize.tar.header import ExtendedHeader, checksum_matches, expected_adler, parse_number, parse_pax
from ocisize.tar.scanner import scan_tar
from ocisize.tar.usual_records import usual_path
from tests.strategies import END, Bytes, base256, columns, header, long_name, member, padded, record

OCTAL = st.lists(st.sampled_from(b"01234567"), max_size=12).map(bytes)
MARKS = st.sampled_from([b"", b"\0", b" ", b"\0 ", b" \0", b"  ", b"8", b"+", b"_", b"-", b"\x80", b"\xff"])
TEXT = st.lists(st.one_of(OCTAL, MARKS), max_size=6).map(b"".join)


def fields(width: int) -> st.SearchStrategy[bytes]:
    """Fields of a header: digits with marks around and between them, numbers in all spellings, and any bytes."""
    usual = st.integers(0, 8 ** (width - 1) - 1)
    return st.one_of(
        TEXT.map(lambda text: text[:width].ljust(width, b"\0")),
        TEXT.map(lambda text: text[-width:].rjust(width, b"0")),
        usual.map(lambda number: b"%0*o\0" % (width - 1, number)),
        usual.map(lambda number: b"%0*o \0" % (width - 2, number % 8 ** (width - 2))),
        usual.map(lambda number: b"%0*o\0 " % (width - 2, number % 8 ** (width - 2))),
        st.binary(min_size=width, max_size=width),
    )


@settings(max_examples=300, deadline=None)
@given(fields(8))
def test_halves_of_a_checksum(field: bytes) -> None:
    """Two usual halves add up to the value of the whole field; an unusual one makes the sum negative."""
    value = HighSums()[field[:3]] + LowSums()[field[3:] + b"0"]
    assert value < 0 or value == expected_adler(field)


@settings(max_examples=300, deadline=None)
@given(fields(12))
def test_halves_of_a_size(field: bytes) -> None:
    """Two usual halves add up to the size; an unusual one makes the sum negative."""
    value = HighSizes()[field[:8]] + LowSizes()[field[8:]]
    assert value < 0 or value == parse_number(field)


@pytest.mark.parametrize("cache", [LowSums, LowSizes])
def test_values_made_in_bulk_are_those_of_single_fields(cache: type[LowSums | LowSizes]) -> None:
    """What a new cache has is what it would compute for a field that it misses."""
    made, empty = cache(), cache()
    empty.clear()
    assert len(made) >= 512
    assert {field: empty[field] for field in made} == made


@settings(max_examples=300, deadline=None)
@given(fields(8), st.sampled_from(["%06o\0 ", "%07o\0", "%6o\0 ", "%06o \0", "%08o", "%o"]), st.integers(-2, 2))
def test_a_header_is_accepted_if_its_checksum_matches(field: bytes, form: str, error: int) -> None:
    """The scanner accepts the checksums that the reference accepts, in every spelling and of every value."""
    block = bytearray(header(b"caf\xc3\xa9", mode=0o755))
    total = sum(block[:148]) + sum(block[156:]) + 8 * ord(" ")
    for text in (field, (form % (total + error)).encode()[:8].ljust(8, b"\0"), base256(total, 8)):
        block[148:156] = text
        try:
            accepted = len(scan_tar(Bytes(bytes(block) + END))) == 1
        except TarError:
            accepted = False
        assert accepted == checksum_matches(bytes(block)), text


KEYS = st.sampled_from([b"mtime", b"mtime", b"path", b"path", b"atime", b"ctime", b"linkpath", b"uid", b"size", b"mtim"])
TIMES = st.one_of(
    st.from_regex(rb"\A-?[0-9]{1,20}(\.[0-9]{0,9})?\Z"), st.sampled_from([b"", b".5", b"+5", b"1e5", b"1.a", b"1 ", b"-"])
)
PATHS = st.one_of(
    st.binary(max_size=20),
    st.integers(1, 500).map(lambda size: b"d/" * size),
    st.sampled_from([b"a\nb", b"a\0", b"a,b", b"/a/"]),
)
RECORDS = st.one_of(
    st.builds(record, KEYS, TIMES), st.builds(record, KEYS, PATHS), st.binary(max_size=9),
    st.builds(record, KEYS, TIMES).map(lambda text: b"0" + text), st.builds(record, KEYS, TIMES).map(lambda text: text[:-1]),
)  # fmt: skip
USUAL = st.one_of(
    st.builds(record, st.just(b"mtime"), st.just(b"1600000000.123456789")),
    st.builds(record, st.just(b"path"), st.sampled_from([b"a/b", b"usr/lib/" * 20 + b"x", b"caf\xc3\xa9", b"d/"])),
)
PAYLOADS = st.lists(st.one_of(USUAL, USUAL, USUAL, RECORDS), max_size=4).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(PAYLOADS)
def test_usual_pax_headers(payload: bytes) -> None:
    """Payloads that are read fast are valid, and give the entry nothing but the path."""
    path = usual_path(payload)
    if path is None or not payload:
        return
    extended = ExtendedHeader(pax=parse_pax(payload))
    extended.check_times()
    assert extended.name(b"") == path
    assert set(extended.pax) <= {b"path", b"mtime", b"atime", b"ctime"}
    assert payload.count(b"\n") + payload.count(b",") < 8, "a header of more records counts as more entries"


ENTRIES = st.sampled_from(
    [
        member(b"a", b"hello"), member(b"d/e/f", bytes(700)), member(b"d/", kind=b"5"), member(b"l", kind=b"2", link=b"t"),
        member(b"h", kind=b"1", link=b"a"), member(b"v", b"1", kind=b"7"), member(b"old/", kind=b"\0"), member(b"f", kind=b"6"),
        header(b"claims", 7, b"5"), header(b"n", base256(-1, 12)), long_name(b"long/" * 30), long_name(b"t" * 120, b"K"),
        member(b"g", record(b"comment", b"1"), kind=b"g"), header(b"d", 0, b"5", prefix=b"pre"), header(b"z", 0, b"S"),
    ]
)  # fmt: skip
PAX = st.builds(
    lambda payload, owner, size: header(b"x", len(payload) if size is None else size, b"x", uid=owner) + padded(payload),
    PAYLOADS,
    st.sampled_from([0, 0, 0, b"0001750\0", b"bad"]),
    st.sampled_from([None] * 9 + [base256(-1, 12)]),
)


def _read(tar: bytes, window_size: int) -> Any:
    """The columns of a tar and what its meter counted, or the error."""
    tally = Tally(Limits())
    try:
        table = scan_tar(Bytes(tar), meter=Meter(tally), window_size=window_size)
    except TarError as error:
        return str(error), error.offset, error.truncated
    counts = {name: value for name, value in vars(tally).items() if name not in ("limits", "_lock")}
    return columns(table), list(table.paths.rooted), counts


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(PAX, PAX, ENTRIES), min_size=1, max_size=10).map(b"".join))
def test_fast_and_slow_path_are_one(tar: bytes) -> None:
    """In a window of one block, no PAX header is read fast; table, errors and counts are the same in a large one."""
    assert _read(tar + END, 64 << 10) == _read(tar + END, 512)


def _pair(record: bytes, name: bytes, changes: list[tuple[int, int]], *, mend: bool) -> bytes:
    """A PAX header of one record with some bytes changed, with the right checksum if asked for, and an entry."""
    block = bytearray(header(b"PaxHeaders/" + name, len(record), b"x") + padded(record))
    for place, byte in changes:
        block[place] = byte
    if mend and changes:
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block[:512])
    return bytes(block) + member(name, name)


FRACTIONS = st.integers(0, 10**9 - 1).map(lambda number: b"%d" % number)
CHANGES = st.lists(
    st.tuples(
        st.one_of(st.integers(100, 160), st.integers(329, 346), st.integers(512, 545), st.integers(0, 1023)),
        st.one_of(st.sampled_from(b"\0 0189\n=."), st.integers(0, 255)),
    ),
    max_size=2,
)
PAIRS = st.builds(
    _pair,
    st.builds(
        lambda key, fraction: record(key, b"1600000000." + fraction), st.sampled_from([b"mtime", b"ctime"]), FRACTIONS
    ),
    st.sampled_from([b"a", b"b/c"]),
    st.one_of(st.just([]), st.just([]), CHANGES),
    mend=st.sampled_from([True, True, False]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(PAIRS, PAIRS, PAIRS, ENTRIES), min_size=2, max_size=8).map(b"".join))
def test_pairs_of_headers_are_read_as_single_headers(tar: bytes) -> None:
    """A PAX header that is read together with the header after it is held to the same rules."""
    assert _read(tar + END, 64 << 10) == _read(tar + END, 512)
