"""Writes layers with tables of contents for tests: eStargz, and zstd:chunked in all four layouts, from the specifications.

``tests/compat/test_tocs.py`` compares the results with those of real tools.

::

    layer = estargz({"etc": DIR, "etc/passwd": b"root"})
    build_image([layer])                                     # its manifest has the annotations
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import struct
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import attrs
import zstandard

from tests.images import BuiltLayer, Entries, sha256, tar_bytes

Layout: TypeAlias = Literal["40", "56", "64", "stargz"]
LAYOUTS: tuple[Layout, ...] = ("40", "56", "64", "stargz")
TOC_DIGEST = "containerd.io/snapshot/stargz/toc.digest"
TAR_SIZE = "io.containers.estargz.uncompressed-size"
TYPES = {
    tarfile.REGTYPE: "reg", tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "char", tarfile.BLKTYPE: "block", tarfile.FIFOTYPE: "fifo",
}  # fmt: skip
_END = bytes(1024)

Change: TypeAlias = Callable[[list[dict[str, Any]]], None]


@attrs.frozen
class TocLayer(BuiltLayer):
    """A layer with a table of contents, and the annotations that name it."""

    annotations: Mapping[str, str] = attrs.field(factory=dict)
    toc: bytes = b""  #: its JSON

    @property
    def descriptor(self) -> dict[str, Any]:
        return {**super().descriptor, "annotations": dict(self.annotations)}


def estargz(
    entries: Entries,
    *,
    chunk: int = 4 << 20,
    landmark: bool = True,
    change: Change | None = None,
    footer: Literal["51", "47", "46"] = "51",
    members: int = 1,
    level: int = 6,
) -> TocLayer:
    """A layer as stargz-snapshotter writes it, with payloads of up to ``chunk`` bytes in a member.

    ``change`` may change the entries of the table, and ``members`` contents of one piece share a member.
    """
    pairs = list(entries.items()) if isinstance(entries, Mapping) else list(entries)
    if landmark:
        pairs.insert(0, (".no.prefetch.landmark", b"\x0f"))
    return estargz_of(tar_bytes(pairs), chunk=chunk, change=change, footer=footer, members=members, level=level)


def estargz_of(
    tar: bytes,
    *,
    chunk: int = 4 << 20,
    change: Change | None = None,
    footer: Literal["51", "47", "46"] = "51",
    members: int = 1,
    level: int = 6,
) -> TocLayer:
    """The same for the entries of a tar."""
    plain, blob, open_member = bytearray(), bytearray(), bytearray()
    listed: list[dict[str, Any]] = []
    shared = 0  # contents that the open member has

    def close() -> None:
        nonlocal open_member
        blob.extend(gzip.compress(bytes(open_member), level, mtime=0) if open_member else b"")
        open_member = bytearray()

    for info, header, payload, padding in parts_of(tar):
        plain += header + payload + padding
        open_member += header
        entry = _entry(info, payload)
        listed.append(entry)
        for start in range(0, len(payload), chunk):
            piece = payload[start : start + chunk]
            inner = 0
            if len(payload) <= chunk and 0 < shared < members:
                inner, shared = len(open_member), shared + 1
            else:
                close()
                shared = 1
                shared_start = len(blob)
            place: dict[str, Any] = {"offset": shared_start, **({"innerOffset": inner} if inner else {})}
            place["chunkDigest"] = sha256(piece)
            if len(payload) > chunk:
                place |= {"chunkOffset": start, "chunkSize": len(piece)}
            if start:
                listed.append({"name": entry["name"], "type": "chunk", **_nonzero(place)})
            else:
                entry |= _nonzero(place)
            open_member += piece
        open_member += padding
    close()
    if change:
        change(listed)
    table = json.dumps({"version": 1, "entries": listed}, indent="\t").encode()
    offset = len(blob)
    toc_tar = _toc_tar(table)
    blob += gzip.compress(toc_tar, level, mtime=0) + _estargz_footer(offset, footer)
    plain += toc_tar
    annotations = {TOC_DIGEST: sha256(table), TAR_SIZE: str(len(plain))}
    return TocLayer(bytes(plain), bytes(blob), "gzip", annotations, table)


def _toc_tar(table: bytes) -> bytes:
    info = tarfile.TarInfo("stargz.index.json")
    info.size, info.mode = len(table), 0
    return info.tobuf(tarfile.USTAR_FORMAT) + table + bytes(-len(table) % 512) + _END


def _estargz_footer(offset: int, form: str) -> bytes:
    place = b"%016xSTARGZ" % offset
    extra = {
        "51": b"SG" + struct.pack("<H", len(place)) + place,
        "47": place,
        "46": b"SG" + struct.pack("<H", 17) + b"STARGZEXTERNALTOC",
    }[form]
    header = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff" + struct.pack("<H", len(extra)) + extra
    footer = header + b"\x01\0\0\xff\xff" + bytes(8)
    assert len(footer) == int(form)
    assert zlib.decompress(footer, 31) == b""
    return footer


def zstd_chunked(
    entries: Entries, layout: Layout = "64", *, chunk: int = 1 << 20, change: Change | None = None, level: int = 3
) -> TocLayer:
    """A layer as containers/storage or stargz-snapshotter write it, with a frame for each piece of a content."""
    return zstd_chunked_of(tar_bytes(entries), layout, chunk=chunk, change=change, level=level)


def zstd_chunked_of(
    tar: bytes, layout: Layout = "64", *, chunk: int = 1 << 20, change: Change | None = None, level: int = 3
) -> TocLayer:
    """The same for the entries of a tar."""
    is_stargz = layout == "stargz"
    compressor = zstandard.ZstdCompressor(level=level)
    plain, blob, headers = bytearray(), bytearray(), bytearray()
    listed: list[dict[str, Any]] = []
    for info, header, payload, padding in parts_of(tar):
        plain += header + payload + padding
        headers += header
        entry = _entry(info, payload)
        listed.append(entry)
        if payload:
            blob += compressor.compress(bytes(headers))
            headers = bytearray()
        for start in range(0, len(payload), chunk):
            piece = payload[start : start + chunk]
            place: dict[str, Any] = {"offset": len(blob)}
            is_last = start + chunk >= len(payload)
            blob += compressor.compress(piece + padding if is_last and is_stargz else piece)
            if len(payload) > chunk:
                place |= {"chunkOffset": start, "chunkSize": len(piece), "chunkDigest": sha256(piece)}
                if not is_stargz and not any(piece):
                    place["chunkType"] = "zeros"
            if start:
                listed.append({"type": "chunk", "name": entry["name"], **_nonzero(place)})
            else:
                entry |= _nonzero(place)
            if is_last and not is_stargz:
                entry["endOffset"] = len(blob)
        headers += b"" if is_stargz and payload else padding
    plain += _END
    blob += compressor.compress(bytes(headers) + _END)
    if change:
        change(listed)
    table = json.dumps({"version": 1, "entries": listed}).encode()
    stored = compressor.compress(table)
    position = len(blob) + 8
    blob += _skippable(stored)
    split = b"tar-split would be here" if layout in ("56", "64") else b""
    split_position = len(blob) + 8
    blob += _skippable(split) if split else b""
    numbers = struct.pack("<4Q", position, len(stored), len(table), 1)
    blob += _skippable(
        {
            "40": numbers + b"GnUlInUx",
            "stargz": numbers + b"GnUlInUx",
            "56": numbers + b"GnUlInUx" + bytes(16),
            "64": numbers + struct.pack("<3Q", split_position, len(split), 100) + b"GNUlInUx",
        }[layout]
    )
    prefix = "io.containers.zstd-chunked." if layout in ("40", "stargz") else "io.github.containers.zstd-chunked."
    annotations = {
        f"{prefix}manifest-position": f"{position}:{len(stored)}:{len(table)}:1",
        f"{prefix}manifest-checksum": sha256(stored),
        **({TOC_DIGEST: sha256(table)} if is_stargz else {}),
    }
    return TocLayer(bytes(plain), bytes(blob), "zstd", annotations, table)


def _skippable(data: bytes) -> bytes:
    return b"\x50\x2a\x4d\x18" + struct.pack("<I", len(data)) + data


def parts_of(tar: bytes) -> Sequence[tuple[tarfile.TarInfo, bytes, bytes, bytes]]:
    """Each entry with its headers, its payload, and the padding of that."""
    parts, position = [], 0
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for info in archive:
            stop = info.offset_data + (info.size if info.isreg() else 0)
            end = stop + -stop % 512
            parts.append((info, tar[position : info.offset_data], tar[info.offset_data : stop], tar[stop:end]))
            position = end
    return parts


def _entry(info: tarfile.TarInfo, payload: bytes) -> dict[str, Any]:
    fields = {
        "name": info.name + "/" * info.isdir(),
        "type": TYPES[info.type],
        "size": info.size,
        "modtime": "1970-01-01T00:00:00Z",
        "linkName": info.linkname,
        "mode": info.mode,
        "uid": info.uid,
        "gid": info.gid,
        "devMajor": info.devmajor,
        "devMinor": info.devminor,
        "xattrs": {
            name.removeprefix("SCHILY.xattr."): base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()
            for name, value in info.pax_headers.items()
            if name.startswith("SCHILY.xattr.")
        },
        "digest": f"sha256:{hashlib.sha256(payload).hexdigest()}" if payload else "",
    }
    return _nonzero(fields)


def _nonzero(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
