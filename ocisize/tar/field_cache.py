"""Caches of header fields: numbers that are parsed once per distinct value.

The entries of a layer share few checksums, sizes and owners. A lookup in a dict subclass with ``__missing__`` costs the
scanner one C call for a field that it has met before.
"""

from __future__ import annotations

import functools
import re

from ocisize.tar.filetable import DIRECTORY, REGULAR, Attributes
from ocisize.tar.header import ExtendedHeader, expected_adler, has_device_numbers, parse_number, prefixed_name
from ocisize.tuples import NamedTuple
from ocisize.values import evolve

_PLAIN_NUMBER = re.compile(rb"[0-7]{11}[ \0]").fullmatch
_HIGH_SUM = re.compile(rb"0[0-7]{2}").fullmatch
_LOW_SUM = re.compile(rb"[0-7]{3}\0 .", re.DOTALL).fullmatch
_HIGH_SIZE = re.compile(rb"[0-7]{8}").fullmatch
_LOW_SIZE = re.compile(rb"[0-7]{3}[ \0]").fullmatch
_MAX_FIELDS = 1 << 15  # distinct fields
KIND_UNIT = 1 << 20  #: more than any sum; LowSums adds it as often as the type is above that of a regular file


class ChecksumCache(dict[bytes, int]):
    """Checksum field → the value that the low half of the header's adler32 must have.

    >>> ChecksumCache()[b"001750\\0 "]  # 1000 in octal
    1078
    """

    def __missing__(self, field: bytes) -> int:
        self[field] = expected = expected_adler(field)
        return expected


class SizeCache(dict[bytes, int]):
    """Size field → size in bytes. It is emptied when it has 32,768 fields.

    >>> SizeCache()[b"00000000144 "]
    100
    """

    def __missing__(self, field: bytes) -> int:
        if len(self) >= _MAX_FIELDS:
            self.clear()
        self[field] = size = int(field[:11], 8) if _PLAIN_NUMBER(field) else parse_number(field)
        return size


# Most checksums and sizes of a layer are met once or twice, so that a cache of whole fields mostly misses. The halves of a
# field in the usual form have a few hundred values, and their values add up to that of the field. A half in any other form
# has a value so low that no sum is valid; then the caches of whole fields decide. The values of the lower halves are made in
# bulk, at a quarter of the time of a miss, which every tenth entry of an image of a service would be.
UNUSUAL = -(1 << 62)


class HighSums(dict[bytes, int]):
    """First three bytes of a checksum field in the usual form, ``0DDDDD\\0 `` → their part of the value in ChecksumCache.

    >>> HighSums()[b"001"] + LowSums()[b"750\\0 0"] == ChecksumCache()[b"001750\\0 "]
    True
    """

    def __missing__(self, part: bytes) -> int:
        if not _HIGH_SUM(part):
            return UNUSUAL
        self[part] = value = (int(part, 8) << 9) + sum(part)
        return value


class LowSums(dict[bytes, int]):
    """Last five bytes of a checksum field in the usual form, and the type → the rest of the value in ChecksumCache.

    A type adds KIND_UNIT times its distance from that of a regular file. So one comparison says that the sum is right and
    that the header is one of a regular file.

    >>> LowSums()[b"750\\0 5"] - LowSums()[b"750\\0 0"] == 5 * KIND_UNIT
    True
    """

    def __init__(self) -> None:
        super().__init__()
        parts = [b"%03o\0 " % number for number in range(1 << 9)]
        for kind in (REGULAR, DIRECTORY):
            end, rest = bytes((kind,)), 1 - 8 * ord(" ") + (kind - REGULAR) * KIND_UNIT
            self.update({part + end: number + sum(part) + rest for number, part in enumerate(parts)})

    def __missing__(self, part: bytes) -> int:
        if not _LOW_SUM(part):
            return UNUSUAL
        if len(self) >= _MAX_FIELDS:
            self.clear()
        self[part] = value = int(part[:3], 8) + sum(part[:5]) - 8 * ord(" ") + 1 + (part[5] - REGULAR) * KIND_UNIT
        return value


