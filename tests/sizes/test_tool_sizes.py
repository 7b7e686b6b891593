"""What other tools show: the formulas on small images, counted by hand; real tools are in ``tests/compat``."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from unittest.mock import patch

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ocisize
from ocisize import Analysis, Analyzer, Outline, ToolSize, from_json, to_json, tool_sizes
from ocisize.filesystem.directories import find_runs
from ocisize.report.words.tool_sizes import explain_unknown, list_notes
from ocisize.row_scan import read_rows
from ocisize.sizes.on_disk import count_directories
from tests.images import (
    DIR,
    BuiltImage,
    Hard,
    Link,
    build_image,
    for_platform,
    index_bytes,
    layer,
    layout_files,
    sha256,
    write_docker_archive,
    write_files,
    write_layout,
)

_IMAGE = build_image(
    [
        layer([("a/", DIR), ("a/b/c/file", b"x" * 5000), ("a/hard", Hard("a/b/c/file")), ("a/link", Link("b/c"))]),
        layer([("new/empty/", DIR), ("twice", b"1" * 100), ("twice", b"2"), ("far", Link("y" * 60)), ("a/.wh.link", b"")]),
        layer([("z", random.Random(3).randbytes(10_000))]),
        layer([("z", random.Random(3).randbytes(10_000))]),
    ]
)


def analysis_of(image: BuiltImage, folder: Path) -> Analysis:
    return ocisize.analyze(str(write_layout(image, folder / "layout")))


def by_name(image: Analysis | Outline) -> dict[tuple[str, str], ToolSize]:
    rows = {(row.tool, row.figure): row for row in tool_sizes(image)}
    assert len(rows) == len(tool_sizes(image))
    return rows


def test_parts_of_layers(tmp_path: Path) -> None:
    """Directories with implied parents, symlinks, and content that the layer itself replaces."""
    found = [layer.on_disk for layer in analysis_of(_IMAGE, tmp_path).layers]
    assert [None if part is None else part.directory_count for part in found] == [3, 3, 0, 0]  # a a/b a/b/c, new new/empty a
    assert [None if part is None else part.symlink_size for part in found] == [3, 60, 0, 0]
    assert [None if part is None else part.long_symlink_count for part in found] == [0, 1, 0, 0]
    assert [None if part is None else part.replaced_size for part in found] == [0, 100, 0, 0]
    assert [None if part is None else part.replaced_disk_size for part in found] == [0, 4096, 0, 0]


def test_figures(tmp_path: Path) -> None:
    """Each formula, with the numbers written out; the last layer is listed twice."""
    analysis = analysis_of(_IMAGE, tmp_path)
    rows = by_name(analysis)
    sizes = {name: row.size for name, row in rows.items()}
    blobs, manifest, config = [len(built.blob) for built in _IMAGE.layers], len(_IMAGE.manifest), len(_IMAGE.config)
    tars = sum(len(built.tar) for built in _IMAGE.layers)
    listed = sum(blobs) + manifest + config
    assert rows["Docker (overlay2)", "docker images SIZE"].layer_sizes == (5003, 61, 10_000, 10_000)
    assert sizes["Docker (overlay2)", "docker images SIZE"] == 25_064
    assert sizes["Podman", "podman images SIZE"] == tars + config + 2 * manifest
    assert sizes["CRI-O", "crictl images SIZE"] == tars + config + 2 * manifest
    assert sizes["containerd", "crictl images SIZE"] == sizes["containerd", "ctr images ls SIZE"] == listed
    assert sizes["Harbor", "size of the artifact"] == listed
    assert sizes["Registry (distribution)", "blobs on disk"] == listed - blobs[-1]
    assert sizes["Amazon ECR", "imageSizeInBytes"] == sizes["Quay", "size of the tag"] == sum(blobs)
    snapshots = rows["containerd", "ctr snapshots usage"]
    blocks = (2 + 1 + 3, 1 + 1 + 3 + 1, 3 + 1, 3 + 1)  # files, the root, directories, the long symlink
    assert snapshots.layer_sizes == tuple(4096 * count for count in blocks)
    assert sizes["Docker (containerd)", "docker images CONTENT SIZE"] == listed
    assert sizes["Docker (containerd)", "docker images SIZE"] == listed + (snapshots.size or 0)


def test_saved_analysis(tmp_path: Path) -> None:
    """An analysis that was saved without file tables has the same figures."""
    analysis = analysis_of(_IMAGE, tmp_path)
    assert tool_sizes(from_json(to_json(analysis))) == tool_sizes(analysis)


def test_without_the_layers(tmp_path: Path) -> None:
    """An outline has the figures of blobs, equal to those of the analysis; the others are unknown and marked."""
    folder = write_layout(_IMAGE, tmp_path / "layout")
    outlined, analyzed = by_name(Analyzer().outline(str(folder))), by_name(ocisize.analyze(str(folder)))
    assert outlined.keys() == analyzed.keys()
    for name, row in outlined.items():
        assert (row.size, row.doubt) in [(None, row.doubt), (analyzed[name].size, analyzed[name].doubt)]
        assert (row.size is None) == row.needs_layers
        assert not analyzed[name].needs_layers
    assert {tool for (tool, _), row in outlined.items() if row.size is None} == {
        "Docker (overlay2)", "Docker (containerd)", "Podman", "containerd", "CRI-O",
    }  # fmt: skip
    assert explain_unknown(list(outlined.values())) == ["? needs the layers: omit --quick"]


def test_uncompressed_archive(tmp_path: Path) -> None:
    """Of an archive of docker save, compressed sizes are estimates, and figures with the manifest are unknown."""
    path = tmp_path / "image.tar"
    write_docker_archive(_IMAGE, path)
    rows = by_name(ocisize.analyze(str(path)))
    assert rows["Docker (overlay2)", "docker images SIZE"].is_exact
    assert rows["containerd", "crictl images SIZE"].size is None
    estimate = rows["Quay", "size of the tag"]
    assert not estimate.is_exact
    assert "estimates" in estimate.doubt
    assert explain_unknown(list(rows.values()))[0].startswith("? needs the manifest")


def test_unread_layer(tmp_path: Path) -> None:
    """A layer that could not be read makes sums over files and tars unknown, and not those of blobs."""
    folder = write_layout(_IMAGE, tmp_path / "layout")
    blob = folder / "blobs/sha256" / _IMAGE.layers[0].digest.partition(":")[2]
    blob.write_bytes(bytes(blob.stat().st_size))
    rows = by_name(Analyzer(keep_going=True).analyze(str(folder)))
    assert rows["Docker (overlay2)", "docker images SIZE"].size is None
    assert rows["Podman", "podman images SIZE"].size is None
    assert rows["containerd", "crictl images SIZE"].size is not None


def test_notes_name_all_tools() -> None:
    """Tools with the same note share one line, and each estimate is explained."""
    rows = [
        ToolSize(tool=tool, figure="f", size=1, formula="", doubt=doubt, note=note)
        for tool, doubt, note in (("A", "d", ""), ("B", "d", "n"), ("C", "", ""))
    ]
    assert list_notes(rows) == ["≈ A, B: d", "B: n"]


_PATHS = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join), min_size=1, max_size=8, unique=True
)


@given(_PATHS, st.randoms(use_true_random=False))
def test_directories_are_those_that_unpacking_makes(paths: list[str], rng: random.Random) -> None:
    """The count equals that of a slow reference: the set of all parents, and of all directories that are listed."""
    entries: list[tuple[str, object]] = [(f"{path}/", DIR) if rng.random() < 0.5 else (path, b"") for path in paths]
    table = ocisize.scan_tar(_stream(entries))
    made = {path for path, (name, _) in zip(paths, entries, strict=True) if name.endswith("/")}
    for path in paths:
        parts = path.split("/")
        made |= {"/".join(parts[:depth]) for depth in range(1, len(parts))}
    with patch("ocisize.tar.paths._PIECE_ROWS", rng.choice([1, 3, 1000])):
        read = ocisize.scan_tar(_stream(entries))
    runs = find_runs([table])
    assert count_directories(table, runs.tables[0], runs.directories) == len(made)
    read_rows([read], None)
    assert read.derived[count_directories] == len(made)


def _stream(entries: list[tuple[str, object]]) -> ocisize.ByteStream:

    return io.BytesIO(layer(entries).tar)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("quick", [False, True])
def test_text_fits(width: int, quick: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # noqa: FBT001
    """No line is wider than the page, and every figure is there."""
    monkeypatch.setenv("COLUMNS", str(width))
    folder = str(write_layout(_IMAGE, tmp_path / "layout"))
    image = Analyzer().outline(folder) if quick else ocisize.analyze(folder)
    options = ocisize.ReportOptions(sizes=True, sections=() if quick else ("sizes",))
    text = ocisize.render_report(image, "text", options=options)
    assert max(map(len, text.splitlines())) <= width
    for row in tool_sizes(image):
        assert row.figure in text
        assert row.formula in text


def test_csv_and_markdown(tmp_path: Path) -> None:
    """A row for each figure, of an analysis and of an outline; without the option there is none."""
    folder = str(write_layout(_IMAGE, tmp_path / "layout"))
    options = ocisize.ReportOptions(sizes=True)
    for image in (ocisize.analyze(folder), Analyzer().outline(folder)):
        shown = tool_sizes(image)
        rows = list(csv.DictReader(io.StringIO(ocisize.render_report(image, "csv", options=options))))
        assert [(row["tool"], row["figure"], row["size"]) for row in rows] == [
            (row.tool, row.figure, "" if row.size is None else str(row.size)) for row in shown
        ]
        assert [row["exact"] for row in rows] == ["yes" if row.is_exact else "no" for row in shown]
        text = ocisize.render_report(image, "markdown", options=options)
        assert all(f"| {row.tool.replace('(', '(')} | {row.figure} |" in text for row in shown)
        assert shown[0].formula not in ocisize.render_report(image, "markdown")


@pytest.mark.parametrize("quick", [False, True])
def test_index(quick: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """An index: its own bytes, the documents and layers of all images once, and the largest of the images."""
    arm = build_image(
        [layer({"arm": b"64" * 900}), layer([("z", random.Random(3).randbytes(10_000))])], architecture="arm64"
    )
    entries = [for_platform(image.descriptor, "linux", name) for image, name in ((_IMAGE, "amd64"), (arm, "arm64"))]
    index = index_bytes(entries)
    blobs = {sha256(index): index, **_IMAGE.blobs, **arm.blobs}
    pointer = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": sha256(index), "size": len(index)}
    folder = write_files(layout_files(index_bytes([pointer]), blobs), tmp_path / "layout")
    analyzer = Analyzer()
    found = analyzer.outline_all(str(folder)) if quick else analyzer.analyze_all(str(folder))
    sizes = {row.tool: row for row in ocisize.index_tool_sizes(found)}
    listed = sum(len(built.blob) for image in (_IMAGE, arm) for built in image.layers)
    documents = sum(len(image.manifest) + len(image.config) for image in (_IMAGE, arm))
    assert sizes["Harbor"].size == len(index) + documents + listed
    assert sizes["Harbor"].is_exact
    assert sizes["Registry (distribution)"].size == sum(map(len, blobs.values()))
    assert sizes["Amazon ECR"].size == sum(len(built.blob) for built in _IMAGE.layers)
    assert sizes["Quay"].size == 0
    with_attestations = attrs.evolve(found, attestations=2)
    assert not ocisize.index_tool_sizes(with_attestations)[1].is_exact
    text = ocisize.render_report(found, "text", options=ocisize.ReportOptions(sizes=True))
    assert "linux/arm64" in text
    assert text.index("The index") > text.index("linux/arm64")
