"""Answering challenges: what is sent to whom, how often, and what is never sent."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import oras.auth
import pytest
import responses

from ocisize.errors import AuthenticationFailed, RegistryError
from ocisize.oci.documents import Descriptor
from ocisize.oci.media_types import OCI_MANIFEST
from ocisize.blob.digest import Digest
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry.auth import RegistryAuth
from ocisize.sources.registry.challenges import parse_challenges
from ocisize.sources.registry.client import Connection
from ocisize.sources.registry.credentials import Credentials
from ocisize.sources.registry.source import RegistrySource
from ocisize.sources.registry.address import is_private_address
from tests.images import sha256
from tests.registry import (
    Answer,
    Request,
    Server,
    basic,
    challenge,
    errors,
    guarded,
    ranged,
    redirect,
    token_answer,
)

pytestmark = pytest.mark.usefixtures("home")
SECRET = "hunter2-very-secret"
USER = Credentials("user", SECRET)
MANIFEST = b'{"schemaVersion": 2}'
BLOB = b"layer" * 1000
DESCRIPTOR = Descriptor(Digest(sha256(BLOB)), len(BLOB))
MANIFEST_PATH, BLOB_PATH = "/v2/team/app/manifests/1", f"/v2/team/app/blobs/{DESCRIPTOR.digest}"
SCOPE = "repository:team/app:pull"
QUICK = Connection(timeout=(5, 5), retries=0)


def opened(host: str, credentials: Credentials | None = None, connection: Connection = QUICK) -> closing[RegistrySource]:
    reference = parse_reference(f"{host}/team/app:1")
    return closing(RegistrySource(reference, connection=connection, credentials=credentials))


def bearer(server: Server) -> str:
    return f'Bearer realm="{server.url}/token",service="reg",scope="{SCOPE}"'


def serve(server: Server, realm: str, *accepted: str) -> None:
    """A manifest and a blob for those who send one of the accepted headers."""
    server.on(MANIFEST_PATH, guarded(accepted, Answer(MANIFEST), realm))
    server.on(BLOB_PATH, guarded(accepted, ranged(BLOB), realm))


def refused(source: RegistrySource) -> RegistryError:
    """The error of a manifest that is not to be had, which keeps the secret."""
    with pytest.raises(RegistryError) as caught:
        source.read_manifest()
    text = str(caught.value) + repr(caught.value) + "".join(traceback.format_exception(caught.value))
    assert SECRET not in text
    assert basic("user", SECRET).split()[1] not in text
    assert "\n" not in str(caught.value)
    return caught.value


# Challenges


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ('Bearer realm="https://a/t",service="s",scope="x:y:pull,push"',
         [("bearer", {"realm": "https://a/t", "service": "s", "scope": "x:y:pull,push"})]),
        ("Bearer realm=https://a/t,service=s", [("bearer", {"realm": "https://a/t", "service": "s"})]),
        ('BEARER Realm="a" , SERVICE = "b"', [("bearer", {"realm": "a", "service": "b"})]),
        ('Bearer realm="a",service="",scope="c"', [("bearer", {"realm": "a", "service": "", "scope": "c"})]),
        (r'Bearer realm="a\"b\\c"', [("bearer", {"realm": r'a"b\c'})]),
        ('Basic realm="a, b", Bearer realm="c",service="d"',
         [("basic", {"realm": "a, b"}), ("bearer", {"realm": "c", "service": "d"})]),
        ('Negotiate, Basic realm="a"', [("negotiate", {}), ("basic", {"realm": "a"})]),
        ('Negotiate abc==, Basic realm="a"', [("negotiate", {}), ("basic", {"realm": "a"})]),
        ('NTLM TlRM/a+b=,Negotiate oYG/==, Basic realm="a"', [("ntlm", {}), ("negotiate", {}), ("basic", {"realm": "a"})]),
        ('Digest realm="a", qop="auth,auth-int", Basic realm="b"',
         [("digest", {"realm": "a", "qop": "auth,auth-int"}), ("basic", {"realm": "b"})]),
        ("Negotiate", [("negotiate", {})]),
        (', ,Basic realm="a",,charset="UTF-8"', [("basic", {"realm": "a", "charset": "UTF-8"})]),
        ('Bearer realm="a",service="x", Bearer realm="b"',
         [("bearer", {"realm": "a", "service": "x"}), ("bearer", {"realm": "b"})]),
        ('Bearer, Bearer realm="b"', [("bearer", {}), ("bearer", {"realm": "b"})]),
        ('Bearer !!, ;x, Basic realm="a"', [("bearer", {}), ("basic", {"realm": "a"})]),
        ('Bearer realm="a', [("bearer", {})]),
        ("=,=", []),
        ("Bearer realm=x" + " " * 60_000 + "!", [("bearer", {"realm": "x"})]),
        ("Bearer !" + ",!" * 30_000, [("bearer", {})]),
        ("Bearer !" + "," * 60_000, [("bearer", {})]),
    ],
)  # fmt: skip
def test_challenges_are_parsed(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    """Schemes and parameters come out whatever their case, quotes and order, and nonsense is skipped."""
    assert parse_challenges(header) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True), ("10.1.2.3", True), ("192.168.0.1", True), ("169.254.169.254", True), ("0.0.0.0", True),
        ("::1", True), ("[::1]", True), ("fe80::1", True), ("fd00::1", True), ("::ffff:127.0.0.1", True),
        ("localhost", True), ("LOCALHOST.", True), ("a.localhost", True), ("127.0.0.1.", True),
        ("8.8.8.8", False), ("2001:4860:4860::8888", False), ("auth.docker.io", False), ("localhost.com", False),
    ],
)  # fmt: skip
def test_private_addresses(host: str, expected: bool) -> None:
    """Loopback, private and link-local addresses are private; public ones and names are not."""
    assert is_private_address(host) is expected


def test_what_is_used_of_oras_is_there() -> None:
    """The parts of oras that the client is built on still exist."""
    assert oras.auth.auth_backends["ocisize"] is RegistryAuth
    assert hasattr(oras.auth.token.TokenAuth(), "token")


# Basic


def test_basic(server: Server) -> None:
    """A Basic challenge is answered once, after which the header is sent unasked."""
    serve(server, 'Basic realm="r"', basic("user", SECRET))
    with opened(server.host, USER) as source:
        assert source.read_manifest() == MANIFEST
        assert b"".join(source.open_blob(DESCRIPTOR)) == BLOB
    assert [request.authorization is not None for request in server.requests] == [False, True, True]


def test_basic_with_a_wrong_password(server: Server) -> None:
    """Refused credentials are sent once and no second time."""
    serve(server, 'Basic realm="r"', basic("user", "other"))
    with opened(server.host, USER) as source:
        error = refused(source)
    assert isinstance(error, AuthenticationFailed)
    assert error.status == 401
    assert "the given login was refused" in str(error)
    assert error.hint == "the given login has no access; replace it"
    assert [request.authorization for request in server.requests] == [None, basic("user", SECRET)]


@pytest.mark.parametrize("status", [401, 403])
def test_basic_credentials_that_open_not_everything(status: int, server: Server) -> None:
    """Credentials that were good for the manifest and are refused for a blob are not sent for it again."""
    serve(server, 'Basic realm="r"', basic("user", SECRET))
    server.on(BLOB_PATH, errors(status, "DENIED", headers={"WWW-Authenticate": 'Basic realm="r"'}))
    with opened(server.host, USER) as source:
        source.read_manifest()
        with pytest.raises(AuthenticationFailed, match=f"the registry answered {status}: DENIED") as caught:
            list(source.open_blob(DESCRIPTOR))
    assert caught.value.status == status
    assert "the given login has no access" in (caught.value.hint or "")
    assert len(server.requests_of(BLOB_PATH)) == 1


def test_basic_without_credentials(server: Server) -> None:
    """The hint for an anonymous client says how to log in."""
    serve(server, 'Basic realm="r"', "none")
    with opened(server.host) as source:
        error = refused(source)
    assert isinstance(error, AuthenticationFailed)
    assert f"docker login {server.host}" in (error.hint or "")
    assert len(server.requests) == 1


# Bearer


def test_anonymous_token(server: Server) -> None:
    """Without credentials a token is asked for without any, and serves for all that follows."""
    serve(server, bearer(server), "Bearer t1")
    server.on("/token", token_answer("t1"))
    with opened(server.host) as source:
        assert source.read_manifest() == MANIFEST
        assert b"".join(source.open_blob(DESCRIPTOR)) == BLOB
    (asked,) = server.requests_of("/token")
    assert asked.query == {"service": "reg", "scope": SCOPE}
    assert asked.authorization is None
    assert len(server.requests) == 4


def test_token_for_credentials(server: Server, second_server: Server) -> None:
    """Credentials go to the token service as Basic, and the registry sees the token only."""
    serve(server, bearer(second_server), "Bearer t1")
    second_server.on("/token", guarded([basic("user", SECRET)], Answer(b'{"access_token": "t1"}'), "Basic"))
    with opened(server.host, USER) as source:
        assert source.read_manifest() == MANIFEST
    assert [request.authorization for request in server.requests] == [None, "Bearer t1"]
    assert len(second_server.requests) == 1


@pytest.mark.parametrize("given", ['Bearer realm="{}/token"', 'Bearer realm="{}/token",service=""', "bearer Realm={}/token"])
def test_a_challenge_may_be_short(given: str, server: Server) -> None:
    """A scope that the challenge lacks is still requested; an empty service is left out."""
    serve(server, given.format(server.url), "Bearer t1")
    server.on("/token", token_answer("t1"))
    with opened(server.host) as source:
        assert source.read_manifest() == MANIFEST
    assert server.requests_of("/token")[0].query == {"scope": SCOPE}


def test_a_realm_may_be_relative(server: Server) -> None:
    """A realm without a host is one of the registry's own paths."""
    serve(server, 'Bearer realm="/token"', "Bearer t1")
    server.on("/token", token_answer("t1"))
    with opened(server.host) as source:
        assert source.read_manifest() == MANIFEST


