"""docker save archives of every writer, choosing among images, and what is wrong with broken ones."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ocisize.model.analysis import Analysis
from ocisize.analyzer import Analyzer
from ocisize.errors import ArchiveError, DigestMismatch, DocumentError, LayerError, OcisizeError, SizeMismatch
from ocisize.tar.filetable import FileTable
from ocisize.sources.open import open_source
from tests.images import (
    DOCKER_STYLES, BuiltImage, Compression, DockerStyle, Entry, File, Hard, Link, build_image, compress, docker_archive_entries,
    index_bytes, layer, layout_files, named, raw_layer, sha256, tar_bytes, write_docker_archive, write_files, write_layout,
)  # fmt: skip
from tests.sources.test_store import counted

BASE = layer({"etc/passwd": b"root", "bin/sh": os.urandom(40_000), "bin/bash": Hard("bin/sh"), "lib/x": b"old"})
REPEATED = layer({"cache/data": b"same again", "etc/motd": b"hello"})
TOP = layer({"lib/x": File(b"new", mode=0o600), "bin/.wh.sh": b"", "link": Link("etc/motd"), "big": bytes(2 << 20)}, "zstd")
IMAGE = build_image([BASE, REPEATED, TOP, REPEATED])


def tables(analysis: Analysis) -> list[FileTable]:
    return [found.files for found in analysis.layers if found.files is not None]


def contents(analysis: Analysis) -> list[list[tuple[object, ...]]]:
    """What the layers hold, without what depends on how they are stored."""
    return [
        [(file.path, file.kind, file.size, file.mode, file.link, file.content_hash) for file in table]
        for table in tables(analysis)
    ]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return Analyzer(hash_content=True).analyze(str(write_layout(IMAGE, tmp_path_factory.mktemp("layout"))))


@pytest.mark.parametrize("outer", ["plain", "gzip", "zstd"])
@pytest.mark.parametrize("style", DOCKER_STYLES)
def test_every_writers_archive_holds_the_same_image(
    tmp_path: Path, expected: Analysis, style: DockerStyle, outer: Compression
) -> None:
    """Whoever wrote the archive and however it is packed, the layers are the same, in the same order."""
    path = tmp_path / "app.tar"
    write_docker_archive(IMAGE, path, style=style, outer=outer)
    found = Analyzer(hash_content=True).analyze(str(path))
    assert contents(found) == contents(expected)
    assert (found.format, found.config_digest) == ("docker-archive", expected.config_digest)
    assert (found.content_size, found.live_size) == (expected.content_size, expected.live_size)
    assert [(item.path, item.size, item.cause) for item in found.waste] == [
        (item.path, item.size, item.cause) for item in expected.waste
    ]
    assert found.tar_size == expected.tar_size


@pytest.mark.parametrize("outer", ["plain", "gzip"])
@pytest.mark.parametrize("style", DOCKER_STYLES)
def test_every_writers_archive_can_be_verified(tmp_path: Path, style: DockerStyle, outer: Compression) -> None:
    """With verify every layer's digest and diff_id match in every form, and the figures stay the same."""
    path = tmp_path / "app.tar"
    write_docker_archive(IMAGE, path, style=style, outer=outer)
    found = Analyzer(verify=True).analyze(str(path))
    assert all(one.digest_verified and one.diff_id_verified for one in found.layers)
    assert [one.diff_id for one in found.layers] == [built.diff_id for built in IMAGE.layers]
    assert found.content_size == Analyzer().analyze(str(path)).content_size


@pytest.mark.parametrize("style", DOCKER_STYLES)
def test_compressed_sizes_are_known_where_the_layer_is_as_in_the_registry(tmp_path: Path, style: DockerStyle) -> None:
    """A compressed layer costs its size; what a plain one costs in the registry cannot be known."""
    path = tmp_path / "app.tar"
    write_docker_archive(IMAGE, path, style=style)
    stored = style in ("containerd", "crane", "jib", "rules_oci")
    sizes = [len(built.blob) if stored else None for built in IMAGE.layers]
    assert [found.compressed_size for found in Analyzer().analyze(str(path)).layers] == sizes


