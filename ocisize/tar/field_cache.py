"""Header fields that are parsed once per distinct value: dictionaries that know how to fill themselves."""

from __future__ import annotations

import re

import attrs

from ocisize.tar import header as headers
from ocisize.tar.filetable import Attributes
from ocisize.tar.header import ExtendedHeader

_PLAIN_SIZE = re.compile(rb"[0-7]{11}[ \0]").fullmatch
_MAX_NUMBERS = 1 << 15  # sizes kept at hand; beyond that, small files do not share them


class ChecksumCache(dict[bytes, int]):
    """Checksum field → what the low half of the header's adler32 must be."""

    def __missing__(self, field: bytes) -> int:
        self[field] = expected = headers.expected_adler(field)
        return expected


class SizeCache(dict[bytes, int]):
    """Size field → size, for as many fields as may stay at hand; small files share few sizes."""

    def __missing__(self, field: bytes) -> int:
        if len(self) >= _MAX_NUMBERS:
            self.clear()
        self[field] = size = int(field[:11], 8) if _PLAIN_SIZE(field) else headers.parse_number(field)
        return size


class OwnerTable(dict[bytes, int]):
    """mode+uid+gid fields → index into the distinct attributes; a layer has a few dozen."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: list[Attributes] = []
        self._known: dict[Attributes, int] = {}

    def __missing__(self, fields: bytes) -> int:
        mode, uid, gid = (headers.parse_number(fields[start : start + 8]) for start in (0, 8, 16))
        return self._add(fields, Attributes(mode, uid, gid))

    def _add(self, key: bytes, attributes: Attributes) -> int:
        index = self._known.setdefault(attributes, len(self.attributes))
        if index == len(self.attributes):
            self.attributes.append(attributes)
        self[key] = index
        return index

    def with_ids(self, fields: bytes, extra: ExtendedHeader) -> bytes:
        """The key of the same fields with the uid and gid of a PAX header."""
        key = b"%b uid=%b gid=%b" % (fields, extra.pax.get(b"uid", b""), extra.pax.get(b"gid", b""))
        if key not in self:
            plain = self.attributes[self[fields]]
            ids = {"uid": extra.owner(b"uid", plain.uid), "gid": extra.owner(b"gid", plain.gid)}
            self._add(key, attrs.evolve(plain, **ids))
        return key
