"""Logins as skopeo reads them: the same registries and the same files give ocisize the same image.

The answers were those of skopeo 1.9.3; the tests ask the installed one again.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

import ocisize
from ocisize.errors import RegistryError
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry.client import Connection
from ocisize.sources.registry.credentials import find_credentials
from tests.images import BuiltImage
from tests.pulling import serve_image
from tests.registry import Answer, Request, Script, Server, Signer, basic, challenge, errors, guarded, token_answer
from tests.tools import program

pytestmark = pytest.mark.usefixtures("home")
USER, PASSWORD = "user", "secret-word"
LOGIN = basic(USER, PASSWORD)
QUICK = Connection(timeout=(10, 10), retries=0)


def skopeo(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run skopeo with an empty home folder and without the logins of this machine."""
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    variables = {**kept, "HOME": str(home), "XDG_RUNTIME_DIR": str(home), **environment}
    return subprocess.run(
        [program("skopeo"), *arguments], env=variables, capture_output=True, text=True, timeout=60, check=False
    )


# Entries of files


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("reg.io", "reg.io"), ("https://reg.io", "reg.io"), ("http://reg.io/v1/", "reg.io"), ("https://reg.io/team", "reg.io"),
        ("reg.io/team", "reg.io"), ("reg.io:5000", "reg.io"), ("reg.io", "reg.io:5000"), ("https://index.docker.io/v1/", "docker.io"),
        ("https://index.docker.io/v2/", "docker.io"), ("docker.io", "docker.io"), ("registry-1.docker.io", "docker.io"),
        ("registry.hub.docker.com", "docker.io"), ("https://index.docker.io/v1/", "registry.hub.docker.com"),
        ("*.reg.io", "a.reg.io"),
    ],
)  # fmt: skip
def test_keys(key: str, registry: str, home: Path) -> None:
    """A key that is an entry of a registry for skopeo is one for ocisize, and no other key is."""
    file = home / "auth.json"
    file.write_text(json.dumps({"auths": {key: {"auth": LOGIN.partition(" ")[2]}}}))
    asked = skopeo(home, "login", "--get-login", "--authfile", str(file), registry)
    environment = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "REGISTRY_AUTH_FILE": str(file)}
    found = find_credentials(parse_reference(f"{registry}/other/app"), environment)
    assert (found.username if found else "") == asked.stdout.strip()


@pytest.mark.parametrize("change", [str, lambda text: f"{text[:8]}\n{text[8:]}", lambda text: f"{text[:8]}\r\n{text[8:]}\n"])
def test_base64(change: Callable[[str], str], home: Path) -> None:
    """Line breaks within base64 are allowed."""
    file = home / "auth.json"
    file.write_text(json.dumps({"auths": {"reg.io": {"auth": change(base64.b64encode(b"user:secret-word").decode())}}}))
    assert skopeo(home, "login", "--get-login", "--authfile", str(file), "reg.io").stdout.strip() == USER
    found = find_credentials(parse_reference("reg.io/app"), {"HOME": str(home), "REGISTRY_AUTH_FILE": str(file)})
    assert found is not None
    assert found.password == PASSWORD


# Registries


@attrs.frozen
class Scene:
    """A registry and its token service: what a request gets, by its Authorization header."""

    opens: str | None  #: the header with which the image can be read
    otherwise: Callable[[Server], Answer]  #: what other requests get
    token: Callable[[Request], Answer] | None = None
    ping: Callable[[Server], Answer] | None = None  #: of ``/v2/``
    login: bool = True  #: whether there is a stored login
    skopeo_reads: bool = True


def bearer(server: Server) -> Answer:
    return challenge(f'Bearer realm="{server.url}/token",service="reg"')


def for_login(request: Request) -> Answer:
    """A token for the login only."""
    return token_answer("t1") if request.authorization == LOGIN else errors(401, "UNAUTHORIZED")


def for_anyone(_: Request) -> Answer:
    return token_answer("t1")


def not_for_logins(request: Request) -> Answer:
    """A token service for which the login has expired."""
    return errors(403, "DENIED", "denied") if request.authorization else token_answer("t1")


def in_another_place(request: Request) -> Answer:
    """A token service that has moved within its origin."""
    if request.path == "/token":
        asked = "&".join(f"{name}={value}" for name, value in request.query.items())
        return Answer(b"", 301, {"Location": f"/token/?{asked}"})
    return for_login(request)