@pytest.mark.parametrize("outer", ["plain", "gzip"])
def test_a_repeated_layer_is_a_link_that_may_come_first(tmp_path: Path, outer: Compression) -> None:
    """Docker writes a repeated layer as a symlink, and sorts members by name."""
    entries: dict[str, Entry] = {
        "a/layer.tar": Link("../z/layer.tar"), "b/layer.tar": Hard("./z/layer.tar"), "z/layer.tar": BASE.tar, "config.json": b"",
    }  # fmt: skip
    image = build_image([BASE, BASE, BASE])
    entries["config.json"] = image.config
    members = ["z/layer.tar", "a/layer.tar", "b/layer.tar"]
    entries["manifest.json"] = json.dumps([{"Config": "config.json", "RepoTags": None, "Layers": members}]).encode()
    path = tmp_path / "app.tar"
    path.write_bytes(compress(tar_bytes(entries), outer))
    analysis = Analyzer(verify=True).analyze(str(path))
    assert [len(table) for table in tables(analysis)] == [4, 4, 4]
    assert analysis.reference is None


def test_compressed_layers_that_nothing_names(tmp_path: Path) -> None:
    """A compressed layer in a file of any name gets the digest of its bytes."""
    image = build_image([layer({"a": b"x"}), layer({"b": b"y"}, "zstd")])
    write(tmp_path / "app.tar", image, ["one", "two.tar.gz"])
    analysis = Analyzer(verify=True).analyze(str(tmp_path / "app.tar"))
    assert [found.digest for found in analysis.layers] == [built.digest for built in image.layers]
    assert [found.compression for found in analysis.layers] == ["gzip", "zstd"]


def write(
    path: Path,
    image: BuiltImage,
    members: Sequence[str],
    *,
    config: str = "config.json",
    more: Mapping[str, Entry] | None = None,
) -> str:
    """An archive with members of these names."""
    entries: dict[str, Entry] = {config: image.config, **(more or {})}
    entries |= {member: built.blob for member, built in zip(members, image.layers, strict=True) if member not in entries}
    item = {"Config": config, "RepoTags": ["app:v1"], "Layers": list(members)}
    path.write_bytes(tar_bytes({**entries, "manifest.json": json.dumps([item]).encode()}))
    return str(path)


def test_names_may_begin_with_a_dot(tmp_path: Path) -> None:
    """Members and references to them may be written with ./ in front."""
    image = build_image([layer({"a": b"x"}, "plain")])
    entries: dict[str, Entry] = {"./config.json": image.config, "./x/layer.tar": image.layers[0].blob}
    item = {"Config": "./config.json", "Layers": ["x/./layer.tar"]}
    path = tmp_path / "app.tar"
    path.write_bytes(tar_bytes({**entries, "./manifest.json": json.dumps([item]).encode()}))
    assert Analyzer(verify=True).analyze(str(path)).content_size == 1


def test_an_unpacked_archive_is_read_as_a_folder(tmp_path: Path) -> None:
    """A docker-archive that was extracted is read like one that was not."""
    files = {
        name: data for name, data in docker_archive_entries(IMAGE, "crane", ["app:v1"]).items() if isinstance(data, bytes)
    }
    found = Analyzer().analyze(str(write_files(files, tmp_path / "folder")))
    assert (found.format, found.reference, len(found.layers)) == ("docker-archive", "app:v1", 4)


def test_an_unpacked_archive_stays_in_its_folder(tmp_path: Path) -> None:
    """Names in manifest.json that lead out of the folder are refused."""
    (tmp_path / "secret").write_bytes(IMAGE.config)
    for name in (str(tmp_path / "secret"), "../secret"):
        write_files({"manifest.json": json.dumps([{"Config": name}]).encode()}, tmp_path / "folder")
        with pytest.raises(ArchiveError, match="points outside the folder"):
            open_source(str(tmp_path / "folder"))


