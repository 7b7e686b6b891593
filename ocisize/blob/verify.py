"""Verification: whether stored bytes are the blob that a descriptor names, found out while they pass by."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Iterable, Iterator

import xxhash

from ocisize.blob.digest import ALGORITHMS
from ocisize.blob.region import close_chunks
from ocisize.errors import BlobError, DigestMismatch, SizeMismatch

_PAGE = bytes(4096)
_BATCH = 16  # chunks handed to the hashing thread at once; fewer wake-ups
_QUEUED = 8  # batches that may wait there


class _HashingHere:
    """Feeds chunks to a hash in the reading thread."""

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
    """Feeds chunks to a hash in a second thread, in order and with a bounded backlog."""

    def __init__(self, algorithm: str) -> None:
        self._hash = hashlib.new(algorithm, usedforsecurity=False)
        self._queue: queue.Queue[list[bytes | memoryview] | None] = queue.Queue(_QUEUED)
        self._batch: list[bytes | memoryview] = []
        self._thread = threading.Thread(target=self._run, name="ocisize-hash", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (batch := self._queue.get()) is not None:
            for chunk in batch:
                self._hash.update(chunk)

    def update(self, chunk: bytes | memoryview) -> None:
        self._batch.append(chunk)
        if len(self._batch) >= _BATCH:
            self._queue.put(self._batch)
            self._batch = []

    def close(self) -> str:
        """Wait for the thread and return the digest in hex; safe to call when giving up early."""
        self._queue.put(self._batch)
        self._queue.put(None)
        self._thread.join()
        return self._hash.hexdigest()


def algorithm_of(digest: str) -> str:
    """The algorithm of a digest; raises BlobError when it is none that can be verified."""
    algorithm = digest.partition(":")[0]
    if algorithm not in ALGORITHMS:
        raise BlobError(f"cannot verify {digest}: unknown algorithm {algorithm}")
    return algorithm


class Verifier:
    """Sees a blob's bytes in order and says at their end whether they are the blob.

    ``aside`` hashes in a second thread, which pays when no other layer keeps the other cores busy; what it is given
    must not change afterwards. A digest of an algorithm that is not in ALGORITHMS raises BlobError.
    """

    def __init__(self, digest: str, size: int, *, aside: bool = False) -> None:
        self.digest, self.size, self.got = digest, size, 0
        self._algorithm = algorithm_of(digest)
        self._hasher = _HashingThread(self._algorithm) if aside else _HashingHere(self._algorithm)

    def update(self, piece: bytes | memoryview) -> None:
        """Take the next bytes; raise SizeMismatch when they are more than the blob has."""
        self.got += len(piece)
        if self.got > self.size:
            raise SizeMismatch(self.digest, got=self.got, expected=self.size, more=True)
        self._hasher.update(piece)

    def close(self) -> str:
        """End hashing, at the end or early; return the digest of what was seen."""
        return f"{self._algorithm}:{self._hasher.close()}"

    def finish(self) -> None:
        """Raise SizeMismatch or DigestMismatch when what was seen is not the blob."""
        got = self.close()
        if self.got != self.size:
            raise SizeMismatch(self.digest, got=self.got, expected=self.size)
        if got != self.digest:
            raise DigestMismatch("blob", got=got, expected=self.digest)


def verified(chunks: Iterable[bytes], digest: str, size: int, *, aside: bool = False) -> Iterator[bytes]:
    """Yield the chunks as they come; raise what Verifier raises, after the last if they are not the blob."""
    verifier = Verifier(digest, size, aside=aside)
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
