"""Tests of the lists of packages, read some files at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.inventory.kept_records import KeptRecords
from ocisize.inventory.path_batches import ListMeter, PathBudget, read_batches
from ocisize.inventory.record import DatabaseError, PackageRecord

_COUNT = 2_500  # files, in three batches
_PATHS = [b"usr/share/%d/%d" % (number % 7, number) for number in range(_COUNT)]


def _record(paths: list[bytes], *, damaged_after: int | None = None) -> PackageRecord:
    def list_files() -> Iterator[bytes]:
        for number, path in enumerate(paths):
            if number == damaged_after:
                raise DatabaseError(b"db", "it ends too early")
            yield path

    return PackageRecord(ecosystem="deb", name="a", version="1", database=b"db", list_files=list_files)


def _paths_of(record: PackageRecord, meter: ListMeter) -> list[bytes]:
    return [path for batch in meter.count(read_batches(record)) for path in batch.paths]


def test_all_files_come_with_their_directories() -> None:
    batches = list(read_batches(_record(_PATHS)))
    assert [path for batch in batches for path in batch.paths] == _PATHS
    assert len(batches) > 1
    assert all(
        path.startswith(directory + b"/") and path.count(b"/") == directory.count(b"/") + 1
        for batch in batches
        for path, directory in zip(batch.paths, batch.directories, strict=True)
    )


@pytest.mark.parametrize("count", [0, 1, 1_024, 1_500])
def test_files_before_a_damage_are_listed(count: int) -> None:
    assert _paths_of(_record(_PATHS, damaged_after=count), ListMeter()) == _PATHS[:count]


def test_a_list_that_cannot_be_opened_is_empty() -> None:
    def list_files() -> Iterator[bytes]:
        raise DatabaseError(b"db", "not a database")

    record = PackageRecord(ecosystem="deb", name="a", version="1", database=b"db", list_files=list_files)
    assert list(read_batches(record)) == []


@pytest.mark.parametrize("most", [0, 1, 1_023, 1_024, 1_025, _COUNT - 1, _COUNT, _COUNT + 1])
def test_a_meter_ends_a_list_at_its_last_file(most: int) -> None:
    meter = ListMeter(most)
    assert _paths_of(_record(_PATHS), meter) == _PATHS[:most]
    assert (meter.remaining < 0) == (most < _COUNT)
    assert _paths_of(_record(_PATHS[:3]), meter) == _PATHS[: max(min(most - _COUNT, 3), 0)]


@given(st.lists(st.lists(st.integers(1, 1_000), max_size=8), max_size=5), st.integers(0, 40))
def test_a_budget_leaves_the_first_paths_that_fit(lengths: list[list[int]], most: int) -> None:
    budget, remaining = PathBudget(most), most
    for group in lengths:
        paths = [b"x" * length for length in group]
        expected = []
        for path in paths:
            remaining -= 1 + len(path) // 256
            if remaining < 0:
                break
            expected.append(path)
        assert budget.take(paths) == expected
        assert budget.is_exceeded == (remaining < 0)


def test_kept_lists_are_read_once() -> None:
    calls = []

    def list_files() -> list[bytes]:
        calls.append(1)
        return _PATHS

    record = PackageRecord(ecosystem="deb", name="a", version="1", database=b"db", list_files=list_files)
    kept = KeptRecords()
    assert list(kept.read_list(record)) == list(kept.read_list(record)) == list(read_batches(record))
    assert len(calls) == 2  # the second call is that of read_batches
    other = _record(_PATHS)
    next(kept.read_list(other))  # and no further
    assert list(kept.read_list(other)) == list(read_batches(other))


def test_lists_beyond_the_limit_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocisize.inventory.kept_records._MAX_PATHS", _COUNT)
    kept, record = KeptRecords(), _record(_PATHS)
    list(kept.read_list(record))
    more = _record(_PATHS)
    first, second = (list(kept.read_list(more)) for _ in range(2))
    assert first == second == list(read_batches(more))
    assert first[0] is not second[0]
    kept_first, kept_second = (list(kept.read_list(record)) for _ in range(2))
    assert kept_first[0] is kept_second[0]
