"""Bytes of a fuzzer made into inputs that get past the first gate: checksums, digests and well-formed JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ocisize.tar.header import BLOCK, parse_number

SPLIT = b"\0<=>\0"  #: between the parts of an input
_NO_PAYLOAD = b"123456"
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 512, 1 << 31, 1 << 63, -(1 << 63), 10**400, 0.5, -0.0, 1e308, float("inf"), float("nan"), "", "a",
    "/", "..", "../../etc/passwd", "\0", "a\nb", "\x1b[31m", "\ud800", "\udc80", "é" * 300, "9" * 30, "sha256:" + "0" * 64,
    "sha256:", "md5:0", "linux", "amd64", "windows", "unknown", [], [[]], [None], {}, {"": ""}, {"a": {"a": {}}}, ["a"] * 300,
    "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json", "0", "-1", "1e3", "file", "gzip",
)  # fmt: skip


def mend_tar(tar: bytes, limit: int = 2000) -> bytes:
    """The tar with right checksums in its headers, found by the sizes that they tell."""
    data, position = bytearray(tar), 0
    for _ in range(limit):
        header = data[position : position + BLOCK]
        if len(header) < BLOCK or not any(header):
            break
        header[148:156] = b" " * 8
        data[position + 148 : position + 156] = b"%06o\0 " % sum(header)
        position += BLOCK
        if header[156] not in _NO_PAYLOAD:
            try:
                size = parse_number(bytes(header[124:136]))
            except ValueError:
                break
            if size < 0:
                break
            position += -(-size // BLOCK) * BLOCK
    return bytes(data)


def parts_of(data: bytes, count: int) -> list[bytes]:
    """The input's parts, empty ones where there are fewer than ``count``; the last one has the rest."""
    parts = data.split(SPLIT, count - 1)
    return parts + [b""] * (count - len(parts))


def edited(document: Any, edits: bytes) -> Any:
    """A copy of a JSON document with edits, four bytes each: which place, what is done with it."""
    document = json.loads(json.dumps(document))
    for at in range(0, min(len(edits), 64) - 3, 4):
        places = list(_places(document))
        if not places:
            break
        where, what, other = int.from_bytes(edits[at : at + 2], "big"), edits[at + 2], edits[at + 3]
        container, key = places[where % len(places)]
        if what < 160:
            container[key] = json.loads(json.dumps(_VALUES[what % len(_VALUES)]))
        elif what < 190:
            del container[key]
        elif what < 220:
            source, name = places[other * 7 % len(places)]
            container[key] = json.loads(json.dumps(source[name]))
        elif isinstance(container, list):
            container.insert(other % (len(container) + 1), json.loads(json.dumps(container[key])))
        elif type(container[key]) is int:
            container[key] += other - 128
        elif type(container[key]) is str:
            container[key] = container[key][: other % (len(container[key]) + 1)]
    return document


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Containers with their keys, breadth first, so that edits near the top stay where they were."""
    waiting, at = [document], 0
    while at < len(waiting) and at < 4000:
        container = waiting[at]
        at += 1
        keys = (
            list(container) if isinstance(container, dict) else range(len(container)) if isinstance(container, list) else ()
        )
        for key in keys:
            yield container, key
            waiting.append(container[key])


def as_text(data: bytes) -> str:
    """Any bytes as text, lone surrogates included, as command lines and file names bring them."""
    return data.decode("utf-8", "surrogateescape")
