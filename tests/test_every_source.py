"""One image through every source and every compression gives the same analysis, compressed figures aside."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from ocisize import Analysis, Analyzer, Connection
from ocisize.model.findings import Advice, Finding
from ocisize.model.plan import Plan, PlanStep
from ocisize.model.sizes import Group, Groups
from ocisize.tar.filetable import FileTable
from ocisize.report.export.dive_json import to_dive_json
from tests.images import (
    DIR,
    DOCKER_STYLES,
    BuiltImage,
    Compression,
    DockerStyle,
    File,
    Hard,
    Link,
    build_image,
    compress,
    docker_archive_entries,
    layer,
    tar_bytes,
    write_dir,
    write_docker_archive,
    write_layout,
    write_oci_archive,
)
from tests.registry import RealRegistry

COMPRESSIONS: tuple[Compression, ...] = ("plain", "gzip", "zstd")  # of images in registries
# What may differ: where it came from, and what it costs compressed.
ASIDE = {
    "source", "format", "reference", "digest", "media_type", "manifest_size", "compressed_size", "wasted_compressed_size",
    "estimated_compressed_size", "estimate_error",
    "layers", "waste", "advice", "plan", "groups",
}  # fmt: skip
ASIDE_OF_LAYER = {
    "digest", "media_type", "compression", "compressed_size", "wasted_compressed_size", "overhead_size",
    "estimated_compressed_size", "estimate_error",
    "digest_verified", "diff_id_verified", "member", "files", "hidden_by", "causes",
}  # fmt: skip


@pytest.fixture(scope="module")
def image() -> BuiltImage:
    """Three layers with every cause of waste, links, duplicates, long and odd names, and a repeated layer."""
    noise = random.Random(5).randbytes
    base = layer(
        [
            ("./", DIR),
            ("./etc/passwd", b"root" * 500),
            ("./usr/bin/tool", noise(30_000)),
            ("./usr/bin/alias", Hard("./usr/bin/tool")),
            ("./lib", Link("usr/lib")),
            ("./opt/a/1", b"one" * 1000),
            ("./opt/b/2", b"two" * 1000),
            ("./same/1", b"twins" * 400),
            ("./same/2", b"twins" * 400),
            ("./" + "long/" * 40 + "name", b"deep"),
            ("./caf\udce9", b"latin"),
            ("./twice", b"first"),
            ("./twice", b"second!"),
            ("./big", noise(700_000)),
        ]
    )
    middle = layer(
        {"etc/passwd": File(b"root" * 500, uid=9), "opt/.wh.a": b"", "opt/b/.wh..wh..opq": b"", "opt/b/3": b"three"}
    )
    top = layer({"usr/bin/.wh.tool": b"", "big": b"small", "sub": File(b"", pax={"SCHILY.xattr.user.x": "1"})})
    return build_image([base, middle, top, middle])


@pytest.fixture(scope="module")
def expected(image: BuiltImage, tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """The analysis of the plain OCI layout, every content hash computed."""
    folder = write_layout(image.recompressed("plain"), tmp_path_factory.mktemp("expected") / "layout")
    return Analyzer(platform="linux/amd64", verify=True).analyze(str(folder))


def uncompressed(groups: Groups | None) -> list[list[Group]]:
    """The groups by directory and type without what they cost compressed, build steps are those of the layers."""
    assert groups is not None
    return [
        [attrs.evolve(group, compressed_size=None, wasted_compressed_size=None) for group in division]
        for division in (groups.directories, groups.file_types)
    ]


def without_download(plan: Plan) -> Plan:
    """The plan without the bytes of download, which differ by compression: the steps and their order are the same."""
    return attrs.evolve(plan, estimated=False, steps=tuple(_without_download(step) for step in plan.steps))


def _without_download(step: PlanStep) -> PlanStep:
    savings = tuple(attrs.evolve(saving, compressed_size=None) for saving in step.layer_savings)
    return attrs.evolve(step, compressed_size=None, layer_savings=savings)


def assert_same(found: Analysis, expected: Analysis) -> None:
    for name in attrs.fields_dict(Analysis):
        if name not in ASIDE:
            assert getattr(found, name) == getattr(expected, name), name
    assert uncompressed(found.groups) == uncompressed(expected.groups)
    assert without_download(found.plan) == without_download(expected.plan)
    for one, other in zip(found.layers, expected.layers, strict=True):
        assert (one.hidden_by, one.causes) == (other.hidden_by, other.causes)
        for name in attrs.fields_dict(type(one)):
            if name not in ASIDE_OF_LAYER:
                assert getattr(one, name) == getattr(other, name), f"layer {one.index} {name}"
        assert isinstance(one.files, FileTable)
        assert isinstance(other.files, FileTable)
        assert (one.files.paths, one.files.kinds, one.files.sizes) == (
            other.files.paths,
            other.files.kinds,
            other.files.sizes,
        )
    assert without_ids(found) == without_ids(expected)
    assert [attrs.evolve(entry, compressed_size=None) for entry in found.waste] == [
        attrs.evolve(entry, compressed_size=None) for entry in expected.waste
    ]
    assert without_compressed_sizes(found.advice) == without_compressed_sizes(expected.advice)


def without_compressed_sizes(advice: Advice) -> list[Finding]:
    """The findings in their order, without their bytes of download; without OS221, which depends on the image's name."""
    return [attrs.evolve(finding, compressed_size=None) for finding in advice.findings if finding.id != "OS221"]


