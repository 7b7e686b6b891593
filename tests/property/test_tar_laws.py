"""Laws of scan_tar over random tars."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.errors import TarError
from ocisize.tar.scanner import scan_tar
from tests.strategies import Bytes, Chopped, Skippable, columns, tars

WINDOWS = st.sampled_from([512, 1024, 1536, 4096, 256 << 10])


@settings(max_examples=150, deadline=None)
@given(tars(), WINDOWS, st.integers(0, 1 << 30))
def test_chops_and_windows_change_nothing(tar: bytes, window_size: int, seed: int) -> None:
    """The table does not depend on how the stream is chopped nor on the window."""
    expected = columns(scan_tar(Bytes(tar)))
    assert columns(scan_tar(Chopped(tar, seed), window_size=window_size)) == expected
    assert columns(scan_tar(Skippable(tar, seed), window_size=window_size)) == expected


@settings(max_examples=100, deadline=None)
@given(tars(), WINDOWS, st.integers(0, 1 << 30))
def test_unread_payloads_change_hashes_only(tar: bytes, window_size: int, seed: int) -> None:
    """Without content hashes all other columns are the same, whether payloads are skipped or read."""
    expected = columns(scan_tar(Bytes(tar)), hashes=False)
    for stream in (Chopped(tar, seed), Skippable(tar, seed)):
        table = scan_tar(stream, window_size=window_size, hash_content=False)
        assert columns(table, hashes=False) == expected
        assert bytes(table.hashes) == b""


@settings(max_examples=100, deadline=None)
@given(tars())
def test_entries_tile_the_tar(tar: bytes) -> None:
    """Entries follow each other in whole blocks, each with room for its payload, and the end marker is left."""
    table = scan_tar(Bytes(tar))
    start = 0
    for row, end in enumerate(table.ends):
        assert end % 512 == 0
        assert start + 512 <= table.payload_start(row) <= end
        start = end
    assert start <= len(tar) - 1024 < len(tar) == table.tar_size


@settings(max_examples=100, deadline=None)
@given(tars(), st.data())
def test_a_cut_tar_is_an_error_or_a_prefix(tar: bytes, data: st.DataObject) -> None:
    """A tar cut anywhere is refused, or gives the first rows with the same contents."""
    cut = data.draw(st.integers(0, len(tar)))
    whole = list(scan_tar(Bytes(tar)))
    try:
        found = list(scan_tar(Bytes(tar[:cut])))
    except TarError:
        return
    assert found == whole[: len(found)]


@settings(max_examples=300, deadline=None)
@given(tars(), st.integers(0, 1 << 30), st.integers(1, 20))
def test_damaged_tars_raise_nothing_else(tar: bytes, seed: int, flips: int) -> None:
    """Damage anywhere is either read as something or refused with TarError."""
    dice, damaged = random.Random(seed), bytearray(tar)
    for _ in range(flips):
        damaged[dice.randrange(len(damaged))] = dice.randrange(256)
    for start in range(0, len(damaged) - 512, 512):  # with a right checksum the damage gets past the first gate
        if dice.random() < 0.5 and damaged[start : start + 512] != bytes(512):
            damaged[start + 148 : start + 156] = b" " * 8
            damaged[start + 148 : start + 155] = b"%06o\0" % sum(damaged[start : start + 512])
    try:
        table = scan_tar(Bytes(bytes(damaged)), window_size=1024)
    except TarError:
        return
    assert len(list(table)) == len(table.paths) == len(table)
