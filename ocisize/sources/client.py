"""RegistryClient: the few requests ocisize needs of a registry, verified, bounded and patient.

The distribution API is https://github.com/opencontainers/distribution-spec/blob/main/spec.md. Transport and URLs are
oras'; timeouts, retries, limits, error texts and resuming cut blobs are ours.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import attrs
import oras.container
import oras.provider
import requests
import urllib3
from requests.adapters import HTTPAdapter

from ocisize.blob import CHUNK
from ocisize.errors import AuthenticationFailed, OcisizeError, RegistryError
from ocisize.oci import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from ocisize.reference import DOCKER_HUB_HOST, Reference
from ocisize.sources import auth
from ocisize.sources.credentials import Credentials

_ACCEPT = f"{OCI_MANIFEST}, {OCI_INDEX}, {DOCKER_MANIFEST}, {DOCKER_LIST}"
_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
_MAX_WAIT = 60.0  # seconds a Retry-After may ask for
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_MAX_REDIRECTS = 10
_MAX_ERROR_BODY = 64 << 10
_MAX_DETAIL = 500  # characters of a registry's own words that an error repeats
_PROGRESS = 1 << 20  # what a broken download must have got on for its failures to be forgotten


@attrs.frozen
class Connection:
    """How to talk to registries; the defaults are right for public ones."""

    plain_http: bool | None = None  #: True: http; None: http for loopback hosts only
    tls_verify: bool | str = True  #: a path is a file of CA certificates to trust instead
    timeout: tuple[float, float] = (_CONNECT_SECONDS, _READ_SECONDS)  #: seconds to connect, between bytes
    retries: int = 4  #: of a request, and of a blob that breaks off without getting on
    pool_size: int = 8


class _Retry(urllib3.Retry):
    """urllib3's policy, for which a Retry-After that makes no sense is none."""

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        try:
            return super().get_retry_after(response)
        except urllib3.exceptions.InvalidHeader:
            return None


class _Adapter(HTTPAdapter):
    """Gives every request a timeout and the retry policy."""

    def __init__(self, connection: Connection) -> None:
        self._timeout = connection.timeout
        retry = _Retry(
            total=connection.retries,
            connect=min(2, connection.retries),
            read=min(1, connection.retries),
            status=connection.retries,
            status_forcelist=_RETRIED,
            allowed_methods={"GET", "HEAD"},
            backoff_factor=0.5,
            backoff_jitter=0.2,
            retry_after_max=int(_MAX_WAIT),
            raise_on_status=False,
        )
        super().__init__(max_retries=retry, pool_maxsize=connection.pool_size)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        return super().send(request, *args, **kwargs)


class _Session(requests.Session):
    """Sends what it is told to and no more: no cookies, nothing of ~/.netrc, no secret to where a redirect leads."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.auth = lambda request: request  # keeps ~/.netrc from replacing our header
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers["Accept-Encoding"] = "identity"  # a transparent decode would break digests and sizes
        self.headers["User-Agent"] = "ocisize"
        self.max_redirects = _MAX_REDIRECTS
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(connection))

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Drop our header when a redirect leaves the host; requests would look for another one in ~/.netrc."""
        before, after = str(response.request.url), str(prepared_request.url)
        if self.should_strip_auth(before, after):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)
        host = urlsplit(after).hostname or ""
        if auth.is_private_address(host) and not auth.is_private_address(urlsplit(before).hostname or ""):
            raise RegistryError(f"redirected to a private address: {host}", status=response.status_code)


