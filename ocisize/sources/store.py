"""Store: read access to the named files of a saved image, and StoredSource, the base of sources over a store.

Stores: a folder, a plain tar read by offset, a compressed tar read as a stream, a tar that comes from a pipe. A new kind of
saved image is a subclass of StoredSource with ``read_manifest`` and ``member_name``, and a row in ``schemes``.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Iterable

from ocisize.blob.compression import detect_compression
from ocisize.errors import DocumentError
from ocisize.oci.documents import Descriptor
from ocisize.oci.source import ImageSource
from ocisize.tuples import NamedTuple

MAX_DOCUMENT = 20 << 20  # bytes; containerd's limit for the manifest.json of an archive


class Fingerprint(NamedTuple):
    """What a layer file holds; ``digest`` is None if it was not computed."""

    size: int  #: bytes as stored
    compression: str
    digest: str | None = None


class Store:
    """Read access to named files; names are relative, with ``/``."""

    sequential = False  #: True if files should be read one at a time, in the order of ``position``

    def names(self) -> Iterable[str]:
        """Return all names; used only to find out what a store holds."""
        raise NotImplementedError

    def open(self, name: str) -> tuple[int, Iterable[bytes]]:
        """Return the size and the content of a file; raise ArchiveError if the file is missing."""
        raise NotImplementedError

    def read(self, name: str, limit: int = MAX_DOCUMENT) -> bytes:
        """Return a small file whole.

        Raises ArchiveError if the file is missing, and DocumentError beyond ``limit`` bytes and for a name that files of
        different contents have: docker reads the last of them, skopeo the first.
        """
        hashes = set()
        for size, chunks in self.open_copies(name):
            if size > limit:
                raise DocumentError(f"{name} has {size} bytes, more than {limit}")
            data = b"".join(chunks)
            hashes.add(hashlib.sha256(data).digest())
            if len(hashes) > 1:
                raise DocumentError(
                    f"the archive has two different files {name}", hint="save the image again, to a new file"
                )
        return data

    def open_copies(self, name: str) -> Iterable[tuple[int, Iterable[bytes]]]:
        """Yield the size and the content of every file of this name, in stored order: archives may have several."""
        return [self.open(name)]

    def fingerprint(self, name: str, needs_digest: Callable[[str], bool]) -> Fingerprint:
        """Return what a layer file holds, with its digest if ``needs_digest`` asks for it, which gets the compression.

        The file is opened once: a second pass may decompress the archive again. Raises ArchiveError if it is missing.
        """
        size, content = self.open(name)
        chunks = iter(content)
        head = next(chunks, b"")
        compression = detect_compression(head)
        if not needs_digest(compression):
            return Fingerprint(size, compression)
        hasher = hashlib.sha256(head)
        for chunk in chunks:
            hasher.update(chunk)
        return Fingerprint(size, compression, f"sha256:{hasher.hexdigest()}")

    def is_repeated(self, name: str) -> bool:
        """Return True if the archive has several files of this name."""
        del name
        return False

    def position(self, name: str) -> int:
        """Return the offset of a file in its archive; 0 if the order of reading does not matter."""
        del name
        return 0

    def identity(self, name: str) -> object:
        """Return a key that is equal for all names of one file; the file must exist."""
        return name

    def close(self) -> None:
        """Close all files; may be called again."""
        raise NotImplementedError


class StoredSource(ImageSource):
    """Base of sources whose blobs are files of a store."""

    is_local = True

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
