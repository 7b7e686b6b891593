"""Mirrors of podman and docker: which places are asked, what a report says of them, and what they never get."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

import ocisize
from ocisize.errors import DigestMismatch, RegistryError
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry.client import Connection
from ocisize.sources.registry.settings.machine import Machine
from ocisize.sources.registry.settings.mirrors import Endpoint, find_endpoints
from ocisize.sources.registry.ways import find_ways
from ocisize.report.json.analysis import to_json
from ocisize.report.json.read import from_json
from ocisize.report.words.image import describe_facts, describe_form
from tests.images import for_platform, index_bytes
from tests.pulling import MANIFEST, PATH, QUICK, SECRET, failure, serve_image
from tests.registry import Answer, Script, Server, basic, challenge, errors, free_port, guarded, ranged, write_docker_config

DIGESTED = f"reg.io/team/app@sha256:{'0' * 64}"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without settings, in the folders ``home`` and ``etc``."""
    return Machine({"HOME": str(tmp_path / "home")}, tmp_path / "etc")


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def table(location: str, *mirrors: str, more: str = "", prefix: str = "") -> str:
    """A ``[[registry]]`` of registries.conf."""
    lines = ["[[registry]]", f'location = "{location}"', *([f'prefix = "{prefix}"'] if prefix else []), more]
    for mirror in mirrors:
        place, _, rest = mirror.partition(" ")
        lines += ["[[registry.mirror]]", f'location = "{place}"', rest]
    return "\n".join(lines) + "\n"


def places(name: str, machine: Machine) -> list[str]:
    return [str(endpoint.reference) for endpoint in find_endpoints(parse_reference(name), machine)]


# registries.conf


@pytest.mark.parametrize(
    ("name", "conf", "expected"),
    [
        ("reg.io/team/app", table("other.io", "m.io"), ["reg.io/team/app:latest"]),
        ("reg.io/team/app:1", table("reg.io", "m.io", "n.io:5000/x"), ["m.io/team/app:1", "n.io:5000/x/team/app:1", "reg.io/team/app:1"]),
        ("reg.io/team/app:1", table("reg.io/team", "m.io"), ["m.io/app:1", "reg.io/team/app:1"]),
        ("reg.io/teams/app:1", table("reg.io/team", "m.io"), ["reg.io/teams/app:1"]),
        ("reg.io:5000/app:1", table("reg.io", "m.io"), ["reg.io:5000/app:1"]),
        ("reg.io/app:1", table("reg.io/app:1", "m.io/other:2"), ["m.io/other:2", "reg.io/app:1"]),
        ("reg.io/app:11", table("reg.io/app:1", "m.io/other:2"), ["reg.io/app:11"]),
        ("reg.io/a/b", table("reg.io", "short.io") + table("reg.io/a", "long.io"), ["long.io/b:latest", "reg.io/a/b:latest"]),
        ("reg.io/a", table("in.corp/x", prefix="reg.io"), ["in.corp/x/a:latest"]),
        ("reg.io/a", table("in.corp/", "m.io/", prefix="reg.io/"), ["m.io/a:latest", "in.corp/a:latest"]),
        ("a.b.corp/x", table("", "m.io", prefix="*.corp"), ["m.io/x:latest", "a.b.corp/x:latest"]),
        ("a.corp:5000/x", table("in.io", prefix="*.corp"), ["in.io:5000/x:latest"]),
        ("corp/x", table("", "m.io", prefix="*.corp"), ["docker.io/corp/x:latest"]),
        ("app", table("docker.io/library", "m.io/hub"), ["m.io/hub/app:latest", "docker.io/library/app:latest"]),
        ("app", table("docker.io", "m.io"), ["m.io/library/app:latest", "docker.io/library/app:latest"]),
        ("reg.io/team/app", table("reg.io", "m.io", more="mirror-by-digest-only = true"), ["reg.io/team/app:latest"]),
        (DIGESTED, table("reg.io", "m.io", more="mirror-by-digest-only = true"), [DIGESTED.replace("reg.io", "m.io"), DIGESTED]),
        ("reg.io/a", table("reg.io", 'm.io pull-from-mirror = "digest-only"', "n.io"), ["n.io/a:latest", "reg.io/a:latest"]),
        (DIGESTED, table("reg.io", 'm.io pull-from-mirror = "tag-only"'), [DIGESTED]),
        ("app", '[aliases]\n"app" = "reg.io/app"\n', ["docker.io/library/app:latest"]),
        ("app", 'unqualified-search-registries = ["reg.io"]\nunknown = 1\n', ["docker.io/library/app:latest"]),
        ("reg.io/a", "[registries.search]\nregistries = ['x.io']\n", ["reg.io/a:latest"]),
    ],
)  # fmt: skip
def test_places(name: str, conf: str, expected: list[str], machine: Machine) -> None:
    """The longest prefix decides, and its mirrors come before its location, as skopeo 1.9 asks them."""
    write(machine.etc / "containers/registries.conf", conf)
    assert places(name, machine) == expected


