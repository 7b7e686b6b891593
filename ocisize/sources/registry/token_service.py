"""TokenService: tokens for a repository, from the service that a Bearer challenge names.

Protocols: https://distribution.github.io/distribution/spec/auth/token/ (GET) and .../spec/auth/oauth/ (POST).
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import urllib3

from ocisize.errors import AuthenticationFailed, RegistryError
from ocisize.sources.registry.address import is_private_address
from ocisize.sources.registry.answers import describe_answer, is_web_page
from ocisize.sources.registry.deadline import TooSlow
from ocisize.sources.registry.identity import Credentials
from ocisize.sources.registry.messages import explain_error, host_of, sanitize
from ocisize.sources.registry.session import Session, discard, read_document
from ocisize.sources.registry.tls_hints import advise_on_certificate
from ocisize.values import frozen

if TYPE_CHECKING:
    import requests

_MAX_BODY = 1 << 20  # bytes
_MAX_REDIRECTS = 5
_OK, _SEE_OTHER = 200, 303
_REFUSALS = frozenset({400, 401, 403})
_NO_OAUTH = frozenset({404, 405})  # of services that know no POST
_HEADER_TEXT = re.compile("[!-~]+")
_PORTS = {"http": 80, "https": 443}
_log = logging.getLogger(__name__)


class TokenRefused(RegistryError):
    """A token service refused what it was sent."""


class RedirectsElsewhere(RegistryError):
    """A token service redirects a request with secrets to a host that must not get them."""


class _TokenCutOff(RegistryError):
    """A token service accepted the request, but the answer broke off."""


def is_header_text(text: object) -> bool:
    """Return True if a token consists of characters that a header can hold.

    >>> is_header_text("abc"), is_header_text("a\\nb"), is_header_text(None)
    (True, False, False)
    """
    return isinstance(text, str) and _HEADER_TEXT.fullmatch(text) is not None


def origin_of(url: str) -> tuple[str, str | None, int | None]:
    """Return the scheme, host and port of a URL.

    >>> origin_of("https://registry.io/v2/")
    ('https', 'registry.io', 443)
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


@frozen
class Realm:
    """The address of a token service."""

    url: str
    takes_secrets: bool  #: False over http if the registry has TLS


