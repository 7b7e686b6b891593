"""open_store: the store of a folder or a tar, plain or compressed, chosen by content."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ocisize.blob.compression import MAGIC_SIZE, PLAIN, detect_compression
from ocisize.blob.region import FileRegion
from ocisize.errors import ArchiveError, LimitExceeded, OcisizeError
from ocisize.limits import Limits
from ocisize.sources.folder import FolderStore, open_file
from ocisize.sources.store import Store
from ocisize.sources.tarball import StreamedTarStore, TarStore

if TYPE_CHECKING:
    from pathlib import Path


def open_store(path: Path | str, limits: Limits | None = None) -> Store:
    """Open a folder or an archive, plain or compressed.

    Raises ArchiveError if the path is neither, or an archive is broken, and LimitExceeded if an archive asks for more than
    ``limits`` allow.

    >>> store = open_store("testdata/example.tar")
    >>> store.read("oci-layout")
    b'{"imageLayoutVersion": "1.0.0"}'
    >>> store.close()
    """
    descriptor = open_file(path)
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return FolderStore(path)
    try:
        return _open_tar(descriptor, path, limits or Limits())
    except BaseException:
        os.close(descriptor)
        raise


def _open_tar(descriptor: int, path: Path | str, limits: Limits) -> Store:
    status = os.fstat(descriptor)
    if stat.S_ISFIFO(status.st_mode):
        raise ArchiveError(f"{path}: not a file but a pipe", hint="save the image to a file first, and name the file")
    if not stat.S_ISREG(status.st_mode):
        from ocisize.sources.file_kinds import EXPECTED

        raise ArchiveError(f"{path}: not a file", hint=EXPECTED)
    region = FileRegion(descriptor, 0, status.st_size)
    plain = detect_compression(region.read_at(0, MAGIC_SIZE)) == PLAIN
    try:
        store = TarStore(region, limits) if plain else StreamedTarStore(region, limits)
    except LimitExceeded:
        raise
    except OcisizeError as error:
        from ocisize.sources.no_archive import explain_error

        raise explain_error(path, region, error) from error
    if region.size and not store.names():
        from ocisize.sources.no_archive import refuse_other_kind

        refuse_other_kind(path, region)  # zeros are a tar, and begin disk images
    return store
