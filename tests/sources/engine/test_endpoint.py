"""Where engines are looked for: variables, contexts of docker, and default sockets."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from ocisize.errors import SourceError
from ocisize.sources.engine import endpoint as module
from ocisize.sources.engine.endpoint import DOCKER, PODMAN, Endpoint, find_docker, find_podman
from ocisize.sources.engine.image import open_engine
from ocisize.limits import Limits


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, with the default sockets of the system in it, too."""
    monkeypatch.setattr(module, "_DOCKER_SOCKETS", (f"{tmp_path}/var/docker.sock", *module._DOCKER_SOCKETS[1:]))  # noqa: SLF001
    monkeypatch.setattr(module, "_DOCKER_SOCKET", f"{tmp_path}/var/docker.sock")
    monkeypatch.setattr(module, "_PODMAN_SOCKET", f"{tmp_path}/run/podman.sock")
    monkeypatch.setattr(module, "_PODMAN_SOCKETS", ("{run}/podman/podman.sock", f"{tmp_path}/run/podman.sock"))
    return tmp_path


def environment(home: Path, **variables: str) -> dict[str, str]:
    return {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "user"), **variables}


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def listen(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    return made


def write_context(home: Path, name: str, endpoint: dict[str, Any]) -> Path:
    key = hashlib.sha256(name.encode()).hexdigest()
    write(home / ".docker/contexts/meta" / key / "meta.json", {"Name": name, "Endpoints": {"docker": endpoint}})
    return home / ".docker/contexts/tls" / key / "docker"


def test_default_sockets(home: Path) -> None:
    """The first that exists: the system's, then those of rootless docker and of desktops; none gives the system's name."""
    assert find_docker(environment(home)).socket == f"{home}/var/docker.sock"
    with listen(home / ".docker/run/docker.sock"):
        assert find_docker(environment(home)).socket == f"{home}/.docker/run/docker.sock"
        with listen(home / "user/docker.sock"):
            assert find_docker(environment(home)).socket == f"{home}/user/docker.sock"
            with listen(home / "var/docker.sock"):
                assert find_docker(environment(home)).socket == f"{home}/var/docker.sock"


def test_sockets_of_podman(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user, that of the user comes first; as root, that of the system."""
    with listen(home / "user/podman/podman.sock"), listen(home / "run/podman.sock"):
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        assert find_podman(environment(home)).socket == f"{home}/user/podman/podman.sock"
        monkeypatch.setattr("os.geteuid", lambda: 0)
        assert find_podman(environment(home)).socket == f"{home}/run/podman.sock"
    assert find_podman(environment(home, CONTAINER_HOST="unix:///x/p.sock")).socket == "/x/p.sock"


def test_contexts(home: Path) -> None:
    """DOCKER_HOST, then DOCKER_CONTEXT, then the current context of the configuration."""
    files = write_context(home, "remote", {"Host": "tcp://10.0.0.5:2376", "SkipTLSVerify": False})
    files.mkdir(parents=True)
    write_context(home, "desktop", {"Host": f"unix://{home}/d.sock"})
    write(home / ".docker/config.json", {"currentContext": "desktop"})
    assert find_docker(environment(home)).socket == f"{home}/d.sock"
    found = find_docker(environment(home, DOCKER_CONTEXT="remote"))
    assert (found.host, found.port) == ("10.0.0.5", 2376)
    assert found.tls is not None
    assert (found.tls.folder, found.tls.verify) == (files, True)
    assert find_docker(environment(home, DOCKER_CONTEXT="default")).socket == f"{home}/var/docker.sock"
    assert find_docker(environment(home, DOCKER_CONTEXT="remote", DOCKER_HOST="unix:///x")).socket == "/x"
    with pytest.raises(SourceError, match="the context gone of docker is not in"):
        find_docker(environment(home, DOCKER_CONTEXT="gone"))
    other = home / "other"
    write(other / "config.json", {"currentContext": ""})
    assert find_docker(environment(home, DOCKER_CONFIG=str(other))).socket == f"{home}/var/docker.sock"


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "[]", '{"currentContext": 5}'])
def test_broken_configurations(home: Path, text: str) -> None:
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(text)
    if text == "[]":
        assert find_docker(environment(home)).socket == f"{home}/var/docker.sock"
    else:
        with pytest.raises(SourceError):
            find_docker(environment(home))


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("ssh://me:secret@build", "DOCKER_HOST is ssh://build, and ocisize does not use ssh"),
        ("npipe:////./pipe/docker_engine", "named pipes of Windows"),
        ("fd://", "expected unix:///PATH or tcp://HOST:PORT"),
        ("unix://relative", "expected unix:///PATH"),
        ("tcp://", "expected tcp://HOST:PORT"),
        ("tcp://me:secret@:99999", "DOCKER_HOST is tcp://:99999, expected"),
        ("tcp://host:port", "expected tcp://HOST:PORT"),
        ("docker.sock", "expected unix:///PATH"),
    ],
)
def test_addresses_that_are_not_used(home: Path, address: str, text: str) -> None:
    """The hint is the way that works: docker itself knows the address."""
    with pytest.raises(SourceError, match=text) as caught:
        find_docker(environment(home, DOCKER_HOST=address))
    assert "secret" not in str(caught.value)
    assert "tcp" in address or caught.value.hint == "pipe the image instead: docker save NAME | ocisize -"


def test_tcp_and_tls(home: Path) -> None:
    assert find_docker(environment(home, DOCKER_HOST="tcp://[::1]:99")) == Endpoint("tcp://[::1]:99", host="::1", port=99)
    found = find_docker(environment(home, DOCKER_HOST="tcp://build", DOCKER_TLS_VERIFY="1"))
    assert (found.address, found.tls) == ("tcp://build:2376", module.TlsFiles(home / ".docker", verify=True))
    found = find_docker(environment(home, DOCKER_HOST="tcp://build", DOCKER_TLS="1", DOCKER_CERT_PATH="/c"))
    assert found.tls == module.TlsFiles(Path("/c"), verify=False)


@pytest.mark.parametrize(
    ("address", "tls", "hosts"),
    [
        ("unix:///x", "", []),
        ("tcp://build:2375", "", ["build:2375"]),
        ("tcp://127.0.0.1:2375", "", []),
        ("tcp://build:2376", "1", []),
    ],
)
def test_who_answers(monkeypatch: pytest.MonkeyPatch, address: str, tls: str, hosts: list[str]) -> None:
    """Reports name an engine on another machine whose identity nothing verifies."""
    monkeypatch.setenv("DOCKER_HOST", address)
    monkeypatch.setenv("DOCKER_TLS_VERIFY", tls)
    assert open_engine(DOCKER, "app", select=None, limits=Limits()).unverified_hosts == hosts
    assert PODMAN.scheme == "podman"