class HighSizes(dict[bytes, int]):
    """First eight bytes of a size field in the usual form, eleven digits and a NUL or space → their part of the size.

    >>> HighSizes()[b"00000000"] + LowSizes()[b"144 "]
    100
    """

    def __missing__(self, part: bytes) -> int:
        if not _HIGH_SIZE(part):
            return UNUSUAL
        if len(self) >= _MAX_FIELDS:
            self.clear()
        self[part] = value = int(part, 8) << 9
        return value


class LowSizes(dict[bytes, int]):
    """Last four bytes of a size field in the usual form → the rest of the size."""

    def __init__(self) -> None:
        super().__init__({b"%03o\0" % number: number for number in range(1 << 9)})

    def __missing__(self, part: bytes) -> int:
        if not _LOW_SIZE(part):
            return UNUSUAL
        self[part] = value = int(part[:3], 8)
        return value


class UsualNumbers(NamedTuple):
    """The values of the halves of checksums and sizes, which are the same in all tars."""

    high_sums: HighSums
    low_sums: LowSums
    high_sizes: HighSizes
    low_sizes: LowSizes


@functools.cache
def usual_numbers() -> UsualNumbers:
    """The values that all scans of the process share; they take at most 10 MB."""
    return UsualNumbers(HighSums(), LowSums(), HighSizes(), LowSizes())


class OwnerTable(dict[bytes, int]):
    """mode, uid and gid fields, joined → index into ``attributes``, the distinct values; a layer has a few dozen.

    >>> table = OwnerTable()
    >>> index = table[b"0000644\\x000001750\\x000001750\\x00"]
    >>> index, table.attributes
    (0, [Attributes(mode=420, uid=1000, gid=1000)])
    """

    def __init__(self) -> None:
        super().__init__()
        self.attributes: list[Attributes] = []
        self._indexes: dict[Attributes, int] = {}

    def __missing__(self, fields: bytes) -> int:
        return self._add(fields, self.check(fields))

    def check(self, fields: bytes) -> Attributes:
        """The values of the fields, which are not added. Raises ValueError."""
        return Attributes(*(parse_number(fields[start : start + 8]) for start in (0, 8, 16)))

    def _add(self, key: bytes, attributes: Attributes) -> int:
        index = self._indexes.setdefault(attributes, len(self.attributes))
        if index == len(self.attributes):
            self.attributes.append(attributes)
        self[key] = index
        return index

    def with_ids(self, fields: bytes, extended: ExtendedHeader) -> bytes:
        """The key for the mode of ``fields`` with the uid and gid of a PAX header; ``attributes`` then has both."""
        key = b"%b uid=%b gid=%b" % (fields, extended.pax.get(b"uid", b""), extended.pax.get(b"gid", b""))
        if key not in self:
            plain = self.attributes[self[fields]]
            ids = {"uid": extended.owner_id(b"uid", plain.uid), "gid": extended.owner_id(b"gid", plain.gid)}
            self._add(key, evolve(plain, **ids))
        return key


class RestOfHeader:
    r"""The fields that no column needs, times and device numbers: checked, since Go refuses a header whose numbers are none.

    ``times`` and ``tails`` are sets of fields that are known to be valid, for the scanner to look up. A tail is the two
    device numbers and the first byte of the prefix, which is NUL in all known tails.

    >>> rest = RestOfHeader()
    >>> header = bytearray(512)
    >>> header[136:148] = b"14371573400\0"
    >>> rest.check(bytes(header), b"etc/hostname")
    b'etc/hostname'
    >>> b"14371573400\0" in rest.times
    True
    """

    def __init__(self) -> None:
        self.times: set[bytes] = set()
        self.tails: set[bytes] = set()
        self._tails_with_prefix: set[bytes] = set()

    def check(self, header: bytes, name: bytes) -> bytes:
        """Check the fields of a header and return the name with its prefix. Raises ValueError."""
        time, tail = header[136:148], header[329:346]
        if time not in self.times:
            if not _PLAIN_NUMBER(time):
                parse_number(time)
            self._add(self.times, time)
        known = self._tails_with_prefix if tail[16] else self.tails
        if tail not in known and has_device_numbers(header):
            parse_number(tail[:8])
            parse_number(tail[8:16])
            self._add(known, tail)
        return prefixed_name(header, name.partition(b"\0")[0]) if tail[16] else name

    def _add(self, known: set[bytes], field: bytes) -> None:
        if len(known) >= _MAX_FIELDS:
            known.clear()
        known.add(field)
