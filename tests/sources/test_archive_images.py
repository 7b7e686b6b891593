"""Archives with an OCI index.json and docker's manifest.json: one list of images, and the document that has all layers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ocisize.analyzer import Analyzer
from ocisize.errors import ArchiveError, DigestMismatch, DocumentError, LayerError, OcisizeError
from ocisize.sources import archive_images
from ocisize.sources.docker_archive import ArchiveConfig, read_archive_config
from ocisize.sources.open import open_source
from ocisize.sources.store import Store
from tests.images import (
    OCI, BuiltImage, BuiltLayer, Compression, Entry, build_image, compress, for_platform, index_bytes, layer, layout_files, sha256, tar_bytes, write_files,
)  # fmt: skip

A, B = layer({"etc/a": b"a" * 1000}, "plain"), layer({"etc/b": b"b" * 500}, "plain")
IMAGE = build_image([A, B])
ZIPPED = IMAGE.recompressed("gzip")
NAME = "docker.io/library/app:latest"


def member(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def with_layers(image: BuiltImage, layers: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], bytes]:
    """The descriptor and the bytes of an OCI manifest that lists other layers."""
    data = json.dumps({**json.loads(image.manifest), "layers": list(layers)}).encode()
    return {"mediaType": f"{OCI}.manifest.v1+json", "digest": sha256(data), "size": len(data)}, data


def named(descriptor: Mapping[str, Any], name: str = NAME) -> dict[str, Any]:
    """An entry as docker and containerd name it."""
    keys = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]}
    return {**descriptor, "annotations": keys}


def item(image: BuiltImage, *tags: str) -> dict[str, Any]:
    """An image in ``manifest.json`` as Docker 25 writes it."""
    layers = [member(built.digest) for built in image.layers]
    return {"Config": member(sha256(image.config)), "RepoTags": [*tags] or None, "Layers": layers}


def save(
    path: Path, entries: Sequence[Mapping[str, Any]] | bytes, items: Sequence[Mapping[str, Any]] | bytes | None,
    blobs: Mapping[str, bytes], outer: Compression = "plain",
) -> str:  # fmt: skip
    """An archive with both documents."""
    files: dict[str, Entry] = {**layout_files(entries if isinstance(entries, bytes) else index_bytes(entries), blobs)}
    if items is not None:
        files["manifest.json"] = items if isinstance(items, bytes) else json.dumps(items).encode()
    path.write_bytes(compress(tar_bytes(files), outer))
    return str(path)


@pytest.mark.parametrize("outer", ["plain", "gzip"])
@pytest.mark.parametrize("kept", [0, 1])
def test_an_oci_manifest_with_too_few_layers(tmp_path: Path, kept: int, outer: Compression) -> None:
    """Docker 25.0 saved OCI manifests without layers; docker load 20.10.24 and skopeo 1.9.3 see both of manifest.json."""
    descriptor, data = with_layers(IMAGE, [built.descriptor for built in IMAGE.layers[:kept]])
    path = save(
        tmp_path / "a.tar", [named(descriptor)], [item(IMAGE, "app:latest")], IMAGE.blobs | {sha256(data): data}, outer
    )
    for verify in (False, True):
        analysis = Analyzer(verify=verify).analyze(path)
        assert [found.diff_id for found in analysis.layers] == [A.diff_id, B.diff_id]
        assert (analysis.content_size, analysis.live_size, analysis.digest, analysis.compressed_size) == (
            1500,
            1500,
            None,
            None,
        )
        assert (analysis.reference, analysis.config_digest) == (NAME, sha256(IMAGE.config))
        warning = f"manifest.json is used: the OCI manifest {descriptor['digest']} lists {kept} of 2 layers"
        assert analysis.warnings == (warning,)


def test_an_oci_manifest_with_too_few_layers_alone(tmp_path: Path) -> None:
    """Without manifest.json the layers that there are, are analyzed, and the warning says that some are missing."""
    descriptor, data = with_layers(IMAGE, [A.descriptor])
    path = save(tmp_path / "a.tar", [named(descriptor)], None, IMAGE.blobs | {sha256(data): data})
    analysis = Analyzer().analyze(path)
    assert (analysis.content_size, analysis.digest) == (1000, descriptor["digest"])
    assert any("the config lists 2 layers, the manifest 1" in warning for warning in analysis.warnings)


def test_documents_that_both_lack_layers(tmp_path: Path) -> None:
    """The document with more layers is read, and warnings say what is missing."""
    descriptor, data = with_layers(IMAGE, [])
    part = {**item(IMAGE, "app:latest"), "Layers": [member(A.digest)]}
    analysis = Analyzer().analyze(save(tmp_path / "a.tar", [named(descriptor)], [part], IMAGE.blobs | {sha256(data): data}))
    assert analysis.content_size == 1000
    assert "lists 0 of 2 layers" in analysis.warnings[0]
    assert any("the config lists 2 layers, the manifest 1" in warning for warning in analysis.warnings)


@pytest.mark.parametrize("manifests", [b'"manifests": null', b'"manifests": []', b'"annotations": {}'])
def test_an_index_without_entries(tmp_path: Path, manifests: bytes) -> None:
    """Docker 25.0 wrote null for no entries; manifest.json has the image."""
    index = b'{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", ' + manifests + b"}"
    analysis = Analyzer().analyze(save(tmp_path / "a.tar", index, [item(IMAGE, "app:latest")], IMAGE.blobs))
    assert (analysis.content_size, analysis.reference, analysis.warnings) == (1500, "app:latest", ())


@pytest.mark.parametrize("folder", [False, True])
def test_whole_documents_that_agree(tmp_path: Path, folder: bool) -> None:
    """The stored manifest is read, so that its digest is shown, and the image is listed once."""
    path = save(tmp_path / "a.tar", [named(IMAGE.descriptor)], [item(IMAGE, "app:latest")], IMAGE.blobs)
    if folder:
        files = layout_files(index_bytes([named(IMAGE.descriptor)]), IMAGE.blobs)
        path = str(
            write_files({**files, "manifest.json": json.dumps([item(IMAGE, "app:latest")]).encode()}, tmp_path / "folder")
        )
    for select in (None, "@0", "app", NAME, IMAGE.digest, sha256(IMAGE.config), sha256(IMAGE.config)[7:19]):
        analysis = Analyzer().analyze(path, select=select)
        assert (analysis.digest, analysis.reference, analysis.warnings) == (IMAGE.digest, NAME, ())
        assert (analysis.compressed_size, analysis.format) == (None, "oci-layout" if folder else "docker-archive")
    with pytest.raises(ArchiveError, match="no image '@1'"):
        open_source(path, select="@1")


def test_missing_layer_files_of_the_oci_manifest(tmp_path: Path) -> None:
    """A layout without its compressed blobs is left for the plain layer files of manifest.json."""
    blobs = {digest: data for digest, data in ZIPPED.blobs.items() if digest != ZIPPED.layers[1].digest} | IMAGE.blobs
    path = save(tmp_path / "a.tar", [named(ZIPPED.descriptor)], [item(IMAGE, "app:latest")], blobs)
    analysis = Analyzer(verify=True).analyze(path)
    assert (analysis.content_size, analysis.digest) == (1500, None)
    warning = f"manifest.json is used: the OCI manifest {ZIPPED.digest} refers to 1 missing layers of 2"
    assert analysis.warnings == (warning,)


def test_a_missing_oci_manifest(tmp_path: Path) -> None:
    """An entry whose manifest was not copied is the image of the same name in manifest.json."""
    blobs = {digest: data for digest, data in IMAGE.blobs.items() if digest != IMAGE.digest}
    path = save(tmp_path / "a.tar", [named(IMAGE.descriptor)], [item(IMAGE, "app:latest")], blobs)
    for select in (None, "@0", "app"):
        analysis = Analyzer().analyze(path, select=select)
        assert (analysis.content_size, analysis.reference) == (1500, NAME)
        assert analysis.warnings == (f"manifest.json is used: the OCI manifest {IMAGE.digest} is missing",)


def test_a_broken_oci_manifest(tmp_path: Path) -> None:
    """A manifest that is not what index.json names is left for manifest.json, and alone it is refused."""
    blobs = IMAGE.blobs | {IMAGE.digest: IMAGE.manifest[:-1] + b" "}
    found = Analyzer().analyze(save(tmp_path / "a.tar", [named(IMAGE.descriptor)], [item(IMAGE, "app:latest")], blobs))
    assert (found.content_size, found.reference, found.digest) == (1500, NAME, None)
    assert found.warnings == (f"manifest.json is used: the OCI manifest {IMAGE.digest} cannot be read",)
    with pytest.raises(DigestMismatch):
        Analyzer().analyze(save(tmp_path / "b.tar", [named(IMAGE.descriptor)], None, blobs))


def test_a_missing_config_of_the_oci_manifest(tmp_path: Path) -> None:
    """The config has a second file under another name, to which manifest.json refers."""
    digest = sha256(IMAGE.config)
    blobs = {key: data for key, data in IMAGE.blobs.items() if key != digest}
    files: dict[str, Entry] = {**layout_files(index_bytes([named(IMAGE.descriptor)]), blobs), "config.json": IMAGE.config}
    files["manifest.json"] = json.dumps([{**item(IMAGE, "app:latest"), "Config": "config.json"}]).encode()
    path = tmp_path / "a.tar"
    path.write_bytes(tar_bytes(files))
    found = Analyzer().analyze(str(path))
    assert (found.content_size, found.config_digest) == (1500, digest)
    assert found.warnings == (f"manifest.json is used: the OCI manifest {IMAGE.digest} refers to a missing config",)


@pytest.mark.parametrize(("layers", "gap"), [([A], "lists 1 of 2 layers"), ([A, None], "refers to 1 missing layers of 2")])
def test_a_manifest_json_that_lacks_layers(tmp_path: Path, layers: list[BuiltLayer | None], gap: str) -> None:
    """The whole OCI manifest is read, and a warning says what docker load would miss."""
    members = [member(built.digest) if built else "missing/layer.tar" for built in layers]
    items = [{**item(IMAGE, "app:latest"), "Layers": members}]
    found = Analyzer().analyze(save(tmp_path / "a.tar", [named(IMAGE.descriptor)], items, IMAGE.blobs))
    assert (found.content_size, found.digest) == (1500, IMAGE.digest)
    assert found.warnings == (f"index.json is used: manifest.json {gap}",)


@pytest.mark.parametrize("with_items", [False, True])
def test_an_archive_without_oci_layout(tmp_path: Path, with_items: bool) -> None:
    """index.json shows that an archive is a layout, with or without the file oci-layout; another index.json is not read."""
    files: dict[str, Entry] = {**layout_files(index_bytes([named(IMAGE.descriptor)]), IMAGE.blobs)}
    del files["oci-layout"]
    if with_items:
        files["manifest.json"] = json.dumps([item(IMAGE, "app:latest")]).encode()
    path = tmp_path / "a.tar"
    path.write_bytes(tar_bytes(files))
    found = Analyzer().analyze(str(path))
    assert (found.digest, found.format, found.warnings) == (
        IMAGE.digest,
        "docker-archive" if with_items else "oci-archive",
        (),
    )
    if with_items:
        path.write_bytes(tar_bytes({**files, "index.json": b'{"pages": []}'}))
        assert Analyzer().analyze(str(path)).content_size == 1500


def test_two_forms_of_the_same_layers(tmp_path: Path) -> None:
    """Compressed layers of the OCI manifest beside plain files that are named by diff_id are no contradiction."""
    path = save(tmp_path / "a.tar", [named(ZIPPED.descriptor)], [item(IMAGE, "app:latest")], IMAGE.blobs | ZIPPED.blobs)
    analysis = Analyzer().analyze(path)
    assert (analysis.digest, analysis.compressed_size) == (ZIPPED.digest, sum(len(built.blob) for built in ZIPPED.layers))


def test_documents_that_contradict_each_other(tmp_path: Path) -> None:
    """Different layers of one config are refused, and the scheme of either document chooses."""
    other = layer({"etc/c": b"c" * 70}, "plain")
    descriptor, data = with_layers(IMAGE, [A.descriptor, other.descriptor])
    blobs = IMAGE.blobs | {sha256(data): data, other.digest: other.blob}
    path = save(tmp_path / "a.tar", [named(descriptor)], [item(IMAGE, "app:latest")], blobs)
    with pytest.raises(DocumentError) as raised:
        Analyzer().analyze(path)
    assert str(raised.value) == (
        "index.json and manifest.json contradict each other: layer 1 is "
        f"{other.digest} in its OCI manifest, and the file {member(B.digest)} in manifest.json"
    )
    hint = "choose the document: oci-archive:FILE reads index.json, docker-archive:FILE reads manifest.json"
    assert raised.value.hint == hint
    assert Analyzer().analyze(f"docker-archive:{path}").content_size == 1500
    with pytest.raises(LayerError, match=f"layer 1 .*: uncompressed layer has digest {other.digest}, expected {B.diff_id}"):
        Analyzer().analyze(f"oci-archive:{path}")


def test_images_that_the_index_leaves_out(tmp_path: Path) -> None:
    """Docker 25 saves several images by ID, and index.json has only those with a name: each is listed once, by its ID."""
    images = [build_image([layer({"f": b"x" * size}, "plain")]) for size in (1, 2, 3)]
    blobs = {digest: data for image in images for digest, data in image.blobs.items()}
    items = [item(images[1]), item(images[0], "app:latest"), item(images[2])]
    path = save(tmp_path / "a.tar", [named(images[0].descriptor)], items, blobs)
    ids = [images[0].digest[7:19], sha256(images[1].config)[7:19], sha256(images[2].config)[7:19]]
    with pytest.raises(ArchiveError) as raised:
        open_source(path)
    assert str(raised.value) == (
        f"the archive contains several images: @0 {NAME} (linux/amd64, {ids[0]}), "
        f"@1 untagged (linux/amd64, {ids[1]}), @2 untagged (linux/amd64, {ids[2]})"
    )
    for size, image in enumerate(images, 1):
        for select in (f"@{size - 1}", ids[size - 1], sha256(image.config), sha256(image.config)[:25]):
            assert Analyzer().analyze(path, select=select).content_size == size
    assert Analyzer().analyze(f"docker-archive:{path}", select="@0").content_size == 2  # in the order of manifest.json


def test_one_name_for_different_images(tmp_path: Path) -> None:
    """A name that both documents give to other images is ambiguous, and numbers choose."""
    other = build_image([layer({"f": b"x"}, "plain")])
    path = save(tmp_path / "a.tar", [named(IMAGE.descriptor)], [item(other, "app:latest")], IMAGE.blobs | other.blobs)
    for select in (None, "app"):
        with pytest.raises(ArchiveError, match=rf"@0 {NAME} \(linux/amd64, {IMAGE.digest[7:19]}\), @1 app:latest \("):
            open_source(path, select=select)
    assert [Analyzer().analyze(path, select=select).content_size for select in ("@0", "@1")] == [1500, 1]


@pytest.mark.parametrize(
    ("text", "problem"), [(b"[", "not valid JSON"), (b"[5]", "is not valid"), (b"[]", "lists no image")]
)
def test_a_broken_manifest_json_beside_a_layout(tmp_path: Path, text: bytes, problem: str) -> None:
    """The layout is read, and a warning says why manifest.json is not."""
    analysis = Analyzer().analyze(save(tmp_path / "a.tar", [named(IMAGE.descriptor)], text, IMAGE.blobs))
    assert analysis.digest == IMAGE.digest
    (warning,) = analysis.warnings
    assert re.match(f"manifest.json is not used: manifest.json .*{problem}", warning)


@pytest.mark.parametrize("outer", ["plain", "gzip"])
@pytest.mark.parametrize("name", ["manifest.json", "index.json", member(sha256(IMAGE.config))])
def test_two_files_of_one_name(tmp_path: Path, name: str, outer: Compression) -> None:
    """docker load reads the last of two different files, skopeo 1.9.3 the first, so they are refused; equal ones are one."""
    files = layout_files(index_bytes([named(IMAGE.descriptor)]), IMAGE.blobs)
    files["manifest.json"] = json.dumps([item(IMAGE, "app:latest")]).encode()
    path = tmp_path / "a.tar"
    path.write_bytes(compress(tar_bytes([(name, files[name]), *files.items()]), outer))
    assert Analyzer().analyze(str(path)).content_size == 1500
    path.write_bytes(compress(tar_bytes([(name, files[name] + b" "), *files.items()]), outer))
    with pytest.raises(DocumentError, match=f"the archive has two different files {name}"):
        Analyzer().analyze(f"docker-archive:{path}" if name.startswith("blobs") else str(path))


@pytest.mark.parametrize("outer", ["plain", "gzip"])
@pytest.mark.parametrize("broken", [None, b"{}"])
def test_a_config_that_both_documents_lack(tmp_path: Path, broken: bytes | None, outer: Compression) -> None:
    """It is the config of one image, and reading the image says what is wrong; another image beside it can be read."""
    blobs = {digest: data for digest, data in IMAGE.blobs.items() if digest != sha256(IMAGE.config)}
    blobs |= {sha256(IMAGE.config): broken} if broken is not None else {}
    path = save(tmp_path / "a.tar", [named(IMAGE.descriptor)], [item(IMAGE, "app:latest", "app:1")], blobs, outer)
    for select in (None, "app", "app:1"):
        with pytest.raises(OcisizeError, match=sha256(IMAGE.config)[7:]):
            Analyzer().analyze(path, select=select)
    other = build_image([layer({"f": b"x"}, "plain")])
    both = [item(IMAGE, "app:latest"), item(other, "db:1")]
    path = save(tmp_path / "b.tar", [named(IMAGE.descriptor)], both, blobs | other.blobs, outer)
    with pytest.raises(ArchiveError, match=rf"several images: @0 {NAME} \(\w{{12}}\), @1 db:1 \(.*\)$"):
        open_source(path)
    assert Analyzer().analyze(path, select="db:1").content_size == 1


def test_an_index_json_that_is_broken(tmp_path: Path) -> None:
    """The hint says how to read the other document."""
    path = save(tmp_path / "a.tar", b"[", [item(IMAGE, "app:latest")], IMAGE.blobs)
    with pytest.raises(DocumentError, match=r"index\.json is not valid JSON") as raised:
        open_source(path)
    assert raised.value.hint == "to read manifest.json instead, write docker-archive:FILE"
    assert Analyzer().analyze(f"docker-archive:{path}").content_size == 1500


def test_the_platform_that_a_digest_names(tmp_path: Path) -> None:
    """The OCI manifest of one platform has no layers, so the index is not whole: digests still choose single platforms."""
    arm = build_image([layer({"f": b"x" * 7}, "plain")], architecture="arm64")
    broken, data = with_layers(arm, [])
    index = index_bytes([for_platform(broken, "linux", "arm64"), for_platform(IMAGE.descriptor, "linux", "amd64")])
    listed = {"mediaType": f"{OCI}.index.v1+json", "digest": sha256(index), "size": len(index)}
    blobs = IMAGE.blobs | arm.blobs | {sha256(data): data, sha256(index): index}
    path = save(tmp_path / "a.tar", [named(listed)], [item(arm, "app:latest"), item(IMAGE, "app:latest")], blobs)
    for select, size in ((sha256(arm.config), 7), (sha256(IMAGE.config)[7:19], 1500), (IMAGE.digest, 1500)):
        assert Analyzer().analyze(path, select=select).content_size == size
    index_analysis = Analyzer().analyze_all(path, select="app")
    assert {name: each.content_size for name, each in index_analysis.analyses.items()} == {
        "linux/arm64": 7,
        "linux/amd64": 1500,
    }
    with pytest.raises(ArchiveError, match=r"it contains: @0 docker.io/library/app:latest \(linux/arm64, linux/amd64\)$"):
        open_source(path, select="other")


def test_a_digest_of_one_image_with_two_entries(tmp_path: Path) -> None:
    """Two broken OCI manifests stand for one image of manifest.json, which its ID chooses."""
    (first, data), (second, more) = with_layers(IMAGE, []), with_layers(IMAGE, [A.descriptor])
    blobs = IMAGE.blobs | {sha256(data): data, sha256(more): more}
    path = save(tmp_path / "a.tar", [named(first, "a:1"), named(second, "b:1")], [item(IMAGE, "a:1", "b:1")], blobs)
    assert Analyzer().analyze(path, select=sha256(IMAGE.config)).content_size == 1500


def test_a_config_of_many_manifests_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A config may have 16 MiB, and ten thousand manifests may name it: manifest.json reads it twice at most."""
    read: list[str] = []

    def count(store: Store, name: str) -> ArchiveConfig:
        read.append(name)
        return read_archive_config(store, name)

    monkeypatch.setattr(archive_images, "read_archive_config", count)
    manifests = [json.dumps({**json.loads(IMAGE.manifest), "annotations": {"n": str(n)}}).encode() for n in range(20)]
    entries = [
        named({"mediaType": f"{OCI}.manifest.v1+json", "digest": sha256(data), "size": len(data)}, f"v:{number}")
        for number, data in enumerate(manifests)
    ]
    blobs = IMAGE.blobs | {sha256(data): data for data in manifests}
    path = save(tmp_path / "a.tar", entries, [item(IMAGE, "app:1")], blobs)
    assert Analyzer().analyze(path, select="v:7").digest == sha256(manifests[7])
    assert read == 2 * [member(sha256(IMAGE.config))]
