"""The content store of containerd: namespaces, names, and blobs that are not there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ocisize import Analyzer
from ocisize.cli.main import main
from ocisize.errors import ArchiveError, InvalidReference, LayerError, OcisizeError
from ocisize.sources.stores import containerd
from tests.images import BuiltImage, build_image, layer, write_layout
from tests.stores import write_containerd
from tests.test_every_source import assert_same

ONE = build_image([layer({"etc/a": b"a" * 500, "b": b"bb"}), layer({"etc/.wh.a": b"", "c": b"c"}, "zstd")])
TWO = build_image([layer({"two": b"two"})])
THREE = build_image([layer({"three": b"three"})])
IMAGES = {
    "default": {"docker.io/library/app:1": ONE, "docker.io/library/db:2": TWO},
    "k8s.io": {"docker.io/library/app:1": THREE, "sha256:" + "a" * 64: THREE, "quay.io/team/web:3": TWO},
    "moby": {"docker.io/library/db:2": TWO},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The data of a containerd with images in three namespaces."""
    return write_containerd(tmp_path / "containerd", IMAGES)


def blob(root: Path, digest: str) -> Path:
    return root / "io.containerd.content.v1.content/blobs" / digest.replace(":", "/")


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("default/docker.io/library/app:1", ONE), ("default/app:1", ONE), ("k8s.io/app:1", THREE), ("web:3", None),
        ("quay.io/team/web:3", TWO), ("db:2", TWO), ("moby/db:2", TWO), (ONE.digest, ONE), (ONE.digest[7:19], ONE),
        ("k8s.io/sha256:" + "a" * 64, THREE), ("default/@1", TWO), ("//default/app:1", ONE),
    ],
)  # fmt: skip
def test_names(root: Path, name: str, image: BuiltImage | None) -> None:
    """A name is that of one namespace, or of all if they agree on the image."""
    text = f"containerd:[{root}]{name}" if not name.startswith("//") else f"containerd://[{root}]{name[2:]}"
    if image is None:
        with pytest.raises(ArchiveError, match="no image 'web:3' in containerd"):
            Analyzer(platform="linux/amd64").analyze(text)
        return
    found = Analyzer(platform="linux/amd64").analyze(text)
    assert (found.digest, found.format) == (image.digest, "containerd")


def test_same_as_a_layout(root: Path, tmp_path: Path) -> None:
    """All figures, and verified digests: blobs are as a registry has them."""
    found = Analyzer(platform="linux/amd64", verify=True).analyze(f"containerd:[{root}]default/app:1")
    expected = Analyzer(platform="linux/amd64", verify=True).analyze(write_layout(ONE, tmp_path / "layout"))
    assert_same(found, expected)
    assert found.compressed_size == expected.compressed_size
    assert found.wasted_compressed_size == expected.wasted_compressed_size
    assert all(one.digest_verified and one.diff_id_verified for one in found.layers)
    assert found.reference == "docker.io/library/app:1"


def test_choosing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The error for a name of different images in several namespaces, and for none, lists them with their namespaces."""
    assert main([f"containerd:[{root}]app:1"]) == 2
    shown = capsys.readouterr().err
    assert f"default/docker.io/library/app:1 ({ONE.digest[7:19]})" in shown
    assert f"k8s.io/docker.io/library/app:1 ({THREE.digest[7:19]})" in shown
    assert f"such as containerd:[{root}]default/docker.io/library/app:1" in shown
    assert main([f"containerd:[{root}]"]) == 2
    number = re.search(r"(@[0-9]+) moby/docker\.io/library/db:2", capsys.readouterr().err)
    assert number is not None
    assert main([f"containerd:[{root}]{number[1]}", "--quick"]) == 0
    assert "docker.io/library/db:2" in capsys.readouterr().out
    assert main([f"containerd:[{root}]moby/"]) == 0
    assert main([f"containerd:[{root}]moby/none"]) == 2
    assert "default/" not in capsys.readouterr().err


def test_absent_layers(root: Path) -> None:
    """A compressed layer that was discarded after unpacking is an error of the layer, with the reason."""
    blob(root, ONE.layers[1].digest).unlink()
    with pytest.raises(LayerError, match=f"layer 1 .*the layer {ONE.layers[1].digest[7:19]} is not in the store") as raised:
        Analyzer(platform="linux/amd64").analyze(f"containerd:[{root}]default/app:1")
    assert "discard_unpacked_layers" in (raised.value.hint or "")
    found = Analyzer(platform="linux/amd64", keep_going=True).analyze(f"containerd:[{root}]default/app:1")
    assert [one.index for one in found.unread] == [1]
    assert found.compressed_size == sum(len(built.blob) for built in ONE.layers)


def test_absent_documents(root: Path) -> None:
    """A manifest and a config that are missing are named."""
    config = blob(root, __import__("json").loads(ONE.manifest)["config"]["digest"])
    config.unlink()
    with pytest.raises(ArchiveError, match="the config .* is not in the store of containerd"):
        Analyzer().analyze(f"containerd:[{root}]default/app:1")
    blob(root, ONE.digest).unlink()
    with pytest.raises(ArchiveError, match="the manifest .* is not in the store of containerd"):
        Analyzer().analyze(f"containerd:[{root}]default/app:1")


def test_changed_blobs(root: Path) -> None:
    """Blobs and manifests are verified by their digests."""
    path = blob(root, ONE.layers[0].digest)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"x")
    with pytest.raises(LayerError, match="layer 0"):
        Analyzer(platform="linux/amd64").analyze(f"containerd:[{root}]default/app:1")
    path.write_bytes(data)
    blob(root, ONE.digest).write_bytes(ONE.manifest + b" ")
    with pytest.raises(OcisizeError, match="its descriptor says"):
        Analyzer().analyze(f"containerd:[{root}]default/app:1")


def test_no_containerd(tmp_path: Path) -> None:
    """A folder without a database, and brackets without a folder."""
    with pytest.raises(ArchiveError, match=f"there is no containerd in {tmp_path}") as raised:
        Analyzer().analyze(f"containerd:[{tmp_path}]app")
    assert "containerd:[FOLDER]" in (raised.value.hint or "")
    for text in ("[]app", "[/var", "["):
        with pytest.raises(InvalidReference, match="there is no folder in"):
            Analyzer().analyze(f"containerd:{text}")


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of containerd name the folder; users have others, and so have k3s and Docker."""
    config = tmp_path / "config.toml"
    monkeypatch.setattr(containerd, "_CONFIG", str(config))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert containerd.find_containerd_roots({})[0] == "/var/lib/containerd"
    config.write_text('version = 2\nroot = "/data/containerd"\n')
    assert containerd.find_containerd_roots({})[0] == "/data/containerd"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert containerd.find_containerd_roots({"XDG_DATA_HOME": "/me"})[0] == "/me/containerd"


def test_rights(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of containerd is readable by root only."""
    real_open = os.open

    def refuse(path: object, *arguments: object, **named: object) -> int:
        if str(path).endswith("meta.db"):
            raise PermissionError(13, "Permission denied", path)
        return real_open(path, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ArchiveError, match="Permission denied") as raised:
        Analyzer().analyze(f"containerd:[{root}]app")
    assert "as root" in (raised.value.hint or "")