def test_files(machine: Machine, tmp_path: Path) -> None:
    """A later file replaces tables of the same prefix; the user's file hides those for all; a variable names another."""
    system, user = machine.etc / "containers", machine.home / ".config/containers"
    assert places("reg.io/a", machine) == ["reg.io/a:latest"]
    write(system / "registries.conf", table("reg.io", "one.io") + table("reg.io", "ignored.io"))
    assert places("reg.io/a", machine)[0] == "one.io/a:latest"
    write(system / "registries.conf.d/20.conf", table("reg.io", "two.io"))
    write(system / "registries.conf.d/10.conf", table("reg.io", "not.io"))
    write(system / "registries.conf.d/30.txt", table("reg.io", "not.io"))
    assert places("reg.io/a", machine)[0] == "two.io/a:latest"
    write(user / "registries.conf.d/00.conf", table("reg.io", "three.io"))
    assert places("reg.io/a", machine)[0] == "three.io/a:latest"
    write(user / "registries.conf", table("x.io", "four.io"))
    assert places("x.io/a", machine)[0] == "four.io/a:latest"
    write(user / "registries.conf.d/00.conf", "")
    assert places("reg.io/a", machine) == ["reg.io/a:latest"]
    named = write(tmp_path / "named.conf", table("reg.io", "five.io"))
    (system / "registries.conf.d/20.conf").unlink()
    (system / "registries.conf.d/10.conf").unlink()
    environment = {**machine.environment, "CONTAINERS_REGISTRIES_CONF": str(named)}
    assert places("reg.io/a", attrs.evolve(machine, environment=environment))[0] == "five.io/a:latest"
    named.unlink()
    with pytest.raises(RegistryError, match=r"named.conf: No such file") as caught:
        places("reg.io/a", attrs.evolve(machine, environment=environment))
    assert caught.value.hint == "correct CONTAINERS_REGISTRIES_CONF, which names it, or ignore it with --no-mirrors"


