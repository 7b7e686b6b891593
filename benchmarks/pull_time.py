"""Real pulls by containerd, podman and Docker beside the ranges of ``ocisize.pull_time``, and the constants of its model.

    python benchmarks/pull_time.py OUT [--case NAME ...] [--rounds N] [--write]

Each pull is from a docker-registry on loopback into an empty store, with and without a link of 100 Mbit/s and 50 ms. Images of one
layer give the constants: the seconds per MB of a tar and per file, gzip and zstd. The images of OUT, which build.sh made, and images
of several layers check the model. ``--write`` writes pull_time.md, which report.py includes in RESULTS.md. Needs root,
docker-registry, skopeo, and the engines; those that do not run are left out.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import attrs
from groups.network import REPOSITORY, serve, throttled
from tests.images import build_image, layer, write_layout

_READY_SECONDS = 60.0
_PULL_SECONDS = 900.0
_MB = 1_000_000
LINK = 100_000_000  #: bits per second of the slow link, that of throttle.py

Pull = Callable[[str], None]


@attrs.frozen
class Engine:
    """A client that pulls images."""

    name: str  #: as ``ocisize.pull_time`` names it
    programs: Sequence[str]
    run: Callable[[Path], AbstractContextManager[Pull]]  #: gives a function that pulls into the empty store of a folder


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    found = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=_PULL_SECONDS, check=False
    )
    if found.returncode:
        raise RuntimeError(f"{' '.join(command)}: {found.stderr[-500:]}")


@contextmanager
def _daemon(command: Sequence[str], ready: Sequence[str], environment: Mapping[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while subprocess.run(ready, env={**os.environ, **environment}, capture_output=True, check=False).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not answer")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _containerd(folder: Path) -> Iterator[Pull]:
    file, environment = folder / "config.toml", {"CONTAINERD_ADDRESS": f"{folder}/socket"}
    file.write_text(
        f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{folder}/socket"\n'
    )
    pull = ["ctr", "images", "pull", "--plain-http", "--snapshotter=overlayfs", "--max-concurrent-downloads=3"]
    with _daemon(["containerd", f"--config={file}"], ["ctr", "version"], environment):
        yield lambda reference: _run([*pull, reference], environment)


@contextmanager
def _podman(folder: Path) -> Iterator[Pull]:
    conf = folder / "storage.conf"
    conf.write_text(f'[storage]\ndriver = "overlay"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/graph"\n')
    environment = {"CONTAINERS_STORAGE_CONF": str(conf), "TMPDIR": str(folder)}
    try:
        yield lambda reference: _run(["podman", "pull", "--quiet", "--tls-verify=false", reference], environment)
    finally:
        subprocess.run(["umount", f"{folder}/graph/overlay"], capture_output=True, check=False)


@contextmanager
def _docker(folder: Path) -> Iterator[Pull]:
    (folder / "daemon.json").write_text("{}")
    environment = {"DOCKER_HOST": f"unix://{folder}/socket", "DOCKER_CONFIG": str(folder)}
    command = [
        "dockerd", f"--config-file={folder}/daemon.json", f"--host={environment['DOCKER_HOST']}",
        f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", "--bridge=none",
        "--iptables=false", "--ip6tables=false", "--storage-driver=overlay2",
    ]  # fmt: skip
    with _daemon(command, ["docker", "version"], environment):
        yield lambda reference: _run(["docker", "pull", "--quiet", reference], environment)


ENGINES = (
    Engine("containerd", ("containerd", "ctr"), _containerd),
    Engine("podman", ("podman",), _podman),
    Engine("docker", ("docker", "dockerd"), _docker),
)


def time_pull(engine: Engine, reference: str, out: Path) -> float:
    """Seconds of one pull into an empty store; the start of the engine does not count."""
    folder = Path(tempfile.mkdtemp(dir=out, prefix="pull-"))
    try:
        with engine.run(folder) as pull:
            begin = time.monotonic()
            pull(reference)
            return time.monotonic() - begin
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def mixed_bytes(size: int, seed: int) -> bytes:
    """Bytes of which gzip saves about half."""
    rng, text = random.Random(seed), b"the quick brown fox jumps over the lazy dog " * 400
    return b"".join(rng.randbytes(8192) + text[:8192] for _ in range(size // 16384))
