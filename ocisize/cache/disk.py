"""DiskCache: a folder with one file for each entry, which any number of processes may use at once.

A file is written under another name and then renamed, so a reader finds a whole entry or none; no lock is held. What a crash
or another program damages is found by the checksum of the entry. The files that were not used for the longest time are
removed once all together exceed a limit.
"""

from __future__ import annotations

import itertools
import os
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress

from ocisize.cache.folder import FOLDER_VARIABLE, default_folder, find_distrust
from ocisize.logs import Logger
from ocisize.tuples import NamedTuple
from ocisize.values import at_least, define, field

MAX_SIZE = 2 << 30  #: bytes of all entries: about 1,000 images of 100,000 files
_SUFFIX, _UNFINISHED = ".ocz", ".tmp"
_TAG = "CACHEDIR.TAG"  # https://bford.info/cachedir/
_TAG_TEXT = b"Signature: 8a477f597d28d172789f06886806bc55\n# This folder is the cache of ocisize, and can be removed.\n"
_BUCKET = r"[a-z]+-v[0-9]+"  # the folders that are made in the folder of the cache
_KEY = re.compile(rf"{_BUCKET}(?:/[A-Za-z0-9][A-Za-z0-9.-]*)+")
_MAX_KEY = 255  # characters
_MAX_ENTRY = 1 << 30  # bytes
_MAX_DEPTH = 4  # of folders
_MAX_UNFINISHED_AGE = 3600  # seconds; the process that wrote the file has ended
_DAY = 86_400  # seconds; how often the last use of an entry is noted
_CHECKS = 16  # the size is checked for one of as many entries that are put
_LEFT = 0.9  # share of the limit that is left where it was exceeded: the next entries need no search

_log = Logger(__name__)
_numbers = itertools.count()  # of the files that this process writes


class CacheUsage(NamedTuple):
    """What is in a cache, or was removed from it."""

    entries: int  #: how many
    size: int  #: their bytes


