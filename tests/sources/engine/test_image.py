"""docker-daemon:NAME and podman:NAME, from a fake engine on a Unix socket."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocisize import Analyzer, Progress
from ocisize.cli.main import main
from ocisize.errors import ArchiveError, InvalidReference, OcisizeError, SourceError, ViewError
from ocisize.sources.engine import client as client_module
from ocisize.sources.open import open_source
from ocisize.sources.schemes import find_scheme, names_registry
from tests.images import build_image, compress, docker_archive_entries, layer, tar_bytes, write_oci_archive
from tests.sources.engine.fake import FakeEngine, chunked, document, fake_engine, raw

IMAGE = build_image([layer({"a": random.Random(1).randbytes(90_000)}), layer({"b": b"b" * 400, ".wh.a": b""})])
ARCHIVE = tar_bytes(docker_archive_entries(IMAGE, "legacy", ["app:latest"]))


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """A fake engine that both programs are configured with."""
    with fake_engine(tmp_path) as made:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{made.socket}")
        monkeypatch.setenv("CONTAINER_HOST", f"unix://{made.socket}")
        yield made


def refuse(name: str, kind: type[OcisizeError] = SourceError) -> OcisizeError:
    with pytest.raises(kind) as caught:
        Analyzer().analyze(name)
    return caught.value


def test_docker(engine: FakeEngine) -> None:
    """The archive is that of docker save; a name without a tag is that of latest, since docker would save all tags."""
    engine.has_image("app", chunked(ARCHIVE), tag=":latest")
    analysis = Analyzer().analyze("docker-daemon:app")
    assert (analysis.source, analysis.format, analysis.reference) == ("docker-daemon:app", "docker-archive", "app:latest")
    assert (analysis.content_size, analysis.wasted_size) == (90_400, 90_000)
    assert all(one.digest_verified and one.diff_id_verified for one in analysis.layers)
    assert engine.requests == ["/images/app/json", "/images/app:latest/get"]
    assert analysis.warnings == (
        "the Docker engine names no registry that has this image: the download of uncompressed layers is not known",
    )


@pytest.mark.parametrize(
    "name", ["app:1", "localhost:5000/team/app:1", "app@sha256:" + 64 * "0", "sha256:" + 64 * "a", 12 * "a"]
)
def test_names(engine: FakeEngine, name: str) -> None:
    """Tags, digests and image IDs are asked for as they are."""
    engine.has_image(name, chunked(ARCHIVE))
    assert Analyzer().analyze(f"docker-daemon:{name}").content_size == 90_400
    assert Analyzer().analyze(f"docker-daemon://{name}").content_size == 90_400


def test_podman(engine: FakeEngine) -> None:
    """podman's own API reads short names as podman does; its version is the one that the service tells."""
    engine.on("/_ping", document("OK", headers={"Libpod-API-Version": "4.3.1"}))
    facts = {"RepoDigests": ["localhost/app@sha256:" + 64 * "1"]}
    engine.has_image("app", chunked(ARCHIVE, step=999), tag=":latest", api="/v4.3.1/libpod", facts=facts)
    analysis = Analyzer().analyze("podman:app")
    assert analysis.content_size == 90_400
    assert analysis.warnings[0].startswith("podman's service names no registry")


@pytest.mark.parametrize("version", ["", "4.3.1/../x", "x"])
def test_podman_without_its_own_api(engine: FakeEngine, version: str) -> None:
    engine.on("/_ping", document("OK", headers={"Libpod-API-Version": version} if version else {}))
    engine.has_image("app:1", chunked(ARCHIVE))
    assert Analyzer().analyze("podman:app:1").content_size == 90_400


def test_where_the_download_is_known(engine: FakeEngine) -> None:
    """A pulled image has the digest of its registry; archives with compressed layers alone need no note."""
    digest = "registry.io/app@sha256:" + 64 * "1"
    engine.has_image("app:1", chunked(ARCHIVE), facts={"RepoDigests": [digest]})
    (note,) = Analyzer().analyze("docker-daemon:app:1").warnings
    assert digest in note


def test_layers_that_podman_compresses(engine: FakeEngine, tmp_path: Path) -> None:
    """The sizes of an OCI archive of podman are not those of a registry; docker saves the blobs that it has."""
    archive = chunked(write_oci_archive(IMAGE, tmp_path / "app.tar").read_bytes())
    digest = "registry.io/app@sha256:" + 64 * "1"
    engine.on("/_ping", document("OK", headers={"Libpod-API-Version": "4.3.1"}))
    engine.has_image("app:1", archive, api="/v4.3.1/libpod", facts={"RepoDigests": [digest]})
    (note,) = Analyzer().analyze("podman:app:1").warnings
    assert note.startswith("podman's service compressed the layers to save them")
    assert note.endswith(f"it has this image from {digest}")
    engine.has_image("app:1", archive)
    assert not Analyzer().analyze("docker-daemon:app:1").warnings


def test_a_compressed_archive_and_a_length(engine: FakeEngine) -> None:
    data = compress(ARCHIVE, "gzip")
    engine.has_image("app:1", raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data))
    assert Analyzer().analyze("docker-daemon:app:1").content_size == 90_400
    engine.has_image("app:1", raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ARCHIVE) + ARCHIVE[:50_000]))
    assert str(refuse("docker-daemon:app:1")) == "the Docker engine ended its answer early"


