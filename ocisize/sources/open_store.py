"""open_store: the store of a folder or a tar, plain or compressed, chosen by content."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ocisize.blob.compression import MAGIC_SIZE, PLAIN, detect_compression
from ocisize.blob.region import FileRegion
from ocisize.errors import ArchiveError, LimitExceeded, OcisizeError, StreamError, TarError
from ocisize.limits import Limits
from ocisize.sources.folder import FolderStore, open_file
from ocisize.sources.store import Store
from ocisize.sources.tarball import StreamedTarStore, TarStore

_EXPECTED = "expected a docker save archive, an OCI archive or an OCI layout folder"
_INCOMPLETE = "the file is incomplete: save or download it again"


def open_store(path: Path, limits: Limits | None = None) -> Store:
    """Open a folder or an archive, plain or compressed.

    Raises ArchiveError if the path is neither, or an archive is broken, and LimitExceeded if an archive asks for more than
    ``limits`` allow.

    >>> store = open_store(Path("testdata/example.tar"))
    >>> store.read("oci-layout")
    b'{"imageLayoutVersion": "1.0.0"}'
    >>> store.close()
    """
    descriptor = open_file(path)
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return FolderStore(path)
    try:
        return _open_tar(descriptor, limits or Limits())
    except LimitExceeded:
        os.close(descriptor)
        raise
    except OcisizeError as error:
        os.close(descriptor)
        raise _explain(path, error) from error
    except BaseException:
        os.close(descriptor)
        raise


def _explain(path: Path, error: OcisizeError) -> ArchiveError:
    """Return the error of a file that cannot be opened as an archive, with a hint."""
    if isinstance(error, TarError) and not error.offset:
        return ArchiveError(f"{path} is not a tar, an OCI layout or an image archive", hint=_EXPECTED)
    truncated = isinstance(error, StreamError | TarError) and error.truncated
    return ArchiveError(f"{path}: {error}", hint=error.hint or (_INCOMPLETE if truncated else _EXPECTED))


def _open_tar(descriptor: int, limits: Limits) -> Store:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ArchiveError("not a file")
    region = FileRegion(descriptor, 0, status.st_size)
    plain = detect_compression(region.read_at(0, MAGIC_SIZE)) == PLAIN
    return TarStore(region, limits) if plain else StreamedTarStore(region, limits)
