"""Folders of the transport dir: and trees of them; ``tests/compat/test_saved_by_tools.py`` has those of real tools."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ocisize.analyzer import Analyzer
from ocisize.errors import ArchiveError, DocumentError, LayerError, NoMatchingPlatform, SizeMismatch
from ocisize.sources import dir_folder
from ocisize.sources.open import open_source
from tests.images import (
    OCI, BuiltImage, Compression, build_image, compress, for_platform, index_bytes, layer, sha256, tar_bytes, write_dir,
    write_files,
)  # fmt: skip

AMD64 = build_image([layer({"etc/a": b"a" * 1000}), layer({"etc/b": b"b" * 500})])
ARM64 = build_image([layer({"etc/a": b"a" * 1000})], architecture="arm64")
INDEX = index_bytes([for_platform(AMD64.descriptor, "linux", "amd64"), for_platform(ARM64.descriptor, "linux", "arm64")])
DOCKER = "application/vnd.docker"


def write_all(folder: Path, *images: BuiltImage) -> Path:
    """A folder as ``skopeo copy --all`` writes it: the index, and manifests of its images."""
    for image in images:
        write_dir(image, folder)
        (folder / f"{image.digest[7:]}.manifest.json").write_bytes(image.manifest)
    (folder / "manifest.json").write_bytes(INDEX)
    return folder


def as_docker(image: BuiltImage, compression: Compression, media_type: str = ".gzip") -> BuiltImage:
    """The image with the manifest that podman and skopeo write for Docker."""
    stored = image.recompressed(compression)
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": f"{DOCKER}.distribution.manifest.v2+json",
        "config": {
            "mediaType": f"{DOCKER}.container.image.v1+json",
            "digest": sha256(image.config),
            "size": len(image.config),
        },
        "layers": [
            {"mediaType": f"{DOCKER}.image.rootfs.diff.tar{media_type}", "digest": built.digest, "size": len(built.blob)}
            for built in stored.layers
        ],
    }
    return BuiltImage(stored.layers, image.config, json.dumps(document).encode())


@pytest.mark.parametrize("scheme", ["", "dir:", "dir://"])
@pytest.mark.parametrize("image", [AMD64, as_docker(AMD64, "gzip")], ids=["oci", "docker"])
def test_a_folder_of_one_image(tmp_path: Path, image: BuiltImage, scheme: str) -> None:
    """The manifest, its digest and the sizes of compressed layers are those of the registry."""
    path = write_dir(image, tmp_path / "app")
    for select in (None, "@0", image.digest, sha256(image.config)[7:19]):
        found = Analyzer(verify=True).analyze(f"{scheme}{path}", select=select)
        assert (found.format, found.digest, found.reference, found.content_size) == ("dir", image.digest, None, 1500)
        assert found.compressed_size == sum(len(built.blob) for built in image.layers)
        assert all(one.digest_verified and one.diff_id_verified for one in found.layers)
        assert found.warnings == ()


@pytest.mark.parametrize(("media_type", "is_known"), [(".gzip", False), ("", True)])
def test_plain_layers(tmp_path: Path, media_type: str, is_known: bool) -> None:
    """podman 4.3.1 decompresses layers and keeps the type of gzip: what they are to download is then unknown."""
    image = as_docker(AMD64, "plain", media_type)
    found = Analyzer().analyze(write_dir(image, tmp_path / "app"))
    assert found.compressed_size == (sum(len(built.blob) for built in image.layers) if is_known else None)
    assert (found.estimated_compressed_size is None) == is_known
    assert bool(found.warnings) != is_known


def test_a_folder_of_an_index(tmp_path: Path) -> None:
    """The platform chooses among the images of an index, and a digest does."""
    path = write_all(tmp_path / "app", AMD64, ARM64)
    index = Analyzer().analyze_all(path)
    assert {name: analysis.content_size for name, analysis in index.analyses.items()} == {
        "linux/amd64": 1500,
        "linux/arm64": 1000,
    }
    assert index.digest == sha256(INDEX)
    assert Analyzer(platform="linux/arm64").analyze(path).digest == ARM64.digest
    assert Analyzer().analyze(path, select=ARM64.digest).digest == ARM64.digest
    with pytest.raises(NoMatchingPlatform, match="available: linux/amd64, linux/arm64"):
        Analyzer(platform="linux/s390x").analyze(path)


def test_a_folder_with_one_image_of_an_index(tmp_path: Path) -> None:
    """A partial copy has the image of one platform; the other one is absent."""
    index = Analyzer().analyze_all(write_all(tmp_path / "app", AMD64))
    assert ([*index.analyses], index.absent) == (["linux/amd64"], ("linux/arm64",))


@pytest.mark.parametrize("outer", ["plain", "gzip"])
def test_a_folder_in_a_tar(tmp_path: Path, outer: Compression) -> None:
    """A folder of dir: that was packed is read in place."""
    folder = write_dir(AMD64, tmp_path / "app")
    path = tmp_path / "app.tar"
    path.write_bytes(compress(tar_bytes({f"./{name}": (folder / name).read_bytes() for name in os.listdir(folder)}), outer))
    found = Analyzer(verify=True).analyze(str(path))
    assert (found.format, found.digest, found.content_size) == ("dir", AMD64.digest, 1500)


def test_broken_folders(tmp_path: Path) -> None:
    """Missing and changed blobs, and manifests that are none, are named."""
    path = write_dir(AMD64, tmp_path / "app")
    blob = path / AMD64.layers[1].digest[7:]
    blob.write_bytes(layer({"etc/b": b"c" * 500}).blob)
    with pytest.raises(LayerError, match="layer 1 .* has digest"):
        Analyzer().analyze(path)
    blob.unlink()
    with pytest.raises(LayerError, match=f"layer 1 .*{blob.name}: No such file") as raised:
        Analyzer().analyze(path)
    assert raised.value.hint == "the folder is incomplete: copy or save the image again"
    (path / sha256(AMD64.config)[7:]).write_bytes(b"{}")
    with pytest.raises(SizeMismatch, match="its descriptor says"):
        Analyzer().analyze(path)
    for text, problem in ((b'{"schemaVersion": 1, "fsLayers": []}', "schema 1"), (b'{"schemaVersion": 2}', "neither"), (b"{", "not valid JSON")):  # fmt: skip
        (path / "manifest.json").write_bytes(text)
        with pytest.raises(DocumentError, match=problem):
            Analyzer().analyze(path)


def test_digests_do_not_lead_out(tmp_path: Path) -> None:
    """A digest is a digest, not a path."""
    path = write_dir(AMD64, tmp_path / "app")
    with closing(open_source(str(path))) as source:
        for digest in ("sha256:../x", "../x", "a/../b:00", "sha256:", ""):
            with pytest.raises(DocumentError, match="is not a digest"):
                source.read_manifest(digest)


# Trees of folders


def write_tree(root: Path) -> Path:
    """A tree as ``skopeo sync --scoped`` writes it."""
    write_dir(AMD64, root / "registry.io" / "team" / "app:1")
    write_dir(ARM64, root / "registry.io" / "team" / "app:2")
    write_all(root / "localhost:5000" / "multi:1", AMD64, ARM64)
    return root


def test_a_tree_lists_its_images(tmp_path: Path) -> None:
    """The paths of the folders are the names of the images."""
    root = write_tree(tmp_path / "tree")
    listed = (
        f"@0 localhost:5000/multi:1 (linux/amd64, linux/arm64, {sha256(INDEX)[7:19]}), "
        f"@1 registry.io/team/app:1 (linux/amd64, {AMD64.digest[7:19]}), "
        f"@2 registry.io/team/app:2 (linux/arm64, {ARM64.digest[7:19]})"
    )
    for text in (str(root), f"dir:{root}"):
        with pytest.raises(ArchiveError) as raised:
            open_source(text)
        assert str(raised.value) == f"the folder contains several images: {listed}"
        assert raised.value.hint == "choose one with --select NAME or --select @N"
    with pytest.raises(ArchiveError, match="no image 'app:1' in the folder; it contains: @0 localhost:5000/multi:1"):
        open_source(str(root), select="app:1")


@pytest.mark.parametrize(
    ("select", "platform", "digest", "name"),
    [
        ("registry.io/team/app:1", "linux/amd64", AMD64.digest, "registry.io/team/app:1"),
        ("@2", "linux/arm64", ARM64.digest, "registry.io/team/app:2"),
        ("localhost:5000/multi:1", "linux/arm64", ARM64.digest, "localhost:5000/multi:1"),
        ("@0", "linux/amd64", AMD64.digest, "localhost:5000/multi:1"),
        (sha256(INDEX), "linux/arm64", ARM64.digest, "localhost:5000/multi:1"),
    ],
)
def test_an_image_of_a_tree(tmp_path: Path, select: str, platform: str, digest: str, name: str) -> None:
    """A name, a number or a digest chooses the folder, and the platform an image in it."""
    root = write_tree(tmp_path / "tree")
    found = Analyzer(platform=platform).analyze(root, select=select)
    assert (found.digest, found.reference, found.format) == (digest, name, "dir")
    if "@" not in select and "sha256" not in select:
        assert Analyzer(platform=platform).analyze(f"dir:{root}:{select}").digest == digest
        assert Analyzer(platform=platform).analyze(root / name).digest == digest


def test_a_tree_of_one_image(tmp_path: Path) -> None:
    """A tree of one folder needs no choice; other files, and links, are left aside."""
    write_dir(AMD64, tmp_path / "tree" / "app:1")
    write_files({"notes": b"x", "other/version": b"1.0", "other/manifest.json": b"{}"}, tmp_path / "tree")
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "tree", target_is_directory=True)
    found = Analyzer().analyze(tmp_path / "tree")
    assert (found.digest, found.reference) == (AMD64.digest, "app:1")


def test_a_broken_folder_of_a_tree(tmp_path: Path) -> None:
    """The other images can be chosen."""
    root = write_tree(tmp_path / "tree")
    (root / "registry.io" / "team" / "app:2" / "manifest.json").write_bytes(b"{")
    assert Analyzer().analyze(root, select="registry.io/team/app:1").digest == AMD64.digest
    with pytest.raises(DocumentError, match="not valid JSON"):
        open_source(str(root), select="@2")


def test_large_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search has an end: any folder may be named, also the root of a system."""
    monkeypatch.setattr(dir_folder, "_MAX_FOLDERS", 10)
    for number in range(20):
        (tmp_path / "other" / str(number)).mkdir(parents=True)
    with pytest.raises(ArchiveError, match="neither manifest.json nor index.json"):
        open_source(str(tmp_path / "other"))
    for number in range(20):
        write_dir(ARM64, tmp_path / "tree" / f"app:{number}")
    with pytest.raises(ArchiveError, match="has more than 10 folders") as raised:
        open_source(str(tmp_path / "tree"))
    assert raised.value.hint == "name the folder of one image"
    deep = tmp_path / "deep" / "/".join("d" * 9) / "app:1"
    write_dir(ARM64, deep)
    with pytest.raises(ArchiveError, match="is not a saved image"):
        open_source(str(tmp_path / "deep"))
