"""RegistryAuth: answers to the challenges of a registry: Basic, Bearer with a token service, and identity tokens.

Requests are anonymous until the registry asks for a login; the stored login is looked up then. RegistryAuth overrides the
methods of the TokenAuth of oras: for Basic, renewal of expired tokens, a lock, and checks of where secrets go.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

import oras.auth
from oras.auth.token import TokenAuth

from ocisize.errors import AuthenticationFailed, RegistryError
from ocisize.oci.reference import Reference
from ocisize.sources.registry.answers import describe_answer, make_error_elsewhere
from ocisize.sources.registry.challenges import Challenge, is_usable, parse_challenges, ping
from ocisize.sources.registry.identity import Credentials
from ocisize.sources.registry.login import Login
from ocisize.sources.registry.messages import sanitize
from ocisize.sources.registry.session import Session, discard
from ocisize.sources.registry.token_service import RedirectsElsewhere, TokenRefused, TokenService, is_header_text, origin_of

if TYPE_CHECKING:
    import requests

BACKEND = "ocisize"  # the name under which oras finds RegistryAuth
_UNAUTHORIZED, _DENIALS = 401, frozenset({401, 403})
_HIDDEN = frozenset({400, 404})  # answers without a challenge in place of a denial
_log = logging.getLogger(__name__)


class RegistryAuth(TokenAuth):  # type: ignore[misc]  # oras has no types
    """The login and the tokens for one repository of one registry.

    ``token`` is None before the first challenge; ``get_auth_header`` then sends nothing. A login that is refused is not sent
    again, since that locks accounts: the requests are anonymous from then on.
    """

    session: Session
    prefix: str
    token: str | None

    def __init__(self) -> None:
        super().__init__()
        self.login = Login(Reference("", ""), None)
        self._basic = False
        self._token_is_from_login = False
        self._token_worked = False
        self._stored_token_used = False
        self._own_scope = False  # True once a token for the scope of the challenge was refused
        self._last_scope = ""  # of the last token that was asked for
        self._pinged: list[Challenge] | None = None
        self._denial: AuthenticationFailed | None = None  # of anonymous access; nothing is left to try
        self._tokens: set[str] = set()
        self._lock = threading.Lock()

    def get_auth_header(self) -> dict[str, str]:
        """Return the Authorization header, empty before the registry has asked for one."""
        if self._basic and self.login.usable is not None:
            return {"Authorization": self.login.usable.basic or ""}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def authenticate_request(
        self,
        original: requests.Response,
        headers: dict[str, str] | None,
        refresh: bool = False,  # noqa: ARG002, FBT001, FBT002 - the signature of oras
    ) -> tuple[dict[str, str], bool]:
        """Answer a 401 or 403 and return the headers with which the request is sent again.

        Raises AuthenticationFailed if the login was refused or none can answer the challenge.
        """
        status, challenge = original.status_code, original.headers.get("WWW-Authenticate", "")
        sent = original.request.headers.get("Authorization")
        if not self.is_registry_url(original.url):
            with contextlib.closing(original):
                raise make_error_elsewhere(self._name, original, self.secrets())
        denial = f"the registry answered {describe_answer(original, self.secrets())}"
        discard(original.raw)
        with self._lock:
            if sent is not None and sent == self.get_auth_header().get("Authorization"):
                if self._basic:
                    self.note_refusal(original)
                    raise self._deny(status, denial)
                self._drop_token(status)
            if not self.get_auth_header():
                self._answer(parse_challenges(challenge), status, denial)
            header = self.get_auth_header()
        return {name: value for name, value in (headers or {}).items() if name != "Authorization"} | header, True

    def has_another_way(self, response: requests.Response) -> bool:
        """Return True if a request that the registry denied, or whose image it hides, may succeed if it is sent again."""
        sent, status = response.request.headers.get("Authorization"), response.status_code
        if status not in _DENIALS | _HIDDEN or not self.is_registry_url(response.url):
            return False
        with self._lock:
            current = self.get_auth_header().get("Authorization")
            if sent != current:  # another thread has logged in, or was refused
                return sent is None or status in _DENIALS
            if status in _DENIALS and sent is not None and not self._basic and not self._token_worked:
                return self._drop_token(status)
            if status in _HIDDEN and sent is None and self._pinged is None:
                return self._answer_ping(status)
        return False

    def note_success(self, response: requests.Response) -> None:
        """Remember that what was sent with a request was right, or that the image needs no login."""
        first = response.history[0] if response.history else response
        with self._lock:
            sent = first.request.headers.get("Authorization")
            is_current = sent is not None and sent == self.get_auth_header().get("Authorization")
            self._token_worked = self._token_worked or is_current
            self.login.note_success(used=is_current and self.is_logged_in)

    def note_refusal(self, response: requests.Response) -> None:
        """Remember that the registry refused a password, which is not sent again."""
        if response.status_code == _UNAUTHORIZED and response.request.headers.get("Authorization", "").startswith("Basic "):
            self.login.refuse(f"the registry answered {response.status_code}")
            self._basic, self.token = False, None

    def is_registry_url(self, url: str) -> bool:
        """Return True if a URL has the scheme, host and port of the registry."""
        return origin_of(url) == origin_of(self._registry_url)

    @property
    def is_logged_in(self) -> bool:
        """True if the current header is that of a login."""
        return self._basic or (bool(self.token) and self._token_is_from_login)

    def secrets(self) -> Iterator[str]:
        """Yield all texts that must not appear in an error or a log, the longest first."""
        known = {*self.login.secrets(), *self._tokens}
        quoted = {quote(text, safe="", errors="replace") for text in known}  # as in forms, which services may repeat
        yield from sorted(known | quoted, key=len, reverse=True)

    # All below runs under the lock.

    @property
    def _registry_url(self) -> str:
        return f"{self.prefix}://{self.login.reference.host}"

    @property
    def _name(self) -> str:
        return str(self.login.reference).rstrip("/")  # of a list of repositories, the registry alone

    def _deny(self, status: int, reason: str) -> AuthenticationFailed:
        return AuthenticationFailed(
            f"{self._name}: {reason}{self.login.explain(status)}", status=status, hint=self.login.hint
        )

    def _drop_token(self, status: int) -> bool:
        """Give up a token that was refused; return True if another one may have more access."""
        worked, self.token = self._token_worked, None
        if worked:
            return True  # the token has expired
        if self._last_scope not in ("", self._make_scope()):
            self._own_scope = True  # the challenge asked for too little
            return True
        if self._token_is_from_login and not self.login.worked:
            self.login.refuse(f"the registry answered {status}")
            return True
        return False

    def _make_scope(self) -> str:
        repository = self.login.reference.repository
        return f"repository:{repository}:pull" if repository else "registry:catalog:*"

    def _answer(self, challenges: list[Challenge], status: int, denial: str) -> None:
        """Fetch a token or switch to Basic, as the registry asks; raise AuthenticationFailed if neither is possible."""
        if self._denial is not None:
            raise self._denial
        usable = list(filter(is_usable, challenges)) or list(filter(is_usable, self._ping()))
        schemes = sanitize(" or ".join(dict.fromkeys(one.scheme for one in usable or challenges)))
        _log.debug("%s asks for %s", self._name, schemes or "nothing known")
        problem: AuthenticationFailed | None = None
        for challenge in usable:
            if challenge.scheme == "bearer":
                try:
                    self.token = self._fetch_token(challenge, status)
                except AuthenticationFailed as error:
                    problem = error
                else:
                    return
        credentials = self.login.find()
        if credentials is not None and credentials.basic and any(one.scheme == "basic" for one in usable):
            self.login.sent = True
            self._basic, self.token = True, None
            return
        if challenges and not usable:
            denial += f"; it asks for {schemes}, which ocisize cannot answer"
        raise self._denial or problem or self._deny(status, denial)

    def _answer_ping(self, status: int) -> bool:
        """Answer the challenge of ``/v2/`` for an image that may be hidden; return False if there is none to answer."""
        challenges = self._ping()
        if not challenges:
            return False
        try:
            self._answer(challenges, status, "")
        except RegistryError as error:
            _log.info("%s", error)
        return bool(self.get_auth_header())

    def _ping(self) -> list[Challenge]:
        if self._pinged is None:
            self._pinged = ping(self.session, self._registry_url, tls_verify=self._tls_verify, secrets=self.secrets)
        return self._pinged

    def _fetch_token(self, challenge: Challenge, status: int) -> str:
        credentials = self.login.find()
        if credentials is not None and credentials.registry_token and not self._stored_token_used:
            return self._take_stored_token(credentials, status)
        service = TokenService(self.session, self._registry_url, self._tls_verify, self.secrets)
        realm = service.find_realm(challenge.parameters.get("realm", ""))
        self._last_scope = (not self._own_scope and challenge.parameters.get("scope")) or self._make_scope()
        asked = challenge.parameters.get("service", ""), self._last_scope
        if credentials is not None and credentials.has_secret:
            if not realm.takes_secrets:
                realm = service.find_upgrade(realm, *asked)
            if realm.takes_secrets:
                self.login.sent = True
                try:
                    return self._keep(service.fetch(realm.url, *asked, credentials), from_login=True)
                except TokenRefused as error:
                    self.login.refuse(str(error))
                except RedirectsElsewhere as error:
                    self.login.withhold(
                        str(error), "the token service needs another address, which the registry's owner sets"
                    )
            else:
                reason = f"the token service has no TLS: {sanitize(realm.url)}"
                self.login.withhold(reason, "the token service needs an https address, which the registry's owner sets")
        try:
            return self._keep(service.fetch(realm.url, *asked, None), from_login=False)
        except TokenRefused as error:
            reason = f"access denied ({error.status})" if self.login.is_given_up else str(error)
            self._denial = self._deny(error.status or status, reason)
            raise self._denial from None
        except RegistryError as error:
            if self.login.is_given_up:
                raise self._deny(error.status or status, str(error)) from None
            raise

    def _take_stored_token(self, credentials: Credentials, status: int) -> str:
        self._stored_token_used = True
        if not is_header_text(credentials.registry_token):
            raise AuthenticationFailed(f"{self._name}: the registry token of {credentials.name} is not valid", status=status)
        self.login.sent = True
        return self._keep(str(credentials.registry_token), from_login=True)

    def _keep(self, token: str, *, from_login: bool) -> str:
        self._tokens.add(token)
        self._token_is_from_login, self._token_worked = from_login, False
        return token


oras.auth.auth_backends[BACKEND] = RegistryAuth