@pytest.mark.parametrize(
    ("conf", "says"),
    [
        ("[[registry]\n", "line 1"),
        ('\n[[registry]]\nlocation = "x"\nlocation = "y"\n', "line 4"),
        ("[[registry]]\n", "neither prefix nor location"),
        ('[[registry]]\nprefix = "reg.io"\n', "has no location"),
        ("[[registry]]\nlocation = 1\n", "location is 1, expected a string"),
        ('[[registry]]\nlocation = "http://reg.io"\n', "without a URL scheme"),
        ("registry = 1\n", "registry is 1, expected an array"),
        ("registry = [1]\n", "expected an array of tables"),
        ("registries = 1\n", "registries is 1, expected a table"),
        ("[registries]\nblock = ['reg.io']\n", "block is ['reg.io'], expected a table"),
        ('[[registry]]\nlocation = "https://user:hunter2@reg.io"\n', "without a URL scheme"),
        (table("reg.io", "user:hunter2@m.io"), "location has a user name, a password or a digest"),
        ("[registries.block]\nregistries = ['https://reg.io']\n", "without a URL scheme"),
        # podman and skopeo 1.9.3 refuse these two, too
        (table("reg.io") + "[registries.search]\nregistries = ['x.io']\n", "must not be in one file"),
        (table("reg.io") + table("reg.io", prefix="reg.io/x", more="blocked = true"), "two different values of blocked"),
        (table("reg.io") + table("reg.io", prefix="reg.io/x", more="insecure = true"), "two different values of insecure"),
        (table("reg.io", prefix="*.corp/x"), "more than a wildcard"),
        (table("reg.io", ""), "has no location"),
        (table("reg.io", 'm.io pull-from-mirror = "some"'), "pull-from-mirror is 'some'"),
        (table("reg.io", more='blocked = "yes"'), "blocked is 'yes'"),
        (table("reg.io", "UPPER.io/Upper"), "the location 'UPPER.io/Upper'"),
    ],
)
def test_files_that_cannot_be_read(conf: str, says: str, machine: Machine) -> None:
    """A broken file is an error that names the file and, where the parser knows, the line; an option ignores the file."""
    file = write(machine.etc / "containers/registries.conf", conf)
    with pytest.raises(RegistryError) as caught:
        places("reg.io/a", machine)
    assert str(caught.value).startswith(f"{file}: ")
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "--no-mirrors" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "conf", [table("reg.io/team", more="blocked = true"), "[registries.block]\nregistries = ['reg.io/']\n"]
)
def test_blocked(conf: str, home: Path, tmp_path: Path) -> None:
    """An image that the settings block is not asked for; the error names the file."""
    file = write(tmp_path / "etc/containers/registries.conf", conf)
    error = failure(ocisize.open_source, "reg.io/team/app:1")
    assert str(error).startswith(f"reg.io/team/app:1: {file} blocks reg.io")
    ocisize.open_source("reg.io/team/app:1", connection=Connection(mirrors=False)).close()


# daemon.json


@pytest.mark.parametrize(
    ("mirrors", "expected"),
    [
        (["https://m.io"], [("m.io/library/app:1", False)]),
        (["http://10.0.0.1:5000/", "n.io"], [("10.0.0.1:5000/library/app:1", True), ("n.io/library/app:1", False)]),
        ([], []),
    ],
)
def test_mirrors_of_docker(mirrors: list[str], expected: list[tuple[str, bool]], machine: Machine) -> None:
    """Docker's mirrors serve Docker Hub alone; the scheme of a mirror decides on TLS."""
    file = write(machine.etc / "docker/daemon.json", json.dumps({"registry-mirrors": mirrors, "log-level": "warn"}))
    *first, last = find_endpoints(parse_reference("app:1"), machine)
    assert [(str(endpoint.reference), endpoint.plain_http) for endpoint in first] == expected
    assert {endpoint.named_by for endpoint in first} <= {file}
    assert str(last.reference) == "docker.io/library/app:1"
    assert places("reg.io/app:1", machine) == ["reg.io/app:1"]


def test_files_of_docker(machine: Machine) -> None:
    """The first file counts: of rootless docker, of Docker Desktop, for all users. Mirrors of podman come before docker's."""
    for number, file in enumerate(reversed(machine.docker_daemon_files())):
        write(file, json.dumps({"registry-mirrors": [f"m{number}.io"]}))
        assert places("app", machine)[0] == f"m{number}.io/library/app:latest"
    write(machine.etc / "containers/registries.conf", table("docker.io/other", "podman.io"))
    assert places("app", machine)[0] == "m2.io/library/app:latest"
    write(machine.etc / "containers/registries.conf", table("docker.io", "podman.io"))
    assert places("app", machine) == ["podman.io/library/app:latest", "docker.io/library/app:latest"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{\n"registry-mirrors": [\n}', "line 3"),
        ("[]", "expected an object"),
        ('{"registry-mirrors": ["user:hunter2@m.io"]}', "is not the URL of a host"),
        ('{"registry-mirrors": "m.io"}', "expected an array of strings"),
        ('{"registry-mirrors": ["ftp://m.io"]}', "is not the URL of a host"),
        ('{"registry-mirrors": ["https://m.io/path"]}', "is not the URL of a host"),
        ('{"registry-mirrors": ["https://user:hunter2@m.io"]}', "is not the URL of a host"),
        ('{"registry-mirrors": ["https://m.io?token=hunter2"]}', "is not the URL of a host"),
    ],
)
def test_files_of_docker_that_cannot_be_read(text: str, says: str, machine: Machine) -> None:
    """A broken daemon.json is an error that names the file and the line, for images of Docker Hub only."""
    file = write(machine.etc / "docker/daemon.json", text)
    with pytest.raises(RegistryError) as caught:
        places("app", machine)
    assert str(caught.value).startswith(f"{file}: ")
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert places("reg.io/app", machine) == ["reg.io/app:latest"]


