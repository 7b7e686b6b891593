"""The storage of podman: names, layers rebuilt from files, downloads as they were pulled, and what may be broken."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from ocisize import Analysis, Analyzer, DiskCache, from_json, to_json
from ocisize.cli.main import main
from ocisize.errors import ArchiveError, LayerError, OcisizeError, ViewError
from ocisize.report.words.image import describe_verification
from tests.images import DIR, BuiltImage, File, Hard, Link, build_image, index_bytes, layer, sha256, write_layout
from tests.stores import write_containers_storage
from tests.test_every_source import assert_same


@pytest.fixture(scope="module")
def image() -> BuiltImage:
    """Layers with whiteouts, links, waste and a repeated layer."""
    base = layer(
        [
            ("./", DIR), ("./etc/passwd", b"root" * 500), ("./usr/bin/tool", bytes(range(256)) * 200),
            ("./usr/bin/alias", Hard("./usr/bin/tool")), ("./lib", Link("usr/lib")), ("./opt/a/1", b"one" * 1000),
            ("./opt/b/2", b"two" * 1000), ("./same/1", b"twins" * 400), ("./same/2", b"twins" * 400),
            ("./" + "long/" * 40 + "name", b"deep"), ("./caf\udce9", b"latin"),
        ]
    )  # fmt: skip
    middle = layer(
        {"etc/passwd": File(b"root" * 500, uid=9), "opt/.wh.a": b"", "opt/b/.wh..wh..opq": b"", "opt/b/3": b"three"}
    )
    top = layer({"usr/bin/.wh.tool": b"", "big": b"small"}, "zstd")
    return build_image([base, middle, top, middle])


@pytest.fixture
def expected(image: BuiltImage, tmp_path: Path) -> Analysis:
    """The analysis of the same image as an OCI layout."""
    return Analyzer(platform="linux/amd64", verify=True).analyze(write_layout(image, tmp_path / "layout"))


def analyze(root: Path, name: str = "app:1", keep_going: bool = False) -> Analysis:
    return Analyzer(platform="linux/amd64", keep_going=keep_going).analyze(f"containers-storage:[{root}]{name}")


@pytest.mark.parametrize("driver", ["overlay", "vfs"])
def test_pulled(image: BuiltImage, expected: Analysis, tmp_path: Path, driver: str) -> None:
    """All figures of a pulled image, the download included, and verified diff_ids; the blobs are not verified."""
    found = analyze(write_containers_storage(tmp_path / "root", image, driver=driver))
    assert_same(found, expected)
    assert (found.format, found.reference) == ("containers-storage", "docker.io/library/app:1")
    assert (found.digest, found.manifest_size, found.media_type) == (image.digest, len(image.manifest), expected.media_type)
    assert found.compressed_size == expected.compressed_size
    for one, other in zip(found.layers, expected.layers, strict=True):
        assert (one.digest, one.media_type, one.compression) == (other.digest, other.media_type, other.compression)
        assert one.compressed_size == other.compressed_size
        assert (one.digest_verified, one.diff_id_verified) == (False, True)
        assert one.files is not None
        assert one.files.compressed_sizes is None
        assert one.estimated_compressed_size is None
    assert found.wasted_compressed_size is None
    assert describe_verification(found.layers, found.format) == "verified: the digest of every layer as unpacked"
    assert from_json(to_json(found)) == attrs.evolve(found, layers=from_json(to_json(found)).layers)


@pytest.mark.parametrize("pulled", [False, True])
def test_from_the_cache(image: BuiltImage, tmp_path: Path, pulled: bool) -> None:
    """An image that was read before is not read again, pulled or built, with its estimate; --verify reads it."""
    root = write_containers_storage(tmp_path / "root", image, names=["localhost/app:1"], pulled=pulled)
    name, cache = f"containers-storage:[{root}]app:1", DiskCache(tmp_path / "cache")
    analyzer = Analyzer(platform="linux/amd64", cache=cache)
    first = analyzer.analyze(name)
    for path in root.glob("overlay/*/diff/etc/passwd"):
        path.write_bytes(b"Root" * 500)
    assert analyzer.analyze(name) == first
    assert attrs.evolve(analyzer, files=False).analyze(name) == first
    for other in (attrs.evolve(analyzer, verify=True), attrs.evolve(analyzer, cache=None)):
        with pytest.raises(LayerError, match="digest"):
            other.analyze(name)


def test_pulled_and_built_are_kept_apart(image: BuiltImage, tmp_path: Path) -> None:
    """The same layers are of two images in the cache, if one of them was pulled and so has a download."""
    cache = DiskCache(tmp_path / "cache")
    for pulled in (True, False, True):
        root = write_containers_storage(tmp_path / f"root-{pulled}", image, names=["localhost/app:1"], pulled=pulled)
        name = f"containers-storage:[{root}]app:1"
        assert Analyzer(platform="linux/amd64", cache=cache).analyze(name) == analyze(root)


def test_built(image: BuiltImage, expected: Analysis, tmp_path: Path) -> None:
    """The download of an image that was built here is unknown, and estimated; its digests are those of the tars."""
    found = analyze(write_containers_storage(tmp_path / "root", image, names=["localhost/app:1"], pulled=False))
    assert_same(found, expected)
    assert found.compressed_size is None
    assert found.estimated_compressed_size is not None
    assert {(one.digest_verified, one.diff_id_verified, one.compression) for one in found.layers} == {(True, True, "plain")}
    assert [one.digest for one in found.layers] == [one.diff_id for one in expected.layers]


def test_built_on_a_pulled_image(image: BuiltImage, tmp_path: Path) -> None:
    """The layers of a base image that was pulled keep their exact download; the layer above has an estimate."""
    root = write_containers_storage(tmp_path / "root", build_image(image.layers[:2]), names=["base:1"])
    own = build_image([*image.layers[:2], layer({"app": b"x" * 5000})])
    found = analyze(write_containers_storage(root, own, names=["localhost/app:1"], pulled=False))
    base, other, top = found.layers
    assert (base.digest, base.compressed_size, base.compression) == (
        image.layers[0].digest, len(image.layers[0].blob), "gzip",
    )  # fmt: skip
    assert other.compressed_size == len(image.layers[1].blob)
    assert (top.compressed_size, top.compression) == (None, "plain")
    assert top.estimated_compressed_size is not None
    assert found.compressed_size is None
    assert found.expected_compressed_size == (
        len(image.layers[0].blob) + len(image.layers[1].blob) + top.estimated_compressed_size
    )


@pytest.mark.parametrize(
    "command", [[], ["advise"], ["files"], ["tree"], ["-f", "json"], ["-f", "html"], ["--full"], ["--verify"]]
)
def test_commands(image: BuiltImage, tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """All commands read it."""
    root = write_containers_storage(tmp_path / "root", image)
    assert main([*command[:1], f"containers-storage:[{root}]app:1", *command[1:]] if command[:1] in (["advise"], ["files"], ["tree"])
                else [f"containers-storage:[{root}]app:1", *command]) == 0  # fmt: skip
    output = capsys.readouterr()
    assert "warning" not in output.err


def test_diff_and_budgets(image: BuiltImage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A comparison with the image elsewhere shows no change; budgets on the download pass by the exact size."""
    root = write_containers_storage(tmp_path / "root", image)
    layout = write_layout(image, tmp_path / "layout")
    name = f"containers-storage:[{root}]app:1"
    assert main(["diff", str(layout), name, "--platform", "linux/amd64"]) == 0
    assert main([name, "--platform", "linux/amd64", "--max-download", "1MB"]) == 0
    assert main([name, "--platform", "linux/amd64", "--max-download", "1kB"]) == 1
    with pytest.raises(OcisizeError, match="were read uncompressed"):
        from ocisize.sizes.files import SortOrder, check_order

        check_order(analyze(root).layers, SortOrder.DOWNLOAD)


