"""The date of documents that have one: https://reproducible-builds.org/specs/source-date-epoch/."""

from __future__ import annotations

import os

from ocisize.errors import ViewError

VARIABLE = "SOURCE_DATE_EPOCH"  #: seconds since 1970
_MAX_SECONDS = 253_402_300_800  # of the end of the year 9999


def read_source_date() -> int | None:
    """The seconds since 1970 that the environment names; None if it names none.

    Raises ViewError for anything else, as the specification asks for.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_SECONDS)) else _MAX_SECONDS
    if value >= _MAX_SECONDS:
        raise ViewError(
            f"{VARIABLE}={text!r} is no number of seconds since 1970", hint=f"set it to one, or unset {VARIABLE}"
        )
    return value