@pytest.mark.parametrize("text", ["", " \n", "\ufeff{}", "{}", '{"registry-mirrors": null}'])
def test_files_of_docker_without_mirrors(text: str, machine: Machine) -> None:
    """An empty daemon.json is one without settings, as for docker."""
    write(machine.etc / "docker/daemon.json", text)
    assert places("app", machine) == ["docker.io/library/app:latest"]


# On sockets


@pytest.fixture
def mirror(second_server: Server) -> Server:
    return second_server


def configure(server: Server, home: Path, *mirrors: str, more: str = "") -> Path:
    return write(home / ".config/containers/registries.conf", table(server.host, *mirrors, more=more))


def analyze(server: Server, name: str = "app:1", connection: Connection = QUICK) -> ocisize.Analysis:
    return ocisize.analyze(f"{server.host}/{name}", platform="linux/amd64", connection=connection)


def test_an_image_of_a_mirror(server: Server, mirror: Server, home: Path) -> None:
    """A mirror that has the image delivers all of it, and the report says where the image is from."""
    image = serve_image(mirror)
    file = configure(server, home, mirror.host)
    analysis = analyze(server)
    assert analysis.digest == image.digest
    assert (analysis.reference, analysis.mirror) == (f"{server.host}/app:1", f"{mirror.host}/app:1")
    assert from_json(to_json(analysis)).mirror == analysis.mirror
    assert describe_facts(analysis)[:2] == [f"from {mirror.host}/app:1", "linux/amd64"]
    assert describe_form(analysis).startswith(f"linux/amd64 · mirror {mirror.host}/app:1, 2 layers")
    assert analysis.warnings == (
        f"the image was read from the mirror {mirror.host}/app:1, which {file} names; "
        f"its tag may be older than that of {server.host}",
    )
    assert server.requests == []
    server.on(PATH, Answer(image.manifest))
    path = f"/v2/app/manifests/{image.digest}"
    mirror.on(path, Answer(image.manifest))
    by_digest = analyze(server, f"app@{image.digest}")
    assert by_digest.warnings == (
        f"the image was read from the mirror {mirror.host}/app@{image.digest}, which {file} names",
    )


def test_a_base_image_of_a_mirror(server: Server, mirror: Server, home: Path) -> None:
    """The report says where the base image is from, too."""
    serve_image(mirror)
    configure(server, home, mirror.host)
    name = f"{server.host}/app:1"
    analysis = ocisize.Analyzer(platform="linux/amd64", connection=QUICK, base=name).analyze(name)
    assert len(analysis.warnings) == 2
    assert analysis.warnings[1] == f"the base image: {analysis.warnings[0]}"


def test_mirrors_that_are_ignored(server: Server, mirror: Server, home: Path) -> None:
    """Without mirrors the registry alone is asked."""
    serve_image(server)
    configure(server, home, mirror.host)
    assert analyze(server, connection=attrs.evolve(QUICK, mirrors=False)).warnings == ()
    assert mirror.requests == []


