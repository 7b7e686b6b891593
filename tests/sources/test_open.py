"""open_source: what an input names, and the errors of files that are not images."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from ocisize.analyzer import Analyzer
from ocisize.errors import ArchiveError, DocumentError, InvalidReference, OcisizeError
from ocisize.oci.source import ImageSource, complete_source
from ocisize.sources import open as opening
from ocisize.sources import schemes
from ocisize.sources.open import open_source
from tests.images import (
    DIR, Compression, build_image, compress, layer, tar_bytes, write_docker_archive, write_files, write_layout, write_oci_archive,
)  # fmt: skip
from tests.sources.test_store import counted
from tests.oci.test_image import MemorySource

IMAGE = build_image([layer({"etc/passwd": b"root"}), layer({"app": b"run"})])


def form_of(text: str, select: str | None = None) -> str:
    with closing(open_source(text, select=select)) as source:
        return source.format


def refused(text: str, match: str, select: str | None = None) -> ArchiveError:
    with pytest.raises(ArchiveError, match=match) as raised:
        open_source(text, select=select)
    return raised.value


def test_content_decides_how_a_path_is_read(tmp_path: Path) -> None:
    """Folders and archives need no scheme and no suffix."""
    assert form_of(str(write_layout(IMAGE, tmp_path / "layout"))) == "oci-layout"
    write_oci_archive(IMAGE, tmp_path / "a")
    write_docker_archive(IMAGE, tmp_path / "b")
    write_docker_archive(IMAGE, tmp_path / "c", style="docker25")
    assert [form_of(str(tmp_path / name)) for name in "abc"] == ["oci-archive", "docker-archive", "docker-archive"]


@pytest.mark.parametrize("slashes", ["", "//"])
def test_a_scheme_decides(tmp_path: Path, slashes: str) -> None:
    """An explicit scheme says how to read a file that could be read two ways."""
    path = tmp_path / "both.tar"
    write_docker_archive(IMAGE, path, style="containerd", tags=["v1"])
    for scheme, digest in (("oci-archive", IMAGE.digest), ("docker-archive", None)):
        assert Analyzer().analyze(f"{scheme}:{slashes}{path}").digest == digest
    layout = write_layout(IMAGE, tmp_path / "layout", name="v1")
    for scheme in ("oci-dir", "oci"):
        assert form_of(f"{scheme}:{slashes}{layout}") == "oci-layout"


def test_a_new_kind_of_source_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of SCHEMES opens a source of any class by its own prefix, and gets what follows and the options."""
    opened: list[tuple[str, str | None]] = []

    def open_memory(text: str, options: schemes.OpenOptions) -> ImageSource:
        opened.append((text, options.select))
        return complete_source(MemorySource(IMAGE.manifest, IMAGE.blobs))

    monkeypatch.setattr(schemes, "SCHEMES", (*schemes.SCHEMES, schemes.Scheme("memory", "memory:NAME", open_memory)))
    assert Analyzer().analyze("memory://app", select="v1").digest == IMAGE.digest
    assert opened == [("app", "v1")]


@pytest.mark.parametrize(
    ("text", "name", "rest"),
    [
        ("docker://app:1", "docker", "app:1"), ("registry:team/app", "registry", "team/app"), ("registry://app", "registry", "app"),
        ("oci:folder:v1", "oci", "folder:v1"), ("docker-archive://a.tar", "docker-archive", "a.tar"),
        ("docker:24", None, ""), ("registry:2", None, ""), ("registry:2@sha256:a/b", None, ""), ("oci", None, ""), ("oci:", None, ""),
    ],
)  # fmt: skip
def test_schemes_that_are_names_of_images_too(text: str, name: str | None, rest: str) -> None:
    """Images named docker and registry exist, so these two are schemes only before slashes or a path."""
    scheme = schemes.find_scheme(text)
    assert (scheme and (scheme[0].name, scheme[1])) == (name and (name, rest))


def test_a_scheme_takes_a_name_behind_the_path(tmp_path: Path) -> None:
    """path:name chooses an image, as skopeo writes it; a file with a colon in its name is still found."""
    layout = write_layout(IMAGE, tmp_path / "layout", name="v1")
    assert form_of(f"oci:{layout}:v1") == "oci-layout"
    refused(f"oci:{layout}:v2", "no image 'v2'")
    write_docker_archive(IMAGE, tmp_path / "a:b.tar", tags=["app:v1"])
    assert form_of(f"docker-archive:{tmp_path}/a:b.tar") == "docker-archive"
    assert form_of(f"{tmp_path}/a:b.tar") == "docker-archive"