def test_bearer_is_preferred(server: Server) -> None:
    """Of several schemes the one that keeps the password from the registry is taken."""
    serve(server, f'Negotiate, Basic realm="x", {bearer(server)}', "Bearer t1")
    server.on("/token", token_answer("t1"))
    with opened(server.host, USER) as source:
        assert source.read_manifest() == MANIFEST
    assert {request.authorization for request in server.requests_of(MANIFEST_PATH)} == {None, "Bearer t1"}


def test_an_expired_token_is_renewed_once(server: Server) -> None:
    """A token that was good and is refused now is replaced by a new one, and the request repeated."""
    server.on(MANIFEST_PATH, guarded(["Bearer t1"], Answer(MANIFEST), bearer(server)))
    server.on(BLOB_PATH, guarded(["Bearer t2"], ranged(BLOB), bearer(server)))
    server.on("/token", token_answer("t1"), token_answer("t2"), token_answer("t3"))
    with opened(server.host, USER) as source:
        assert source.read_manifest() == MANIFEST
        assert b"".join(source.open_blob(DESCRIPTOR)) == BLOB
    assert [request.authorization for request in server.requests_of(BLOB_PATH)] == ["Bearer t1", "Bearer t2"]
    assert len(server.requests_of("/token")) == 2


def test_a_token_may_expire_within_a_blob(server: Server) -> None:
    """A download that is resumed with a token gone stale gets a new one and goes on."""
    server.on(MANIFEST_PATH, guarded(["Bearer t1"], Answer(MANIFEST), bearer(server)))
    fresh = guarded(["Bearer t2"], ranged(BLOB), bearer(server))
    server.on(BLOB_PATH, guarded(["Bearer t1"], ranged(BLOB, cut=1000), bearer(server)), fresh)
    server.on("/token", token_answer("t1"), token_answer("t2"))
    with opened(server.host, connection=Connection(timeout=(5, 5), retries=1)) as source:
        source.read_manifest()
        assert b"".join(source.open_blob(DESCRIPTOR)) == BLOB
    assert len(server.requests_of("/token")) == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_opens_nothing(status: int, server: Server) -> None:
    """A fresh token that is refused as well ends it: no access, with the registry's status."""
    denied = errors(status, "DENIED", "requested access to the resource is denied", {"WWW-Authenticate": bearer(server)})
    server.on(MANIFEST_PATH, challenge(bearer(server)), denied)
    server.on("/token", token_answer("t1"))
    with opened(server.host) as source:
        error = refused(source)
    assert isinstance(error, AuthenticationFailed)
    assert error.status == status
    assert "docker login" in (error.hint or "")
    assert len(server.requests) <= 5


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_wrong_password_is_tried_once(status: int, server: Server) -> None:
    """The token service gets a wrong password exactly once, so that no account gets locked; then no password."""
    serve(server, bearer(server), "none")
    server.on("/token", errors(status, "UNAUTHORIZED", "wrong"))
    with opened(server.host, USER, Connection(timeout=(5, 5))) as source:
        error = refused(source)
    assert isinstance(error, AuthenticationFailed)
    answer = f"token service {server.host} answered {status}: UNAUTHORIZED wrong"
    denied = f"{server.host}/team/app:1: access denied ({status})"
    assert str(error) == f"{denied}; the given login was refused: {answer}"
    assert error.status == status
    assert [request.authorization for request in server.requests_of("/token")] == [basic("user", SECRET), None]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>"), Answer(b"[]"), Answer(b"{}"), Answer(b'{"token": 5}'), Answer(b'{"token": ""}'), Answer(b"[" * 99_999),
        Answer(b'{"token": "hunter2-very-secret\\n"}'), Answer(b'{"token": "hunter2-very-secret \xc3\xbc"}'),
        Answer(b"x" * (2 << 20)), Answer(b"", 500), Answer(b"{}", cut=1),
    ],
)  # fmt: skip
def test_token_services_that_talk_nonsense(answer: Answer, server: Server) -> None:
    """Whatever a token service says instead of a token is one clear error."""
    serve(server, bearer(server), "none")
    server.on("/token", answer)
    with opened(server.host, USER) as source:
        error = refused(source)
    assert "token service" in str(error)
    assert len(server.requests) == (2 if answer.cut is None else 3)  # a cut one is asked for again


