"""Named files of a saved image: in a folder, in a plain tar by offset, or in a compressed tar by streaming."""

from __future__ import annotations

import os
import stat
import threading
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path

from ocisize.blob import CHUNK, FileRegion
from ocisize.errors import ArchiveError, DocumentError, LimitExceeded, OcisizeError, StreamError, TarError
from ocisize.files import HARD_LINK, REGULAR, SYMLINK, FileTable, decode_name
from ocisize.limits import Limits, Meter, Tally
from ocisize.oci import Descriptor
from ocisize.paths import clean_name
from ocisize.stream import PLAIN, LayerStream, detect_compression
from ocisize.tar import scan_tar

MAX_DOCUMENT = 20 << 20  # containerd's limit for the manifest.json of an archive
_KEPT = 1 << 20  # members of a compressed archive up to this size are kept while indexing it
_KEPT_TOTAL = 64 << 20  # of all of them: a compressed root filesystem is small files throughout
_EXPECTED = "expected the file of docker save, an OCI archive or an OCI layout folder"
_INCOMPLETE = "the file is incomplete: save or download it again"
_MAX_HOPS = 40  # links that may point to links, as the Linux kernel has it


class Store:
    """Read access to named files; names are relative, with ``/``."""

    sequential = False  #: whether files are best read one at a time, in the order of ``position``

    def names(self) -> Iterable[str]:
        """All names; only asked for to find out what a store is."""
        raise NotImplementedError

    def open(self, name: str) -> tuple[int, Iterable[bytes]]:
        """Size and content of a file; raises ArchiveError when there is none."""
        raise NotImplementedError

    def read(self, name: str, limit: int = MAX_DOCUMENT) -> bytes:
        """A small file whole; raises ArchiveError when it is missing, DocumentError beyond ``limit`` bytes."""
        size, chunks = self.open(name)
        if size > limit:
            raise DocumentError(f"{name} has {size} bytes, more than {limit}")
        return b"".join(chunks)

    def position(self, name: str) -> int:
        """Where a file lies, where that matters."""
        del name
        return 0

    def identity(self, name: str) -> object:
        """What names of one file have in common, for files that exist."""
        return name

    def close(self) -> None:
        """Release what the store holds open; may be called again."""
        raise NotImplementedError


class StoredSource:
    """What sources over a store have in common: blobs are files, some best read in the order they lie in."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def member_of(self, descriptor: Descriptor) -> str:
        """The name of the file that holds a blob."""
        raise NotImplementedError

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        return self._store.open(self.member_of(descriptor))[1]

    def stored_order(self, descriptor: Descriptor) -> int:
        """Sort key: where the blob lies."""
        return self._store.position(self.member_of(descriptor))

    @property
    def sequential(self) -> bool:
        """Whether blobs are best read one at a time, in ``stored_order``."""
        return self._store.sequential

    def close(self) -> None:
        """Release the files."""
        self._store.close()


class _OpenFile:
    """A file descriptor that is closed with the store, or earlier when nobody reads from it any more."""

    def __init__(self, path: Path) -> None:
        self.descriptor = -1
        self.descriptor = _open_file(path)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    __del__ = close


class FolderStore(Store):
    """A folder on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._files: weakref.WeakSet[_OpenFile] = weakref.WeakSet()
        self._lock = threading.Lock()

    def names(self) -> Iterable[str]:
        try:
            return [path.name for path in self._folder.iterdir()]
        except OSError as error:
            raise ArchiveError(f"cannot open {self._folder}: {error.strerror}") from None

    def open(self, name: str) -> tuple[int, FileRegion]:
        path = self._folder / name
        if name.startswith("/") or ".." in path.parts:
            raise ArchiveError(f"{name} points out of the folder")
        file = _OpenFile(path)
        with self._lock:
            self._files.add(file)
        status = os.fstat(file.descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ArchiveError(f"{path} is not a file")
        return status.st_size, FileRegion(file.descriptor, 0, status.st_size, owner=file)

    def close(self) -> None:
        for file in list(self._files):
            file.close()


class _Members:
    """The index of a tar: names, links resolved, and where each payload lies."""

    def __init__(self, table: FileTable) -> None:
        self.table = table
        self.rows = {path: row for row, path in enumerate(table.paths) if table.kinds[row] in (REGULAR, HARD_LINK, SYMLINK)}

    def names(self) -> list[str]:
        return [decode_name(path) for path in self.rows]

    def find(self, name: str) -> int:
        """The row of a regular member; links are followed within the archive."""
        path = clean_name(name.encode("utf-8", "backslashreplace"))
        for _ in range(_MAX_HOPS):
            row = self.rows.get(path)
            if row is None:
                raise ArchiveError(f"the archive has no member {decode_name(path)}")
            kind, link = self.table.kinds[row], self.table.links.get(row, b"")
            if kind == SYMLINK:
                path = clean_name(link if link.startswith(b"/") else path.rpartition(b"/")[0] + b"/" + link)
            elif kind == HARD_LINK:
                path = clean_name(link)
            elif row in self.table.apparent_sizes:
                raise ArchiveError(f"the member {name} is stored sparse", hint="pack the archive without tar's --sparse")
            else:
                return row
        raise ArchiveError(f"the member {name} is a circle of links")


class _OpenTar(Store):
    """What both kinds of tar have in common: one open file and its members."""

    _members: _Members

    def __init__(self, region: FileRegion) -> None:
        self._region = region
        self._open = True

    def names(self) -> list[str]:
        return self._members.names()

    def identity(self, name: str) -> object:
        return self._members.find(name)

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._region.descriptor)


