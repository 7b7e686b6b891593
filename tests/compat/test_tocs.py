"""Tables of contents that real tools wrote: skopeo, and ctr-remote of stargz-snapshotter."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocisize import Analyzer
from tests.images import BuiltImage, build_image, raw_layer, sha256, tar_bytes, write_layout
from tests.layer.toc.memory import RangedMemory, figures
from tests.layer.toc.test_scan import ENTRIES, UPPER
from tests.registry import real_registry
from tests.saved.tools import EngineError, environment_of, run_command
from tests.tools import program, refuse
from tests.tocs import estargz, zstd_chunked

NAME = "example/app:1"


def source_image() -> BuiltImage:
    """Layers that end with two zero blocks: skopeo 1.9.3 drops more of them when it writes zstd:chunked."""
    layers = []
    for entries in (ENTRIES, UPPER):
        tar = tar_bytes(entries).rstrip(b"\0")
        layers.append(raw_layer(tar + bytes(-len(tar) % 512) + bytes(1024)))
    return build_image(layers)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_layout(source_image(), tmp_path_factory.mktemp("toc") / "layout", name=NAME)


def read_archive(path: Path) -> BuiltImage:
    """The image of an OCI archive, as bytes."""
    with tarfile.open(path) as archive:
        blobs = {
            f"sha256:{name.rpartition('/')[2]}": file.read()
            for name in archive.getnames()
            if name.startswith("blobs/sha256/") and (file := archive.extractfile(name)) is not None
        }
        file = archive.extractfile("index.json")
        assert file is not None
        digest = json.loads(file.read())["manifests"][0]["digest"]
    while "manifests" in (document := json.loads(blobs[digest])):
        digest = document["manifests"][0]["digest"]

    class Saved(BuiltImage):
        @property
        def blobs(self) -> dict[str, bytes]:
            return blobs

    return Saved((), blobs[document["config"]["digest"]], blobs[digest])


def check(image: BuiltImage, form: str) -> tuple[Any, RangedMemory]:
    """All layers are read from their tables, with the figures of reading the layers."""
    source = RangedMemory(image)
    with_toc = Analyzer().analyze_source(source, name="app")
    whole = Analyzer(use_toc=False).analyze_source(RangedMemory(image), name="app")
    assert [layer.toc.format if layer.toc else None for layer in with_toc.layers] == [form, form]
    assert figures(with_toc) == figures(whole)
    for layer in with_toc.layers:
        assert layer.files is not None and layer.files.compressed_sizes is not None and layer.overhead_size is not None
        assert sum(layer.files.compressed_sizes) + layer.overhead_size == layer.compressed_size
    return with_toc, source


def test_skopeo(layout: Path, tmp_path: Path) -> None:
    """The oldest layout of zstd:chunked; the figures are those of reading the same layers from a real registry."""
    skopeo = program("skopeo")
    with real_registry(tmp_path) as registry:
        image = f"{registry.host}/app:1"
        copy = f"{skopeo} --insecure-policy copy --dest-tls-verify=false --dest-compress-format zstd:chunked"
        run_command(f"{copy} oci:{layout}:{NAME} docker://{image}", {"TMPDIR": str(tmp_path)})
        with_toc = Analyzer().analyze(image)
        whole = Analyzer(use_toc=False).analyze(image)
    assert [layer.toc.format if layer.toc else None for layer in with_toc.layers] == ["zstd:chunked"] * 2
    assert figures(with_toc) == figures(whole)
    assert sum(layer.toc.read_size for layer in with_toc.layers if layer.toc) < (with_toc.compressed_size or 0) // 20


@pytest.fixture(scope="module")
def containerd(layout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """A containerd with the image."""
    for name in ("containerd", "ctr", "ctr-remote"):
        program(name)
    seeds, folder = layout.parent, tmp_path_factory.mktemp("containerd")
    try:
        with environment_of("ctr", folder, seeds) as environment:
            yield folder, environment
    except EngineError as error:
        refuse(str(error))


@pytest.mark.parametrize(
    ("options", "form"),
    [
        ("--estargz", "estargz"),
        ("--estargz --estargz-chunk-size 30000", "estargz"),
        ("--zstdchunked", "zstd:chunked"),
    ],
)
def test_ctr_remote(containerd: tuple[Path, Any], options: str, form: str) -> None:
    folder, environment = containerd
    name = f"example.com/{sha256(options.encode())[7:20]}:1"
    (stored,) = {line for line in run_command("ctr images list -q", environment).split() if line.startswith("example/app")}
    run_command(f"ctr-remote images convert --oci {options} {stored} {name}", environment)
    archive = folder / "app.tar"
    run_command(f"rm -f {archive}; ctr images export {archive} {name}", environment)
    check(read_archive(archive), form)


def test_tables_of_our_writers_are_like_those_of_tools(containerd: tuple[Path, Any]) -> None:
    """The fields of the entries are the same, so that the other tests are about real tables."""
    folder, environment = containerd
    (stored,) = {line for line in run_command("ctr images list -q", environment).split() if line.startswith("example/app")}
    for options, built in (("--estargz", estargz(ENTRIES)), ("--zstdchunked", zstd_chunked(ENTRIES, "stargz"))):
        run_command(f"ctr-remote images convert --oci {options} {stored} example.com/like:1", environment)
        archive = folder / "like.tar"
        run_command(f"rm -f {archive}; ctr images export {archive} example.com/like:1", environment)
        image = read_archive(archive)
        written = json.loads(image.manifest)["layers"][0]
        assert set(built.annotations) <= set(written["annotations"])
