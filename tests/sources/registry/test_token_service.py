"""Token services that redirect, or have no TLS: where a login goes, and where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
import responses

from ocisize.errors import AuthenticationFailed, RegistryError
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry.credentials import Credentials
from ocisize.sources.registry.source import RegistrySource
from tests.pulling import MANIFEST, PATH, QUICK, SECRET, USER, failure, opened
from tests.registry import (
    Answer,
    Request,
    Server,
    Signer,
    basic,
    challenge,
    errors,
    free_port,
    guarded,
    token_answer,
)

pytestmark = pytest.mark.usefixtures("home")
LOGIN = basic("user", SECRET)


def bearer(url: str) -> str:
    return f'Bearer realm="{url}/token",service="reg"'


def moved(url: str, status: int = 301) -> Answer:
    return Answer(b"", status, {"Location": url})


def serve(server: Server, realm: str) -> None:
    """A manifest for those with the token ``t1``."""
    server.on(PATH, guarded(["Bearer t1"], Answer(MANIFEST), realm))


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("credentials", [None, USER])
@pytest.mark.parametrize("target", ["/token/", "{}/token/"])
def test_a_token_service_that_redirects_within_its_origin(
    status: int, credentials: Credentials | None, target: str, server: Server
) -> None:
    """The login goes along to another path of the same scheme, host and port, as with skopeo."""
    serve(server, bearer(server.url))

    def answer(request: Request) -> Answer:
        asked = "&".join(f"{name}={value}" for name, value in request.query.items())
        return moved(f"{target.format(server.url)}?{asked}", status)

    server.on("/token", answer)
    server.on("/token/", token_answer("t1"))
    with opened(server.host, credentials=credentials) as source:
        assert source.read_manifest() == MANIFEST
    (asked,) = server.requests_of("/token/")
    assert asked.query == {"service": "reg", "scope": "repository:app:pull"}
    assert asked.authorization == (LOGIN if credentials else None)


@pytest.mark.parametrize(("status", "method"), [(301, "POST"), (302, "POST"), (307, "POST"), (308, "POST"), (303, "GET")])
def test_an_identity_token_goes_along(status: int, method: str, server: Server) -> None:
    """A POST stays a POST, with its body, except after a 303."""
    serve(server, bearer(server.url))
    server.on("/token", moved("/oauth", status))
    server.on("/oauth", token_answer("t1"))
    with opened(server.host, credentials=Credentials(identity_token=SECRET)) as source:
        assert source.read_manifest() == MANIFEST
    (asked,) = server.requests_of("/oauth")
    assert (asked.method, SECRET.encode() in asked.body) == (method, method == "POST")


@pytest.mark.parametrize("credentials", [USER, Credentials(identity_token=SECRET)])
def test_a_login_goes_to_no_other_host(credentials: Credentials, server: Server, second_server: Server) -> None:
    """A token service that redirects to another port or host gets no login there: it is asked without one."""
    serve(server, bearer(server.url))
    server.on("/token", moved(f"{second_server.url}/token"))
    second_server.on("/token", token_answer("t1"))
    reason = f"token service {server.host} redirects to another host, which gets no login: {second_server.host}"
    with opened(server.host, credentials=credentials) as source:
        assert source.read_manifest() == MANIFEST
        (warning,) = source.warnings
        assert warning == f"the given login was not sent: {reason}; the image is read without a login"
    second_server.on("/token", errors(401, "UNAUTHORIZED"))
    with opened(server.host, credentials=credentials) as source:
        error = failure(source.read_manifest)
    assert f"the given login was not sent: {reason}" in str(error)
    assert error.hint == "the token service needs another address, which the registry's owner sets"
    assert {(request.authorization, request.body) for request in second_server.requests} == {(None, b"")}


def test_an_anonymous_request_may_go_elsewhere(server: Server, second_server: Server) -> None:
    """Without a login there is no secret to lose."""
    serve(server, bearer(server.url))
    server.on("/token", moved(f"{second_server.url}/token"))
    second_server.on("/token", token_answer("t1"))
    with opened(server.host) as source:
        assert source.read_manifest() == MANIFEST


@pytest.mark.parametrize("target", ["/token", "http://[::1/", "ftp://x/token", "http://user:word@127.0.0.1/"])
def test_redirects_that_lead_nowhere(target: str, server: Server) -> None:
    """A loop ends after five redirects, and an address that is none is an error at once."""
    serve(server, bearer(server.url))
    server.on("/token", moved(target))
    for credentials in (None, USER):
        with opened(server.host, credentials=credentials) as source:
            assert isinstance(failure(source.read_manifest), RegistryError)
    assert len(server.requests_of("/token")) <= 12


# Addresses without TLS


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer.make(tmp_path_factory.mktemp("signer"))


@pytest.fixture
def secure(home: Path, signer: Signer) -> Iterator[Server]:
    """A registry behind TLS."""
    running = Server(signer)
    yield running
    running.close()


def trusting(host: str, signer: Signer, credentials: Credentials | None) -> closing[RegistrySource]:
    connection = attrs.evolve(QUICK, plain_http=False, tls_verify=str(signer.certificate))
    return closing(RegistrySource(parse_reference(f"{host}/app:1"), connection=connection, credentials=credentials))


@pytest.mark.parametrize("credentials", [None, USER])
def test_a_registry_that_does_not_know_its_tls(credentials: Credentials | None, secure: Server, signer: Signer) -> None:
    """Behind a proxy with TLS, a registry names http for its own address: https is used, also for the login."""
    serve(secure, bearer(f"http://{secure.host}"))
    secure.on("/token", token_answer("t1"))
    with trusting(secure.host, signer, credentials) as source:
        assert source.read_manifest() == MANIFEST
        assert list(source.warnings) == []
    assert secure.requests_of("/token")[0].authorization == (LOGIN if credentials else None)


def test_an_anonymous_token_in_the_clear(secure: Server, server: Server, signer: Signer) -> None:
    """A token service at another port of the registry's host gives anonymous tokens over http, as for skopeo."""
    serve(secure, bearer(server.url))
    server.on("/token", token_answer("t1"))
    with trusting(secure.host, signer, None) as source:
        assert source.read_manifest() == MANIFEST


