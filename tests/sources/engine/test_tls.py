"""Engines over TCP and TLS: the variables of docker say whom to trust, and reports name who was not verified."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ocisize import Analyzer
from ocisize.errors import SourceError
from tests.registry import Answer, Server, Signer
from tests.sources.engine.test_image import ARCHIVE


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> list[Signer]:
    """The authority of the engine, and that of its clients."""
    return [Signer.make(tmp_path_factory.mktemp("signer")) for _ in range(2)]


@pytest.fixture
def engine(signers: list[Signer]) -> Iterator[Server]:
    """An engine that talks only to clients of the second authority."""
    with closing(Server(signers[0], clients=signers[1])) as server:
        yield serve(server)


def serve(server: Server) -> Server:
    server.on("/images/app:1/json", Answer(json.dumps({"Id": "sha256:" + 64 * "a"}).encode()))
    server.on("/images/app:1/get", Answer(ARCHIVE))
    return server


def certificates(folder: Path, authority: Signer, client: Signer | None) -> str:
    """A folder as DOCKER_CERT_PATH names it."""
    folder.mkdir()
    shutil.copy(authority.certificate, folder / "ca.pem")
    if client is not None:
        shutil.copy(client.certificate, folder / "cert.pem")
        shutil.copy(client.key, folder / "key.pem")
    return str(folder)


def test_tls(engine: Server, signers: list[Signer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the right certificates both sides know each other."""
    monkeypatch.setenv("DOCKER_HOST", f"tcp://{engine.host}")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", certificates(tmp_path / "right", signers[0], signers[1]))
    analysis = Analyzer().analyze("docker-daemon:app:1")
    assert (analysis.content_size, analysis.unverified_hosts) == (90_400, ())
    for name, authority, client in (("wrong", signers[1], signers[1]), ("none", signers[0], None)):
        monkeypatch.setenv("DOCKER_CERT_PATH", certificates(tmp_path / name, authority, client))
        with pytest.raises(SourceError, match="TLS failed|the connection broke"):
            Analyzer().analyze("docker-daemon:app:1")


def test_tls_without_verification(
    engine: Server, signers: list[Signer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DOCKER_TLS alone encrypts: anybody could have answered, and the report names the host."""
    monkeypatch.setenv("DOCKER_HOST", f"tcp://{engine.host}")
    monkeypatch.setenv("DOCKER_TLS", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", certificates(tmp_path / "client", signers[1], signers[1]))
    monkeypatch.setattr("ocisize.sources.engine.image.is_here", lambda _: False)
    assert Analyzer().analyze("docker-daemon:app:1").unverified_hosts == (engine.host,)


def test_no_certificates_of_the_current_folder(
    engine: Server, signers: list[Signer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https:// without a folder of certificates trusts the authorities of the system, not a file that happens to be here."""
    monkeypatch.chdir(certificates(tmp_path / "here", signers[0], signers[1]))
    monkeypatch.setenv("DOCKER_HOST", f"https://{engine.host}")
    with pytest.raises(SourceError, match="TLS failed"):
        Analyzer().analyze("docker-daemon:app:1")


def test_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without TLS, on this machine."""
    with closing(Server()) as server:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://{serve(server).host}")
        assert Analyzer().analyze("docker-daemon:app:1").content_size == 90_400


def test_broken_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    with pytest.raises(SourceError, match="the certificates in .* cannot be used"):
        Analyzer().analyze("docker-daemon:app:1")