def test_the_archive_knows_one_manifest(tmp_path: Path) -> None:
    """Only the composed manifest can be read; there is none with any digest."""
    write_docker_archive(IMAGE, tmp_path / "app.tar")
    with closing(open_source(str(tmp_path / "app.tar"))) as source, pytest.raises(ArchiveError, match="no member blobs/"):
        source.read_manifest(IMAGE.digest)


# Several images


@pytest.fixture
def several(tmp_path: Path) -> str:
    """Three images in one archive, one of them without a tag."""
    images = [build_image([layer({"f": b"x" * size}, "plain")]) for size in (1, 2, 3)]
    tags = [["docker.io/library/app:v1", "app:latest"], ["registry.example.com/other/app:v2"], None]
    entries: dict[str, Entry] = {}
    items: list[dict[str, Any]] = []
    for image, names in zip(images, tags, strict=True):
        made = docker_archive_entries(image, "skopeo", names)
        items += json.loads(made.pop("manifest.json"))  # type: ignore[arg-type]
        entries |= made
    path = tmp_path / "several.tar"
    path.write_bytes(tar_bytes({**entries, "manifest.json": json.dumps(items).encode()}))
    return str(path)


@pytest.mark.parametrize(
    ("select", "size", "reference"),
    [
        ("docker.io/library/app:v1", 1, "docker.io/library/app:v1"), ("app:v1", 1, "docker.io/library/app:v1"),
        ("library/app:v1", 1, "docker.io/library/app:v1"), ("app", 1, "app:latest"),
        ("registry.example.com/other/app:v2", 2, "registry.example.com/other/app:v2"),
        ("@0", 1, "docker.io/library/app:v1"), ("@1", 2, "registry.example.com/other/app:v2"), ("@2", 3, None),
    ],
)  # fmt: skip
def test_an_image_is_chosen_by_tag_or_number(several: str, select: str, size: int, reference: str | None) -> None:
    """Full and short tags and @N choose among several images."""
    analysis = Analyzer().analyze(several, select=select)
    assert (analysis.content_size, analysis.reference) == (size, reference)
    assert Analyzer().analyze(f"docker-archive:{several}:{select}").content_size == size


@pytest.mark.parametrize("select", ["app:v3", "other/app:v2", "@3", "@-1", "@", "@²", "@x", "", "UPPER"])
def test_a_choice_that_does_not_exist(several: str, select: str) -> None:
    """A wrong choice lists what there is."""
    with pytest.raises(
        ArchiveError,
        match=r"no image .* in the archive; it contains: @0 docker.io/library/app:v1 app:latest \(.*\), @1 .*, @2 untagged",
    ):
        open_source(several, select=select)


def test_no_choice_among_several(several: str) -> None:
    """Without a choice several images are an error that lists them and says how to choose."""
    with pytest.raises(
        ArchiveError, match=r"several images: @0 docker.io/library/app:v1 app:latest \(linux/amd64, \w{12}\), @1"
    ) as raised:
        open_source(several)
    assert raised.value.hint == "choose one with --select NAME or --select @N"


def test_one_image_listed_twice_needs_no_choice(tmp_path: Path) -> None:
    """Items that name the same image are one."""
    entries = docker_archive_entries(IMAGE, "skopeo", ["a:1"])
    items = json.loads(entries["manifest.json"])  # type: ignore[arg-type]
    entries["manifest.json"] = json.dumps([*items, {**items[0], "RepoTags": ["b:2"]}]).encode()
    path = tmp_path / "app.tar"
    path.write_bytes(tar_bytes(entries))
    assert Analyzer().analyze(str(path)).reference == "a:1"


# Broken archives


