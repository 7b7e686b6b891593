"""Answering a registry's challenges: Basic, Bearer with a token service, and identity tokens.

Token protocol: https://distribution.github.io/distribution/spec/auth/token/. Built on oras' TokenAuth, which its
``do_request`` drives; what is added is Basic, renewal of expired tokens, a lock, and care about where secrets go.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import socket
import threading
from typing import Any
from urllib.parse import urljoin, urlsplit

import oras.auth
import requests
import urllib3
from oras.auth.token import TokenAuth

from ocisize.errors import AuthenticationFailed, RegistryError
from ocisize.reference import DOCKER_HUB_HOST
from ocisize.sources.credentials import Credentials

BACKEND = "ocisize"
_MAX_TOKEN_BODY = 1 << 20
_MAX_CHALLENGE_BODY = 64 << 10
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


class RegistryAuth(TokenAuth):  # type: ignore[misc]  # oras has no types
    """Credentials and tokens for one repository of one registry.

    ``token`` is None before the first challenge; ``get_auth_header`` then sends nothing.
    """

    session: requests.Session
    prefix: str
    token: str | None

    def __init__(self) -> None:
        super().__init__()
        self.credentials: Credentials | None = None
        self.registry_host = ""
        self.repository = ""
        self._basic = False
        self._token_used = False
        self._lock = threading.Lock()

    def get_auth_header(self) -> dict[str, str]:
        """The header that proves who we are, as far as the registry has asked for it."""
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
        with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
            original.raw.read(_MAX_CHALLENGE_BODY)  # so that the connection can serve the next request
        original.close()
        if _origin(original.url) != _origin(f"{self.prefix}://{self.registry_host}"):
            raise RegistryError(f"storage host refused the download ({status})", status=status)
        with self._lock:
            current = self.get_auth_header()
            if current and sent == current["Authorization"]:
                if self._basic:
                    raise self._refused(status)
                self.token = None
            if not self.get_auth_header():
                self._answer(parse_challenges(challenge), status)
        headers.update(self.get_auth_header())
        return headers, True

    @property
    def hint(self) -> str:
        """What to try when the registry denies access."""
        login = "docker login" if self.registry_host == DOCKER_HUB_HOST else f"docker login {self.registry_host}"
        if self.credentials is not None:
            return f"the stored credentials do not open it; log in with others: {login}"
        return f"log in first: {login}; registries also deny what does not exist"

    def _refused(self, status: int) -> AuthenticationFailed:
        known = self.credentials is not None
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
            raise self._refused(status)

    def _fetch_token(self, challenge: dict[str, str], status: int) -> str:
        credentials = self.credentials or Credentials()
        if credentials.registry_token and self.token is None and not self._token_used:
            self._token_used = True
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
            response.close()
            user, password = credentials.username or "<token>", credentials.password or credentials.identity_token
            credentials = Credentials(user, password)
        headers = {"Authorization": credentials.basic} if credentials.basic else {}
        parameters = {"service": service, "scope": scope} if service else {"scope": scope}
        return self._read_token(self._send("GET", realm, params=parameters, headers=headers), status)

    def _send(self, method: str, realm: str, **arguments: Any) -> requests.Response:
        try:
            return self.session.request(
                method, realm, verify=self._tls_verify, allow_redirects=False, stream=True, **arguments
            )
        except requests.RequestException as error:
            raise RegistryError(
                f"token service {urlsplit(realm).netloc} cannot be reached: {type(error).__name__}"
            ) from None

    def _check_realm(self, realm: str) -> str:
        """Refuse to send secrets in the clear or to a private address that the registry itself is not at."""
        try:
            url = urlsplit(urljoin(f"{self.prefix}://{self.registry_host}", realm))
        except ValueError:
            url = urlsplit("")
        if not realm or url.scheme not in ("http", "https") or not url.hostname:
            raise AuthenticationFailed(f"{self.registry_host} names no usable token service: {realm!r}", status=401)
        if url.scheme == "http" and self.prefix == "https":
            raise AuthenticationFailed(f"{self.registry_host} names a token service without TLS: {realm!r}", status=401)
        registry_host = urlsplit(f"//{self.registry_host}").hostname or ""
        if is_private_address(url.hostname) and not is_private_address(registry_host):
            raise AuthenticationFailed(
                f"{self.registry_host} names a token service at a private address: {realm!r}", status=401
            )
        return url.geturl()

    def _read_token(self, response: requests.Response, status: int) -> str:
        if response.status_code in (400, 401, 403):
            response.close()
            raise self._refused(status)
        body = response.raw.read(_MAX_TOKEN_BODY + 1, decode_content=True)
        response.close()
        if response.status_code != 200 or len(body) > _MAX_TOKEN_BODY:
            raise RegistryError(f"token service answered {response.status_code}", status=response.status_code)
        try:
            answer = json.loads(body)
            token = answer.get("token") or answer.get("access_token")
        except (ValueError, AttributeError, RecursionError):
            token = None
        if not isinstance(token, str) or not re.fullmatch("[!-~]+", token):
            raise RegistryError("token service answered without a token", status=status)
        return token


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def is_private_address(host: str) -> bool:
    """Whether a host is written as a private, link-local or loopback IP address, or is localhost."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:  # resolvers also take 127.1, 2130706433 and 0x7f000001
            address = ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, UnicodeEncodeError):
            return False
    return address.is_private or address.is_link_local or address.is_loopback


oras.auth.auth_backends[BACKEND] = RegistryAuth
