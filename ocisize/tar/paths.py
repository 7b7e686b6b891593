"""PathColumn: the paths of a layer in one clean form, stored joined and split in pieces on demand."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeAlias, overload

from ocisize.text import brief_name

if TYPE_CHECKING:
    IntArray: TypeAlias = array[int]

_UNCLEAN = re.compile(rb"/(?:/|\.\.?/)").search
_PIECE_ROWS, _PIECE_SIZE = 1 << 14, 1 << 20  # split at once: a list of paths takes three times the memory of joined paths
_CHUNK_ROWS = 1 << 10  # split at once for single rows: many rules ask for the paths of a few rows


class PathColumn(Sequence[bytes]):
    """The paths of a table by row: a sequence of bytes, stored joined by NUL, which no path can contain.

    ``rooted`` are the rows, ascending, whose names in the tar begin with a slash, which their clean form lacks.

    >>> paths = PathColumn([b"./etc/passwd", b"/bin/../sbin/init"])
    >>> list(paths), list(paths.rooted), list(paths.rows_with(b"init"))
    ([b'etc/passwd', b'sbin/init'], [1], [1])
    """

    __slots__ = ("_first_rows", "_joined", "_last_chunk", "_offsets", "_pieces", "_rows", "rooted")

    def __init__(self, names: Iterable[bytes] = ()) -> None:
        self._joined: bytearray | bytes = bytearray()
        self._rows = 0
        # A cache for access by row: the first row and the paths of the chunk that was split last.
        self._last_chunk: tuple[int, list[bytes]] = (0, [])
        self._first_rows, self._offsets = array("q", [0]), array("q", [0])  # of each chunk, and behind the last one
        self._pieces = array("q", [0])  # the first chunk of each piece
        self.rooted = array("q")
        names = list(names)
        step = min(_CHUNK_ROWS, _PIECE_ROWS)
        for start in range(0, len(names), step):
            self.add(names[start : start + step])

    def add(self, names: Sequence[bytes]) -> None:
        """Add the clean forms of the names as the next rows; for the scanner, before the table is made."""
        if not names:
            return
        self._last_chunk = (0, [])
        joined = b"\0".join(names)
        cleaned = clean_names(joined)
        if cleaned is not joined and (joined[:1] == b"/" or b"\0/" in joined):
            self.rooted.extend(row for row, name in enumerate(names, self._rows) if name[:1] == b"/")
        self._joined += cleaned + b"\0"
        self._end_chunk(self._rows + len(names), len(self._joined))

    def _end_chunk(self, rows: int, size: int) -> None:
        """Note that a chunk ends behind so many rows and bytes of joined paths."""
        self._rows = rows
        self._first_rows.append(rows)
        self._offsets.append(size)
        piece, chunk = self._pieces[-1], len(self._first_rows) - 2
        if (
            self._first_rows[chunk] - self._first_rows[piece] >= _PIECE_ROWS
            or self._offsets[chunk] - self._offsets[piece] >= _PIECE_SIZE
        ):
            self._pieces.append(chunk)

    def columns(self) -> tuple[bytes, IntArray, IntArray, IntArray]:
        """The paths, with a NUL behind each; the first rows and the offsets of chunks and of the end; ``rooted``."""
        return bytes(self._text()), self._first_rows, self._offsets, self.rooted

    def _text(self) -> bytes | bytearray:
        """All paths joined, with a NUL behind each."""
        return self._joined

    def __len__(self) -> int:
        return self._rows

    @property
    def size(self) -> int:
        """Bytes of all paths, with one separator each."""
        return len(self._text())

    @property
    def components(self) -> int:
        """Number of slashes in all paths."""
        return self._text().count(b"/")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PathColumn) and self._text() == other._text()

    __hash__ = None  # type: ignore[assignment]

    def contain(self, text: bytes) -> bool:
        """Whether any path contains ``text``."""
        return re.search(re.escape(text), self._text()) is not None  # half the time of ``in`` for rare bytes

    def rows_with(self, text: bytes) -> Iterator[int]:
        """The rows whose path contains ``text``, ascending; a NUL at the end of the text matches the end of a path."""
        return (row for row, _, _ in self._find(text))

    def select_with(self, text: bytes) -> Iterator[tuple[int, bytes]]:
        """The rows of ``rows_with`` and their paths; for few rows, cheaper than ``select``."""
        joined = self._text()
        return ((row, bytes(joined[joined.rfind(0, 0, start) + 1 : end])) for row, start, end in self._find(text))

    def _find(self, text: bytes) -> Iterator[tuple[int, int, int]]:
        """For each row with the text: the row, and in the joined paths where the text starts and where the path ends."""
        joined, row, counted, end = self._text(), 0, 0, 0
        for match in re.finditer(re.escape(text), joined):  # a third of the time of find() for rare bytes
            if match.start() >= end:
                row += joined.count(0, counted, match.start())
                counted, end = match.start(), joined.find(0, match.start())
                yield row, counted, end

    def piece_starts(self) -> list[int]:
        """The rows that ``pieces`` begin with."""
        return [self._first_rows[chunk] for chunk in self._pieces] if self._rows else []

    def pieces(self) -> Iterator[tuple[int, list[bytes]]]:
        """All paths in lists of about 16,000, each with the row of its first path."""
        ends = chain(islice(self._pieces, 1, None), (len(self._first_rows) - 1,))
        chunks = zip(self._pieces, ends, strict=True) if self._rows else ()
        return ((self._first_rows[start], self._split(start, end)) for start, end in chunks)

    def _split(self, start: int, end: int) -> list[bytes]:
        """The paths of some chunks."""
        return bytes(memoryview(self._text())[self._offsets[start] : self._offsets[end] - 1]).split(b"\0")

    def __iter__(self) -> Iterator[bytes]:
        return chain.from_iterable(paths for _, paths in self.pieces())

    @overload
    def __getitem__(self, row: int) -> bytes: ...
    @overload
    def __getitem__(self, row: slice) -> list[bytes]: ...
    def __getitem__(self, row: int | slice) -> bytes | list[bytes]:
        if isinstance(row, slice):
            return list(self)[row]
        if not -self._rows <= row < self._rows:
            raise IndexError(row)
        row %= self._rows
        first, paths = self._last_chunk
        if not 0 <= row - first < len(paths):
            chunk = bisect_right(self._first_rows, row) - 1
            first, paths = self._last_chunk = self._first_rows[chunk], self._split(chunk, chunk + 1)
        return paths[row - first]

    def select(self, rows: Sequence[int]) -> Iterator[bytes]:
        """The paths of ``rows``, which must ascend. Raises IndexError for a row that is out of range or out of order."""
        done = 0
        while done < len(rows):
            if not 0 <= rows[done] < self._rows:
                raise IndexError(rows[done])
            chunk = bisect_right(self._first_rows, rows[done]) - 1
            first, paths = self._first_rows[chunk], self._split(chunk, chunk + 1)
            end = bisect_left(rows, first + len(paths), done)
            if end == done or rows[done] < first:
                raise IndexError(rows[done])
            yield from [paths[row - first] for row in rows[done:end]]
            done = end


def clean_names(names: bytes) -> bytes:
    """The clean form of NUL-joined paths: no leading ``./`` or ``/``, no ``//``, no ``/`` at the end.

    Paths that lead out of the root keep their leading ``..``, so that the caller can refuse them. One search in all
    names at once costs a tenth of a look at each name, and half as much as a search for each of these substrings.

    >>> clean_names(b"./bin\\0./bin/sh")
    b'bin\\x00bin/sh'
    """
    if names[:2] == b"./":
        names = (b"\0" + names).replace(b"\0./", b"\0")[1:]
    slashed = b"/%b/" % names.replace(b"\0", b"/")
    if _UNCLEAN(slashed):
        return b"\0".join(map(clean_name, names.split(b"\0")))
    return names


def clean_name(name: bytes) -> bytes:
    """The path with ``.``, ``..`` and empty components resolved; one that leads out of the root keeps its leading ``..``.

    >>> clean_name(b"/usr//lib/../bin/./env/"), clean_name(b"a/../../b")
    (b'usr/bin/env', b'../b')
    """
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b".." and parts and parts[-1] != b"..":
            parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def join(directory: bytes, name: bytes) -> bytes:
    """The path of ``name`` in ``directory``; the root directory is ``b""``.

    >>> join(b"usr/bin", b"env"), join(b"", b"etc")
    (b'usr/bin/env', b'etc')
    """
    return directory + b"/" + name if directory else name


def name_for_error(name: bytes) -> str:
    """A name for an error message: long ones are shortened, bytes that are not UTF-8 are escaped.

    >>> print(name_for_error(b"caf\\xe9"))
    caf\\xe9
    """
    return brief_name(name).decode("utf-8", "backslashreplace")
