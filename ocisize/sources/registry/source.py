"""RegistrySource: an image in a registry, or in one of its mirrors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence

from ocisize.blob.digest import digest_of
from ocisize.cache.store import Cache
from ocisize.errors import DocumentError, RegistryError
from ocisize.oci.documents import Descriptor
from ocisize.oci.foreign import is_foreign
from ocisize.oci.read import NOT_FOUND
from ocisize.oci.reference import Reference
from ocisize.oci.source import ImageSource, ReferredSource
from ocisize.sources.registry.answers import RangeRefused
from ocisize.sources.registry.attestations import NO_REFERRERS, parse_attestation, pick_attestation
from ocisize.sources.registry.channels import Channels
from ocisize.sources.registry.connection import Connection
from ocisize.sources.registry.credentials import Credentials, StoredLogin
from ocisize.sources.registry.documents import Documents
from ocisize.sources.registry.foreign import read_or_fetch
from ocisize.sources.registry.hints import is_about_tls
from ocisize.sources.registry.mirror_errors import add_mirror_failures
from ocisize.sources.registry.place import UNUSABLE, Place
from ocisize.sources.registry.settings.machine import Machine
from ocisize.sources.registry.settings.mirrors import Endpoint, find_endpoints, find_insecure_setting

_log = logging.getLogger(__name__)


class RegistrySource(ImageSource, ReferredSource):
    """The image that a reference names. Manifests by digest are verified; blobs are verified by their readers.

    The mirrors that podman and docker are configured with come first. A mirror gets the login that is stored for its own
    name, never that of the registry. Opening raises RegistryError for a blocked image; reading raises RegistryError and
    AuthenticationFailed.
    """

    format = "registry"

    def __init__(
        self,
        reference: Reference,
        *,
        connection: Connection | None = None,
        credentials: Credentials | StoredLogin | None = None,
        machine: Machine | None = None,
        cache: Cache | None = None,
    ) -> None:
        self._documents = Documents(cache)
        self._connection, self._machine = connection or Connection(), machine or Machine()
        self._reference = reference
        self.reference: str | None = str(reference)
        self._credentials = credentials
        follow = self._connection.mirrors
        endpoints = find_endpoints(reference, self._machine) if follow else [Endpoint(reference)]
        self._places = [self._make_place(endpoint) for endpoint in endpoints]
        self._channels: Channels | None = None
        self.mirror: str | None = None
        self._first: int | None = None  # index of the place that had the image
        self._digest = ""  # of the manifest that the first read returned
        self._refuses_ranges = False  # the place sends whole blobs instead of parts
        self._notes: dict[str, None] = {}
        self._unverified: dict[str, None] = {}
        self._lock, self._closed = threading.Lock(), False

    @property
    def wanted_digest(self) -> str | None:
        """The digest that the reference names; None for a tag."""
        return self._reference.digest

    def share(self, channels: Channels) -> None:
        """Read over the connections and logins that other sources of the repository use, too; their owner closes them.

        To be called before anything is read.
        """
        self._channels = channels
        for place in self._places:
            place.share(channels)

    @property
    def warnings(self) -> Sequence[str]:  # type: ignore[override]
        """Where the image came from if that is not the registry, what was not verified, and what is wrong with the login."""
        logins = [warning for place in self._places for warning in place.warnings]
        return (*self._notes, *logins)

    @property
    def unverified_hosts(self) -> Sequence[str]:  # type: ignore[override]
        """The registry and mirrors that were read without proof of who answers."""
        return tuple(self._unverified)

    def read_manifest(self, digest: str | None = None) -> bytes:
        selector = digest or self._reference.selector
        failures: list[Exception] = []
        for index in range(self._first or 0, len(self._places)):
            try:
                data = self._read_manifest(index, selector)
            except UNUSABLE as error:
                failures.append(error)
            else:
                self._settle(index, selector, data)
                return data
            if self._is_last(index):
                break
            self._log_failure(index, failures[-1])
        raise self._explain(failures)

    def _read_manifest(self, index: int, selector: str) -> bytes:
        """Return a manifest from a place; a mirror that gave no answer for other images is not asked again."""
        place = self._places[index]
        if self._channels is None or self._is_last(index):
            return place.read_manifest(selector)
        silent, registry = self._channels.silent_mirrors, place.endpoint.reference.registry
        if registry in silent:
            raise RegistryError("it gave no answer for other images, and is not asked again")
        try:
            return place.read_manifest(selector)
        except UNUSABLE as error:
            silent.note(registry, error)
            raise

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        known = self._documents.find_blob(descriptor)
        if known is not None:
            return [known]
        first = self._first or 0
        blob = (
            self._places[first].read_blob(descriptor.digest, descriptor.size)
            if self._is_last(first)
            else self._read_blob(descriptor, first)
        )
        if descriptor.urls or is_foreign(descriptor):
            return read_or_fetch(blob, descriptor, self._places[-1].open_urls)
        return self._documents.watch_blob(descriptor, blob)

    def read_range(self, descriptor: Descriptor, start: int, stop: int) -> bytes | None:
        """Return a part of a blob of the place that has the image; None if the place does not send parts, or fails."""
        if self._refuses_ranges:
            return None
        try:
            return self._places[self._first or 0].read_range(descriptor.digest, descriptor.size, start, stop)
        except RangeRefused as error:
            self._refuses_ranges = True
            _log.info("%s; tables of contents are not used", error)
        except UNUSABLE as error:
            _log.info("%s; the whole blob is read", error)
        return None

    def read_referrers(self, digest: str, artifact_type: str) -> bytes | None:
        """Return the index of the manifests that refer to one, from the place that has the image; None if it has none."""
        try:
            return self._places[self._first or 0].read_referrers(digest, artifact_type)
        except (*UNUSABLE, DocumentError) as error:
            _log.info("%s; nothing refers to the image", error)
        return None

    def find_attestation(self, digest: str) -> Descriptor | None:
        """Return the manifest of BuildKit's attestations that refers to an image which is named by its digest.

        Behind a tag, an image with such attestations is in an index. The builder writes both at once, so what the registry
        answers is kept, and an image that was read before costs no request for it.
        """
        reference = self._reference
        if reference.digest is None:
            return None
        question = f"attestations of {reference.registry}/{reference.repository}@{digest}"
        known = self._documents.find_answer(question)
        try:
            if known is None:
                known = pick_attestation(self._read_attestations(digest), digest)
                self._documents.keep_answer(question, known)
            return parse_attestation(known, digest)
        except (*UNUSABLE, DocumentError) as error:
            _log.info("%s; the image has no attestations", error)
        return None

    def abort(self) -> None:
        """End all reads, also in threads that wait for the registry; nothing can be read afterwards."""
        self.close()

    def close(self) -> None:
        self._closed = True
        for place in self._places:
            place.close()

    def _read_attestations(self, digest: str) -> bytes:
        try:
            return self._places[self._first or 0].read_attestations(digest)
        except RegistryError as error:
            if error.status != NOT_FOUND:
                raise
            return NO_REFERRERS  # the registry has no referrers API, or nothing refers to the image

    def _make_place(self, endpoint: Endpoint) -> Place:
        own, other = self._reference, endpoint.reference
        login = self._credentials
        if (own.registry, own.repository) != (other.registry, other.repository):
            login = StoredLogin(other) if isinstance(login, StoredLogin) else None
        return Place(endpoint, self._connection, self._machine, login, self._documents)

    def _settle(self, index: int, selector: str, data: bytes) -> None:
        """Remember which place has the image, and what the user should know about that place."""
        place = self._places[index]
        endpoint, registry = place.endpoint, place.endpoint.reference.registry
        if self._first is None:
            self._digest = selector if ":" in selector else str(digest_of(data))
            self._first = index
            if endpoint.reference != self._reference:
                self.mirror = str(endpoint.reference)
                self._note(self._describe(endpoint, by_tag=":" not in selector))
        if place.caveat:
            self._unverified[registry] = None
            self._note(f"{registry} was read {place.caveat}: another server could have answered")

    def _describe(self, endpoint: Endpoint, *, by_tag: bool) -> str:
        kind = "the mirror " if endpoint.is_mirror else ""
        stale = f"; its tag may be older than that of {self._reference.registry}" if by_tag and endpoint.is_mirror else ""
        return f"the image was read from {kind}{endpoint.reference}, which {endpoint.named_by} names{stale}"

    def _read_blob(self, descriptor: Descriptor, first: int) -> Iterator[bytes]:
        """Yield a blob from a place; what the place does not deliver comes from those after it."""
        position = 0
        for index in range(first, len(self._places)):
            failures: list[Exception] = []
            position = yield from self._read_part(index, descriptor, position, failures)
            if not failures:
                return
            if self._is_last(index):
                raise failures.pop()
            self._log_failure(index, failures[0])
            registry = self._places[index].endpoint.reference.registry
            self._note(f"{registry} did not deliver every layer, and the next place was asked: {failures[0]}")

    def _read_part(
        self, index: int, descriptor: Descriptor, position: int, failures: list[Exception]
    ) -> Generator[bytes, None, int]:
        """Yield a blob from a position; return the position at which the place ended or failed, with its failure."""
        place = self._places[index]
        try:
            if self._digest:
                self._open(index)
            for chunk in place.read_blob(descriptor.digest, descriptor.size, position):
                position += len(chunk)
                yield chunk
        except UNUSABLE as error:
            failures.append(error)
        return position

    def _open(self, index: int) -> None:
        """Find the way to a place that was not used yet; it must have the same manifest."""
        with self._lock:
            if not self._places[index].is_open:
                self._settle(index, self._digest, self._places[index].read_manifest(self._digest))

    def _is_last(self, index: int) -> bool:
        return self._closed or index == len(self._places) - 1

    def _note(self, text: str) -> None:
        self._notes[text] = None

    def _log_failure(self, index: int, error: Exception) -> None:
        place, following = (place.endpoint.reference for place in self._places[index : index + 2])
        _log.info("%s: %s; next: %s", place, error, following)

    def _explain(self, failures: list[Exception]) -> Exception:
        """Return the last error with those of the mirrors, and with advice if a setting calls the registry insecure.

        A frame that holds the error that it raises is a circle, which would keep connections open: the list gives it away.
        """
        error = failures.pop()
        places = self._places[(self._first or 0) :]
        asked = self._connection.plain_http or self._connection.tls_verify is False
        if isinstance(error, RegistryError) and error.status is None and not asked and is_about_tls(error.hint):
            setting = find_insecure_setting(self._reference.registry, self._machine)
            if setting is not None:
                error.hint = (
                    f"{setting} calls the registry insecure; here, use --tls-no-verify, or --insecure for plain http"
                )
        if failures and not self._closed:
            asked_before = [place.endpoint for place in places[: len(failures)]]
            add_mirror_failures(error, self._reference, asked_before, failures)
        failures.clear()
        return error
