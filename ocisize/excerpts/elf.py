"""ProgramReader: what an ELF file says about the packages in it, read while the file passes.

The build information of Go lies in the first writable segment: https://go.dev/src/debug/buildinfo/buildinfo.go. The crates
of cargo-auditable are a section behind all segments: https://github.com/rust-secure-code/cargo-auditable. The note of a
distribution is near the start: https://systemd.io/ELF_PACKAGE_METADATA.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from ocisize.excerpts.parts import ELF_NOTE, GO_BUILD_INFO, RUST_CRATES, Part
from ocisize.tuples import NamedTuple

_HEAD_SIZE = 4096  # bytes; has the program headers and the notes of every linker
_MAX_SEGMENTS = 64
_MAX_BUILD_INFO = 192 << 10  # bytes; a program of 382 modules has 37 kB
_MAX_CRATES = 192 << 10  # bytes of JSON; a program of 567 crates has 60 kB
_MAX_NOTE = 2 << 10  # bytes
_MAX_TAIL = 256 << 10  # bytes behind the last segment; linkers write the crates before debug information and symbols
_MAX_SECTIONS, _MAX_TRIES = 1 << 10, 16
_PIECE = 64 << 10  # bytes
#: Bytes that are searched from the first writable segment on, and those in programs whose notes name Go: linkers of C write
#: build information in the middle of a segment, or in the next one.
_MAX_SEARCH, _MAX_SEARCH_OF_GO = 1 << 20, 32 << 20
_MAX_MISPLACED = 16  # magic numbers that are not aligned, before a file is given up

_GO_MAGIC = b"\xff Go buildinf:"
_GO_ALIGNMENT = 16
_GO_INLINE = 2  # flag: the strings follow, since Go 1.18; before, there are pointers to them
_GO_STRINGS = 32  # bytes from the magic to the strings
_GO_SENTINEL = 16  # bytes around the list of modules
_GO_NOTE = b"Go\0\0"
_PACKAGE_NOTE, _PACKAGE_OWNER = 0xCAFE1A7E, b"FDO\0"
_CRATES, _CRATES_AT, _ZLIB = b'"packages"', 16, b"\x78"  # near the beginning of the JSON, and where it is compressed
_LOAD, _NOTE, _WRITABLE = 1, 4, 2


class _Segment(NamedTuple):
    """A program header: where a segment is in the file, and in memory."""

    kind: int
    flags: int
    offset: int
    address: int
    size: int


class _Layout(NamedTuple):
    """The forms of headers in files of one class and byte order."""

    order: str
    header: struct.Struct  #: e_phoff, e_shoff, e_phentsize, e_phnum, e_shentsize, e_shnum
    segment: struct.Struct
    section: struct.Struct  #: sh_offset, sh_size
    is_64: bool

    def read_segment(self, data: bytes, position: int) -> _Segment:
        """The program header at a position."""
        fields = self.segment.unpack_from(data, position)
        if self.is_64:
            kind, flags, offset, address, size = fields
        else:
            kind, offset, address, size, flags = fields
        return _Segment(kind, flags, offset, address, size)


def _make_layout(elf_class: int, order: int) -> _Layout | None:
    """The layout for the fourth and fifth byte of a file."""
    if elf_class not in (1, 2) or order not in (1, 2):
        return None
    sign, is_64 = "<>"[order - 1], elf_class == 2
    forms = ("32xQQ6xHHHH", "IIQQ8xQ", "24xQQ24x") if is_64 else ("28xII6xHHHH", "III4xI4xI", "16xII16x")
    header, segment, section = (struct.Struct(sign + form) for form in forms)
    return _Layout(sign, header, segment, section, is_64)


class ProgramReader:
    """Takes the bytes of an ELF file in pieces, keeps those few that matter, and returns the parts of its excerpt.

    ``size`` is that of the file. Bytes before ``needed`` can be passed over with ``skip``.

    >>> reader = ProgramReader(100)
    >>> reader.feed(b"#!/bin/sh".ljust(100)), reader.needed, reader.finish()
    (None, 100, [])
    """

    read_size = _HEAD_SIZE  #: bytes to read at once

    def __init__(self, size: int) -> None:
        self.position = self.needed = 0
        self._size = size
        self._head: bytearray | None = bytearray()  # None once it was read
        self._layout: _Layout | None = None
        self._search: _BuildInfoSearch | None = None
        self._tail = self._sections = _Range(0, 0)
        self._parts: list[Part] = []

    def skip(self, count: int) -> None:
        """Pass over bytes that are not needed."""
        self.position += count

    def feed(self, piece: bytes | memoryview) -> None:
        """Take the next bytes of the file."""
        start, self.position = self.position, self.position + len(piece)
        if self.needed >= self.position:
            return
        if self._head is not None:
            missing = min(_HEAD_SIZE, self._size) - len(self._head)
            self._head += piece[:missing]
            if len(piece) < missing:
                self.needed = self.position
                return
            head, self._head = bytes(self._head), None
            self.read_size = _PIECE
            self._read_head(head)
            self._gather(0, head)
            start, piece = len(head), piece[missing:]
        self._gather(start, piece)
        starts = [max(part.start, self.position) for part in self._ranges() if part.stop > self.position]
        self.needed = min(starts, default=self._size)

    def finish(self) -> list[Part]:
        """The parts that were found, when all bytes have passed."""
        if self._search is not None and (info := self._search.read()) is not None:
            self._parts.append(Part(GO_BUILD_INFO, b"", info))
        if (crates := self._read_crates()) is not None:
            self._parts.append(Part(RUST_CRATES, b"", crates))
        return self._parts

    def _ranges(self) -> list[_Range | _BuildInfoSearch]:
        """What is kept or searched of the file, besides its head."""
        ranges: list[_Range | _BuildInfoSearch] = [self._tail, self._sections]
        return ranges if self._search is None else [self._search, *ranges]

    def _gather(self, start: int, piece: bytes | memoryview) -> None:
        for part in self._ranges():
            if part.start < start + len(piece) and start < part.stop:
                part.feed(start, piece)

    def _read_head(self, head: bytes) -> None:
        """Find out from the start of the file what else is needed of it."""
        if head[:4] != b"\x7fELF" or len(head) < 64 or (layout := _make_layout(head[4], head[5])) is None:
            return
        self._layout = layout
        first, sections, size, count, section_size, section_count = layout.header.unpack_from(head)
        last = first + size * (count - 1) + layout.segment.size
        if size < layout.segment.size or not 0 < count <= _MAX_SEGMENTS or last > len(head):
            return
        segments = [layout.read_segment(head, first + size * number) for number in range(count)]
        notes = [note for segment in segments if segment.kind == _NOTE for note in _read_notes(head, segment, layout.order)]
        for kind, owner, text in notes:
            if kind == _PACKAGE_NOTE and owner == _PACKAGE_OWNER and len(text) <= _MAX_NOTE:
                self._parts.append(Part(ELF_NOTE, b"", text.rstrip(b"\0")))
                break
        loads = [segment for segment in segments if segment.kind == _LOAD]
        writable = [segment for segment in loads if segment.flags & 3 == _WRITABLE]
        if writable and writable[0].offset < self._size:
            limit = _MAX_SEARCH_OF_GO if any(owner == _GO_NOTE for _, owner, _ in notes) else _MAX_SEARCH
            stop = min(max(segment.offset + segment.size for segment in writable), self._size)
            self._search = _BuildInfoSearch(writable[0], stop, limit)
        end = max((segment.offset + segment.size for segment in loads), default=self._size)
        if end < sections and section_size == layout.section.size and section_count <= _MAX_SECTIONS:
            self._tail = _Range(end, min(end + _MAX_TAIL, sections, self._size))
            self._sections = _Range(sections, min(sections + section_size * section_count, self._size))

    def _read_crates(self) -> bytes | None:
        """The JSON in the section of cargo-auditable, recognized by its content: the names of sections may be far away."""
        headers, tail, layout, tries = self._sections.data, self._tail, self._layout, _MAX_TRIES
        if layout is None:
            return None
        for position in range(0, len(headers) - layout.section.size + 1, layout.section.size):
            offset, size = layout.section.unpack_from(headers, position)
            at = offset - tail.start
            if at >= 0 and 0 < size <= _MAX_CRATES and tail.data[at : at + 1] == _ZLIB and tries:
                tries -= 1
                crates = _inflate(bytes(tail.data[at : at + size]))
                if crates is not None and _CRATES in crates[:_CRATES_AT]:
                    return crates
        return None


class _Range:
    """The bytes from ``start`` to ``stop``, which are kept."""

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop, self.data = start, stop, bytearray()

    def feed(self, offset: int, piece: bytes | memoryview) -> None:
        """Take bytes of the file from ``offset`` on."""
        self.data += piece[max(self.start - offset, 0) : max(self.stop - offset, 0)]


def _read_notes(head: bytes, segment: _Segment, order: str) -> Iterator[tuple[int, bytes, bytes]]:
    """Type, owner and text of the notes of a segment, as far as they are in the head of a file."""
    position, end = segment.offset, min(segment.offset + segment.size, len(head))
    while position + 12 <= end:
        owner_size, size, kind = struct.unpack_from(f"{order}III", head, position)
        text = position + 12 + (owner_size + 3 & ~3)
        if text + size > end:
            return
        yield kind, head[position + 12 : position + 12 + owner_size], head[text : text + size]
        position = text + (size + 3 & ~3)


def _inflate(data: bytes) -> bytes | None:
    """The content of zlib data; None if it is longer than _MAX_CRATES, or none."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(data, _MAX_CRATES)
    except zlib.error:
        return None
    return content if inflater.eof else None