@pytest.mark.parametrize(
    "name",
    ["app:1", "localhost/app:1", "app@sha256:{id}", "{id}", "{short}", "sha256:{id}", "{digest}", "@0"],
)
def test_names(image: BuiltImage, tmp_path: Path, name: str) -> None:
    """An image is named as podman and skopeo name it: by its name with defaults, its ID and its digest."""
    root = write_containers_storage(tmp_path / "root", image, names=["localhost/app:1", "quay.io/team/app:2"])
    image_id = sha256(image.config).partition(":")[2]
    text = name.format(id=image_id, short=image_id[:12], digest=image.digest)
    assert analyze(root, text).reference in ("localhost/app:1",)


def test_localhost_first(image: BuiltImage, tmp_path: Path) -> None:
    """As in podman, an image that was built here is preferred to one of Docker Hub with the same short name."""
    root = write_containers_storage(tmp_path / "root", image, names=["docker.io/library/app:1"])
    own = build_image([layer({"own": b"own"})])
    write_containers_storage(root, own, names=["localhost/app:1"])
    assert analyze(root, "app:1").content_size == 3
    assert analyze(root, "docker.io/library/app:1").content_size > 3


def test_choosing(image: BuiltImage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name, the only image with one is opened, and several are listed; a name that is missing lists them, too."""
    root = write_containers_storage(tmp_path / "root", image, names=["localhost/app:1"])
    write_containers_storage(root, build_image([layer({"step": b"between"})]), names=[])
    assert analyze(root, "").reference == "localhost/app:1"
    write_containers_storage(root, build_image([layer({"other": b"other"})]), names=["localhost/other:2"])
    assert main([f"containers-storage:[{root}]"]) == 2
    shown = capsys.readouterr().err
    assert f"the storage {root} has several images" in shown
    assert "@0 localhost/app:1" in shown
    assert "@2 localhost/other:2" in shown
    assert f"name one of them, such as containers-storage:[{root}]localhost/app:1" in shown
    assert "untagged" not in shown
    with pytest.raises(ArchiveError, match="no image 'none:1' in the storage"):
        analyze(root, "none:1")
    with pytest.raises(ViewError, match="the image is named already"):
        Analyzer().analyze(f"containers-storage:[{root}]app:1", select="@0")
    assert Analyzer().analyze(f"containers-storage:[{root}]", select="@2").reference == "localhost/other:2"


def test_settings(image: BuiltImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The storage of the settings, with images and base layers in additional stores."""
    additional = write_containers_storage(tmp_path / "more", build_image(image.layers[:1]), names=["base:1"])
    root = write_containers_storage(tmp_path / "root", image, names=["localhost/app:1"])
    layers = json.loads((root / "overlay-layers/layers.json").read_text())
    (root / "overlay-layers/layers.json").write_text(json.dumps(layers[1:]))
    conf = tmp_path / "storage.conf"
    conf.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{root}"\n[storage.options]\nadditionalimagestores = ["{additional}"]\n'
    )
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(conf))
    found = Analyzer(platform="linux/amd64").analyze("containers-storage:app:1")
    assert all(one.diff_id_verified for one in found.layers)
    assert Analyzer(platform="linux/amd64").analyze("containers-storage:base:1").reference == "base:1"


