"""Manifests, configs and attestations of registries in the cache: an image which was read before costs one request.

A document is kept under its digest, and is verified by it again when it comes back: nobody has to trust the cache for it.
What a tag means is asked every time. That a tag was read before is kept as a digest of its name: only then does a HEAD pay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from ocisize.blob.digest import ALGORITHMS, Digest, check_digest, digest_of
from ocisize.cache.store import Cache, discard
from ocisize.errors import OcisizeError
from ocisize.oci.documents import Descriptor
from ocisize.oci.media_types import CONFIG_TYPES, IN_TOTO
from ocisize.oci.parse import MAX_CONFIG

FORMAT = "documents-v1"  #: changes with the form of an entry
_SMALL_TYPES = CONFIG_TYPES | {IN_TOTO}  # of blobs that are documents


class Documents:
    """The documents in a store; without one there are none, and nothing is kept.

    >>> class Memory(dict):
    ...     def put(self, key, data):
    ...         self[key] = data
    >>> documents = Documents(Memory())
    >>> documents.keep(b"{}")
    >>> documents.find(digest_of(b"{}"))
    b'{}'
    """

    def __init__(self, store: Cache | None = None) -> None:
        self._store = store

    def find(self, digest: str) -> bytes | None:
        """Return the document with this digest, None if it is not kept."""
        if self._store is None or digest.partition(":")[0] not in ALGORITHMS:
            return None
        key = _key_of(digest)
        data = self._store.get(key)
        if data is None:
            return None
        try:
            check_digest(data, digest)
        except OcisizeError:
            discard(self._store, key)
            return None
        return data

    def keep(self, data: bytes, digest: str | None = None) -> None:
        """Keep a document under ``digest`` if it has that digest; None: the usual digest."""
        if self._store is None:
            return
        if digest is not None:
            try:
                check_digest(data, digest)
            except OcisizeError:
                return  # the reader of the document raises the error
        self._store.put(_key_of(digest or digest_of(data)), data)

    def has_seen(self, name: str) -> bool:
        """Whether the manifest that a name means was read before."""
        return self._store is not None and self._store.get(_key_of_name(name)) is not None

    def note(self, name: str) -> None:
        """Remember that the manifest of a name was read."""
        if self._store is not None:
            self._store.put(_key_of_name(name), b"")

    def find_answer(self, question: str) -> bytes | None:
        """Return what the registry answered to a question whose answer does not change, None if that is not kept."""
        return self._store.get(_key_of_name(question)) if self._store is not None else None

    def keep_answer(self, question: str, answer: bytes) -> None:
        """Keep what the registry answered; nothing verifies it when it comes back."""
        if self._store is not None:
            self._store.put(_key_of_name(question), answer)

    def find_blob(self, descriptor: Descriptor) -> bytes | None:
        """Return the config or the statement that a descriptor names, None for layers and what is not kept."""
        return self.find(descriptor.digest) if _is_document(descriptor) else None

    def watch_blob(self, descriptor: Descriptor, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """Return the chunks of a blob; those of a config or a statement are kept once all were read."""
        return self._watch(descriptor, chunks) if self._store is not None and _is_document(descriptor) else chunks

    def _watch(self, descriptor: Descriptor, chunks: Iterable[bytes]) -> Iterator[bytes]:
        data = bytearray()
        for chunk in chunks:
            data += chunk
            yield chunk
        self.keep(bytes(data), descriptor.digest)


def _is_document(descriptor: Descriptor) -> bool:
    return descriptor.media_type in _SMALL_TYPES and descriptor.size <= MAX_CONFIG


def _key_of(digest: str) -> str:
    algorithm, _, encoded = digest.partition(":")
    return f"{FORMAT}/{algorithm}/{encoded[:2]}/{encoded}"


def _key_of_name(name: str) -> str:
    return _key_of(Digest(f"names:{hashlib.sha256(name.encode()).hexdigest()}"))