def test_a_public_image_whose_login_would_go_in_the_clear(secure: Server, server: Server, signer: Signer) -> None:
    """The login is not sent over http; the image is read without it, with a warning."""
    serve(secure, bearer(server.url))
    server.on("/token", token_answer("t1"))
    with trusting(secure.host, signer, USER) as source:
        assert source.read_manifest() == MANIFEST
        (warning,) = source.warnings
    assert "the given login was not sent: the token service has no TLS: http://" in warning
    assert {request.authorization for request in server.requests} == {None}


@pytest.mark.parametrize("credentials", [None, USER, Credentials(identity_token=SECRET)])
def test_a_service_that_redirects_to_tls(
    credentials: Credentials | None, secure: Server, server: Server, signer: Signer
) -> None:
    """An http address that redirects to https on the registry's host gets no login; the https address does."""
    serve(secure, bearer(server.url))
    server.on("/token", lambda request: moved(f"{secure.url}/auth?scope={request.query['scope']}"))
    secure.on("/auth", token_answer("t1"))
    with trusting(secure.host, signer, credentials) as source:
        assert source.read_manifest() == MANIFEST
        assert list(source.warnings) == []
    assert {request.authorization for request in server.requests} == {None}
    assert {request.body for request in server.requests} == {b""}
    (asked,) = secure.requests_of("/auth")
    if credentials is USER:
        assert asked.authorization == LOGIN
    elif credentials is not None:
        assert SECRET.encode() in asked.body
    else:
        assert asked.query == {"scope": "repository:app:pull"}


def test_an_upgrade_to_tls(secure: Server, server: Server, signer: Signer) -> None:
    """A registry over plain http may have a token service that redirects to https on the host, at another port, too."""
    serve(server, bearer(server.url))
    server.on("/token", moved(f"{secure.url}/token"))
    secure.on("/token", token_answer("t1"))
    connection = attrs.evolve(QUICK, plain_http=True, tls_verify=str(signer.certificate))
    with opened(server.host, connection, credentials=USER) as source:
        assert source.read_manifest() == MANIFEST
    assert secure.requests_of("/token")[0].authorization == LOGIN


def test_a_private_image_whose_login_would_go_in_the_clear(secure: Server, server: Server, signer: Signer) -> None:
    """The error says that the login was not sent, and why; not that it was refused."""
    serve(secure, bearer(server.url))
    server.on("/token", errors(401, "UNAUTHORIZED"))
    with trusting(secure.host, signer, USER) as source:
        error = failure(source.read_manifest)
    assert isinstance(error, AuthenticationFailed)
    assert "was not sent: the token service has no TLS" in str(error)
    assert "refused" not in str(error)
    assert "https address" in (error.hint or "")
    assert {request.authorization for request in server.requests} == {None}


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.mark.parametrize("credentials", [None, USER])
@pytest.mark.parametrize(
    "realm", ["http://reg.io/service/token", "http://reg.io:80/service/token", "https://reg.io/service/token"]
)
def test_the_usual_ports(realm: str, credentials: Credentials | None, web: responses.RequestsMock) -> None:
    """Harbor behind a proxy names http without a port: https at the registry's own port takes its place."""

    def answer(request: Any) -> tuple[int, dict[str, str], bytes]:
        if request.headers.get("Authorization") == "Bearer t1":
            return 200, {}, MANIFEST
        return 401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="s"'}, b"{}"

    web.add_callback("GET", "https://reg.io/v2/app/manifests/1", answer)
    web.add("GET", "https://reg.io/service/token", json={"token": "t1"})
    with opened("reg.io", credentials=credentials) as source:
        assert source.read_manifest() == MANIFEST
    assert web.calls[1].request.headers.get("Authorization") == (LOGIN if credentials else None)


