"""Tars made by hand, block by block, and tars made at random: what scanner and streams are tested with."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
from hypothesis import strategies as st

from ocisize.tar.filetable import FileTable
from ocisize.tar.scanner import scan_tar

USTAR, GNU, V7 = b"ustar\x0000", b"ustar  \0", bytes(8)
END = bytes(1024)


def header(
    name: bytes = b"a",
    size: int | bytes = 0,
    kind: bytes = b"0",
    *,
    link: bytes = b"",
    mode: int | bytes = 0o644,
    uid: int | bytes = 0,
    gid: int | bytes = 0,
    magic: bytes = USTAR,
    prefix: bytes = b"",
    fields: Mapping[int, bytes] | None = None,
    signed: bool = False,
) -> bytes:
    """One header block; ``fields`` puts raw bytes at offsets, numbers may be given as raw bytes."""
    block = bytearray(512)
    numbers = ((100, mode, 8), (108, uid, 8), (116, gid, 8), (124, size, 12), (136, 0, 12))
    raw = {at: value if isinstance(value, bytes) else b"%0*o\0" % (width - 1, value) for at, value, width in numbers}
    raw |= {0: name, 156: kind, 157: link, 257: magic, 345: prefix, **(fields or {})}
    for at, value in raw.items():
        block[at : at + len(value)] = value
    block[148:156] = b" " * 8
    total = sum(byte - 256 if signed and byte > 127 else byte for byte in block)
    block[148:156] = b"%06o\0 " % total
    if fields and 148 in fields:
        block[148:156] = fields[148]
    return bytes(block)


def base256(value: int, width: int) -> bytes:
    """A number as GNU tar writes it when octal digits do not suffice."""
    data = bytearray(value.to_bytes(width, "big", signed=True))
    data[0] |= 0x80
    return bytes(data)


def padded(payload: bytes) -> bytes:
    """A payload filled up to whole blocks."""
    return payload + bytes(-len(payload) % 512)


def member(name: bytes = b"a", payload: bytes = b"", kind: bytes = b"0", **options: Any) -> bytes:
    """A header and its payload."""
    return header(name, len(payload), kind, **options) + padded(payload)


def record(key: bytes, value: bytes) -> bytes:
    """One PAX record, whose length counts itself."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length += 1
    return b"%d" % length + rest


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    """A PAX header with its records."""
    return member(b"PaxHeaders/a", b"".join(record(*pair) for pair in records), kind)


def long_name(value: bytes, kind: bytes = b"L") -> bytes:
    """GNU's header for a long name (``L``) or link target (``K``)."""
    return member(b"././@LongLink", value + b"\0", kind, magic=GNU)


SPARSE_FORMS = ("gnu", "0.0", "0.1", "1.0")


def old_sparse_header(
    stored: int, size: int | bytes, pairs: Sequence[tuple[int, int]] | bytes, name: bytes = b"s", *, magic: bytes = GNU
) -> bytes:
    """The header of an old GNU sparse file, with the blocks that extend its map; ``stored`` is the size of its payload."""
    first, rest = (pairs, ()) if isinstance(pairs, bytes) else (sparse_table(*pairs[:4]), pairs[4:])
    real = size if isinstance(size, bytes) else _old_number(size)
    blocks = [header(name, stored, b"S", magic=magic, fields={386: first, 482: b"\1" if rest else b"\0", 483: real})]
    for start in range(0, len(rest), 21):
        more = b"\1" if start + 21 < len(rest) else b"\0"
        blocks.append((sparse_table(*rest[start : start + 21]).ljust(504, b"\0") + more).ljust(512, b"\0"))
    return b"".join(blocks)


def sparse_table(*pairs: tuple[int, int]) -> bytes:
    """Offsets and lengths as old GNU headers have them."""
    return b"".join(_old_number(number) for pair in pairs for number in pair)


def _old_number(number: int) -> bytes:
    return b"%011o\0" % number if number < 1 << 33 else base256(number, 12)


