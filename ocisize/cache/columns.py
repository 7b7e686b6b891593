"""Columns of numbers and of bytes as sections of an entry, and back; whatever is read must have the expected length.

Numbers are written as planes: the lowest bytes of all numbers, then the next ones. Most numbers are small, so most planes
are zeros, and a column takes a fifth of its size after compression.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from ocisize.cache.entry import BadEntry

_IS_BIG_ENDIAN = sys.byteorder == "big"


def pack_numbers(numbers: array[int]) -> bytes:
    """Return a column of numbers as planes.

    >>> pack_numbers(array("I", [1, 258]))
    b'\\x01\\x02\\x00\\x01\\x00\\x00\\x00\\x00'
    """
    if _IS_BIG_ENDIAN:
        numbers = numbers[:]
        numbers.byteswap()
    data, width = numbers.tobytes(), numbers.itemsize
    return b"".join(data[plane::width] for plane in range(width))


def unpack_numbers(kind: str, section: bytes, count: int | None = None) -> array[int]:
    """Return the column of type ``kind`` with ``count`` numbers, None for any number; raises BadEntry.

    >>> unpack_numbers("I", pack_numbers(array("I", [1, 258])), 2)
    array('I', [1, 258])
    """
    numbers = array(kind)
    width = numbers.itemsize
    rows, rest = divmod(len(section), width)
    if rest or rows != (rows if count is None else count):
        raise BadEntry("a column of another length")
    data, zeros = bytearray(len(section)), bytes(rows)
    for plane in range(width):
        numbers_bytes = section[plane * rows : (plane + 1) * rows]
        if numbers_bytes != zeros:  # most planes are zeros, which makes a column in half the time
            data[plane::width] = numbers_bytes
    numbers.frombytes(data)
    if _IS_BIG_ENDIAN:
        numbers.byteswap()
    return numbers


def pack_by_row(values: Mapping[int, int]) -> list[bytes]:
    """Return numbers by row as two sections."""
    return [pack_numbers(array("I", values.keys())), pack_numbers(array("q", values.values()))]


def unpack_by_row(sections: Sequence[bytes]) -> dict[int, int]:
    """Return the numbers by row of two sections; raises BadEntry."""
    rows = unpack_numbers("I", sections[0])
    return dict(zip(rows, unpack_numbers("q", sections[1], len(rows)), strict=True))


def pack_texts(texts: Sequence[bytes]) -> list[bytes]:
    """Return byte strings as two sections: their lengths, and all of them joined."""
    return [pack_numbers(array("q", map(len, texts))), b"".join(texts)]


def unpack_texts(sections: Sequence[bytes], count: int | None = None) -> list[bytes]:
    """Return the byte strings of two sections, ``count`` of them unless that is None; raises BadEntry."""
    lengths, joined, texts, start = unpack_numbers("q", sections[0], count), sections[1], list[bytes](), 0
    if min(lengths, default=0) < 0 or sum(lengths) != len(joined):
        raise BadEntry("texts of other lengths")
    for length in lengths:
        texts.append(joined[start : start + length])
        start += length
    return texts


def pack_texts_by_row(values: Mapping[int, bytes]) -> list[bytes]:
    """Return byte strings by row as three sections."""
    return [pack_numbers(array("I", values.keys())), *pack_texts(list(values.values()))]


def unpack_texts_by_row(sections: Sequence[bytes]) -> dict[int, bytes]:
    """Return the byte strings by row of three sections; raises BadEntry."""
    rows = unpack_numbers("I", sections[0])
    return dict(zip(rows, unpack_texts(sections[1:3], len(rows)), strict=True))


def pack_document(document: Any) -> bytes:
    """Return a small document as JSON, the same bytes for equal documents; any text can be in it."""
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def unpack_document(section: bytes) -> Any:
    """Return the document of a section; raises BadEntry."""
    try:
        return json.loads(section)
    except (ValueError, RecursionError) as error:
        raise BadEntry(f"not a document: {error}") from None
