"""TarStore and StreamedTarStore: the files of a plain tar, read by offset, and of a compressed tar, read as a stream."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator

from ocisize.blob.region import CHUNK, FileRegion
from ocisize.blob.stream import LayerStream
from ocisize.errors import ArchiveError
from ocisize.limits import Limits, Meter, Tally
from ocisize.sources.store import Store
from ocisize.tar.filetable import HARD_LINK, REGULAR, SYMLINK, FileTable
from ocisize.tar.paths import clean_name
from ocisize.tar.scanner import scan_tar
from ocisize.text import decode_name

_MAX_KEPT_SIZE = 1 << 20  # bytes of a member of a compressed archive that is kept while the archive is indexed
_MAX_KEPT_TOTAL = 64 << 20  # bytes of all kept members: a compressed root filesystem is small files throughout
_MAX_LINK_HOPS = 40  # links from one member to the next, as in the Linux kernel


class Members:
    """The index of a tar: the row of each member by name, links resolved."""

    def __init__(self, table: FileTable) -> None:
        self.table = table
        self.rows: dict[bytes, int] = {}
        self.earlier: dict[bytes, list[int]] = {}  #: rows of a path before the last one
        for row, path in enumerate(table.paths):
            if table.kinds[row] in (REGULAR, HARD_LINK, SYMLINK):
                if path in self.rows:
                    self.earlier.setdefault(path, []).append(self.rows[path])
                self.rows[path] = row

    def names(self) -> list[str]:
        return [decode_name(path) for path in self.rows]

    def find(self, name: str) -> int:
        """Return the row of a regular member; links are followed within the archive. Raises ArchiveError."""
        path = clean_name(name.encode("utf-8", "backslashreplace"))
        if not path:
            raise ArchiveError(f"the name {name!r} is that of no member of the archive")
        for _ in range(_MAX_LINK_HOPS):
            row = self.rows.get(path)
            if row is None:
                raise ArchiveError(f"the archive has no member {decode_name(path)}")
            kind, link = self.table.kinds[row], self.table.links.get(row, b"")
            if kind == SYMLINK:
                path = clean_name(link if link.startswith(b"/") else path.rpartition(b"/")[0] + b"/" + link)
            elif kind == HARD_LINK:
                path = clean_name(link)
            elif row in self.table.stored_sizes:
                raise ArchiveError(f"the member {name} is a sparse file", hint="create the archive without tar --sparse")
            else:
                return row
        raise ArchiveError(f"the member {name} is a cycle of links")

    def find_earlier(self, name: str) -> list[int]:
        """Return the rows of regular members of this name that a later member of the same name replaces."""
        path = clean_name(name.encode("utf-8", "backslashreplace"))
        return [row for row in self.earlier.get(path, ()) if self.table.kinds[row] == REGULAR]


class MemberStore(Store):
    """Base of the stores over a tar: its members by name, links resolved."""

    _members: Members

    def names(self) -> list[str]:
        return self._members.names()

    def identity(self, name: str) -> object:
        return self._members.find(name)

    def open(self, name: str) -> tuple[int, Iterable[bytes]]:
        return self._open_row(self._members.find(name))

    def open_copies(self, name: str) -> Iterator[tuple[int, Iterable[bytes]]]:
        for row in (*self._members.find_earlier(name), self._members.find(name)):
            yield self._open_row(row)

    def is_repeated(self, name: str) -> bool:
        return bool(self._members.find_earlier(name))

    @abstractmethod
    def _open_row(self, row: int) -> tuple[int, Iterable[bytes]]:
        """Return the size and the content of a regular member."""


class _OpenTar(MemberStore):
    """Base of the stores over a file: the open file, and its members."""

    def __init__(self, region: FileRegion) -> None:
        self._region = region
        self._open = True

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
        self._members = Members(table)

    def _open_row(self, row: int) -> tuple[int, FileRegion]:
        table = self._members.table
        return table.sizes[row], self._region.part(table.payload_start(row), table.sizes[row])


class StreamedTarStore(_OpenTar):
    """A tar that is compressed as a whole: indexed in one pass, its large members streamed in a second.

    Members should be opened in stored order: a step back decompresses the archive from its start again.
    """

    sequential = True

    def __init__(self, region: FileRegion, limits: Limits) -> None:
        super().__init__(region)
        self._reread = Tally(limits, archive=True)  # bounds all passes after the first together
        meter = Meter(Tally(limits, archive=True))
        stream = LayerStream(region, meter=meter)
        budget = _MAX_KEPT_TOTAL

        def wanted(_: bytes, size: int) -> bool:
            nonlocal budget
            keep = size <= min(_MAX_KEPT_SIZE, budget)
            budget -= size if keep else 0
            return keep

        table = scan_tar(stream, hash_content=False, wanted=wanted, meter=meter)
        stream.finish()
        self._members = Members(table)
        self._stream: LayerStream | None = None

    def position(self, name: str) -> int:
        """Return the offset of a member's payload in the uncompressed tar."""
        return self._members.table.payload_start(self._members.find(name))

    def _open_row(self, row: int) -> tuple[int, Iterable[bytes]]:
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
