"""Harnesses of what decides how a registry is asked: stored logins, and challenges with the addresses that they name."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

from ocisize.errors import AuthenticationFailed
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry.challenges import parse_challenges
from ocisize.sources.registry.credential_files import Place, find_entry, read_config
from ocisize.sources.registry.credentials import StoredLogin
from ocisize.sources.registry.token_service import TokenService
from tests.fuzz.images import JSON_TOKENS
from tests.fuzz.oracle import Harness, Refused, outcome
from tests.fuzz.shapes import as_text, edited

SECRET = "hunter2-hunter2"
_REFERENCES = tuple(map(parse_reference, ("registry.io:5000/team/app:1", "app", "127.0.0.1:5000/app")))
_NOWHERE = {"HOME": "/nowhere", "XDG_RUNTIME_DIR": "/nowhere"}

# logins


def run_logins(data: bytes) -> None:
    """A configuration of docker or podman gives credentials that can be sent, or problems that show nothing of it."""
    text = as_text(data[1:])
    for reference in _REFERENCES:
        login = StoredLogin(reference, {**_NOWHERE, "DOCKER_AUTH_CONFIG": text})
        again = StoredLogin(reference, {**_NOWHERE, "DOCKER_AUTH_CONFIG": text})
        assert login.credentials == again.credentials
        assert login.problems == again.problems
        _check_credentials(login.credentials, *login.problems)
        legacy = outcome(lambda: read_config(Place("~/.dockercfg", text=text, legacy=True)))
        if isinstance(legacy, Refused):
            assert legacy.kind is AuthenticationFailed and SECRET not in legacy.message
        elif legacy is not None:
            entry = outcome(lambda reference=reference, legacy=legacy: find_entry(legacy, reference))  # type: ignore[misc]
            if isinstance(entry, Refused):
                assert SECRET not in entry.message
            else:
                _check_credentials(entry)


def _check_credentials(credentials: Any, *problems: str) -> None:
    assert not any(SECRET in problem for problem in problems)
    if credentials is not None:
        assert SECRET not in repr(credentials) + str(credentials) or SECRET in (credentials.username or "")
        assert credentials.basic is None or credentials.basic.isascii()
        assert credentials.has_secret in (True, False)


def run_logins_edited(data: bytes) -> None:
    """The same with well-formed JSON."""
    number = data[0] if data else 0
    document = edited(json.loads(_LOGINS[number % len(_LOGINS)]), data[1:])
    run_logins(b"\0" + json.dumps(document).encode())


_AUTH = base64.b64encode(f"user:{SECRET}".encode()).decode()
_LOGINS = (
    json.dumps({"auths": {"registry.io:5000": {"auth": _AUTH}, "registry.io:5000/team": {"identitytoken": SECRET}}}),
    json.dumps({"auths": {"https://index.docker.io/v1/": {"username": "\udcff", "password": SECRET}, "127.0.0.1:5000": {"auth": "\n"}}}),
    json.dumps({"credHelpers": {"registry.io:5000": "ocisize-nowhere"}, "credsStore": "ocisize-nowhere/../x", "auths": None}),
    json.dumps({"https://registry.io:5000/v1/": {"auth": _AUTH, "email": ""}, "docker.io": {"registrytoken": SECRET}}),
    json.dumps({"auths": {"docker.io": {"username": "\ud800", "password": SECRET}}}),
)  # fmt: skip


def login_seeds() -> list[bytes]:
    return [b"\0" + text.encode() for text in _LOGINS]


def login_edits() -> list[bytes]:
    return [bytes([number, 0, number * 3, number * 9 % 256, number]) for number in range(60)]


# challenges


def run_challenges(data: bytes) -> None:
    """A WWW-Authenticate header gives challenges, and each address in it can be asked, or is refused."""
    text = as_text(data)
    challenges = parse_challenges(text)
    assert challenges == parse_challenges(text)
    for scheme, parameters in challenges:
        assert scheme == scheme.lower() and all(name == name.lower() for name in parameters)
    for realm in [text, *(challenge.parameters.get("realm", "") for challenge in challenges[:5])]:
        for url, is_private in (("https://registry.io", False), ("http://127.0.0.1:5000", True)):
            session: Any = SimpleNamespace(connections=SimpleNamespace(registry_is_private=is_private))
            service = TokenService(session, url, True, lambda: ())
            found = outcome(lambda service=service, realm=realm: service.find_realm(realm))  # type: ignore[misc]
            if not isinstance(found, Refused):
                assert found.url.startswith(("https://", "http://"))
                assert not (found.takes_secrets and url.startswith("https:") and found.url.startswith("http:"))


CHALLENGES = (
    'Bearer realm="https://auth.io/token",service="registry.io",scope="repository:a/b:pull"',
    'Negotiate YII=, Basic realm="x", Bearer realm="http://registry.io/token"', 'Bearer', 'Basic realm=x,,charset="UTF-8"',
    'Bearer realm="/token"', 'Bearer realm="https://[::1]:99999/"', 'bearer REALM="http://127.0.0.1:5000/t" , basic',
    'Bearer realm="https://user:pass@auth.io"', 'Bearer realm="a\\"b\\\\"', "https://registry.io:5000/token", "//auth.io/x",
)  # fmt: skip


HARNESSES = {
    "logins": Harness(run_logins, login_seeds, (*JSON_TOKENS[-14:], b'"auths"', b'"auth"', b'"credsStore"', b"https://", b"/v1/", b"\\udcff"), quick=400),
    "logins-edited": Harness(run_logins_edited, login_edits, quick=200),
    "challenges": Harness(run_challenges, lambda: [text.encode() for text in CHALLENGES], (b"Bearer ", b"realm=", b'"', b"\\", b",", b"://", b"[", b"]:", b"\xff")),
}  # fmt: skip
