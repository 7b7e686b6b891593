"""Where most of some files are, in linear time for paths of any depth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping


def find_main_directory(sizes: Mapping[bytes, int]) -> bytes:
    """Return the innermost directory that has all files, or if that is the root, the one that has most of their bytes.

    ``sizes``: bytes directly in each directory. A directory ends with a slash, and the root is empty, also as the result.

    >>> find_main_directory({b"etc/apt/": 3, b"etc/": 1})
    b'etc/'
    >>> find_main_directory({b"etc/": 1, b"var/cache/ldconfig/": 2}), find_main_directory({b"etc/": 1, b"var/": 1})
    (b'var/cache/ldconfig/', b'')
    """
    if not sizes:
        return b""
    first, last = min(sizes), max(sizes)  # whatever both begin with, the others do, too
    return first[: _count_shared(first, last)] or _find_largest(sizes)


def _find_largest(sizes: Mapping[bytes, int]) -> bytes:
    """The innermost directory with more than half of the bytes; the root if there is no other."""
    total = sum(sizes.values())
    middle, before = b"", 0
    for middle in sorted(sizes):  # directories with one beginning are neighbors: one with more than half has the middle
        before += sizes[middle]
        if 2 * before > total:
            break
    by_length: defaultdict[int, int] = defaultdict(int)
    for directory, size in sizes.items():
        by_length[_count_shared(directory, middle)] += size
    inside = 0
    for length in sorted(by_length, reverse=True):
        inside += by_length[length]
        if 2 * inside > total:
            return middle[:length]
    return b""


def _count_shared(one: bytes, other: bytes) -> int:
    """The length of the innermost directory that has two directories."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[:middle] == other[:middle]:
            least = middle
        else:
            most = middle - 1
    return one.rfind(b"/", 0, least) + 1
