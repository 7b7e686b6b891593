"""A file table as sections of an entry of the cache, and back. What is read is checked as a document of strangers is."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ocisize.cache.columns import (
    pack_by_row,
    pack_document,
    pack_numbers,
    pack_texts_by_row,
    unpack_by_row,
    unpack_document,
    unpack_numbers,
    unpack_texts_by_row,
)
from ocisize.cache.entry import BadEntry
from ocisize.tar.check_table import check_columns, has_negative
from ocisize.tar.entry_ends import EntryEnds, find_gaps
from ocisize.tar.filetable import Attributes, FileTable, IntArray
from ocisize.tar.path_runs import PathRuns, RunColumns, find_columns

SECTIONS = 29  #: of a table
_BY_ROW = 14  # the first of the sections with rows and what some of them have
_MAX_GAP_PLANES = 5  # of numbers whose sums need no check
_MAX_ROWS = 1 << 21  # of a table whose sums need no check
_Xattrs = dict[int, dict[str, bytes]]


def pack_table(table: FileTable) -> list[bytes]:
    """Return the sections of a table; those of equal tables are equal, whatever was computed from them."""
    paths = find_columns(table.paths)
    sizes = table.compressed_sizes
    document = {
        "attributes": [[owner.mode, owner.uid, owner.gid] for owner in table.attributes],
        "tar_size": table.tar_size,
        "overhead": table.overhead,
        "has_compressed_sizes": sizes is not None,
        "anomalies": table.anomalies,
        "xattrs": [[row, [[name, value.hex()] for name, value in xattrs.items()]] for row, xattrs in table.xattrs.items()],
    }
    return [
        pack_document(document),
        paths.directories,
        pack_numbers(paths.runs),
        paths.names,
        *map(pack_numbers, (paths.first_rows, paths.offsets, paths.name_offsets, paths.rooted)),
        table.kinds,
        *map(pack_numbers, (table.sizes, find_gaps(table.ends, table.sizes, table.stored_sizes), table.owners)),
        table.hashes,
        pack_numbers(sizes) if sizes is not None else b"",
        *pack_by_row(table.stored_sizes),
        *pack_by_row(table.claimed_sizes),
        *pack_by_row(table.type_flags),
        *pack_texts_by_row(table.links),
        *pack_texts_by_row(table.contents),
        *pack_texts_by_row(table.excerpts),
    ]  # fmt: skip


def unpack_table(sections: Sequence[bytes], *, max_paths: int) -> FileTable:
    """Return the table that sections describe; raises BadEntry for sections that describe none.

    ``max_paths`` are bytes: paths take more than their sections, in which a directory is once for many rows.
    """
    if len(sections) != SECTIONS:
        raise BadEntry("other sections")
    document, *path_columns, kinds, sizes, gaps, owners, hashes, compressed = sections[:_BY_ROW]
    by_row = sections[_BY_ROW:]
    facts, rows = _Facts(unpack_document(document)), len(kinds)
    try:
        size_column, stored_sizes = unpack_numbers("q", sizes, rows), unpack_by_row(by_row[0:2])
        table = FileTable(
            paths=_read_paths(path_columns, max_paths),
            kinds=kinds,
            sizes=size_column,
            ends=_read_ends(gaps, sizes, size_column, stored_sizes),
            hashes=hashes,
            owners=unpack_numbers("I", owners, rows),
            attributes=facts.read("attributes", _read_attributes),
            tar_size=facts.read("tar_size", int),
            links=unpack_texts_by_row(by_row[6:9]),
            stored_sizes=stored_sizes,
            claimed_sizes=unpack_by_row(by_row[2:4]),
            type_flags=unpack_by_row(by_row[4:6]),
            xattrs=facts.read("xattrs", _read_xattrs),
            contents=unpack_texts_by_row(by_row[9:12]),
            excerpts=unpack_texts_by_row(by_row[12:15]),
            compressed_sizes=unpack_numbers("q", compressed, rows) if facts.read("has_compressed_sizes", bool) else None,
            overhead=facts.read("overhead", _read_overhead),
            anomalies=facts.read("anomalies", _read_lines),
        )
        check_columns(table)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadEntry(str(error)) from None
    return table


def _read_paths(sections: Sequence[bytes], max_size: int) -> PathRuns:
    directories, runs, names, *chunks = sections
    first_rows, offsets, name_offsets, rooted = (unpack_numbers("q", column) for column in chunks)
    columns = RunColumns(directories, unpack_numbers("I", runs), names, first_rows, offsets, name_offsets, rooted)
    return PathRuns.from_columns(columns, max_size)


def _read_ends(gaps: bytes, sizes: bytes, size_column: IntArray, stored_sizes: Mapping[int, int]) -> IntArray | EntryEnds:
    """The ends of entries, or what makes them without an error."""
    rows = len(size_column)
    if not gaps:
        return array("q")
    gap_column = unpack_numbers("q", gaps, rows)
    if has_negative(gap_column) or max(stored_sizes, default=0) >= max(rows, 1):
        raise BadEntry("gaps between contents that cannot be")
    ends = EntryEnds(gap_column, size_column, stored_sizes)
    are_small = all(column[_MAX_GAP_PLANES * rows :].count(0) == (8 - _MAX_GAP_PLANES) * rows for column in (gaps, sizes))
    return ends if are_small and rows <= _MAX_ROWS else ends.compute()


class _Facts:
    """The values of a document that is a JSON object."""

    def __init__(self, document: Any) -> None:
        if not isinstance(document, dict):
            raise BadEntry("not an object")
        self._document = document

    def read(self, name: str, kind: Callable[[Any], Any]) -> Any:
        """Return a value: of the type ``kind``, or what the function ``kind`` makes of it; raises BadEntry."""
        try:
            value = self._document[name]
        except KeyError:
            raise BadEntry(f"no {name}") from None
        if not isinstance(kind, type):
            return kind(value)
        if type(value) is not kind:
            raise BadEntry(f"{name} of another type")
        return value


def _read_attributes(value: list[list[int]]) -> tuple[Attributes, ...]:
    return tuple(Attributes(mode, uid, gid) for mode, uid, gid in value)


def _read_xattrs(value: list[tuple[int, list[tuple[str, str]]]]) -> _Xattrs:
    return {int(row): {str(name): bytes.fromhex(text) for name, text in xattrs} for row, xattrs in value}


def _read_overhead(value: int | None) -> int | None:
    return value if value is None else int(value)


def _read_lines(value: list[str]) -> tuple[str, ...]:
    return tuple(map(str, value))
