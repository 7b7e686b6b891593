"""The fields of tar headers: numbers, checksums, long names, PAX records.

Go's archive/tar decides where readers differ, since Docker, containerd and Podman read layers with it.
Layout of a header: https://www.gnu.org/software/tar/manual/html_node/Standard.html; PAX records:
https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_03
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from struct import Struct

from ocisize.values import define, field

BLOCK = 512
MAX_SPECIAL = 1 << 20  # bytes of one PAX or long-name payload, and of a sparse map: Go's limit
MAX_NAME = 1 << 16  # bytes of a path; Linux stops at 4096
GNU_MAGIC = b"ustar  \0"  # magic and version
#: name, mode+uid+gid, size in two parts, mtime, checksum in two parts, of which the second has the type too, device numbers
#: and first byte of the prefix
FIELDS = Struct("100s24s8s4s12s3s6s172x17s166x")
_OCTAL = re.compile(rb"[0-7]*")
_PLAIN_CHECKSUM = re.compile(rb"0[0-7]{5}\0 ").fullmatch  # as nearly all writers have it
_INTEGER = re.compile(rb"([+-]?)0*([0-9]{1,19})").fullmatch  # as Go's ParseInt has it
_PLAIN_TIME = re.compile(rb"-?[0-9]{1,18}(?:\.[0-9]*)?").fullmatch  # as nearly all writers have it
_NO_NUL = frozenset({b"path", b"linkpath", b"uname", b"gname"})


def parse_number(field: bytes) -> int:
    """Read a numeric field, octal or base-256. Raises ValueError when it is neither.

    >>> parse_number(b"0000644\\0"), parse_number(b"\\x80\\0\\0\\0\\0\\0\\x01\\0")
    (420, 256)
    """
    if field and field[0] & 0x80:
        bits = 8 * len(field) - 1
        value = int.from_bytes(field, "big") & ((1 << bits) - 1)
        if field[0] & 0x40:
            value -= 1 << bits
        if not -(1 << 63) <= value < 1 << 63:
            raise ValueError("number beyond 64 bits")
        return value
    digits = field.strip(b" \0").split(b"\0", 1)[0]
    if not _OCTAL.fullmatch(digits):
        raise ValueError(f"{field!r} is not a number")
    return int(digits or b"0", 8)


def parse_checksum(field: bytes) -> int:
    """Read a checksum field. Raises ValueError when it is not octal."""
    if field[0] & 0x80:
        raise ValueError("binary checksum")
    return parse_number(field)


def expected_adler(field: bytes) -> int:
    """The value that the low half of a header's adler32 must have, from its checksum field.

    The low half of adler32 is 1 plus the sum of all bytes, modulo 65521; the stored sum counts the field itself as eight
    spaces. Returns -1, which no adler32 equals, for a field that only ``checksum_matches`` can check.

    >>> import zlib
    >>> header = bytearray(512)
    >>> header[148:156] = b"000400\\0 "  # 256 in octal: the field itself counts as eight spaces
    >>> expected_adler(bytes(header[148:156])) == zlib.adler32(header) & 0xFFFF
    True
    """
    if _PLAIN_CHECKSUM(field):
        return (int(field[:6], 8) - 8 * ord(" ") + sum(field) + 1) % 65521
    try:
        stored = parse_checksum(field)
    except ValueError:
        return -1
    return (stored - 8 * ord(" ") + sum(field) + 1) % 65521 if stored < 65521 else -1


def checksum_matches(header: bytes) -> bool:
    """Whether the bytes of a header, all 512, add up to its checksum field, as unsigned or as signed bytes.

    >>> import tarfile
    >>> header = tarfile.TarInfo("etc/hostname").tobuf()
    >>> checksum_matches(header), checksum_matches(b"f" + header[1:])
    (True, False)
    """
    try:
        stored = parse_checksum(header[148:156])
    except ValueError:
        return False
    rest = header[:148] + header[156:BLOCK]
    unsigned = sum(rest) + 8 * ord(" ")
    return stored in (unsigned, unsigned - 256 * sum(byte > 127 for byte in rest))


def parse_pax(payload: bytes) -> dict[bytes, bytes]:
    """Read the records of a PAX header, ``LEN KEY=VALUE\\n`` each, by key; of repeated keys the last value counts.

    Repeated ``GNU.sparse.offset`` and ``numbytes`` pairs (sparse format 0.0) are returned joined, as ``GNU.sparse.map``.
    Raises ValueError for malformed records.

    >>> parse_pax(b"12 path=a/b\\n")
    {b'path': b'a/b'}
    """
    records: dict[bytes, bytes] = {}
    sparse: list[bytes] = []
    position, size = 0, len(payload)
    while position < size:
        space = payload.find(b" ", position)
        length = payload[position:space] if space > 0 else b""
        end = position + (int(length) if length.isdigit() and len(length) < 10 else _record_length(length))
        if end > size or payload[end - 1 : end] != b"\n" or end <= space + 1:
            raise ValueError("malformed PAX record")
        key, equals, value = payload[space + 1 : end - 1].partition(b"=")
        if not key or not equals or b"\0" in (value if key in _NO_NUL else key):
            raise ValueError(f"malformed PAX record {key!r}")
        if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
            if (len(sparse) % 2 == 0) != (key == b"GNU.sparse.offset") or b"," in value:
                raise ValueError("malformed sparse map")
            sparse.append(value)
        else:
            records[key] = value
        position = end
    if sparse:
        records[b"GNU.sparse.map"] = b",".join(sparse)
    return records


@define
class ExtendedHeader:
    """The values that PAX and GNU long-name headers give for the entry after them.

    >>> extended = ExtendedHeader(pax={b"path": b"from/pax", b"size": b"7"})
    >>> extended.name(b"from/header"), extended.size(0), extended.link(b"target")
    (b'from/pax', 7, b'target')
    """

    pax: Mapping[bytes, bytes] = field(factory=dict)
    long_name: bytes | None = None
    long_link: bytes | None = None

    def size(self, size: int) -> int:
        """The payload size in bytes: that of the PAX record, else ``size``, the header's own. Raises ValueError."""
        value = self.pax.get(b"size")
        return parse_integer(value) if value else size

    def name(self, name: bytes) -> bytes:
        """The path: the first there is of GNU long name, PAX path and ``name``, the header's own."""
        return self.long_name or self.pax.get(b"path") or name

    def link(self, link: bytes) -> bytes:
        """The link target: the first there is of GNU long link, PAX linkpath and ``link``, the header's own."""
        return self.long_link or self.pax.get(b"linkpath") or link

    def owner_id(self, key: bytes, plain: int) -> int:
        """The uid or gid: that of the PAX record with this key, else ``plain``, the header's own. Raises ValueError."""
        value = self.pax.get(key)
        return parse_integer(value) if value else plain

    def check_times(self) -> None:
        """Raise ValueError unless the times are decimal numbers, with a fraction or without."""
        for key in (b"mtime", b"atime", b"ctime"):
            value = self.pax.get(key)
            if value and not _PLAIN_TIME(value):
                seconds, _, fraction = value.partition(b".")
                parse_integer(seconds)
                if fraction and not fraction.isdigit():
                    raise ValueError(f"{value!r} is not a time")

    @property
    def xattrs(self) -> dict[str, bytes]:
        """Extended attributes by name; values are binary."""
        prefix = b"SCHILY.xattr."
        return {
            key[len(prefix) :].decode("utf-8", "surrogateescape"): value
            for key, value in self.pax.items()
            if key.startswith(prefix)
        }


