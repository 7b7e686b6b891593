"""When the login is looked up and sent: images that are hidden, challenges of ``/v2/``, helpers and files that are broken, and
logins that have expired. What skopeo does with the same registries is in tests/compat/test_logins.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

import ocisize
from ocisize.cli.main import main
from ocisize.errors import AuthenticationFailed, RegistryError
from ocisize.oci.documents import Descriptor
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry.credentials import Credentials, StoredLogin
from ocisize.sources.registry.source import RegistrySource
from tests.pulling import BLOB, BLOB_PATH, DIGEST, MANIFEST, PATH, QUICK, SECRET, USER, failure, opened, serve_image
from tests.registry import (
    Answer,
    Request,
    Script,
    Server,
    basic,
    challenge,
    errors,
    guarded,
    ranged,
    token_answer,
    write_docker_config,
)

pytestmark = pytest.mark.usefixtures("home")
LOGIN = basic("user", SECRET)
BASIC = 'Basic realm="r"'
NOT_FOUND = errors(404, "NAME_UNKNOWN", "repository name not known to registry")


def bearer(server: Server) -> str:
    return f'Bearer realm="{server.url}/token",service="reg"'


def hidden(inner: Script, *accepted: str, refusal: Answer = NOT_FOUND) -> Callable[[Request], Answer]:
    """Answer requests with an accepted Authorization header, and give no challenge to others."""

    def answer(request: Request) -> Answer:
        if request.authorization not in accepted:
            return refusal
        return inner if isinstance(inner, Answer) else inner(request)

    return answer


def sent_to(server: Server, path: str) -> list[str | None]:
    """The Authorization headers that a path has got."""
    return [request.authorization for request in server.requests_of(path)]


def read_all(host: str, credentials: Credentials | StoredLogin | None) -> list[str]:
    """Read the manifest and the blob of ``app:1``, and return the warnings."""
    with closing(RegistrySource(parse_reference(f"{host}/app:1"), connection=QUICK, credentials=credentials)) as source:
        assert source.read_manifest() == MANIFEST
        assert b"".join(source.open_blob(Descriptor(DIGEST, len(BLOB)))) == BLOB
        return list(source.warnings)


def stored(server: Server) -> StoredLogin:
    """The login for ``app:1`` in the files of this machine."""
    return StoredLogin(parse_reference(f"{server.host}/app:1"))


# Hidden images: distribution/distribution#1984


@pytest.mark.parametrize(
    "refusal",
    [
        NOT_FOUND,
        Answer(b"", 404),
        Answer(b"", 400),
        errors(403, "DENIED"),
        Answer(b"", 401),
        challenge("Negotiate"),
        challenge("Bearer"),
    ],
)
def test_an_image_that_is_hidden_without_a_password(refusal: Answer, server: Server) -> None:
    """When the registry names no challenge that can be answered, that of ``/v2/`` is answered, once for all requests."""
    server.on("/v2/", challenge(BASIC))
    server.on(PATH, hidden(Answer(MANIFEST), LOGIN, refusal=refusal))
    server.on(BLOB_PATH, hidden(ranged(BLOB), LOGIN, refusal=refusal))
    assert read_all(server.host, USER) == []
    assert sent_to(server, "/v2/") == [None]
    assert (sent_to(server, PATH), sent_to(server, BLOB_PATH)) == ([None, LOGIN], [LOGIN])


@pytest.mark.parametrize("credentials", [USER, None])
def test_an_image_that_is_hidden_without_a_token(credentials: Credentials | None, server: Server) -> None:
    """A token for the repository is asked for, also without a login, as docker does before its first request."""
    server.on("/v2/", challenge(f'{bearer(server)},scope="registry:catalog:*"'))  # which opens no repository
    server.on("/token", token_answer("t1"))
    server.on(PATH, hidden(Answer(MANIFEST), "Bearer t1"))
    server.on(BLOB_PATH, hidden(ranged(BLOB), "Bearer t1"))
    assert read_all(server.host, credentials) == []
    (asked,) = server.requests_of("/token")
    assert asked.query == {"service": "reg", "scope": "repository:app:pull"}
    assert asked.authorization == (LOGIN if credentials else None)


@pytest.mark.parametrize("status", [404, 403])
def test_a_hidden_image_without_a_login(status: int, server: Server) -> None:
    """Without credentials the hint says that the image may be private."""
    server.on("/v2/", challenge(BASIC))
    server.on(PATH, Answer(b"", status))
    with opened(server.host) as source:
        error = failure(source.read_manifest)
    assert isinstance(error, RegistryError)
    assert error.status == status
    assert "refused" not in str(error)
    assert f"log in first: docker login {server.host}" in (error.hint or "")
    assert {request.authorization for request in server.requests} == {None}


@pytest.mark.parametrize("status", [404, 403, 401])
@pytest.mark.parametrize(
    "ping", [Answer(b"{}"), Answer(b"", 404), Answer(b"", 401), Answer(hang_up=True), challenge("Negotiate")]
)
def test_a_login_that_nothing_asks_for(status: int, ping: Answer, server: Server) -> None:
    """Credentials that were not sent were not refused."""
    server.on("/v2/", ping)
    server.on(PATH, Answer(b"", status))
    with opened(server.host, credentials=USER) as source:
        error = failure(source.read_manifest)
    assert isinstance(error, RegistryError)
    assert error.status == status
    assert "refused" not in f"{error} {error.hint}"
    assert "has no access" not in str(error.hint)
    assert {request.authorization for request in server.requests} == {None}


def test_a_hidden_image_and_a_wrong_password(server: Server) -> None:
    """A wrong password for a hidden image is sent once, and named."""
    server.on("/v2/", challenge(BASIC))
    server.on(PATH, lambda request: NOT_FOUND if request.authorization is None else challenge(BASIC))
    with opened(server.host, credentials=USER) as source:
        for _ in range(2):
            error = failure(source.read_manifest)
            assert "the given login was refused" in str(error)
    assert sent_to(server, PATH).count(LOGIN) == 1


def test_an_image_that_is_missing_is_looked_for_twice(server: Server) -> None:
    """With the login the answer may be the same, and is the error; the hint does not ask for a login then."""
    server.on("/v2/", challenge(BASIC))
    with opened(server.host, credentials=USER) as source:
        error = failure(source.read_manifest)
    assert str(error) == f"{server.host}/app:1: the registry answered 404: MANIFEST_UNKNOWN manifest unknown"
    assert error.hint == "check the name and the tag"
    assert sent_to(server, PATH) == [None, LOGIN]


def test_a_challenge_for_blobs_alone(server: Server) -> None:
    """A registry may ask for a login only when a blob is read."""
    server.on(PATH, Answer(MANIFEST))
    server.on(BLOB_PATH, guarded([LOGIN], ranged(BLOB), BASIC))
    assert read_all(server.host, USER) == []
    server.on(BLOB_PATH, hidden(ranged(BLOB), LOGIN))
    server.on("/v2/", challenge(BASIC))
    assert read_all(server.host, USER) == []


def test_two_ways_to_log_in(server: Server) -> None:
    """The challenge of the repository counts, not that of ``/v2/``."""
    server.on("/v2/", challenge(BASIC))
    server.on("/token", guarded([LOGIN], token_answer("t1"), "x"))
    for path, inner in ((PATH, Answer(MANIFEST)), (BLOB_PATH, ranged(BLOB))):
        server.on(path, guarded(["Bearer t1"], inner, bearer(server)))
    assert read_all(server.host, USER) == []
    assert sent_to(server, "/v2/") == []


# Several challenges


@pytest.mark.parametrize(
    "headers",
    [
        ["Negotiate", "NTLM", "{bearer}"],
        ["Bearer", "{bearer}"],
        ['Bearer realm=""', "{bearer}"],
        ['Bearer service="x"', "Digest realm=\"x\", qop=\"auth\"", "{bearer}"],
        ["Negotiate dG9r/Z==, {bearer}"],
        ["{bearer}", "Bearer realm=\"ftp://x\""],
    ],
)  # fmt: skip
def test_challenges_that_cannot_be_answered_are_skipped(headers: list[str], server: Server) -> None:
    """In any order and in any number of headers, the one that can be answered is."""
    lines = "".join(f"WWW-Authenticate: {one.format(bearer=bearer(server))}\r\n" for one in headers)
    asked = Answer(raw=f"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n{lines}\r\n".encode())
    server.on("/token", token_answer("t1"))
    for path, inner in ((PATH, Answer(MANIFEST)), (BLOB_PATH, ranged(BLOB))):
        server.on(path, hidden(inner, "Bearer t1", refusal=asked))
    assert read_all(server.host, USER) == []


@pytest.mark.parametrize("unusable", ["Bearer", 'Bearer realm="http://[::1/"', "Negotiate", 'Digest realm="a", nonce="b"'])
def test_basic_beside_something_else(unusable: str, server: Server) -> None:
    """A password goes to the registry itself if it asks for Basic and for nothing better that can be answered."""
    for path, inner in ((PATH, Answer(MANIFEST)), (BLOB_PATH, ranged(BLOB))):
        server.on(path, guarded([LOGIN], inner, f"{unusable}, {BASIC}"))
    assert read_all(server.host, USER) == []


def test_only_ways_that_are_not_supported(server: Server) -> None:
    """The error names the ways to log in that the registry has."""
    server.on(PATH, challenge("Negotiate, NTLM"))
    with opened(server.host, credentials=USER) as source:
        error = failure(source.read_manifest)
    assert "it asks for negotiate or ntlm, which ocisize cannot answer" in str(error)
    assert error.hint == "the given login was not sent, since the registry does not ask for it"


def test_a_wrong_scope(server: Server) -> None:
    """If the token for the scope of a challenge opens nothing, one for the repository is asked for, as skopeo does."""
    realm = f'{bearer(server)},scope="repository:other:pull"'

    def issue(request: Request) -> Answer:
        return token_answer("good" if request.query["scope"] == "repository:app:pull" else "bad")

    server.on("/token", issue)
    for path, inner in ((PATH, Answer(MANIFEST)), (BLOB_PATH, ranged(BLOB))):
        server.on(path, guarded(["Bearer good"], inner, realm))
    assert read_all(server.host, USER) == []
    assert [request.query["scope"] for request in server.requests_of("/token")] == [
        "repository:other:pull",
        "repository:app:pull",
    ]


# Helpers and files that are broken


Helper = Callable[[str], Path]


@pytest.fixture
def helper(home: Path, monkeypatch: pytest.MonkeyPatch) -> Helper:
    """Configure the credential helper ``docker-credential-test``; a script without text is not installed."""
    monkeypatch.setenv("PATH", f"{home}:/usr/bin:/bin")
    config = home / ".docker" / "config.json"

    def write(script: str) -> Path:
        config.parent.mkdir(exist_ok=True)
        config.write_text('{"credsStore": "test"}')
        path = home / "docker-credential-test"
        if script:
            path.write_text(f'#!/bin/sh\necho run >> "$0.log"\n{script}\n')
            path.chmod(0o755)
        return config

    return write


def runs(home: Path) -> int:
    """How often the helper was run."""
    log = home / "docker-credential-test.log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def serve_public(server: Server) -> None:
    """A public image behind a token service, which gives a token to the anonymous only."""
    server.on("/token", hidden(token_answer("anonymous"), None, refusal=errors(403, "DENIED", "denied")))  # type: ignore[arg-type]
    for path, inner in ((PATH, Answer(MANIFEST)), (BLOB_PATH, ranged(BLOB))):
        server.on(path, guarded(["Bearer anonymous"], inner, bearer(server)))


BROKEN = {
    "missing": ("", "is not installed"),
    "failing": ("echo 'Cannot autolaunch D-Bus without X11 $DISPLAY'; exit 1", "failed with status 1"),
    "junk": ("echo hello", "returned an invalid answer"),
    "empty": ("true", "returned an invalid answer"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_helper_and_a_public_image(fault: str, server: Server, home: Path, helper: Helper) -> None:
    """The image is read without a login, with a warning if the registry has asked for one."""
    script, says = BROKEN[fault]
    config = helper(script)
    serve_public(server)
    problem = f"the credential helper docker-credential-test, named in {config}, {says}"
    assert read_all(server.host, stored(server)) == [f"{problem}; the image is read without a login"]
    assert runs(home) == bool(script)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_helper_that_is_not_needed(fault: str, server: Server, home: Path, helper: Helper) -> None:
    """A registry that asks for no login needs no helper, and nothing is said about the helper."""
    helper(BROKEN[fault][0])
    server.on(PATH, Answer(MANIFEST))
    server.on(BLOB_PATH, ranged(BLOB))
    assert read_all(server.host, stored(server)) == []
    failure(RegistrySource(parse_reference(f"{server.host}/other:1"), credentials=stored(server)).read_manifest)
    assert runs(home) == 0


@pytest.mark.parametrize("realm", ["basic", "bearer"])
def test_a_broken_helper_and_a_private_image(realm: str, server: Server, helper: Helper) -> None:
    """The error of a denied request names the helper, and does not say that a login was refused."""
    config = helper("exit 7")
    server.on(PATH, challenge(BASIC if realm == "basic" else bearer(server)))
    server.on("/token", errors(401, "UNAUTHORIZED"))
    with closing(RegistrySource(parse_reference(f"{server.host}/app:1"), credentials=stored(server))) as source:
        error = failure(source.read_manifest)
    assert isinstance(error, AuthenticationFailed)
    assert error.status == 401
    assert str(error).endswith(f"; the credential helper docker-credential-test, named in {config}, failed with status 7")
    assert "refused" not in str(error)


def test_a_broken_helper_beside_a_stored_login(server: Server, helper: Helper) -> None:
    """A login that is stored in the same file serves instead of the helper, which is still named."""
    config = helper("exit 7")
    document = {"credsStore": "test", "auths": {server.host: {"auth": LOGIN.partition(" ")[2]}}}
    config.write_text(json.dumps(document))
    server.on(PATH, guarded([LOGIN], Answer(MANIFEST), BASIC))
    server.on(BLOB_PATH, guarded([LOGIN], ranged(BLOB), BASIC))
    (warning,) = read_all(server.host, stored(server))
    assert warning.endswith("docker-credential-test, named in " + f"{config}, failed with status 7")


def test_the_helper_is_run_once(server: Server, home: Path, helper: Helper) -> None:
    """Threads that need the login at the same time share one run of the helper."""
    helper(f"""sleep 0.2; echo '{{"Username": "user", "Secret": "{SECRET}"}}'""")
    server.on(BLOB_PATH, guarded([LOGIN], ranged(BLOB), BASIC))
    source = RegistrySource(parse_reference(f"{server.host}/app:1"), connection=QUICK, credentials=stored(server))
    with closing(source), ThreadPoolExecutor(4) as pool:
        reads = pool.map(lambda _: b"".join(source.open_blob(Descriptor(DIGEST, len(BLOB)))), range(4))
        assert list(reads) == [BLOB] * 4
    assert runs(home) == 1


@pytest.mark.parametrize("content", ['{"auths": {"', "[]", '{"auths": [1]}', '{"auths": {"HOST": {"auth": "!!"}}}'])
def test_a_broken_file_and_a_public_image(content: str, server: Server, home: Path) -> None:
    """A file that cannot be understood is no reason not to read a public image; another file is still read."""
    config = home / ".config" / "containers" / "auth.json"
    config.parent.mkdir(parents=True)
    config.write_text(content.replace("HOST", server.host))
    serve_public(server)
    (warning,) = read_all(server.host, stored(server))
    assert warning.startswith(f"{config} ") and warning.endswith("; the image is read without a login")
    write_docker_config(home / ".docker", server.host, "user", SECRET)
    server.on("/token", guarded([LOGIN], token_answer("anonymous"), "x"))
    (warning,) = read_all(server.host, stored(server))
    assert warning.startswith(f"{config} ") and "without a login" not in warning


def test_warnings_reach_the_report(server: Server, helper: Helper, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line shows the warning for an image and for its base, and succeeds."""
    config = helper("")
    image = serve_image(server)
    server.on("/token", token_answer("anonymous"))
    for path in (PATH, *(f"/v2/app/blobs/{digest}" for digest in image.blobs)):
        server.on(path, guarded(["Bearer anonymous"], server.scripted(path), bearer(server)))
    name = f"{server.host}/app:1"
    assert main([name, "--platform", "linux/amd64", "--base", name]) == 0
    assert f"docker-credential-test, named in {config}, is not installed" in capsys.readouterr().err
    analysis = ocisize.analyze(name, platform="linux/amd64")
    assert any("is not installed" in warning for warning in analysis.warnings)


