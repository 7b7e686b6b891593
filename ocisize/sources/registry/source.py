"""RegistrySource: an image in a registry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ocisize.blob.digest import check_digest
from ocisize.oci.documents import Descriptor
from ocisize.oci.parse import MAX_MANIFEST
from ocisize.oci.reference import DOCKER_HUB, Reference, is_loopback
from ocisize.oci.source import ImageSource
from ocisize.sources.registry.client import Connection, RegistryClient
from ocisize.sources.registry.credentials import Credentials, StoredLogin


class RegistrySource(ImageSource):
    """The image that a reference names. Manifests by digest are verified; blobs are verified by their readers.

    Reading raises RegistryError and AuthenticationFailed.
    """

    format = "registry"

    def __init__(
        self,
        reference: Reference,
        *,
        connection: Connection | None = None,
        credentials: Credentials | StoredLogin | None = None,
    ) -> None:
        connection = connection or Connection()
        plain_http = is_loopback(reference.host) if connection.plain_http is None else connection.plain_http
        plain_http = plain_http and reference.registry != DOCKER_HUB  # --insecure is meant for the other registry of two
        self._reference = reference
        self.reference: str | None = str(reference)
        self._client = RegistryClient(reference, plain_http=plain_http, connection=connection, credentials=credentials)
        self.warnings: Sequence[str] = self._client.warnings

    def read_manifest(self, digest: str | None = None) -> bytes:
        selector = digest or self._reference.selector
        data = self._client.read_manifest(selector, MAX_MANIFEST)
        if ":" in selector:
            check_digest(data, selector)
        return data

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        return self._client.read_blob(descriptor.digest, descriptor.size)

    def abort(self) -> None:
        """End all reads, also in threads that wait for the registry; nothing can be read afterwards."""
        self._client.close()

    def close(self) -> None:
        self._client.close()
