"""RegistryClient: the few requests ocisize needs of a registry, verified, bounded and patient.

The distribution API is https://github.com/opencontainers/distribution-spec/blob/main/spec.md. URLs are oras';
limits, error texts and resuming what was cut are ours.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import attrs
import oras.container
import oras.provider
import requests
import urllib3

from ocisize.blob.digest import ALGORITHMS, check_digest
from ocisize.blob.region import CHUNK
from ocisize.errors import AuthenticationFailed, OcisizeError, RegistryError, SizeMismatch
from ocisize.oci.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from ocisize.oci.reference import DOCKER_HUB_HOST, Reference
from ocisize.sources.registry import auth
from ocisize.sources.registry.credentials import Credentials
from ocisize.sources.registry.deadline import TooSlow
from ocisize.sources.registry.messages import explain_error, sanitize
from ocisize.sources.registry.session import MAX_WAIT, RETRIED, Connection, Session, content_range, read_document

__all__ = ["Connection", "RegistryClient"]

_ACCEPT = f"{OCI_MANIFEST}, {OCI_INDEX}, {DOCKER_MANIFEST}, {DOCKER_LIST}"
_MAX_ERROR_BODY = 64 << 10
_PROGRESS = 1 << 20  # what a broken download must have got on for its failures to be forgotten
_EXPIRED = frozenset({400, 401, 403, 410})  # what storage hosts answer when the time of an address is over
_OK, _PARTIAL, _NO_MORE = 200, 206, 416
_BROKEN = (urllib3.exceptions.HTTPError, OSError)  # how a body breaks off


@attrs.define
class _Download:
    """How far a blob has come, and how often it broke off since it last got on."""

    digest: str
    size: int
    retries: int
    seconds: float  #: that it may take
    position: int = 0
    cuts: int = 0
    _checkpoint: int = 0
    _until: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._until = time.monotonic() + self.seconds

    def check_time(self) -> None:
        """Raise RegistryError when the time is over."""
        if time.monotonic() > self._until:
            problem = f"it took more than {self.seconds:g} s"
            raise RegistryError(self._describe(problem), hint="allow more: --deadline SECONDS") from None

    def seconds_until_retry(self, problem: str, status: int | None) -> float:
        """How many seconds to wait before going on; raises RegistryError when that is no use any more."""
        self.check_time()
        if self.position - self._checkpoint >= _PROGRESS:
            self.cuts, self._checkpoint = 0, self.position
        self.cuts += 1
        if self.cuts > self.retries:
            raise RegistryError(self._describe(problem), status=status)
        return min(0.2 * 2**self.cuts, MAX_WAIT) if self.cuts > 1 else 0.0

    def _describe(self, problem: str) -> str:
        return f"blob {self.digest} broke off at {self.position} of {self.size} bytes: {problem}"


class RegistryClient(oras.provider.Registry):  # type: ignore[misc]  # oras has no types
    """Requests for one repository. Threads may share it, and one may close it under the others."""

    # Without oras' retry decorator, which sleeps 131 s on errors that no retry can mend.
    do_request = oras.provider.Registry.do_request.__wrapped__

    def __init__(
        self, reference: Reference, *, plain_http: bool, connection: Connection, credentials: Credentials | None
    ) -> None:
        super().__init__(
            hostname=reference.host, insecure=plain_http, tls_verify=connection.tls_verify, auth_backend=auth.BACKEND
        )
        self.auth.credentials = credentials
        self.auth.registry_host = reference.host
        self.auth.repository = reference.repository
        self._name = f"{reference.registry}/{reference.repository}"
        self._container = oras.container.Container(f"{reference.host}/{reference.repository}")
        # Its own parser guesses; the reference is already parsed.
        namespace, _, repository = reference.repository.rpartition("/")
        self._container.registry, self._container.namespace = reference.host, namespace
        self._container.repository = repository
        self.session = self.auth.session = Session(connection, reference.host)
        self._retries, self._deadline = connection.retries, connection.deadline

    def manifest(self, selector: str, limit: int) -> bytes:
        """The manifest or index for a tag or digest, at most ``limit`` bytes; raise RegistryError otherwise.

        For a tag the registry's own digest of it is verified, where it tells one; else the caller verifies.
        """
        url, what = f"{self.prefix}://{self._container.manifest_url(selector)}", f"{self._name}:{selector}"
        by_tag = ":" not in selector
        for tries_left in reversed(range(self._retries + 1)):
            with contextlib.closing(self._get(url, what, {"Accept": _ACCEPT}, expected=(_OK,))) as response:
                if by_tag and self.prefix == "https" and urlsplit(response.url).scheme != "https":
                    raise RegistryError(f"{what}: redirected to plain http, where nothing proves the manifest", status=_OK)
                try:
                    body = read_document(response.raw, limit)
                    break
                except _BROKEN as error:
                    if not tries_left or isinstance(error, TooSlow):
                        message = f"{what}: reading the manifest failed: {explain_error(error, self.auth.secrets())}"
                        raise RegistryError(message, status=response.status_code) from None
            self.session.lines.pause(0.2)
        if len(body) > limit:
            raise RegistryError(f"{what}: the manifest has more than {limit} bytes", status=_OK)
        digest = response.headers.get("Docker-Content-Digest", "")
        if by_tag and digest.partition(":")[0] in ALGORITHMS:
            check_digest(body, digest)
        return body

    def blob(self, digest: str, size: int) -> Iterator[bytes]:
        """Yield a blob's bytes as stored, in small chunks; a cut connection is resumed where it broke.

        The caller verifies size and digest. Raises RegistryError when there is no getting on, or not in time.
        """
        url = f"{self.prefix}://{self._container.get_blob_url(digest)}"
        download = _Download(digest, size, self._retries, self._deadline)
        while True:
            status: int | None = None
            try:
                yield from self._read_from(url, download)
                problem = "the connection was closed early"
            except _BROKEN as error:
                problem = explain_error(error, self.auth.secrets())
            except RegistryError as error:
                if download.position and error.status == _NO_MORE:
                    return  # there is no more, which the caller's check of the size reports best
                if not _is_passing(error, download):
                    raise
                problem, status = str(error), error.status
            if download.position >= size:
                return
            self.session.lines.pause(download.seconds_until_retry(problem, status))

    def _read_from(self, url: str, download: _Download) -> Iterator[bytes]:
        headers = {"Range": f"bytes={download.position}-"} if download.position else {}
        with contextlib.closing(self._get(url, f"{self._name}@{download.digest}", headers)) as response:
            passed = download.position  # 200: the server starts over
            if response.status_code == _PARTIAL:
                _check_range(response, download, self.auth.secrets())
                passed = 0
            elif (announced := response.raw.length_remaining) not in (None, download.size):  # a page, say, or encoded
                raise SizeMismatch(download.digest, got=announced, expected=download.size)
            # Small reads, and none beyond the end but of a byte that must not be there: when a connection breaks, urllib3
            # loses what the current read had gathered.
            while chunk := response.raw.read(min(CHUNK, passed + download.size - download.position) or 1):
                if passed:
                    dropped = min(passed, len(chunk))
                    passed, chunk = passed - dropped, chunk[dropped:]
                if chunk:
                    download.position += len(chunk)
                    yield chunk
                download.check_time()

    def _get(
        self, url: str, what: str, headers: dict[str, str], expected: tuple[int, ...] = (_OK, _PARTIAL)
    ) -> requests.Response:
        """Send a GET and return its open response; raise RegistryError unless it has an expected status."""
        try:
            response: requests.Response = self.do_request(url, "GET", headers=dict(headers), stream=True)
        except OcisizeError:
            raise
        except (*_BROKEN, ValueError) as error:
            # requests' own errors are OSErrors; ValueErrors come from redirects to what is no URL
            raise RegistryError(f"{what}: {explain_error(error, self.auth.secrets())}", hint=self._hint(error)) from None
        if response.status_code in expected:
            return response
        with contextlib.closing(response):
            raise self._error(what, response)

    def _error(self, what: str, response: requests.Response) -> RegistryError:
        status, at_home = response.status_code, self.auth.is_at_home(response.url)
        try:
            # The body of a 416 may never come: docker-registry 2.8 announces the length of the whole blob.
            body = json.loads(b"" if status == _NO_MORE else read_document(response.raw, _MAX_ERROR_BODY))
            detail = "; ".join(f"{error['code']} {error.get('message') or ''}".strip() for error in body["errors"])
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, *_BROKEN):
            detail = ""
        detail = sanitize(detail or response.reason or "no reason given", self.auth.secrets())
        who = "the registry" if at_home else f"its storage host {urlsplit(response.url).hostname}"
        message = f"{what}: {who} answered {status}: {detail}"
        if not at_home and status in _EXPIRED:
            return auth.StorageRefused(message, status=status)
        if status in (401, 403):
            self.auth.remember_refusal(response)
            return AuthenticationFailed(message, status=status, hint=self.auth.hint)
        hints = {404: "check the name and the tag", 429: "too many requests; log in or wait"}
        if self.prefix == "http":  # what Go's servers answer when they are spoken to without TLS
            hints[400] = "does the registry speak TLS? then name its CA: --ca-cert FILE"
        return RegistryError(message, status=status, hint=hints.get(status))

    def _hint(self, error: Exception) -> str | None:
        if isinstance(error, requests.exceptions.SSLError) and self.prefix == "https":
            words = str(error)
            hints = {
                "WRONG_VERSION_NUMBER": "the registry does not speak TLS; use --insecure for plain http",
                "certificate has expired": "its owner must renew it; is this machine's clock right?",
                "not yet valid": "is this machine's clock right?",
                "Hostname mismatch": "is the host right? the certificate is another host's",
                "IP address mismatch": "is the host right? the certificate is another host's",
            }
            named = (hint for mark, hint in hints.items() if mark in words)
            return next(named, "name the CA that signed the registry's certificate: --ca-cert FILE")
        if isinstance(error, requests.exceptions.ConnectionError) and self.prefix == "https":
            if self.auth.registry_host == DOCKER_HUB_HOST:
                return "is there a connection to the internet?"
            return "is the host right? use --insecure for a registry on plain http"
        return None

    def close(self) -> None:
        """Close all connections; whoever still reads from one gets a RegistryError at once."""
        self.session.close()


def _check_range(response: requests.Response, download: _Download, secrets: Iterable[str]) -> None:
    """Raise RegistryError unless a partial answer is of the part that was asked for, and of a blob of that size."""
    found = content_range(response.headers)
    if found is not None and found[0] == download.position and found[1] in (None, download.size):
        return
    got = sanitize(response.headers.get("Content-Range", ""), secrets) or "no range"
    asked = f"asked for bytes from {download.position} of {download.size}"
    raise RegistryError(f"blob {download.digest}: {asked}, got {got}", status=_PARTIAL)


def _is_passing(error: RegistryError, download: _Download) -> bool:
    """Whether asking for the rest of a blob again may help."""
    if isinstance(error, AuthenticationFailed):
        return False
    if isinstance(error, auth.StorageRefused):  # the registry hands out a new address
        return bool(download.position) or not download.cuts
    return bool(download.position) and error.status in RETRIED | {None}