def test_a_config_that_is_not_what_its_name_says(tmp_path: Path) -> None:
    """The name of a config is only a name, as for docker load, but a warning says that it is not the digest."""
    other = build_image([layer({"a": b"x"}, "plain")])
    value = sha256(b"other").partition(":")[2]
    for config in (f"{value}.json", f"sha256:{value}", f"blobs/sha256/{value}"):
        analysis = Analyzer(verify=True).analyze(write(tmp_path / "app.tar", other, ["layer.tar"], config=config))
        digest = sha256(other.config)
        assert (analysis.config_digest, analysis.content_size) == (digest, 1)
        assert analysis.warnings == (f"the config {config} is not what its name says: its digest is {digest}",)


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({}, "no member x/layer.tar"),
        ({"x/layer.tar": Link("../y/layer.tar")}, "no member y/layer.tar"),
        ({"x/layer.tar": Link("../y"), "y": Link("x/layer.tar")}, "cycle of links"),
        ({"x/layer.tar": Link("layer.tar")}, "cycle of links"),
        ({"x/layer.tar": Link("../../../etc/passwd")}, r"no member \.\./\.\./etc/passwd"),
        ({"x/layer.tar": Link("/etc/passwd")}, "no member etc/passwd"),
        ({"x/layer.tar": Hard("../../etc/passwd")}, r"no member \.\./\.\./etc/passwd"),
    ],
)
def test_layers_that_are_not_there(tmp_path: Path, more: dict[str, Entry], match: str) -> None:
    """Missing layers, dangling and circular links and ways out of the archive are ArchiveErrors."""
    image = build_image([layer({"a": b"x"}, "plain")])
    entries: dict[str, Entry] = {"config.json": image.config, **more}
    item = {"Config": "config.json", "Layers": ["x/layer.tar"]}
    path = tmp_path / "app.tar"
    path.write_bytes(tar_bytes({**entries, "manifest.json": json.dumps([item]).encode()}))
    with pytest.raises(ArchiveError, match=match):
        open_source(str(path))


@pytest.mark.parametrize(
    ("document", "match"),
    [
        (b"[]", "lists no image"), (b"5", "lists no image"), (b"{}", "is an object"), (b"[", "not valid JSON"), (b"\xff", "not valid JSON"),
        (b"[5]", "is not valid"), (b"[{}]", "is not valid"), (b'[{"Config": 5}]', "is not valid"), (b"[" * 100_000, "nested too deeply"),
        (b'[{"Config": "x", "Layers": [null]}]', "is not valid"), (b'[{"Config": "x"}]', "no member x"), (b'[{"Config": "../x"}]', "no member"),
        (b'[{"Config": "\\ud800"}]', "no member"), (b"[null]", "expected an object, got null"), (b"[[]]", "expected an object, got list"),
        (b'[{"Config": "x", "layers": ["y"]}]', "the name 'layers' must be written 'Layers'"),
    ],
)  # fmt: skip
def test_broken_documents(tmp_path: Path, document: bytes, match: str) -> None:
    """A manifest.json that is none is refused with what is wrong."""
    path = tmp_path / "app.tar"
    path.write_bytes(tar_bytes({"manifest.json": document}))
    with pytest.raises((DocumentError, ArchiveError), match=match):
        open_source(str(path))


def test_a_config_that_is_none(tmp_path: Path) -> None:
    """A config that is no JSON is a DocumentError."""
    path = tmp_path / "app.tar"
    path.write_bytes(tar_bytes({"c": b"no", "manifest.json": b'[{"Config": "c"}]'}))
    with pytest.raises(DocumentError, match="the config c"):
        open_source(str(path))


def test_another_number_of_layers_than_diff_ids(tmp_path: Path) -> None:
    """Layers and diff_ids that do not pair up are named by content, with a warning."""
    image = build_image([layer({"a": b"x"}, "plain"), layer({"b": b"y"}, "plain")])
    less = BuiltImage(image.layers[:1], image.config, image.manifest)
    analysis = Analyzer().analyze(write(tmp_path / "app.tar", less, ["layer.tar"]))
    assert any("the config lists 2 layers, the manifest 1" in warning for warning in analysis.warnings)
    assert analysis.layers[0].digest == image.layers[0].digest