def test_manifest_lists(image: BuiltImage, tmp_path: Path) -> None:
    """An index of ``podman manifest`` leads to other images of the storage; a platform that is missing is said to be."""
    arm = build_image([layer({"arm": b"arm"})], architecture="arm64")
    root = write_containers_storage(tmp_path / "root", image, names=["localhost/amd:1"])
    write_containers_storage(root, arm, names=[])
    entries = [
        {**built.descriptor, "platform": {"os": "linux", "architecture": architecture}}
        for built, architecture in ((image, "amd64"), (arm, "arm64"), (build_image([]), "s390x"))
    ]
    index = index_bytes(entries)
    images = json.loads((root / "overlay-images/images.json").read_text())
    identity = "f" * 64
    record = {
        "id": identity,
        "digest": sha256(index),
        "big-data-digests": {"manifest": sha256(index)},
        "names": ["localhost/list:1"],
        "layer": "",
        "big-data-names": ["manifest"],
    }
    (root / "overlay-images/images.json").write_text(json.dumps([*images, record]))
    (root / "overlay-images" / identity).mkdir()
    (root / "overlay-images" / identity / "manifest").write_bytes(index)
    name = f"containers-storage:[{root}]list:1"
    assert Analyzer(platform="linux/arm64").analyze(name).content_size == 3
    both = Analyzer().analyze_all(name)
    assert list(both.analyses) == ["linux/amd64", "linux/arm64"]
    assert both.absent == ("linux/s390x",)


def test_no_tar_split(image: BuiltImage, tmp_path: Path) -> None:
    """Without tar-split, the files of overlay are walked, with a warning, and nothing is verified."""
    plain = build_image(
        [layer({"etc/": DIR, "etc/passwd": b"root", "bin": Link("usr/bin"), "twin": b"t", "twin2": Hard("twin")})]
    )
    root = write_containers_storage(tmp_path / "root", plain, split=False)
    found = analyze(root)
    assert [entry.path for entry in found.layers[0].files or ()] == ["bin", "etc", "twin", "twin2", "etc/passwd"]
    assert (found.content_size, found.file_count) == (5, 2)
    assert not found.layers[0].digest_verified
    assert not found.layers[0].diff_id_verified
    assert found.compressed_size == len(plain.layers[0].blob)
    assert [text for text in found.warnings if "tar-split" in text] == [
        f"the storage has no tar-split of layer {plain.layers[0].diff_id[7:19]}: its order and the overhead of its tar are unknown"
    ]
    assert describe_verification(found.layers, found.format) == "not verified: 1 layer of which the store has no headers"


