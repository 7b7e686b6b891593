"""Session: requests with timeouts, retries, proxies and redirects, and without secrets where they do not belong.

Built on the session of requests, whose defaults would wait for ever, read unwanted bodies whole, take secrets from
``~/.netrc``, decode bytes that must be hashed and retry what no retry can fix.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import re
import ssl
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from ocisize.blob.region import CHUNK
from ocisize.errors import RegistryError
from ocisize.oci.reference import DOCKER_HUB, DOCKER_HUB_HOST, split_host
from ocisize.sources.registry.address import is_private_address
from ocisize.sources.registry.connection import Connection
from ocisize.sources.registry.deadline import Deadlines, TooSlow
from ocisize.sources.registry.messages import explain_error, host_of, sanitize, target_of
from ocisize.sources.registry.settings.machine import Machine
from ocisize.sources.registry.settings.proxies import find_proxy
from ocisize.sources.registry.tls import Trust
from ocisize.sources.registry.transport import Connections

RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
MAX_RETRY_SECONDS = 60.0  # between two tries, also if a Retry-After asks for more
MAX_DOCUMENT_SECONDS = 300.0  # for a manifest, a token or an error
_MAX_REDIRECTS = 10
_CONTENT_RANGE = re.compile(r"bytes\s+([0-9]{1,19})-[0-9]{1,19}(?:/(?:([0-9]{1,19})|\*))?")
_MAX_DISCARDED = 64 << 10  # bytes of an unwanted body that are read so that the connection can serve the next request
_log = logging.getLogger(__name__)


class _Retry(urllib3.Retry):
    """The retries of urllib3, but an invalid Retry-After is ignored and pauses can be interrupted."""

    connections: Connections
    reason = ""  #: of the retry, for the log

    def new(self, **changes: Any) -> _Retry:
        retry = super().new(**changes)
        retry.connections = self.connections
        return retry

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        try:
            return super().get_retry_after(response)
        except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
            return None

    def sleep(self, response: urllib3.BaseHTTPResponse | None = None) -> None:
        seconds = (self.get_retry_after(response) if response else None) or self.get_backoff_time()
        _log.info("%s; retry in %.1f s", self.reason, seconds)
        self.connections.pause(seconds)

    def increment(self, method: str | None = None, url: str | None = None, *arguments: Any, **known: Any) -> _Retry:
        error, response = known.get("error"), known.get("response")
        if isinstance(error, urllib3.exceptions.SSLError) and isinstance(error.args[0], ssl.SSLCertVerificationError):
            raise error  # the certificate will be the same next time
        retry = super().increment(method, url, *arguments, **known)
        if response is not None:
            discard(response)  # urllib3 would read all of it
        secrets, pool = self.connections.secrets(), known.get("_pool")
        problem = explain_error(error, secrets) if error is not None else f"status {response.status if response else None}"
        host, port = (pool.host, pool.port) if pool is not None else ("", None)
        retry.reason = f"{method} {sanitize(target_of(str(url), host, port), secrets)}: {problem}"
        return retry


class _Adapter(HTTPAdapter):
    """Gives every request its timeouts, its retries, its trust and a connection that ends."""

    def __init__(self, connection: Connection, connections: Connections, trust: Trust) -> None:
        self._timeout = connection.timeout
        self._connections, self._trust = connections, trust
        self._verify = connection.tls_verify is not False
        retry = _Retry(
            total=connection.retries,
            connect=min(2, connection.retries),
            read=min(1, connection.retries),
            other=min(1, connection.retries),
            status=connection.retries,
            status_forcelist=RETRYABLE_STATUSES,
            allowed_methods={"GET", "HEAD"},
            backoff_factor=0.5,
            backoff_jitter=0.2,
            retry_after_max=int(MAX_RETRY_SECONDS),
            raise_on_status=False,
        )
        retry.connections = connections
        super().__init__(max_retries=retry, pool_maxsize=connection.pool_size)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        return super().send(request, *args, **kwargs)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> tuple[Any, Any]:  # noqa: ARG002
        """Return the host of a request, and its TLS context: that of the registry's host is for no other host."""
        host, options = super().build_connection_pool_key_attributes(request, self._verify)
        if host["scheme"] == "https":
            is_registry = host["host"].strip("[]").lower() == self._connections.registry_host
            options["ssl_context"] = self._trust.context(for_registry=is_registry)
        return host, options

    def cert_verify(self, *_: object) -> None:
        """Leave all to the TLS context; requests would add the authorities of certifi."""

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the pools behind a proxy; raise RegistryError if its kind is not installed."""
        if proxy.lower().startswith("socks"):
            try:
                importlib.import_module("socks")
            except ImportError:
                raise RegistryError(
                    f"the proxy {host_of(proxy)} speaks SOCKS, and PySocks is not installed",
                    hint="install it with: pip install 'ocisize[socks]'",
                ) from None
        elif proxy.lower().startswith("https:"):
            options["proxy_ssl_context"] = self._trust.context(for_registry=False)
        return super().proxy_manager_for(proxy, **options)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = self._connections.connection_class(pool.ConnectionCls)
        return pool

    def close(self) -> None:
        """Close idle connections at once; requests leaves that to the garbage collector."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - it cannot be iterated
                with contextlib.suppress(KeyError):
                    manager.pools[key].close()
        super().close()


