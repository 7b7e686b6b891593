"""Blobs that can be read only once: PassingBlob while its bytes pass, PassedBlob afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ocisize.blob.decoder_input import DecoderInput
from ocisize.blob.region import CHUNK
from ocisize.blob.verify import make_hasher
from ocisize.errors import ArchiveError
from ocisize.values import frozen

_MIN_THREADED = 4 << 20  # bytes of a blob that is worth a hashing thread


class Passage(Protocol):
    """Where the bytes of one blob come from; ``tar.payload.Payload`` is one."""

    @property
    def size(self) -> int | None:
        """How many bytes there are; None if that is not known."""
        ...

    def peek(self, count: int) -> bytes:
        """The next ``count`` bytes, which stay unread; fewer at the end."""
        ...

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer; return how many bytes were written, fewer only at the end."""
        ...


class PassingBlob(DecoderInput):
    """The stored bytes of a blob as the input of a decoder, hashed on the way.

    ``name`` is that of the blob's file in its archive. ``algorithm`` is that of ``digest``. ``hash_in_thread`` hashes a
    large blob in a second thread, which ends with ``digest``.

    >>> import io
    >>> from ocisize.tar.payload import Payload
    >>> from ocisize.tar.window import Window
    >>> blob = PassingBlob("a", Payload(Window(io.BytesIO(b"content"), 8), 7, "a"), "sha256", hash_in_thread=False)
    >>> blob.read(3), blob.digest()[:13]
    (b'con', 'sha256:ed7002')
    """

    def __init__(self, name: str, passage: Passage, algorithm: str, *, hash_in_thread: bool) -> None:
        self.name, self.size = name, passage.size
        self._passage, self._algorithm = passage, algorithm
        self._hasher = make_hasher(
            algorithm, in_thread=hash_in_thread and (passage.size is None or passage.size >= _MIN_THREADED)
        )

    def peek(self, count: int) -> bytes:
        return self._passage.peek(count)

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        count = self._passage.readinto(buffer)
        if count:
            piece = memoryview(buffer)[:count]
            self._hasher.update(piece)
            self._record(piece)  # may raise the error of a frame
        return count

    def read(self, size: int = -1, /) -> bytes:
        buffer = bytearray(size if size >= 0 else CHUNK)
        return bytes(memoryview(buffer)[: self.readinto(memoryview(buffer))])

    def digest(self) -> str:
        """Read the rest of the blob; return the digest of all of it."""
        self.frames = None  # the rest of a blob that could not be unpacked
        while self.read(CHUNK):
            pass
        return f"{self._algorithm}:{self.abandon()}"

    def abandon(self) -> str:
        """End hashing, also before the end of the blob; return the hash of the bytes so far in hex."""
        return self._hasher.close()


@frozen
class PassedBlob:
    """What is known of a blob that has passed. To iterate over its bytes is an error."""

    name: str  #: of its file in the archive
    size: int  #: bytes as stored
    compression: str  #: of its bytes, as ``detect_compression`` names it
    digest: str  #: of its bytes
    unpacked_digest: str | None = None  #: of the uncompressed bytes of a compressed layer; None if it was not computed
    outcome: object = None  #: what the ``BlobScanner`` returned; None if there was none

    def __iter__(self) -> Iterator[bytes]:
        """Raise ArchiveError."""
        raise ArchiveError(
            f"{self.name} cannot be read again: it came from a pipe",
            hint="write the archive to a file, and name the file",
        )
