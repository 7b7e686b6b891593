"""Writes zTOCs and SOCI indexes for tests, from the schema.

See https://github.com/awslabs/soci-snapshotter/tree/main/ztoc/fbs.
"""

from __future__ import annotations

import hashlib
import json
import struct
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from ocisize.layer.toc.checkpoints import Checkpoints
from ocisize.layer.toc.unusable import Unusable
from tests.images import OCI, BuiltImage, BuiltLayer, Entries, build_image, sha256, tar_bytes
from tests.tocs import TYPES, parts_of

INDEX_DIGEST = "com.amazon.soci.index-digest"
INDEX_TYPE = "application/vnd.amazon.soci.index.v2+json"
ATTACHED_TYPE = "application/vnd.amazon.soci.index.v1+json"
WINDOW = 32 << 10
#: a value of a field: a struct format with a number, a string, a table, a vector of tables or of strings
Field: TypeAlias = "tuple[str, int] | bytes | Mapping[int, Any] | Sequence[Any]"


@attrs.frozen
class SociLayer(BuiltLayer):
    """A gzip layer with its zTOC."""

    ztoc: bytes = b""


def flatbuffer(table: Mapping[int, Field]) -> bytes:
    """A buffer with a root table."""
    buffer = bytearray(4)
    struct.pack_into("<I", buffer, 0, _add(buffer, table))
    return bytes(buffer)


def _add(buffer: bytearray, value: Field) -> int:
    """Append a value; return its position. References lead forwards."""
    buffer += bytes(-len(buffer) % 8)
    if isinstance(value, bytes):
        position = len(buffer)
        buffer += struct.pack("<I", len(value)) + value + b"\0"
        return position
    if isinstance(value, Mapping):
        count = max(value, default=-1) + 1
        fields = struct.pack("<HH", 4 + 2 * count, 4 + 8 * count)
        fields += b"".join(struct.pack("<H", 4 + 8 * slot if slot in value else 0) for slot in range(count))
        buffer += fields + bytes(-len(fields) % 8)
        position = len(buffer)
        buffer += struct.pack("<i", len(fields) + -len(fields) % 8) + bytes(8 * count)
        for slot, field in value.items():
            place = position + 4 + 8 * slot
            if isinstance(field, tuple):
                struct.pack_into(field[0], buffer, place, field[1])
            else:
                struct.pack_into("<I", buffer, place, _add(buffer, field) - place)
        return position
    position = len(buffer)
    assert isinstance(value, Sequence)
    buffer += struct.pack("<I", len(value)) + bytes(4 * len(value))
    for number, item in enumerate(value):
        place = position + 4 + 4 * number
        struct.pack_into("<I", buffer, place, _add(buffer, item) - place)
    return position


def long(value: int) -> tuple[str, int]:
    return "<q", value


def compress_in_spans(tar: bytes, span: int, level: int = 6) -> tuple[bytes, list[tuple[int, int, int, bytes]]]:
    """A gzip stream, and its checkpoints: stored and uncompressed position, bits, and the output before.

    A deflate block ends at each checkpoint, in the middle of a byte.
    """
    compressor = zlib.compressobj(level, zlib.DEFLATED, 31)
    blob = bytearray()
    places = [(10, 0)]
    for start in range(0, len(tar), span):
        blob += compressor.compress(tar[start : start + span])
        if start + span < len(tar):
            blob += compressor.flush(zlib.Z_BLOCK)
            places.append((len(blob), start + span))
    blob += compressor.flush()
    windows = [tar[max(out - WINDOW, 0) : out].rjust(WINDOW, b"\0") for _, out in places]
    points = []
    for number, (whole, out) in enumerate(places):
        expected = tar[out : out + span + 2000]  # a wrong bit may show at the end of the block only
        bits = _find_bits(bytes(blob), whole, out, windows[number], expected) if number else 0
        points.append((whole + (bits > 0), out, bits, windows[number]))
    return bytes(blob), points


def _find_bits(blob: bytes, whole: int, out: int, window: bytes, expected: bytes) -> int:
    """How many bits of the next byte are not part of the block that ends here."""
    for bits in (0, 7, 6, 5, 4, 3, 2, 1):
        stored = whole + (bits > 0)
        first = struct.pack("<qqB", 10, 0, 0) + bytes(WINDOW)
        data = struct.pack("<iq", 2, 0) + first + struct.pack("<qqB", stored, out, bits) + window
        digests = [b"", sha256(blob[whole:]).encode()]
        try:
            if Checkpoints(data, digests, len(blob)).unpack(blob[whole:], range(1, 2), len(expected)) == expected:
                return bits
        except Unusable:
            continue
    raise AssertionError("the stream cannot be resumed here")