class Session(requests.Session):
    """Sends requests without cookies, without secrets of ``~/.netrc``, and without secrets to the host of a redirect.

    ``host`` is that of the registry, with its port.
    """

    def __init__(self, connection: Connection, host: str, machine: Machine | None = None) -> None:
        super().__init__()
        self._machine = machine or Machine()
        deadlines = Deadlines(connection.timeout[1], connection.min_rate, connection.deadline)
        self.connections = Connections(split_host(host)[0], deadlines)
        self.trust_env = False  # neither ~/.netrc nor requests' own reading of proxies
        self.auth = lambda request: request
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers["Accept-Encoding"] = "identity"  # decoded bytes would have other digests and sizes
        self.headers["User-Agent"] = "ocisize"
        self.max_redirects = _MAX_REDIRECTS
        if connection.tls_verify is False:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the source has its own warning
        trust = Trust(connection, DOCKER_HUB if host == DOCKER_HUB_HOST else host, self._machine)
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(connection, self.connections, trust))

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return the URL of a redirect, else None; the body is discarded, since requests would read all of it."""
        target = super().get_redirect_target(resp)
        if target is not None:
            discard(resp.raw)
        return target

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Drop the Authorization header if a redirect leaves the host; requests would look for one in ``~/.netrc``.

        Raises RegistryError if a public registry redirects to a private address.
        """
        before, after = str(response.request.url), str(prepared_request.url)
        if self.should_strip_auth(before, after):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)
        host = urlsplit(after).hostname or ""
        _log.info("redirect from %s to %s (%d)", host_of(before), host_of(after), response.status_code)
        if is_private_address(host) and not self.connections.registry_is_private:
            message = f"{self.connections.registry_host} redirected to a private address: {host}"
            raise RegistryError(message, status=response.status_code)

    def merge_environment_settings(
        self,
        url: Any,
        proxies: Any,  # noqa: ARG002
        stream: bool | None,  # noqa: FBT001 - the signature of requests
        *_: object,
    ) -> Any:
        """Return the settings of a request: the proxies of the environment, and nothing of certificates."""
        return {"proxies": self._proxies(str(url)), "stream": bool(stream), "verify": True, "cert": None}

    def rebuild_proxies(self, prepared_request: requests.PreparedRequest, proxies: Any) -> Any:  # noqa: ARG002
        """Return the proxies for the target of a redirect; requests would keep those of its origin."""
        prepared_request.headers.pop("Proxy-Authorization", None)  # urllib3 adds the one of the proxy
        return self._proxies(str(prepared_request.url))

    def _proxies(self, url: str) -> dict[str, str]:
        proxy = find_proxy(url, self._machine.environment)
        return {urlsplit(url).scheme: proxy} if proxy else {}

    def close(self) -> None:
        """Close all connections; threads that read from one get an error at once."""
        self.connections.stop()
        super().close()


def read_document(raw: urllib3.BaseHTTPResponse, limit: int) -> bytes:
    """Return a body of at most ``limit`` bytes; of a longer one, one byte more than ``limit``.

    Raises TooSlow after five minutes, and the errors of urllib3.
    """
    body, until = bytearray(), time.monotonic() + MAX_DOCUMENT_SECONDS
    while len(body) <= limit and (piece := raw.read(min(CHUNK, limit + 1 - len(body)), decode_content=True)):
        body += piece
        if time.monotonic() > until:
            raise TooSlow(f"{len(body)} bytes in {MAX_DOCUMENT_SECONDS:g} s")
    return bytes(body)


def discard(raw: Any) -> None:
    """Close a response whose body is not wanted; a short body is read first, so that the connection can be used again."""
    with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
        raw.read(_MAX_DISCARDED, decode_content=False)
    raw.close()


def content_range(headers: Mapping[str, str]) -> tuple[int, int | None] | None:
    """Return the first byte and the total of a ``Content-Range`` header (RFC 9110); a total of ``*`` is None.

    >>> content_range({"Content-Range": "bytes 100-199/200"})
    (100, 200)
    """
    match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    return match and (int(match[1]), int(match[2]) if match[2] else None)