class TarStore(_OpenTar):
    """A plain tar on disk, read in place by offset."""

    def __init__(self, region: FileRegion, limits: Limits) -> None:
        super().__init__(region)
        meter = Meter(Tally(limits, archive=True))
        table = scan_tar(region.part(0, region.size), hash_content=False, meter=meter, window_size=CHUNK)
        self._members = _Members(table)

    def open(self, name: str) -> tuple[int, FileRegion]:
        row = self._members.find(name)
        table = self._members.table
        return table.sizes[row], self._region.part(table.payload_start(row), table.sizes[row])


class StreamedTarStore(_OpenTar):
    """A tar compressed as a whole: indexed in one pass, its large members streamed in a second.

    Members are best opened in the order they are stored in; going back means decompressing from the start.
    """

    sequential = True

    def __init__(self, region: FileRegion, limits: Limits) -> None:
        super().__init__(region)
        self._reread = Tally(limits, archive=True)  # all passes but the first together: going back has an end
        meter = Meter(Tally(limits, archive=True))
        stream = LayerStream(region, meter=meter)
        budget = _KEPT_TOTAL

        def wanted(_: bytes, size: int) -> bool:
            nonlocal budget
            keep = size <= min(_KEPT, budget)
            budget -= size if keep else 0
            return keep

        table = scan_tar(stream, hash_content=False, wanted=wanted, meter=meter)
        stream.finish()
        self._members = _Members(table)
        self._stream: LayerStream | None = None

    def position(self, name: str) -> int:
        """Where a member's payload starts in the uncompressed tar."""
        return self._members.table.payload_start(self._members.find(name))

    def open(self, name: str) -> tuple[int, Iterable[bytes]]:
        row = self._members.find(name)
        table = self._members.table
        kept = table.contents.get(row)
        if kept is not None:
            return len(kept), [kept] if kept else []
        return table.sizes[row], self._read(table.payload_start(row), table.sizes[row])

    def _read(self, start: int, size: int) -> Iterator[bytes]:
        if self._stream is None or self._stream.size > start:
            self._stream = LayerStream(self._region, meter=Meter(self._reread))
        stream, buffer = self._stream, memoryview(bytearray(CHUNK))
        while stream.size < start:
            if not stream.readinto(buffer[: start - stream.size]):
                return
        end = start + size
        while stream.size < end and (count := stream.readinto(buffer[: end - stream.size])):
            yield bytes(buffer[:count])


def open_store(path: Path, limits: Limits | None = None) -> Store:
    """Open a folder or an archive, plain or compressed; raise ArchiveError when it is neither."""
    descriptor = _open_file(path)
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
    """Why a file cannot be opened as an archive, and what may help."""
    if isinstance(error, TarError) and not error.offset:
        return ArchiveError(f"{path} is not a tar, a layout or an archive of images", hint=_EXPECTED)
    truncated = isinstance(error, StreamError | TarError) and error.truncated
    return ArchiveError(f"{path}: {error}", hint=error.hint or (_INCOMPLETE if truncated else _EXPECTED))


def _open_file(path: Path) -> int:
    """Open for reading without waiting for a FIFO's other end."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ArchiveError(f"cannot open {path}: {error.strerror}") from None
    except ValueError:  # NUL or a lone surrogate, from a document
        raise ArchiveError(f"{str(path)!r} cannot be the name of a file") from None


def _open_tar(descriptor: int, limits: Limits) -> Store:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ArchiveError("not a file")
    region = FileRegion(descriptor, 0, status.st_size)
    plain = detect_compression(region.read_at(0, 18)) == PLAIN
    return TarStore(region, limits) if plain else StreamedTarStore(region, limits)
