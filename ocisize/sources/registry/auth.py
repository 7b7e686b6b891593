"""Answering a registry's challenges: Basic, Bearer with a token service, and identity tokens.

Token protocol: https://distribution.github.io/distribution/spec/auth/token/. Built on oras' TokenAuth, which its
``do_request`` drives; what is added is Basic, renewal of expired tokens, a lock, and care about where secrets go.
"""

from __future__ import annotations

import contextlib
import json
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
from ocisize.sources.registry.messages import explain_error, sanitize
from ocisize.sources.registry.session import Session, discard, read_document

if TYPE_CHECKING:
    import requests

BACKEND = "ocisize"
_MAX_TOKEN_BODY = 1 << 20
_WRONG = 401  # the credentials themselves are refused; by a 403 only what was asked for
_TOKEN = re.compile("[!-~]+")  # what can stand in a header
_SCHEME = re.compile(r"[\s,]*([A-Za-z][A-Za-z0-9_-]*)(?:\s+|(?=,)|$)(?![=])")
_PARAMETER = re.compile(r'[\s,]*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


def parse_challenges(header: str) -> dict[str, dict[str, str]]:
    """Read a WWW-Authenticate header: scheme → parameters, all names in lower case; the first of a scheme counts."""
    challenges: dict[str, dict[str, str]] = {}
    current: dict[str, str] | None = None
    position = 0
    while position < len(header):
        if current is not None and (match := _PARAMETER.match(header, position)):
            value = match[2] if match[2] is not None else match[3]
            current[match[1].lower()] = re.sub(r"\\(.)", r"\1", value)
        elif match := _SCHEME.match(header, position):
            current = {}
            challenges.setdefault(match[1].lower(), current)
        else:
            break
        position = match.end()
    return challenges


class StorageRefused(RegistryError):
    """Where a registry keeps its blobs does not accept the address that it gave; addresses expire."""


class _TokenBroken(RegistryError):
    """A token service was content and its answer broke off."""


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
        """The header that proves who we are, as far as the registry has asked for it.

        Raises AuthenticationFailed once the credentials were refused: wrong ones, sent again and again, lock accounts.
        """
        if self._refused_with is not None:
            raise self._refused(self._refused_with)
        if self._basic and self.credentials is not None and self.credentials.basic:
            return {"Authorization": self.credentials.basic}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def authenticate_request(
        self,
        original: requests.Response,
        headers: dict[str, str] | None,
        refresh: bool = False,  # noqa: ARG002, FBT001, FBT002 - oras' signature
    ) -> tuple[dict[str, str], bool]:
        """Answer a 401 or 403; the request is then sent once more. Raises AuthenticationFailed when that is no use."""
        headers = dict(headers or {})
        challenge = original.headers.get("WWW-Authenticate", "")
        status = original.status_code
        sent = original.request.headers.get("Authorization")
        discard(original.raw)
        if not self.is_at_home(original.url):
            raise StorageRefused(f"storage host {urlsplit(original.url).hostname} refused ({status})", status=status)
        with self._lock:
            current = self.get_auth_header()
            if current and sent == current["Authorization"]:
                if self._basic:
                    raise self._refused(status, for_good=status == _WRONG)
                self.token = None
            if not self.get_auth_header():
                self._answer(parse_challenges(challenge), status)
        headers.update(self.get_auth_header())
        return headers, True

    def remember_refusal(self, response: requests.Response) -> None:
        """Remember that the registry refused a password, which is not sent again."""
        if response.status_code == _WRONG and response.request.headers.get("Authorization", "").startswith("Basic "):
            self._refused_with = response.status_code

    def is_at_home(self, url: str) -> bool:
        """Whether a URL is of the registry itself: same scheme, host and port."""
        return _origin(url) == _origin(f"{self.prefix}://{self.registry_host}")

    def secrets(self) -> Iterator[str]:
        """Everything that must not stand in an error, the longest first."""
        known = self.credentials or Credentials()
        found = {known.password, known.identity_token, known.registry_token, *self._tokens}
        if known.basic:
            found.add(known.basic.partition(" ")[2])
        yield from sorted(filter(None, found), key=len, reverse=True)

    @property
    def hint(self) -> str:
        """What to try when the registry denies access."""
        login = "docker login" if self.registry_host == DOCKER_HUB_HOST else f"docker login {self.registry_host}"
        if self.credentials is not None:
            return f"the stored credentials do not open it; log in with others: {login}"
        return f"log in first: {login}; registries also deny what does not exist"

    def _refused(self, status: int, *, for_good: bool = True) -> AuthenticationFailed:
        known = self.credentials is not None
        if known and for_good:
            self._refused_with = status
        return AuthenticationFailed(
            f"{self.registry_host}/{self.repository}: {'credentials refused' if known else 'access denied'} ({status})",
            status=status,
            hint=self.hint,
        )

    def _answer(self, challenges: dict[str, dict[str, str]], status: int) -> None:
        if "bearer" in challenges:
            self.token = self._fetch_token(challenges["bearer"], status)
        elif "basic" in challenges and self.credentials is not None and self.credentials.basic:
            self._basic, self.token = True, ""  # not None, so that do_request sends the header unasked from now on
        else:
            raise self._refused(status, for_good=False)  # nothing was sent

    def _fetch_token(self, challenge: dict[str, str], status: int) -> str:
        credentials = self.credentials or Credentials()
        if credentials.registry_token and self.token is None and not self._token_used:
            self._token_used = True
            if not _TOKEN.fullmatch(credentials.registry_token):
                raise AuthenticationFailed(
                    f"the registry token stored for {self.registry_host} cannot be one", status=status
                )
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
        with contextlib.suppress(_TokenBroken):  # the password was right, so it may be sent again
            return self._read_token(self._send("GET", realm, params=parameters, headers=headers), status)
        return self._read_token(self._send("GET", realm, params=parameters, headers=headers), status)

    def _send(self, method: str, realm: str, **arguments: Any) -> requests.Response:
        try:
            return self.session.request(
                method, realm, verify=self._tls_verify, allow_redirects=False, stream=True, **arguments
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:  # requests' errors are OSErrors
            raise RegistryError(f"token service {_host_of(realm)} cannot be reached: {self._told(error)}") from None

    def _told(self, error: Exception) -> str:
        """Why there was no answer; what is no HTTP is repeated, and may repeat what was sent."""
        return explain_error(error, self.secrets())

    def _check_realm(self, realm: str) -> str:
        """Refuse to send secrets in the clear or to a private address that the registry itself is not at."""
        try:
            url = urlsplit(urljoin(f"{self.prefix}://{self.registry_host}", realm))
        except ValueError:
            url = urlsplit("")
        problem = None
        if not realm or url.scheme not in ("http", "https") or not url.hostname or url.username:
            problem = "no usable token service"
        elif url.scheme == "http" and self.prefix == "https":
            problem = "a token service without TLS"
        elif is_private_address(url.hostname) and not self.session.lines.home_is_private:
            problem = "a token service at a private address"
        if problem:
            raise AuthenticationFailed(
                f"{self.registry_host} names {problem}: {sanitize(repr(realm), self.secrets())}", status=401
            )
        return url.geturl()

    def _read_token(self, response: requests.Response, status: int) -> str:
        if response.status_code in (400, 401, 403):
            discard(response.raw)
            raise self._refused(status)
        service = f"token service {_host_of(response.url)}"
        with contextlib.closing(response):
            if response.status_code != 200:
                raise RegistryError(f"{service} answered {response.status_code}", status=response.status_code)
            try:
                body = read_document(response.raw, _MAX_TOKEN_BODY)
            except (urllib3.exceptions.HTTPError, TooSlow) as error:
                raise _TokenBroken(f"{service} broke off: {self._told(error)}") from None
        try:
            answer = json.loads(body) if len(body) <= _MAX_TOKEN_BODY else {}
            token = answer.get("token") or answer.get("access_token")
        except (ValueError, AttributeError, RecursionError):
            token = None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise RegistryError(f"{service} answered without a token", status=status)
        self._tokens.add(token)
        return token


def _host_of(url: str) -> str:
    return sanitize(urlsplit(url).netloc.rpartition("@")[2])


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


oras.auth.auth_backends[BACKEND] = RegistryAuth
