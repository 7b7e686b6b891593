"""RegistryClient: manifests and blobs of one repository, with limits, error texts and resumed downloads.

Specification: https://github.com/opencontainers/distribution-spec/blob/main/spec.md. oras makes the URLs.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import oras.container
import urllib3

from ocisize.blob.digest import ALGORITHMS, check_digest, is_digest
from ocisize.errors import AuthenticationFailed, OcisizeError, RegistryError, SizeMismatch
from ocisize.oci.artifacts import without_parameters
from ocisize.oci.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from ocisize.oci.parse import check_media_type
from ocisize.oci.reference import Reference
from ocisize.sources.registry.answers import (
    RangeRefused,
    describe_answer,
    make_error_elsewhere,
    name_redirect,
    refuse_web_page,
)
from ocisize.sources.registry.channels import Channels, open_channel
from ocisize.sources.registry.connection import Connection
from ocisize.sources.registry.credentials import Credentials, StoredLogin
from ocisize.sources.registry.deadline import TooSlow
from ocisize.sources.registry.documents import Documents
from ocisize.sources.registry.download import Download, check_part, check_rest
from ocisize.sources.registry.hints import advise_on_error, advise_on_status
from ocisize.sources.registry.messages import explain_error, host_of
from ocisize.sources.registry.session import discard, read_document
from ocisize.sources.registry.settings.machine import Machine
from ocisize.sources.registry.tls_hints import advise_on_certificate

if TYPE_CHECKING:
    import requests

__all__ = ["Connection", "RegistryClient"]

_ACCEPT = f"{OCI_MANIFEST}, {OCI_INDEX}, {DOCKER_MANIFEST}, {DOCKER_LIST}"
_OK, _PARTIAL, _NOT_FOUND, _PROXY_DENIES = 200, 206, 404, 407
_MAX_PAGE = 4 << 10  # bytes of a blob of the wrong size in which a web page is recognized
_DENIALS = ({401, 403}, {403})  # statuses that are answered with a login: of the first response, and of the second
_MAX_LOGINS = 3  # another scope, then no login, or the challenge of /v2/
_BODY_ERRORS = (urllib3.exceptions.HTTPError, OSError)  # raised by a body that breaks off
_MANIFEST_PAUSE_SECONDS = 0.2
_log = logging.getLogger(__name__)


class RegistryClient:
    """Reads from one repository. Threads may share a client, and one may close it while others read."""

    def __init__(
        self,
        reference: Reference,
        *,
        plain_http: bool,
        connection: Connection,
        credentials: Credentials | StoredLogin | None,
        machine: Machine | None = None,
        documents: Documents | None = None,
        channels: Channels | None = None,
    ) -> None:
        self._documents, self._has_answered = documents or Documents(), False
        self.prefix = "http" if plain_http else "https"
        make = open_channel if channels is None else channels.open
        self.session, self.auth = make(
            reference, plain_http=plain_http, connection=connection, credentials=credentials, machine=machine
        )
        self._reference, self._login, self._is_shared = reference, self.auth.login, channels is not None
        self._name = f"{reference.registry}/{reference.repository}"
        self.warnings = self._login.warnings  #: what the user should know, once something was read
        self._container = oras.container.Container(f"{reference.host}/{reference.repository or 'catalog'}")
        namespace, _, self._container.repository = reference.repository.rpartition("/")  # the parser of oras guesses
        self._container.registry, self._container.namespace = reference.host, namespace
        self._retries, self._deadline = connection.retries, connection.deadline

    def read_manifest(self, selector: str, limit: int) -> bytes:
        """Return the manifest or index of a tag or digest, of at most ``limit`` bytes; raise RegistryError otherwise.

        A manifest by tag is verified by the digest in the registry's answer, if there is one. The caller verifies a manifest
        by digest. Of a manifest in the cache, the first one is only asked for its digest, and others are not asked for.
        """
        data = self._find_kept(selector, limit)
        if data is None:
            data = self._fetch_manifest(selector, limit)
            self._documents.keep(data, selector if ":" in selector else None)
            if not self._has_answered:
                self._documents.note(f"{self._name}:{selector}")
        self._has_answered = True
        return data

    def _find_kept(self, selector: str, limit: int) -> bytes | None:
        """Return the manifest from the cache if the registry still has it, None if it must be fetched."""
        digest: str | None = selector
        if not self._has_answered:
            digest = self._ask_digest(selector) if self._documents.has_seen(f"{self._name}:{selector}") else None
        data = self._documents.find(digest) if digest is not None else None
        return data if data is not None and len(data) <= limit else None

    def _ask_digest(self, selector: str) -> str | None:
        """Return the digest that a HEAD of a manifest tells, None if it tells none: a GET has better answers then."""
        url, what = self._describe_manifest(selector)
        try:
            with contextlib.closing(self.get(url, what, {"Accept": _ACCEPT}, expected=(_OK,), method="HEAD")) as response:
                if self.prefix == "https" and urlsplit(response.url).scheme != "https":
                    return None
                self._note_redirect(what, response)
                digest = response.headers.get("Docker-Content-Digest", "")
                discard(response.raw)  # the connection can serve the next request once the body, which is empty, is read
        except RegistryError as error:
            if error.status is None:
                raise  # the registry cannot be reached
            return None
        return digest if is_digest(digest) and (":" not in selector or digest == selector) else None

    def _describe_manifest(self, selector: str) -> tuple[str, str]:
        """The URL of a manifest, and its name in messages."""
        url = f"{self.prefix}://{self._container.manifest_url(selector)}"
        return url, f"{self._name}{'@' if ':' in selector else ':'}{selector}"

    def _fetch_manifest(self, selector: str, limit: int) -> bytes:
        return self._fetch(*self._describe_manifest(selector), limit, by_tag=":" not in selector)

    def read_referrers(self, digest: str, artifact_type: str, limit: int) -> bytes:
        """Return the index of the manifests of this type that refer to a manifest; raises as ``read_manifest`` does.

        Registries may list manifests of other types, too. Nothing verifies the index.
        """
        parts = f"{self._reference.repository}/referrers/{digest}?{urlencode({'artifactType': artifact_type})}"
        what = f"the referrers of {self._name}@{digest}"
        return self._fetch(f"{self.prefix}://{self._container.registry}/v2/{parts}", what, limit, by_tag=True)

    def _fetch(self, url: str, what: str, limit: int, *, by_tag: bool) -> bytes:
        response, body = self.read_document(url, what, limit, {"Accept": _ACCEPT}, by_tag=by_tag)
        self._note_redirect(what, response)
        digest = response.headers.get("Docker-Content-Digest", "")
        if by_tag and digest.partition(":")[0] in ALGORITHMS:
            check_digest(body, digest)
        check_media_type(body, what, without_parameters(response.headers.get("Content-Type", "")))
        return body

    def read_document(
        self, url: str, what: str, limit: int, headers: dict[str, str], kind: str = "manifest", *, by_tag: bool = True
    ) -> tuple[requests.Response, bytes]:
        """Return a closed response and its body of at most ``limit`` bytes; a body that breaks off is read again.

        A body ``by_tag``, which no digest verifies, is not taken from plain http behind a redirect. Raises RegistryError.
        """
        for tries_left in reversed(range(self._retries + 1)):
            with contextlib.closing(self.get(url, what, headers, expected=(_OK,))) as response:
                if by_tag and self.prefix == "https" and urlsplit(response.url).scheme != "https":
                    raise RegistryError(f"{what}: redirected to plain http, where the {kind} cannot be verified", status=_OK)
                try:
                    body = read_document(response.raw, limit)
                    break
                except _BODY_ERRORS as error:
                    message = f"{what}: reading the {kind} failed: {explain_error(error, self.auth.secrets())}"
                    if not tries_left or isinstance(error, TooSlow):
                        raise RegistryError(message, status=response.status_code) from None
            _log.info("%s; retry in %.1f s", message, _MANIFEST_PAUSE_SECONDS)
            self.session.connections.pause(_MANIFEST_PAUSE_SECONDS)
        refuse_web_page(what, response, body, self.auth.secrets())
        if len(body) > limit:
            raise RegistryError(f"{what}: the {kind} has more than {limit} bytes", status=_OK)
        return response, body

    def read_blob(self, digest: str, size: int, position: int = 0) -> Iterator[bytes]:
        """Yield the stored bytes of a blob from a position in small chunks; a download that breaks off is resumed.

        The caller verifies size and digest. Raises RegistryError after too many failures without progress, or if the blob
        takes longer than allowed.
        """
        url = f"{self.prefix}://{self._container.get_blob_url(digest)}"
        download = Download(digest, size, self._retries, self._deadline, position)
        yield from self._resume(download, lambda: self._read_from(url, download))

    def read_range(self, digest: str, size: int, start: int, stop: int) -> bytes:
        """Return the bytes of a blob of ``size`` bytes from ``start`` up to ``stop``; the caller verifies them.

        The range is closed, as some registries refuse open ones. Raises RangeRefused if the registry sends anything but
        this part of the blob, and RegistryError as ``read_blob`` does.
        """
        url = f"{self.prefix}://{self._container.get_blob_url(digest)}"
        download = Download(digest, stop, self._retries, self._deadline, start)
        part = b"".join(self._resume(download, lambda: self._read_part(url, download, size)))
        if len(part) != stop - start:
            raise RangeRefused(f"{self._name}@{digest}: asked for {stop - start} bytes, got {len(part)}", status=_PARTIAL)
        return part

    def _resume(self, download: Download, read: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        return download.resume(read, self.session.connections.pause, self.auth.secrets)

    def _read_from(self, url: str, download: Download) -> Iterator[bytes]:
        headers = {"Range": f"bytes={download.position}-"} if download.position else {}
        with contextlib.closing(self.get(url, f"{self._name}@{download.digest}", headers)) as response:
            known = download.position  # bytes at the start of a 200 answer that were received before
            if response.status_code == _PARTIAL:
                check_rest(response, download, self.auth.secrets())
                known = 0
            elif (announced := response.raw.length_remaining) not in (None, download.size):  # a web page, or encoded
                if "html" in response.headers.get("Content-Type", ""):
                    page = response.raw.read(_MAX_PAGE)
                    refuse_web_page(f"{self._name}@{download.digest}", response, page, self.auth.secrets())
                raise SizeMismatch(download.digest, got=announced, expected=download.size)
            yield from download.receive(response.raw, known)

    def _read_part(self, url: str, download: Download, size: int) -> Iterator[bytes]:
        headers = {"Range": f"bytes={download.position}-{download.size - 1}"}
        with contextlib.closing(self.get(url, f"{self._name}@{download.digest}", headers)) as response:
            check_part(response, download, size, self.auth.secrets())
            yield from download.receive(response.raw, 0)

    def get(
        self,
        url: str,
        what: str,
        headers: dict[str, str],
        expected: tuple[int, ...] = (_OK, _PARTIAL),
        method: str = "GET",
    ) -> requests.Response:
        """Send a request and return the open response; raise RegistryError for a status that is not expected."""
        try:
            response = self._send(url, headers, method)
            for _ in range(_MAX_LOGINS):
                if not self.auth.has_another_way(response):
                    break
                discard(response.raw)
                response = self._send(url, headers, method)
        except OcisizeError:
            raise
        except (*_BODY_ERRORS, ValueError) as error:
            # errors of requests are OSErrors; a redirect to something that is no URL raises ValueError
            raise self._error_without_answer(what, error) from None
        if response.status_code in expected:
            self.auth.note_success(response)
            return response
        with contextlib.closing(response):
            raise self._error(what, response)

    def _send(self, url: str, headers: dict[str, str], method: str) -> requests.Response:
        """Send a request, answer the challenge of the registry, if any, and return the last response.

        ``oras.provider`` does the same in ``do_request``, but importing it takes as long as a third of all other modules of
        the client, because it imports jsonschema.
        """
        response = self._request(method, url, headers | self.auth.get_auth_header())
        for denials in _DENIALS:
            if response.status_code not in denials:
                break
            answered, _ = self.auth.authenticate_request(response, headers)
            response = self._request(method, url, answered)
        return response

    def _request(self, method: str, url: str, headers: dict[str, str]) -> requests.Response:
        return self.session.request(method, url, headers=headers, stream=True, allow_redirects=True)

    def _error_without_answer(self, what: str, error: Exception) -> RegistryError:
        reason, asked = explain_error(error, self.auth.secrets()), getattr(getattr(error, "request", None), "url", None)
        if asked is not None and not self.auth.is_registry_url(asked):
            return RegistryError(f"{what}: redirected to {host_of(asked)}: {reason}", hint=advise_on_certificate(error))
        hint = advise_on_error(error, self._reference, is_tls=self.prefix == "https")
        return RegistryError(f"{what}: {reason}", hint=hint)

    def _error(self, what: str, response: requests.Response) -> RegistryError:
        if not self.auth.is_registry_url(response.url):
            return make_error_elsewhere(what, response, self.auth.secrets())
        status, answer = response.status_code, describe_answer(response, self.auth.secrets())
        message = f"{what}: {'the proxy' if status == _PROXY_DENIES else 'the registry'} answered {answer}"
        if status in (401, 403):
            self.auth.note_refusal(response)
            return AuthenticationFailed(f"{message}{self._login.explain(status)}", status=status, hint=self._login.hint)
        asked = (response.history or [response])[0].url  # by this client
        reference, (kind, selector) = self._reference, urlsplit(asked).path.split("/")[-2:]
        is_part = kind in ("blobs", "manifests") and selector != reference.selector  # a blob, or the manifest of a platform
        if is_part and status == _NOT_FOUND:
            message = f"{reference}: the registry has no {kind.removesuffix('s')} {selector} ({answer})"
        hint = advise_on_status(
            status, answer, reference, logged_in=self.auth.is_logged_in, is_tls=self.prefix == "https", is_part=is_part
        )
        return RegistryError(f"{message}{self._login.explain()}", status=status, hint=hint)

    def _note_redirect(self, what: str, response: requests.Response) -> None:
        """Warn about a manifest of another registry or repository than the one that the user named."""
        if (name := name_redirect(response)) is not None:
            warning = f"{what}: the registry redirects to {name}, from where the image is read"
            if warning not in self.warnings:
                self.warnings.append(warning)

    def close(self) -> None:
        """Close all connections, unless others share them; threads that read from one get a RegistryError at once."""
        if not self._is_shared:
            self.session.close()
