"""The stores of real engines, read from disk, give the figures of the same image in a registry.

podman and buildah write storages with overlay and vfs, rootful, and podman one as a user; a containerd and a dockerd that the
tests start pull the image. Engines need root and the rights to mount, which a container may lack: then the stores that
``tests/stores.py`` writes are left.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest

import ocisize
from ocisize import Analysis, Analyzer, Connection, from_json
from ocisize.cli.main import main
from tests.images import DIR, File, Hard, Link, build_image, for_platform, index_bytes, layer
from tests.registry import RealRegistry
from tests.saved.seeds import IMAGES
from tests.saved.tools import EngineError, _daemon
from tests.test_every_source import assert_same
from tests.tools import IN_CI, program, skip_or_fail

_SECONDS = 120.0
_BASE = layer(
    [
        ("./", DIR), ("./etc/passwd", b"root" * 500), ("./usr/lib/", DIR), ("./usr/bin/tool", bytes(range(250)) * 120),
        ("./usr/bin/alias", Hard("./usr/bin/tool")), ("./lib", Link("usr/lib")), ("./lib/through", b"a link"),
        ("./opt/a/1", b"one" * 1000), ("./opt/b/2", b"two" * 1000), ("./" + "long/" * 40 + "name", b"deep"),
        ("./caf\udce9", b"latin"),
    ]
)  # fmt: skip
_MIDDLE = layer({"etc/passwd": File(b"root" * 500, uid=9), "opt/.wh.a": b"", "opt/b/.wh..wh..opq": b"", "opt/b/3": b"three"})
_TOP = layer({"usr/bin/.wh.tool": b"", "big": b"small", "sub": File(b"", pax={"SCHILY.xattr.user.x": "1"})})
_IMAGE = build_image([_BASE, _MIDDLE, _TOP, _MIDDLE])
_NAME = "stores/app"


@attrs.frozen
class Pulled:
    """An image in a registry, with its analysis from there."""

    reference: str
    analysis: Analysis


@pytest.fixture(scope="session")
def pushed(registry: RealRegistry) -> Pulled:
    """An image with a repeated layer, whiteouts, an opaque folder, links, and a path through a link of its layer."""
    registry.push(_NAME, "1", _IMAGE)
    return _analyze_pushed(registry, "1")


@pytest.fixture(scope="session")
def index(registry: RealRegistry) -> str:
    """The reference of an index with images for two platforms."""
    entries = []
    for name, architecture in (("amd64", "amd64"), ("arm64", "arm64")):
        registry.push(_NAME, name, IMAGES[name])
        entries.append(for_platform(IMAGES[name].descriptor, "linux", architecture))
    registry.push_manifest(_NAME, "multi", index_bytes(entries), "application/vnd.oci.image.index.v1+json")
    return f"{registry.host}/{_NAME}:multi"


def _analyze_pushed(registry: RealRegistry, tag: str) -> Pulled:
    reference = f"{registry.host}/{_NAME}:{tag}"
    analyzer = Analyzer(platform="linux/amd64", verify=True, connection=Connection(retries=1, plain_http=True))
    return Pulled(reference, analyzer.analyze(reference))


def run(command: list[str], **environment: str) -> str:
    """The output of a program; an EngineError if it fails."""
    try:
        found = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{command[0]} takes more than {_SECONDS} seconds") from error
    if found.returncode:
        raise EngineError(f"{' '.join(command)}: {found.stderr[-500:]}")
    return found.stdout


@pytest.fixture(scope="session", params=["overlay", "vfs"])
def storage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pushed: Pulled) -> Iterator[Path]:
    """The settings of a storage into which podman pulled the image, with each driver."""
    program("podman")
    program("buildah")
    folder = tmp_path_factory.mktemp(f"storage-{request.param}")
    conf = folder / "storage.conf"
    conf.write_text(f'[storage]\ndriver = "{request.param}"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/graph"\n')
    try:
        run(["podman", "pull", "--tls-verify=false", pushed.reference], CONTAINERS_STORAGE_CONF=str(conf))
        run(["podman", "tag", pushed.reference, "app:1"], CONTAINERS_STORAGE_CONF=str(conf))
    except EngineError as error:
        skip_or_fail(f"podman cannot write a storage with {request.param} here: {error}", needed=request.param == "vfs")
    yield conf
    subprocess.run(["umount", f"{folder}/graph/overlay"], capture_output=True, check=False)


def test_podman_pulled(storage: Path, pushed: Pulled, monkeypatch: pytest.MonkeyPatch) -> None:
    """What podman pulled: equal figures, the exact download, diff_ids verified, blobs not."""
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
    found = Analyzer(platform="linux/amd64").analyze("containers-storage:app:1")
    assert_same(found, pushed.analysis)
    assert (found.reference, found.digest) == ("localhost/app:1", pushed.analysis.digest)
    assert found.compressed_size == pushed.analysis.compressed_size
    assert [(one.digest, one.compressed_size, one.compression) for one in found.layers] == [
        (one.digest, one.compressed_size, one.compression) for one in pushed.analysis.layers
    ]
    assert {(one.digest_verified, one.diff_id_verified) for one in found.layers} == {(False, True)}
    assert not found.warnings


def test_built_here(storage: Path, pushed: Pulled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What podman built on it: the layers below keep their download, that of the new one is an estimate."""
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
    (tmp_path / "Containerfile").write_text(f"FROM {pushed.reference}\nCOPY app /opt/\n")
    (tmp_path / "app").write_bytes(b"application" * 5000)
    environment = {"BUILDAH_ISOLATION": "chroot", "CONTAINERS_STORAGE_CONF": str(storage)}
    try:
        run(["podman", "build", "--tls-verify=false", "-t", "built:1", str(tmp_path)], **environment)
    except EngineError as error:
        skip_or_fail(f"podman cannot build here: {error}", needed=False)
    found = Analyzer(platform="linux/amd64").analyze("containers-storage:built:1")
    assert found.reference == "localhost/built:1"
    assert [one.compressed_size for one in found.layers[:-1]] == [one.compressed_size for one in pushed.analysis.layers]
    assert found.layers[-1].compressed_size is None
    assert found.layers[-1].estimated_compressed_size is not None
    assert found.content_size == pushed.analysis.content_size + 55000
    assert all(one.diff_id_verified for one in found.layers)
    saved = tmp_path / "built.tar"
    run(["podman", "save", "-o", str(saved), "built:1"], **environment)
    expected = Analyzer(platform="linux/amd64", verify=True).analyze(saved)
    assert_same(attrs.evolve(found, base=None), attrs.evolve(expected, base=None))  # archives have no annotations


