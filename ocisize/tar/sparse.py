"""Sparse files: the maps of the four forms in which tars store files with holes.

A map lists the fragments of a file that the tar stores; everything between them reads as zeros. Go's archive/tar, with which
Docker, containerd and Podman unpack layers, decides which maps are valid. Formats:
https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import xxhash

from ocisize.tar.header import BLOCK, MAX_SPECIAL, parse_integer, parse_number
from ocisize.tar.paths import PathColumn
from ocisize.text import brief_name, count_of, decode_name, printable
from ocisize.values import frozen

OLD_TABLE = slice(386, 482)  #: the pairs in a header of type ``S``
EXTENSION_TABLE = slice(0, 504)  #: the pairs in a block that continues them
Fragments: TypeAlias = Sequence[tuple[int, int]]  #: offset and length of what is stored, in bytes
_PAIR = 24  # bytes of one pair of a table
_MIN_HOLES = 1 << 20  # bytes of holes from which a file is worth a warning
_MAX_DESCRIBED = 10  # files of one layer


@frozen
class SparseMap:
    """Where the stored bytes of a file belong, in a file of ``size`` bytes; all else are holes.

    Raises ValueError unless the fragments ascend, do not overlap and end within the file.

    >>> sparse = SparseMap(8192, ((0, 2), (4096, 3)))
    >>> sparse.data_size, sparse.expand(b"abcde")[4094:4100]
    (5, b'\\x00\\x00cde\\x00')
    >>> SparseMap(8192, ((0, 512), (500, 100)))
    Traceback (most recent call last):
        ...
    ValueError: malformed sparse map: a fragment of 100 bytes at 500 overlaps the one before
    """

    size: int  #: bytes that a reader of the file sees
    fragments: Fragments

    def __attrs_post_init__(self) -> None:
        end = 0
        if self.size < 0:
            raise ValueError(f"malformed sparse map: a negative size {self.size}")
        for offset, length in self.fragments:
            what = f"malformed sparse map: a fragment of {length} bytes at {offset}"
            if offset < 0 or length < 0:
                raise ValueError(f"{what} is negative")
            if offset < end:
                raise ValueError(f"{what} overlaps the one before")
            end = offset + length
            if end > self.size:
                raise ValueError(f"{what} ends beyond the {self.size} bytes of the file")

    @property
    def data_size(self) -> int:
        """Bytes of all fragments."""
        return sum(length for _, length in self.fragments)

    def check_data(self, stored: int) -> None:
        """Raise ValueError unless the tar stores as many bytes as the fragments have."""
        if self.data_size != stored:
            raise ValueError(f"malformed sparse map: it places {self.data_size} bytes, and {stored} are stored")

    def hash_with_holes(self, data_hash: bytes) -> bytes:
        """A content hash of the file, from the hash of its stored bytes and its holes, for files with holes beyond counting.

        >>> len(SparseMap(1 << 50, ((0, 2),)).hash_with_holes(b"hash of ab"))
        16
        """
        text = ",".join(f"{offset}+{length}" for offset, length in self._join())
        return xxhash.xxh3_128_digest(data_hash + f"{self.size}:{text}".encode())

    def _join(self) -> Fragments:
        """The fragments without empty ones, those that touch as one."""
        joined: list[tuple[int, int]] = []
        for offset, length in self.fragments:
            if joined and length and sum(joined[-1]) == offset:
                joined[-1] = joined[-1][0], joined[-1][1] + length
            elif length:
                joined.append((offset, length))
        return joined

    def expand(self, data: bytes) -> bytes:
        """The content of the file, holes included; ``data`` are its stored bytes."""
        content, position = bytearray(self.size), 0
        for offset, length in self.fragments:
            content[offset : offset + length] = data[position : position + length]
            position += length
        return bytes(content)


def parse_old_pairs(table: bytes) -> list[tuple[int, int]]:
    """The fragments of a table of the old GNU form, up to the first empty one. Raises ValueError.

    >>> parse_old_pairs(b"00000000000\\x0000000001000\\0" + bytes(24))
    [(0, 512)]
    """
    pairs = []
    for start in range(0, len(table) - _PAIR + 1, _PAIR):
        if not table[start]:
            break
        pairs.append((parse_number(table[start : start + 12]), parse_number(table[start + 12 : start + _PAIR])))
    return pairs


def sparse_version(pax: Mapping[bytes, bytes]) -> str | None:
    """``"0"`` or ``"1"`` for the sparse forms of PAX, None for the records of an ordinary file.

    >>> sparse_version({b"GNU.sparse.major": b"1", b"GNU.sparse.minor": b"0"}), sparse_version({b"path": b"a"})
    ('1', None)
    """
    version = pax.get(b"GNU.sparse.major", b""), pax.get(b"GNU.sparse.minor", b"")
    if version == (b"", b""):
        return "0" if pax.get(b"GNU.sparse.map") else None
    if version == (b"1", b"0"):
        return "1"
    return "0" if version in ((b"0", b"0"), (b"0", b"1")) else None


def sparse_size(pax: Mapping[bytes, bytes], stored: int) -> int:
    """The size of a sparse file in bytes, as its records have it; ``stored`` without one. Raises ValueError."""
    value = pax.get(b"GNU.sparse.size") or pax.get(b"GNU.sparse.realsize")
    return parse_integer(value) if value else stored


def parse_map_records(pax: Mapping[bytes, bytes]) -> Fragments:
    """The fragments in the PAX records of form 0.0 or 0.1. Raises ValueError.

    >>> parse_map_records({b"GNU.sparse.numblocks": b"2", b"GNU.sparse.map": b"0,5,8000,5"})
    [(0, 5), (8000, 5)]
    """
    if not pax.get(b"GNU.sparse.numblocks"):
        raise ValueError("malformed sparse map: no number of fragments")
    count = parse_integer(pax[b"GNU.sparse.numblocks"])
    text = pax.get(b"GNU.sparse.map", b"")
    numbers = text.split(b",") if text else []
    if len(numbers) != 2 * count:
        raise ValueError(f"malformed sparse map: {len(numbers)} numbers for {count} fragments")
    return _pair_up(map(parse_integer, numbers))


def read_map(read_block: Callable[[], bytes], stored: int) -> tuple[Fragments, int]:
    """Read the map of form 1.0, decimal lines at the start of a payload of ``stored`` bytes; return it and its size.

    ``read_block`` returns the next BLOCK bytes of the payload. Raises ValueError for text that is no map.

    >>> import io
    >>> payload = io.BytesIO(b"1\\n4096\\n3\\n".ljust(512, b"\\0") + b"abc")
    >>> read_map(lambda: payload.read(512), 515)
    ([(4096, 3)], 512)
    """
    text, lines, needed, count = bytearray(), 0, 1, None
    while lines < needed:
        if len(text) + BLOCK > stored:
            raise ValueError(f"malformed sparse map: it does not end within the {stored} bytes of the payload")
        if len(text) + BLOCK > MAX_SPECIAL:
            raise ValueError(f"sparse map of more than {MAX_SPECIAL} bytes")
        block = read_block()
        text += block
        lines += block.count(b"\n")
        if count is None and lines:
            count = parse_integer(bytes(text[: text.index(b"\n")]))
            if count < 0:
                raise ValueError(f"malformed sparse map: {count} fragments")
            needed = 1 + 2 * count
    numbers = bytes(text).split(b"\n")[1:needed]
    return _pair_up(map(parse_integer, numbers)), len(text)


def _pair_up(numbers: Iterable[int]) -> Fragments:
    numbers = list(numbers)
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def describe_holes(paths: PathColumn, sizes: Sequence[int], stored_sizes: Mapping[int, int]) -> list[str]:
    """Warnings of the sparse files that take far more disk space on a host than in the image, the largest first.

    >>> describe_holes(PathColumn([b"var/log/lastlog"]), [52428800], {0: 8192})
    ["the sparse file 'var/log/lastlog' stores 8,192 bytes and takes 52,428,800 on the disk of every host"]
    """
    rows = [row for row, stored in stored_sizes.items() if sizes[row] >= max(2 * stored, stored + _MIN_HOLES)]
    rows.sort(key=lambda row: (stored_sizes[row] - sizes[row], row))
    names = [printable(repr(decode_name(brief_name(paths[row])))) for row in rows[:_MAX_DESCRIBED]]
    texts = [
        f"the sparse file {name} stores {stored_sizes[row]:,} bytes and takes {sizes[row]:,} on the disk of every host"
        for row, name in zip(rows, names, strict=False)
    ]
    if len(rows) > _MAX_DESCRIBED:
        holes = sum(sizes[row] - stored_sizes[row] for row in rows[_MAX_DESCRIBED:])
        texts.append(f"{count_of(len(rows) - _MAX_DESCRIBED, 'more sparse file')} with {holes:,} bytes of holes")
    return texts
