"""Header: the tags of one package of rpm.

Format: ``docs/manual/format_header.md`` and ``include/rpm/rpmtag.h`` of https://github.com/rpm-software-management/rpm. Two
numbers (entries, bytes of data) come first, then the entries (tag, type, offset, count), then the data; all numbers are
big endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import chain, repeat

from ocisize.packages.limits import MAX_PATH
from ocisize.packages.rpm.blobs import BrokenDatabase
from ocisize.tar.paths import join
from ocisize.tuples import NamedTuple

NAME, VERSION, RELEASE, EPOCH = 1000, 1001, 1002, 1003
VENDOR, LICENSE, PACKAGER, ARCHITECTURE, SOURCE_RPM = 1011, 1014, 1015, 1022, 1044
PROVIDES, REQUIRES, RECOMMENDS = 1047, 1049, 5046
MODULARITY_LABEL = 5096
FILE_FLAGS, DIRECTORY_INDEXES, BASE_NAMES, DIRECTORY_NAMES = 1037, 1116, 1117, 1118
_TAGS = frozenset(
    {NAME, VERSION, RELEASE, EPOCH, VENDOR, LICENSE, PACKAGER, ARCHITECTURE, SOURCE_RPM, PROVIDES, REQUIRES, RECOMMENDS,
     MODULARITY_LABEL, FILE_FLAGS, DIRECTORY_INDEXES, BASE_NAMES, DIRECTORY_NAMES}
)  # fmt: skip
_GHOST = 0x40  # flag of files that the package does not contain
_INT32 = 4
_STRINGS = (6, 8, 9)  # one string, several, and several by language
_MAX_ENTRIES = 1 << 16  # as rpm's own limit
_MAX_TEXT = 64 << 10  # bytes of a string that is not a path; longer ones are cut
_SIZES = struct.Struct(">II")
_ENTRY = struct.Struct(">IIII")


class _Entry(NamedTuple):
    kind: int
    offset: int
    length: int  # number of values


class Header:
    """The tags of a package, as far as records have them; raises BrokenDatabase if the entries are not complete.

    >>> header = Header(struct.pack(">6I", 1, 5, NAME, 6, 0, 1) + b"bash\\0")
    >>> header.text(NAME), header.text(VERSION)
    ('bash', '')
    """

    def __init__(self, blob: bytes) -> None:
        if len(blob) < _SIZES.size:
            raise BrokenDatabase("a package is not complete")
        entries, size = _SIZES.unpack_from(blob)
        start = _SIZES.size + entries * _ENTRY.size
        if entries > _MAX_ENTRIES or start + size > len(blob):
            raise BrokenDatabase("a package is not complete")
        index = _ENTRY.iter_unpack(memoryview(blob)[_SIZES.size : start])
        self._entries = {tag: _Entry(kind, start + offset, count) for tag, kind, offset, count in index if tag in _TAGS}
        self._blob = blob

    def count(self, tag: int) -> int:
        """The number of values of a tag, as the entry says."""
        entry = self._entries.get(tag)
        return entry.length if entry is not None else 0

    def text(self, tag: int) -> str:
        """The first string of a tag; "" if it has none."""
        return next(self.texts(tag), "")

    def texts(self, tag: int) -> Iterator[str]:
        """The strings of a tag."""
        return (value[:_MAX_TEXT].decode("utf-8", "replace") for value in self.strings(tag))

    def strings(self, tag: int) -> Iterator[bytes]:
        """The strings of a tag, as they are; none of a tag with values of another type, and fewer if the data ends."""
        entry = self._entries.get(tag)
        if entry is None or entry.kind not in _STRINGS:
            return
        start = entry.offset
        for _ in range(entry.length):
            end = self._blob.find(b"\0", start)
            if end < 0:
                return
            yield self._blob[start:end]
            start = end + 1

    def numbers(self, tag: int) -> Iterator[int]:
        """The numbers of 32 bits of a tag; none of a tag with values of another type, or whose data is not complete."""
        entry = self._entries.get(tag)
        if entry is None or entry.kind != _INT32 or entry.offset + 4 * entry.length > len(self._blob):
            return iter(())
        values = memoryview(self._blob)[entry.offset : entry.offset + 4 * entry.length]
        return (value for (value,) in struct.iter_unpack(">I", values))

    def files(self) -> Iterator[bytes]:
        """The paths of the package's files and directories, without those that are made later, which rpm calls ghosts."""
        directories = [name.strip(b"/") if len(name) <= MAX_PATH else None for name in self.strings(DIRECTORY_NAMES)]
        flags = chain(self.numbers(FILE_FLAGS), repeat(0))
        for name, index, flag in zip(self.strings(BASE_NAMES), self.numbers(DIRECTORY_INDEXES), flags, strict=False):
            directory = directories[index] if index < len(directories) else None
            if directory is not None and not flag & _GHOST and b"/" not in name:
                yield join(directory, name)
