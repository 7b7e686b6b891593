"""What errors and warnings say about the answers of registries: redirects elsewhere, refusals of Docker Hub, failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import attrs
import pytest
import responses

from ocisize.errors import AuthenticationFailed, RegistryError
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry.answers import is_web_page, name_web_page
from ocisize.sources.registry.credentials import Credentials
from ocisize.sources.registry.source import RegistrySource
from tests.pulling import BLOB, BLOB_PATH, DIGEST, MANIFEST, PATH, QUICK, SECRET, USER, blob_of, failure, opened
from tests.registry import Answer, free_port, Server, basic, challenge, errors, guarded, ranged, redirect, token_answer

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


# Redirects to other registries


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_an_image_that_has_moved(status: int, server: Server, second_server: Server) -> None:
    """The image is read where the registry says, without a login, and the new name is a warning."""
    server.on(PATH, Answer(b"", status, {"Location": f"{second_server.url}/v2/new/app/manifests/1"}))
    second_server.on("/v2/new/app/manifests/1", Answer(MANIFEST))
    with opened(server.host, credentials=USER) as source:
        assert source.read_manifest() == MANIFEST
        assert source.read_manifest() == MANIFEST
        assert list(source.warnings) == [
            f"{server.host}/app:1: the registry redirects to {second_server.host}/new/app:1, from where the image is read"
        ]
    assert {request.authorization for request in second_server.requests} == {None}


@pytest.mark.parametrize("answer", [challenge('Basic realm="r"'), errors(403, "DENIED"), errors(404, "NAME_UNKNOWN")])
def test_an_image_that_has_moved_and_is_refused(answer: Answer, server: Server, second_server: Server) -> None:
    """The other registry gets no login, and the error names it, with what to ask."""
    server.on(PATH, guarded([basic("user", SECRET)], redirect(f"{second_server.url}/v2/new/manifests/1"), 'Basic realm="r"'))
    second_server.on("/v2/new/manifests/1", answer)
    with opened(server.host, credentials=USER) as source:
        error = failure(source.read_manifest)
    assert isinstance(error, RegistryError)
    assert not isinstance(error, AuthenticationFailed)
    assert error.status == answer.status
    assert f"the registry redirects to {second_server.host}/new:1, where the answer is {answer.status}" in str(error)
    assert error.hint == f"ask the other registry itself: ocisize {second_server.host}/new:1"
    assert {request.authorization for request in second_server.requests} == {None}


def test_a_registry_at_another_port_is_another_one(server: Server, second_server: Server) -> None:
    """The name of the repository may be the same."""
    server.on(PATH, redirect(f"{second_server.url}{PATH}"))
    second_server.on(PATH, challenge('Basic realm="r"'), Answer(MANIFEST))
    with opened(server.host, credentials=USER) as source:
        error = failure(source.read_manifest)
        assert f"the registry redirects to {second_server.host}/app:1, where the answer is 401" in str(error)
        assert source.read_manifest() == MANIFEST
        assert list(source.warnings) == [
            f"{server.host}/app:1: the registry redirects to {second_server.host}/app:1, from where the image is read"
        ]
    assert {request.authorization for request in second_server.requests} == {None}


def test_no_hint_that_a_shell_would_run(server: Server, second_server: Server) -> None:
    """The path of a redirect is the registry's own text: only a valid reference becomes a command."""
    server.on(PATH, redirect(f"{second_server.url}/v2/$(reboot);reboot/manifests/1"))
    with opened(server.host) as source:
        error = failure(source.read_manifest)
    assert "the registry redirects to" in str(error)
    assert error.hint is None


def test_a_repository_that_has_another_name(server: Server) -> None:
    """A redirect within the registry keeps the login, and is a warning, too."""
    realm = f'Bearer realm="{server.url}/token"'
    server.on("/token", token_answer("t1"))
    server.on(PATH, redirect("/v2/renamed/manifests/1"))
    server.on("/v2/renamed/manifests/1", guarded(["Bearer t1"], Answer(MANIFEST), realm))
    with opened(server.host) as source:
        assert source.read_manifest() == MANIFEST
        (warning,) = source.warnings
    assert f"the registry redirects to {server.host}/renamed:1" in warning


