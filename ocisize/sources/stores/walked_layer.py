"""A tar of the files of an overlay layer, for stores without its tar-split: the content is the layer's, the headers are not.

overlayfs marks a deleted path with a character device 0:0, and a directory that hides one below with an extended attribute
(https://docs.kernel.org/filesystems/overlayfs.html); fuse-overlayfs and layers themselves use ``.wh.`` files. What the files
do not show is lost: the order and the format of the entries, entries of one path, and names of owners.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator

from ocisize.errors import ArchiveError
from ocisize.sources.stores.diff_folder import DiffFolder
from ocisize.sources.stores.tar_split import read_content
from ocisize.text import printable
from ocisize.tuples import NamedTuple

_OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque", "user.fuseoverlayfs.opaque")
_ELSEWHERE = ("trusted.overlay.redirect", "user.overlay.redirect", "trusted.overlay.metacopy", "user.overlay.metacopy")
_WHITEOUT, _OPAQUE_MARKER = ".wh.", ".wh..wh..opq"
_BLOCK = 512  # bytes that a tar is padded to
_END = bytes(2 * _BLOCK)
_TYPES = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
}


class _Entry(NamedTuple):
    """The header of an entry, and the file that has its content."""

    header: bytes
    path: bytes
    size: int  #: bytes of content


def walk_length(folder: DiffFolder) -> int:
    """Return the bytes of the tar that ``walk_tar`` yields; raises as it does."""
    return len(_END) + sum(len(entry.header) + _padded(entry.size) for entry in _walk(folder))


def walk_tar(folder: DiffFolder) -> Iterator[bytes]:
    """Yield a tar of the files of an overlay layer in chunks, sorted by path.

    Raises OSError for files that may not be read, and ArchiveError if overlayfs keeps a part of the layer elsewhere.
    """
    for entry in _walk(folder):
        yield entry.header
        if entry.size:
            yield from read_content(folder, entry.path, entry.size)
            yield bytes(_padded(entry.size) - entry.size)
    yield _END


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _walk(folder: DiffFolder) -> Iterator[_Entry]:
    """Yield the entries of all folders, each folder before what is in it; a hard link names the first path of its file."""
    first_paths: dict[tuple[int, int], str] = {}
    pending = [""]
    while pending:
        parent = pending.pop()
        folders = []
        for name, status in _list(folder, parent):
            path = f"{parent}{name}"
            if stat.S_ISSOCK(status.st_mode):
                continue  # no tar has sockets
            if stat.S_ISDIR(status.st_mode):
                folders.append(f"{path}/")
            yield _make_entry(folder, path, status, first_paths)
            if stat.S_ISDIR(status.st_mode) and _is_opaque(folder, path):
                yield _Entry(_header(f"{path}/{_OPAQUE_MARKER}", tarfile.REGTYPE), b"", 0)
        pending += reversed(folders)


def _list(folder: DiffFolder, parent: str) -> list[tuple[str, os.stat_result]]:
    """Return the names in a folder with what they are, sorted."""
    descriptor = folder.enter(os.fsencode(parent.rstrip("/")))
    with os.scandir(descriptor) as entries:
        return sorted((entry.name, entry.stat(follow_symlinks=False)) for entry in entries)


def _make_entry(folder: DiffFolder, path: str, status: os.stat_result, first_paths: dict[tuple[int, int], str]) -> _Entry:
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
        parent, slash, name = path.rpartition("/")
        return _Entry(_header(f"{parent}{slash}{_WHITEOUT}{name}", tarfile.REGTYPE), b"", 0)
    kind = _TYPES.get(stat.S_IFMT(status.st_mode), tarfile.REGTYPE)
    target, size = "", 0
    if stat.S_ISLNK(status.st_mode):
        target = _read_link(folder, path)
    elif stat.S_ISREG(status.st_mode):
        first = first_paths.setdefault((status.st_dev, status.st_ino), path) if status.st_nlink > 1 else path
        if first != path:
            kind, target = tarfile.LNKTYPE, first
        else:
            size = status.st_size
            _refuse_elsewhere(folder, path)
    return _Entry(_header(path, kind, status, target=target, size=size), os.fsencode(path), size)


def _read_link(folder: DiffFolder, path: str) -> str:
    parent, _, name = path.rpartition("/")
    return os.readlink(name, dir_fd=folder.enter(os.fsencode(parent)))


def _header(path: str, kind: bytes, status: os.stat_result | None = None, *, target: str = "", size: int = 0) -> bytes:
    """Return the bytes of a header in the format of GNU tar, whose names are any bytes."""
    info = tarfile.TarInfo(path + "/" * (kind == tarfile.DIRTYPE))
    info.type, info.linkname, info.size = kind, target, size
    if status is not None:
        info.mode, info.uid, info.gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
        info.mtime = int(status.st_mtime)
        if kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
            info.devmajor, info.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _is_opaque(folder: DiffFolder, path: str) -> bool:
    """Return True if overlayfs shows nothing of the lower folders below this one."""
    descriptor = folder.enter(os.fsencode(path))
    return any(_attribute(descriptor, name) == b"y" for name in _OPAQUE) or _refuse_attributes(descriptor, path)


def _refuse_elsewhere(folder: DiffFolder, path: str) -> None:
    """Raise ArchiveError if the content of a file is in a lower layer."""
    try:
        descriptor = folder.open(os.fsencode(path))
    except PermissionError:
        return  # reading the content raises the error
    try:
        _refuse_attributes(descriptor, path)
    finally:
        os.close(descriptor)


def _refuse_attributes(descriptor: int, path: str) -> bool:
    """Raise ArchiveError for the attributes of overlayfs that lead to other layers; return False."""
    for name in _ELSEWHERE:
        if _attribute(descriptor, name) is not None:
            raise ArchiveError(
                f"overlayfs keeps {printable(path)} in a lower layer ({name}), and the store has no tar-split of this layer",
                hint="save the image to a file: podman save -o image.tar NAME && ocisize image.tar",
            )
    return False


def _attribute(descriptor: int, name: str) -> bytes | None:
    try:
        return os.getxattr(descriptor, name)
    except (OSError, AttributeError):  # AttributeError: only Linux has this function, and overlayfs
        return None
