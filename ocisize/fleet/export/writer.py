"""ParquetWriter: rows of text to Parquet files, by DuckDB.

Rows reach DuckDB as CSV in a temporary file, which takes less time than Python values as parameters, and no numpy. DuckDB
streams the file to Parquet, so memory does not depend on the number of rows. Content hashes become UUIDs: DuckDB writes its
128-bit integers to Parquet as doubles, which merges hashes that differ in their last bits.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocisize.errors import MissingLibrary, OcisizeError
from ocisize.fleet.export.schema import Column
from ocisize.text import printable

if TYPE_CHECKING:
    import duckdb

_MEMORY = "512MB"  # of DuckDB; more is written to its temporary folder
_SETTINGS: Mapping[str, str | bool] = {
    "memory_limit": _MEMORY,
    "autoinstall_known_extensions": False,  # nothing is downloaded
    "autoload_known_extensions": False,
}
_MISSING = "an export needs DuckDB, which is not installed"
_INSTALL = "pip install 'ocisize[fleet]'"


def check_library() -> None:
    """Raise MissingLibrary unless DuckDB is installed; it is not loaded."""
    from importlib.util import find_spec

    if find_spec("duckdb") is None:
        raise MissingLibrary(_MISSING, hint=_INSTALL)


class ParquetWriter:
    """Writes Parquet files with one connection to DuckDB; a context manager.

    ``scratch`` is a folder for temporary files, which are removed.
    """

    def __init__(self, scratch: Path) -> None:
        check_library()
        self._scratch = scratch

    def __enter__(self) -> ParquetWriter:  # noqa: PYI034 - Self is new in Python 3.11
        import duckdb

        self._connection: duckdb.DuckDBPyConnection = duckdb.connect(
            config={**_SETTINGS, "temp_directory": str(self._scratch / "duckdb")}
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def write(
        self, path: Path, columns: Sequence[Column], texts: Iterable[str], computed: Mapping[str, str] | None = None
    ) -> None:
        """Write one file.

        Args:
            path: of the Parquet file.
            columns: of the file, in order.
            texts: pieces of CSV, with a line for each row as ``csv_line`` makes them. The lines lack the columns that are
                computed.
            computed: column → the SQL expression of its value.

        """
        rows = self._scratch / "rows.csv"
        try:
            with rows.open("w", encoding="utf-8", newline="") as file:
                file.writelines(texts)
            self._convert(rows, path, columns, computed or {})
        finally:
            rows.unlink(missing_ok=True)

    def _convert(self, rows: Path, path: Path, columns: Sequence[Column], computed: Mapping[str, str]) -> None:
        given = ", ".join(
            f"{_quote(column.name)}: {_quote(column.type)}" for column in columns if column.name not in computed
        )
        selected = ", ".join(
            f'CAST({computed[column.name]} AS {column.type}) AS "{column.name}"'
            if column.name in computed
            else f'"{column.name}"'
            for column in columns
        )
        self._run(
            f"COPY (SELECT {selected} FROM read_csv({_quote(glob.escape(str(rows)))}, columns={{{given}}}, header=false, "  # noqa: S608
            "auto_detect=false, delim=',', quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false)) "
            f"TO {_quote(str(path))} (FORMAT parquet, COMPRESSION zstd)"
        )

    def _run(self, statement: str) -> None:
        """Run a statement; raises OcisizeError, for example if the disk is full."""
        import duckdb

        try:
            self._connection.execute(statement)
        except duckdb.Error as error:
            raise OcisizeError(f"DuckDB cannot write the tables: {printable(str(error))}") from error


def _quote(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def csv_line(values: Iterable[str | int | bool | None]) -> str:
    """One row: texts are quoted and escaped, so that no text ends its cell; None is an empty cell without quotes.

    >>> csv_line(["a, b", 5, None, "", True])
    '"a, b",5,,"",true\\n'
    """
    return ",".join(map(_cell, values)) + "\n"


def _cell(value: str | int | bool | None) -> str:  # noqa: FBT001
    if isinstance(value, str):
        return quote_cell(printable(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def quote_cell(text: str) -> str:
    """A text between quotes."""
    return '"' + text.replace('"', '""') + '"'