def test_damaged_layers(tmp_path: Path) -> None:
    """A layer that is another one than the config says is found by verify; a compressed one always."""
    plain, other = build_image([layer({"a": b"x"}, "plain")]), layer({"a": b"y"}, "plain")
    path = write(tmp_path / "app.tar", plain, ["layer.tar"], more={"layer.tar": other.blob})
    assert Analyzer().analyze(path).layers[0].digest_verified is False
    with pytest.raises(LayerError, match="layer 0 .*: blob has digest"):
        Analyzer(verify=True).analyze(path)
    packed = build_image([layer({"a": b"x"})])
    member = packed.layers[0].digest.partition(":")[2] + ".tar.gz"
    with pytest.raises(LayerError, match="layer 0 .*: uncompressed layer has digest"):
        Analyzer().analyze(write(tmp_path / "app.tar", packed, [member], more={member: layer({"a": b"y"}).blob}))


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("outer", ["plain", "gzip"])
@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_layer_that_is_not_what_its_name_says(
    tmp_path: Path, compression: Compression, outer: Compression, verify: bool
) -> None:
    """The name of a layer is only a name, as for docker load and skopeo 1.9.3: its diff_id verifies it, its digest is shown."""
    image = build_image([layer({"a": b"x"}, compression), layer({"b": b"yy"}, compression)])
    members = [f"{sha256(name)[7:]}.tar.gz" for name in (b"one", b"two")]
    path = tmp_path / "app.tar"
    path.write_bytes(compress(Path(write(tmp_path / "plain.tar", image, members)).read_bytes(), outer))
    analysis = Analyzer(verify=verify).analyze(str(path))
    assert [found.digest for found in analysis.layers] == [built.digest for built in image.layers]
    assert [(found.digest_verified, found.diff_id_verified) for found in analysis.layers] == [(False, True)] * 2
    assert [found.content_size for found in analysis.layers] == [1, 2]
    assert analysis.warnings == tuple(
        f"layer {index}: its file is named after {sha256(name)}, its digest is {image.layers[index].digest}"
        for index, name in enumerate((b"one", b"two"))
    )


def test_a_plain_layer_that_is_not_what_its_name_says(tmp_path: Path) -> None:
    """A plain layer is that of its diff_id, whatever its name, and only verify reads all of it."""
    image = build_image([layer({"a": b"x"}, "plain")])
    path = write(tmp_path / "app.tar", image, [f"blobs/sha256/{sha256(b'one')[7:]}"])
    for verify in (False, True):
        (found,) = Analyzer(verify=verify).analyze(path).layers
        assert (found.digest, found.digest_verified, found.content_size) == (image.layers[0].digest, verify, 1)


# Docker 25


def docker25(layers: list[dict[str, Any]] | None, image: BuiltImage, index: bytes | None = None) -> bytes:
    """Docker 25's archive with the layers of its OCI manifest, or its index.json, changed."""
    entries = docker_archive_entries(image, "docker25", ["latest"])
    plain = image.recompressed("plain")
    document = json.loads(plain.manifest)
    changed = BuiltImage(
        plain.layers, image.config, json.dumps({**document, "layers": layers or document["layers"]}).encode()
    )
    entries |= layout_files(index or index_bytes([named(changed.descriptor, "latest")]), changed.blobs)
    return tar_bytes(entries)


def test_docker_25_random_layer_order(tmp_path: Path) -> None:
    """Docker 25.0.0 wrote the OCI manifest's layers in random order; the config's order is taken."""
    image = build_image([layer({f"f{number}": b"x" * number}, "plain") for number in range(5)])
    path = tmp_path / "app.tar"
    path.write_bytes(docker25([image.layers[number].descriptor for number in (3, 0, 4, 2, 1)], image))
    analysis = Analyzer(verify=True).analyze(str(path))
    assert [found.diff_id for found in analysis.layers] == [built.diff_id for built in image.layers]
    assert [found.content_size for found in analysis.layers] == [0, 1, 2, 3, 4]
    assert analysis.warnings == ("the manifest lists the layers in another order than the config, whose order is used",)


@pytest.mark.parametrize("outer", ["plain", "gzip"])
def test_docker_25_empty_index(tmp_path: Path, outer: Compression) -> None:
    """Docker 25 left untagged images out of index.json; manifest.json still has them."""
    path = tmp_path / "app.tar"
    path.write_bytes(compress(docker25(None, IMAGE, index_bytes([])), outer))
    analysis = Analyzer().analyze(str(path))
    assert (analysis.format, len(analysis.layers), analysis.content_size) == ("docker-archive", 4, sum_of_files())