def _record_length(text: bytes) -> int:
    """The length field of a PAX record in a rare form: with a sign, or with leading zeros beyond nine digits."""
    try:
        return parse_integer(text)
    except ValueError:
        raise ValueError("malformed PAX record length") from None


def parse_integer(value: bytes) -> int:
    """A decimal number of 64 bits, with a sign or without. Raises ValueError.

    >>> parse_integer(b"-12"), parse_integer(b"+007")
    (-12, 7)
    """
    match = _INTEGER(value)
    number = int(match[1] + match[2]) if match else 1 << 63
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"{value!r} is not a number")
    return number


def has_device_numbers(header: bytes) -> bool:
    """Whether a header, its 512 bytes, is in a format with device numbers: all but the oldest."""
    return header[257:263] == b"ustar\0" or header[257:265] == GNU_MAGIC


def prefixed_name(header: bytes, name: bytes) -> bytes:
    """``name`` with the prefix field of ``header``, its 512 bytes, before it; only POSIX headers have this field.

    Go also accepts a prefix in GNU headers whose access and change times are not numbers: its own writer made them.

    >>> header = bytearray(512)
    >>> header[257:265], header[345:354] = b"ustar\\x0000", b"usr/share"
    >>> prefixed_name(bytes(header), b"doc")
    b'usr/share/doc'
    """
    if header[257:263] == b"ustar\0":
        prefix = header[345:476] if header[508:512] == b"tar\0" else header[345:500]  # star keeps times in the rest
    elif header[257:265] == GNU_MAGIC and not _are_numbers(header[345:357], header[357:369]):
        prefix = header[345:500]
        if max(prefix.split(b"\0", 1)[0], default=0) > 127:
            return name
    else:
        return name
    prefix = prefix.split(b"\0", 1)[0]
    return prefix + b"/" + name if prefix else name


def _are_numbers(*fields: bytes) -> bool:
    try:
        for field in fields:
            if field[0]:
                parse_number(field)
    except ValueError:
        return False
    return True
