"""How requests are sent: for how long, how often, through which proxy, and what never goes along.

Built on requests' session. What its defaults would do and ours must not: wait for ever, read bodies whole that nobody
asked for, take secrets from ~/.netrc, decode what must be hashed, retry what no retry can mend.
"""

from __future__ import annotations

import contextlib
import re
import ssl
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import attrs
import requests
import urllib3
from requests.adapters import HTTPAdapter

from ocisize.blob.region import CHUNK
from ocisize.errors import RegistryError
from ocisize.oci.reference import is_loopback, split_host
from ocisize.sources.registry.address import is_private_address
from ocisize.sources.registry.deadline import Connections, Deadlines, TooSlow

RETRIED = frozenset({408, 429, 500, 502, 503, 504})
MAX_WAIT = 60.0  # seconds a Retry-After may ask for
DOCUMENT_SECONDS = 300.0  # what a manifest, a token or an error may take
_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
_MAX_REDIRECTS = 10
_CONTENT_RANGE = re.compile(r"bytes\s+([0-9]{1,19})-[0-9]{1,19}(?:/(?:([0-9]{1,19})|\*))?")
_MAX_UNREAD = 64 << 10  # bytes of an unwanted body that are read so that the connection can serve the next request


def _positive(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not all(part > 0 for part in (value if isinstance(value, tuple) else (value,))):
        raise ValueError(f"{attribute.name} must be positive, got {value}")


@attrs.frozen
class Connection:
    """How to talk to registries; the defaults are right for public ones."""

    plain_http: bool | None = None  #: True: http; None: http for loopback hosts only
    tls_verify: bool | str = True  #: a path is a file of CA certificates to trust instead
    timeout: tuple[float, float] = attrs.field(default=(_CONNECT_SECONDS, _READ_SECONDS), validator=_positive)
    """Seconds to connect, and to wait for bytes."""
    retries: int = attrs.field(default=4, validator=attrs.validators.ge(0))
    """How often to ask again: of a request, and of a blob that breaks off without getting on."""
    pool_size: int = 8
    deadline: float = attrs.field(default=4 * 3600.0, validator=_positive)
    """Seconds that one layer may take, with all retries; manifests and configs have five minutes at most."""
    min_rate: int = attrs.field(default=1024, validator=attrs.validators.ge(0))
    """Bytes a second below which a response counts as broken, measured over the time to wait for bytes."""


class _Retry(urllib3.Retry):
    """urllib3's policy, for which a Retry-After that makes no sense is none, and which can be interrupted."""

    lines: Connections

    def new(self, **changes: Any) -> _Retry:
        made = super().new(**changes)
        made.lines = self.lines
        return made

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        try:
            return super().get_retry_after(response)
        except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
            return None

    def sleep(self, response: urllib3.BaseHTTPResponse | None = None) -> None:
        self.lines.pause((self.get_retry_after(response) if response else None) or self.get_backoff_time())

    def increment(self, *arguments: Any, **known: Any) -> _Retry:
        error, response = known.get("error"), known.get("response")
        if isinstance(error, urllib3.exceptions.SSLError) and isinstance(error.args[0], ssl.SSLCertVerificationError):
            raise error  # the certificate will be the same next time
        made = super().increment(*arguments, **known)
        if response is not None:
            discard(response)  # urllib3 would read all of it
        return made


class _Adapter(HTTPAdapter):
    """Gives every request its timeouts, its retries and a connection that ends."""

    def __init__(self, connection: Connection, lines: Connections) -> None:
        self._timeout = connection.timeout
        self._lines = lines
        retry = _Retry(
            total=connection.retries,
            connect=min(2, connection.retries),
            read=min(1, connection.retries),
            other=min(1, connection.retries),
            status=connection.retries,
            status_forcelist=RETRIED,
            allowed_methods={"GET", "HEAD"},
            backoff_factor=0.5,
            backoff_jitter=0.2,
            retry_after_max=int(MAX_WAIT),
            raise_on_status=False,
        )
        retry.lines = lines
        super().__init__(max_retries=retry, pool_maxsize=connection.pool_size)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        return super().send(request, *args, **kwargs)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = self._lines.connection_class(pool.ConnectionCls)
        return pool

    def close(self) -> None:
        """Close idle connections at once; requests leaves that to the garbage collector."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - it cannot be iterated
                with contextlib.suppress(KeyError):
                    manager.pools[key].close()
        super().close()


class Session(requests.Session):
    """Sends what it is told to and no more: no cookies, nothing of ~/.netrc, no secret to where a redirect leads.

    ``host`` is the registry's, with its port.
    """

    def __init__(self, connection: Connection, host: str) -> None:
        super().__init__()
        patience = Deadlines(connection.timeout[1], connection.min_rate, connection.deadline)
        self.lines = Connections(split_host(host)[0], patience)
        self.auth = lambda request: request  # keeps ~/.netrc from replacing our header
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers["Accept-Encoding"] = "identity"  # a transparent decode would break digests and sizes
        self.headers["User-Agent"] = "ocisize"
        self.max_redirects = _MAX_REDIRECTS
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(connection, self.lines))

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where to go next; the body is dropped here, since requests would read all of it."""
        target = super().get_redirect_target(resp)
        if target is not None:
            discard(resp.raw)
        return target

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Drop our header when a redirect leaves the host; requests would look for another one in ~/.netrc."""
        before, after = str(response.request.url), str(prepared_request.url)
        if self.should_strip_auth(before, after):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)
        host = urlsplit(after).hostname or ""
        if is_private_address(host) and not self.lines.home_is_private:
            message = f"{self.lines.home} redirected to a private address: {host}"
            raise RegistryError(message, status=response.status_code)

    def merge_environment_settings(self, url: Any, proxies: Any, *arguments: Any) -> Any:
        """Proxies and CA certificates as the environment names them; loopback hosts are asked directly, as by docker."""
        settings = super().merge_environment_settings(url, proxies, *arguments)
        return {**settings, "proxies": {}} if is_loopback(urlsplit(str(url)).netloc) else settings

    def rebuild_proxies(self, prepared_request: requests.PreparedRequest, proxies: Any) -> Any:  # noqa: ARG002
        """The proxies for where a redirect leads; requests would keep to those of where it came from."""
        if is_loopback(urlsplit(str(prepared_request.url)).netloc):
            prepared_request.headers.pop("Proxy-Authorization", None)
            return {}
        return super().rebuild_proxies(prepared_request, {})  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close all connections, also those that other threads read from: they get an error at once."""
        self.lines.stop()
        super().close()


def read_document(raw: urllib3.BaseHTTPResponse, limit: int) -> bytes:
    """Read a body of at most ``limit`` bytes, or a byte more to show that it is longer.

    Raises TooSlow when it takes more than DOCUMENT_SECONDS, and urllib3's errors.
    """
    body, until = bytearray(), time.monotonic() + DOCUMENT_SECONDS
    while len(body) <= limit and (piece := raw.read(min(CHUNK, limit + 1 - len(body)), decode_content=True)):
        body += piece
        if time.monotonic() > until:
            raise TooSlow(f"{len(body)} bytes in {DOCUMENT_SECONDS:g} s")
    return bytes(body)


def discard(raw: Any) -> None:
    """Be done with a body that nobody wants; a short one is read, so that its connection can be used again."""
    with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
        raw.read(_MAX_UNREAD, decode_content=False)
    raw.close()


def content_range(headers: Mapping[str, str]) -> tuple[int, int | None] | None:
    """First byte and total of a ``Content-Range: bytes FIRST-LAST/TOTAL`` (RFC 9110); a total of ``*`` is None."""
    match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    return match and (int(match[1]), int(match[2]) if match[2] else None)