def test_vfs_without_tar_split(image: BuiltImage, tmp_path: Path) -> None:
    """A folder of vfs has the files of lower layers, too: without tar-split it is refused."""
    root = write_containers_storage(tmp_path / "root", image, driver="vfs", split=False)
    with pytest.raises(
        LayerError, match="layer 0 .*no tar-split of the layer, and its folder has the files of lower layers"
    ):
        analyze(root)
    found = analyze(root, keep_going=True)
    assert len(found.unread) == 4
    assert found.compressed_size == sum(len(built.blob) for built in image.layers[:3])


def test_whiteouts_of_overlay(tmp_path: Path) -> None:
    """Devices 0:0, opaque attributes and marker files are whiteouts; only root can make the first two kinds."""
    base = layer({"a/1": b"1", "a/2": b"22", "b/3": b"333", "c": b"4444"})
    top = layer({"new": b"n"})
    image = build_image([base, top])
    root = write_containers_storage(tmp_path / "root", image)
    diff = root / "overlay" / json.loads((root / "overlay-layers/layers.json").read_text())[1]["id"] / "diff"
    split = root / "overlay-layers" / f"{diff.parent.name}.tar-split.gz"
    split.unlink()
    (diff / ".wh.c").touch()
    (diff / "b").mkdir()
    (diff / "a").mkdir()
    expected = 4
    try:
        os.setxattr(diff / "b", "user.overlay.opaque", b"y")
        expected += 3
        os.mknod(diff / "a/1", 0o020000)
        expected += 1
    except (OSError, AttributeError):
        pass
    assert analyze(root).wasted_size == expected


@pytest.mark.parametrize("name", ["user.overlay.redirect", "user.overlay.metacopy"])
@pytest.mark.parametrize("path", ["usr", "usr/file"])
def test_files_in_lower_layers(tmp_path: Path, name: str, path: str) -> None:
    """A file whose content overlayfs keeps in a lower layer is refused."""
    image = build_image([layer({"usr/file": b"content"})])
    root = write_containers_storage(tmp_path / "root", image, split=False)
    (diff,) = (root / "overlay").glob("*/diff")
    try:
        os.setxattr(diff / path, name, b"/usr/other")
    except (OSError, AttributeError):
        pytest.skip("the file system has no extended attributes")
    with pytest.raises(LayerError, match=f"overlayfs keeps {path} in a lower layer"):
        analyze(root)


def damage(root: Path, change: Callable[[dict[str, object]], object], kind: str = "layers") -> None:
    path = root / f"overlay-{kind}/{kind}.json"
    records = json.loads(path.read_text())
    for record in records:
        change(record)
    path.write_text(json.dumps(records))


def test_changed_content(image: BuiltImage, tmp_path: Path) -> None:
    """A file that was changed in place is found by the diff_id, one of another size by name."""
    root = write_containers_storage(tmp_path / "root", image)
    (file,) = (root / "overlay").glob("*/diff/usr/bin/tool")
    file.write_bytes(file.read_bytes()[::-1])
    with pytest.raises(LayerError, match="layer 0 .* has digest sha256:"):
        analyze(root)
    file.write_bytes(b"short")
    with pytest.raises(LayerError, match=r"the file \./usr/bin/tool in the store has 5 bytes, the layer has 51200"):
        analyze(root)
    file.unlink()
    with pytest.raises(LayerError, match=r"cannot read \./usr/bin/tool below .*: No such file"):
        analyze(root)
    found = analyze(root, keep_going=True)
    assert [layer.index for layer in found.unread] == [0]