SCENES = {
    "404 without a login": Scene(LOGIN, lambda _: errors(404, "NAME_UNKNOWN"), ping=lambda _: challenge('Basic realm="r"')),
    "403 without a login": Scene(LOGIN, lambda _: errors(403, "DENIED"), ping=lambda _: challenge('Basic realm="r"')),
    "404 without a token": Scene("Bearer t1", lambda _: errors(404, "NAME_UNKNOWN"), for_login, bearer),
    "404 without a token, public": Scene(
        "Bearer t1", lambda _: errors(404, "NAME_UNKNOWN"), for_anyone, bearer, login=False
    ),
    "401 without a challenge": Scene(LOGIN, lambda _: Answer(b"", 401), ping=lambda _: challenge('Basic realm="r"')),
    "Negotiate in the same header": Scene(LOGIN, lambda _: challenge('Negotiate, Basic realm="r"'), skopeo_reads=False),
    "Basic": Scene(LOGIN, lambda _: challenge('Basic realm="r"')),
    "Bearer": Scene("Bearer t1", bearer, for_login),
    "a token service that redirects": Scene("Bearer t1", bearer, in_another_place),
    "an expired login, public": Scene("Bearer t1", bearer, not_for_logins, skopeo_reads=False),
}


def play(scene: Scene, server: Server) -> BuiltImage:
    """Serve an image as the scene says."""
    image = serve_image(server)
    otherwise = scene.otherwise(server)

    def limited(inner: Script) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            if request.authorization != scene.opens:
                return otherwise
            return inner if isinstance(inner, Answer) else inner(request)

        return answer

    for path in ("/v2/app/manifests/1", *(f"/v2/app/blobs/{digest}" for digest in image.blobs)):
        server.on(path, limited(server.scripted(path)))
    server.on("/v2/", scene.ping(server) if scene.ping else otherwise)
    for path in ("/token", "/token/"):
        server.on(path, scene.token or errors(404, "UNKNOWN"))
    return image


@pytest.mark.parametrize("name", SCENES)
def test_registries(name: str, server: Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What skopeo reads, ocisize reads, with the same file, and two things more: skopeo takes one challenge of each header,
    and does not try without a login that was refused.
    """
    scene = SCENES[name]
    image = play(scene, server)
    file = home / "auth.json"
    auths = {server.host: {"auth": LOGIN.partition(" ")[2]}} if scene.login else {}
    file.write_text(json.dumps({"auths": auths}))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(file))
    reference = f"{server.host}/app:1"
    other = skopeo(home, "inspect", "--raw", "--tls-verify=false", "--authfile", str(file), f"docker://{reference}")
    assert (other.returncode == 0) == scene.skopeo_reads, other.stderr
    assert ocisize.analyze(reference, platform="linux/amd64", connection=QUICK).digest == image.digest


@pytest.mark.parametrize("login", [False, True])
def test_a_token_service_without_tls(login: bool, server: Server, home: Path, tmp_path: Path) -> None:
    """At another port of the registry's host, an http address serves the anonymous, as with skopeo. skopeo also sends the
    password there; ocisize does not.
    """
    signer = Signer.make(tmp_path)
    secure = Server(signer)
    try:
        image = serve_image(secure)
        for path in ("/v2/app/manifests/1", *(f"/v2/app/blobs/{digest}" for digest in image.blobs)):
            secure.on(path, guarded(["Bearer t1"], secure.scripted(path), f'Bearer realm="{server.url}/token"'))
        secure.on("/v2/", challenge(f'Bearer realm="{server.url}/token"'))
        server.on("/token", token_answer("t1"))
        file = home / ".docker" / "config.json"
        file.parent.mkdir()
        auths = {secure.host: {"auth": LOGIN.partition(" ")[2]}} if login else {}
        file.write_text(json.dumps({"auths": auths}))
        reference = f"{secure.host}/app:1"
        other = skopeo(home, "inspect", "--raw", "--tls-verify=false", "--authfile", str(file), f"docker://{reference}")
        assert other.returncode == 0, other.stderr
        assert server.requests.pop().authorization == (LOGIN if login else None)
        connection = attrs.evolve(QUICK, plain_http=False, tls_verify=str(signer.certificate))
        analysis = ocisize.analyze(reference, platform="linux/amd64", connection=connection)
    finally:
        secure.close()
    assert analysis.digest == image.digest
    assert any("was not sent: the token service has no TLS" in warning for warning in analysis.warnings) == login
    assert {request.authorization for request in server.requests} == {None}


def test_a_login_of_skopeo(server: Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that ``skopeo login`` writes is read, and its logout is seen."""
    image = play(SCENES["Basic"], server)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    server.on("/v2/", guarded([LOGIN], Answer(b"{}"), 'Basic realm="r"'))
    done = skopeo(home, "login", "--tls-verify=false", "-u", USER, "-p", PASSWORD, server.host)
    assert done.returncode == 0, done.stderr
    reference = f"{server.host}/app:1"
    assert ocisize.analyze(reference, platform="linux/amd64", connection=QUICK).digest == image.digest
    skopeo(home, "logout", server.host)
    with pytest.raises(RegistryError, match="answered 401"):
        ocisize.analyze(reference, platform="linux/amd64", connection=QUICK)