def soci_layer(
    entries: Entries, *, span: int = 20_000, old: bool = False, changes: Mapping[int, Field] | None = None
) -> SociLayer:
    """A layer with a zTOC; an ``old`` one lacks the first checkpoint. ``changes`` replace fields of the root table."""
    tar = tar_bytes(entries)
    blob, points = compress_in_spans(tar, span)
    spans = [stored - (bits > 0) for stored, _, bits, _ in points]
    stops = [stored for stored, *_ in points[1:]] + [len(blob)]
    digests = [sha256(blob[start:stop]).encode() for start, stop in zip(spans, stops, strict=True)]
    data = struct.pack("<iq", len(points), span)
    for stored, out, bits, window in points[old:]:
        data += struct.pack("<qqB", stored, out, bits) + window
    position, listed = 0, []
    for info, header, payload, padding in parts_of(tar):
        start = position + len(header)
        position = start + len(payload) + len(padding)
        listed.append(_file(info, start))
    root: dict[int, Field] = {
        0: b"0.9", 1: b"tests", 2: long(len(blob)), 3: long(len(tar)), 4: {0: listed},
        5: {0: ("<b", 1), 1: ("<i", len(points) - 1), 2: digests, 3: data},
    }  # fmt: skip
    return SociLayer(tar, blob, "gzip", flatbuffer({**root, **(changes or {})}))


def _file(info: tarfile.TarInfo, start: int) -> dict[int, Field]:
    records = [{0: key.encode(), 1: value.encode("utf-8", "surrogateescape")} for key, value in info.pax_headers.items()]
    fields: dict[int, Field] = {
        0: (info.name + "/" * info.isdir()).encode("utf-8", "surrogateescape"), 1: TYPES[info.type].encode(),
        2: long(start), 3: long(info.size), 5: long(info.mode), 6: ("<I", info.uid), 7: ("<I", info.gid),
    }  # fmt: skip
    return fields | ({4: info.linkname.encode()} if info.linkname else {}) | ({13: records} if records else {})


@attrs.frozen
class SociImage(BuiltImage):
    """An image whose manifest names a SOCI index."""

    index: bytes = b""
    ztocs: tuple[bytes, ...] = ()

    @property
    def blobs(self) -> dict[str, bytes]:
        extra = (self.index, b"{}", *self.ztocs)
        return {**super().blobs, **{f"sha256:{hashlib.sha256(data).hexdigest()}": data for data in extra}}


def soci_image(layers: Sequence[BuiltLayer], *, config_type: str = INDEX_TYPE) -> SociImage:
    """An image with a SOCI index of version 2 for the layers that have zTOCs."""
    image = build_image(layers)
    ztocs = [(built, built.ztoc) for built in layers if isinstance(built, SociLayer)]
    index = _index(ztocs, config_type)
    manifest = {**json.loads(image.manifest), "annotations": {INDEX_DIGEST: sha256(index)}}
    return SociImage(image.layers, image.config, json.dumps(manifest).encode(), index, tuple(ztoc for _, ztoc in ztocs))


@attrs.frozen
class AttachedSociImage(SociImage):
    """An image that a SOCI index of version 1 refers to, and the list of what refers to it."""

    referrers: bytes = b""


def attached_soci_image(
    layers: Sequence[BuiltLayer],
    *,
    tables: Sequence[tuple[BuiltLayer, bytes]] | None = None,
    subject: str | None = None,
    config_type: str = ATTACHED_TYPE,
    listed_type: str = ATTACHED_TYPE,
) -> AttachedSociImage:
    """An image with an attached index; ``tables`` are the zTOCs that it names for layers, ``subject`` is the digest it is about."""
    image = build_image(layers)
    ztocs = [(built, built.ztoc) for built in layers if isinstance(built, SociLayer)] if tables is None else tables
    about = {"mediaType": f"{OCI}.manifest.v1+json", "digest": subject or image.digest, "size": len(image.manifest)}
    index = _index(ztocs, config_type, {"subject": about})
    entry = {
        "mediaType": f"{OCI}.manifest.v1+json",
        "digest": sha256(index),
        "size": len(index),
        "artifactType": listed_type,
    }
    other = {**entry, "digest": sha256(b"other"), "artifactType": "application/spdx+json"}
    referrers = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": [other, entry]}
    return AttachedSociImage(
        image.layers, image.config, image.manifest, index, tuple(ztoc for _, ztoc in ztocs), json.dumps(referrers).encode()
    )


def _index(ztocs: Sequence[tuple[BuiltLayer, bytes]], config_type: str, more: Mapping[str, object] | None = None) -> bytes:
    """A SOCI index with zTOCs of layers."""
    return json.dumps({
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": {"mediaType": config_type, "digest": sha256(b"{}"), "size": 2},
        "layers": [
            {
                "mediaType": "application/octet-stream",
                "digest": sha256(ztoc),
                "size": len(ztoc),
                "annotations": {
                    "com.amazon.soci.image-layer-digest": built.digest,
                    "com.amazon.soci.image-layer-mediaType": f"{OCI}.layer.v1.tar+gzip",
                },
            }
            for built, ztoc in ztocs
        ],
        **(more or {}),
    }).encode()  # fmt: skip
