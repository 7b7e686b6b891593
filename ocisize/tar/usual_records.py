"""usual_path: reads the PAX headers that most entries have, a time alone, or a path and times.

Writers add a PAX header to an entry for a time with a fraction, and for a path that the tar header has no room for. What is
read here is what ``header.parse_pax`` and ``header.ExtendedHeader`` accept; all other headers are left to them.
"""

from __future__ import annotations

import re
from struct import Struct

from ocisize.tar.header import BLOCK, FIELDS

_MAX_RECORDS = 4  # three times and a path
_NUL, _COMMA = b"\0,"  # as numbers, since ``in`` takes a sixth of the time of bytes
_MAX_LENGTHS = 1 << 15  # distinct times in seconds
MAX_TIME = len("30 mtime=1600000000.123456789\n")  #: bytes of a record of a time, which most writers do not exceed
TIME_BEGINNING = len("30 mtime=1600000000.")  #: bytes of a record of a time before the fraction of the second
#: mode+uid+gid+size+mtime of a PAX header, then its checksum, type and tail as in FIELDS; its payload of a time, up to the
#: fraction and from there; the FIELDS of the header after it
PAIR_FIELDS = Struct(
    f"100x48s3s5sB172x17s166x {TIME_BEGINNING}s{MAX_TIME - TIME_BEGINNING}s{BLOCK - MAX_TIME}x {FIELDS.format}"
)
_MAX_TIME_SIZES = 1 << 12  # distinct fields
_is_time = re.compile(rb"-?[0-9]{1,18}(?:\.[0-9]*)?").fullmatch
_KEY = re.compile(rb"([1-9][0-9]*) (?:path|([mac]time))").fullmatch
_MAX_KEY = len("512 mtime")  # bytes of a key with the length of a record that fits into a block
_ends_at_fraction = re.compile(rb"[1-9][0-9] [mac]time=[0-9]{10}\.").fullmatch


class _Keys(dict[bytes, tuple[int, bool]]):
    """Length and key of a record → the length as a number, 0 for unusual keys, and whether the record has a time."""

    def __missing__(self, key: bytes) -> tuple[int, bool]:
        match = _KEY(key)
        if match is None or len(key) > _MAX_KEY:
            return 0, False
        self[key] = value = int(match[1]), match[2] is not None
        return value


class TimeSizes(dict[bytes, int]):
    """mode, uid, gid, size and mtime fields of valid PAX headers of a time, joined → the size in bytes.

    >>> sizes = TimeSizes()
    >>> sizes.add(b"0000644\\0000000000000000000000000003614371573400\\0", 30)
    >>> list(sizes.values())
    [30]
    """

    def add(self, fields: bytes, size: int) -> None:
        """Add the fields of a header; there are few, and the dictionary is emptied when it has 4,096."""
        if len(self) >= _MAX_TIME_SIZES:
            self.clear()
        self[fields] = size


_keys = _Keys()
time_lengths: dict[bytes, int] = {}  #: beginning of a record of a time, up to the fraction → the length of the record


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
        seconds = line[:TIME_BEGINNING]
        if time_lengths.get(seconds) == len(line) + 1 and line[TIME_BEGINNING:].isdigit():
            continue
        key, _, value = line.partition(b"=")
        length, is_time = _keys[key]
        if length != len(line) + 1:
            return None
        if is_time:
            if not _is_time(value):
                return None
            if _ends_at_fraction(seconds):
                if len(time_lengths) >= _MAX_LENGTHS:
                    time_lengths.clear()
                time_lengths[seconds] = length
        elif path or not value or _NUL in value or _COMMA in value:  # commas count as records
            return None
        else:
            path = value
    return path
