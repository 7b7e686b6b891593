"""``ocisize fleet --files``: the options of engines, reports, and exit statuses."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocisize.cli.main import main
from ocisize.fleet.engine import borrowed
from ocisize.fleet.engine.executors import SerialEngine
from ocisize.fleet.files.read import read_fleet_files
from ocisize.fleet.measure import measure_fleet
from ocisize.report.fleet.json import fleet_document
from ocisize.report.fleet.subject import FleetSubject
from ocisize.report.fleet.text import write as write_text
from tests.fleet.given import make_fleet
from tests.fleets import Tagged, service_family, tagged, write_fleet
from tests.hostile import HOSTILE
from tests.images import build_image, layer

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\ufeff]")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("OCISIZE_CACHE_DIR", str(tmp_path / "cache"))
    yield tmp_path / "cache"
    assert not borrowed._idle


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fleet(service_family(), tmp_path_factory.mktemp("fleet"))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["fleet", *arguments])
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def test_without_files_no_layer_is_read(layout: Path, capsys: pytest.CaptureFixture[str], cache: Path) -> None:
    status, text, _ = run(capsys, str(layout), "-f", "json")
    assert status == 0
    assert json.loads(text)["files"] is None
    assert not (cache / "layers-v3").exists()


def test_engines_write_the_same_bytes(layout: Path, capsys: pytest.CaptureFixture[str], cache: Path) -> None:
    """Cold and warm, serial and in processes, with the cache and without."""
    reports = [
        run(capsys, str(layout), "--files", "-f", "json", *arguments)[1]
        for arguments in (["--engine", "serial"], ["--jobs", "2"], ["--engine", "processes", "--no-cache"], ["--max-memory", "200MB"])
    ]  # fmt: skip
    assert len(set(reports)) == 1
    document = json.loads(reports[0])["files"]
    assert document["complete"] is True
    assert (cache / "layers-v3").exists()
    texts = {run(capsys, str(layout), "--files", *arguments)[1] for arguments in (["--engine", "serial"], [])}
    assert len(texts) == 1


def test_json_has_the_figures_of_the_model(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(run(capsys, str(layout), "--files", "--engine", "serial", "-f", "json")[1])
    files = document["files"]
    assert files["excess_size"] == sum(content["excess_size"] for content in files["duplicates"])
    diff_ids = {blob["digest"]: twins["diff_id"] for twins in document["twins"] for blob in twins["blobs"]}
    diff_ids |= {layer["digest"]: layer["diff_id"] for family in document["families"] for layer in family["layers"]}
    for junk in files["junk"]:
        assert junk["logical_size"] >= junk["size"] == sum(place["size"] for place in junk["places"])
        for place in junk["places"]:
            if place["family"] is not None:
                family = document["families"][place["family"]]
                assert diff_ids[place["layer"]] in {layer["diff_id"] for layer in family["layers"]}
    for secret in files["secrets"]:
        assert all(document["roots"][root]["images"] for root in secret["roots"])
    assert {rebase["name"] for rebase in files["rebases"]} == {"registry.example/base"}


def test_text_says_where_junk_comes_from(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text, _ = run(capsys, str(layout), "--files", "--engine", "serial")
    assert status == 0
    assert re.search(r"OS302 apt archives and caches\n.*from base base:12\.1, 8\.00 kB in 9 images", text)
    assert "srv/worker/.env: environment files" in text
    assert "wJalr" not in text
    assert re.search(r"if all images\s+were built on base:12\.1", text)


def test_layers_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2; the rest is reported."""
    layout = write_fleet(service_family(), tmp_path / "layout")
    blob = max((layout / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    blob.write_bytes(b"damaged")
    status, text, _ = run(capsys, str(layout), "--files", "--engine", "serial")
    assert status == 2
    assert "incomplete: 1 layer was not read" in text
    assert blob.name in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "serial"], "--engine needs --files"),
        (["--dask", "tcp://127.0.0.1:1"], "--dask needs --files"),
        (["--per-store", "3"], "--per-store needs --files"),
        (["--files", "--dask", "tcp://127.0.0.1:1", "--engine", "serial"], "choose one of them"),
    ],
)
def test_options_that_contradict(
    layout: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    status, _, error = run(capsys, str(layout), *arguments)
    assert status == 2
    assert message in error


def hostile_tags() -> list[Tagged]:
    """Junk, secrets and copies whose paths have control characters."""
    entries: dict[str, Any] = {}
    for number, name in enumerate(HOSTILE):
        clean = name.replace("/", "").replace("\0", "")[:60] or str(number)
        entries |= {f"root/.cache/pip/{clean}": b"cache", f"srv/{clean}/.env": b"KEY=1", f"a/{clean}.x": b"same"}
    one, other = layer(entries), layer({"etc/os": b"x"})
    return [tagged("a", "1", build_image([one, other])), tagged("b", "1", build_image([one]))]


def test_names_from_images_are_escaped(tmp_path: Path) -> None:
    """In the text; JSON escapes them by itself."""
    layout = write_fleet(hostile_tags(), tmp_path / "layout")
    fleet = make_fleet(hostile_tags(), lambda tag: f"oci-dir:{layout}:{tag.repository}:{tag.tag}", str(layout))
    figures = measure_fleet(fleet)
    files = read_fleet_files(figures, engine=SerialEngine())
    assert files.secrets
    assert files.junk
    file = io.StringIO()
    write_text(FleetSubject(figures=figures, files=files, top=1000, width=120, color=False), file)
    assert not CONTROLS.search(file.getvalue())
    assert json.loads(json.dumps(fleet_document(FleetSubject(figures=figures, files=files))))["files"]["secret_count"]
