"""Makes small ELF files and jars for tests, from the specifications: of any class and byte order, with what tools add to them."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence

LOAD, NOTE = 1, 4
READ, WRITE, EXECUTE = 4, 2, 1
GO_MAGIC = b"\xff Go buildinf:"
_SENTINEL = bytes(range(16))


class Elf:
    """An ELF file: its segments in order, then its sections, then the headers of these."""

    def __init__(self, *, bits: int = 64, order: str = "<") -> None:
        self.bits, self.order = bits, order
        self.segments: list[tuple[int, int, int, bytes]] = []  # kind, flags, address less offset, content
        self.sections: list[tuple[bytes, bytes]] = []

    def add(self, kind: int, flags: int, content: bytes, shift: int = 0x400000) -> None:
        """Add a segment."""
        self.segments.append((kind, flags, shift, content))

    def build(self, size: int = 0) -> bytes:
        """The file, with the first segment filled up so that it has about ``size`` bytes."""
        is_64, order = self.bits == 64, self.order
        head = bytearray(64 if is_64 else 52)
        each = 56 if is_64 else 32
        start = len(head) + each * len(self.segments)
        body = bytearray()
        table = bytearray()
        for kind, flags, shift, content in self.segments:
            body += bytes(-(start + len(body)) % 16)
            place, length = start + len(body), len(content)
            body += content
            if kind == LOAD and not flags & WRITE:
                filler = bytes(max(size - start - sum(len(other[3]) for other in self.segments), 0))
                body, length, size = body + filler, length + len(filler), 0
            fields = (kind, flags, place, place + shift, 0, length, length, 16)
            table += (
                struct.pack(f"{order}IIQQQQQQ", *fields)
                if is_64
                else struct.pack(f"{order}8I", kind, place, place + shift, 0, length, length, flags, 16)
            )
        names, headers = bytearray(b"\0"), bytearray(40 if not is_64 else 64)
        for name, content in [*self.sections, (b".shstrtab", b"")]:
            name_at = len(names)
            names += name + b"\0"
            content = content or bytes(names)
            place = start + len(body)
            body += content
            headers += (
                struct.pack(f"{order}IIQQQQIIQQ", name_at, 1, 0, 0, place, len(content), 0, 0, 1, 0)
                if is_64
                else struct.pack(f"{order}10I", name_at, 1, 0, 0, place, len(content), 0, 0, 1, 0)
            )
        count, section_size = len(self.sections) + 2, len(headers) // (len(self.sections) + 2)
        head[:6] = b"\x7fELF" + bytes([2 if is_64 else 1, 1 if order == "<" else 2])
        ends = (len(head), each, len(self.segments), section_size, count, count - 1)
        form = f"{order}{'QQ' if is_64 else 'II'}I6H"
        struct.pack_into(form, head, 32 if is_64 else 28, len(head), start + len(body), 0, *ends)
        return bytes(head + table + body + headers)


def note(owner: bytes, kind: int, text: bytes, order: str = "<") -> bytes:
    """A note of a PT_NOTE segment."""
    sizes = struct.pack(f"{order}III", len(owner), len(text), kind)
    return sizes + owner.ljust(-(-len(owner) // 4) * 4, b"\0") + text.ljust(-(-len(text) // 4) * 4, b"\0")


def go_build_info(modules: bytes, version: bytes = b"go1.22.5") -> bytes:
    """The build information that linkers write since Go 1.18."""
    modules = _SENTINEL + modules + _SENTINEL if modules else b""
    strings = b"".join(_varint(len(text)) + text for text in (version, modules))
    return (GO_MAGIC + b"\x08\x02").ljust(32, b"\0") + strings


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes([*encoded, number])


def go_program(
    modules: bytes, *, before: bytes = b"", size: int = 200_000, has_note: bool = True, bits: int = 64, order: str = "<"
) -> bytes:
    """A program of Go; ``before`` is what the segment has before the build information, as linkers of C write it."""
    elf = Elf(bits=bits, order=order)
    if has_note:
        elf.add(NOTE, READ, note(b"Go\0\0", 4, b"x/y", order))
    elf.add(LOAD, READ | EXECUTE, b"\x90" * 5000)
    elf.add(LOAD, READ | WRITE, before + go_build_info(modules) + b"data" * 99)
    return elf.build(size)


def crates(*packages: Mapping[str, object]) -> bytes:
    """The document of cargo-auditable."""
    return json.dumps({"packages": packages}).encode()


def rust_program(document: bytes, *, size: int = 200_000, bits: int = 64, order: str = "<") -> bytes:
    """A program of Rust, built with cargo-auditable."""
    elf = Elf(bits=bits, order=order)
    elf.add(LOAD, READ | EXECUTE, b"\x90" * 5000)
    elf.add(LOAD, READ | WRITE, b"data" * 99)
    elf.sections = [(b".comment", b"rustc"), (b".dep-v0", zlib.compress(document)), (b".symtab", bytes(100))]
    return elf.build(size)


class _Stream(io.BytesIO):
    """A file that cannot be read or moved in, as a pipe."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def make_jar(
    entries: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED, stored: Iterable[str] = (), streamed: bool = False
) -> bytes:
    """A jar; entries whose names are in ``stored`` are not compressed. ``streamed`` writes sizes behind entries."""
    file: io.BytesIO = _Stream() if streamed else io.BytesIO()
    kept = set(stored)
    with zipfile.ZipFile(file, "w", method) as jar:
        for name, content in entries.items():
            jar.writestr(name, content, zipfile.ZIP_STORED if name in kept else method)
    return file.getvalue()


def pom(group: str, artifact: str, version: str) -> dict[str, bytes]:
    """The entry that Maven adds to the jar of an artifact."""
    text = f"#Generated by Maven\n#Thu Jan 01 00:00:00 UTC 1970\nversion={version}\ngroupId={group}\nartifactId={artifact}\n"
    return {f"META-INF/maven/{group}/{artifact}/pom.properties": text.encode()}


def manifest(**attributes: str) -> dict[str, bytes]:
    """The entry of a manifest; underscores in names are hyphens."""
    lines = ["Manifest-Version: 1.0", *(f"{name.replace('_', '-')}: {value}" for name, value in attributes.items())]
    return {"META-INF/MANIFEST.MF": "\r\n".join([*lines, "", "Name: a/B.class", "SHA-256-Digest: x", ""]).encode()}


def spring_boot_jar(nested: Mapping[str, bytes], classes: Sequence[bytes] = ()) -> bytes:
    """An application with its libraries, as Spring Boot packs them."""
    names = {f"BOOT-INF/lib/{name}": content for name, content in nested.items()}
    own = {f"BOOT-INF/classes/C{number}.class": content for number, content in enumerate(classes)}
    entries = {**manifest(Implementation_Title="shop", Implementation_Version="3.1.0"), **own, **names}
    return make_jar({**entries, **pom("org.example", "shop", "3.1.0")}, stored=names)
