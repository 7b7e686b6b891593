"""usual_path: reads the PAX headers that most entries have, a time alone, or a path and times.

Writers add a PAX header to an entry for a time with a fraction, and for a path that the tar header has no room for. What is
read here is what ``header.parse_pax`` and ``header.ExtendedHeader`` accept; all other headers are left to them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

_Match: TypeAlias = Callable[..., object]
_MAX_TIME_RECORD = 64  # bytes; each length in use is a regular expression
_MAX_RECORDS = 4  # three times and a path
_TIME = rb"-?[0-9]{1,18}(?:\.[0-9]*)?"
_is_time = re.compile(_TIME).fullmatch
_KEY = re.compile(rb"([1-9][0-9]*) (?:path|([mac]time))").fullmatch


class _TimeRecords(dict[int, _Match]):
    """Length in bytes → a function that matches a record of a modification time with this length in a buffer.

    >>> payload = bytearray(b"..30 mtime=1600000000.123456789\\n")
    >>> bool(time_records[30](payload, 2, 32)), bool(time_records[29](payload, 2, 31))
    (True, False)
    """

    def __missing__(self, length: int) -> _Match:
        match = re.compile(b"%d mtime=%b\n" % (length, _TIME)).fullmatch if length <= _MAX_TIME_RECORD else _match_nothing
        self[length] = match
        return match


class _Keys(dict[bytes, tuple[int, bool]]):
    """Length and key of a record → the length as a number, 0 for unusual keys, and whether the record has a time."""

    def __missing__(self, key: bytes) -> tuple[int, bool]:
        match = _KEY(key)
        if match is None or len(key) > _MAX_KEY:
            return 0, False
        self[key] = value = int(match[1]), match[2] is not None
        return value


def _match_nothing(*_: object) -> None:
    return None


_MAX_KEY = len("512 mtime")  # bytes of a key with the length of a record that fits into a block
time_records = _TimeRecords()
_keys = _Keys()


def usual_path(payload: bytes) -> bytes | None:
    """The path that a PAX header gives if its records are times and at most one path; b"" for times alone.

    Returns None for any other payload, which may be valid.

    >>> usual_path(b"30 mtime=1600000000.123456789\\n21 path=etc/hostname\\n")
    b'etc/hostname'
    >>> usual_path(b"14 mtime=1.25\\n"), usual_path(b"15 uid=3000000\\n")
    (b'', None)
    """
    lines = payload.split(b"\n")
    if lines.pop() or len(lines) > _MAX_RECORDS:
        return None
    path = b""
    for line in lines:
        key, _, value = line.partition(b"=")
        length, is_time = _keys[key]
        if length != len(line) + 1:
            return None
        if is_time:
            if not _is_time(value):
                return None
        elif path or not value or b"\0" in value or b"," in value:  # commas count as records
            return None
        else:
            path = value
    return path
