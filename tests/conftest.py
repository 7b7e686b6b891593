"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from ocisize.sources.registry.deadline import Connections
from tests.registry import RealRegistry, Server, real_registry

# A slow machine is no failure; and what CI says of a commit must not depend on luck.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder and no environment that leads to credentials or proxies."""
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    """A scripted HTTP server, the faulty registry."""
    running = Server()
    yield running
    running.close()


@pytest.fixture
def second_server(home: Path) -> Iterator[Server]:
    """Another one on another port: storage, a token service."""
    running = Server()
    yield running
    running.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited before asking a registry again, without waiting."""
    waited: list[float] = []
    monkeypatch.setattr(Connections, "pause", lambda _, seconds: waited.append(seconds))
    return waited


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """A real docker-registry that anybody may read and write."""
    with real_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running