def test_storage_is_no_other_registry(server: Server, second_server: Server) -> None:
    """A manifest or a blob at a storage host is nothing to be warned of."""
    server.on(PATH, redirect(f"{second_server.url}/storage/manifest?sig=x"))
    second_server.on("/storage/manifest", Answer(MANIFEST))
    server.on(BLOB_PATH, redirect(f"{second_server.url}/v2/other/blobs/x"))
    second_server.on("/v2/other/blobs/x", ranged(BLOB))
    with opened(server.host) as source:
        source.read_manifest()
        assert list(source.warnings) == []
    assert blob_of(server) == BLOB


def test_a_registry_that_leads_from_http_to_https(web: responses.RequestsMock) -> None:
    """A login is not sent there, since ``--insecure`` asked for plain http; the hint says so."""
    for path in (PATH, "/v2/"):
        web.add("GET", f"http://reg.io{path}", status=301, headers={"Location": f"https://reg.io{path}"})
        web.add("GET", f"https://reg.io{path}", status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})
    with opened("reg.io", attrs.evolve(QUICK, plain_http=True), USER) as source:
        error = failure(source.read_manifest)
    assert "the registry redirects from http to https, where the answer is 401" in str(error)
    assert "--insecure means plain http: leave it out" in (error.hint or "")
    assert not any("Authorization" in call.request.headers for call in web.calls)


@pytest.mark.parametrize(
    ("answer", "is_tls"),
    [
        (Answer(b"Client sent an HTTP request to an HTTPS server.\n", 400), True),  # Go
        (Answer(b"<html><title>400 The plain HTTP request was sent to HTTPS port</title>", 400), True),  # nginx
        (errors(400, "NAME_INVALID", "invalid repository name"), False),
        (errors(400, "TAG_INVALID"), False),
    ],
)
def test_bad_requests_over_plain_http(answer: Answer, is_tls: bool, server: Server) -> None:
    """A server of TLS gets a hint at TLS, an error of the registry does not."""
    server.on(PATH, answer)
    with opened(server.host, attrs.evolve(QUICK, plain_http=True)) as source:
        error = failure(source.read_manifest)
    assert "the registry answered 400" in str(error)
    assert ("the registry seems to use TLS" in (error.hint or "")) is is_tls


@pytest.mark.usefixtures("names")
def test_storage_that_cannot_be_reached(server: Server) -> None:
    """The error names the host of the redirect; hints about the registry's own address do not apply."""
    server.on(BLOB_PATH, redirect("http://storage.test/blob?sig=x"))
    error = failure(blob_of, server)
    assert "redirected to storage.test: the host name cannot be resolved" in str(error)
    assert error.hint is None


# Docker Hub


HUB = "https://registry-1.docker.io"


def hub(web: responses.RequestsMock, repository: str, status: int, tag: str = "latest") -> None:
    """Docker Hub, as it answers the anonymous with a token."""
    realm = f'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:{repository}:pull"'
    url = f"{HUB}/v2/{repository}/manifests/{tag}"
    web.add("GET", url, status=401, headers={"WWW-Authenticate": realm})
    web.add("GET", url, status=status, headers={"WWW-Authenticate": realm} if status == 401 else {})
    web.add("GET", "https://auth.docker.io/token", json={"token": "t1"})


@pytest.mark.parametrize("status", [401, 404])
@pytest.mark.parametrize(
    ("name", "repository", "command"),
    [
        ("app", "library/app", "ocisize docker-daemon:app:latest"),
        ("team/app:dev", "team/app", "ocisize docker-daemon:team/app:dev"),
    ],
)
def test_names_of_local_images(name: str, repository: str, command: str, status: int, web: responses.RequestsMock) -> None:
    """A name that Docker Hub refuses may be that of an image of a local engine."""
    hub(web, repository, status, name.partition(":")[2] or "latest")
    with closing(RegistrySource(parse_reference(name), connection=QUICK)) as source:
        error = failure(source.read_manifest)
    assert isinstance(error, RegistryError)
    assert error.status == status
    assert f"if the image is local: {command}" in (error.hint or "")
    assert "log in first: docker login;" in (error.hint or "")