@pytest.mark.parametrize("text", ["./nothing", "/nothing/here", "../x", "app.tar", "some/app.tar.gz", "x.tgz", "folder/", "docker-archive:none", "oci-dir:none:v1"])  # fmt: skip
def test_missing_paths(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like a path is a missing file, not a reference."""
    monkeypatch.chdir(tmp_path)
    refused(text, "no such file|No such file")


@pytest.mark.parametrize("registry", ["127.0.0.1:5601", "localhost:5000", "10.0.0.5:5000"])
@pytest.mark.parametrize("scheme", ["", "docker://"])
def test_a_registry_without_a_repository(registry: str, scheme: str) -> None:
    """Docker Hub is not asked for an image that has the name of a registry and a port for its tag."""
    with pytest.raises(InvalidReference, match=f"{registry} is a registry without a repository") as caught:
        open_source(f"{scheme}{registry}")
    assert caught.value.hint == f"add the repository: {registry}/NAME"
    error = refused(f"{registry}/", "no such file or folder")
    assert error.hint == f"for an image in a registry, add the repository: {registry}/NAME"


@pytest.mark.parametrize(("before", "behind"), [("", "\n"), (" ", ""), ("\t", "\r\n"), ("\u00a0", " \n\n")])
def test_blanks_around_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, behind: str) -> None:
    """Names from pipes, variables and tables are read without blanks and line ends; --base and --select too."""
    path = write_docker_archive(IMAGE, tmp_path / "app.tar", tags=["app:v1"])
    for name in (str(path), f"docker-archive:{path}", f"docker-archive:{path}:app:v1"):
        analysis = Analyzer(base=f"{before}{path}{behind}").analyze(f"{before}{name}{behind}", select=None)
        assert (analysis.source, analysis.reference, analysis.base is not None) == (name, "app:v1", True)
    assert Analyzer().analyze_all(f"{before}{path}{behind}").source == str(path)
    assert form_of(str(path), f"{before}app:v1{behind}") == "docker-archive"
    write_docker_archive(IMAGE, tmp_path / "odd.tar ", tags=["odd:v1"])
    assert Analyzer().analyze(tmp_path / "odd.tar ").reference == "odd:v1"
    monkeypatch.chdir(tmp_path)
    assert form_of("odd.tar ") == "docker-archive"


def test_blanks_around_references(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry is asked for the name alone."""

    def ask(text: str, _: schemes.OpenOptions) -> ImageSource:
        asked.append(text)
        return complete_source(MemorySource(IMAGE.manifest, IMAGE.blobs))

    asked: list[str] = []
    monkeypatch.setattr(opening, "open_registry", ask)
    open_source(" debian:12\r\n")
    assert asked == ["debian:12"]


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_name(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unset variable names no image, and not the current folder either."""
    write_layout(IMAGE, tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidReference, match="name of the image is empty") as caught:
        open_source(text)
    assert caught.value.hint == "check whether a shell variable is unset"


@pytest.mark.parametrize("text", ["a" * 5000, "x/" + "y" * 300 + "/..", "a\0b", "No Such Image", "docker-archive:a\0b"])
def test_texts_that_no_file_can_have_as_name(text: str) -> None:
    """Names that the system refuses are errors like names that do not exist."""
    with pytest.raises((InvalidReference, ArchiveError)):
        open_source(text)


def test_an_ordinary_tar(tmp_path: Path) -> None:
    """A root filesystem, as docker export writes it, is recognized."""
    path = tmp_path / "rootfs.tar"
    path.write_bytes(tar_bytes({"etc": DIR, "etc/passwd": b"x", "usr/bin/x": b"x", "var/lib/y": b"y"}))
    error = refused(str(path), "a root filesystem without layers, as docker export writes it")
    assert error.hint == f"to analyze it as an image of one layer, write rootfs:{path}"
    path.write_bytes(compress(tar_bytes({"hello": b"x"}), "zstd"))
    refused(str(path), "neither manifest.json nor index.json")


@pytest.mark.parametrize("data", [b"\x01\x02\x03" * 1000, b"\xff" + bytes(100), b"\xcf\xfa\xed\xfe" + bytes(600)])
def test_random_files(tmp_path: Path, data: bytes) -> None:
    """A file that is not a tar, and of no kind that test_file_kinds.py knows, is an ArchiveError with the path and what is expected."""
    path = tmp_path / "file"
    path.write_bytes(data)
    error = refused(str(path), f"{path} is not a tar, an OCI layout or an image archive")
    assert error.hint == "expected a docker save archive, an OCI archive or an OCI layout folder"


def test_cut_and_broken_archives(tmp_path: Path) -> None:
    """An archive cut anywhere in its members is an ArchiveError, plain or compressed."""
    path = tmp_path / "file"
    for outer in ("plain", "gzip", "zstd"):
        write_docker_archive(IMAGE, path, outer=outer)
        data = path.read_bytes()
        for cut in (20, len(data) // 4, len(data) // 3):
            path.write_bytes(data[:cut])
            error = refused(str(path), str(path))
            assert error.hint is not None
        assert error.hint == "the file is incomplete: save or download it again"


def test_hints_fit_what_was_given(tmp_path: Path) -> None:
    """The hint for a wrong scheme names the right one; that for a folder does not ask to save an image."""
    folder = write_layout(IMAGE, tmp_path / "layout")
    archive = write_oci_archive(IMAGE, tmp_path / "oci.tar")
    for what, scheme in ((folder, "oci-dir:"), (archive, "oci-archive:")):
        error = refused(f"docker-archive:{what}", "it is an OCI layout, not a docker-archive")
        assert error.hint == f"use {scheme} as the scheme, or omit docker-archive:"
    (tmp_path / "empty").mkdir()
    assert (
        refused(str(tmp_path / "empty"), "is empty").hint == "an OCI layout folder contains oci-layout, index.json and blobs"
    )


@pytest.mark.parametrize("name", ["app.tar.xz", "app.tar", "app.gz", "app"])
@pytest.mark.parametrize("outer", ["plain", "gzip", "zstd", "xz", "bzip2"])
def test_archives_in_every_compression_at_any_name(tmp_path: Path, outer: Compression, name: str) -> None:
    """Content decides: ``docker load`` and skopeo 1.9.3 read all of these."""
    path = write_docker_archive(IMAGE, tmp_path / name, outer=outer)
    analysis = Analyzer().analyze(path)
    assert (analysis.format, analysis.content_size, analysis.compressed_size) == ("docker-archive", 7, None)


@pytest.mark.parametrize("outer", ["plain", "gzip", "xz"])
@pytest.mark.parametrize("compression", ["xz", "bzip2"])
def test_layers_in_xz_and_bzip2(tmp_path: Path, compression: Compression, outer: Compression) -> None:
    """Docker's and containers/image's loaders detect the compression of layers; their sizes are those of the file."""
    image = IMAGE.recompressed(compression)
    for path in (
        write_docker_archive(image, tmp_path / "a", style="crane", outer=outer), write_oci_archive(image, tmp_path / "b", outer=outer),
    ):  # fmt: skip
        analysis = Analyzer(verify=True).analyze(path)
        assert [layer.compression for layer in analysis.layers] == [compression] * 2
        assert (analysis.content_size, analysis.compressed_size) == (7, sum(len(layer.blob) for layer in image.layers))
        assert all(layer.digest_verified and layer.diff_id_verified for layer in analysis.layers)


@pytest.mark.parametrize("data", [b"", bytes(1024), bytes(10240)])
def test_empty_files(tmp_path: Path, data: bytes) -> None:
    """An empty file or tar is said to be empty."""
    path = tmp_path / "file"
    path.write_bytes(data)
    refused(str(path), "it is empty")


def test_a_fifo_does_not_hang(tmp_path: Path) -> None:
    """A FIFO without a writer is opened when it is read; as a part of a folder it is refused at once, and so is a device."""
    os.mkfifo(tmp_path / "fifo")
    source = open_source(str(tmp_path / "fifo"))
    source.close()
    (tmp_path / "layout").mkdir()
    os.mkfifo(tmp_path / "layout/index.json")
    refused(str(tmp_path / "layout"), "is not a file")
    refused("/dev/null", "not a file")


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("app.tar:app:1", "app.tar --select app:1"),
        ("app.tar:app", "app.tar --select app"),  # also a reference, but hardly meant as one
        ("./layout:v1", "./layout --select v1"),
        ("my layout:v1", "'my layout' --select v1"),
        ("layout:a:1", "layout --select a:1"),
        ("app:1.tar:x y", "app:1.tar --select 'x y'"),
    ],
)
def test_a_name_behind_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, arguments: str) -> None:
    """Without a scheme, --select names the image in a file."""
    monkeypatch.chdir(tmp_path)
    for name in ("app.tar", "app:1.tar"):
        write_docker_archive(IMAGE, tmp_path / name)
    for name in ("layout", "my layout"):
        write_layout(IMAGE, tmp_path / name)
    with pytest.raises(ArchiveError, match=f"no such file or folder: {text}") as raised:
        open_source(text)
    assert str(raised.value.hint).endswith(f" with --select: ocisize {arguments}")


def test_a_folder_named_like_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint says how to name the image in a registry instead; a tag makes the name a reference."""
    monkeypatch.chdir(tmp_path)
    write_files({"nginx/nginx.conf": b"x", "redis": b"", "build/app/x": b"", "Web/x": b"", "app.img": b"x" * 9}, tmp_path)
    for name in ("nginx", "redis"):
        hint = refused(name, "is not a saved image|is empty").hint
        assert str(hint).endswith(f"; for the image in a registry: docker://{name}")
    for name in ("Web", "app.img", "./nginx", "nginx/", "build/app"):
        assert "docker://" not in str(refused(name, "nginx|Web|app").hint)
    reached: list[str] = []

    def reach(text: str, _: object) -> None:
        reached.append(text)
        raise ArchiveError("no network")

    monkeypatch.setattr("ocisize.sources.open.open_registry", reach)
    with pytest.raises(ArchiveError, match="no network"):
        open_source("nginx:latest")
    assert reached == ["nginx:latest"]


def test_folders_that_are_no_layout(tmp_path: Path) -> None:
    """The error of a folder without index.json or manifest.json says what the folder is."""
    refused(str(tmp_path), "it is empty")
    (tmp_path / "notes").touch()
    refused(str(tmp_path), "neither manifest.json nor index.json")
    (tmp_path / "Dockerfile").touch()
    refused(str(tmp_path), "a build context")
    refused(f"oci-dir:{tmp_path}", "is not an OCI layout: it has no index.json")
    for name in ("etc", "usr", "var"):
        (tmp_path / name).mkdir()
    refused(str(tmp_path), "a root filesystem")


def test_archives_that_cannot_be_loaded(tmp_path: Path) -> None:
    """Archives of Docker before 1.10 and layouts without oci-layout are named."""
    path = tmp_path / "file"
    path.write_bytes(tar_bytes({"repositories": b"{}", "abc/layer.tar": b"", "abc/json": b"{}"}))
    refused(str(path), "Docker before 1.10")
    path.write_bytes(tar_bytes({"index.json": b"{}"}))
    with pytest.raises(DocumentError, match="index.json is neither"):
        open_source(str(path))


def test_a_manifest_json_that_is_none(tmp_path: Path) -> None:
    """A manifest.json that is an object is not docker's; that of a folder of dir: is named."""
    write_files({"manifest.json": b'{"name": "a web page"}'}, tmp_path / "page")
    with pytest.raises(DocumentError, match="manifest.json is an object"):
        open_source(str(tmp_path / "page"))
    write_files({"manifest.json": IMAGE.manifest, "version": b"Directory Transport Version: 1.1\n"}, tmp_path / "dir")
    with pytest.raises(DocumentError, match="manifest.json is an object, as in a folder of dir:") as raised:
        open_source(f"docker-archive:{tmp_path / 'dir'}")
    assert raised.value.hint == "use dir: as the scheme, or omit docker-archive:"


@pytest.mark.parametrize("text", ["app.tar", "layout"])
def test_failed_openings_leave_nothing_open(tmp_path: Path, text: str) -> None:
    """When an image cannot be opened its files are closed again."""
    write_files({"index.json": b"{}", "oci-layout": b"{}"}, tmp_path / "layout")
    (tmp_path / "app.tar").write_bytes(tar_bytes({"manifest.json": b"[5]"}))
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        with pytest.raises(OcisizeError):
            open_source(str(tmp_path / text))
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci-layout"])
def test_a_plain_archive_is_never_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Plain layers in local files are read for their headers only, unless verify or an estimate asks for more."""
    image = build_image([layer({"big": bytes(50 << 20), "small": b"x"}, "plain"), layer({"top": b"y"}, "plain")])
    path = tmp_path / "image"
    if form == "docker-archive":
        write_docker_archive(image, path)
    elif form == "oci-archive":
        write_oci_archive(image, path)
    else:
        write_layout(image, path)
    read = counted(monkeypatch)
    analysis = Analyzer(estimate_download=False).analyze(str(path))
    assert (analysis.format, analysis.content_size, read[0] < 1 << 20) == (form, (50 << 20) + 2, True)
    assert Analyzer(verify=True).analyze(str(path)).content_size == analysis.content_size
    assert read[0] > 50 << 20
