"""The places and forms of rpm's databases."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ocisize.inventory.record import DatabaseError
from ocisize.inventory.rpm import bdb, ndb, sqlite
from ocisize.inventory.rpm.blobs import Blob, BrokenDatabase, check_blobs
from ocisize.layer.kept_files import RPM_FOLDERS, RPM_NAMES

#: places of rpm's databases, the newest form first
STORES = tuple(folder + name for name in RPM_NAMES for folder in RPM_FOLDERS)


def read_blobs(path: bytes, content: bytes) -> Iterator[Blob]:
    """The headers of packages in a database of any form; raises DatabaseError behind those that could be found."""
    try:
        yield from check_blobs(content, _read_any(content))
    except BrokenDatabase as error:
        raise DatabaseError(path, str(error)) from error
    except (struct.error, IndexError) as error:
        raise DatabaseError(path, "it ends too early") from error


def _read_any(content: bytes) -> Iterator[Blob]:
    """The headers in a database, whose first bytes tell its form: names alone do not."""
    if content.startswith(sqlite.MAGIC):
        return sqlite.read_blobs(content)
    if content.startswith(ndb.MAGIC):
        return ndb.read_blobs(content)
    if bdb.is_bdb(content):
        return bdb.read_blobs(content)
    raise BrokenDatabase("it is not a database of rpm")
