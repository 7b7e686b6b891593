"""One image from a registry, a file, a pipe, dockerd and podman: equal figures, from real engines.

Engines need root and the rights to mount, which a container may lack.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocisize import Analysis, Analyzer
from ocisize.errors import SourceError
from tests.piping import piped
from tests.registry import RealRegistry
from tests.saved.seeds import FIGURES, IMAGES, write_seeds
from tests.saved.tools import EngineError, environment_of, programs_of, run_command
from tests.tools import program, skip_or_fail

_SERVICE_SECONDS = 30.0
EXPECTED = FIGURES["amd64"]


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeds")
    write_seeds(folder)
    return folder


def engine_of(tool: str, folder: Path, seeds: Path) -> Iterator[dict[str, str]]:
    """The environment of an engine that has the seeds; skip the tests where it cannot run."""
    for name in programs_of(tool):
        program(name)
    try:
        with environment_of(tool, folder, seeds) as environment:
            yield {**environment}
    except EngineError as error:
        skip_or_fail(f"{tool} cannot run here: {error}", needed=tool == "podman")


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory, seeds: Path) -> Iterator[dict[str, str]]:
    yield from engine_of("docker", tmp_path_factory.mktemp("d"), seeds)


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory, seeds: Path) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("p")
    for environment in engine_of("podman", folder, seeds):
        path = folder / "podman.sock"
        service = subprocess.Popen(
            ["podman", "system", "service", "--time=0", f"unix://{path}"],
            env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + _SERVICE_SECONDS
            while not path.exists():
                assert service.poll() is None, "podman's service ended"
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield {**environment, "CONTAINER_HOST": f"unix://{path}"}
        finally:
            service.terminate()
            service.wait(_SERVICE_SECONDS)


def check(analysis: Analysis) -> Analysis:
    """The content figures are those of the image, and every layer is verified."""
    assert tuple(layer.diff_id for layer in analysis.layers) == EXPECTED.diff_ids
    assert (analysis.content_size, analysis.live_size, analysis.wasted_size) == (
        EXPECTED.content,
        EXPECTED.live,
        EXPECTED.waste,
    )
    assert [layer.files.paths for layer in analysis.layers if layer.files] == [
        layer.files.paths for layer in expected().layers if layer.files
    ]
    assert all(layer.diff_id_verified or layer.digest_verified for layer in analysis.layers)
    return analysis


_analyses: list[Analysis] = []


def expected() -> Analysis:
    """The analysis of the image in the registry, which the first test sets."""
    return _analyses[0]


@pytest.fixture(scope="module", autouse=True)
def _from_registry(registry: RealRegistry) -> None:
    registry.push("engines/app", "1", IMAGES["amd64"])
    _analyses[:] = [Analyzer(verify=True).analyze(f"{registry.host}/engines/app:1")]
    assert _analyses[0].content_size == EXPECTED.content


def test_docker_save_through_a_pipe(docker: dict[str, str], tmp_path: Path) -> None:
    """The archive of docker save, as a file, through a pipe and compressed on the way."""
    path = tmp_path / "app.tar"
    run_command(f"docker save -o {path} example/app:1", docker)
    check(Analyzer(verify=True).analyze(path))
    with piped(path.read_bytes()) as writer:
        check(Analyzer().analyze(writer.path))
    python = f"{sys.executable} -m ocisize"
    for command in ("docker save example/app:1", "docker save example/app:1 | gzip"):
        output = run_command(f"{command} | {python} - -q --full", docker)
        assert "example/app:1" in output


def test_docker_daemon(docker: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the socket of a real dockerd: by name, by tag and by ID; the errors of dockerd are shown."""
    monkeypatch.setenv("DOCKER_HOST", docker["DOCKER_HOST"])
    analysis = check(Analyzer().analyze("docker-daemon:example/app:1"))
    assert analysis.reference == "example/app:1"
    assert check(Analyzer().analyze("docker-daemon:example/app")).reference == "example/app:latest"
    identity = str(analysis.config_digest)
    check(Analyzer().analyze(f"docker-daemon:{identity}"))
    check(Analyzer().analyze(f"docker-daemon:{identity[7:19]}"))
    assert any("names no registry" in text for text in analysis.warnings)
    with pytest.raises(SourceError, match="the Docker engine has no image example/app:9") as caught:
        Analyzer().analyze("docker-daemon:example/app:9")
    assert "docker-daemon:example/app:" in str(caught.value.hint)


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_podman_save_through_a_pipe(podman: dict[str, str], tmp_path: Path, form: str) -> None:
    path = tmp_path / "app.tar"
    run_command(f"podman save --format {form} -o {path} docker.io/example/app:1", podman)
    with piped(path.read_bytes()) as writer:
        check(Analyzer().analyze(writer.path))
    python = f"{sys.executable} -m ocisize"
    assert "example/app:1" in run_command(f"podman save --format {form} example/app:1 | {python} - -q", podman)


def test_podman_service(podman: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the socket of podman's service: short names are those of podman."""
    monkeypatch.setenv("CONTAINER_HOST", podman["CONTAINER_HOST"])
    for name in ("docker.io/example/app:1", "example/app:1", "example/app"):
        analysis = check(Analyzer().analyze(f"podman:{name}"))
    check(Analyzer().analyze(f"podman:{str(analysis.config_digest)[7:]}"))
    assert any("download from a registry may differ" in text for text in analysis.warnings)
    with pytest.raises(SourceError, match="podman's service has no image nothing:1"):
        Analyzer().analyze("podman:nothing:1")


def test_docker_api_of_podman(podman: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """DOCKER_HOST may be the socket of podman, which speaks docker's API, too."""
    monkeypatch.setenv("DOCKER_HOST", podman["CONTAINER_HOST"])
    check(Analyzer().analyze("docker-daemon:docker.io/example/app:1"))


def test_skopeo_through_a_pipe(seeds: Path) -> None:
    """skopeo writes a docker archive to /dev/stdout; an OCI archive needs a file."""
    program("skopeo")
    python = f"{sys.executable} -m ocisize"
    command = f"skopeo --insecure-policy copy -q oci:{seeds}/layout:app docker-archive:/dev/stdout"
    assert "linux/amd64" in run_command(f"{command} | {python} - -q", {})
