"""``ocisize fleet export``: the tables of a fleet in a folder, and every report of ``ocisize fleet`` from the command line."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import duckdb
import pytest
from prometheus_client.openmetrics.parser import text_fd_to_metric_families

from ocisize.cli.completion import complete
from ocisize.cli.main import main, make_parser
from ocisize.report.fleet.formats import FLEET_FORMATS
from tests.fleets import service_family, write_fleet


def rows_of(query: str) -> list[Any]:
    return duckdb.execute(query).fetchall()


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return write_fleet(service_family(), tmp_path / "shop")


@pytest.fixture
def images(tmp_path: Path, layout: Path) -> Path:
    """A list of all images with a label each."""
    lines = [f"oci-dir:{layout}:{tag.repository}:{tag.tag} {tag.repository} team" for tag in service_family()]
    path = tmp_path / "images.txt"
    path.write_text("\n".join(lines))
    return path


def test_documents_become_tables(tmp_path: Path, layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No layer is read; the line says what was written."""
    folder = tmp_path / "out" / "tables"
    assert main(["fleet", "export", "--parquet", str(folder), str(layout)]) == 0
    assert capsys.readouterr().out == f"wrote 16 images and 26 layers to {folder}\n"
    assert rows_of(f"SELECT count(*) FROM '{folder}/images.parquet'") == [(16,)]
    assert not (folder / "files").exists()


def test_the_line_goes_to_the_file_of_the_option(tmp_path: Path, layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = tmp_path / "line.txt"
    assert main(["fleet", "export", "--parquet", str(tmp_path / "tables"), str(layout), "-o", str(line)]) == 0
    assert line.read_text().startswith("wrote 16 images")
    assert capsys.readouterr().out == ""
    assert main(["fleet", "export", "--parquet", str(tmp_path / "tables"), str(layout), "-o", str(tmp_path)]) == 2


def test_a_folder_that_cannot_be_made_is_named_as_given(
    tmp_path: Path, layout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not the folder beside it, which is written first."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert main(["fleet", "export", "--parquet", "file/tables", str(layout)]) == 2
    assert capsys.readouterr().err == "error: file/tables: cannot be written: Not a directory\n"


def test_files_of_layers_are_exported_too(tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tables"
    assert main(["fleet", "export", "--files", "--parquet", str(folder), str(images), "-q", "-j", "2"]) == 0
    assert capsys.readouterr() == ("", "")
    query = f"SELECT count(*), count(DISTINCT layer_id) FROM '{folder}/files/*.parquet'"
    assert rows_of(query)[0][1] == 26
    labels = rows_of(f"SELECT DISTINCT label FROM '{folder}/images.parquet' ORDER BY ALL")
    assert labels == [("api team",), ("base team",), ("web team",), ("worker team",)]


def test_what_cannot_be_read_makes_the_export_incomplete(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tables have the others, and exit status 2 says that some are missing."""
    images.write_text(f"{images.read_text()}\n{tmp_path}/gone.tar\n")
    folder = tmp_path / "tables"
    assert main(["fleet", "export", "--parquet", str(folder), str(images)]) == 2
    assert "the export is incomplete" in capsys.readouterr().err
    ((name,),) = rows_of(f"SELECT name FROM '{folder}/failures.parquet'")
    assert "gone.tar" in name


def test_no_image_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tables"
    assert main(["fleet", "export", "--parquet", str(folder), str(tmp_path / "gone.tar")]) == 2
    assert "gone.tar" in capsys.readouterr().err
    assert not folder.exists()


def test_a_folder_in_use_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is read: the source does not even exist."""
    (tmp_path / "mine").write_text("")
    assert main(["fleet", "export", "--parquet", str(tmp_path), "gone.tar"]) == 2
    assert "has files that no export has written, such as mine" in capsys.readouterr().err


def test_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["fleet", "export", "--parquet", str(tmp_path / "tables"), "gone.tar"]) == 2
    error = capsys.readouterr().err
    assert "an export needs DuckDB, which is not installed" in error and "pip install 'ocisize[fleet]'" in error


def test_words_of_the_command_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fleet", "export", "images.txt"])
    assert "--parquet is missing" in capsys.readouterr().err


def test_completion_knows_both_commands() -> None:
    assert "--parquet" in complete(["fleet", "export", "--pa"], make_parser).words
    assert "--parquet" not in complete(["fleet", "--pa"], make_parser).words
    assert "export" in complete(["fleet", "ex"], make_parser).words
    assert "export" not in complete(["fleet", "images.txt", "ex"], make_parser).words
    assert "export" not in complete(["ex"], make_parser).words
    assert [name for name in complete(["flee"], make_parser).words if name.startswith("fleet")] == ["fleet"]


@pytest.mark.parametrize("name", FLEET_FORMATS)
def test_every_format_is_written(layout: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", str(layout), "-f", name, "--frees", "api:1.*"]) == 0
    text = capsys.readouterr().out
    assert "worker:1.1" in text or name == "openmetrics"
    if name == "openmetrics":
        families = list(text_fd_to_metric_families(io.StringIO(text)))  # type: ignore[no-untyped-call]
        assert "ocisize_fleet_stored_bytes" in [family.name for family in families]
