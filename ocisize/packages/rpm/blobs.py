"""Blob: the header of one package in a database, and what keeps the reading of a hostile database within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ocisize.packages.limits import MAX_PACKAGES
from ocisize.text import count_of
from ocisize.tuples import NamedTuple


class BrokenDatabase(ValueError):
    """Bytes that are not a database of rpm, in words without the path."""


class Blob(NamedTuple):
    """Where the header of a package is. Many are larger than a page, so their bytes are put together on demand."""

    size: int  #: bytes
    load: Callable[[], bytes]  #: raises BrokenDatabase


def slice_of(content: bytes, start: int, end: int) -> bytes:
    """What a blob of consecutive bytes loads."""
    return content[start:end]


def check_blobs(left: int, blobs: Iterable[Blob]) -> Iterator[Blob]:
    """The blobs of a database of ``left`` bytes; raises BrokenDatabase if there are too many, or if they have more bytes.

    Blobs that share bytes would let a small database take any amount of time.
    """
    for number, blob in enumerate(blobs):
        left -= blob.size
        if left < 0:
            raise BrokenDatabase("its packages overlap")
        if number == MAX_PACKAGES:
            raise BrokenDatabase(f"it has more than {count_of(MAX_PACKAGES, 'package')}")
        yield blob