class _BuildInfoSearch:
    """Looks for the build information of Go from a segment on up to ``stop``, in ``limit`` bytes at most."""

    def __init__(self, segment: _Segment, stop: int, limit: int) -> None:
        self.start, self.stop = segment.offset, min(stop, segment.offset + limit)
        self._segment_end, self._shift = stop, segment.address - segment.offset
        self._pending = b""  # the last bytes, in which a magic number may begin
        self._misplaced = 0
        self._info: bytearray | None = None  # from the magic number on

    def feed(self, offset: int, piece: bytes | memoryview) -> None:
        """Take bytes of the file from ``offset`` on."""
        data = bytes(piece[max(self.start - offset, 0) : max(self.stop - offset, 0)])
        if not data:
            return
        if self._info is not None:
            self._info += data
            return
        base = max(offset, self.start) - len(self._pending)
        data = self._pending + data
        place = data.find(_GO_MAGIC)
        while place >= 0:
            if (base + place + self._shift) % _GO_ALIGNMENT == 0:
                self._info = bytearray(data[place:])
                self.stop = min(base + place + _MAX_BUILD_INFO, self._segment_end)
                if base + len(data) < offset + len(piece):  # more of the piece belongs to it
                    self._info += piece[base + len(data) - offset : self.stop - offset]
                return
            self._misplaced += 1
            if self._misplaced >= _MAX_MISPLACED:
                self.stop = 0
                return
            place = data.find(_GO_MAGIC, place + 1)
        self._pending = data[1 - len(_GO_MAGIC) :]

    def read(self) -> bytes | None:
        """The version and the modules; None if there are none."""
        info = bytes(self._info or b"")[:_MAX_BUILD_INFO]
        if len(info) < _GO_STRINGS or not info[15] & _GO_INLINE:
            return None
        version, position = _read_string(info, _GO_STRINGS)
        modules, _ = _read_string(info, position)
        if len(modules) > 2 * _GO_SENTINEL and modules[-_GO_SENTINEL - 1 : -_GO_SENTINEL] == b"\n":
            modules = modules[_GO_SENTINEL:-_GO_SENTINEL]
        else:  # the end is cut off
            modules = modules[_GO_SENTINEL : modules.rfind(b"\n") + 1]
        return version + b"\n" + modules if version else None


def _read_string(data: bytes, position: int) -> tuple[bytes, int]:
    """A string behind its length, a varint, and the position behind it."""
    length = shift = 0
    for byte in data[position : position + 5]:
        position += 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return data[position : position + length], position + length