def sum_of_files() -> int:
    return 4 + 40_000 + 3 + 2 * (10 + 5) + 3 + (2 << 20)


# Order in compressed archives


def test_compressed_archives_are_read_forwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However manifest.json orders the layers, a compressed archive is passed over three times, not once a layer."""
    image = build_image([layer({f"f{number}": os.urandom(2 << 20)}, "plain") for number in range(6)])
    made = docker_archive_entries(image, "nix", ["app:v1"])
    path = tmp_path / "app.tar.gz"
    path.write_bytes(compress(tar_bytes(dict(sorted(made.items(), reverse=True))), "gzip"))
    read = counted(monkeypatch)
    with closing(open_source(str(path))) as source:
        assert Analyzer().analyze_source(source).content_size == 12 << 20
    assert read[0] < 3.2 * path.stat().st_size


def test_unnamed_layers_are_hashed_forwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers that nothing names are hashed as they are found, in the same three passes."""
    image = build_image([layer({f"f{number}": os.urandom(2 << 20)}, "gzip") for number in range(6)])
    files = [f"layer{number}.tar.gz" for number in range(6)]
    path = tmp_path / "app.tar.gz"
    path.write_bytes(compress(Path(write(tmp_path / "app.tar", image, files)).read_bytes(), "gzip"))
    read = counted(monkeypatch)
    assert Analyzer().analyze(path).content_size == 12 << 20
    assert read[0] < 3.2 * path.stat().st_size


def test_an_empty_layer_file(tmp_path: Path) -> None:
    """A layer of no bytes is a layer without files; in place of another one it is found by verify."""
    empty = build_image([raw_layer(b"", "plain")])
    assert Analyzer(verify=True).analyze(write(tmp_path / "app.tar", empty, ["layer.tar"])).content_size == 0
    image = build_image([layer({"a": b"x"}, "plain")])
    path = write(tmp_path / "app.tar", image, ["layer.tar"], more={"layer.tar": b""})
    with pytest.raises(LayerError) as raised:
        Analyzer(verify=True).analyze(path)
    assert isinstance(raised.value.cause, OcisizeError) and not isinstance(raised.value.cause, SizeMismatch)


@pytest.mark.parametrize("outer", ["plain", "gzip"])
@pytest.mark.parametrize("stored", ["plain", "gzip"])
def test_two_files_for_one_layer(tmp_path: Path, stored: Compression, outer: Compression) -> None:
    """Layers of one digest are read once, so a second file for the digest must be the same; a link always is."""
    image = build_image([layer({"f": b"x" * 700}), layer({"f": b"x" * 700})])
    good, bad = (compress(tar_bytes({"f": data}), stored) for data in (b"x" * 700, b"y" * 700))
    name = f"{sha256(good)[7:]}.tar"
    item = {"Config": "c.json", "RepoTags": ["a:1"], "Layers": [f"a/{name}", f"b/{name}"]}
    path = tmp_path / "a.tar"

    def save(first: bytes, second: bytes | Link | Hard) -> str:
        files: dict[str, Entry] = {"manifest.json": json.dumps([item]).encode(), "c.json": image.config}
        path.write_bytes(compress(tar_bytes({**files, f"a/{name}": first, f"b/{name}": second}), outer))
        return str(path)

    for second in (good, Link(f"../a/{name}"), Hard(f"a/{name}")):
        analysis = Analyzer(verify=True).analyze(save(good, second))
        assert [found.diff_id_verified for found in analysis.layers] == [True, True]
        assert (analysis.content_size, analysis.live_size, analysis.warnings) == (1400, 700, ())
    for number, files in enumerate([(bad, good), (good, bad)]):
        for verify in (True, False):
            with pytest.raises(LayerError, match=f"^layer {number} ") as raised:
                Analyzer(verify=verify or stored == "plain").analyze(save(*files))
            assert isinstance(raised.value.cause, DigestMismatch)