def test_names_of_local_images_without_a_network(web: responses.RequestsMock) -> None:
    """Nor does the name of a local image need the internet."""
    with closing(RegistrySource(parse_reference("app:dev"), connection=QUICK)) as source:
        error = failure(source.read_manifest)
    command = "ocisize docker-daemon:app:dev"
    assert error.hint == f"check the internet connection; if the image is local: {command}"
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    ("name", "hint"), [("podmn:app", "did you mean podman:app?"), ("podmn", "ocisize docker-daemon:podmn:latest")]
)
def test_misspelled_schemes(name: str, hint: str, web: responses.RequestsMock) -> None:
    """A name that nobody answers for may be a misspelled scheme with a name behind it."""
    with closing(RegistrySource(parse_reference(name), connection=QUICK)) as source:
        error = failure(source.read_manifest)
    assert (error.hint or "").endswith(hint)
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("localhost/team/app:1", "if the image is local: ocisize containers-storage:localhost/team/app:1"),
        ("localhost/app", "if the image is local: ocisize containers-storage:localhost/app:latest"),
        (f"localhost/app@{DIGEST}", ""),
    ],
)
def test_names_of_images_of_podman(name: str, hint: str, web: responses.RequestsMock) -> None:
    """podman and buildah name images localhost/NAME, where no registry listens."""
    with closing(RegistrySource(parse_reference(name), connection=QUICK)) as source:
        error = failure(source.read_manifest)
    assert error.hint == "; ".join(filter(None, ["check that a registry listens at localhost", hint]))
    assert str(web.calls[0].request.url).startswith("http://localhost/v2/")


def test_a_port_without_a_registry() -> None:
    """An address of this machine where nothing listens is named in the hint, too."""
    host = f"127.0.0.1:{free_port()}"
    with closing(RegistrySource(parse_reference(f"{host}/app"), connection=QUICK)) as source:
        error = failure(source.read_manifest)
    assert error.hint == f"check that a registry listens at {host}"


@pytest.mark.parametrize("image_id", ["05637fc870dd", "05637fc870dd" + "0" * 30])
def test_ids_of_local_images(image_id: str, web: responses.RequestsMock) -> None:
    """An ID that docker images lists has no tag in the command that reads its image."""
    hub(web, f"library/{image_id}", 401)
    with closing(RegistrySource(parse_reference(image_id), connection=QUICK)) as source:
        hint = failure(source.read_manifest).hint or ""
    assert hint.endswith(f"; for the ID of a local image: ocisize docker-daemon:{image_id}")


@pytest.mark.parametrize("credentials", [None, Credentials("user", SECRET)])
def test_the_limit_of_docker_hub(credentials: Credentials | None, web: responses.RequestsMock) -> None:
    """A login raises the limit for the anonymous; the limit of an account can only be waited for."""
    hub(web, "library/app", 429)
    with closing(RegistrySource(parse_reference("app"), connection=QUICK, credentials=credentials)) as source:
        error = failure(source.read_manifest)
    assert "the registry answered 429" in str(error)
    assert error.hint == ("wait and try again" if credentials else "docker login raises the limit; or wait and try again")


# Others


def test_a_package_that_ghcr_denies(server: Server) -> None:
    """The token service of ghcr.io answers 403 for packages that are missing, which the hint says."""
    server.on(PATH, challenge(f'Bearer realm="{server.url}/token"'))
    server.on("/token", errors(403, "DENIED", "requested access to the resource is denied"))
    with opened(server.host) as source:
        error = failure(source.read_manifest)
    assert isinstance(error, AuthenticationFailed)
    assert error.status == 403
    assert "answered 403: DENIED requested access to the resource is denied" in str(error)
    assert error.hint == f"log in first: docker login {server.host}; registries also deny access to images that do not exist"


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_registry_that_fails(status: int, server: Server) -> None:
    """A failure of the registry has no other advice than to try again."""
    server.on(PATH, Answer(b"<html><title>Bad Gateway</title>", status))
    with opened(server.host) as source:
        error = failure(source.read_manifest)
    assert str(error) == f"{server.host}/app:1: the registry answered {status}: a web page ('Bad Gateway')"
    assert error.hint == "the registry has a problem: try again later"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<!DOCTYPE html><html><head><TITLE lang=en>\n Log &lt;in&gt; </TITLE>", "a web page ('Log <in>')"),
        (b"  <html><body>no title</body></html>", "a web page"),
        (b"<html><title></title>", "a web page"),
        (b"<html><title>\xff\x1b[31m</title>", "a web page ('\N{REPLACEMENT CHARACTER}\\x1b[31m')"),
        (b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code></Error>", None),
        (b'{"html": 1}', None),
        (b"", None),
    ],
)
def test_web_pages(body: bytes, expected: str | None) -> None:
    """A web page is recognized by its first tag, and named by its title as text."""
    assert (name_web_page(body) if is_web_page(body) else None) == expected