def test_a_token_service_that_is_away(server: Server) -> None:
    """A token service that cannot be reached is named."""
    serve(server, 'Bearer realm="http://127.0.0.1:1/token"', "none")
    with opened(server.host, USER) as source:
        assert "token service 127.0.0.1:1 cannot be reached" in str(refused(source))


@pytest.mark.parametrize("body", [Answer(b"", 401), Answer(b"", 403), Answer(b"x" * 9, 401, {"WWW-Authenticate": "Bogus"})])
@pytest.mark.parametrize("credentials", [None, USER])
def test_no_challenge_ends_it(body: Answer, credentials: Credentials | None, server: Server) -> None:
    """A refusal that names no way to log in is final once ``/v2/`` names none either, and nothing is sent on suspicion."""
    server.on(MANIFEST_PATH, body)
    with opened(server.host, credentials, Connection(timeout=(5, 5))) as source:
        error = refused(source)
    assert isinstance(error, AuthenticationFailed)
    assert error.status == body.status
    assert "refused" not in str(error) + str(error.hint)
    assert [(request.path, request.authorization) for request in server.requests] == [(MANIFEST_PATH, None), ("/v2/", None)]


def test_the_body_of_a_challenge_does_not_matter(server: Server) -> None:
    """A challenge whose body breaks off is answered like any other."""
    broken = Answer(b"x" * 100, 401, {"WWW-Authenticate": bearer(server)}, cut=10)
    server.on(MANIFEST_PATH, broken, guarded(["Bearer t1"], Answer(MANIFEST), "x"))
    server.on("/token", token_answer("t1"))
    with opened(server.host) as source:
        assert source.read_manifest() == MANIFEST


