"""Whiteout markers: the empty files with which a layer hides entries of lower layers.

Source: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from ocisize.tar.filetable import FileTable, IntArray, layer_value

WHITEOUT = b".wh."  #: prefix of a marker's name; the rest names the entry that the marker hides
OPAQUE_MARKER = b".wh..wh..opq"  #: the marker that hides all that lower layers have in its directory
AUFS = b".wh..wh."  #: prefix of the paths of AUFS, an old storage driver of Docker: its own files at the root of a layer


def is_whiteout(path: bytes) -> bool:
    """Return True if the last name of a path is that of a whiteout marker, an opaque one or one of AUFS.

    >>> is_whiteout(b"etc/.wh.passwd"), is_whiteout(b"opt/.wh..wh..opq"), is_whiteout(b".wh.d/file")
    (True, True, False)
    """
    return path.rpartition(b"/")[2].startswith(WHITEOUT)


def is_aufs(path: bytes) -> bool:
    """Return True if a path is one of AUFS' own files, or below one of its directories.

    >>> is_aufs(b".wh..wh.plnk/12.34"), is_aufs(b"etc/.wh..wh..opq")
    (True, False)
    """
    return path.startswith(AUFS)


def whiteout_target(whiteout: bytes) -> bytes:
    """Return the path that a whiteout marker hides.

    >>> whiteout_target(b"etc/.wh.passwd")
    b'etc/passwd'
    """
    directory, slash, name = whiteout.rpartition(b"/")
    return directory + slash + name[len(WHITEOUT) :]


def whiteout_rows(table: FileTable) -> Iterator[int]:
    """The rows of a layer's table that are whiteout markers, ascending.

    >>> import io, tarfile
    >>> from ocisize import scan_tar
    >>> file = io.BytesIO()
    >>> with tarfile.open(fileobj=file, mode="w") as archive:
    ...     for name in ("etc/motd", "etc/.wh.passwd", "etc/a.wh.b"):
    ...         archive.addfile(tarfile.TarInfo(name))
    >>> list(whiteout_rows(scan_tar(io.BytesIO(file.getvalue()))))
    [1]
    """
    return (row for row, path in marked_rows(table) if is_whiteout(path))


def marked_rows(table: FileTable) -> Iterator[tuple[int, bytes]]:
    """The rows of a layer's table whose paths contain ``.wh.``, ascending, with their paths; searched once for a layer."""
    rows = layer_value(table, find_marked)
    return zip(rows, table.paths.select(rows), strict=True)


def find_marked(table: FileTable) -> IntArray:
    """The rows whose paths contain ``.wh.``, ascending ("I"); see ``layer_value``."""
    return array("I", table.paths.rows_with(WHITEOUT))