# Logins that have expired


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_expired_login_and_a_public_image(status: int, server: Server, home: Path) -> None:
    """A login that the token service refuses is sent once; the image is read without it, and the file is named."""
    write_docker_config(home / ".docker", server.host, "user", SECRET)
    serve_public(server)
    server.on(
        "/token", lambda request: errors(status, "DENIED", "denied") if request.authorization else token_answer("anonymous")
    )
    name = f"the login in {home}/.docker/config.json"
    answer = f"token service {server.host} answered {status}: DENIED denied"
    assert read_all(server.host, stored(server)) == [f"{name} was refused: {answer}; the image is read without a login"]
    assert sent_to(server, "/token") == [LOGIN, None]


@pytest.mark.parametrize("status", [401, 403])
def test_a_login_without_access_to_a_public_image(status: int, server: Server, home: Path) -> None:
    """A token that was got with the login and opens nothing is replaced by an anonymous one."""
    write_docker_config(home / ".docker", server.host, "user", SECRET)
    denied = errors(status, "DENIED", headers={"WWW-Authenticate": bearer(server)})
    server.on("/token", lambda request: token_answer("mine" if request.authorization else "anonymous"))
    for path, inner in ((PATH, Answer(MANIFEST)), (BLOB_PATH, ranged(BLOB))):
        server.on(path, hidden(inner, "Bearer anonymous", refusal=denied))
    (warning,) = read_all(server.host, stored(server))
    assert f"config.json was refused: the registry answered {status}; the image is read without a login" in warning
    assert sent_to(server, "/token") == [LOGIN, None]
    assert sent_to(server, PATH).count("Bearer mine") == 1


