"""usual_path: reads the PAX headers that most entries have, a time alone, or a path and times.

Writers add a PAX header to an entry for a time with a fraction, and for a path that the tar header has no room for. What is
read here is what ``header.parse_pax`` and ``header.ExtendedHeader`` accept; all other headers are left to them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from struct import Struct
from typing import Any

from ocisize.tar.field_cache import UNUSUAL

_MAX_RECORDS = 4  # three times and a path
_NUL, _COMMA, _NEWLINE, _M = b"\0,\nm"  # as numbers, since ``in`` takes a sixth of the time of bytes
_MAX_TIMES = 1 << 15  # distinct times in seconds
USUAL_TIME = len("30 mtime=1600000000.123456789\n")  #: bytes of a record of a time with nine digits after the point
_TIME_BEGINNING = len("30 mtime=1600000000.")  # bytes of it up to the point
_TIME_FORMAT = f"{_TIME_BEGINNING}s{USUAL_TIME - _TIME_BEGINNING - 1}sB"
#: mode+uid+gid+size+mtime of a PAX header with the first part of the checksum, then the rest as in header.FIELDS; of a usual
#: time behind it, all up to the point, the digits after it, and the last byte
PAX_FIELDS = Struct(f"100x51s6s172x17s166x{_TIME_FORMAT}")
_MAX_HEADERS = 1 << 12  # distinct fields
_is_time = re.compile(rb"-?[0-9]{1,18}(?:\.[0-9]*)?").fullmatch
_KEY = re.compile(rb"([1-9][0-9]*) (?:path|([mac]time))").fullmatch
_MAX_KEY = len("512 mtime")  # bytes of a key with the length of a record that fits into a block
_is_beginning = re.compile(rb"%d [mac]time=[0-9]{10}\." % USUAL_TIME).fullmatch


class UsualHeaders(dict[bytes, tuple[int, int]]):
    """Fields of valid PAX headers of usual records → the HighSums of their checksums, and their sizes in bytes.

    The fields are mode, uid, gid, size, mtime and the first part of the checksum, joined.

    >>> headers = UsualHeaders()
    >>> headers.add(b"0000644\\0000000000000000000000000003614371573400\\0010", 4096, 30)
    >>> list(headers.values())
    [(4096, 30)]

    Other fields have a value so low that no checksum is right.
    """

    def __missing__(self, fields: bytes) -> tuple[int, int]:
        return UNUSUAL, 0

    def add(self, fields: bytes, high_sum: int, size: int) -> None:
        """Add the fields of a header; there are few, and the dictionary is emptied when it has 4,096."""
        if len(self) >= _MAX_HEADERS:
            self.clear()
        self[fields] = high_sum, size


class _Keys(dict[bytes, tuple[int, bool]]):
    """Length and key of a record → the length as a number, 0 for unusual keys, and whether the record has a time."""

    def __missing__(self, key: bytes) -> tuple[int, bool]:
        match = _KEY(key)
        if match is None or len(key) > _MAX_KEY:
            return 0, False
        self[key] = value = int(match[1]), match[2] is not None
        return value


class _Layouts(dict[int, tuple[bytes, Callable[..., Any], Callable[..., Any]]]):
    """Bytes of a path and a usual time → the beginning of the path's record; unpack_from, if it is the first, or the second.

    The beginning is empty if there is no room for a path.
    """

    def __missing__(self, size: int) -> tuple[bytes, Callable[..., Any], Callable[..., Any]]:
        beginning = b"%d path=" % (size - USUAL_TIME)
        path_size = size - USUAL_TIME - len(beginning) - 1
        if path_size < 1:
            beginning, path_size = b"", 0
        path_format = f"{len(beginning)}s{path_size}sB"
        first, second = Struct(path_format + _TIME_FORMAT), Struct(_TIME_FORMAT + path_format)
        self[size] = value = beginning, first.unpack_from, second.unpack_from
        return value


_keys, _layouts = _Keys(), _Layouts()
usual_times: set[bytes] = set()  #: beginnings of records of usual times, up to the point


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
            if _is_beginning(line[:_TIME_BEGINNING]):
                if len(usual_times) >= _MAX_TIMES:
                    usual_times.clear()
                usual_times.add(line[:_TIME_BEGINNING])
        elif path or not value or _NUL in value or _COMMA in value:  # commas count as records
            return None
        else:
            path = value
    return path


def usual_path_in(buffer: bytearray, start: int, size: int) -> bytes | None:
    """What ``usual_path`` returns for the ``size`` bytes from ``start``; fast for a path before or behind a usual time.

    ``size`` is at most that of a block, and the buffer has a block from ``start``.

    >>> usual_path_in(bytearray(b"21 path=etc/hostname\\n30 mtime=1600000000.123456789\\n".ljust(512)), 0, 51)
    b'etc/hostname'
    """
    usual_beginning, unpack_first, unpack_second = _layouts[size]
    path: bytes
    if buffer[start + 3] == _M:
        seconds, fraction, time_end, beginning, path, path_end = unpack_second(buffer, start)
    else:
        beginning, path, path_end, seconds, fraction, time_end = unpack_first(buffer, start)
    if (
        beginning == usual_beginning and path and path_end == time_end == _NEWLINE
        and seconds in usual_times and fraction.isdigit()
        and not (_NUL in path or _COMMA in path or _NEWLINE in path)
    ):  # fmt: skip
        return path
    return usual_path(bytes(buffer[start : start + size]))
