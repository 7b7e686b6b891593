"""What each tool runs in: its own storage or daemon below one folder, with the seeds loaded."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

_DAEMON_SECONDS = 30.0
_COMMAND_SECONDS = 60.0

_MAX_LOG_CHARACTERS = 500

Environment: TypeAlias = Mapping[str, str]


class EngineError(Exception):
    """The engine of a tool cannot run on this machine."""


def is_installed(tool: str) -> bool:
    """Return whether a tool of ``forms.toml`` can run here."""
    return all(shutil.which(name) for name in programs_of(tool))


def programs_of(tool: str) -> tuple[str, ...]:
    """Return the programs that a tool of ``forms.toml`` needs."""
    return _PROGRAMS.get(tool, (tool,))


def version_of(tool: str) -> str:
    """Return the first line of what a tool says of its version; docker's is its daemon's, which does the saving."""
    program = "dockerd" if tool == "docker" else tool
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


@contextmanager
def environment_of(tool: str, folder: Path, seeds: Path) -> Iterator[Environment]:
    """Give the environment in which a tool's commands find the seeds; a daemon runs until the block ends."""
    with _SURROUNDINGS.get(tool, _none)(folder, seeds) as environment:
        yield environment


def run_command(command: str, environment: Environment) -> str:
    """Run a shell command and return its output; raise an AssertionError with its errors if it fails."""
    found = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False,
    )  # fmt: skip
    assert found.returncode == 0, f"{command}: {found.stderr}"
    return found.stdout


@contextmanager
def _none(folder: Path, seeds: Path) -> Iterator[Environment]:
    del folder, seeds
    yield {}


@contextmanager
def _containers(folder: Path, seeds: Path) -> Iterator[Environment]:
    """The storage of podman and buildah."""
    file = folder / "storage.conf"
    file.write_text(f'[storage]\ndriver = "vfs"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/graph"\n')
    environment = {"CONTAINERS_STORAGE_CONF": str(file), "TMPDIR": str(folder), "BUILDAH_ISOLATION": "chroot"}
    for name, tag in (("app", "example/app:1"), ("app", "example/app:latest"), ("other", "example/other:1")):
        store = f"containers-storage:docker.io/{tag}"
        try:
            run_command(f"skopeo --insecure-policy copy oci:{seeds}/layout:{name} {store}", environment)
        except AssertionError as error:
            raise EngineError(f"the storage of podman and buildah cannot be written: {error}") from None
    yield environment


@contextmanager
def _docker(folder: Path, seeds: Path) -> Iterator[Environment]:
    """A dockerd of its own, without a network."""
    socket = f"unix://{folder}/socket"
    (folder / "daemon.json").write_text("{}")
    command = [
        "dockerd", f"--config-file={folder}/daemon.json", f"--host={socket}", f"--data-root={folder}/data",
        f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", "--bridge=none", "--iptables=false", "--ip6tables=false",
        "--storage-driver=vfs",
    ]  # fmt: skip
    environment = {"DOCKER_HOST": socket, "DOCKER_CONFIG": str(folder)}
    with _daemon(command, folder / "log", "docker version", environment):
        run_command(f"docker load --input {seeds}/images.tar", environment)
        yield environment


@contextmanager
def _containerd(folder: Path, seeds: Path) -> Iterator[Environment]:
    """A containerd of its own, without the plugin for Kubernetes."""
    file, socket = folder / "config.toml", f"{folder}/socket"
    file.write_text(
        f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{socket}"\n'
    )
    environment = {"CONTAINERD_ADDRESS": socket}
    with _daemon(["containerd", f"--config={file}"], folder / "log", "ctr version", environment):
        load = "ctr images import --no-unpack --all-platforms --base-name example/app -"
        run_command(f"tar -c -C {seeds}/layout . | {load}", environment)
        yield environment


@contextmanager
def _daemon(command: list[str], log: Path, ready: str, environment: Environment) -> Iterator[None]:
    """Run a daemon until the block ends; ``ready`` is a command that succeeds once the daemon answers."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + _DAEMON_SECONDS
        while subprocess.run(["bash", "-c", ready], env={**os.environ, **environment}, capture_output=True).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                raise EngineError(f"{command[0]} does not answer: {log.read_text()[-_MAX_LOG_CHARACTERS:]}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(_DAEMON_SECONDS)


_PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "podman": ("podman", "skopeo"),
    "buildah": ("buildah", "skopeo"),
    "docker": ("docker", "dockerd"),
    "ctr": ("ctr", "containerd"),
    "umoci": ("umoci", "skopeo"),
}
_SURROUNDINGS: Mapping[str, Callable[[Path, Path], AbstractContextManager[Environment]]] = {
    "podman": _containers,
    "buildah": _containers,
    "docker": _docker,
    "ctr": _containerd,
}