@pytest.mark.parametrize("anonymous", ["no token", "no access", "hidden"])
def test_an_expired_login_and_a_private_image(anonymous: str, server: Server, home: Path) -> None:
    """If the image cannot be read without a login either, the error says that the login was refused, and by whom."""
    write_docker_config(home / ".docker", server.host, "user", SECRET)
    without = errors(401, "UNAUTHORIZED", "log in") if anonymous == "no token" else token_answer("anonymous")
    server.on("/token", lambda request: errors(403, "DENIED", "expired") if request.authorization else without)
    refused = hidden(NOT_FOUND, "Bearer anonymous", refusal=challenge(bearer(server)))
    server.on(PATH, refused if anonymous == "hidden" else challenge(bearer(server)))
    with closing(RegistrySource(parse_reference(f"{server.host}/app:1"), credentials=stored(server))) as source:
        error = failure(source.read_manifest)
        failure(source.read_manifest)
    assert isinstance(error, RegistryError)
    assert error.status == (404 if anonymous == "hidden" else 401)
    answer = f"token service {server.host} answered 403: DENIED expired"
    assert f"the login in {home}/.docker/config.json was refused: {answer}" in str(error)
    assert sent_to(server, "/token").count(LOGIN) == 1


@pytest.mark.parametrize("refused_by", ["token service", "registry", "nobody but hidden"])
def test_threads_and_an_expired_login(refused_by: str, server: Server) -> None:
    """Threads that find out together that the login has expired send it once, and read the public image without it."""
    realm = bearer(server)
    fresh = hidden(token_answer("anonymous"), None, refusal=errors(401, "UNAUTHORIZED"))  # type: ignore[arg-type]
    server.on("/token", fresh if refused_by == "token service" else _for_both)
    refusal = NOT_FOUND if refused_by == "nobody but hidden" else challenge(realm)
    server.on("/v2/", challenge(realm))
    accepted = ["Bearer anonymous"] + (["Bearer mine"] if refused_by == "nobody but hidden" else [])
    server.on(BLOB_PATH, hidden(ranged(BLOB), *accepted, refusal=refusal))
    with opened(server.host, credentials=USER) as source, ThreadPoolExecutor(8) as pool:
        reads = pool.map(lambda _: b"".join(source.open_blob(Descriptor(DIGEST, len(BLOB)))), range(16))
        assert list(reads) == [BLOB] * 16
        assert len(source.warnings) == (refused_by != "nobody but hidden")
    assert sent_to(server, "/token").count(LOGIN) == 1


