"""Databases of rpm made without rpm: headers, and the forms that hold them."""

from __future__ import annotations

import sqlite3
import struct
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ocisize.packages.rpm import header as tags

Value = int | str | Sequence[int] | Sequence[str]


def make_header(values: Mapping[int, Value]) -> bytes:
    """A header with these tags; numbers have 32 bits."""
    index, data = b"", b""
    for tag, value in sorted(values.items()):
        items = [value] if isinstance(value, int | str) else list(value)
        if all(isinstance(item, int) for item in items):
            data += bytes(-len(data) % 4)
            kind, content = 4, struct.pack(f">{len(items)}I", *items)
        else:
            kind, content = 6 if isinstance(value, str) else 8, b"".join(str(item).encode() + b"\0" for item in items)
        index += struct.pack(">4I", tag, kind, len(data), len(items))
        data += content
    return struct.pack(">II", len(index) // 16, len(data)) + index + data


def make_package(name: str, files: Sequence[str] = (), **values: Value) -> bytes:
    """The header of a package with files; ``values`` by the names of tags."""
    fields: dict[int, Value] = {tags.NAME: name, tags.VERSION: "1.0", tags.RELEASE: "2", tags.ARCHITECTURE: "x86_64"}
    if files:
        folders = sorted({path.rpartition("/")[0] + "/" for path in files})
        fields[tags.DIRECTORY_NAMES] = folders
        fields[tags.BASE_NAMES] = [path.rpartition("/")[2] for path in files]
        fields[tags.DIRECTORY_INDEXES] = [folders.index(path.rpartition("/")[0] + "/") for path in files]
    return make_header({**fields, **{getattr(tags, key): value for key, value in values.items()}})


def make_sqlite(headers: Sequence[bytes], page_size: int = 4096) -> bytes:
    """A database of SQLite's own writing, with the tables that rpm makes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rpmdb.sqlite"
        database = sqlite3.connect(path)
        database.execute(f"PRAGMA page_size = {page_size}")
        database.execute("CREATE TABLE Name(key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)")
        database.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        database.execute("CREATE INDEX Name_key_idx ON Name(key ASC)")
        database.executemany("INSERT INTO Packages(blob) VALUES (?)", [(header,) for header in headers])
        database.commit()
        database.close()
        return path.read_bytes()


def make_ndb(headers: Sequence[bytes]) -> bytes:
    """A database as rpm's ndb backend lays it out, with a free slot before each package."""
    slots = b""
    blobs = b""
    for number, header in enumerate(headers, 1):
        blob = struct.pack("<4sIII", b"BlbS", number, 1, len(header)) + header
        blob += bytes(-len(blob) % 16)
        slots += struct.pack("<4sIII", b"Slot", 0, 0, 0)
        slots += struct.pack("<4sIII", b"Slot", number, (4096 + len(blobs)) // 16, len(blob) // 16)
        blobs += blob
    page = struct.pack("<4s7I", b"RpmP", 0, 1, 1, len(headers) + 1, 0, 0, 0) + slots
    while len(page) < 4096:
        page += struct.pack("<4sIII", b"Slot", 0, 0, 0)
    assert len(page) == 4096
    return page + blobs


def make_bdb(headers: Sequence[bytes], order: str = "<", page_size: int = 512) -> bytes:
    """A hash of Berkeley DB with a page for each package, and the counter of packages."""
    space = page_size - 26
    pages = [b""]
    for number, header in enumerate([b"\0\0\0\1", *headers]):
        first = len(pages) + 1
        value = b"\1" + header if len(header) < page_size // 4 else struct.pack(f"{order}B3xII", 3, first, len(header))
        key = b"\1" + struct.pack(f"{order}I", number)
        offsets = (page_size - len(key), page_size - len(key) - len(value))
        page = struct.pack(f"{order}8xIIIHHBB", len(pages), 0, 0, 2, offsets[1], 0, 13) + struct.pack(f"{order}2H", *offsets)
        pages.append(page.ljust(offsets[1], b"\0") + value + key)
        if value[0] == 3:
            parts = [header[start : start + space] for start in range(0, len(header), space)]
            for part in parts:
                following = 0 if part is parts[-1] else len(pages) + 1
                page = struct.pack(f"{order}8xIIIHHBB", len(pages), 0, following, 1, len(part), 0, 7) + part
                pages.append(page.ljust(page_size, b"\0"))
    meta = struct.pack(f"{order}8xIIIIBBBxII", 0, 0x061561, 9, page_size, 0, 8, 0, 0, len(pages) - 1)
    pages[0] = meta.ljust(page_size, b"\0")
    return b"".join(pages)
