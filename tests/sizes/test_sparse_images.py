"""Images with sparse files: every figure of content is that of the full size, what is stored has its own figures."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from ocisize import Analysis, Analyzer, check, from_json, parse_budgets, to_json
from ocisize.globs import parse_glob
from ocisize.report.formats import FORMATS, write_report
from ocisize.report.options import ReportOptions
from ocisize.sizes.files import list_files
from ocisize.sizes.tree import make_tree
from tests.images import BuiltImage, Sparse, build_image, layer, write_docker_archive, write_layout
from tests.strategies import SPARSE_FORMS

SIZE, DATA = 1 << 20, b"x" * 700
LOG = "var/log/lastlog"


def image(size: int = SIZE, form: str = "1.0") -> BuiltImage:
    """A sparse log that an upper layer deletes, twice the same sparse file, and one with the same data at another place."""
    log, other = Sparse(size, ((4096, DATA),), form), Sparse(size, ((8192, DATA),), form)
    return build_image([layer({LOG: log, "a": log, "b": log, "c": other}), layer({"var/log/.wh.lastlog": b"", "d": b"12"})])


@pytest.fixture(params=["layout", "archive"])
def analysis(request: pytest.FixtureRequest, tmp_path: Path) -> Analysis:
    """The image with compressed layers, and with plain layers that are read in place."""
    write = write_layout if request.param == "layout" else write_docker_archive
    return Analyzer().analyze(str(write(image(), tmp_path / "image")))


def test_figures(analysis: Analysis) -> None:
    """All figures of content count the full size; the stored size and the tar do not."""
    assert (analysis.content_size, analysis.stored_size) == (4 * SIZE + 2, 4 * len(DATA) + 2)
    assert (analysis.live_size, analysis.wasted_size, analysis.duplicate_size) == (3 * SIZE + 2, SIZE, SIZE)
    assert analysis.disk_size == 4 * SIZE + 4096
    assert analysis.tar_size is not None
    assert analysis.tar_size < 50_000
    assert [(entry.path, entry.size) for entry in analysis.waste] == [(LOG, SIZE)]
    assert analysis.dive is not None
    assert analysis.dive.layer_sizes == (4 * SIZE, 2)
    table = analysis.layers[0].files
    assert table is not None
    assert [(entry.path, entry.size, entry.stored_size) for entry in table][:1] == [(LOG, SIZE, 700)]
    assert table[0].content_hash == table[1].content_hash != table[3].content_hash is not None


def test_views(analysis: Analysis) -> None:
    """Lists, trees and groups have the full sizes."""
    listing = list_files(analysis.layers, count=9, globs=[parse_glob("/var/**")])
    assert (listing.content_size, listing.files[0].size) == (SIZE, SIZE)
    assert make_tree(analysis.layers, count=3).group.content_size == analysis.content_size
    assert analysis.groups is not None
    assert sum(group.content_size for group in analysis.groups.directories) == analysis.content_size


def test_budgets(analysis: Analysis) -> None:
    """Budgets on content measure the full size."""
    text = 'max-unpacked = "4 MiB"\nmax-waste = ["1 MiB", "1 MB"]\nmax-file-size = "1 MiB"\nmax-live = "3 MiB"\n'
    verdicts = check(analysis, parse_budgets(text).budgets)
    assert [(verdict.measured, str(verdict.outcome)) for verdict in verdicts] == [
        (4 * SIZE + 2, "fail"), (SIZE, "pass"), (SIZE, "fail"), (SIZE, "pass"), (3 * SIZE + 2, "fail"),
    ]  # fmt: skip


def test_saved_analyses(analysis: Analysis) -> None:
    """JSON has both sizes, and gives them back."""
    text = to_json(analysis, files=True)
    document = json.loads(text)
    assert (document["content_size"], document["stored_size"]) == (4 * SIZE + 2, 2802)
    assert document["layers"][0]["files"]["sizes"] == [SIZE] * 4
    assert document["layers"][0]["files"]["stored_sizes"] == {str(row): 700 for row in range(4)}
    assert from_json(text) == analysis


@pytest.mark.parametrize("form", SPARSE_FORMS)
def test_forms_and_sources_agree(tmp_path: Path, form: str) -> None:
    """The figures are the same in all forms, but for what the maps take."""
    found = Analyzer().analyze(str(write_layout(image(form=form), tmp_path / "layout")))
    assert (found.content_size, found.stored_size, found.duplicate_size) == (4 * SIZE + 2, 2802, SIZE)
    for each in found.layers:
        assert each.files is not None
        assert each.files.compressed_sizes is not None
        assert sum(each.files.compressed_sizes) + (each.overhead_size or 0) == each.compressed_size


def test_petabytes_in_every_format(tmp_path: Path) -> None:
    """A kilobyte may claim petabytes: every sum is exact, and every format can be written."""
    size = 1 << 49
    found = Analyzer(packages=True).analyze(str(write_layout(image(size), tmp_path / "layout")))
    assert (found.content_size, found.wasted_size, found.disk_size) == (4 * size + 2, size, 4 * size + 4096)
    assert found.duplicate_size == size
    assert sum("the sparse file" in text for text in found.warnings) == 4
    for name in FORMATS:
        file = io.StringIO(newline="")
        write_report(name, found, file, ReportOptions())
        assert file.getvalue()
    assert json.loads(to_json(found))["content_size"] == 4 * size + 2