def test_missing_layers(image: BuiltImage, tmp_path: Path) -> None:
    """A layer that the storage does not have is an error of this layer."""
    root = write_containers_storage(tmp_path / "root", image)
    (root / "overlay-layers/layers.json").write_text("[]")
    with pytest.raises(LayerError, match="layer 0 .*the layer is not in the storage"):
        analyze(root)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("layers", {"id": "../../etc"}, "is not an ID"),
        ("layers", {"id": 7}, "expected str, got int"),
        ("layers", {"diff-digest": "sha256:beef"}, "is not a digest"),
        ("layers", {"diff-size": "7"}, "expected int, got str"),
        ("layers", {"parent": "/"}, "is not an ID"),
        ("images", {"id": ".."}, "is not an ID"),
        ("images", {"names": "app"}, "expected list, got str"),
        ("images", {"layer": "a/b"}, "is not an ID"),
        ("images", {"big-data-digests": []}, "expected dict, got list"),
        ("images", {"big-data-digests": {"manifest": "x"}}, "is not a digest"),
    ],
)
def test_broken_records(image: BuiltImage, tmp_path: Path, kind: str, change: dict[str, object], message: str) -> None:
    """A record that the engine could not have written is refused with the name of its file."""
    root = write_containers_storage(tmp_path / "root", image)
    damage(root, lambda record: record.update(change), kind)
    with pytest.raises(OcisizeError, match=rf"{kind}\.json is not valid; .*{message}"):
        analyze(root)


def test_wrong_sizes(image: BuiltImage, tmp_path: Path) -> None:
    """A wrong length of a tar is an error; one that is not noted is counted."""
    root = write_containers_storage(tmp_path / "root", image)
    damage(root, lambda record: record.update({"diff-size": -1}))
    assert all(one.diff_id_verified for one in analyze(root).layers)
    damage(root, lambda record: record.update({"diff-size": 5}))
    with pytest.raises(LayerError, match="its descriptor says 5"):
        analyze(root)


def test_a_circle_of_parents(image: BuiltImage, tmp_path: Path) -> None:
    """Layers that are their own parents end somewhere."""
    root = write_containers_storage(tmp_path / "root", image)
    damage(root, lambda record: record.update({"parent": record["id"]}))
    assert all(one.diff_id_verified for one in analyze(root).layers)


def test_toc_layers(image: BuiltImage, tmp_path: Path) -> None:
    """A layer that was pulled by its table of contents has no digest of its tar: the config's diff_id verifies it."""
    root = write_containers_storage(tmp_path / "root", image)
    damage(root, lambda record: (record.pop("diff-digest"), record.update({"toc-digest": sha256(b""), "diff-size": -1})))
    found = analyze(root)
    assert all(one.diff_id_verified for one in found.layers)
    assert found.compressed_size == sum(len(built.blob) for built in image.layers[:3])


def test_another_manifest(image: BuiltImage, tmp_path: Path) -> None:
    """A manifest that is not the one that the storage noted is refused."""
    root = write_containers_storage(tmp_path / "root", image)
    (manifest,) = (root / "overlay-images").glob("*/manifest")
    manifest.write_bytes(image.manifest + b" ")
    with pytest.raises(OcisizeError, match="document has digest"):
        analyze(root)
    manifest.unlink()
    with pytest.raises(ArchiveError, match="the storage has no manifest of image"):
        analyze(root)


def test_no_storage(tmp_path: Path) -> None:
    """A folder without a storage, and one without images."""
    with pytest.raises(ArchiveError, match=f"there is no storage of podman or buildah in {tmp_path}"):
        analyze(tmp_path)
    (tmp_path / "overlay-images").mkdir()
    with pytest.raises(ArchiveError, match="has no images"):
        analyze(tmp_path)


def test_rights(image: BuiltImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of other users in a rootless storage need podman unshare; the storage of root needs root."""
    root = write_containers_storage(tmp_path / "root", image)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    real_open = os.open

    def refuse(path: object, *arguments: object, **named: object) -> int:
        if path in (b"tool", "overlay-images"):
            raise PermissionError(13, "Permission denied", path)
        return real_open(path, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(LayerError, match="Permission denied") as raised:
        analyze(root)
    assert "podman unshare ocisize" in (raised.value.hint or "")


def test_outline(image: BuiltImage, tmp_path: Path) -> None:
    """Without reading layers, the download of pulled layers is exact, and that of built ones unknown."""
    root = write_containers_storage(tmp_path / "root", image)
    outline = Analyzer(platform="linux/amd64").outline(f"containers-storage:[{root}]app:1")
    assert [(one.digest, one.compressed_size, one.compression) for one in outline.layers] == [
        (built.digest, len(built.blob), built.compression) for built in image.layers
    ]
    write_containers_storage(tmp_path / "built", image, pulled=False)
    built = Analyzer(platform="linux/amd64").outline(f"containers-storage:[{tmp_path / 'built'}]app:1")
    assert built.compressed_size is None
