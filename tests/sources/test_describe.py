"""Tars and folders that hold no image at their top: what the error calls each, and the one line of advice."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest

from ocisize import Analyzer
from ocisize.errors import ArchiveError, DocumentError, NotAnImage
from ocisize.sources.open import open_source
from tests.images import (
    DIR, OCI, Compression, Entry, Link, build_image, compress, docker_archive_entries, index_bytes, layer, layout_files, named, sha256, tar_bytes,
    write_dir, write_docker_archive, write_files, write_layout,
)  # fmt: skip

IMAGE = build_image([layer({"etc/passwd": b"root"}), layer({"app": b"run"})])
SAVED = docker_archive_entries(IMAGE, "skopeo", ["app:1"])
DOCKER_25 = docker_archive_entries(IMAGE, "docker25", ["app:1"])
LAYOUT: dict[str, Entry] = {**layout_files(index_bytes([named(IMAGE.descriptor, "app")]), IMAGE.blobs)}
AS_LAYER = "to analyze it as an image of one layer, write rootfs:{path}"
SAVE = "save an image with: docker save -o FILE IMAGE"
EXPORT = "a root filesystem without layers, as docker export writes it"
UNKNOWN = "it has neither manifest.json nor index.json"
INTERRUPTED, SAVE_AGAIN = "layers without a manifest.json or index.json", "the save was interrupted: save the image again"
OF_SCRATCH: dict[str, Entry] = {
    ".dockerenv": b"", "app": b"x" * 100, "dev/": DIR, "dev/console": b"", "dev/pts/": DIR, "etc/": DIR, "etc/hostname": b"",
    "etc/hosts": b"", "etc/mtab": Link("/proc/mounts"), "etc/resolv.conf": b"", "proc/": DIR, "sys/": DIR,
}  # fmt: skip


def below(folder: str, entries: Mapping[str, Entry]) -> dict[str, Entry]:
    return {f"{folder}/{name}": entry for name, entry in entries.items()}


def refused(path: Path) -> tuple[str, str]:
    """What the error says behind the path, and its hint with the path left out."""
    with pytest.raises(ArchiveError) as raised:
        open_source(str(path))
    text, hint = str(raised.value), raised.value.hint
    assert text.startswith(f"{path} is not a saved image: ") and hint is not None
    return text.removeprefix(f"{path} is not a saved image: "), hint.replace(shlex.quote(str(path)), "{path}")


@pytest.mark.parametrize("outer", ["plain", "gzip"])
@pytest.mark.parametrize(
    ("entries", "what", "hint"),
    [
        (OF_SCRATCH, EXPORT, AS_LAYER),
        (below(".", OF_SCRATCH), EXPORT, AS_LAYER),
        ({"etc/passwd": b"x", "usr/bin/x": b"x", "var/lib/y": b"y"}, EXPORT, AS_LAYER),
        ({"bin/sh": b"x"}, EXPORT, AS_LAYER),
        ({"etc/a": b"", "opt/a/manifest.json": b"[]", "srv/b": b""}, EXPORT, AS_LAYER),
        ({"run/.containerenv": b"", "app": b""}, "a root filesystem without layers, as podman export writes it", AS_LAYER),
        ({"app": b"x" * 100}, UNKNOWN, "a root filesystem or a single layer is read as rootfs:{path}"),
        ({"app/.wh.old": b"", "app/new": b"x"}, "a single layer of an image", AS_LAYER),
        ({"app/a": b"", "stargz.index.json": b"{}"}, "a single eStargz layer of an image", AS_LAYER),
        ({".no.prefetch.landmark": b"\x0f", "app": b""}, "a single eStargz layer of an image", AS_LAYER),
        ({"chart/Chart.yaml": b"name: chart", "chart/templates/a.yaml": b""}, "a Helm chart", SAVE),
        ({".PKGINFO": b"", "usr/bin/x": b""}, "a package of Alpine or Arch Linux", SAVE),
        ({"package/package.json": b"{}", "package/index.js": b""}, "an npm package", SAVE),
        ({"vm.ovf": b"<x/>", "disk.vmdk": b""}, "a virtual appliance (OVA)", SAVE),
        ({"Dockerfile": b"FROM x", "src/a.c": b""}, "a build context: it has a Dockerfile",
         "build and save it first: docker build -t app - < {path} && docker save -o app.tar app"),
        ({"Containerfile": b"FROM x"}, "a build context: it has a Containerfile",
         "build and save it first: docker build -t app -f Containerfile - < {path} && docker save -o app.tar app"),
        ({name: entry for name, entry in SAVED.items() if name.endswith(".tar")}, INTERRUPTED, SAVE_AGAIN),
        ({name: entry for name, entry in SAVED.items() if name != "manifest.json"}, INTERRUPTED, SAVE_AGAIN),
        (below("blobs/sha256", {"a" * 64: b"x", "b" * 64: b"y"}), INTERRUPTED, SAVE_AGAIN),
        ({"oci-layout": b"{}", "blobs/sha256/a": b""}, "an OCI layout without its index.json",
         "it may be incomplete: save or download it again"),
        ({"repositories": b"{}", "abc/layer.tar": b"", "abc/json": b"{}"},
         "an archive of Docker before 1.10, which current versions of Docker cannot load either", SAVE),
        (below("image", SAVED), "its image is below a folder, image/", "unpack it first: tar -xf {path} && ocisize image"),
        (below("image", DOCKER_25), "its image is below a folder, image/", "unpack it first: tar -xf {path} && ocisize image"),
        (below("out/my image", LAYOUT), "its image is below a folder, out/my image/",
         "unpack it first: tar -xf {path} && ocisize 'out/my image'"),
        (below("builds/2026/out/app", SAVED), "its image is below a folder, builds/2026/out/app/",
         "unpack it first: tar -xf {path} && ocisize builds/2026/out/app"),
        (below("a", SAVED) | below("b", LAYOUT), "its image is below a folder, a/, b/", "unpack it first: tar -xf {path} && ocisize a"),
        ({"public/manifest.json": b"{}", "public/index.html": b""}, UNKNOWN, "a root filesystem or a single layer is read as rootfs:{path}"),
        ({"app.tar": tar_bytes(SAVED)}, "an archive that contains app.tar", "unpack it first: tar -xf {path} && ocisize app.tar"),
        ({"x/a.tar.gz": b"", "x/b.tar.zst": b"", "README": b""}, "an archive that contains x/a.tar.gz, x/b.tar.zst",
         "unpack it first: tar -xf {path} && ocisize x/a.tar.gz"),
        ({f"{number}.tar": b"" for number in range(9)}, "an archive that contains 0.tar, 1.tar, 2.tar …",
         "unpack it first: tar -xf {path} && ocisize 0.tar"),
        ({"\x1b[31m.tar": b""}, "an archive that contains \\x1b[31m.tar", "unpack it first: tar -xf {path} && ocisize '\\x1b[31m.tar'"),
        ({}, "it is empty", "docker save wrote nothing, or a download failed: save or download it again"),
    ],
)  # fmt: skip
def test_what_a_tar_is(tmp_path: Path, entries: dict[str, Entry], what: str, hint: str, outer: Compression) -> None:
    """The names in a tar say what it is."""
    path = tmp_path / "some image.tar"
    path.write_bytes(compress(tar_bytes(entries), outer))
    assert refused(path) == (what, hint)


@pytest.mark.parametrize(
    ("files", "what", "hint"),
    [
        (["etc/passwd", "usr/bin/x", "var/x"], "a root filesystem without layers",
         "to analyze it as an image of one layer: tar -C {path} -cf rootfs.tar . && ocisize rootfs:rootfs.tar"),
        (["config.json", "rootfs/bin/sh"], "a bundle of an OCI runtime, without layers",
         "to analyze it as an image of one layer: tar -C {path}/rootfs -cf rootfs.tar . && ocisize rootfs:rootfs.tar"),
        (["Dockerfile", "src/a"], "a build context: it has a Dockerfile",
         "build and save it first: docker build -t app {path} && docker save -o app.tar app"),
        (["Containerfile", "src/a"], "a build context: it has a Containerfile",
         "build and save it first: docker build -t app -f {path}/Containerfile {path} && docker save -o app.tar app"),
        (["Chart.yaml", "values.yaml"], "a Helm chart", SAVE),
        (["overlay/l/x", "overlay-images/images.json"], "the storage of podman",
         "name the image behind the folder: containers-storage:[{path}]NAME"),
        (["overlay2/x", "image/overlay2/x"], "the storage of the Docker engine",
         "name the image behind the folder: docker-store:[{path}]NAME"),
        (["io.containerd.content.v1.content/x"], "the storage of containerd",
         "name the image behind the folder: containerd:[{path}]NAME"),
        (["blobs/sha256/x"], "an OCI layout without its index.json", "it may be incomplete: copy it again"),
        (["app.tar", "README"], "a folder that contains app.tar", "name it: {path}/app.tar"),
        (["b.tar.gz", "a b.tar.xz"], "a folder that contains a b.tar.xz, b.tar.gz", "name one of them: {path}/'a b.tar.xz'"),
        (["layout/oci-layout", "layout/index.json"], "a folder that contains layout/", "name it: {path}/layout/"),
        (["a/b.txt"], UNKNOWN, "an OCI layout folder contains oci-layout, index.json and blobs"),
        ([], "it is empty", "an OCI layout folder contains oci-layout, index.json and blobs"),
    ],
)  # fmt: skip
def test_what_a_folder_is(tmp_path: Path, files: list[str], what: str, hint: str) -> None:
    """The names in a folder say what it is; saved images one level below are named."""
    folder = tmp_path / "some folder"
    folder.mkdir()
    write_files(dict.fromkeys(files, b""), folder)
    assert refused(folder) == (what, hint)


@pytest.mark.parametrize(
    ("media_types", "message"),
    [
        (["application/vnd.docker.distribution.manifest.v1+prettyjws"], "the layout contains no image but: schema 1 manifest"),
        (["application/vnd.docker.distribution.manifest.v1+json"], "the layout contains no image but: schema 1 manifest"),
        ([f"{OCI}.layer.v1.tar+gzip", "application/vnd.buildkit.cacheconfig.v0"], "the layout contains no image but: BuildKit cache"),
        (["application/x-a", "application/x-b"], "the layout contains no image but entries of other types: application/x-a, application/x-b"),
    ],
)  # fmt: skip
def test_entries_of_a_layout_that_are_no_images(tmp_path: Path, media_types: list[str], message: str) -> None:
    """What index.json lists is named by the media types of its entries."""
    entries = [IMAGE.descriptor | {"mediaType": media_type} for media_type in media_types]
    folder = write_files(layout_files(index_bytes(entries), IMAGE.blobs), tmp_path / "layout")
    with pytest.raises(DocumentError, match=re.escape(message)):
        Analyzer().analyze(folder)


@pytest.mark.parametrize("form", ["folder", "tar"])
@pytest.mark.parametrize("nested", ["index", "manifest"])
def test_a_buildkit_cache(tmp_path: Path, form: str, nested: str) -> None:
    """``--cache-to type=local`` writes an index of layers, or with ``image-manifest=true`` a manifest, without oci-layout."""
    config = b'{"layers": [], "records": []}'
    cache = {"mediaType": "application/vnd.buildkit.cacheconfig.v0", "digest": sha256(config), "size": len(config)}
    layers = [built.descriptor for built in IMAGE.layers]
    document = index_bytes([*layers, cache])
    if nested == "manifest":
        manifest = {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": cache, "layers": layers}
        document = json.dumps(manifest).encode()
    entry = {"mediaType": f"{OCI}.{nested}.v1+json", "digest": sha256(document), "size": len(document)}
    files = layout_files(
        index_bytes([named(entry, "latest")]), IMAGE.blobs | {sha256(document): document, sha256(config): config}
    )
    path = tmp_path / "cache"
    if form == "tar":
        path.write_bytes(tar_bytes(files))
    else:
        del files["oci-layout"]
        write_files(files, path)
    with pytest.raises(NotAnImage, match="(not a container image but|it holds): BuildKit cache") as raised:
        Analyzer().analyze(path)
    assert raised.value.kind == "BuildKit cache"


@pytest.mark.parametrize("part", ["index.json", "oci-layout", "blobs", "blobs/sha256"])
def test_a_part_of_a_layout(tmp_path: Path, part: str) -> None:
    """The hint names the folder that has the image; the same names elsewhere are no part of one."""
    folder = write_layout(IMAGE, tmp_path / "my layout")
    with pytest.raises(
        ArchiveError, match=re.escape(f"{folder / part} is a part of the saved image in its folder")
    ) as raised:
        open_source(str(folder / part))
    assert raised.value.hint == f"name the folder: '{folder}'"
    (tmp_path / "other" / part).mkdir(parents=True)
    refused(tmp_path / "other" / part)


@pytest.mark.parametrize("part", ["manifest.json", "version"])
def test_a_part_of_a_folder_of_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """Also from within the folder."""
    monkeypatch.chdir(write_dir(IMAGE, tmp_path / "image"))
    with pytest.raises(ArchiveError, match=f"^{part} is a part of the saved image in its folder") as raised:
        open_source(part)
    assert str(raised.value.hint).startswith("name the folder: .")


def test_the_advice_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the hints name can be read."""
    (tmp_path / "root.tar").write_bytes(tar_bytes(OF_SCRATCH))
    assert Analyzer().analyze(f"rootfs:{tmp_path}/root.tar").content_size == 100
    write_layout(IMAGE, tmp_path / "folder" / "layout")
    write_docker_archive(IMAGE, tmp_path / "folder" / "app.tar")
    with pytest.raises(ArchiveError) as raised:
        open_source(str(tmp_path / "folder"))
    assert Analyzer().analyze(str(raised.value.hint).removeprefix("name one of them: ")).content_size == 7
    monkeypatch.chdir(
        write_files({name: data for name, data in SAVED.items() if isinstance(data, bytes)}, tmp_path / "image")
    )
    assert Analyzer().analyze(".").content_size == 7
