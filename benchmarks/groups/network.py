"""registry: a docker-registry on loopback against the local layout, and over a slow link against curl."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import peers
from cases import Case
from groups.context import Context
from measure import Command, interleave
from results import Section, find_program
from revisions import variables

THROTTLE = Path(__file__).parent.parent / "throttle.py"
LOOPBACK = ("debian-python", "node")
SLOW_LINK = ("node", "layers-127")
REPOSITORY = "bench/app"
_SLOW_ROUNDS = 1  # the link hardly varies
_ANSWER = re.compile(r"GET \S+/(blobs|manifests)/\S+: 20[06], ([\d,]+) bytes", re.ASCII)
_PARALLEL = "8"  # connections of curl


def registry(context: Context) -> Iterator[Section]:
    if not find_tools():
        return
    names = dict.fromkeys(LOOPBACK + SLOW_LINK)
    for case in context.cases(*names):
        with serve(case.layout("gzip"), context.out) as address:
            if case.name in LOOPBACK:
                local = {"ocisize, local layout": peers.ocisize(str(case.layout("gzip")))}
                commands = local | _clients(case, address)
                yield context.measure("registry", case, "loopback", f"{case.name}, registry on loopback", commands)
            if case.name in SLOW_LINK:
                with throttled(address) as slow:
                    title = f"{case.name}, registry behind 100 Mbit/s and 50 ms"
                    outcomes = interleave(_clients(case, slow), _SLOW_ROUNDS)
                    yield context.section("registry", case, "slow", title, outcomes)


def find_tools() -> bool:
    """Whether the programs of this group are installed."""
    if find_program("docker-registry") and find_program("skopeo") and find_program("curl"):
        return True
    print("docker-registry, skopeo or curl is missing: nothing measured\n")
    return False


def count_requests(*arguments: str, kind: str = "") -> tuple[int, int]:
    """Requests that ocisize sends to a registry with these arguments, and the bytes of their answers, by the log.

    ``kind`` is ``blobs`` or ``manifests``, "" for both.
    """
    command = [sys.executable, "-m", "ocisize", "-v", *arguments]
    log = subprocess.run(command, check=True, capture_output=True, text=True, env=variables()).stderr
    sizes = [int(size.replace(",", "")) for found, size in _ANSWER.findall(log) if kind in ("", found)]
    return len(sizes), sum(sizes)


def _clients(case: Case, address: str) -> dict[str, Command]:
    """curl over all blobs, one after another and at once, and ocisize."""
    blobs = [f"http://{address}/v2/{REPOSITORY}/blobs/sha256:{Path(layer).name}" for layer in case.layers("gzip")]
    targets = [argument for blob in blobs for argument in ("-o", "/dev/null", blob)]
    return {
        "curl": Command(("curl", "-sf", *targets)),
        "curl --parallel": Command(("curl", "-sf", "--parallel", "--parallel-max", _PARALLEL, *targets)),
        "ocisize, registry": peers.ocisize(f"{address}/{REPOSITORY}:1"),
    }


@contextmanager
def serve(layout: Path, out: Path) -> Iterator[str]:
    """A docker-registry on loopback that holds the image of a layout; yields its address."""
    with tempfile.TemporaryDirectory(dir=out, prefix="registry-") as folder:
        address = f"127.0.0.1:{_free_port()}"
        config = Path(folder) / "config.yml"
        storage = f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}"
        config.write_text(f"version: 0.1\nlog: {{level: error}}\n{storage}\nhttp: {{addr: '{address}'}}\n")
        command = ["docker-registry", "serve", str(config)]
        with _running(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
            _wait_for(address)
            image = [f"oci:{layout}:app", f"docker://{address}/{REPOSITORY}:1"]
            subprocess.run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", *image], check=True)
            yield address


@contextmanager
def throttled(address: str) -> Iterator[str]:
    """A slow link to an address; yields the address of its near end."""
    process = subprocess.Popen([sys.executable, str(THROTTLE), address], stdout=subprocess.PIPE, text=True)
    with _running(process):
        assert process.stdout is not None
        yield f"127.0.0.1:{int(process.stdout.readline())}"


@contextmanager
def _running(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://{address}/v2/", timeout=1).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"no registry answers at {address}")
