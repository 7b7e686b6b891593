"""The hint about a store of this machine that has an image which a registry does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocisize.cli.main import main
from ocisize.sources.stores import containerd, docker_store, local_hint
from ocisize.sources.stores.local_hint import find_local_image, is_short_name
from tests.images import build_image, layer
from tests.stores import write_containerd, write_containers_storage, write_docker_root

IMAGE = build_image([layer({"a": b"a"})])


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without stores, whose folders are below the one that is returned."""
    conf = tmp_path / "storage.conf"
    conf.write_text(f'[storage]\ngraphroot = "{tmp_path}/podman"\n')
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(conf))
    monkeypatch.setattr(containerd, "find_containerd_roots", lambda: [f"{tmp_path}/containerd"])
    monkeypatch.setattr(docker_store, "find_data_roots", lambda: [f"{tmp_path}/docker"])
    return tmp_path


def test_no_store(stores: Path) -> None:
    """Nothing is found, and nothing fails."""
    assert find_local_image("app:1") is None


def test_each_store(stores: Path) -> None:
    """The name as the store has it, ready to be copied."""
    write_containerd(stores / "containerd", {"default": {"docker.io/library/app:1": IMAGE}})
    assert (
        find_local_image("app:1") == "docker.io/library/app:1 is in containerd: ocisize containerd:docker.io/library/app:1"
    )
    write_docker_root(stores / "docker", IMAGE)
    assert find_local_image("app:1") == "app:1 is in Docker's store: ocisize docker-store:app:1"
    write_containers_storage(stores / "podman", IMAGE, names=["localhost/app:1"])
    assert find_local_image("app:1") == (
        "localhost/app:1 is in podman's storage: ocisize containers-storage:localhost/app:1"
    )
    assert find_local_image("localhost/app:1") is not None
    assert find_local_image("app:2") is None
    assert find_local_image("quay.io/library/app:1") is None


def test_broken_stores(stores: Path) -> None:
    """A store that cannot be read is passed over."""
    write_containers_storage(stores / "podman", IMAGE)
    (stores / "podman/overlay-images/images.json").write_text("{")
    write_docker_root(stores / "docker", IMAGE)
    found = find_local_image("app:1")
    assert found is not None
    assert "docker-store" in found


def test_large_lists(stores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hint is not worth the reading of a long list."""
    write_containers_storage(stores / "podman", IMAGE, names=["localhost/app:1"])
    write_docker_root(stores / "docker", IMAGE)
    write_containerd(stores / "containerd", {"default": {"docker.io/library/app:1": IMAGE}})
    assert find_local_image("app:1") is not None
    monkeypatch.setattr(local_hint, "_MAX_LIST", 10)
    assert find_local_image("app:1") is None


@pytest.mark.parametrize("text", ["", "a b", "[", "\0", "localhost:5000/app", "1.2.3.4/app", "docker://app", "App"])
def test_no_short_names(stores: Path, text: str) -> None:
    """Texts that name a registry or nothing at all have no hint."""
    assert find_local_image(text) is None


def test_short_names() -> None:
    """What is short, as docker and podman see it."""
    assert [is_short_name(text) for text in ("a", "a/b", "a/b/c:1", "localhost/a", "h.io/a", "h:5/a", "localhost:5/a")] == [
        True, True, True, True, False, False, False,
    ]  # fmt: skip


def test_on_the_command_line(stores: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The hint follows the error of the registry, and no run that succeeds looks for stores."""
    from ocisize.sources.registry import source

    write_containers_storage(stores / "podman", IMAGE, names=["localhost/app:1"])

    def refuse(*_: object, **__: object) -> None:
        from ocisize.errors import RegistryError

        raise RegistryError("docker.io/library/app:1: not found", status=404, hint="check the name")

    monkeypatch.setattr(source.RegistrySource, "read_manifest", refuse)
    assert main(["app:1"]) == 2
    shown = capsys.readouterr().err
    assert "localhost/app:1 is in podman's storage: ocisize containers-storage:localhost/app:1; check the name" in shown
