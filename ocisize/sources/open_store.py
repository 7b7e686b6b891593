"""open_store: the store of a folder or a tar, plain or compressed, chosen by content."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from ocisize.blob.compression import MAGIC_SIZE, PLAIN, detect_compression
from ocisize.blob.region import FileRegion
from ocisize.errors import ArchiveError, LimitExceeded, OcisizeError, StreamError, TarError
from ocisize.limits import Limits
from ocisize.sources.file_kinds import EXPECTED, Kind, find_file_kind
from ocisize.sources.folder import FolderStore, open_file
from ocisize.sources.folder_images import find_image_folder
from ocisize.sources.store import Store
from ocisize.sources.tarball import StreamedTarStore, TarStore
from ocisize.text import printable

_BLOCK = 512  # bytes of a tar header, or of zeros before something else
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
        return _open_tar(descriptor, path, limits or Limits())
    except BaseException:
        os.close(descriptor)
        raise


def _open_tar(descriptor: int, path: Path, limits: Limits) -> Store:
    status = os.fstat(descriptor)
    if stat.S_ISFIFO(status.st_mode):
        raise ArchiveError(f"{path}: not a file but a pipe", hint="save the image to a file first, and name the file")
    if not stat.S_ISREG(status.st_mode):
        raise ArchiveError(f"{path}: not a file", hint=EXPECTED)
    region = FileRegion(descriptor, 0, status.st_size)
    plain = detect_compression(region.read_at(0, MAGIC_SIZE)) == PLAIN
    try:
        store = TarStore(region, limits) if plain else StreamedTarStore(region, limits)
    except LimitExceeded:
        raise
    except OcisizeError as error:
        raise explain_error(path, region, error) from error
    if region.size and not store.names():
        refuse_other_kind(path, region)  # zeros are a tar, and begin disk images
    return store


def explain_error(path: Path, region: FileRegion, error: OcisizeError, expected: str = EXPECTED) -> ArchiveError:
    """Return the error of a file that cannot be read as a tar, with what the file is instead, or a hint."""
    if isinstance(error, TarError) and error.offset <= _BLOCK and (kind := find_file_kind(region)) is not None:
        return _refuse_kind(path, kind, expected)
    if isinstance(error, TarError) and not error.offset:
        what = "a tar, an OCI layout or an image archive" if expected == EXPECTED else "a tar"
        return ArchiveError(f"{path} is not {what}", hint=expected)
    truncated = isinstance(error, StreamError | TarError) and error.truncated
    return ArchiveError(f"{path}: {error}", hint=error.hint or (_INCOMPLETE if truncated else expected))


def refuse_other_kind(path: Path, region: FileRegion, expected: str = EXPECTED) -> None:
    """Raise ArchiveError if a file is known to be of another kind than a tar, by its first bytes."""
    if (kind := find_file_kind(region)) is not None:
        raise _refuse_kind(path, kind, expected)


def _refuse_kind(path: Path, kind: Kind, expected: str) -> ArchiveError:
    shown = printable(str(path))
    if (folder := find_image_folder(path)) is not None:
        part = f"{shown} is a part of the saved image in its folder"
        return ArchiveError(part, hint=f"name the folder: {shlex.quote(printable(str(folder)))}")
    what = "a root filesystem" if expected != EXPECTED else "a saved image"
    hint = (expected if kind.hint == EXPECTED else kind.hint).replace("{path}", shlex.quote(shown))
    hint = hint.replace("{folder}", shlex.quote(printable(str(path.parent))))
    return ArchiveError(f"{shown} is not {what}: {kind.what}", hint=hint)
