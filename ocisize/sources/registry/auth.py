"""RegistryAuth: answers to the challenges of a registry: Basic, Bearer with a token service, and identity tokens.

Token protocol: https://distribution.github.io/distribution/spec/auth/token/. ``do_request`` of oras calls the methods of
its TokenAuth, which this class overrides: for Basic, renewal of expired tokens, a lock, and checks of where secrets go.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import oras.auth
import urllib3
from oras.auth.token import TokenAuth

from ocisize.errors import AuthenticationFailed, RegistryError
from ocisize.oci.reference import DOCKER_HUB_HOST
from ocisize.sources.registry.address import is_private_address
from ocisize.sources.registry.credentials import Credentials
from ocisize.sources.registry.deadline import TooSlow
from ocisize.sources.registry.messages import explain_error, host_of, sanitize
from ocisize.sources.registry.session import Session, discard, read_document

if TYPE_CHECKING:
    import requests

BACKEND = "ocisize"  # the name under which oras finds RegistryAuth
_MAX_TOKEN_BODY = 1 << 20  # bytes
_UNAUTHORIZED = 401  # wrong credentials, which are not sent again; 403: valid credentials without access
_TOKEN = re.compile("[!-~]+")  # characters that a header can hold
_CHALLENGE = re.compile(r"[\s,]*([A-Za-z][A-Za-z0-9_-]*)(?:\s+|(?=,)|$)(?![=])")
_PARAMETER = re.compile(r'[\s,]*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_log = logging.getLogger(__name__)


def parse_challenges(header: str) -> dict[str, dict[str, str]]:
    """Parse a WWW-Authenticate header: scheme → parameters, names in lower case. The first challenge of a scheme counts.

    >>> parse_challenges('Bearer realm="https://auth.io/token",service="registry.io"')
    {'bearer': {'realm': 'https://auth.io/token', 'service': 'registry.io'}}
    """
    challenges: dict[str, dict[str, str]] = {}
    current: dict[str, str] | None = None
    position = 0
    while position < len(header):
        if current is not None and (match := _PARAMETER.match(header, position)):
            value = match[2] if match[2] is not None else match[3]
            current[match[1].lower()] = re.sub(r"\\(.)", r"\1", value)
        elif match := _CHALLENGE.match(header, position):
            current = {}
            challenges.setdefault(match[1].lower(), current)
        else:
            break
        position = match.end()
    return challenges


class StorageRefused(RegistryError):
    """The storage host of a registry refused the URL that the registry gave; signed URLs expire."""


class _TokenCutOff(RegistryError):
    """A token service accepted the request, but the answer broke off."""


class RegistryAuth(TokenAuth):  # type: ignore[misc]  # oras has no types
    """Credentials and tokens for one repository of one registry.

    ``token`` is None before the first challenge; ``get_auth_header`` then sends nothing.
    """

    session: Session
    prefix: str
    token: str | None

    def __init__(self) -> None:
        super().__init__()
        self.credentials: Credentials | None = None
        self.registry_host = ""
        self.repository = ""
        self._basic = False
        self._token_used = False
        self._refused_with: int | None = None  # the status that refused the credentials, which are not sent again
        self._tokens: set[str] = set()
        self._lock = threading.Lock()

    def get_auth_header(self) -> dict[str, str]:
        """Return the Authorization header, empty before the registry has asked for one.

        Raises AuthenticationFailed once the credentials were refused: wrong ones that are sent again lock accounts.
        """
        if self._refused_with is not None:
            raise self._refusal(self._refused_with)
        if self._basic and self.credentials is not None and self.credentials.basic:
            return {"Authorization": self.credentials.basic}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def authenticate_request(
        self,
        original: requests.Response,
        headers: dict[str, str] | None,
        refresh: bool = False,  # noqa: ARG002, FBT001, FBT002 - the signature of oras
    ) -> tuple[dict[str, str], bool]:
        """Answer a 401 or 403 and return the headers with which the request is sent again.

        Raises AuthenticationFailed if the credentials were refused or none can answer the challenge.
        """
        headers = dict(headers or {})
        challenge = original.headers.get("WWW-Authenticate", "")
        status = original.status_code
        sent = original.request.headers.get("Authorization")
        discard(original.raw)
        if not self.is_registry_url(original.url):
            raise StorageRefused(f"storage host {urlsplit(original.url).hostname} refused ({status})", status=status)
        with self._lock:
            current = self.get_auth_header()
            if current and sent == current["Authorization"]:
                if self._basic:
                    raise self._refusal(status, for_good=status == _UNAUTHORIZED)
                self.token = None
            if not self.get_auth_header():
                self._answer_challenge(parse_challenges(challenge), status)
        headers.update(self.get_auth_header())
        return headers, True

    def remember_refusal(self, response: requests.Response) -> None:
        """Remember that the registry refused a password, which is not sent again."""
        if response.status_code == _UNAUTHORIZED and response.request.headers.get("Authorization", "").startswith("Basic "):
            self._refused_with = response.status_code

    def is_registry_url(self, url: str) -> bool:
        """Return True if a URL has the scheme, host and port of the registry."""
        return _origin(url) == _origin(f"{self.prefix}://{self.registry_host}")

    def secrets(self) -> Iterator[str]:
        """Yield all texts that must not appear in an error or a log, the longest first."""
        known = self.credentials or Credentials()
        texts = {known.password, known.identity_token, known.registry_token, *self._tokens}
        if known.basic:
            texts.add(known.basic.partition(" ")[2])
        yield from sorted(filter(None, texts), key=len, reverse=True)

    @property
    def hint(self) -> str:
        """Advice for the case that the registry denies access."""
        login = "docker login" if self.registry_host == DOCKER_HUB_HOST else f"docker login {self.registry_host}"
        if self.credentials is not None:
            return f"the stored credentials have no access; log in with others: {login}"
        return f"log in first: {login}; registries also deny access to images that do not exist"

    def _refusal(self, status: int, *, for_good: bool = True) -> AuthenticationFailed:
        known = self.credentials is not None
        if known and for_good:
            self._refused_with = status
        return AuthenticationFailed(
            f"{self.registry_host}/{self.repository}: {'credentials refused' if known else 'access denied'} ({status})",
            status=status,
            hint=self.hint,
        )

    def _answer_challenge(self, challenges: dict[str, dict[str, str]], status: int) -> None:
        """Fetch a token or switch to Basic, as the registry asks."""
        _log.debug("%s asks for %s", self.registry_host, sanitize(" or ".join(challenges)) or "nothing known")
        if "bearer" in challenges:
            self.token = self._fetch_token(challenges["bearer"], status)
        elif "basic" in challenges and self.credentials is not None and self.credentials.basic:
            self._basic, self.token = True, ""  # not None: do_request sends the header from now on
        else:
            raise self._refusal(status, for_good=False)  # nothing was sent

    def _fetch_token(self, challenge: dict[str, str], status: int) -> str:
        credentials = self.credentials or Credentials()
        if credentials.registry_token and self.token is None and not self._token_used:
            self._token_used = True
            if not _TOKEN.fullmatch(credentials.registry_token):
                raise AuthenticationFailed(f"the registry token stored for {self.registry_host} is not valid", status=status)
            return credentials.registry_token
        realm = self._check_realm(challenge.get("realm", ""))
        service = challenge.get("service", "")
        scope = challenge.get("scope") or f"repository:{self.repository}:pull"
        if credentials.identity_token:
            form = {
                "grant_type": "refresh_token", "service": service, "client_id": "ocisize", "scope": scope,
                "refresh_token": credentials.identity_token,
            }  # fmt: skip
            response = self._send("POST", realm, data=form)
            if response.status_code not in (404, 405):
                return self._read_token(response, status)
            discard(response.raw)
            user, password = credentials.username or "<token>", credentials.password or credentials.identity_token
            credentials = Credentials(user, password)
            self._tokens.add(str(credentials.basic).partition(" ")[2])
        headers = {"Authorization": credentials.basic} if credentials.basic else {}
        parameters = {"service": service, "scope": scope} if service else {"scope": scope}
        try:
            return self._read_token(self._send("GET", realm, params=parameters, headers=headers), status)
        except _TokenCutOff as error:  # the password was right, so it may be sent again
            _log.info("%s; retry in 0.0 s", error)
        return self._read_token(self._send("GET", realm, params=parameters, headers=headers), status)

    def _send(self, method: str, realm: str, **arguments: Any) -> requests.Response:
        try:
            return self.session.request(
                method, realm, verify=self._tls_verify, allow_redirects=False, stream=True, **arguments
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:  # requests' errors are OSErrors
            raise RegistryError(f"token service {host_of(realm)} cannot be reached: {self._error_text(error)}") from None

    def _error_text(self, error: Exception) -> str:
        """Return the reason of an error without secrets: an answer that is not HTTP may repeat what was sent."""
        return explain_error(error, self.secrets())

    def _check_realm(self, realm: str) -> str:
        """Return the URL of the token service; raise AuthenticationFailed if secrets must not be sent there.

        That is the case without TLS, if the registry has TLS, and at a private address, if the registry has a public one.
        """
        try:
            url = urlsplit(urljoin(f"{self.prefix}://{self.registry_host}", realm))
        except ValueError:
            url = urlsplit("")
        problem = None
        if not realm or url.scheme not in ("http", "https") or not url.hostname or url.username:
            problem = "no usable token service"
        elif url.scheme == "http" and self.prefix == "https":
            problem = "a token service without TLS"
        elif is_private_address(url.hostname) and not self.session.connections.registry_is_private:
            problem = "a token service at a private address"
        if problem:
            raise AuthenticationFailed(
                f"{self.registry_host} names {problem}: {sanitize(repr(realm), self.secrets())}", status=401
            )
        return url.geturl()

    def _read_token(self, response: requests.Response, status: int) -> str:
        if response.status_code in (400, 401, 403):
            discard(response.raw)
            raise self._refusal(status)
        service = f"token service {host_of(response.url)}"
        with contextlib.closing(response):
            if response.status_code != 200:
                raise RegistryError(f"{service} answered {response.status_code}", status=response.status_code)
            try:
                body = read_document(response.raw, _MAX_TOKEN_BODY)
            except (urllib3.exceptions.HTTPError, TooSlow) as error:
                raise _TokenCutOff(f"the answer of {service} broke off: {self._error_text(error)}") from None
        try:
            answer = json.loads(body) if len(body) <= _MAX_TOKEN_BODY else {}
            token = answer.get("token") or answer.get("access_token")
        except (ValueError, AttributeError, RecursionError):
            token = None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise RegistryError(f"{service} returned no token", status=status)
        self._tokens.add(token)
        return token


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


oras.auth.auth_backends[BACKEND] = RegistryAuth
