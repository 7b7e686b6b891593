"""Where directories lead to: databases list files below ``/lib`` that an image stores below ``/usr/lib``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from ocisize.filesystem.directories import MAX_PATH
from ocisize.tar.filetable import SYMLINK, FileTable
from ocisize.tar.paths import clean_name, join

_MAX_HOPS = 40  # symlinks in a row, as the Linux kernel has it
_MAX_STEPS = 1 << 20  # components of paths behind symlinks: the loops of a hostile image end here
_MAX_SIZE = 64 << 20  # bytes of all paths that are kept: one path of 4 kB can have directories of 4 MB in all


class RealDirectories(dict[bytes, bytes]):
    """Path of a directory → its path without symlinks, found on the first look-up; with ``links`` by path.

    A path that is longer than MAX_PATH stays as it is, and so do new paths once those that are kept have _MAX_SIZE bytes.

    >>> RealDirectories({b"lib": b"usr/lib"})[b"lib/x86_64-linux-gnu"]
    b'usr/lib/x86_64-linux-gnu'
    """

    def __init__(self, links: dict[bytes, bytes]) -> None:
        super().__init__({b"": b""})
        self._links, self._steps, self._size = links, _MAX_STEPS, _MAX_SIZE

    def __missing__(self, path: bytes) -> bytes:
        if len(path) > MAX_PATH or self._size < 0:
            return path
        above = path.rpartition(b"/")[0]
        if path not in self._links and self.get(above) == above:  # no link leads there, as to most directories
            self[path] = path
            self._size -= 2 * len(path)
            return path
        missing: list[bytes] = []
        while path not in self:
            path, _, name = path.rpartition(b"/")
            missing.append(name)
        real = self[path]
        for name in reversed(missing):
            path = join(path, name)
            real = self[path] = self._follow(join(real, name))
            self._size -= len(path) + len(real)
        return real

    def _follow(self, path: bytes) -> bytes:
        """The path that a path leads to, of which all but the last component are no symlinks."""
        if path not in self._links:
            return path
        current, parts, hops = b"", path.split(b"/")[::-1], 0
        while parts:
            part = parts.pop()
            if part == b"..":
                current = current.rpartition(b"/")[0]
                continue
            current = join(current, part)
            target = self._links.get(current)
            if target is not None:
                hops += 1
                target = clean_target(current, target)
                self._steps -= target.count(b"/") + 1
                if hops > _MAX_HOPS or self._steps < 0 or len(target) + sum(map(len, parts)) > MAX_PATH:
                    return path
                current = b""
                parts += target.split(b"/")[::-1] if target else []
        return current


def clean_target(path: bytes, target: bytes) -> bytes:
    """The path that the symlink at ``path`` names.

    >>> clean_target(b"usr/lib64", b"lib"), clean_target(b"bin", b"/usr/bin")
    (b'usr/lib', b'usr/bin')
    """
    return clean_name(target if target[:1] == b"/" else join(path.rpartition(b"/")[0], target))


def find_links(tables: Sequence[FileTable], hidden_by: Sequence[Sequence[int]]) -> dict[bytes, bytes]:
    """The targets of all symlinks by path; of several at one path, the one that a container sees, or the uppermost."""
    links: dict[bytes, bytes] = {}
    hidden: dict[bytes, bytes] = {}
    for table, hiders in zip(tables, hidden_by, strict=True):
        rows = sorted(row for row in table.links if table.kinds[row] == SYMLINK)
        is_visible = [hiders[row] < 0 for row in rows]
        pairs = list(zip(table.paths.select(rows), map(table.links.__getitem__, rows), strict=True))
        links.update(compress(pairs, is_visible))
        hidden.update(pair for pair, visible in zip(pairs, is_visible, strict=True) if not visible)
    return {**hidden, **links}
