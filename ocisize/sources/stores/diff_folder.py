"""DiffFolder: the files below a folder, opened one part of a path at a time, so that no name leads out of the folder.

The names come from documents of a store and from images, and the folder has the symlinks of an image: ``/etc/passwd`` must
never be that of this machine.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import suppress

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MAX_LINKS = 40  # symlinks on the way to a file, as in Linux


def split_path(path: bytes) -> list[bytes]:
    """Return the parts of a path; raise ValueError for ``..`` and NUL, which no path of a layer needs.

    >>> split_path(b"./etc//passwd")
    [b'etc', b'passwd']
    """
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    if b".." in parts or b"\0" in path:
        raise ValueError(f"the path {path!r} leads out of the layer")
    return parts


class DiffFolder:
    """The files below the folder ``path``; each thread needs its own object. Raises OSError if the folder cannot be opened.

    Symlinks within are followed as a container follows them: an absolute one begins at the folder.

    >>> folder = DiffFolder("testdata")
    >>> descriptor = folder.open(b"example.tar")
    >>> os.close(descriptor)
    >>> folder.close()
    """

    def __init__(self, path: str) -> None:
        self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._entered, self._folder = b"", os.dup(self._root)

    def open(self, path: bytes) -> int:
        """Return a file descriptor for reading a file, which the caller closes.

        Raises OSError, also for what is no regular file, and ValueError for a path that leads out of the folder.
        """
        folder, _, name = path.rpartition(b"/")
        if name in (b"", b".", b".."):
            raise ValueError(f"the path {path!r} is not that of a file")
        parent = self.enter(folder)
        if not stat.S_ISREG(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise OSError(
                errno.EINVAL, "not a regular file"
            )  # to open a device of an image may do what its driver does then
        return os.open(name, _FILE, dir_fd=parent)

    def enter(self, folder: bytes) -> int:
        """Return a descriptor of a folder below, which stays open until the next call of ``open`` or ``enter``.

        Files of one folder follow each other in a tar, so the last folder is kept. Raises as ``open``.
        """
        if folder != self._entered:
            descriptor = self._open_folder(split_path(folder))
            os.close(self._folder)
            self._entered, self._folder = folder, descriptor
        return self._folder

    def close(self) -> None:
        """Close the folder; may be called again."""
        for descriptor in {self._root, self._folder} - {-1}:
            os.close(descriptor)
        self._root = self._folder = -1

    def _open_folder(self, parts: Sequence[bytes]) -> int:
        for _ in range(_MAX_LINKS + 1):
            current, followed = os.dup(self._root), None
            try:
                for depth, name in enumerate(parts):
                    try:
                        below = os.open(name, _FOLDER, dir_fd=current)
                    except OSError:
                        if (target := _read_link(name, current)) is None:
                            raise
                        followed = _follow(parts[:depth], target, parts[depth + 1 :])
                        break
                    os.close(current)
                    current = below
            except BaseException:
                os.close(current)
                raise
            if followed is None:
                return current
            os.close(current)
            parts = followed
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _read_link(name: bytes, folder: int) -> bytes | None:
    """Return the target of a symlink, None for what is no symlink."""
    with suppress(OSError):
        return os.readlink(name, dir_fd=folder)
    return None


def _follow(before: Sequence[bytes], target: bytes, rest: Sequence[bytes]) -> list[bytes]:
    """Return the parts of a path with the symlink between ``before`` and ``rest`` followed; ``..`` ends at the top.

    >>> _follow([b"usr", b"lib"], b"../share/x", [b"y"]), _follow([b"usr"], b"/../../bin", [])
    ([b'usr', b'share', b'x', b'y'], [b'bin'])
    """
    parts = [] if target.startswith(b"/") else list(before)
    for part in target.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return [*parts, *rest]