class RegistryClient(oras.provider.Registry):  # type: ignore[misc]  # oras has no types
    """Requests for one repository. Threads may share it."""

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
        self.session = self.auth.session = _Session(connection)
        self._retries = connection.retries

    def manifest(self, selector: str, limit: int) -> bytes:
        """The manifest or index for a tag or digest, at most ``limit`` bytes; raise RegistryError otherwise."""
        url = f"{self.prefix}://{self._container.manifest_url(selector)}"
        with contextlib.closing(self._get(url, f"{self._name}:{selector}", {"Accept": _ACCEPT})) as response:
            try:
                body: bytes = response.raw.read(limit + 1, decode_content=True)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                message = f"{self._name}: reading the manifest failed: {_plain(error)}"
                raise RegistryError(message, status=response.status_code) from None
        if len(body) > limit:
            raise RegistryError(f"{self._name}: the manifest has more than {limit} bytes", status=response.status_code)
        return body

    def blob(self, digest: str, size: int) -> Iterator[bytes]:
        """Yield a blob's bytes as stored, in small chunks; a cut connection is resumed where it broke.

        The caller verifies size and digest. Raises RegistryError when there is no getting on.
        """
        url = f"{self.prefix}://{self._container.get_blob_url(digest)}"
        position = checkpoint = cuts = 0
        while True:
            status: int | None = None
            try:
                for chunk in self._read_from(url, digest, position):
                    position += len(chunk)
                    yield chunk
                problem = "the connection was closed early"
                if position >= size:
                    return
            except (urllib3.exceptions.HTTPError, requests.RequestException, OSError) as error:
                problem = _plain(error)
            except RegistryError as error:
                if position and error.status == 416:
                    return  # there is no more, which the caller's check of the size reports best
                if not _is_passing(error, position, cuts):
                    raise
                problem, status = str(error), error.status
            if position - checkpoint >= _PROGRESS:
                cuts, checkpoint = 0, position
            cuts += 1
            if cuts > self._retries:
                raise RegistryError(f"blob {digest} broke off at {position} of {size} bytes: {problem}", status=status)
            time.sleep(min(0.2 * 2**cuts, _MAX_WAIT) if cuts > 1 else 0)

    def _read_from(self, url: str, digest: str, position: int) -> Iterator[bytes]:
        headers = {"Range": f"bytes={position}-"} if position else {}
        with contextlib.closing(self._get(url, f"{self._name}@{digest}", headers)) as response:
            passed = 0 if response.status_code == 206 else position  # 200: the server starts over
            if response.status_code == 206 and position:
                start = response.headers.get("Content-Range", "").partition("-")[0].strip()
                if start != f"bytes {position}":
                    message = f"blob {digest}: asked for bytes from {position}, got {_one_line(start) or 'no range'}"
                    raise RegistryError(message, status=206)
            # Small reads: when a connection breaks, urllib3 loses what the current read had gathered.
            while chunk := response.raw.read(CHUNK):
                if passed:
                    dropped = min(passed, len(chunk))
                    passed, chunk = passed - dropped, chunk[dropped:]
                if chunk:
                    yield chunk

    def _get(self, url: str, what: str, headers: dict[str, str]) -> requests.Response:
        """Send a GET and return its open response; raise RegistryError unless it is 200 or 206."""
        try:
            response: requests.Response = self.do_request(url, "GET", headers=dict(headers), stream=True)
        except OcisizeError:
            raise
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # requests' own errors are OSErrors; ValueErrors come from redirects to what is no URL
            raise RegistryError(f"{what}: {_plain(error)}", hint=self._hint(error)) from None
        if response.status_code in (200, 206):
            return response
        with contextlib.closing(response):
            raise self._error(what, response)

    def _error(self, what: str, response: requests.Response) -> RegistryError:
        status = response.status_code
        try:
            # The body of a 416 may never come: docker-registry 2.8 announces the length of the whole blob.
            body = json.loads(b"" if status == 416 else response.raw.read(_MAX_ERROR_BODY, decode_content=True))
            detail = "; ".join(f"{error['code']} {error.get('message') or ''}".strip() for error in body["errors"])
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, urllib3.exceptions.HTTPError, OSError):
            detail = ""
        detail = _one_line(detail or response.reason or "no reason given")
        message = f"{what}: the registry answered {status}: {detail}"
        if status in (401, 403):
            return AuthenticationFailed(message, status=status, hint=self.auth.hint)
        hints = {404: "check the name and the tag", 429: "too many requests; log in or wait"}
        if self.prefix == "http":  # what Go's servers answer when they are spoken to without TLS
            hints[400] = "does the registry speak TLS? then name its CA: --ca-cert FILE"
        return RegistryError(message, status=status, hint=hints.get(status))

    def _hint(self, error: Exception) -> str | None:
        if isinstance(error, requests.exceptions.SSLError) and self.prefix == "https":
            if "WRONG_VERSION_NUMBER" in str(error):
                return "the registry does not speak TLS; use --insecure for plain http"
            return "name the CA that signed the registry's certificate: --ca-cert FILE"
        if isinstance(error, requests.exceptions.ConnectionError) and self.prefix == "https":
            if self.auth.registry_host == DOCKER_HUB_HOST:
                return "is there a connection to the internet?"
            return "is the host right? use --insecure for a registry on plain http"
        return None

    def close(self) -> None:
        """Close all connections."""
        self.session.close()


def _is_passing(error: RegistryError, position: int, cuts: int) -> bool:
    """Whether asking for the rest of a blob again may help."""
    if isinstance(error, AuthenticationFailed):
        return False
    if error.status == 403:  # from the storage host: its URLs expire, and the registry hands out a new one
        return bool(position) or not cuts
    return bool(position) and error.status in _RETRIED | {None}


def _plain(error: Exception) -> str:
    """The reason at the bottom of urllib3's and requests' nested errors, in words."""
    reason: Any = error
    while (inner := getattr(reason, "reason", None)) is not None or (
        reason.args and isinstance(inner := reason.args[0], Exception)
    ):
        if not isinstance(inner, Exception):
            break
        reason = inner
    words = {
        urllib3.exceptions.NameResolutionError: "the host name cannot be resolved",
        urllib3.exceptions.ConnectTimeoutError: "no connection in time",
        urllib3.exceptions.ReadTimeoutError: "no answer in time",
        urllib3.exceptions.ProxyError: "the proxy cannot be reached",
    }
    text = str(reason)
    if type(reason) is urllib3.exceptions.NewConnectionError:  # which counts itself among the timeouts
        reason_given = re.sub(r"\[Errno -?\d+\] ", "", text.rpartition(": ")[2])
        text = f"cannot connect to {reason.conn.host}:{reason.conn.port}: {reason_given[:1].lower()}{reason_given[1:]}"
    else:
        text = next((text for kind, text in words.items() if isinstance(reason, kind)), text)
    return _one_line(text) or type(reason).__name__


def _one_line(text: str) -> str:
    """Others' words, fit to stand in an error: short, and nothing that a terminal would obey."""
    words = " ".join(text.split())[:_MAX_DETAIL]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in words)