@frozen
class TokenService:
    """Gets tokens for clients of a registry."""

    session: Session
    registry_url: str  #: scheme and host of the registry
    tls_verify: bool | str
    secrets: Callable[[], Iterable[str]]  #: the texts that must not appear in errors

    def find_realm(self, realm: str) -> Realm:
        """Return the address that a challenge names; raise AuthenticationFailed if it must not be contacted.

        That is the case without TLS on another host, if the registry has TLS, and at a private address, if the registry has
        a public one. Registries behind a proxy with TLS name an http address of their own host. Where that is the address of
        the registry but for the scheme, https takes the place of http; at another port the service gets no secrets.
        """
        try:
            url = urlsplit(urljoin(self.registry_url, realm))
            port = url.port
        except ValueError:
            url, port = urlsplit(""), None
        scheme, host, registry_port = origin_of(self.registry_url)
        in_the_clear = url.scheme == "http" and scheme == "https"
        if not realm or url.scheme not in _PORTS or not url.hostname or url.username:
            raise self._unusable("no usable token service", realm)
        if is_private_address(url.hostname) and not self.session.connections.registry_is_private:
            raise self._unusable("a token service at a private address", realm)
        if in_the_clear and url.hostname != host:
            raise self._unusable("a token service without TLS on another host", realm)
        if in_the_clear and (_PORTS["https"] if port in (None, _PORTS["http"]) else port) == registry_port:
            own = urlsplit(self.registry_url)
            return Realm(url._replace(scheme="https", netloc=own.netloc).geturl(), takes_secrets=True)
        return Realm(url.geturl(), takes_secrets=not in_the_clear)

    def find_upgrade(self, realm: Realm, service: str, scope: str) -> Realm:
        """Return the https address on the registry's host that an http address redirects to, else the address itself.

        The service is asked without secrets. Raises RegistryError if it cannot be reached.
        """
        parameters = {"service": service, "scope": scope} if service else {"scope": scope}
        response = self._request("GET", realm.url, params=parameters)
        with contextlib.closing(response):
            target = self.session.get_redirect_target(response)
        try:
            url = urljoin(realm.url, target or "")
            after, (scheme, host, port) = origin_of(url), origin_of(self.registry_url)
        except ValueError:
            return realm
        if target is None or after[:2] != (scheme, host) or after[2] not in (port, _PORTS["https"]):
            return realm
        return Realm(urlsplit(url)._replace(query="", fragment="").geturl(), takes_secrets=True)

    def fetch(self, url: str, service: str, scope: str, credentials: Credentials | None) -> str:
        """Return a token for a scope, anonymously without credentials.

        Raises TokenRefused if the service refuses, RegistryError if it cannot be reached or answers no token.
        """
        credentials = credentials or Credentials()
        if not credentials.identity_token:
            return self._get(url, service, scope, credentials)
        try:
            return self._post(url, service, scope, credentials.identity_token)
        except TokenRefused as error:
            refusal = error  # JFrog answers 401, and ACR 400, to a POST that they do not support
        password = credentials.password or credentials.identity_token
        try:
            return self._get(url, service, scope, Credentials(credentials.username or "<token>", password))
        except RegistryError as error:
            raise error if refusal.status in _NO_OAUTH or isinstance(error, TokenRefused) else refusal from None

    def _get(self, url: str, service: str, scope: str, credentials: Credentials) -> str:
        headers = {"Authorization": credentials.basic} if credentials.basic else {}
        parameters: dict[str, Any] = {"service": service, "scope": scope} if service else {"scope": scope}
        try:
            return self._read_token(self._send("GET", url, params=parameters, headers=headers))
        except _TokenCutOff as error:  # the password was right, so it may be sent again
            _log.info("%s; retry in 0.0 s", error)
        return self._read_token(self._send("GET", url, params=parameters, headers=headers))

    def _post(self, url: str, service: str, scope: str, identity_token: str) -> str:
        form = {
            "grant_type": "refresh_token", "service": service, "client_id": "ocisize", "scope": scope,
            "refresh_token": identity_token,
        }  # fmt: skip
        response = self._send("POST", url, data=form, headers={})
        if response.status_code in _NO_OAUTH:
            discard(response.raw)
            raise TokenRefused(f"no POST at {host_of(url)}", status=response.status_code)
        return self._read_token(response)

    def _send(self, method: str, url: str, *, headers: Mapping[str, str], **arguments: Any) -> requests.Response:
        """Send a request and follow its redirects, with secrets within an origin or to https on the same host only."""
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._request(method, url, headers=headers, **arguments)
            target = self.session.get_redirect_target(response)
            if target is None:
                return response
            if response.status_code == _SEE_OTHER:
                method = "GET"
                arguments.pop("data", None)
            url = self._follow(url, target, secret="Authorization" in headers or "data" in arguments)
            arguments.pop("params", None)
        raise RegistryError(f"token service {host_of(url)} redirects more than {_MAX_REDIRECTS} times")

    def _request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        try:
            return self.session.request(method, url, verify=self.tls_verify, allow_redirects=False, stream=True, **arguments)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:  # requests' errors are OSErrors
            reason = explain_error(error, self.secrets())
            message = f"token service {host_of(url)} cannot be reached: {reason}"
            raise RegistryError(message, hint=advise_on_certificate(error)) from None

    def _follow(self, url: str, target: str, *, secret: bool) -> str:
        """Return the address that a redirect leads to; raise RegistryError if the request must not be sent there."""
        try:
            following = urljoin(url, target)
            before, after = origin_of(url), origin_of(following)
        except ValueError:
            raise RegistryError(f"token service {host_of(url)} redirects to an invalid address") from None
        _log.info("redirect from token service %s to %s", host_of(url), host_of(following))
        if after == before or (before[0], *after[:2]) == ("http", "https", before[1]):
            return following
        if secret:
            raise RedirectsElsewhere(
                f"token service {host_of(url)} redirects to another host, which gets no login: {host_of(following)}"
            )
        return self.find_realm(following).url

    def _read_token(self, response: requests.Response) -> str:
        service, status = f"token service {host_of(response.url)}", response.status_code
        with contextlib.closing(response):
            if status != _OK:
                kind = TokenRefused if status in _REFUSALS else RegistryError
                raise kind(f"{service} answered {describe_answer(response, self.secrets())}", status=status)
            try:
                body = read_document(response.raw, _MAX_BODY)
            except (urllib3.exceptions.HTTPError, TooSlow) as error:
                reason = explain_error(error, self.secrets())
                raise _TokenCutOff(f"the answer of {service} broke off: {reason}", status=status) from None
        try:
            answer = json.loads(body) if len(body) <= _MAX_BODY else {}
            token = answer.get("token") or answer.get("access_token")
        except (ValueError, AttributeError, RecursionError):
            token = None
        if not is_header_text(token):
            what = "a web page instead of a token" if is_web_page(body) else "no token"
            raise RegistryError(f"{service} returned {what}", status=status)
        return str(token)

    def _unusable(self, problem: str, realm: str) -> AuthenticationFailed:
        host = host_of(self.registry_url)
        return AuthenticationFailed(f"{host} names {problem}: {sanitize(repr(realm), self.secrets())}", status=401)
