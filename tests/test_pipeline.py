"""The pipeline from scans to an Analysis: nothing changes the scans, so that any number of analyses can share them."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from ocisize import Analysis, Analyzer, to_json
from ocisize.errors import LayerError
from ocisize.layer.content_hashes import Outcome, hash_duplicate_candidates
from ocisize.layer.scan import LayerScan, scan_layer
from ocisize.model.findings import Advice
from ocisize.model.plan import Plan
from ocisize.oci.image import Image, read_image
from ocisize.oci.source import ImageSource, complete_source
from ocisize.pipeline import analyze_layers
from ocisize.rules.load import load_catalog
from ocisize.sources.open import open_source
from ocisize.tar.filetable import NO_HASH, FileTable
from tests.images import DIR, BuiltImage, Entries, File, Hard, Link, build_image, layer, write_docker_archive
from tests.oci.test_image import single

LARGE = os.urandom(40_000)
STATUS = b"Package: app\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n"


def image() -> BuiltImage:
    """An image with everything that makes the pipeline write something: waste, links, databases, junk, duplicates."""
    base: Entries = {
        "etc": DIR, "etc/os-release": b"ID=debian\n", "var/lib/dpkg/status": STATUS, "big": LARGE, "again": LARGE,
        "sparse": File(b"s" * 600, pax={"SCHILY.xattr.user.k": "v"}), "odd": LARGE[:30_000], "link": Link("big"),
        "root/.ssh/id_rsa": b"-----BEGIN OPENSSH PRIVATE KEY-----\n" * 40,
    }  # fmt: skip
    middle: Entries = {"big": LARGE, "hard": Hard("big"), "var/cache/apt/archives/a.deb": LARGE + b"1", ".wh.odd": b""}
    layers = [layer(base, "plain"), layer(middle), layer({"etc/.wh..wh..opq": b"", "top": LARGE + b"22"}, "plain")]
    steps = ["ADD rootfs /", "RUN /bin/sh -c apt-get install -y app", "COPY top / # buildkit"]
    return build_image(layers, history=[{"created_by": step} for step in steps])


def snapshot(scans: Sequence[LayerScan]) -> list[Any]:
    """The contents of all columns, copied."""
    names = [field.name for field in attrs.fields(FileTable)]
    return [
        copy.deepcopy(
            [[list(scan.table.paths), *(getattr(scan.table, name) for name in names if name != "paths")], scan.region]
        )
        for scan in scans
    ]


def scan_all(source: ImageSource, image: Image) -> list[LayerScan]:
    return [scan_layer(source, layer) for layer in image.layers]


def analyze(source: ImageSource, image: Image, outcomes: Sequence[Outcome]) -> Analysis:
    return analyze_layers(source, "app", image, outcomes, load_catalog(), None)


@pytest.mark.parametrize("saved", [True, False])
def test_scans_can_be_analyzed_again(tmp_path: Path, saved: bool) -> None:
    """The same scans give the same analysis twice, and no column differs afterwards."""
    write_docker_archive(image(), tmp_path / "app.tar", tags=["app:1"])
    source = open_source(str(tmp_path / "app.tar")) if saved else complete_source(single(image()))
    read = read_image(source)
    scans = scan_all(source, read)
    before = snapshot(scans)
    first = analyze(source, read, hash_duplicate_candidates(read.layers, scans, jobs=2))
    assert (first.compressed_size is None, first.duplicate_size) == (saved, len(LARGE))
    assert first.advice.findings and first.waste and first.system.packages == 1
    assert snapshot(scans) == before
    second = analyze(source, read, hash_duplicate_candidates(read.layers, scans, jobs=1))
    assert to_json(second, files=True) == to_json(first, files=True)
    assert snapshot(scans) == before


def test_an_analysis_without_advice_has_the_same_figures(tmp_path: Path) -> None:
    """Without rules there are no findings and no plan, and nothing else differs."""
    write_docker_archive(image(), tmp_path / "app.tar", tags=["app:1"])
    whole, bare = (Analyzer(advice=advice).analyze(tmp_path / "app.tar") for advice in (True, False))
    assert whole.advice.findings and whole.plan.steps
    assert (bare.advice, bare.plan) == (Advice(), Plan())
    assert attrs.evolve(whole, advice=Advice(), plan=Plan()) == bare


def test_analyses_of_different_sources_share_scans(tmp_path: Path) -> None:
    """An analysis without compressed sizes takes them from no other one."""
    write_docker_archive(image(), tmp_path / "app.tar", tags=["app:1"])
    archive = open_source(str(tmp_path / "app.tar"))
    memory = complete_source(single(image()))
    read = read_image(memory)
    scans = scan_all(memory, read)
    known = to_json(analyze(memory, read, scans), files=True)
    unknown = analyze(archive, read_image(archive), scans)
    assert [layer.files.compressed_sizes is None for layer in unknown.layers if layer.files] == [True, False, True]
    assert to_json(analyze(memory, read, scans), files=True) == known


def test_hashing_copies_no_paths(tmp_path: Path) -> None:
    """A layer whose candidates are hashed shares all columns but the hashes with its scan."""
    write_docker_archive(image(), tmp_path / "app.tar", tags=["app:1"])
    source = open_source(str(tmp_path / "app.tar"))
    read = read_image(source)
    scans = scan_all(source, read)
    hashed = hash_duplicate_candidates(read.layers, scans, jobs=3)
    row = list(scans[0].table.paths).index(b"big")
    for scan, outcome in zip(scans, hashed, strict=True):
        assert isinstance(outcome, LayerScan)
        names = [field.name for field in attrs.fields(FileTable) if field.name != "hashes"]
        assert all(getattr(outcome.table, name) is getattr(scan.table, name) for name in names)
    assert isinstance(hashed[0], LayerScan)
    assert scans[0].table.hash_of(row) == NO_HASH != hashed[0].table.hash_of(row)
    assert hashed[2] is scans[2]


def test_kept_files_are_not_part_of_an_analysis() -> None:
    """Package databases are kept for the pipeline; an analysis lists files and holds none of their bytes."""
    source = complete_source(single(image()))
    read = read_image(source)
    scans = scan_all(source, read)
    assert any(scan.table.contents for scan in scans)
    assert not any(layer.files.contents for layer in analyze(source, read, scans).layers if layer.files)


def test_tables_and_scans_are_frozen() -> None:
    """No field of a table or a scan can be set."""
    source = complete_source(single(image()))
    (scan, *_) = scan_all(source, read_image(source))
    for value in (scan, scan.table):
        for field in attrs.fields(type(value)):
            with pytest.raises(attrs.exceptions.FrozenInstanceError):
                setattr(value, field.name, None)


def test_kept_layers_are_shared_by_analyses(tmp_path: Path) -> None:
    """An Analyzer that keeps layers gives each image the analysis that it has alone."""
    write_docker_archive(image(), tmp_path / "app.tar", tags=["app:1"])
    analyzer = Analyzer(keep_layers=True, verify=True)
    inputs: list[Any] = [tmp_path / "app.tar", single(image()), tmp_path / "app.tar"]
    for text in inputs:
        together = analyzer.analyze(text) if isinstance(text, Path) else analyzer.analyze_source(text)
        alone = Analyzer(verify=True).analyze(text) if isinstance(text, Path) else Analyzer(verify=True).analyze_source(text)
        assert to_json(together, files=True) == to_json(alone, files=True)


def test_a_repeated_layer_that_is_cut_is_named_by_its_lowest_place(tmp_path: Path) -> None:
    """One scan stands for both places of a repeated layer; its error names the lower one."""
    repeated = layer({"one": LARGE, "two": LARGE[::-1]}, "plain")
    path = tmp_path / "app.tar"
    write_docker_archive(build_image([layer({"a": b"1"}, "plain"), repeated, layer({"b": b"2"}), repeated]), path)
    source = open_source(str(path))
    read = read_image(source)
    scans = [scan_layer(source, each) for each in read.layers[:3]]
    os.truncate(path, 0)
    with pytest.raises(LayerError, match="^layer 1 .*truncated while it was read"):
        hash_duplicate_candidates(read.layers, [*scans, scans[1]], jobs=2)
    *_, above = outcomes = hash_duplicate_candidates(read.layers, [*scans, scans[1]], jobs=2, keep_going=True)
    assert isinstance(above, LayerError) and outcomes[1] is above