# Identity and registry tokens


def test_identity_token(server: Server) -> None:
    """An identity token is exchanged by POST, as OAuth2 wants it."""
    serve(server, bearer(server), "Bearer t1")
    server.on("/token", Answer(b'{"access_token": "t1"}'))
    with opened(server.host, Credentials(identity_token=SECRET)) as source:
        assert source.read_manifest() == MANIFEST
    (asked,) = server.requests_of("/token")
    assert asked.method == "POST"
    assert asked.authorization is None
    assert dict(parse_qsl(asked.body.decode())) == {
        "grant_type": "refresh_token", "service": "reg", "client_id": "ocisize", "scope": SCOPE, "refresh_token": SECRET,
    }  # fmt: skip
    assert SECRET not in asked.query.values()


@pytest.mark.parametrize(
    ("credentials", "sent"),
    [
        (Credentials(identity_token=SECRET), basic("<token>", SECRET)),
        (Credentials("0000", "", identity_token=SECRET), basic("0000", SECRET)),
        (Credentials("user", "pw", identity_token=SECRET), basic("user", "pw")),
    ],
)
def test_identity_token_without_oauth(credentials: Credentials, sent: str, server: Server) -> None:
    """A token service that knows no POST gets a GET, with the identity token in place of a missing password."""
    serve(server, bearer(server), "Bearer t1")

    def answer(request: Request) -> Answer:
        return Answer(b"", 404) if request.method == "POST" else token_answer("t1")

    server.on("/token", answer)
    with opened(server.host, credentials) as source:
        assert source.read_manifest() == MANIFEST
    assert [request.method for request in server.requests_of("/token")] == ["POST", "GET"]
    assert server.requests_of("/token")[1].authorization == sent


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_an_identity_token_that_no_post_takes(status: int, server: Server) -> None:
    """JFrog answers 401, and ACR 400, to a POST that they do not support: the token is sent by GET, as containerd does."""
    serve(server, bearer(server), "Bearer t1")
    server.on("/token", Answer(b"{}", status), guarded([basic("<token>", SECRET)], token_answer("t1"), "x"))
    with opened(server.host, Credentials(identity_token=SECRET)) as source:
        assert source.read_manifest() == MANIFEST
        assert list(source.warnings) == []
    assert [request.method for request in server.requests_of("/token")] == ["POST", "GET"]


