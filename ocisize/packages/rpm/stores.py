"""The places and forms of rpm's databases."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ocisize.layer.kept_files import RPM_FOLDERS, RPM_NAMES
from ocisize.packages.rpm import bdb, ndb, sqlite
from ocisize.packages.rpm.blobs import Blob, BrokenDatabase, check_blobs
from ocisize.packages.rpm.header import NAME, Header
from ocisize.packages.rpm.sqlite_file import MAGIC

#: places of rpm's databases, the newest form first
STORES = tuple(folder + name for name in RPM_NAMES for folder in RPM_FOLDERS)


PUBLIC_KEY = "gpg-pubkey"  #: name of entries that are keys, not packages


def read_blobs(content: bytes, log: bytes = b"") -> Iterator[Blob]:
    """The headers of packages in a database of any form; raises BrokenDatabase behind those that could be found.

    Args:
        content: the database.
        log: the write-ahead log beside a database of SQLite.

    """
    try:
        yield from check_blobs(len(content) + len(log), _read_any(content, log))
    except (struct.error, IndexError) as error:
        raise BrokenDatabase("it ends too early") from error


def count_packages(content: bytes, log: bytes = b"") -> int:
    """The number of packages in a database, as ``read_blobs`` takes it; raises BrokenDatabase if not all can be read."""
    return sum(Header(blob.load()).text(NAME) not in ("", PUBLIC_KEY) for blob in read_blobs(content, log))


def _read_any(content: bytes, log: bytes) -> Iterator[Blob]:
    """The headers in a database, whose first bytes tell its form: names alone do not."""
    if content.startswith(MAGIC):
        return sqlite.read_blobs(content, log)
    if content.startswith(ndb.MAGIC):
        return ndb.read_blobs(content)
    if bdb.is_bdb(content):
        return bdb.read_blobs(content)
    raise BrokenDatabase("it is not a database of rpm")
