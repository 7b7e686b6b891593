"""An export with files reads each layer once, with any engine, and has what an analysis of each image has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ocisize import Analyzer, DiskCache
from ocisize.errors import FolderInUse
from ocisize.fleet.engine.executors import LayerEngine, ProcessEngine, SerialEngine
from ocisize.fleet.export.layers import export_fleet
from ocisize.fleet.measure import measure_fleet
from ocisize.model.fleet_figures import FleetFigures
from tests.fleet.export.test_export import Tables
from tests.fleet.files.test_packages import make_tags
from tests.fleet.given import make_fleet
from tests.fleets import write_fleet

ENGINES: dict[str, Callable[[], LayerEngine]] = {"serial": SerialEngine, "processes": lambda: ProcessEngine(2)}


@pytest.fixture
def figures(tmp_path: Path) -> FleetFigures:
    layout = write_fleet(make_tags(), tmp_path / "layout")
    return measure_fleet(make_fleet(make_tags(), lambda tag: f"oci-dir:{layout}:{tag.repository}:{tag.tag}", str(layout)))


@pytest.mark.parametrize("name", ENGINES)
def test_files_and_packages_are_those_of_analyses(tmp_path: Path, figures: FleetFigures, name: str) -> None:
    """Read in this process or in others, with a cache or from it."""
    engine = ENGINES[name]()
    cache = DiskCache(str(tmp_path / "cache"))
    for folder in ("cold", "warm"):
        assert export_fleet(figures, tmp_path / folder, files=True, engine=engine, cache=cache)
        tables = Tables(tmp_path / folder)
        for image_id, root in enumerate(figures.fleet.roots):
            analysis = Analyzer(packages=True).analyze(root.references[0])
            assert analysis.packages is not None
            expected = {
                (
                    package.ecosystem,
                    package.name,
                    package.version,
                    package.installed,
                    package.file_count,
                    package.content_size,
                )
                for package in analysis.packages.packages
            }
            found = tables.rows(f"SELECT * EXCLUDE image_id FROM packages WHERE image_id = {image_id}")
            assert set(found) == expected
            paths = tables.rows(f"""
                SELECT path, size, compressed_size FROM image_layers JOIN files USING (layer_id)
                WHERE image_id = {image_id} ORDER BY ALL
            """)
            rows = [
                (entry.path, entry.size, entry.compressed_size) for layer in analysis.layers for entry in layer.files or ()
            ]
            assert paths == sorted(rows)


def test_a_layer_that_is_broken_is_named(tmp_path: Path, figures: FleetFigures) -> None:
    digest = figures.fleet.roots[0].images[0].layers[0].digest
    blob = tmp_path / "layout" / "blobs" / digest.replace(":", "/")
    blob.write_bytes(blob.read_bytes()[:-9] + bytes(9))
    assert not export_fleet(figures, tmp_path / "tables", files=True, engine=SerialEngine())
    tables = Tables(tmp_path / "tables")
    ((name, message),) = tables.rows("FROM failures")
    assert name == digest and message
    broken = {
        number
        for number, root in enumerate(figures.fleet.roots)
        for layer in root.images[0].layers
        if layer.digest == digest
    }
    assert {image for (image,) in tables.rows("SELECT DISTINCT image_id FROM packages")}.isdisjoint(broken)


def test_a_folder_in_use_is_refused_before_anything_is_read(tmp_path: Path, figures: FleetFigures) -> None:
    """The layout is gone, so that reading would fail in another way."""
    (tmp_path / "layout").rename(tmp_path / "gone")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "mine").write_text("")
    with pytest.raises(FolderInUse):
        export_fleet(figures, tmp_path / "tables", files=True, engine=SerialEngine())