@pytest.mark.parametrize("second", [401, 404])
def test_a_refused_identity_token(second: int, server: Server) -> None:
    """An identity token that is refused by POST and by GET is not sent again; the refusal is shown, not a missing GET."""
    serve(server, bearer(server), "none")
    server.on("/token", Answer(b"{}", 401), Answer(b"{}", second))
    with opened(server.host, Credentials(identity_token=SECRET)) as source:
        error = refused(source)
    assert isinstance(error, AuthenticationFailed)
    assert f"the given login was refused: token service {server.host} answered 401" in str(error)
    assert [request.authorization for request in server.requests_of("/token")] == [None, basic("<token>", SECRET), None]


def test_registry_token(server: Server) -> None:
    """A registry token is the Bearer token itself."""
    serve(server, bearer(server), f"Bearer {SECRET}")
    with opened(server.host, Credentials(registry_token=SECRET)) as source:
        assert source.read_manifest() == MANIFEST
    assert server.requests_of("/token") == []


def test_a_refused_registry_token(server: Server) -> None:
    """A registry token that has expired is not sent again."""
    server.on(MANIFEST_PATH, guarded([f"Bearer {SECRET}"], Answer(MANIFEST), bearer(server)))
    server.on(BLOB_PATH, challenge(bearer(server)))
    server.on("/token", Answer(b"", 401))
    with opened(server.host, Credentials(registry_token=SECRET)) as source:
        source.read_manifest()
        with pytest.raises(AuthenticationFailed) as caught:
            list(source.open_blob(DESCRIPTOR))
    assert caught.value.status == 401
    assert len(server.requests_of(BLOB_PATH)) == 1


# Who gets what


def test_storage_gets_no_secret(server: Server, second_server: Server) -> None:
    """A blob on another host is fetched without the registry's token."""
    serve(server, bearer(server), "Bearer t1")
    server.on("/token", token_answer("t1"))
    server.on(BLOB_PATH, guarded(["Bearer t1"], redirect(f"{second_server.url}/blob?signature=x"), bearer(server)))
    second_server.on("/blob", ranged(BLOB))
    with opened(server.host, USER) as source:
        source.read_manifest()
        assert b"".join(source.open_blob(DESCRIPTOR)) == BLOB
    assert [request.authorization for request in second_server.requests] == [None]


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_storage_cannot_ask_for_secrets(scheme: str, server: Server, second_server: Server) -> None:
    """A challenge by the host that a redirect leads to is not answered."""
    server.on(BLOB_PATH, redirect(f"{second_server.url}/blob"))
    second_server.on("/blob", challenge(f'{scheme} realm="{second_server.url}/token"'))
    with opened(server.host, USER) as source, pytest.raises(RegistryError) as caught:
        list(source.open_blob(DESCRIPTOR))
    assert caught.value.status == 401
    assert not isinstance(caught.value, AuthenticationFailed)
    assert [(request.path, request.authorization) for request in second_server.requests] == [("/blob", None)]


def test_netrc_is_left_alone(server: Server, second_server: Server, home: Path) -> None:
    """What ~/.netrc knows replaces no token and goes to no storage host."""
    (home / ".netrc").write_text(f"default login user password {SECRET}\n")
    (home / ".netrc").chmod(0o600)
    serve(server, bearer(server), "Bearer t1")
    server.on("/token", token_answer("t1"))
    server.on(BLOB_PATH, guarded(["Bearer t1"], redirect(f"{second_server.url}/blob"), bearer(server)))
    second_server.on("/blob", ranged(BLOB))
    with opened(server.host) as source:
        source.read_manifest()
        assert b"".join(source.open_blob(DESCRIPTOR)) == BLOB
    sent = {request.authorization for request in server.requests + second_server.requests}
    assert sent == {None, "Bearer t1"}


