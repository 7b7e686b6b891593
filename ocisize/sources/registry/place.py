"""Place: one registry or mirror that may have the image, and the client that reads from it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ocisize.blob.digest import check_digest
from ocisize.errors import BlobError, DocumentError, RegistryError
from ocisize.oci.documents import Index
from ocisize.oci.media_types import ATTESTATIONS
from ocisize.oci.parse import MAX_MANIFEST, parse_manifest
from ocisize.sources.registry.channels import Channels
from ocisize.sources.registry.client import RegistryClient
from ocisize.sources.registry.connection import Connection
from ocisize.sources.registry.credentials import Credentials, StoredLogin
from ocisize.sources.registry.documents import Documents
from ocisize.sources.registry.foreign import BlobUrls
from ocisize.sources.registry.settings.machine import Machine
from ocisize.sources.registry.settings.mirrors import Endpoint
from ocisize.sources.registry.ways import Way, find_ways

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
UNUSABLE = (RegistryError, BlobError)  #: errors of a place that another place may not have


class Place:
    """Reads from an endpoint by the first way that works."""

    def __init__(
        self,
        endpoint: Endpoint,
        connection: Connection,
        machine: Machine,
        login: Credentials | StoredLogin | None,
        documents: Documents,
    ) -> None:
        self.endpoint = endpoint
        self.caveat = ""  #: why another server could have answered, of the way that worked
        self._connection, self._machine, self._login, self._documents = connection, machine, login, documents
        self._current: RegistryClient | None = None
        self._clients: list[RegistryClient] = []
        self._channels: Channels | None = None
        self._closed, self._lock = False, threading.RLock()  # not held while anything is read

    def share(self, channels: Channels) -> None:
        """Read over channels that other places use, too; their owner closes them."""
        self._channels = channels

    @property
    def warnings(self) -> Sequence[str]:
        """What the user should know about the login, once something was read."""
        return self._current.warnings if self._current is not None else ()

    @property
    def is_open(self) -> bool:
        """True once a manifest was asked for, so that the way to the endpoint is known."""
        return self._current is not None

    def read_manifest(self, selector: str) -> bytes:
        """Return the manifest of a tag or digest; raise RegistryError or BlobError for what is not there or not right."""
        return self.ask(lambda client: _read_checked(client, selector))

    def ask(self, read: Callable[[RegistryClient], _T]) -> _T:
        """Return what ``read`` returns of the client of the first way that works; raises its RegistryError or BlobError."""
        if self._current is not None:
            return read(self._current)
        # A frame that holds the error that it raises is a circle, which would keep connections open: a list gives it away.
        failures: list[Exception] = []
        for way in self._ways():
            if failures and not way.may_follow(failures[0]):
                break
            client = self._connect(way)
            try:
                answer = read(client)
            except UNUSABLE as error:
                if not failures or way.is_reported(error):
                    failures[:] = [error]
                    self._current, self.caveat = client, way.caveat  # the client knows what the registry has refused
            else:
                self._current, self.caveat = client, way.caveat
                return answer
        raise failures.pop()

    def read_blob(self, digest: str, size: int, position: int = 0) -> Iterator[bytes]:
        """Yield the stored bytes of a blob from a position; the caller verifies them. Raises RegistryError."""
        return self._open().read_blob(digest, size, position)

    def read_range(self, digest: str, size: int, start: int, stop: int) -> bytes:
        """Return a part of a blob; the caller verifies it. Raises RangeRefused and other RegistryErrors."""
        return self._open().read_range(digest, size, start, stop)

    def read_attestations(self, digest: str) -> bytes:
        """Return the index of the manifests of BuildKit's attestations that refer to one, from the referrers API alone.

        BuildKit writes no tags of digests. Raises RegistryError and BlobError.
        """
        return self._open().read_referrers(digest, ATTESTATIONS, MAX_MANIFEST)

    def read_referrers(self, digest: str, artifact_type: str) -> bytes:
        """Return the index of the manifests that refer to one, from the referrers API, else by the tag of its digest.

        Raises RegistryError, BlobError and DocumentError.
        """
        client = self._open()
        try:
            data = client.read_referrers(digest, artifact_type, MAX_MANIFEST)
            if isinstance(parse_manifest(data, f"the answer to the referrers of {digest}"), Index):
                return data
        except (*UNUSABLE, DocumentError) as error:
            _log.info("%s; the tag of the digest is asked for", error)
        return client.read_manifest(digest.replace(":", "-", 1), MAX_MANIFEST)

    def open_urls(self) -> BlobUrls:
        """Return a reader of the URLs of descriptors, by the rules for this place. Raises RegistryError."""
        client = self._open()
        return BlobUrls(client.session, self._connection, plain_http=client.prefix == "http")

    def close(self) -> None:
        """Close all connections; threads that read from one get a RegistryError at once."""
        with self._lock:
            self._closed, clients = True, list(self._clients)
        for client in clients:
            client.close()

    def _open(self) -> RegistryClient:
        with self._lock:
            if self._current is None:
                way = self._ways()[0]
                self._current, self.caveat = self._connect(way), way.caveat
            return self._current

    def _ways(self) -> list[Way]:
        return find_ways(self.endpoint, self._connection, self._machine)

    def _connect(self, way: Way) -> RegistryClient:
        with self._lock:
            if self._closed:
                raise RegistryError("the connection has been closed")
            client = RegistryClient(
                self.endpoint.reference,
                plain_http=way.plain_http,
                connection=way.connection,
                credentials=self._login if way.sends_credentials else None,
                machine=self._machine,
                documents=self._documents,
                channels=self._channels,
            )
            self._clients.append(client)
        return client


def _read_checked(client: RegistryClient, selector: str) -> bytes:
    data = client.read_manifest(selector, MAX_MANIFEST)
    if ":" in selector:
        check_digest(data, selector)
    return data
