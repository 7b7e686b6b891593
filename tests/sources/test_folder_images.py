"""Folders that contain saved images of several forms: all are listed, and none is taken silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocisize import Analyzer
from ocisize.errors import ArchiveError
from ocisize.sources.folder_images import list_images_below
from ocisize.sources.open import open_source
from tests.images import (
    DOCKER_STYLES, Compression, DockerStyle, build_image, compress, index_bytes, layer, layout_files, tar_bytes, write_dir, write_docker_archive, write_files,
    write_layout,
)  # fmt: skip

IMAGE = build_image([layer({"etc/passwd": b"root"}), layer({"app": b"run"})])
DIR_IMAGE = build_image([layer({"dir": b"12345"})])
LISTED = f"(linux/amd64, {DIR_IMAGE.digest[7:19]})"


@pytest.mark.parametrize("outer", ["plain", "gzip", "zstd", "xz", "bzip2"])
@pytest.mark.parametrize("style", DOCKER_STYLES)
def test_archives_are_found_by_their_content(tmp_path: Path, style: DockerStyle, outer: Compression) -> None:
    """An archive of any writer under any name is found, and other tars are not."""
    path = write_docker_archive(IMAGE, tmp_path / "backup.bin", style=style)
    path.write_bytes(compress(path.read_bytes(), outer))
    (tmp_path / "source.tar.gz").write_bytes(compress(tar_bytes({"app-1.0/main.c": b"x"}), "gzip"))
    write_files({"web/index.json": b"{}", "web/page": b"", "notes": b"text", "empty.tar": b""}, tmp_path)
    assert list_images_below(tmp_path) == ["backup.bin"]


def test_layouts_are_found(tmp_path: Path) -> None:
    """Layouts in folders and tars, and folders of dir:."""
    write_layout(IMAGE, tmp_path / "layout")
    write_dir(IMAGE, tmp_path / "dir")
    files = layout_files(index_bytes([IMAGE.descriptor]), IMAGE.blobs)
    (tmp_path / "oci").write_bytes(tar_bytes({f"./{name}": data for name, data in files.items()}))
    assert list_images_below(tmp_path) == ["dir/", "layout/", "oci"]


def test_a_nested_image_beside_archives(tmp_path: Path) -> None:
    """Neither is taken for what the folder means: the error lists both, and each can be named."""
    write_dir(DIR_IMAGE, tmp_path / "above" / "a" / "b" / "img")
    write_docker_archive(IMAGE, tmp_path / "above" / "app.tar")
    write_layout(IMAGE, tmp_path / "above" / "layout")
    folder = str(tmp_path / "above")
    with pytest.raises(ArchiveError) as raised:
        open_source(folder)
    assert str(raised.value) == f"the folder contains several images: @0 a/b/img {LISTED}, app.tar, layout/"
    assert raised.value.hint == f"name one of them, such as {folder}/app.tar; --select chooses one that has a number"
    for select in ("@0", "a/b/img"):
        assert Analyzer().analyze(folder, select=select).content_size == 5
    assert Analyzer().analyze(f"dir:{folder}").content_size == 5
    assert Analyzer().analyze(f"{folder}/app.tar").content_size == 7


def test_other_files_beside_a_nested_image(tmp_path: Path) -> None:
    """What is no image does not hinder the only image of a tree."""
    write_dir(DIR_IMAGE, tmp_path / "tree" / "registry.io" / "app:1")
    (tmp_path / "tree" / "source.tar").write_bytes(tar_bytes({"main.c": b"x"}))
    write_files({"web/manifest.json": b"{}", "cut.tar": b"x" * 600}, tmp_path / "tree")
    assert Analyzer().analyze(str(tmp_path / "tree")).reference == "registry.io/app:1"


def test_several_archives_are_listed(tmp_path: Path) -> None:
    """One a line in the program, and before what else the folder is."""
    write_files({"out/Dockerfile": b"FROM x"}, tmp_path)
    for name in ("b.tar", "a b", "c.img"):
        write_docker_archive(IMAGE, tmp_path / "out" / name)
    folder = tmp_path / "out"
    with pytest.raises(ArchiveError) as raised:
        open_source(str(folder))
    assert raised.value.heading == f"{folder} is not a saved image: a folder that contains several"
    assert (raised.value.items, raised.value.hint) == (("a b", "b.tar", "c.img"), f"name one of them: '{folder}/a b'")
    for name in ("a b", "c.img"):
        (folder / name).unlink()
    with pytest.raises(ArchiveError, match=r"a folder that contains b\.tar$"):
        open_source(str(folder))


def test_long_lists_end(tmp_path: Path) -> None:
    """Fifty images are listed."""
    data = write_docker_archive(IMAGE, tmp_path / "app").read_bytes()
    write_files({f"out/{number:03}.tar": data for number in range(60)}, tmp_path)
    with pytest.raises(ArchiveError) as raised:
        open_source(str(tmp_path / "out"))
    assert raised.value.items[-2:] == ("049.tar", "and 10 more")