def _for_both(request: Request) -> Answer:
    return token_answer("mine" if request.authorization else "anonymous")


def test_an_expired_login_of_a_helper(server: Server, helper: Helper) -> None:
    """The helper that gave a refused login is named."""
    helper(f"""echo '{{"Username": "user", "Secret": "{SECRET}"}}'""")
    serve_public(server)
    (warning,) = read_all(server.host, stored(server))
    assert warning.startswith("the login of docker-credential-test was refused: ")


@pytest.mark.parametrize("scope", ["", ',scope="repository:app:pull"'])
def test_an_expired_registry_token(scope: str, server: Server, home: Path) -> None:
    """A stored token that the registry refuses is sent once, and replaced by an anonymous one, with a warning."""
    (home / ".docker").mkdir()
    document = {"auths": {server.host: {"registrytoken": SECRET}}}
    (home / ".docker" / "config.json").write_text(json.dumps(document))
    server.on("/token", token_answer("anonymous"))
    for path, inner in ((PATH, Answer(MANIFEST)), (BLOB_PATH, ranged(BLOB))):
        server.on(path, guarded(["Bearer anonymous"], inner, bearer(server) + scope))
    (warning,) = read_all(server.host, stored(server))
    assert "config.json was refused: the registry answered 401" in warning
    assert sent_to(server, PATH).count(f"Bearer {SECRET}") == 1
    assert sent_to(server, "/token") == [None]


