"""The store of the Docker engine: of storage drivers, and Docker's images in containerd."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocisize import Analysis, Analyzer
from ocisize.cli.main import main
from ocisize.errors import ArchiveError, LayerError, OcisizeError
from ocisize.sources.stores import docker_store
from tests.images import BuiltImage, build_image, layer, sha256, write_layout
from tests.stores import write_containerd, write_docker_root
from tests.test_every_source import assert_same

IMAGE = build_image(
    [layer({"etc/a": b"a" * 500, "b": b"bb"}), layer({"etc/.wh.a": b"", "c": b"c"}), layer({"etc/.wh.a": b"", "c": b"c"})]
)
OTHER = build_image([layer({"other": b"other"})])


def analyze(root: Path, name: str = "app:1", keep_going: bool = False) -> Analysis:
    return Analyzer(platform="linux/amd64", keep_going=keep_going).analyze(f"docker-store:[{root}]{name}")


@pytest.mark.parametrize("driver", ["overlay2", "vfs", "fuse-overlayfs"])
def test_drivers(tmp_path: Path, driver: str) -> None:
    """All figures but those of the download, which Docker does not keep; every layer is verified."""
    found = analyze(write_docker_root(tmp_path / "docker", IMAGE, driver=driver))
    expected = Analyzer(platform="linux/amd64", verify=True).analyze(write_layout(IMAGE, tmp_path / "layout"))
    assert_same(found, expected)
    assert (found.format, found.reference, found.digest) == ("docker-store", "app:1", None)
    assert found.config_digest == sha256(IMAGE.config)
    assert found.compressed_size is None
    assert found.estimated_compressed_size is not None
    assert all(one.diff_id_verified for one in found.layers)


@pytest.mark.parametrize("name", ["app:1", "docker.io/library/app:1", "{id}", "sha256:{id}", "{short}", "@0"])
def test_names(tmp_path: Path, name: str) -> None:
    """Names with Docker's defaults, and IDs."""
    root = write_docker_root(tmp_path / "docker", IMAGE, names=["app:1", "team/app:2"])
    image_id = sha256(IMAGE.config).partition(":")[2]
    assert analyze(root, name.format(id=image_id, short=image_id[:12])).reference == "app:1"


def test_choosing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several images are listed; those without a name are found by their IDs."""
    root = write_docker_root(tmp_path / "docker", IMAGE)
    write_docker_root(root, OTHER, names=[])
    assert analyze(root, "").reference == "app:1"
    assert analyze(root, sha256(OTHER.config)[7:19]).content_size == 5
    write_docker_root(root, OTHER, names=["other:1"])
    assert main([f"docker-store:[{root}]"]) == 2
    shown = capsys.readouterr().err
    assert "other:1" in shown
    assert f"such as docker-store:[{root}]app:1" in shown
    with pytest.raises(ArchiveError, match="no image 'none' in the store of Docker"):
        analyze(root, "none")


def test_containerd_in_docker(tmp_path: Path) -> None:
    """Docker 29 has its images in containerd; what an upgrade left behind is read by names that are not there."""
    root = write_docker_root(tmp_path / "docker", IMAGE, names=["app:1", "old:1"])
    images: dict[str, BuiltImage] = {"docker.io/library/app:1": OTHER, f"moby-dangling@{IMAGE.digest}": IMAGE}
    write_containerd(root / "containerd/daemon", {"moby": images, "default": {"docker.io/library/no:1": OTHER}})
    found = analyze(root, "app:1")
    assert (found.format, found.digest, found.content_size) == ("docker-store", OTHER.digest, 5)
    assert found.compressed_size is not None
    assert analyze(root, "old:1").digest is None
    assert analyze(root, IMAGE.digest[7:19]).digest == IMAGE.digest
    with pytest.raises(ArchiveError, match="no image 'no:1'"):
        analyze(root, "no:1")


def test_no_tar_split(tmp_path: Path) -> None:
    """A layer without tar-split is walked, with a warning; with vfs it cannot be read."""
    found = analyze(write_docker_root(tmp_path / "docker", OTHER, split=False))
    assert found.content_size == 5
    assert not found.layers[0].diff_id_verified
    assert ["tar-split" in text for text in found.warnings] == [True]
    with pytest.raises(LayerError, match="no tar-split"):
        analyze(write_docker_root(tmp_path / "vfs", OTHER, driver="vfs", split=False))


def test_broken_stores(tmp_path: Path) -> None:
    """IDs that lead elsewhere, configs that changed and documents that are none."""
    root = write_docker_root(tmp_path / "docker", IMAGE)
    store = root / "image/overlay2"
    cache = next((store / "layerdb/sha256").glob("*/cache-id"))
    kept = cache.read_text()
    cache.write_text("../../../etc")
    with pytest.raises(OcisizeError, match="cache-id is not an ID"):
        analyze(root)
    cache.write_text(kept)
    config = store / "imagedb/content/sha256" / sha256(IMAGE.config).partition(":")[2]
    config.write_bytes(IMAGE.config + b" ")
    with pytest.raises(OcisizeError, match="has digest"):
        analyze(root)
    for text in ("[]", "{", json.dumps({"Repositories": []}), json.dumps({"Repositories": {"a": {"a:1": 1}}})):
        (store / "repositories.json").write_text(text)
        with pytest.raises(OcisizeError, match=r"repositories\.json"):
            analyze(root)


def test_other_drivers(tmp_path: Path) -> None:
    """A driver whose layers are no folders is named, with the way that works."""
    (tmp_path / "image/btrfs/imagedb/content/sha256").mkdir(parents=True)
    with pytest.raises(
        ArchiveError, match="has images of the storage driver btrfs; overlay2, fuse-overlayfs, vfs are"
    ) as raised:
        analyze(tmp_path)
    assert raised.value.hint == "let the engine save the image: docker save NAME | ocisize -"


def test_no_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither store, and the folder of the settings."""
    with pytest.raises(ArchiveError, match=f"there are no images of Docker in {tmp_path}"):
        analyze(tmp_path)
    settings = tmp_path / "daemon.json"
    monkeypatch.setattr(docker_store, "_SETTINGS", str(settings))
    assert docker_store.find_data_roots({"XDG_DATA_HOME": "/me"})[-1] == "/var/lib/docker"
    settings.write_text('{"data-root": "/data/docker"}')
    assert docker_store.find_data_roots({"XDG_DATA_HOME": "/me"})[-1] == "/data/docker"
    settings.write_text("[")
    with pytest.raises(ArchiveError, match=r"daemon\.json is not valid JSON"):
        docker_store.find_data_roots({})