@define
class DiskCache:
    """A cache in a folder. Where the folder cannot be used, the cache is empty and keeps nothing.

    Without a ``folder`` it is the one that ``OCISIZE_CACHE_DIR`` names, else that of this user, which is ignored if another
    user may write to it. No method raises an error of the system: ``problem`` tells it.

    >>> import tempfile
    >>> cache = DiskCache(tempfile.mkdtemp(), max_size=1000)
    >>> cache.put("layers-v1/sha256/ab/abcd", b"entry")
    >>> cache.get("layers-v1/sha256/ab/abcd"), cache.usage()
    (b'entry', CacheUsage(entries=1, size=5))
    """

    folder: str | os.PathLike[str] | None = None  #: where the files are; None if there is no such folder
    max_size: int = field(default=MAX_SIZE, validator=at_least(0))  #: bytes of all entries; 0 keeps nothing
    problem: str = field(default="", init=False)  #: what went wrong first; "" if nothing did
    _unchecked: int = field(
        default=0, init=False, repr=False, eq=False
    )  # bytes that may be put before the size is checked again

    def __attrs_post_init__(self) -> None:
        self.folder = self.folder or os.environ.get(FOLDER_VARIABLE) or self._find_default()

    def _find_default(self) -> str | None:
        folder = default_folder()
        reason = "there is no home folder" if folder is None else find_distrust(folder)
        if reason:
            where = f"the cache {folder}" if folder else "the cache"
            self.problem = f"{where} is not used: {reason}; {FOLDER_VARIABLE} names another folder"
            return None
        return folder

    def get(self, key: str, /) -> bytes | None:
        """Return the entry with this key, None if there is none; notes that it was used."""
        path = self._path(key)
        if path is None:
            return None
        try:
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                # The size of the file, since read() allocates as many bytes as it is asked for.
                data = file.read(status.st_size) if status.st_size <= _MAX_ENTRY else None
        except OSError:
            return None
        if time.time() - status.st_mtime > _DAY:
            with suppress(OSError):
                os.utime(path)
        return data

    def put(self, key: str, data: bytes, /) -> None:
        """Keep an entry, in the place of one with the same key; now and then removes the entries that are over the limit."""
        path = self._path(key)
        if path is None or len(data) > min(self.max_size, _MAX_ENTRY):
            return
        unfinished = f"{path.removesuffix(_SUFFIX)}.{os.getpid()}-{next(_numbers)}{_UNFINISHED}"
        try:
            self._make_folders(os.path.dirname(path))
            self._write(unfinished, data)
            os.replace(unfinished, path)
        except OSError as error:
            with suppress(OSError):
                os.unlink(unfinished)
            self._note(f"the cache {self.folder} cannot be written: {error.strerror or error}")
            return
        self._unchecked -= len(data)
        if self._unchecked < 0 and (len(data) > self.max_size // _CHECKS or not zlib.crc32(key.encode()) % _CHECKS):
            self._remove_old(self.max_size, _LEFT)

    def discard(self, key: str, /) -> None:
        """Remove an entry that turned out to be damaged."""
        path = self._path(key)
        if path is not None:
            _log.info("the cache has a damaged entry, which is removed: %s", path)
            with suppress(OSError):
                os.unlink(path)

    def usage(self) -> CacheUsage:
        """Return how many entries there are, and their bytes."""
        files = list(self._files())
        return CacheUsage(len(files), sum(size for _, size, _ in files))

    def prune(self, max_size: int | None = None) -> CacheUsage:
        """Remove the entries that were not used for the longest time, until all have ``max_size`` bytes at most.

        ``max_size`` None is the limit of the cache. Returns what was removed.
        """
        return self._remove_old(self.max_size if max_size is None else max_size)

    def clear(self) -> CacheUsage:
        """Remove all entries, and return what was removed; other files in the folder stay."""
        return self._remove_old(0)

    def _path(self, key: str) -> str | None:
        """The file of an entry; raises ValueError for a key that could name a file elsewhere."""
        if len(key) > _MAX_KEY or _KEY.fullmatch(key) is None:
            raise ValueError(f"not a key: {key[:_MAX_KEY]!r}")
        return None if self.folder is None else os.path.join(self.folder, *key.split("/")) + _SUFFIX

    def _make_folders(self, folder: str) -> None:
        """Make the folder of an entry, for this user alone."""
        if os.path.isdir(folder):
            return
        root = os.fspath(self.folder or folder)
        is_new = not os.path.isdir(root)
        os.makedirs(root, mode=0o700, exist_ok=True)
        path = root
        for name in os.path.relpath(folder, root).split(os.sep):  # makedirs gives its mode to the last folder only
            path = os.path.join(path, name)
            with suppress(FileExistsError):
                os.mkdir(path, 0o700)
        if is_new:
            with suppress(FileExistsError):
                self._write(os.path.join(root, _TAG), _TAG_TEXT)

    def _write(self, path: str, data: bytes) -> None:
        """Write a new file, for this user alone."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)

    def _note(self, problem: str) -> None:
        self.problem = self.problem or problem
        _log.info("%s", problem)

    def _files(self, suffix: str = _SUFFIX) -> Iterator[tuple[str, int, float]]:
        """Path, size and last use of the files of this cache with a suffix; no other files are looked at."""
        for folder in () if self.folder is None else _list_folders(os.fspath(self.folder)):
            if re.fullmatch(_BUCKET, os.path.basename(folder)):
                yield from _walk(folder, suffix)

    def _remove_old(self, max_size: int, left: float = 1) -> CacheUsage:
        """Remove the oldest entries if all have more than ``max_size`` bytes, until that share of it is ``left``."""
        for path, _, written in list(self._files(_UNFINISHED)):
            if not max_size or time.time() - written > _MAX_UNFINISHED_AGE:
                with suppress(OSError):
                    os.unlink(path)
        files = sorted(self._files(), key=lambda file: file[2])
        total = sum(size for _, size, _ in files)
        count = removed = 0
        if total > max_size or not max_size:
            for path, size, _ in files:
                if total - removed <= max_size * left and max_size:
                    break
                try:
                    os.unlink(path)
                except FileNotFoundError:
                    total -= size  # another process has removed it
                except OSError as error:
                    self._note(f"the cache {self.folder} cannot be written: {error.strerror or error}")
                else:
                    count, removed = count + 1, removed + size
        # Thousands of small entries are put at a time: to list all files each time would take quadratic time.
        self._unchecked = max(self.max_size - total + removed, 0) // _CHECKS
        return CacheUsage(count, removed)


def _list_folders(folder: str) -> list[str]:
    with suppress(OSError), os.scandir(folder) as entries:
        return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def _walk(folder: str, suffix: str) -> Iterator[tuple[str, int, float]]:
    """Path, size and time of the files with a suffix in a folder and those below it; symlinks are not followed."""
    folders = [(folder, 1)]
    while folders:
        current, depth = folders.pop()
        with suppress(OSError), os.scandir(current) as entries:  # another process may remove what is listed
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders += [(entry.path, depth + 1)] * (depth < _MAX_DEPTH)
                elif entry.name.endswith(suffix):
                    with suppress(OSError):
                        status = entry.stat(follow_symlinks=False)
                        yield entry.path, status.st_size, status.st_mtime
