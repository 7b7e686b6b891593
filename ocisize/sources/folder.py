"""FolderStore: the files of a folder."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ocisize.blob.region import FileRegion
from ocisize.errors import ArchiveError
from ocisize.sources.store import Store

if TYPE_CHECKING:
    from pathlib import Path


class _OpenFile:
    """A file descriptor that is closed with the store, or earlier by the garbage collector."""

    def __init__(self, path: str) -> None:
        self._to_close: list[int] = []
        self.descriptor = open_file(path)
        self._to_close.append(self.descriptor)

    def close(self) -> None:
        # While __del__ waits in os.close, a weak reference still leads to this object, and the store may close it in another
        # thread. A second os.close would close a file that was opened since. pop() is atomic.
        with contextlib.suppress(IndexError):
            os.close(self._to_close.pop())

    __del__ = close


class FolderStore(Store):
    """The files of a folder on disk; symlinks are followed by the file system.

    Paths are texts: most runs need nothing else of pathlib, which takes 5 ms to import.
    """

    def __init__(self, folder: Path | str) -> None:
        self._folder = os.path.realpath(folder)
        self._files: weakref.WeakSet[_OpenFile] = weakref.WeakSet()
        self._lock = threading.Lock()

    def names(self) -> Iterable[str]:
        try:
            return os.listdir(self._folder)
        except OSError as error:
            raise ArchiveError(f"cannot open {self._folder}: {error.strerror}") from None

    def open(self, name: str) -> tuple[int, FileRegion]:
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts:
            raise ArchiveError(f"{name} points outside the folder")
        if not parts:
            raise ArchiveError(f"the name {name!r} is that of no file in the folder")
        path = os.path.join(self._folder, *parts)
        try:
            file = _OpenFile(path)
        except ArchiveError as error:
            if isinstance(error.__context__, FileNotFoundError | NotADirectoryError):
                error.hint = "the folder is incomplete: copy or save the image again"
            raise
        with self._lock:
            self._files.add(file)
        status = os.fstat(file.descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ArchiveError(f"{path} is not a file")
        return status.st_size, FileRegion(file.descriptor, 0, status.st_size, owner=file)

    def close(self) -> None:
        for file in list(self._files):
            file.close()


def open_file(path: Path | str) -> int:
    """Return a file descriptor for reading; a FIFO does not block. Raises ArchiveError."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ArchiveError(f"cannot open {path}: {error.strerror}") from None
    except ValueError:  # NUL or a lone surrogate, from a document
        raise ArchiveError(f"{str(path)!r} is not a valid file name") from None