def without_ids(analysis: Analysis) -> str:
    return re.sub(r'"id": ".*"', "", to_dive_json(analysis))


def test_the_image_has_it_all(expected: Analysis) -> None:
    """The image these tests send through every source has every common cause of waste."""
    causes = {str(entry.cause) for entry in expected.waste}
    assert causes >= {"overwritten", "metadata-only", "deleted", "opaque", "duplicate-entry"}
    assert expected.duplicate_size == 2000


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("write", [write_layout, write_oci_archive, write_dir], ids=["oci-layout", "oci-archive", "dir"])
@pytest.mark.parametrize("verify", [False, True], ids=["", "verify"])
def test_oci_forms(
    image: BuiltImage, expected: Analysis, tmp_path: Path, compression: Compression, verify: bool,
    write: Callable[[BuiltImage, Path], Path],
) -> None:  # fmt: skip
    """An OCI layout as a folder or a tar, and a folder of dir:."""
    path = write(image.recompressed(compression), tmp_path / "image")
    found = Analyzer(platform="linux/amd64", verify=verify).analyze(str(path))
    assert_same(found, expected)
    assert found.compressed_size == sum(
        len(blob) for blob in {built.blob for built in image.recompressed(compression).layers}
    )
    assert all(one.diff_id_verified for one in found.layers) or not verify


@pytest.mark.parametrize("outer", COMPRESSIONS)
@pytest.mark.parametrize("compression", ["plain", "gzip", "zstd"])
@pytest.mark.parametrize("style", DOCKER_STYLES)
def test_docker_archives(
    image: BuiltImage, expected: Analysis, tmp_path: Path, style: DockerStyle, compression: Compression, outer: Compression
) -> None:
    """A docker-archive as each writer makes it, plain or compressed as a whole."""
    path = write_docker_archive(image.recompressed(compression), tmp_path / "app.tar", style=style, outer=outer)
    found = Analyzer(platform="linux/amd64").analyze(str(path))
    assert_same(found, expected)
    stored = {one.compression for one in found.layers}
    assert (found.compressed_size is None) == (stored == {"plain"})
    assert (found.estimated_compressed_size is None) == (stored != {"plain"})


@pytest.mark.parametrize("outer", ["xz", "bzip2"])
@pytest.mark.parametrize("compression", ["plain", "xz", "bzip2"])
def test_docker_archives_in_seldom_compressions(
    image: BuiltImage, expected: Analysis, tmp_path: Path, compression: Compression, outer: Compression
) -> None:
    """A docker-archive that another program compressed, and one with such layers."""
    path = write_docker_archive(image.recompressed(compression), tmp_path / "app.tar", style="crane", outer=outer)
    found = Analyzer(platform="linux/amd64").analyze(str(path))
    assert_same(found, expected)
    assert {one.compression for one in found.layers} == {compression}


@pytest.mark.parametrize("outer", COMPRESSIONS)
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_archives_whose_oci_manifest_lacks_layers(
    image: BuiltImage, expected: Analysis, tmp_path: Path, compression: Compression, outer: Compression
) -> None:
    """An archive with both documents is read by its manifest.json where the OCI manifest has too few layers."""
    stored = image.recompressed(compression)
    manifest = json.dumps({**json.loads(stored.manifest), "layers": []}).encode()
    entries = docker_archive_entries(
        BuiltImage(stored.layers, stored.config, manifest), "containerd", ["example/app:latest"]
    )
    path = tmp_path / "app.tar"
    path.write_bytes(compress(tar_bytes(entries), outer))
    found = Analyzer(platform="linux/amd64").analyze(str(path))
    assert_same(attrs.evolve(found, warnings=()), expected)
    assert [warning.rpartition(" lists ")[2] for warning in found.warnings] == ["0 of 4 layers"]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_real_registry(
    image: BuiltImage, expected: Analysis, registry: RealRegistry, home: Path, compression: Compression
) -> None:
    """The image pushed to the real docker-registry and read over HTTP."""
    stored = image.recompressed(compression)
    name = f"every/{compression}-{os.getpid()}"
    registry.push(name, "1", stored)
    found = Analyzer(platform="linux/amd64", connection=Connection(retries=1)).analyze(f"{registry.host}/{name}:1")
    assert_same(found, expected)
    assert all(one.digest_verified for one in found.layers)
    assert found.digest == stored.digest
