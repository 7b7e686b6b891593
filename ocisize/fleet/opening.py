"""Opener: opens the images of a fleet; those of one repository share connections, logins and tokens."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress

from ocisize.cache.store import Cache
from ocisize.errors import InvalidReference, OcisizeError, RegistryError
from ocisize.limits import Limits
from ocisize.listing.opening import ReferenceOpener
from ocisize.listing.references import ListedReference
from ocisize.oci.documents import Descriptor
from ocisize.oci.reference import parse_reference
from ocisize.oci.source import ImageSource
from ocisize.sources.registry.channels import Channels, SilentMirrors
from ocisize.sources.registry.connection import Connection
from ocisize.sources.registry.documents import Documents
from ocisize.sources.registry.source import RegistrySource
from ocisize.sources.schemes import find_scheme, looks_like_path, names_registry
from ocisize.tuples import NamedTuple


class KnownFirst(ImageSource):
    """An image of a registry that is named by its digest: no document that is in the cache is asked for."""

    def __init__(self, source: RegistrySource, digest: str, documents: Documents) -> None:
        self._source, self._digest, self._documents = source, digest, documents
        self.format, self.reference = source.format, source.reference

    def read_manifest(self, digest: str | None = None) -> bytes:
        known = self._documents.find(digest or self._digest)
        return self._source.read_manifest(digest) if known is None else known

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        return self._source.open_blob(descriptor)

    @property
    def warnings(self) -> Sequence[str]:  # type: ignore[override]
        """Those of the source."""
        return self._source.warnings

    def abort(self) -> None:
        self._source.abort()

    def close(self) -> None:
        self._source.close()


class Home(NamedTuple):
    """Where the blobs of a reference are stored, and the connections that it uses."""

    store: str  #: the host of a registry, a folder or file
    repository: str  #: ``registry.io/team/app``; the store of what is no registry
    is_registry: bool


def find_home(reference: ListedReference) -> Home:
    """Return where a reference leads. Nothing is read, and a name that is wrong is its own home.

    >>> find_home(ListedReference(name="nginx:1.27"))
    Home(store='docker.io', repository='docker.io/library/nginx', is_registry=True)
    >>> find_home(ListedReference(name="testdata/example.tar")).is_registry
    False
    """
    name = reference.name
    if names_registry(name) and not looks_like_path(name):
        found = find_scheme(name)
        with suppress(InvalidReference):
            parsed = parse_reference(found[1] if found is not None else name)
            return Home(parsed.registry, f"{parsed.registry}/{parsed.repository}", is_registry=True)
    store = reference.store or name
    return Home(store, store, is_registry=False)


class Unreachable:
    """Registries that did not answer ``limit`` times in a row: each further reference would wait for the same timeouts.

    An answer with an error is an answer. Threads may share this object.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._failures: dict[str, int] = {}  # in a row, by store
        self._lock = threading.Lock()

    def check(self, home: Home) -> None:
        """Raise RegistryError for a registry that is not asked again."""
        count = self._failures.get(home.store, 0)
        if count >= self._limit:
            raise RegistryError(
                f"not asked: {home.store} gave no answer {count} times in a row",
                hint="run the command again once the registry can be reached; what was read is in the cache",
            )

    def note_answer(self, home: Home) -> None:
        """Note that a registry has answered."""
        with self._lock:
            self._failures.pop(home.store, None)

    def note_failure(self, home: Home, error: OcisizeError) -> None:
        """Note the error of a reference."""
        if home.is_registry and isinstance(error, RegistryError) and error.status is None:
            with self._lock:
                self._failures[home.store] = self._failures.get(home.store, 0) + 1
        else:
            self.note_answer(home)


class Opener:
    """Opens references; ``expect`` says which will come, so that connections end with the last one of a repository."""

    def __init__(self, connection: Connection, limits: Limits, cache: Cache | None) -> None:
        self._references = ReferenceOpener(connection=connection, limits=limits, cache=cache)
        self._documents = Documents(cache)
        self._expected: Counter[str] = Counter()  # by repository
        self._channels: dict[str, Channels] = {}
        self._silent_mirrors = SilentMirrors()
        self._closed, self._lock = False, threading.Lock()

    def expect(self, homes: Iterable[Home]) -> None:
        """Add the homes of references that ``open`` will be called for."""
        self._expected.update(home.repository for home in homes)

    @contextmanager
    def open(self, reference: ListedReference, home: Home) -> Iterator[ImageSource]:
        """Open a reference for the block; raises OcisizeError."""
        try:
            source = self._references.open(reference)
            if isinstance(source, RegistrySource):
                source.share(self._find_channels(home))
                digest = source.wanted_digest
                opened: ImageSource = source if digest is None else KnownFirst(source, digest, self._documents)
            else:
                opened = source
            with closing(opened):
                yield opened
        finally:
            self._note_end(home)

    def _find_channels(self, home: Home) -> Channels:
        with self._lock:
            if self._closed:
                raise RegistryError("the connection has been closed")
            return self._channels.setdefault(home.repository, Channels(self._silent_mirrors))

    def _note_end(self, home: Home) -> None:
        with self._lock:
            self._expected[home.repository] -= 1
            channels = None if self._expected[home.repository] > 0 else self._channels.pop(home.repository, None)
        if channels is not None:
            channels.close()

    def close(self) -> None:
        """Close the files that are open."""
        self._references.close()

    def abort(self) -> None:
        """End all reads of registries, in other threads, too; nothing can be opened afterwards."""
        with self._lock:
            self._closed, channels = True, list(self._channels.values())
        for one in channels:
            one.close()
