"""What real clients download from release to release, counted at the registry, is what a history says.

podman and containerd use layers again by blob, the classic store of docker by chain. Engines need root and the rights to
mount, which a container may lack.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ocisize import Analyzer, BlobKind, Connection, UpdateHistory, measure_updates, read_releases
from tests.compat.test_stores import run
from tests.fleets import push_fleet, service_family
from tests.images import build_image, layer
from tests.registry import RealRegistry, real_registry
from tests.saved.tools import EngineError, _daemon
from tests.tools import program, skip_or_fail
from tests.updates.counting import Counter, counting_proxy

#: releases of a service that one host follows. Docker 20.10 cannot unpack worker:1.1, whose layers are compressed with zstd;
#: podman remembers for all stores of a machine which blobs have the same tar, so that gzip blobs of an earlier run are known.
#: ``fresh`` is made below, of new bytes.
FOLLOWED = {
    "base": "12.1 12.2", "api": "1.0 1.1 1.2 2.0", "web": "1.0 1.1 1.2 2.0", "worker": "1.2 2.0", "fresh": "gzip zstd",
}  # fmt: skip
BY_CONTAINERD = {**FOLLOWED, "worker": "1.0 1.1 1.2 2.0"}


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """A registry with three services and their base, and an image of new bytes with gzip and with zstd."""
    with real_registry(tmp_path_factory.mktemp("registry")) as registry:
        push_fleet(registry, service_family())
        image = build_image([layer({"data": os.urandom(3000)}), layer({"more": os.urandom(500)})])
        registry.push("fresh", "gzip", image)
        registry.push("fresh", "zstd", image.recompressed("zstd"))
        yield registry


@pytest.fixture(scope="module")
def counter(family: RealRegistry) -> Iterator[Counter]:
    with counting_proxy(family.host) as counter:
        yield counter


def history_of(counter: Counter, service: str, tags: str) -> UpdateHistory:
    """The history of releases, as their documents in the registry describe it."""
    analyzer = Analyzer(platform="linux/amd64", connection=Connection(retries=1, plain_http=True))
    read = read_releases(analyzer, [f"{counter.host}/{service}:{tag}" for tag in tags.split()])
    assert not read.failures
    return measure_updates(read.releases)


def downloads_of(
    counter: Counter, history: UpdateHistory, pull: Callable[[str], object], remove: Callable[[str], object]
) -> list[tuple[int, int]]:
    """The bytes of each update, in all and of blobs, of a host that removes the older release after it has the newer."""
    names = [release.name for release in history.releases]
    pull(names[0])
    sizes = []
    for before, after in zip(names, names[1:], strict=False):
        counter.reset()
        pull(after)
        sizes.append((counter.total, counter.blob_total))
        remove(before)
    remove(names[-1])
    return sizes


def expected(history: UpdateHistory, *, by_chain: bool = False, again: bool = False) -> list[tuple[int, int]]:
    """The bytes of each update as the history has them, in all and without manifests; configs that are held ``again``."""
    sizes = []
    for update in history.updates:
        whole = update.by_chain_size if by_chain else update.by_blob_size
        before, after = history.releases[update.before], history.releases[update.after]
        held = [blob for blob in after.documents if blob.kind is BlobKind.CONFIG and blob in before.documents]
        whole += again * sum(blob.size for blob in held)
        manifests = [blob for blob in after.documents if blob.kind is not BlobKind.CONFIG]
        sizes.append((whole, whole - sum(blob.size for blob in manifests)))
    return sizes


@pytest.mark.parametrize(("service", "tags"), FOLLOWED.items())
def test_podman_downloads_by_blob(counter: Counter, service: str, tags: str, tmp_path: Path) -> None:
    program("podman")
    conf = tmp_path / "storage.conf"
    conf.write_text(f'[storage]\ndriver = "vfs"\nrunroot = "{tmp_path}/run"\ngraphroot = "{tmp_path}/graph"\n')
    environment = {"CONTAINERS_STORAGE_CONF": str(conf), "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    history = history_of(counter, service, tags)
    try:
        found = downloads_of(
            counter,
            history,
            lambda name: run(["podman", "pull", "--tls-verify=false", "--platform=linux/amd64", name], **environment),
            lambda name: run(["podman", "rmi", "-f", name], **environment),
        )
    except EngineError as error:
        skip_or_fail(f"podman cannot pull here: {error}", needed=True)
    assert found == expected(history, again=True)


@pytest.fixture(scope="module")
def containerd() -> Iterator[dict[str, str]]:
    """The environment of clients of a containerd."""
    program("containerd")
    program("ctr")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file, socket = folder / "config.toml", f"{folder}/socket"
        file.write_text(
            f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
            f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{socket}"\n'
        )
        environment = {"CONTAINERD_ADDRESS": socket}
        try:
            stack.enter_context(_daemon(["containerd", f"--config={file}"], folder / "log", "ctr version", environment))
        except EngineError as error:
            skip_or_fail(f"containerd cannot run here: {error}", needed=True)
        yield environment


@pytest.mark.parametrize(("service", "tags"), BY_CONTAINERD.items())
def test_containerd_downloads_by_blob(counter: Counter, containerd: dict[str, str], service: str, tags: str) -> None:
    history = history_of(counter, service, tags)
    pull: Sequence[str] = ("ctr", "images", "pull", "--plain-http", "--snapshotter=native", "--platform=linux/amd64")
    found = downloads_of(
        counter,
        history,
        lambda name: run([*pull, name], **containerd),
        lambda name: run(["ctr", "images", "rm", "--sync", name], **containerd),
    )
    assert found == expected(history)


@contextmanager
def dockerd(driver: str) -> Iterator[dict[str, str]]:
    """The environment of clients of a dockerd with its classic store, until the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        socket = f"unix://{folder}/socket"
        (folder / "daemon.json").write_text("{}")
        command = [
            "dockerd", f"--config-file={folder}/daemon.json", f"--host={socket}", f"--data-root={folder}/data",
            f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", "--bridge=none", "--iptables=false", "--ip6tables=false",
            f"--storage-driver={driver}",
        ]  # fmt: skip
        environment = {"DOCKER_HOST": socket, "DOCKER_CONFIG": str(folder)}
        stack.enter_context(_daemon(command, folder / "log", "docker version", environment))
        yield environment


@pytest.fixture(scope="module")
def driver() -> str:
    """The driver of layers that dockerd can use here: overlay2, or vfs where mounts are forbidden."""
    program("dockerd")
    program("docker")
    problem = ""
    for name in ("overlay2", "vfs"):
        try:
            with dockerd(name):
                return name
        except EngineError as error:
            problem = str(error)
    skip_or_fail(f"dockerd cannot run here: {problem}", needed=False)


@pytest.mark.parametrize(("service", "tags"), FOLLOWED.items())
def test_docker_downloads_by_chain(counter: Counter, driver: str, service: str, tags: str) -> None:
    history = history_of(counter, service, tags)
    with dockerd(driver) as environment:
        found = downloads_of(
            counter,
            history,
            lambda name: run(["docker", "pull", "--platform=linux/amd64", name], **environment),
            lambda name: run(["docker", "rmi", "-f", name], **environment),
        )
    assert found == expected(history, by_chain=True)
