"""``ocisize history``: images in order, releases that cannot be read, and what ``--files`` tells apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocisize.cli.main import main
from tests.fleets import push_fleet, service_family, write_fleet
from tests.images import BuiltImage, File, build_image, layer, write_layout
from tests.registry import RealRegistry
from tests.updates.service import write_service

BASE = layer({"bin/sh": bytes(range(256)) * 40})


def write_release(folder: Path, name: str, app: bytes, mtime: int = 0) -> str:
    """A layout of an image with a base, a step that writes the same files with another time, and the app."""
    deps = layer({"deps/a.js": File(b"a" * 5000, mtime=mtime), "deps/b.js": File(b"b" * 300, mtime=mtime)})
    steps = ("ADD file:0123456789ab… in /", "RUN npm ci", "COPY . /app")
    image: BuiltImage = build_image([BASE, deps, layer({"app/main": app})], history=[{"created_by": step} for step in steps])
    write_layout(image, folder / name)
    return str(folder / name)


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    """Three releases: the second has the same content built again, the third another app."""
    return [
        write_release(tmp_path, "one", b"1" * 50),
        write_release(tmp_path, "two", b"1" * 50, mtime=1_700_000_000),
        write_release(tmp_path, "three", b"3" * 60, mtime=1_700_000_000),
    ]


def history_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    status = main(["history", *arguments, "-f", "json", "--no-cache"])
    return status, json.loads(capsys.readouterr().out)


def statuses_of(document: dict[str, Any]) -> list[list[str]]:
    return [[layer["status"] for layer in update["layers"]] for update in document["updates"]]


def test_without_files_a_new_digest_may_be_anything(images: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, document = history_of(images, capsys)
    assert status == 0 and document["complete"] is True
    assert statuses_of(document) == [["shared", "changed", "shared"], ["shared", "shared", "changed"]]
    assert document["changed"] is None


def test_files_tell_layers_that_were_only_built_again(images: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, document = history_of([*images, "--files"], capsys)
    assert status == 0
    assert statuses_of(document) == [["shared", "rebuilt", "shared"], ["shared", "shared", "changed"]]
    first, second = document["updates"]
    assert first["changed_size"] == 0 and first["unchanged_size"] == first["layers"][1]["size"]
    assert 0 < second["changed_size"] < second["by_blob_size"]


def test_a_missing_release_is_left_out_and_named(images: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["history", images[0], "./missing.tar", images[2], "--no-cache"])
    out, err = capsys.readouterr()
    assert status == 2
    assert "2 releases" in out and "./missing.tar" in out and "incomplete: 1 image could not be read" in out
    assert "error: no such file or folder: ./missing.tar" in err


def test_no_release_at_all_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "./missing.tar"]) == 2
    assert "no release could be read" in capsys.readouterr().err


@pytest.mark.parametrize("width", [80, 120])
def test_the_report_fits_the_page(
    images: list[str], width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["history", *images, "--files"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width and len(lines) <= 28
    assert any("(same files) 1 RUN npm ci" in line for line in lines)


def test_a_file_with_several_images_is_a_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The images of a layout, and a layout beside them, in order of version."""
    tags = [tag for tag in service_family() if tag.repository == "api"]
    folder = write_fleet(tags, tmp_path / "api")
    status, document = history_of([str(folder), "--order", "version"], capsys)
    assert status == 0
    assert [release["select"] for release in document["releases"]] == [f"api:{tag}" for tag in ("1.0", "1.1", "1.2", "2.0")]
    assert main(["history", str(folder), "--order", "version", "--files"]) == 0
    assert "1.1 → 1.2" in capsys.readouterr().out


def test_tags_of_a_repository(registry: RealRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """Listed tags come by version, and two tags of one digest are one release."""
    push_fleet(registry, [tag for tag in service_family() if tag.repository == "web"])
    status, document = history_of([f"{registry.host}/web", "--tags", "*", "--platform", "linux/amd64"], capsys)
    assert status == 0 and document["order"] == "version"
    names = [[name.rpartition(":")[2] for name in release["names"]] for release in document["releases"]]
    assert names[:3] == [["1.0"], ["1.1"], ["1.2"]] and sorted(names[3]) == ["2.0", "stable"]
    assert [update["removed"] for update in document["updates"]] == [0, 0, 0]
    moved = document["updates"][0]  # two layers in another order: nothing to download by blob
    assert moved["cause"] is None and moved["by_chain_size"] > moved["by_blob_size"] == moved["document_size"]
    status, document = history_of([f"{registry.host}/web", "--tags", "1.*", "--last", "2"], capsys)
    assert [release["name"].rpartition(":")[2] for release in document["releases"]] == ["1.1", "1.2"]


@pytest.mark.parametrize(("options", "is_advised"), [([], True), (["--tags", "9*"], False)])
def test_a_repository_without_the_option_for_tags(
    registry: RealRegistry, options: list[str], is_advised: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its tag latest is meant, which nothing has: the hints say so, and name the option."""
    push_fleet(registry, [tag for tag in service_family() if tag.repository == "web"])
    assert main(["history", f"{registry.host}/web", *options]) == 2
    err = capsys.readouterr().err
    assert ("without a tag, latest is read" in err) == is_advised
    assert ("hint: name the tags of the repository, such as --tags '*'" in err) == is_advised


def test_advice_is_replayed_on_the_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A service whose Dockerfile copies the application first: what the report and the document say to change."""
    images = write_service(tmp_path)
    _, document = history_of([*images, "--files"], capsys)
    advice = document["advice"]
    steps = [document["layers"][track]["build_step"] for track in advice["order"]["tracks"]]
    assert steps[-1] == "COPY . /app" and advice["possible_order"] is None
    assert advice["rebuilt_layers"] == 7 and 0 < advice["order"]["saved_size"] < advice["order"]["actual_size"]
    (split,) = advice["splits"]
    assert any("deps/node_modules/client" in group["names"] for group in split["groups"] if group["changes"] == 2)
    assert main(["history", *images, "--files"]) == 0
    out = capsys.readouterr().out
    assert (
        "before `COPY . /app`: saves" in out
        and "reproducible builds: 7 layers" in out
        and "division: `COPY node_modules" in out
    )
