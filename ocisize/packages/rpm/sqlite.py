"""The headers in ``rpmdb.sqlite``, in the table ``Packages``.

Format: ``lib/backend/sqlite.c`` of https://github.com/rpm-software-management/rpm. The write-ahead log beside the
database has the last changes where a program has not closed it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ocisize.packages.rpm.blobs import Blob, BrokenDatabase
from ocisize.packages.rpm.sqlite_file import Row, SqliteFile, read_columns


def read_blobs(content: bytes, log: bytes) -> Iterator[Blob]:
    """The blobs of a database with its write-ahead log; raises BrokenDatabase."""
    file = SqliteFile(content, log)
    for row in file.rows(file.find_table(b"Packages")):
        yield Blob(row.size, partial(_load, file, row))


def _load(file: SqliteFile, row: Row) -> bytes:
    """The second column of a row; the first one is the row's number."""
    blob = read_columns(file.load(row), 2)[1]
    if not isinstance(blob, bytes):
        raise BrokenDatabase("a package has no header")
    return blob