def test_an_upper_case_host_is_the_same_host(server: Server) -> None:
    """The registry is recognised in its own answers although names are sent in lower case."""
    host = server.host.replace("127.0.0.1", "LOCALHOST")
    serve(server, bearer(server), "Bearer t1")
    server.on("/token", token_answer("t1"))
    with opened(host) as source:
        assert source.read_manifest() == MANIFEST


def test_threads_share_one_token(server: Server) -> None:
    """Many threads that are challenged at once cost one token."""
    serve(server, bearer(server), "Bearer t1")
    together = threading.Barrier(8, timeout=20)

    def first(request: Request) -> Answer:
        if request.authorization is None:
            together.wait()
        return guarded(["Bearer t1"], ranged(BLOB), bearer(server))(request)

    server.on(BLOB_PATH, first)
    server.on("/token", token_answer("t1"), token_answer("t2"))
    with opened(server.host, USER) as source, ThreadPoolExecutor(8) as pool:
        results = pool.map(lambda _: b"".join(source.open_blob(DESCRIPTOR)), range(8))
        assert list(results) == [BLOB] * 8
    assert len(server.requests_of("/token")) == 1


# Docker Hub and other hosts behind TLS, mocked


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def https_registry(web: responses.RequestsMock, host: str, realm: str) -> None:
    """A registry that challenges everybody without the token ``t1``."""

    def answer(request: Any) -> tuple[int, dict[str, str], bytes]:
        if request.headers.get("Authorization") == "Bearer t1":
            return 200, {"Content-Type": OCI_MANIFEST}, MANIFEST
        return 401, {"WWW-Authenticate": realm}, b"{}"

    web.add_callback("GET", f"https://{host}/v2/team/app/manifests/1", answer)


def sent_to(web: responses.RequestsMock, host: str) -> list[Any]:
    return [call.request for call in web.calls if urlsplit(str(call.request.url)).netloc == host]


HUB = "registry-1.docker.io"
HUB_REALM = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/ubuntu:pull"'


@pytest.mark.parametrize("credentials", [None, USER])
def test_docker_hub(credentials: Credentials | None, web: responses.RequestsMock) -> None:
    """``ubuntu`` is fetched from Docker Hub's API host with a token of its token service."""

    def registry(request: Any) -> tuple[int, dict[str, str], bytes]:
        assert OCI_MANIFEST in request.headers["Accept"]
        known = request.headers.get("Authorization") == "Bearer t1"
        return (200, {}, MANIFEST) if known else (401, {"WWW-Authenticate": HUB_REALM}, b"{}")

    web.add_callback("GET", f"https://{HUB}/v2/library/ubuntu/manifests/latest", registry)
    web.add("GET", "https://auth.docker.io/token", json={"token": "t1", "access_token": "t1", "expires_in": 300})
    with closing(RegistrySource(parse_reference("ubuntu"), credentials=credentials)) as source:
        assert source.read_manifest() == MANIFEST
    (asked,) = sent_to(web, "auth.docker.io")
    query = {"service": ["registry.docker.io"], "scope": ["repository:library/ubuntu:pull"]}
    assert parse_qs(urlsplit(asked.url).query) == query
    assert asked.headers.get("Authorization") == (credentials.basic if credentials else None)
    assert len(web.calls) == 3


def test_docker_hub_denies(web: responses.RequestsMock) -> None:
    """A private or missing repository of Docker Hub is a failure to log in, with the name that a person knows."""
    body = json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]})
    url = f"https://{HUB}/v2/team/app/manifests/1"
    web.add("GET", url, body=body, status=401, headers={"WWW-Authenticate": HUB_REALM.replace("library/ubuntu", "team/app")})
    web.add("GET", "https://auth.docker.io/token", json={"token": "t1"})
    with closing(RegistrySource(parse_reference("team/app:1"))) as source:
        error = refused(source)
    assert isinstance(error, AuthenticationFailed)
    assert "docker.io/team/app:1: the registry answered 401: UNAUTHORIZED authentication required" in str(error)
    assert "docker login;" in (error.hint or "")
    assert "if the image is local: ocisize docker-daemon:team/app:1" in (error.hint or "")
    assert len(web.calls) == 3


