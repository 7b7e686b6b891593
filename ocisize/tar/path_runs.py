"""PathRuns: paths as directories and the names in them, as an entry of the cache has them.

Rows of one directory mostly follow each other, so a run of rows has its directory once. To check names and directories takes
a third of the time of a check of whole paths, and most reports need the paths of some rows alone.
"""

from __future__ import annotations

import re
from array import array
from itertools import islice, pairwise
from operator import le, mul
from typing import TYPE_CHECKING, TypeAlias

from ocisize.tar.check_table import all_below
from ocisize.tar.paths import PathColumn, clean_names
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    IntArray: TypeAlias = array[int]

_SLASH = ord("/")
_NO_NAME = re.compile(rb"\0(?:\0|\.(?:\0|\.\0))").search  # the root has such a name, and no other clean path


class RunColumns(NamedTuple):
    """What makes the paths of a table; chunks are those of ``PathColumn.columns``."""

    directories: bytes  #: of the runs, without the root, joined by NUL
    runs: IntArray  #: "I": by run of rows in one directory, 0 for the root, or the number of its directory from 1 on
    names: bytes  #: the paths of rows without their directories: a NUL between those of a run, a slash behind each run
    first_rows: IntArray  #: "q": of each chunk, and behind the last one
    offsets: IntArray  #: "q": of each chunk in the joined paths, and of their end
    name_offsets: IntArray  #: "q": of each chunk in ``names``, and of their end
    rooted: IntArray  #: "q": see ``PathColumn``


def find_columns(paths: PathColumn) -> RunColumns:
    """Return the columns that make equal paths.

    >>> columns = find_columns(PathColumn([b"bin/ls", b"bin/sh", b"init", b"bin/cp"]))
    >>> columns.directories, list(columns.runs), columns.names
    (b'bin', [1, 0, 1], b'ls\\x00sh/init/cp/')
    """
    joined, first_rows, offsets, rooted = paths.columns()
    numbers, runs, names, name_offsets = {b"": 0}, array("I"), list[bytes](), array("q", [0])
    for start, end in pairwise(offsets):
        last, chunk = None, list[list[bytes]]()
        for path in joined[start : end - 1].split(b"\0"):
            directory, _, name = path.rpartition(b"/")
            if directory != last:
                last = directory
                runs.append(numbers.setdefault(directory, len(numbers)))
                chunk.append([])
            chunk[-1].append(name)
        names.append(b"/".join(map(b"\0".join, chunk)) + b"/")
        name_offsets.append(name_offsets[-1] + len(names[-1]))
    directories = b"\0".join(islice(numbers, 1, None))
    return RunColumns(directories, runs, b"".join(names), first_rows, offsets, name_offsets, rooted)


class PathRuns(PathColumn):
    """Paths that are made from their directories and names where somebody asks for them.

    >>> paths = PathColumn([b"bin/ls", b"bin/sh", b"init"])
    >>> list(PathRuns.from_columns(find_columns(paths), max_size=100))
    [b'bin/ls', b'bin/sh', b'init']
    """

    __slots__ = ("_columns", "_prefixes", "_run_starts")
    _columns: RunColumns
    _prefixes: list[bytes]  # by number of a directory: what the paths in it begin with
    _run_starts: IntArray  # by chunk its first run, and their number

    @classmethod
    def from_columns(cls, columns: RunColumns, max_size: int) -> PathRuns:
        """The paths that columns describe, ``max_size`` bytes at most; raises ValueError for columns that describe none."""
        paths = cls()
        paths._columns, paths.rooted = columns, columns.rooted
        directories = columns.directories.split(b"\0") if columns.directories else []
        paths._prefixes = [b"", *(directory + b"/" if directory else b"" for directory in directories)]
        if clean_names(columns.directories) != columns.directories or not all_below(columns.runs, len(paths._prefixes)):
            raise ValueError("directories that do not exist")
        paths._run_starts = array("q", [0])
        if columns.offsets and columns.offsets[-1] > max_size:
            raise ValueError("paths that are too long together")
        for chunk in paths._read_chunks():  # chunks with the root, or with names that none can have
            names = b"\0".join(paths._split(chunk, chunk + 1))
            if clean_names(names) != names:
                raise ValueError("paths that are not clean")
        rooted = columns.rooted
        if any(map(le, islice(rooted, 1, None), rooted)) or (rooted and not 0 <= rooted[0] <= rooted[-1] < len(paths)):
            raise ValueError("rooted paths that do not exist")
        return paths

    def _read_chunks(self) -> list[int]:
        """Check and count the chunks; return those with a name that is empty, ``.`` or ``..``."""
        _, runs, names, first_rows, offsets, name_offsets, _ = self._columns
        begins = [first_rows[:1], offsets[:1], name_offsets[:1]]
        if begins != [array("q", [0])] * 3 or not len(first_rows) == len(offsets) == len(name_offsets):
            raise ValueError("paths in chunks that do not fit")
        unusual, lengths = [], list(map(len, self._prefixes))
        for chunk, (start, end) in enumerate(pairwise(name_offsets)):
            count, rows = names.count(b"/", start, end), first_rows[chunk + 1] - first_rows[chunk]
            if not 0 <= start < end <= len(names) or names[end - 1] != _SLASH or count + names.count(0, start, end) != rows:
                raise ValueError("paths in chunks that do not fit")
            first_run = self._run_starts[-1]
            rows_of_runs = [text.count(0) + 1 for text in names[start : end - 1].split(b"/")]
            prefixes = map(lengths.__getitem__, runs[first_run : first_run + count])
            if sum(map(mul, prefixes, rows_of_runs)) + end - start != offsets[chunk + 1] - offsets[chunk]:
                raise ValueError("paths of another length")
            if _NO_NAME(b"\0" + names[start:end].replace(b"/", b"\0")):
                unusual.append(chunk)
            self._run_starts.append(self._run_starts[-1] + count)
            self._end_chunk(first_rows[chunk + 1], offsets[chunk + 1])
        if self._run_starts[-1] != len(runs) or name_offsets[-1] != len(names):
            raise ValueError("paths in chunks that do not fit")
        return unusual

    def contain(self, text: bytes) -> bool:
        """Whether any path contains ``text``."""
        if text[-1:] == b"/" and b"\0" not in text:  # that of a directory, since names have no slash
            return any(text in prefix for prefix in self._prefixes)
        return super().contain(text)

    def _text(self) -> bytes | bytearray:
        if not self._joined and self._rows:
            chunks = range(len(self._first_rows) - 1)
            self._joined = b"".join(b"\0".join([*self._split(chunk, chunk + 1), b""]) for chunk in chunks)
        return self._joined

    def _split(self, start: int, end: int) -> list[bytes]:
        _, runs, names, _, _, name_offsets, _ = self._columns
        prefixes = map(self._prefixes.__getitem__, runs[self._run_starts[start] : self._run_starts[end]])
        texts = names[name_offsets[start] : name_offsets[end] - 1].split(b"/")
        return [prefix + name for prefix, text in zip(prefixes, texts, strict=True) for name in text.split(b"\0")]
