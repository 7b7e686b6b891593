"""Times of history entries, compared with datetime."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.history.base_image import parse_time

_FIRST = datetime(1990, 1, 1, tzinfo=timezone.utc)
_ZONES = st.builds(timezone, st.integers(-1439, 1439).map(lambda minutes: timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1985, 1, 1), datetime(9998, 12, 31), timezones=_ZONES))
def test_times_are_those_of_datetime(time: datetime) -> None:
    """In any zone, with and without fractions of a second; earlier years are placeholders."""
    first, found = parse_time("1990-01-01T00:00:00Z"), parse_time(time.isoformat())
    seconds = (time.replace(microsecond=0) - _FIRST).total_seconds()
    assert first is not None
    assert found == (None if seconds < 0 else first + seconds)


@given(*(st.integers(0, largest) for largest in (13, 32, 25, 61, 61, 25)))
def test_wrong_times_are_refused(month: int, day: int, hour: int, minute: int, second: int, zone: int) -> None:
    """As datetime refuses them, also days that a month does not have."""
    for year in (1999, 2000, 2024, 2100):
        text = f"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}-{zone:02}:00"
        if hour == 24:  # the end of a day for Python 3.13
            assert parse_time(text) is None
            continue
        try:
            datetime.fromisoformat(text)
        except ValueError:
            assert parse_time(text) is None
        else:
            assert parse_time(text) is not None


@pytest.mark.parametrize("text", ["", "2024-01-01", "2024-01-01T00:00:00", "0001-01-01T00:00:00Z", "1980-01-01T00:00:01Z"])
def test_placeholders_and_other_texts_are_no_times(text: str) -> None:
    """Reproducible builds write the years 1, 1970 and 1980."""
    assert parse_time(text) is None