def test_unknown_names(engine: FakeEngine) -> None:
    """The error names what the engine has that is near."""
    engine.on(
        "/images/json", document([{"RepoTags": ["app:1", "app:2"]}, {"RepoTags": None}, {"RepoTags": ["<none>:<none>"]}])
    )
    for name in ("app:3", "team/app:1", "apd:1"):
        error = refuse(f"docker-daemon:{name}")
        assert str(error) == f"the Docker engine has no image {name}"
        assert "docker-daemon:app:1" in str(error.hint)
    assert refuse("docker-daemon:zebra").hint == "for the image in a registry: ocisize docker://zebra"
    engine.on("/images/json", document({"message": "broken"}, status=500))
    assert "ocisize docker://app:3" in str(refuse("docker-daemon:app:3").hint)


def test_errors_of_the_engine(engine: FakeEngine) -> None:
    """The message in the answer is the error."""
    engine.on("/images/app:1/json", document({"message": "disk\x1b[31m full"}, status=500))
    assert str(refuse("docker-daemon:app:1")) == "the Docker engine: disk\\x1b[31m full"
    engine.has_image("app:1", document({"message": "no space left on device"}, status=500))
    assert str(refuse("docker-daemon:app:1")) == "the Docker engine: no space left on device"
    engine.has_image("app:1", raw(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"))
    assert str(refuse("docker-daemon:app:1")) == "the Docker engine: HTTP 503"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"", "closed the connection without an answer|connection broke"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "answered with no JSON"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a":', "ended its answer early|answered with no JSON"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "does not speak HTTP|early"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n", "does not speak HTTP"),
    ],
)
def test_what_is_no_engine(engine: FakeEngine, answer: bytes, text: str) -> None:
    engine.on("/images/app:1/json", raw(answer))
    with pytest.raises(SourceError, match=text):
        Analyzer().analyze("docker-daemon:app:1")


@pytest.mark.parametrize("length", [0, 511, 30_000, len(ARCHIVE) - 11_000])
@pytest.mark.parametrize("ends", [False, True])
def test_archives_that_end_early(engine: FakeEngine, length: int, ends: bool) -> None:
    """A daemon that fails in between ends the connection, or the archive."""
    engine.has_image("app:1", chunked(ARCHIVE[:length], ends=ends))
    error = refuse("docker-daemon:app:1")
    assert "the Docker engine" in str(error)
    assert not ends or "docker save app:1 | ocisize -" in str(error.hint)


def test_no_archive(engine: FakeEngine) -> None:
    engine.has_image("app:1", chunked(b"<html>" * 300))
    assert str(refuse("docker-daemon:app:1", ArchiveError)) == "the Docker engine is not a saved image: an HTML page"


def test_a_slow_engine(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines write an archive to their disk first: the progress says so, and the time for it is another than for documents."""
    seen: list[Progress] = []
    engine.has_image("app:1", chunked(ARCHIVE, delay=0.6))
    monkeypatch.setattr(client_module, "_ANSWER_SECONDS", 0.3)
    Analyzer(on_progress=seen.append).analyze("docker-daemon:app:1")
    assert seen[0].waits_for == "waiting for the Docker engine to prepare app:1"
    assert not seen[-1].waits_for
    monkeypatch.setattr(client_module, "_PREPARE_SECONDS", 0.2)
    assert str(refuse("docker-daemon:app:1")) == "the Docker engine did not answer in time"


def test_sockets_that_nobody_listens_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the address, and the hint what works without the service."""
    for variable, scheme, hint in (
        ("DOCKER_HOST", "docker-daemon", "start the engine, or say where it listens: DOCKER_HOST, DOCKER_CONTEXT"),
        ("CONTAINER_HOST", "podman", "podman save app:1 | ocisize - needs no service"),
    ):
        monkeypatch.setenv(variable, f"unix://{tmp_path}/none.sock")
        error = refuse(f"{scheme}:app:1")
        assert f"at unix://{tmp_path}/none.sock: No such file or directory" in str(error)
        assert str(error.hint).startswith(hint)


def test_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_connection(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    monkeypatch.setattr("ocisize.sources.engine.client._UnixConnection.connect", refuse_connection)
    error = refuse("docker-daemon:app:1")
    assert "permission denied" in str(error)
    assert "group docker, which is as powerful as root, or: sudo docker save app:1 | ocisize -" in str(error.hint)


@pytest.mark.parametrize(
    "name", ["../containers/json", "a b", "App/../x", "-v", "app:1?x=1", "app#x", "a" * 600, "app:", "/app"]
)
def test_names_that_are_none(engine: FakeEngine, name: str) -> None:
    """What is no name is never sent: a path of the API could be hidden in it."""
    with pytest.raises((InvalidReference, ArchiveError)):
        open_source(f"docker-daemon:{name}")
    assert not engine.requests


def test_schemes(engine: FakeEngine) -> None:
    assert not names_registry("docker-daemon:app")
    scheme = find_scheme("podman:app:1")
    assert scheme is not None
    assert scheme[1] == "app:1"
    with pytest.raises(ViewError, match="--select chooses among the images of a file"):
        open_source("podman:app:1", select="x")
    assert not engine.requests


def test_the_command_line(engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All commands take the schemes; diff compares with what is saved."""
    engine.has_image("app:1", chunked(ARCHIVE))
    path = tmp_path / "app.tar"
    path.write_bytes(ARCHIVE)
    for arguments in (["docker-daemon:app:1"], ["tree", "docker-daemon:app:1"], ["diff", str(path), "docker-daemon:app:1"]):
        assert main([*arguments, "-q"]) == 0
    assert main(["docker-daemon:none:1"]) == 2
    assert "error: docker-daemon:none:1: the Docker engine has no image none:1" in capsys.readouterr().err
    assert not [thread for thread in threading.enumerate() if thread.name == "ocisize-hash"]
