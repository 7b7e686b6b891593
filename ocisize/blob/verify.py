"""Verification: checks the size and digest of a blob while its stored bytes pass."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator

import xxhash

from ocisize.blob.digest import ALGORITHMS
from ocisize.blob.region import FileRegion, close_chunks
from ocisize.errors import BlobError, DigestMismatch, SizeMismatch

_PAGE = bytes(4096)
_BUFFER_SIZE = 1 << 20  # bytes handed to the hashing thread at once: fewer wake-ups
_BUFFERS = 4


class _Hasher:
    """Hashes chunks in the thread that reads them."""

    def __init__(self, algorithm: str) -> None:
        self._hash = hashlib.new(algorithm, usedforsecurity=False)

    def update(self, chunk: bytes | memoryview) -> None:
        # ISA-L leaves the upper halves of the vector registers dirty, which makes OpenSSL's SHA a third slower. xxh3
        # cleans them: on 1.1 GB of gzip layers hashing costs 0.63 s instead of 0.84 s, see benchmarks/NOTES.md.
        xxhash.xxh3_64_intdigest(_PAGE)
        self._hash.update(chunk)

    def close(self) -> str:
        return self._hash.hexdigest()


class _HashingThread:
    """Hashes chunks in a second thread, in order. The chunks are copied to a few buffers, which are used again."""

    def __init__(self, algorithm: str) -> None:
        import queue  # few blobs are hashed in a thread

        self._hash = hashlib.new(algorithm, usedforsecurity=False)
        self._filled: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        for _ in range(_BUFFERS):
            self._free.put(memoryview(bytearray(_BUFFER_SIZE)))
        self._buffer, self._size = self._free.get(), 0
        self._thread = threading.Thread(target=self._run, name="ocisize-hash", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (content := self._filled.get()) is not None:
            self._hash.update(content)
            self._free.put(content)

    def update(self, chunk: bytes | memoryview) -> None:
        rest = memoryview(chunk)
        while rest:
            count = min(len(rest), _BUFFER_SIZE - self._size)
            self._buffer[self._size : self._size + count] = rest[:count]
            self._size += count
            rest = rest[count:]
            if self._size == _BUFFER_SIZE:
                self._filled.put(self._buffer)
                self._buffer, self._size = self._free.get(), 0

    def close(self) -> str:
        """Wait for the thread to end; return the digest in hex. May be called before all chunks were hashed, and again."""
        self._filled.put(self._buffer[: self._size])
        self._size = 0
        self._filled.put(None)
        self._thread.join()
        return self._hash.hexdigest()


def make_hasher(algorithm: str, *, in_thread: bool) -> _Hasher | _HashingThread:
    """A hasher with ``update`` and ``close``, which returns the hash in hex; the thread ends with ``close``."""
    return _HashingThread(algorithm) if in_thread else _Hasher(algorithm)


def algorithm_of(digest: str) -> str:
    """The algorithm of a digest. Raises BlobError for one that is not in ALGORITHMS.

    >>> algorithm_of("sha512:" + "0" * 128)
    'sha512'
    """
    algorithm = digest.partition(":")[0]
    if algorithm not in ALGORITHMS:
        raise BlobError(f"cannot verify {digest}: unknown algorithm {algorithm}")
    return algorithm


class Verifier:
    """Takes the bytes of a blob in order, and checks at the end that they are the blob.

    ``digest`` and ``size``, in bytes, are those of the descriptor. With ``hash_in_thread`` a second thread hashes, which
    is faster when no other layer keeps the other cores busy; it ends with ``close`` or ``finish``. Raises BlobError for a
    digest whose algorithm is not in ALGORITHMS.

    >>> from ocisize.blob.digest import digest_of
    >>> verifier = Verifier(digest_of(b"blob"), size=4)
    >>> verifier.update(b"blob")
    >>> verifier.finish()  # raises nothing: size and digest match
    """

    def __init__(self, digest: str, size: int, *, hash_in_thread: bool = False) -> None:
        self.digest, self.size = digest, size
        self.received = 0  #: bytes so far
        self._algorithm = algorithm_of(digest)
        self._hasher = make_hasher(self._algorithm, in_thread=hash_in_thread)

    def update(self, piece: bytes | memoryview) -> None:
        """Take the next bytes. Raises SizeMismatch if the blob should have fewer bytes."""
        self.received += len(piece)
        if self.received > self.size:
            raise SizeMismatch(self.digest, got=self.received, expected=self.size, more=True)
        self._hasher.update(piece)

    def close(self) -> str:
        """End hashing, also before the end of the blob; return the digest of the bytes so far."""
        return f"{self._algorithm}:{self._hasher.close()}"

    def finish(self) -> None:
        """Check the whole blob. Raises SizeMismatch or DigestMismatch."""
        actual = self.close()
        if self.received != self.size:
            raise SizeMismatch(self.digest, got=self.received, expected=self.size)
        if actual != self.digest:
            raise DigestMismatch("blob", got=actual, expected=self.digest)

    def read_rest(self, blob: FileRegion) -> Iterator[bytes]:
        """Yield the bytes of a local blob that were not taken yet, and check the whole blob at the end."""
        for chunk in blob.part(self.received, blob.size - self.received):
            self.update(chunk)
            yield chunk
        self.finish()


def verify_chunks(chunks: Iterable[bytes], digest: str, size: int, *, hash_in_thread: bool = False) -> Iterator[bytes]:
    """Yield ``chunks`` unchanged, and verify them; the parameters are those of Verifier.

    Raises SizeMismatch as soon as there are too many bytes, and SizeMismatch or DigestMismatch after the last chunk. Closes
    ``chunks`` at the end, also early.

    >>> from ocisize.blob.digest import digest_of
    >>> b"".join(verify_chunks([b"bl", b"ob"], digest_of(b"blob"), size=4))
    b'blob'
    """
    verifier = Verifier(digest, size, hash_in_thread=hash_in_thread)
    try:
        for chunk in chunks:
            verifier.update(chunk)
            yield chunk
    except BaseException:
        verifier.close()
        raise
    finally:
        close_chunks(chunks)
    verifier.finish()


def check_plain(digest: str, diff_id: str | None) -> None:
    """Raise DigestMismatch if a plain layer has another digest than its diff_id: both are of the same bytes.

    >>> check_plain("sha256:" + 64 * "0", None)
    >>> check_plain("sha256:" + 64 * "0", "sha256:" + 64 * "1")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ocisize.errors.DigestMismatch: uncompressed layer has digest sha256:0..., expected sha256:1...
    """
    if diff_id is None or diff_id == digest or digest.partition(":")[0] != diff_id.partition(":")[0]:
        return
    raise DigestMismatch("uncompressed layer", got=digest, expected=diff_id)
