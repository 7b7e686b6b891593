"""What ocisize says that engines show is what real engines show: Docker with overlay2, podman, containerd, a registry.

Engines need root and the rights to mount, which a container may lack.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest

import ocisize
from ocisize import Analysis, Analyzer, Connection, ToolSize
from ocisize.report.words.tool_sizes import write_size
from tests.images import DIR, Entries, Hard, Link, build_image, layer
from tests.registry import real_registry
from tests.saved.tools import EngineError, _daemon
from tests.tools import program, skip_or_fail

_SECONDS = 120.0
_NAMES = {f"srv/many/{number:03}.txt": b"%d\n" % number * 1000 for number in range(60)}
_BASE: Entries = [
    ("etc/", DIR), ("etc/motd", b"m" * 100_001), ("usr/bin/app", bytes(range(250)) * 1600), ("usr/bin/alias", Hard("usr/bin/app")),
    ("usr/bin/link", Link("app")), ("usr/share/long", Link("../" + "x" * 90)), ("var/empty/", DIR), ("var/none", b""),
]  # fmt: skip
_CHANGES: Entries = [("srv/many/000.txt", b"new" * 3000), ("etc/.wh.motd", b"")]
_IMAGE = build_image([layer(_BASE), layer(_NAMES), layer(_CHANGES), layer(_NAMES), layer([])])
#: with a path twice in one layer, which Docker and podman refuse
_TWICE = build_image([layer(_BASE), layer([("srv/twice", b"first" * 3000), ("srv/twice", b"second")])])
_REPOSITORY = "tools/app"


@attrs.frozen
class Pushed:
    """The image in a registry, with its analysis and with what tools should show by tool and figure."""

    host: str
    analysis: Analysis
    twice: Analysis  #: of an image that has a path twice in a layer
    storage: Path  #: of the registry, which has no other image

    @property
    def reference(self) -> str:
        return f"{self.host}/{_REPOSITORY}:1"

    def figure(self, tool: str, start: str) -> ToolSize:
        """The figure of a tool whose name begins so."""
        return figure_of(self.analysis, tool, start)


def figure_of(analysis: Analysis, tool: str, start: str) -> ToolSize:
    """What a tool should show for an image, as the figure whose name begins so."""
    (found,) = [row for row in ocisize.tool_sizes(analysis) if row.tool == tool and row.figure.startswith(start)]
    return found


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushed]:
    folder = tmp_path_factory.mktemp("registry")
    with real_registry(folder) as registry:
        analyzer = Analyzer(connection=Connection(retries=1, plain_http=True))
        names = (_REPOSITORY, f"{_REPOSITORY}-twice")
        for name, image in zip(names, (_IMAGE, _TWICE), strict=True):
            registry.push(name, "1", image)
        once, twice = (analyzer.analyze(f"{registry.host}/{name}:1") for name in names)
        yield Pushed(registry.host, once, twice, folder / "storage")


def run(command: list[str], environment: Mapping[str, str]) -> str:
    """The output of a program; an EngineError if it fails."""
    found = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if found.returncode:
        raise EngineError(f"{' '.join(command)}: {found.stderr[-500:]}")
    return found.stdout


@pytest.fixture(scope="module")
def docker(pushed: Pushed) -> Iterator[Mapping[str, str]]:
    """A dockerd with overlay2 that pulled the image."""
    program("docker")
    program("dockerd")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "daemon.json").write_text("{}")
        environment = {"DOCKER_HOST": f"unix://{folder}/socket", "DOCKER_CONFIG": str(folder)}
        command = [
            "dockerd", f"--config-file={folder}/daemon.json", f"--host={environment['DOCKER_HOST']}",
            f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", "--bridge=none",
            "--iptables=false", "--ip6tables=false", "--storage-driver=overlay2", f"--insecure-registry={pushed.host}",
        ]  # fmt: skip
        try:
            stack.enter_context(_daemon(command, folder / "log", "docker version", environment))
            run(["docker", "pull", "--quiet", pushed.reference], environment)
        except EngineError as error:
            skip_or_fail(f"dockerd with overlay2 cannot run here: {error}", needed=False)
        yield environment


def test_docker_images(docker: Mapping[str, str], pushed: Pushed) -> None:
    """Size of docker inspect, SIZE of docker images as printed, and docker history by layer."""
    found = pushed.figure("Docker (overlay2)", "docker images")
    (document,) = json.loads(run(["docker", "image", "inspect", pushed.reference], docker))
    assert document["Size"] == found.size
    assert run(
        ["docker", "images", "--format={{.Size}}", pushed.reference.rpartition(":")[0]], docker
    ).strip() == write_size(found)
    history = run(["docker", "history", "--human=false", "--format={{.Size}}", pushed.reference], docker)
    assert tuple(map(int, reversed(history.split()))) == found.layer_sizes


def test_docker_save(docker: Mapping[str, str], pushed: Pushed, tmp_path: Path) -> None:
    """The archive is an estimate: within 1 KiB for each layer and 4 KiB for the documents."""
    path = tmp_path / "saved.tar"
    run(["docker", "save", "-o", str(path), pushed.reference], docker)
    expected = pushed.figure("Docker (overlay2)", "docker save").size
    assert expected is not None
    assert abs(path.stat().st_size - expected) <= 4096 + 1024 * len(pushed.analysis.layers)


@pytest.mark.parametrize("driver", ["overlay", "vfs"])
def test_podman_images(pushed: Pushed, tmp_path: Path, driver: str) -> None:
    """Size of podman inspect, with both drivers."""
    program("podman")
    conf = tmp_path / "storage.conf"
    conf.write_text(f'[storage]\ndriver = "{driver}"\nrunroot = "{tmp_path}/run"\ngraphroot = "{tmp_path}/graph"\n')
    environment = {"CONTAINERS_STORAGE_CONF": str(conf)}
    try:
        run(["podman", "pull", "--quiet", "--tls-verify=false", pushed.reference], environment)
        document = run(["podman", "image", "inspect", pushed.reference], environment)
        shown = run(["podman", "images", "--format={{.Size}}"], environment).strip()
    except EngineError as error:
        skip_or_fail(f"podman cannot write a storage with {driver} here: {error}", needed=driver == "vfs")
    finally:
        subprocess.run(["umount", f"{tmp_path}/graph/overlay"], capture_output=True, check=False)
    found = pushed.figure("Podman", "podman images")
    assert json.loads(document)[0]["Size"] == found.size
    assert shown == write_size(found)


@pytest.fixture(scope="module")
def containerd(pushed: Pushed) -> Iterator[Mapping[str, str]]:
    """A containerd that pulled the image into snapshots of overlayfs."""
    program("containerd")
    program("ctr")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file, environment = folder / "config.toml", {"CONTAINERD_ADDRESS": f"{folder}/socket"}
        file.write_text(
            f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
            f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{folder}/socket"\n'
        )
        try:
            stack.enter_context(_daemon(["containerd", f"--config={file}"], folder / "log", "ctr version", environment))
            run(["ctr", "images", "pull", "--plain-http", "--snapshotter=overlayfs", pushed.reference], environment)
        except EngineError as error:
            skip_or_fail(f"containerd cannot run here: {error}", needed=False)
        yield {**environment, "ROOT": str(folder / "root")}


def test_ctr_images(containerd: Mapping[str, str], pushed: Pushed) -> None:
    """SIZE of ctr images ls, in KiB with one decimal."""
    line = run(["ctr", "images", "ls"], containerd).splitlines()[1]
    found = re.search(r"sha256:\S+ +(\S+ \S+)", line)
    assert found is not None
    assert found[1] == write_size(pushed.figure("containerd", "ctr images"))


def usage(environment: Mapping[str, str]) -> dict[str, int]:
    """The usage of each snapshot; skip the test where the folder of containerd is not on ext4."""
    kind = run(["stat", "--file-system", "--format=%T", environment["ROOT"]], environment).strip()
    if kind != "ext2/ext3":
        pytest.skip(f"the folder for temporary files is on {kind}")
    lines = run(["ctr", "snapshots", "--snapshotter=overlayfs", "usage", "-b"], environment).splitlines()[1:]
    return {name: int(size) for name, size in (line.split()[:2] for line in lines)}


def test_snapshots(containerd: Mapping[str, str], pushed: Pushed) -> None:
    """The usage of all snapshots, also of a layer that has a path twice."""
    before = usage(containerd)
    expected = pushed.figure("containerd", "ctr snapshots")
    assert sorted(before.values()) == sorted(size or 0 for size in expected.layer_sizes)
    assert sum(before.values()) == expected.size
    run(
        ["ctr", "images", "pull", "--plain-http", "--snapshotter=overlayfs", f"{pushed.host}/{_REPOSITORY}-twice:1"],
        containerd,
    )
    added = [size for name, size in usage(containerd).items() if name not in before]
    assert added == [figure_of(pushed.twice, "containerd", "ctr snapshots").layer_sizes[-1]]


def test_content_store(containerd: Mapping[str, str], pushed: Pushed) -> None:
    """The content store of containerd has each blob once, as registries have."""
    blobs = Path(containerd["ROOT"]) / "io.containerd.content.v1.content/blobs"
    analysis = pushed.analysis
    digests = {str(analysis.digest), analysis.config_digest, *(found.digest for found in analysis.layers)}
    stored = sum((blobs / digest.replace(":", "/")).stat().st_size for digest in digests)
    assert stored == pushed.figure("Registry (distribution)", "blobs").size


def test_registry_storage(pushed: Pushed) -> None:
    """The blobs of a registry: those of two images that share their lowest layer."""
    stored = sum(path.stat().st_size for path in pushed.storage.glob("docker/registry/v2/blobs/sha256/*/*/data"))
    both = [
        figure_of(analysis, "Registry (distribution)", "blobs").size or 0 for analysis in (pushed.analysis, pushed.twice)
    ]
    assert stored == sum(both) - (pushed.twice.layers[0].compressed_size or 0)