@pytest.mark.parametrize("fault", ["missing", "refused", "denied", "broken", "web page", "hung up", "other digest"])
def test_mirrors_that_fail(fault: str, server: Server, mirror: Server, home: Path) -> None:
    """A mirror that has no image, or is away, makes no difference: the registry itself is asked."""
    image = serve_image(server)
    selector = f"app@{image.digest}" if fault == "other digest" else "app:1"
    digest_path = f"/v2/app/manifests/{image.digest}"
    server.on(digest_path, Answer(image.manifest))
    answers = {
        "denied": challenge('Basic realm="x"'), "broken": Answer(b"<html>", headers={"Docker-Content-Digest": image.digest}),
        "hung up": Answer(hang_up=True), "web page": Answer(b"<html><title>Log in</title>", headers={"Content-Type": "text/html"}),
    }  # fmt: skip
    mirror.on(PATH, answers.get(fault, errors(404, "MANIFEST_UNKNOWN")))
    mirror.on(digest_path, Answer(MANIFEST))
    host = f"127.0.0.1:{free_port()}" if fault == "refused" else mirror.host
    configure(server, home, host)
    analysis = analyze(server, selector)
    assert (analysis.digest, analysis.warnings) == (image.digest, ())


def test_several_mirrors(server: Server, mirror: Server, home: Path) -> None:
    """Mirrors are asked in order; an error names what each of them said, and has the status of the registry."""
    away = f"127.0.0.1:{free_port()}"
    configure(server, home, away, f"{mirror.host}/hub")
    error = failure(analyze, server)
    assert isinstance(error, RegistryError)
    assert error.status == 404
    text = str(error)
    assert text.startswith(f"{server.host}/app:1: the registry answered 404")
    assert f"its mirrors failed: {away}/app:1: cannot connect to {away}: connection refused; " in text
    assert f"refused; {mirror.host}/hub/app:1: the registry answered 404" in text
    assert "mirror" not in (error.hint or "")


@pytest.mark.parametrize(
    ("fault", "hint"),
    [
        ("denied", "for the mirror MIRROR: log in first: docker login MIRROR; registries also deny access"),
        ("away", "for the mirror MIRROR: check that a registry listens at MIRROR"),
        ("needs http", "for the mirror MIRROR: correct its entry in FILE, or ignore all mirrors with --no-mirrors"),
        ("missing", "check the internet connection"),
    ],
)
def test_advice_about_mirrors(
    fault: str, hint: str, server: Server, mirror: Server, names: dict[str, str], home: Path
) -> None:
    """Where only mirrors can be reached, the hint is about the mirror; the options for the registry are not for it."""
    names["mirror.test"] = "127.0.0.1"
    host = {"away": f"127.0.0.1:{free_port()}", "needs http": f"mirror.test:{mirror.port}"}.get(fault, mirror.host)
    mirror.on("/v2/library/app/manifests/1", challenge('Basic realm="x"') if fault == "denied" else errors(404, "UNKNOWN"))
    file = write(home / ".config/containers/registries.conf", table("docker.io", host))
    error = failure(lambda: ocisize.analyze("app:1", connection=QUICK))
    expected = hint.replace("MIRROR", host).replace("FILE", str(file))
    assert (error.hint or "").startswith(expected)
    assert (error.hint or "").endswith("; if the image is local: ocisize docker-daemon:app:1")
    assert f"its mirrors failed: {host}/library/app:1: " in str(error)


def test_advice_about_a_mirror_beside_the_registry(server: Server, mirror: Server, home: Path) -> None:
    """If the registry lacks the image, a mirror that wants a login may have it."""
    configure(server, home, mirror.host)
    mirror.on(PATH, challenge('Basic realm="x"'))
    error = failure(analyze, server)
    assert (error.hint or "").startswith("check the name and the tag")
    assert f"; for the mirror {mirror.host}: log in first: docker login {mirror.host}" in (error.hint or "")


@pytest.mark.parametrize("fault", ["missing", "cut", "cut at the start", "web page"])
def test_blobs_that_a_mirror_lacks(fault: str, server: Server, mirror: Server, home: Path) -> None:
    """What a mirror does not deliver comes from the registry, from the byte on at which the mirror broke off."""
    image = serve_image(mirror)
    serve_image(server)
    configure(server, home, mirror.host)
    digest, blob = image.layers[0].digest, image.layers[0].blob
    path = f"/v2/app/blobs/{digest}"
    answers: dict[str, Script] = {
        "missing": errors(404, "BLOB_UNKNOWN"), "cut": ranged(blob, cut=200_000), "cut at the start": ranged(blob, cut=0),
        "web page": Answer(b"<html>log in</html>"),
    }  # fmt: skip
    mirror.on(path, answers[fault], *([errors(404, "BLOB_UNKNOWN")] if fault == "cut" else []))
    server.on(f"/v2/app/manifests/{image.digest}", Answer(image.manifest))
    analysis = analyze(server)
    assert analysis.complete
    assert analysis.digest == image.digest
    assert analysis.compressed_size == sum(len(built.blob) for built in image.layers)
    assert any(f"{mirror.host} did not deliver every layer" in text for text in analysis.warnings)
    (asked,) = server.requests_of(path)
    assert asked.headers["Range"] == ("bytes=200000-" if fault == "cut" else None)