@pytest.mark.parametrize(("host", "realm"), [("reg.io:8443", "http://reg.io/token"), ("reg.io", "http://reg.io:8080/token")])
def test_another_port(host: str, realm: str, web: responses.RequestsMock) -> None:
    """At another port of the host, http is taken as it is named, and gets no login."""
    web.add("GET", f"https://{host}/v2/app/manifests/1", status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})
    web.add("GET", f"https://{host}/v2/app/manifests/1", body=MANIFEST)
    web.add("GET", realm, json={"token": "t1"})
    with opened(host, credentials=USER) as source:
        assert source.read_manifest() == MANIFEST
        assert len(source.warnings) == 1
    assert "Authorization" not in web.calls[1].request.headers


@pytest.mark.parametrize("credentials", [None, USER])
@pytest.mark.parametrize(
    "target", ["https://169.254.169.254/latest", "http://auth.io/token", "https://10.0.0.1/token", "https://localhost/"]
)
def test_redirects_that_are_traps(target: str, credentials: Credentials | None, web: responses.RequestsMock) -> None:
    """A public token service cannot lead into the network of the client, nor out of TLS, even the anonymous."""
    realm = 'Bearer realm="https://auth.reg.io/token"'
    web.add("GET", "https://reg.io/v2/app/manifests/1", status=401, headers={"WWW-Authenticate": realm})
    web.add("GET", "https://auth.reg.io/token", status=302, headers={"Location": target})
    with opened("reg.io", credentials=credentials) as source:
        error = failure(source.read_manifest)
    assert isinstance(error, RegistryError)
    assert ("without TLS on another host" if "auth" in target else "a private address") in str(error)
    assert {urlsplit(str(call.request.url)).hostname for call in web.calls} == {"reg.io", "auth.reg.io"}
    assert len(web.calls) <= 3  # one with the login and one without


def test_a_redirect_to_https(web: responses.RequestsMock) -> None:
    """A token service that redirects from http to https on its host gets the login there, too."""
    web.add("GET", "http://reg.io/token", status=301, headers={"Location": "https://reg.io/token?scope=x"})
    web.add("GET", "https://reg.io/token", json={"token": "t1"})
    realm = 'Bearer realm="http://reg.io/token"'
    web.add("GET", "http://reg.io/v2/app/manifests/1", status=401, headers={"WWW-Authenticate": realm})
    web.add("GET", "http://reg.io/v2/app/manifests/1", body=MANIFEST)
    connection = attrs.evolve(QUICK, plain_http=True)
    with opened("reg.io", connection, credentials=USER) as source:
        assert source.read_manifest() == MANIFEST
    sent = [(str(call.request.url).partition("?")[0], call.request.headers.get("Authorization")) for call in web.calls]
    assert sent[1:3] == [("http://reg.io/token", LOGIN), ("https://reg.io/token", LOGIN)]


def test_a_token_service_that_is_a_web_page(server: Server) -> None:
    """The login page of a proxy is named, and so is its title."""
    serve(server, bearer(server.url))
    page = b"<html><head><title>Sign in</title></head></html>"
    server.on("/token", Answer(page))
    with opened(server.host) as source:
        assert "returned a web page instead of a token" in str(failure(source.read_manifest))
    server.on("/token", Answer(page, 502))
    with opened(server.host) as source:
        assert f"token service {server.host} answered 502: a web page ('Sign in')" in str(failure(source.read_manifest))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"details": "incorrect username or password"}', "incorrect username or password"),  # Docker Hub
        (b'{"error": "invalid_grant", "error_description": "refresh token expired"}', "refresh token expired"),  # OAuth
        (b'{"message": ["x"], "Message": "token has expired"}', "token has expired"),  # ECR Public
        (b'{"errors": []}', "Unauthorized"),
        (b"5", "Unauthorized"),
    ],
)
def test_the_words_of_token_services(body: bytes, says: str, server: Server) -> None:
    """A refusal is repeated in the words of the service, wherever the service writes them."""
    serve(server, bearer(server.url))
    server.on("/token", Answer(body, 401))
    with opened(server.host) as source:
        error = failure(source.read_manifest)
    assert f"token service {server.host} answered 401: {says}" in str(error)


def test_a_token_service_that_is_away(server: Server) -> None:
    """An image that is missing stays missing if the token service of ``/v2/`` cannot be reached."""
    server.on("/v2/", challenge(f'Bearer realm="http://127.0.0.1:{free_port()}/token"'))
    with opened(server.host) as source:
        error = failure(source.read_manifest)
    assert isinstance(error, RegistryError)
    assert error.status == 404