def test_docker_hub_limits(web: responses.RequestsMock) -> None:
    """When Docker Hub's limit is reached the error says so and what helps."""
    body = json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit."}]})
    web.add("GET", f"https://{HUB}/v2/team/app/manifests/1", body=body, status=429)
    with closing(RegistrySource(parse_reference("team/app:1"), connection=QUICK)) as source:
        error = refused(source)
    assert error.status == 429
    assert "TOOMANYREQUESTS You have reached your pull rate limit." in str(error)
    assert error.hint == "docker login raises the limit; or wait and try again"


@pytest.mark.parametrize(
    "realm",
    [
        "http://auth.reg.io/token", "https://127.0.0.1/token", "https://10.0.0.1:5000/token",
        "https://[::1]/token", "https://169.254.169.254/latest", "https://localhost/token", "https://[::1/token", "", "file:///x",
        "ftp://reg.io/x", "http://auth.reg.io/\x1b[31mred",
    ],
)  # fmt: skip
def test_bad_realms_get_no_secret(realm: str, web: responses.RequestsMock) -> None:
    """Credentials for a registry behind TLS go nowhere in the clear, nor to a private address."""
    https_registry(web, "reg.io", f'Bearer realm="{realm}",service="s"')
    with opened("reg.io", USER) as source:
        error = refused(source)
    assert {urlsplit(str(call.request.url)).netloc for call in web.calls} == {"reg.io"}
    assert not any("Authorization" in call.request.headers for call in web.calls)
    assert isinstance(error, AuthenticationFailed)
    assert error.status == 401
    assert "\x1b" not in str(error)


def test_a_private_registry_may_have_a_private_realm(web: responses.RequestsMock) -> None:
    """A registry at a private address can have its token service there, too."""
    https_registry(web, "10.0.0.1:5000", 'Bearer realm="https://10.0.0.2/token"')
    web.add("GET", "https://10.0.0.2/token", json={"token": "t1"})
    with opened("10.0.0.1:5000", USER) as source:
        assert source.read_manifest() == MANIFEST


def test_redirects_from_public_to_private_are_refused(web: responses.RequestsMock) -> None:
    """A public registry cannot make us ask addresses of the network we are in."""
    url = f"https://reg.io{BLOB_PATH}"
    web.add("GET", url, status=307, headers={"Location": "http://169.254.169.254/latest"})
    with opened("reg.io") as source, pytest.raises(RegistryError, match="private address: 169.254.169.254") as caught:
        list(source.open_blob(DESCRIPTOR))
    assert caught.value.status == 307
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    ("target", "keeps"),
    [
        ("https://cdn.io/blob", False), ("https://reg.io:444/blob", False), ("http://reg.io/blob", False),
        ("https://reg.io/blob", True), ("https://sub.reg.io/blob", False),
    ],
)  # fmt: skip
def test_redirects_keep_the_token_at_home(target: str, keeps: bool, web: responses.RequestsMock) -> None:
    """A redirect takes the token along within the registry's host, port and scheme only."""
    https_registry(web, "reg.io", 'Bearer realm="https://auth.reg.io/token"')
    web.add("GET", "https://auth.reg.io/token", json={"token": "t1"})
    web.add("GET", f"https://reg.io{BLOB_PATH}", status=307, headers={"Location": target})
    web.add("GET", target, body=BLOB)
    with opened("reg.io", USER) as source:
        source.read_manifest()
        assert b"".join(source.open_blob(DESCRIPTOR)) == BLOB
    assert web.calls[-1].request.headers.get("Authorization") == ("Bearer t1" if keeps else None)


def test_one_registry_knows_nothing_of_another(web: responses.RequestsMock) -> None:
    """Credentials belong to one source; a second source starts anonymous."""
    for host in ("one.io", "two.io"):
        https_registry(web, host, f'Bearer realm="https://auth.{host}/token"')
        web.add("GET", f"https://auth.{host}/token", json={"token": "t1"})
    readers: list[Callable[[], bytes]] = []
    with opened("one.io", USER) as one, opened("two.io") as two:
        readers += [one.read_manifest, two.read_manifest]
        assert [read() for read in readers] == [MANIFEST, MANIFEST]
    assert "Authorization" in sent_to(web, "auth.one.io")[0].headers
    assert "Authorization" not in sent_to(web, "auth.two.io")[0].headers