def test_platforms(storage: Path, index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an index, podman pulls one platform, which is read."""
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
    run(["podman", "pull", "--tls-verify=false", "--platform=linux/arm64/v8", index], CONTAINERS_STORAGE_CONF=str(storage))
    found = Analyzer().analyze(f"containers-storage:{index}")
    assert found.platform.startswith("linux/arm64")
    assert found.digest == IMAGES["arm64"].digest
    assert all(one.diff_id_verified for one in found.layers)


def test_listing(storage: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name, the images of the storage are listed, or the only one is read."""
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
    status = main(["containers-storage:"])
    shown = capsys.readouterr()
    assert (status == 0) != ("has several images" in shown.err)
    assert "localhost/app:1" in shown.err + shown.out


def test_without_tar_split(storage: Path, pushed: Pulled, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk of what podman unpacked gives the same content, whiteouts included; vfs cannot be walked."""
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
    if "overlay" not in storage.parent.name:
        pytest.skip("vfs has whole file systems")
    files = list((storage.parent / "graph/overlay-layers").glob("*.tar-split.gz"))
    kept = {path: path.read_bytes() for path in files}
    try:
        for path in files:
            path.unlink()
        found = Analyzer(platform="linux/amd64").analyze("containers-storage:app:1")
    finally:
        for path, data in kept.items():
            path.write_bytes(data)
    expected = pushed.analysis
    assert (found.content_size, found.live_size, found.wasted_size) == (
        expected.content_size, expected.live_size, expected.wasted_size,
    )  # fmt: skip
    assert _sizes_of_files(found) == _sizes_of_files(expected)
    assert not any(one.diff_id_verified or one.digest_verified for one in found.layers)
    assert sum("tar-split" in text for text in found.warnings) == len({one.diff_id for one in expected.layers})


def _sizes_of_files(analysis: Analysis) -> list[dict[str, int]]:
    """By layer, the sizes of files by where they are on disk, where either name of a hard link may be the first."""
    moved = {"lib/through": "usr/lib/through", "usr/bin/alias": "usr/bin/tool"}
    return [
        {moved.get(entry.path, entry.path): entry.size for entry in one.files or () if entry.size} for one in analysis.layers
    ]


def test_rootless(pushed: Pulled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that this user may not read is an error with podman unshare in its hint."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    program("podman")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        conf = folder / "storage.conf"
        conf.write_text(f'[storage]\ndriver = "vfs"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/graph"\n')
        run(["podman", "pull", "--tls-verify=false", pushed.reference], CONTAINERS_STORAGE_CONF=str(conf))
        for path in folder.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() else 0o644)
        for path in folder.rglob("graph/vfs/dir/*/usr/bin/tool"):
            path.chmod(0o600)
        name = f"containers-storage:[vfs@{folder}/graph]{pushed.reference}"
        script = (
            "import os\n"
            "from ocisize.cli.main import main\n"
            f"image = [{name!r}, '--platform', 'linux/amd64', '--no-cache']\n"
            "assert (main(image), main([image[0] + '0'])) == (0, 2)\n"  # imports what the other user may not read
            "os.setuid(65534)\n"
            "raise SystemExit(main(image))"
        )
        found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=_SECONDS, check=False)
    if "ModuleNotFoundError" in found.stderr or "PermissionError" in found.stderr:
        pytest.skip("another user cannot import the package here")
    assert found.returncode == 2
    assert "usr/bin/tool" in found.stderr
    assert "podman unshare ocisize" in found.stderr


def _rootless_user() -> pwd.struct_passwd:
    """The running user, or one with subordinate IDs, which root becomes; a new one in CI."""
    if os.geteuid():
        return pwd.getpwuid(os.geteuid())
    subordinate = Path("/etc/subuid")
    lines = subordinate.read_text().splitlines() if subordinate.exists() else []
    names = {line.partition(":")[0] for line in lines} & {user.pw_name for user in pwd.getpwall()}
    if not names and IN_CI:
        run(["useradd", "--create-home", "rootless"])
        names = {"rootless"}
    if not names:
        pytest.skip("no user has subordinate IDs: useradd --create-home NAME")
    return pwd.getpwnam(min(names))


def test_podman_rootless(pushed: Pulled) -> None:
    """The storage of a user is found without settings, and read as this user: equal figures, every diff_id verified."""
    program("podman")
    program("newuidmap")
    user = _rootless_user()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for path in (folder, folder / "run"):
            path.mkdir(mode=0o700, exist_ok=True)
            shutil.chown(path, user.pw_uid, user.pw_gid)
        environment = {
            "PATH": os.environ["PATH"], "HOME": temporary, "USER": user.pw_name, "XDG_RUNTIME_DIR": f"{temporary}/run",
            "STORAGE_DRIVER": "vfs", "PYTHONPATH": str(Path(ocisize.__file__).parent.parent), "PYTHONIOENCODING": "utf-8",
        }  # fmt: skip
        become: dict[str, Any] = {} if os.geteuid() else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        command = ["podman", "pull", "--tls-verify=false", pushed.reference]
        done = subprocess.run(
            command, env=environment, cwd=temporary, capture_output=True, text=True, timeout=_SECONDS, check=False, **become
        )
        if done.returncode:
            skip_or_fail(f"podman cannot work without root here: {done.stderr[-500:]}", needed=False)
        script = (
            "import os, sys\n"
            "from ocisize import Analyzer, to_json\n"
            "root, name, group, user = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])\n"
            "analyzer = Analyzer(platform='linux/amd64')\n"
            "to_json(analyzer.analyze(f'containers-storage:[{root}]{name}'))\n"  # imports what the user may not read
            "if os.geteuid() == 0: os.setgroups([]), os.setgid(group), os.setuid(user)\n"
            "print(to_json(analyzer.analyze(f'containers-storage:{name}'), files=True))\n"
        )
        arguments = [f"{temporary}/.local/share/containers/storage", pushed.reference, str(user.pw_gid), str(user.pw_uid)]
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        subprocess.run(["podman", "unshare", "rm", "-rf", f"{temporary}/.local"], env=environment, cwd=temporary, **become)
        with suppress(FileNotFoundError, ProcessLookupError):  # the process that keeps the user namespace of podman
            os.kill(int((folder / "run/libpod/tmp/pause.pid").read_text()), signal.SIGTERM)
    assert not done.returncode, done.stderr
    found = from_json(done.stdout)
    assert (found.content_size, found.live_size, found.wasted_size, found.compressed_size) == (
        pushed.analysis.content_size,
        pushed.analysis.live_size,
        pushed.analysis.wasted_size,
        pushed.analysis.compressed_size,
    )
    assert [one.diff_id for one in found.layers] == [one.diff_id for one in pushed.analysis.layers]
    assert all(one.diff_id_verified for one in found.layers)


@pytest.fixture(scope="session")
def containerd(pushed: Pulled, index: str) -> Iterator[Path]:
    """The folder of a containerd that pulled the image into two namespaces."""
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
            for namespace, reference in (("default", pushed.reference), ("k8s.io", pushed.reference), ("default", index)):
                run(
                    [
                        "ctr",
                        "-n",
                        namespace,
                        "images",
                        "pull",
                        "--plain-http",
                        "--snapshotter=native",
                        "--platform=linux/amd64",
                        reference,
                    ],
                    **environment,
                )
        except EngineError as error:
            skip_or_fail(f"containerd cannot run here: {error}", needed=True)
        yield folder / "root"


def test_containerd_store(containerd: Path, pushed: Pulled) -> None:
    """What containerd pulled, while it runs: the blobs of the registry, verified."""
    for name in (f"default/{pushed.reference}", pushed.reference, pushed.analysis.digest or ""):
        found = Analyzer(platform="linux/amd64", verify=True).analyze(f"containerd:[{containerd}]{name}")
        assert_same(found, pushed.analysis)
        assert found.digest == pushed.analysis.digest
        assert found.compressed_size == pushed.analysis.compressed_size
        assert found.wasted_compressed_size == pushed.analysis.wasted_compressed_size
        assert all(one.digest_verified and one.diff_id_verified for one in found.layers)


def test_containerd_platforms(containerd: Path, index: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of an index, only the platform that was pulled is there; the error of another one says so."""
    name = f"containerd:[{containerd}]{index}"
    assert Analyzer(platform="linux/amd64").analyze(name).digest == IMAGES["amd64"].digest
    assert main([name, "--platform", "linux/arm64"]) == 2
    assert "listed without their manifests: linux/arm64" in capsys.readouterr().err


@pytest.fixture(scope="session", params=["overlay2", "vfs"])
def docker_root(request: pytest.FixtureRequest, pushed: Pulled) -> Iterator[Path]:
    """The data folder of a dockerd that pulled the image, with each driver."""
    program("dockerd")
    program("docker")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        socket = f"unix://{folder}/socket"
        (folder / "daemon.json").write_text("{}")
        command = [
            "dockerd", f"--config-file={folder}/daemon.json", f"--host={socket}", f"--data-root={folder}/data",
            f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", "--bridge=none", "--iptables=false", "--ip6tables=false",
            f"--storage-driver={request.param}",
        ]  # fmt: skip
        environment = {"DOCKER_HOST": socket, "DOCKER_CONFIG": str(folder)}
        try:
            stack.enter_context(_daemon(command, folder / "log", "docker version", environment))
            run(["docker", "pull", pushed.reference], **environment)
            run(["docker", "tag", pushed.reference, "app:1"], **environment)
        except EngineError as error:
            skip_or_fail(f"dockerd cannot run with {request.param} here: {error}", needed=False)
        yield folder / "data"


def test_docker_store(docker_root: Path, pushed: Pulled) -> None:
    """What Docker pulled: equal figures and verified diff_ids; its download is an estimate."""
    found = Analyzer(platform="linux/amd64").analyze(f"docker-store:[{docker_root}]app:1")
    assert_same(found, pushed.analysis)
    assert found.config_digest == pushed.analysis.config_digest
    assert found.reference == "app:1"
    assert all(one.diff_id_verified for one in found.layers)
    assert (found.digest, found.compressed_size) == (None, None)
    assert found.estimated_compressed_size is not None
    assert not found.warnings
    by_digest = Analyzer(platform="linux/amd64").analyze(f"docker-store:[{docker_root}]{found.config_digest[7:19]}")
    assert by_digest.content_size == found.content_size
