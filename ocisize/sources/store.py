"""Named files of a saved image: in a folder, in a plain tar by offset, or in a compressed tar by streaming."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

from ocisize.errors import DocumentError
from ocisize.oci.documents import Descriptor
from ocisize.oci.source import ImageSource

MAX_DOCUMENT = 20 << 20  # containerd's limit for the manifest.json of an archive


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


class StoredSource(ImageSource):
    """What sources over a store have in common: blobs are files, some best read in the order they lie in."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @abstractmethod
    def member_name(self, descriptor: Descriptor) -> str:
        """Return the name of the file that holds a blob."""

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        return self._store.open(self.member_name(descriptor))[1]

    def blob_position(self, descriptor: Descriptor) -> int:
        return self._store.position(self.member_name(descriptor))

    @property
    def sequential(self) -> bool:
        return self._store.sequential

    def close(self) -> None:
        self._store.close()
