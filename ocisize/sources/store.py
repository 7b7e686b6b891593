"""Named files of a saved image: in a folder, in a plain tar by offset, or in a compressed tar by streaming."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from ocisize.blob import CHUNK, FileRegion
from ocisize.errors import ArchiveError, OcisizeError
from ocisize.files import HARD_LINK, REGULAR, SYMLINK, FileTable, decode_name
from ocisize.headers import clean_name
from ocisize.stream import PLAIN, LayerStream, detect_compression
from ocisize.tar import scan_tar

MAX_DOCUMENT = 20 << 20  # containerd's limit for the manifest.json of an archive
_KEPT = 1 << 20  # members of a compressed archive up to this size are kept while indexing it
_KEPT_TOTAL = 64 << 20  # of all of them: a compressed root filesystem is small files throughout
_MAX_HOPS = 40  # links that may point to links, as the Linux kernel has it


class Store(Protocol):
    """Read access to named files; names are relative, with ``/``."""

    def names(self) -> Iterable[str]:
        """All names; only asked for to find out what a store is."""
        ...

    def open(self, name: str) -> tuple[int, Iterable[bytes]]:
        """Size and content of a file; raises ArchiveError when there is none."""
        ...

    def close(self) -> None:
        """Release what the store holds open."""
        ...


def is_sequential(store: Store) -> bool:
    """Whether files are best read one at a time, in the order of ``stored_position``."""
    return isinstance(store, StreamedTarStore)


def stored_position(store: Store, name: str) -> int:
    """Where a file lies, for stores that are best read in order; 0 for the others."""
    return store.position(name) if isinstance(store, StreamedTarStore) else 0


def read_document(store: Store, name: str, limit: int = MAX_DOCUMENT) -> bytes:
    """Read a small file whole; raise ArchiveError when it is missing or larger than ``limit`` bytes."""
    size, chunks = store.open(name)
    if size > limit:
        raise ArchiveError(f"{name} has {size} bytes, more than {limit}")
    return b"".join(chunks)


class FolderStore:
    """A folder on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._descriptors: list[int] = []
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
        descriptor = _open_file(path)
        with self._lock:
            self._descriptors.append(descriptor)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ArchiveError(f"{path} is not a file")
        return status.st_size, FileRegion(descriptor, 0, status.st_size)

    def close(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())


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


class TarStore:
    """A plain tar on disk, read in place by offset."""

    def __init__(self, region: FileRegion) -> None:
        self._region = region
        self._members = _Members(scan_tar(region.part(0, region.size), hash_content=False, window_size=CHUNK))

    def names(self) -> list[str]:
        return self._members.names()

    def open(self, name: str) -> tuple[int, FileRegion]:
        row = self._members.find(name)
        table = self._members.table
        return table.sizes[row], self._region.part(table.payload_start(row), table.sizes[row])

    def close(self) -> None:
        os.close(self._region.descriptor)


class StreamedTarStore:
    """A tar compressed as a whole: indexed in one pass, its large members streamed in a second.

    Members are best opened in the order they are stored in; going back means decompressing from the start.
    """

    def __init__(self, region: FileRegion) -> None:
        self._region = region
        stream = LayerStream(region)
        budget = _KEPT_TOTAL

        def wanted(_: bytes, size: int) -> bool:
            nonlocal budget
            keep = size <= min(_KEPT, budget)
            budget -= size if keep else 0
            return keep

        table = scan_tar(stream, hash_content=False, wanted=wanted)
        stream.finish()
        self._members = _Members(table)
        self._stream: LayerStream | None = None

    def names(self) -> list[str]:
        return self._members.names()

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
            self._stream = LayerStream(self._region)
        stream, buffer = self._stream, memoryview(bytearray(CHUNK))
        while stream.size < start:
            if not stream.readinto(buffer[: start - stream.size]):
                return
        end = start + size
        while stream.size < end and (count := stream.readinto(buffer[: end - stream.size])):
            yield bytes(buffer[:count])

    def close(self) -> None:
        self._stream = None
        os.close(self._region.descriptor)


def open_store(path: Path) -> Store:
    """Open a folder or an archive, plain or compressed; raise ArchiveError when it is neither."""
    if path.is_dir():
        return FolderStore(path)
    descriptor = _open_file(path)
    try:
        return _open_tar(descriptor)
    except OcisizeError as error:
        os.close(descriptor)
        raise ArchiveError(
            f"{path}: {error}",
            hint=error.hint or "expected a docker save archive, an OCI archive or an OCI layout folder",
        ) from error
    except BaseException:
        os.close(descriptor)
        raise


def _open_file(path: Path) -> int:
    """Open for reading without waiting for a FIFO's other end."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ArchiveError(f"cannot open {path}: {error.strerror}") from None
    except ValueError:  # NUL or a lone surrogate, from a document
        raise ArchiveError(f"{str(path)!r} cannot be the name of a file") from None


def _open_tar(descriptor: int) -> Store:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ArchiveError("not a file")
    region = FileRegion(descriptor, 0, status.st_size)
    plain = detect_compression(region.read_at(0, 18)) == PLAIN
    return TarStore(region) if plain else StreamedTarStore(region)
