"""All images of an engine's store: names that open the image again, and what has none."""

from __future__ import annotations

from pathlib import Path

import pytest

import ocisize
from ocisize.listing.references import ReferenceList
from ocisize.listing.sources import list_references
from tests.images import build_image, layer, sha256
from tests.stores import write_containerd, write_containers_storage, write_docker_root

ONE, TWO = build_image([layer({"a": b"a"})]), build_image([layer({"b": b"b"})])
PINNED = f"docker.io/library/app@{ONE.digest}"


def names_of(listed: ReferenceList) -> list[str]:
    """The names, each of which opens an image with a config."""
    assert not listed.failures
    for reference in listed.references:
        assert ocisize.Analyzer(platform="linux/amd64").analyze(reference.name).layers
    return [reference.name.partition("]")[2] for reference in listed.references]


def test_containers_storage(tmp_path: Path) -> None:
    """Two names of one image are two references, as two tags are; an image without a name is counted."""
    write_containers_storage(tmp_path, ONE, names=["localhost/app:1", "localhost/app:latest"])
    write_containers_storage(tmp_path, TWO, names=[])
    listed = list_references([f"containers-storage:[overlay@{tmp_path}]"])
    assert names_of(listed) == ["localhost/app:1", "localhost/app:latest"]
    assert listed.warnings == (f"containers-storage:[overlay@{tmp_path}]: left out: 1 image without a name",)
    assert {reference.store for reference in listed.references} == {"containers-storage:"}


def test_docker_store(tmp_path: Path) -> None:
    write_docker_root(tmp_path, ONE, names=["app:1", "app:latest"])
    write_docker_root(tmp_path, TWO, names=[])
    listed = list_references([f"docker-store:[{tmp_path}]"])
    assert names_of(listed) == ["app:1", "app:latest"]
    assert listed.warnings


@pytest.mark.parametrize(("namespace", "count"), [("", 3), ("k8s.io/", 2), ("default/", 1)])
def test_containerd(tmp_path: Path, namespace: str, count: int) -> None:
    """Kubernetes names an image by its tag, its digest and its ID: one reference."""
    images = {
        "default": {"docker.io/library/app:1": ONE},
        "k8s.io": {
            "docker.io/library/app:1": ONE, PINNED: ONE, sha256(ONE.config): ONE,
            f"docker.io/library/db@{TWO.digest}": TWO, sha256(TWO.config): TWO,
        },
    }  # fmt: skip
    root = write_containerd(tmp_path / "containerd", images)
    listed = names_of(list_references([f"containerd:[{root}]{namespace}"]))
    assert len(listed) == count
    assert ("k8s.io/docker.io/library/app:1" in listed) == (namespace != "default/")
    assert not any(sha256(image.config) in name or name.endswith(PINNED) for image in (ONE, TWO) for name in listed)


def test_one_image_of_a_store(tmp_path: Path) -> None:
    """A name behind the scheme is one reference, and the store is not read."""
    (reference,) = list_references(["containers-storage:localhost/app:1"]).references
    assert (reference.name, reference.store) == ("containers-storage:localhost/app:1", "containers-storage:")


@pytest.mark.parametrize("scheme", ["containers-storage:[overlay@{0}]", "containerd:[{0}]", "docker-store:[{0}]"])
def test_a_store_that_is_none(tmp_path: Path, scheme: str) -> None:
    listed = list_references([scheme.format(tmp_path / "none")])
    assert len(listed.failures) == 1
    assert not listed.references
