"""Excerpts: collects the excerpts of one layer while it is read, by the row of the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ocisize.excerpts.parts import GO_BUILD_INFO, RUST_CRATES, Part, pack_part
from ocisize.limits import Meter

if TYPE_CHECKING:
    from ocisize.excerpts.jar import JarBudget

JAR_END = b".jar"  #: end of the paths of files that are read as jars, whatever their size
#: ends of the paths of all files that are read as jars; others than JAR_END are of large files, so small ones are left out
JAR_ENDS = (JAR_END, b".war", b".ear", b".par")
#: Bytes of a file that is read as a program if it is executable. The smallest programs of Go have 1 MB, those of Rust with a
#: list of crates 300 kB. A scan takes files from this size on out of its fast path.
MIN_LARGE_SIZE = 128 << 10
_MAX_TOTAL = 16 << 20  # bytes of all excerpts of one layer; those of 340 programs and jars have 61 kB
_EXECUTABLE = 0o111
#: What a package in an excerpt counts for besides its bytes: by the memory law, 1 KiB for what is made of it.
_BYTES_PER_PACKAGE = 128
_PACKAGE_MARKS = {GO_BUILD_INFO: b"\n", RUST_CRATES: b"{"}  # each package in a part has one


class PayloadReader(Protocol):
    """Takes the bytes of one file in pieces."""

    position: int  #: of the next byte
    read_size: int  #: bytes to read at once

    @property
    def needed(self) -> int:
        """The position of the next byte that is needed; the size of the file if none is."""
        ...

    def feed(self, piece: bytes | memoryview, /) -> object:
        """Take the next bytes."""
        ...

    def skip(self, count: int, /) -> object:
        """Pass over bytes that are not needed."""
        ...

    def finish(self) -> Sequence[Part]:
        """The parts of the excerpt."""
        ...


def is_read(path: bytes, size: int, mode: int) -> bool:
    """Whether an excerpt is made of the file with this clean path, ``size`` in bytes and permission bits.

    >>> is_read(b"usr/bin/true", 40_000, 0o755), is_read(b"app.jar", 40_000, 0o644)
    (False, True)
    """
    return path.endswith(JAR_END) or (size >= MIN_LARGE_SIZE and (mode & _EXECUTABLE != 0 or path.endswith(JAR_ENDS)))


class Excerpts:
    """The excerpts of a layer, at most 16 MiB, which ``meter`` counts; files must come in the order of their rows.

    >>> excerpts = Excerpts()
    >>> excerpts.open(b"usr/bin/true", 40_000, 0o755) is None, excerpts.open(b"app.jar", 40_000, 0o644) is None
    (True, False)
    """

    def __init__(self, meter: Meter | None = None) -> None:
        self.by_row: dict[int, bytes] = {}
        self._meter, self._room = meter, _MAX_TOTAL
        self._budget: JarBudget | None = None

    def open(self, path: bytes, size: int, mode: int) -> PayloadReader | None:
        """A reader for the file with this clean path, ``size`` in bytes and permission bits; None if no excerpt is made."""
        if not is_read(path, size, mode):
            return None
        if path.endswith(JAR_ENDS):
            from ocisize.excerpts.jar import JarBudget, JarReader

            self._budget = self._budget or JarBudget()
            return JarReader(size, self._budget)
        from ocisize.excerpts.elf import ProgramReader

        return ProgramReader(size)

    def keep(self, row: int, reader: PayloadReader) -> None:
        """Keep the excerpt of a file that has been read, if it has one. Raises LimitExceeded."""
        parts = reader.finish()
        excerpt = b"".join(map(pack_part, parts))
        if not excerpt or len(excerpt) > self._room:
            return
        self._room -= len(excerpt)
        if self._meter is not None:
            self._meter.record_kept(len(excerpt) + _BYTES_PER_PACKAGE * sum(map(_count_packages, parts)))
        self.by_row[row] = excerpt


def _count_packages(part: Part) -> int:
    """An upper bound of the packages in a part."""
    return 1 + (part.data.count(_PACKAGE_MARKS[part.kind]) if part.kind in _PACKAGE_MARKS else 0)