def test_a_login_that_is_refused_for_one_blob(server: Server) -> None:
    """A login that has opened something is not given up for a single denial."""
    server.on("/token", guarded([LOGIN], token_answer("t1"), "x"))
    server.on(PATH, guarded(["Bearer t1"], Answer(MANIFEST), bearer(server)))
    server.on(BLOB_PATH, errors(403, "DENIED", headers={"WWW-Authenticate": bearer(server)}))
    with opened(server.host, credentials=USER) as source:
        source.read_manifest()
        with pytest.raises(AuthenticationFailed):
            list(source.open_blob(Descriptor(DIGEST, len(BLOB))))
        assert source.read_manifest() == MANIFEST
    assert set(sent_to(server, "/token")) == {LOGIN}


# Hints that replace a login where it is stored


@pytest.mark.parametrize(
    ("place", "key", "command"),
    [
        ("DOCKER_AUTH_CONFIG", "HOST", ""),
        ("REGISTRY_AUTH_FILE", "HOST", "podman login HOST"),
        ("run/containers/auth.json", "https://HOST/v2/", "podman login HOST"),
        (".config/containers/auth.json", "HOST", "podman login HOST"),
        (".docker/config.json", "https://HOST", "docker login HOST"),
        (".docker/config.json", "HOST/app", "podman login --authfile FILE HOST/app"),
        (".dockercfg", "HOST", "docker login HOST"),
    ],
)
def test_the_command_that_replaces_a_login(
    place: str, key: str, command: str, server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``docker login`` does not replace a login in a file that comes before docker's, or for a longer key."""
    server.on(PATH, challenge(BASIC))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    entries = {key.replace("HOST", server.host): {"auth": LOGIN.partition(" ")[2]}}
    document = json.dumps(entries if place == ".dockercfg" else {"auths": entries})
    file = home / ("auth.json" if place.isupper() else place)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(document)
    if place.isupper():
        monkeypatch.setenv(place, document if place == "DOCKER_AUTH_CONFIG" else str(file))
    with opened(server.host, credentials=stored(server)) as source:
        error = failure(source.read_manifest)
    name = place if place == "DOCKER_AUTH_CONFIG" else str(file)
    advice = f"log in again: {command.replace('HOST', server.host).replace('FILE', str(file))}" if command else "replace it"
    assert error.hint == f"the login in {name} has no access; {advice}"


@pytest.mark.parametrize(("script", "remedy"), [("", "install"), ("exit 7", "repair"), ("true", "repair")])
def test_a_login_after_a_broken_helper(script: str, remedy: str, server: Server, helper: Helper) -> None:
    """``docker login`` fails as long as the helper is missing or fails, so the hint begins with the helper."""
    server.on(PATH, challenge(BASIC))
    config = helper(script)
    with opened(server.host, credentials=stored(server)) as source:
        error = failure(source.read_manifest)
    advice = f"{remedy} docker-credential-test, or remove 'test' from {config}; then log in: docker login {server.host};"
    assert (error.hint or "").startswith(advice)


def test_a_login_after_a_broken_file(server: Server, home: Path) -> None:
    """A file that cannot be understood is corrected first."""
    server.on(PATH, challenge(BASIC))
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker/config.json").write_text("{")
    with opened(server.host, credentials=stored(server)) as source:
        error = failure(source.read_manifest)
    assert (error.hint or "").startswith(f"correct the stored logins first, then log in: docker login {server.host};")


@pytest.mark.parametrize(("variable", "file"), [("REGISTRY_AUTH_FILE", "none"), ("DOCKER_CONFIG", "none/config.json")])
def test_variables_that_name_a_missing_file(
    variable: str, file: str, server: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Access that is denied is explained by the file that a variable names in vain; a public image has no warning."""
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setenv(variable, str(home / "none"))
    serve_public(server)
    assert read_all(server.host, stored(server)) == []
    server.on(PATH, challenge(BASIC))
    with opened(server.host, credentials=stored(server)) as source:
        error = failure(source.read_manifest)
    assert str(error).endswith(f"; {home / file}, named by {variable}, does not exist")
    assert (error.hint or "").startswith("log in first: ")
    (home / "none").mkdir()
    (home / "none/config.json").touch()
    with opened(server.host, credentials=stored(server)) as source:
        assert "does not exist" not in str(failure(source.read_manifest))


def test_an_error_has_the_status_once(server: Server) -> None:
    """The answer to a login is in the error once, although it is the reason of two facts."""
    server.on(PATH, challenge(BASIC))
    with opened(server.host, credentials=USER) as source:
        error = failure(source.read_manifest)
    assert str(error).count("the registry answered 401") == 1
    assert str(error).endswith("; the given login was refused")
