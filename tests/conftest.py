"""Fixtures that several test modules share."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from ocisize.sources.registry.transport import Connections
from tests.registry import RealRegistry, Server, real_registry

# A slow machine is no failure; and what CI says of a commit must not depend on luck.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

for _name in ("COLUMNS", "LINES"):  # pytest-xdist sets the size of its terminal, which programs take before that of theirs
    os.environ.pop(_name, None)

_numbers = itertools.count()  # of tests
#: the cache of fixtures that many tests share; each test has its own
_CACHE = tempfile.TemporaryDirectory(prefix="ocisize-cache-")
os.environ["OCISIZE_CACHE_DIR"] = _CACHE.name
os.environ.pop("OCISIZE_CACHE_MAX_SIZE", None)

#: folders and modules of tests that take long or run other programs, below tests/
SLOW = (
    "cli/",
    "compat/",
    "fuzz/",
    "property/",
    "report/ci/test_ci_formats.py",
    "report/test_formats.py",
    "sources/registry/test_faults.py",
    "sources/registry/test_trust.py",
    "test_ci_recipes.py",
    "test_concurrency.py",
    "test_corpus.py",
    "test_endings.py",
    "test_every_source.py",
    "test_injection.py",
    "test_instruction_counts.py",
    "test_memory.py",
    "test_partial.py",
    "test_samples.py",
    "test_soak.py",
    "test_truncation.py",
    "test_trust.py",
)
MAX_ID_BYTES = 20  # of a parameter that the id of a test shows
#: packages whose tests run first: what they hold is what everything else is made of
CORE = (
    "tar/",
    "blob/",
    "layer/",
    "filesystem/",
    "sizes/",
    "oci/",
    "history/",
    "rules/",
    "findings/",
    "budgets/",
    "comparison/",
)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Return a name of long bytes that is the same in all processes of pytest-xdist; gzip data holds the time."""
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) and len(val) > MAX_ID_BYTES else None


def is_slow(item: pytest.Item, path: str) -> bool:
    """Return whether a test takes long: random input, a real registry, other programs."""
    is_random = getattr(getattr(item, "function", None), "is_hypothesis_test", False)
    return path.startswith(SLOW) or is_random or "registry" in getattr(item, "fixturenames", ())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import the slow modules where they are left out as a whole: that takes as long as many tests."""
    folder = Path(__file__).parent
    if config.option.markexpr == "not slow" and collection_path.is_relative_to(folder):
        return collection_path.relative_to(folder).as_posix().startswith(SLOW) or None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests, and put the tests of the core first and the slow ones last."""
    folder = Path(__file__).parent
    rank: dict[pytest.Item, int] = {}
    for item in items:
        path = item.path.relative_to(folder).as_posix() if item.path.is_relative_to(folder) else ""
        if is_slow(item, path):
            item.add_marker(pytest.mark.slow)
            # the longest test is the first of the slow ones, so that no other process waits for it at the end
            rank[item] = len(CORE) + (1 if path == "test_instruction_counts.py" else 2)
        else:
            rank[item] = next((number for number, package in enumerate(CORE) if path.startswith(package)), len(CORE))
    items.sort(key=rank.__getitem__)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, and no settings of this machine that lead to credentials, proxies, mirrors or certificates."""
    for name in ("DOCKER_AUTH_CONFIG", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("ocisize.sources.registry.credential_files._RUN_FOLDER", tmp_path / "run-containers")
    monkeypatch.setattr("ocisize.sources.registry.settings.machine.ETC", tmp_path / "etc")
    for name in ("CONTAINERS_REGISTRIES_CONF", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache for each test: none depends on what another one has kept."""
    folder = tmp_path_factory.getbasetemp() / "caches" / f"{next(_numbers)}"
    monkeypatch.setenv("OCISIZE_CACHE_DIR", str(folder))
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
