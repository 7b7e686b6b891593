"""RegistryClient: the few requests ocisize needs of a registry, verified, bounded and patient.

The distribution API is https://github.com/opencontainers/distribution-spec/blob/main/spec.md. Transport and URLs are
oras'; timeouts, retries, limits, error texts and resuming cut blobs are ours.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import attrs
import oras.container
import oras.provider
import requests
import urllib3
from requests.adapters import HTTPAdapter

from ocisize.blob import CHUNK
from ocisize.errors import AuthenticationFailed, OcisizeError, RegistryError
from ocisize.oci import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from ocisize.reference import Reference
from ocisize.sources import auth
from ocisize.sources.credentials import Credentials

_ACCEPT = f"{OCI_MANIFEST}, {OCI_INDEX}, {DOCKER_MANIFEST}, {DOCKER_LIST}"
_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
_MAX_WAIT = 60.0  # seconds a Retry-After may ask for
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_MAX_REDIRECTS = 10
_MAX_ERROR_BODY = 64 << 10
_MAX_CUTS = 5  # in a row, each without this much progress:
_PROGRESS = 1 << 20


@attrs.frozen
class Connection:
    """How to talk to registries; the defaults are right for public ones."""

    plain_http: bool | None = None  #: True: http; None: http for loopback hosts only
    tls_verify: bool | str = True  #: a path is a file of CA certificates to trust instead
    timeout: tuple[float, float] = (_CONNECT_SECONDS, _READ_SECONDS)  #: seconds to connect, between bytes
    retries: int = 4
    pool_size: int = 8


class _Adapter(HTTPAdapter):
    """Gives every request a timeout and the retry policy."""

    def __init__(self, connection: Connection) -> None:
        self._timeout = connection.timeout
        retry = urllib3.Retry(
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
        session: requests.Session = self.session
        session.auth = lambda request: request  # keeps ~/.netrc from replacing our header
        session.headers["Accept-Encoding"] = "identity"  # a transparent decode would break digests and sizes
        session.headers["User-Agent"] = "ocisize"
        session.max_redirects = _MAX_REDIRECTS
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(connection))

    def manifest(self, selector: str, limit: int) -> bytes:
        """The manifest or index for a tag or digest, at most ``limit`` bytes; raise RegistryError otherwise."""
        url = f"{self.prefix}://{self._container.manifest_url(selector)}"
        with contextlib.closing(self._get(url, f"{self._name}:{selector}", {"Accept": _ACCEPT})) as response:
            try:
                body: bytes = response.raw.read(limit + 1)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise RegistryError(f"{self._name}: reading the manifest failed: {_plain(error)}") from None
        if len(body) > limit:
            raise RegistryError(f"{self._name}: the manifest has more than {limit} bytes")
        return body

    def blob(self, digest: str, size: int) -> Iterator[bytes]:
        """Yield a blob's bytes as stored, in small chunks; a cut connection is resumed where it broke.

        The caller verifies size and digest. Raises RegistryError when there is no getting on.
        """
        url = f"{self.prefix}://{self._container.get_blob_url(digest)}"
        position = checkpoint = cuts = 0
        while True:
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
                if error.status not in _RETRIED | {403} or isinstance(error, AuthenticationFailed) or not position:
                    raise
                problem = str(error)  # storage URLs expire; the registry hands out a new one
            if position - checkpoint >= _PROGRESS:
                cuts, checkpoint = 0, position
            cuts += 1
            if cuts > _MAX_CUTS:
                raise RegistryError(f"blob {digest} broke off at {position} of {size} bytes: {problem}")
            if cuts > 1:
                time.sleep(min(0.2 * 2**cuts, _MAX_WAIT))

    def _read_from(self, url: str, digest: str, position: int) -> Iterator[bytes]:
        headers = {"Range": f"bytes={position}-"} if position else {}
        with contextlib.closing(self._get(url, f"{self._name}@{digest}", headers)) as response:
            passed = 0 if response.status_code == 206 else position  # 200: the server starts over
            if response.status_code == 206 and position:
                start = response.headers.get("Content-Range", "").partition("-")[0].strip()
                if start != f"bytes {position}":
                    raise RegistryError(f"blob {digest}: asked for bytes from {position}, got {start or 'no range'}")
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
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise RegistryError(f"{what}: {_plain(error)}", hint=self._hint(error)) from None
        if response.status_code in (200, 206):
            return response
        with contextlib.closing(response):
            raise self._error(what, response)

    def _error(self, what: str, response: requests.Response) -> RegistryError:
        status = response.status_code
        try:
            body = json.loads(response.raw.read(_MAX_ERROR_BODY, decode_content=True))
            detail = "; ".join(f"{error['code']} {error.get('message') or ''}".strip() for error in body["errors"])
        except (ValueError, KeyError, TypeError, AttributeError, urllib3.exceptions.HTTPError, OSError):
            detail = response.reason or "no reason given"
        message = f"{what}: the registry answered {status}: {detail}"
        if status in (401, 403):
            known = self.auth.credentials is not None
            hint = None if known else auth.login_hint(self.auth.registry_host)
            return AuthenticationFailed(message, status=status, hint=hint)
        hints = {404: "check the name and the tag", 429: "too many requests; log in or wait"}
        return RegistryError(message, status=status, hint=hints.get(status))

    def _hint(self, error: Exception) -> str | None:
        if isinstance(error, requests.exceptions.SSLError) and self.prefix == "https":
            if "WRONG_VERSION_NUMBER" in str(error):
                return "the registry does not speak TLS; use --insecure for plain http"
            return "name the CA that signed the registry's certificate: --ca-cert FILE"
        if isinstance(error, requests.exceptions.ConnectionError) and self.prefix == "https":
            return "is the host right? use --insecure for a registry on plain http"
        return None

    def close(self) -> None:
        """Close all connections."""
        self.session.close()


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
    for kind, text in words.items():
        if isinstance(reason, kind):
            return text
    text = str(reason).partition(": ")[2] if "object at 0x" in str(reason) else str(reason)
    return text or type(reason).__name__