def sparse_member(
    form: str, size: int, pieces: Sequence[tuple[int, bytes]], name: bytes = b"s", *records: tuple[bytes, bytes]
) -> bytes:
    """A sparse file with its payload, in one of SPARSE_FORMS; ``pieces`` are offsets and what is stored there."""
    pairs, data = [(offset, len(piece)) for offset, piece in pieces], b"".join(piece for _, piece in pieces)
    numbers = [b"%d" % number for pair in pairs for number in pair]
    if form == "gnu":
        return old_sparse_header(len(data), size, pairs, name) + padded(data)
    if form == "1.0":
        own = [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0")]
        own += [(b"GNU.sparse.name", name), (b"GNU.sparse.realsize", b"%d" % size)]
        text = b"".join(number + b"\n" for number in (b"%d" % len(pairs), *numbers))
        return pax(*own, *records) + member(b"GNUSparseFile.0/x", padded(text) + data)
    own = [(b"GNU.sparse.size", b"%d" % size), (b"GNU.sparse.numblocks", b"%d" % len(pairs))]
    if form == "0.1":
        own += [(b"GNU.sparse.name", name), (b"GNU.sparse.map", b",".join(numbers))]
        return pax(*own, *records) + member(b"GNUSparseFile.0/x", data)
    keys = (b"GNU.sparse.offset", b"GNU.sparse.numbytes") * len(pairs)
    return pax(*own, *zip(keys, numbers, strict=True), *records) + member(name, data)


class Bytes:
    """A stream that fills the buffer it gets."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def readinto(self, buffer: memoryview, /) -> int:
        return self.give(buffer, len(buffer))

    def give(self, buffer: memoryview, count: int) -> int:
        piece = self.data[self.position : self.position + min(count, len(buffer))]
        buffer[: len(piece)] = piece
        self.position += len(piece)
        return len(piece)


class Chopped(Bytes):
    """A stream that gives fewer bytes than asked for, at random."""

    def __init__(self, data: bytes, seed: int) -> None:
        super().__init__(data)
        self._random = random.Random(seed)

    def readinto(self, buffer: memoryview, /) -> int:
        return self.give(buffer, self._random.choice((1, 7, 511, 512, 513, 1000, 5000)))


class Skippable(Chopped):
    """A chopped stream that can skip, as a region of a file can."""

    def skip(self, count: int, /) -> int:
        before = self.position
        self.position = min(self.position + count, len(self.data))
        return self.position - before


def scan(*parts: bytes, end: bytes = END) -> FileTable:
    """Scan blocks that make up a tar, with an end marker behind them."""
    return scan_tar(Bytes(b"".join(parts) + end))


def columns(table: FileTable, *, hashes: bool = True) -> dict[str, Any]:
    """All columns of a table, as values that compare."""
    found = {field.name: getattr(table, field.name) for field in attrs.fields(FileTable) if field.name[0] != "_"}
    found["ends"] = table.ends
    found["hashes"] = bytes(found["hashes"]) if hashes else None
    return found


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda text: text not in (".", "..")
)
LONG_NAMES = st.builds(lambda part, count: part * count, NAMES, st.integers(1, 30))
PATHS = st.lists(st.one_of(NAMES, LONG_NAMES), min_size=1, max_size=6).map("/".join)
SHORT_PATHS = st.text("abcdefghij.-_", min_size=1, max_size=40).filter(lambda text: text.strip("."))
SIZES = st.one_of(st.sampled_from([0, 1, 511, 512, 513, 1023, 1024, 1025, 5000]), st.integers(0, 3000))
IDS = st.one_of(st.integers(0, 0o7777777), st.just(1000))


@st.composite
def tar_infos(draw: st.DrawFn, format: int = tarfile.PAX_FORMAT) -> tuple[tarfile.TarInfo, bytes]:
    """One entry that tarfile can write in the format, with its payload."""
    paths = SHORT_PATHS if format == tarfile.USTAR_FORMAT else PATHS
    info = tarfile.TarInfo(draw(paths))
    info.type = draw(st.sampled_from([tarfile.REGTYPE] * 4 + [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE]))
    info.mode, info.uid, info.gid = draw(st.integers(0, 0o7777)), draw(IDS), draw(IDS)
    info.mtime = draw(st.integers(0, (1 << 33) - 1))
    data = b""
    if info.type == tarfile.REGTYPE:
        data = random.Random(draw(st.integers(0, 999))).randbytes(draw(SIZES))
        info.size = len(data)
    elif info.type != tarfile.DIRTYPE:
        info.linkname = draw(paths)
    if format == tarfile.PAX_FORMAT and draw(st.booleans()):
        info.uid = draw(st.sampled_from([1 << 22, 1 << 40]))
    return info, data


def write_tar(infos: Iterable[tuple[tarfile.TarInfo, bytes]], format: int) -> bytes:
    """The entries as a tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format, encoding="utf-8") as archive:
        for info, data in infos:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@st.composite
def tars(draw: st.DrawFn, *, sparse: bool = True) -> bytes:
    """Valid tars of all three formats, with sparse files in front or without."""
    format = draw(st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    first = b"".join(draw(st.lists(sparse_members(), max_size=2))) if sparse else b""
    return first + write_tar(draw(st.lists(tar_infos(format), max_size=8)), format)


@st.composite
def sparse_files(draw: st.DrawFn) -> tuple[int, list[tuple[int, bytes]]]:
    """The size of a sparse file, and its fragments, some of them empty or side by side, without zeros in them."""
    end, pieces = 0, []
    for gap, length in draw(st.lists(st.tuples(st.sampled_from([0, 1, 500, 4096]), st.integers(0, 600)), max_size=6)):
        pieces.append((end + gap, (bytes(range(1, 251)) * 3)[:length]))
        end += gap + length
    return end + draw(st.sampled_from([0, 1, 5000])), pieces


@st.composite
def sparse_members(draw: st.DrawFn) -> bytes:
    """A sparse file in any form; 0.0 and 0.1 need a fragment, since an empty map is none."""
    size, pieces = draw(sparse_files())
    form = draw(st.sampled_from(SPARSE_FORMS if pieces else ("gnu", "1.0")))
    return sparse_member(form, size, pieces, draw(SHORT_PATHS).encode())