def test_blobs_of_another_image(server: Server, mirror: Server, home: Path) -> None:
    """Bytes that a mirror has changed are refused."""
    image = serve_image(mirror)
    serve_image(server)
    configure(server, home, mirror.host)
    wrong = bytes(len(image.layers[0].blob))
    mirror.on(f"/v2/app/blobs/{image.layers[0].digest}", Answer(wrong))
    with pytest.raises(ocisize.OcisizeError, match="has digest"):
        analyze(server)


def test_credentials_of_a_mirror(
    server: Server, mirror: Server, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror gets the login for its own name, and never that of the registry."""
    serve_image(server)
    folder = tmp_path / "docker"
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    configure(server, home, mirror.host)
    image = serve_image(mirror)
    mirror.on(PATH, guarded([basic("mirror", SECRET)], Answer(image.manifest), 'Basic realm="x"'))
    write_docker_config(folder, server.host, "user", SECRET)
    assert "the mirror" not in "".join(analyze(server).warnings)
    assert [request.authorization for request in mirror.requests] == [None, None][: len(mirror.requests)]
    write_docker_config(folder, mirror.host, "mirror", SECRET)
    assert "the mirror" in "".join(analyze(server).warnings)
    assert basic("mirror", SECRET) in [request.authorization for request in mirror.requests]
    assert [request.authorization for request in server.requests if request.authorization] == []


def test_another_location(server: Server, mirror: Server, home: Path) -> None:
    """A prefix that the settings place elsewhere is read there, under its own name, and the report says so."""
    serve_image(server)
    file = write(home / ".config/containers/registries.conf", table(server.host, prefix="reg.example.com"))
    analysis = ocisize.analyze("reg.example.com/app:1", platform="linux/amd64", connection=QUICK)
    assert analysis.reference == "reg.example.com/app:1"
    assert analysis.warnings == (f"the image was read from {server.host}/app:1, which {file} names",)


def test_an_insecure_mirror_on_this_machine(server: Server, mirror: Server, home: Path, tmp_path: Path) -> None:
    """A mirror on this machine gets the login for its name although it is insecure: no request leaves the machine."""
    image = serve_image(mirror)
    mirror.on(PATH, guarded([basic("mirror", SECRET)], Answer(image.manifest), 'Basic realm="x"'))
    configure(server, home, f"{mirror.host} insecure = true")
    write_docker_config(home / ".docker", mirror.host, "mirror", SECRET)
    analysis = analyze(server)
    assert (analysis.digest, analysis.mirror, analysis.unverified_hosts) == (image.digest, f"{mirror.host}/app:1", ())
    assert server.requests == []


@pytest.mark.parametrize("setting", ["podman", "docker"])
def test_mirrors_without_tls(
    setting: str, mirror: Server, names: dict[str, str], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror that the settings allow plain http is read so, without a login; the report says that nothing proves it."""
    names["mirror.test"] = "127.0.0.1"
    host = f"mirror.test:{mirror.port}"
    image = serve_image(mirror)
    for path in list(mirror._scripts):
        mirror.on(path.replace("/v2/app/", "/v2/library/app/"), mirror.scripted(path))
    if setting == "podman":
        write(home / ".config/containers/registries.conf", table("docker.io", f"{host} insecure = true"))
    else:
        write(tmp_path / "etc/docker/daemon.json", json.dumps({"registry-mirrors": [f"http://{host}"]}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    write_docker_config(tmp_path, host, "user", SECRET)
    analysis = ocisize.analyze("app:1", platform="linux/amd64", connection=QUICK)
    assert analysis.digest == image.digest
    assert analysis.warnings[1:] == (f"{host} was read over plain http: another server could have answered",)
    assert analysis.unverified_hosts == (host,)
    mirror.on("/v2/library/app/manifests/1", challenge('Basic realm="x"'))
    failure(lambda: ocisize.analyze("app:1", connection=QUICK))
    assert {request.authorization for request in mirror.requests} == {None}


@pytest.mark.parametrize(
    ("host", "endpoint", "connection", "expected"),
    [
        ("m.io", {}, {}, [(False, True, True)]),
        ("m.io", {}, {"plain_http": True, "client_cert": "me.pem"}, [(False, True, True)]),
        ("m.io", {}, {"tls_verify": False}, [(False, False, True)]),
        ("m.io", {"insecure": True}, {}, [(False, False, False), (True, True, False)]),
        ("m.io", {"plain_http": True}, {}, [(True, True, False)]),
        ("m.io", {"plain_http": True, "insecure": True}, {}, [(True, True, False)]),
        ("m.io", {"plain_http": False}, {}, [(False, True, True)]),
        ("localhost:5000", {}, {}, [(True, True, True), (False, True, True)]),
        ("localhost:5000", {}, {"ca_certs": "corp.pem"}, [(True, True, True), (False, True, True)]),
        ("localhost:5000", {"insecure": True}, {}, [(True, True, True), (False, False, True)]),
        ("localhost:5000", {"plain_http": True}, {}, [(True, True, True)]),
        ("localhost:5000", {"plain_http": False}, {}, [(False, True, True)]),
    ],
)
def test_ways_to_mirrors(
    host: str,
    endpoint: dict[str, Any],
    connection: dict[str, Any],
    expected: list[tuple[bool, bool, bool]],
    machine: Machine,
) -> None:
    """Plain http, verification and logins of mirrors follow the settings; options for the registry are not for them."""
    reference = parse_reference(f"{host}/app")
    ways = find_ways(Endpoint(reference, is_mirror=True, **endpoint), Connection(**connection), machine)
    assert [(way.plain_http, way.connection.tls_verify is True, way.sends_credentials) for way in ways] == expected
    assert {way.connection.client_cert for way in ways} == {None}
    unproven = [(not verified or plain and not login) for plain, verified, login in expected]
    assert [bool(way.caveat) for way in ways] == unproven


def test_plain_http_after_tls(machine: Machine) -> None:
    """An insecure mirror is asked over plain http only if TLS brings no answer."""
    endpoint = Endpoint(parse_reference("m.io/app"), is_mirror=True, insecure=True)
    _, plain = find_ways(endpoint, Connection(), machine)
    assert plain.may_follow(RegistryError("[SSL: WRONG_VERSION_NUMBER]"))
    assert not plain.may_follow(RegistryError("no such image", status=404))
    assert not plain.may_follow(DigestMismatch("manifest", got="sha256:a", expected="sha256:b"))


def test_images_of_all_platforms(server: Server, mirror: Server, home: Path) -> None:
    """The manifests of an index come from where the index came from."""
    image = serve_image(mirror)
    index = index_bytes([for_platform(image.descriptor, "linux", "amd64")])
    mirror.on(PATH, Answer(index))
    mirror.on(f"/v2/app/manifests/{image.digest}", Answer(image.manifest))
    configure(server, home, mirror.host)
    found = ocisize.Analyzer(connection=QUICK).analyze_all(f"{server.host}/app:1")
    assert [analysis.digest for analysis in found.analyses.values()] == [image.digest]
    assert "the mirror" in found.warnings[0]
    assert server.requests == []


def test_closing_ends_all(server: Server, mirror: Server, home: Path) -> None:
    """A source that was closed asks no further mirror."""
    configure(server, home, mirror.host)
    with closing(ocisize.open_source(f"{server.host}/app:1", connection=QUICK)) as source:
        source.close()
        assert "has been closed" in str(failure(source.read_manifest))
    assert (mirror.requests, server.requests) == ([], [])
