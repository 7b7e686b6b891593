"""The entries of layers as lines of CSV, and how many of them go into one Parquet file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, repeat
from typing import TypeAlias

from ocisize.fleet.export.writer import csv_line, quote_cell
from ocisize.rules.match import match_rows
from ocisize.rules.rule import Catalog
from ocisize.tar.content_hash import HASH_SIZE
from ocisize.tar.filetable import KIND_NAMES, NO_HASH, FileTable
from ocisize.text import decode_name, printable

Lines: TypeAlias = tuple[int, str]  #: a number of rows and their lines

MAX_PART_ROWS = 1_000_000  #: rows after which a new Parquet file begins
#: column → SQL: what DuckDB computes faster than Python
COMPUTED = {"dir3": "regexp_extract(path, '^(?:([^/]*(?:/[^/]*){0,2})/)?', 1)"}
_KINDS = [KIND_NAMES.get(kind, "") for kind in range(256)]
_HEX_DIGITS = 2 * HASH_SIZE
_NO_HASH = NO_HASH.hex()


def rows_of_table(layer_id: int, table: FileTable, catalog: Catalog) -> Iterator[Lines]:
    """The rows of ``files`` for one layer, in the order of its tar, in pieces of about 16,000.

    Args:
        layer_id: of the layer.
        table: its entries.
        catalog: the rules. One that needs another path claims an entry only if the layer itself has that path.

    """
    owners = [csv_line((owner.mode, owner.uid, owner.gid)).rstrip() for owner in table.attributes]
    rule_of = _rules_by_row(catalog, table)
    sizes, compressed, indexes = table.sizes, table.compressed_sizes, table.owners
    for start, paths in table.paths.pieces():
        end = start + len(paths)
        rows = range(start, end)
        columns = zip(
            map(quote_cell, _printable_paths(paths)),
            map(_KINDS.__getitem__, table.kinds[start:end]),
            sizes[start:end],
            repeat("") if compressed is None else compressed[start:end],
            _hex_hashes(table.hashes[start * HASH_SIZE : end * HASH_SIZE], len(paths)),
            map(owners.__getitem__, indexes[start:end]),
            map(rule_of.get, rows, repeat("")) if rule_of else repeat(""),
            strict=False,  # some repeat without end
        )
        yield len(paths), "".join([
            f"{layer_id},{path},{kind},{size},{part},{content},{owner},{rule}\n"
            for path, kind, size, part, content, owner, rule in columns
        ])  # fmt: skip


def _printable_paths(paths: list[bytes]) -> list[str]:
    try:
        joined = b"\0".join(paths).decode()
    except UnicodeDecodeError:
        pass
    else:
        if joined.replace("\0", "").isprintable():
            return joined.split("\0")
    return [printable(decode_name(path)) for path in paths]


def _hex_hashes(hashes: bytes, count: int) -> Iterable[str]:
    """The content hashes of some rows, "" where there is none."""
    if not hashes:
        return repeat("", count)
    digits = hashes.hex()
    parts = [digits[start : start + _HEX_DIGITS] for start in range(0, len(digits), _HEX_DIGITS)]
    return ["" if part == _NO_HASH else part for part in parts]


def _rules_by_row(catalog: Catalog, table: FileTable) -> Mapping[int, str]:
    """The ids of the rules that claim rows; ids are words that need no quotes."""
    claimed = match_rows(catalog, table)
    rules = catalog.rules
    return {row: quote_cell(rules[index].id) for index, rows in claimed.items() if index < len(rules) for row in rows}


def split_parts(lines: Iterable[Lines]) -> Iterator[Iterator[str]]:
    """Divide the lines of all layers into parts of at least MAX_PART_ROWS rows, the last one of fewer.

    Nothing is kept: a part must be used up before the next one.
    """
    written = 0

    def number_of(piece: Lines) -> int:
        nonlocal written
        number = written // MAX_PART_ROWS
        written += piece[0]
        return number

    return ((text for _, text in part) for _, part in groupby(lines, number_of))
