"""``ocisize fleet``: sources, options, what the report shows, failures, and an interrupt."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ocisize import DiskCache, list_references, measure_fleet, read_fleet
from ocisize.cli.main import main
from tests.fleets import many_images, push_fleet, serve_fleet, service_family, tagged, write_fleet
from tests.images import build_image, layer
from tests.registry import Answer, RealRegistry, Server

pytestmark = pytest.mark.usefixtures("home")

REPORT = """\
layout · 16 images, 15 references
Stored: 347 kB. The sizes of all images add up to 992 kB, 2.9 times as much.
26 layers: 14 in one image only, 133 kB; the most shared ones are in 13 images,
3.23 kB.

Images that free the most when they are deleted
  Frees     Size    Share     Pull  Image
67.7 kB  68.8 kB  68.2 kB  66.6 kB  worker:1.1
33.9 kB   122 kB  56.2 kB  25.2 kB  worker:1.2
32.0 kB   120 kB  57.8 kB  25.2 kB  worker:2.0
… 11 more; --top shows more

Deletions that free the most together
Deleting these 10 references frees 246 kB, or 122 kB where manifests without a
tag are kept:
  worker:1.1, worker:1.2, worker:2.0, worker:1.0, api:1.0, api:1.1, api:1.2,
  api:2.0, web:1.2, web:1.0

Bases: images with the same lowest layers
Images  Layers     Size  Base
    10       2  28.5 kB  base:12.1
     6       3  51.4 kB    base:12.1 + 1 layer
     4       2  28.5 kB  base:12.2
… 6 more; --top shows more

5 layers are compressed in several ways, which takes 66.6 kB more; the largest:
"""


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The family in a layout of the current folder."""
    monkeypatch.chdir(tmp_path)
    return str(write_fleet(service_family(), Path("layout")))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["fleet", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_report(layout: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that was promised is there, in 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    status, report, errors = run(capsys, layout, "--top", "3")
    assert (status, errors) == (0, "")
    assert report.startswith(REPORT)
    assert "registries do not list" in report and max(map(len, report.splitlines())) <= 80


def test_a_wide_report(layout: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With more room the report says who shares the most, and which step made the top layer of a base."""
    monkeypatch.setenv("COLUMNS", "120")
    report = run(capsys, layout)[1]
    lines = report.splitlines()
    assert max(map(len, lines)) <= 120
    assert "  Frees     Size    Share     Pull  Image       Shares most" in lines
    assert "base:12.1 + 1 layer · RUN build worker step 2" in report


def test_json_has_all_figures(layout: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The document has the figures of the library, and what is not known is null."""
    status, text, _ = run(capsys, layout, "-f", "json", "--frees", "api:*", "--frees", "web:stable")
    document = json.loads(text)
    fleet = read_fleet(list_references([layout]).references)
    figures = measure_fleet(fleet)
    assert (status, document["schema"], document["complete"]) == (0, "ocisize.fleet", True)
    assert document["dangling_size"] is None
    for name in ("logical_size", "stored_size", "unique_size", "blobs", "layers", "images", "references", "twins_size"):
        assert document[name] == getattr(figures, name)
    assert [root["unique_size"] for root in document["roots"]] == [root.unique_size for root in figures.roots]
    assert sum(root["amortised_size"] for root in document["roots"]) == document["stored_size"]
    assert [family["images"] for family in document["families"]] == [family.images for family in figures.families]
    assert len(document["frees"]["references"]) == 5 and len(document["frees"]["roots"]) == 4
    assert document["deletions"]["freed"]["size"] == sum(document["deletions"]["gains"])


@pytest.mark.parametrize(
    ("order", "first"), [("frees", "worker:1.1"), ("size", "worker:1.2"), ("share", "worker:1.1"), ("pull", "worker:1.1")]
)
def test_orders(layout: str, capsys: pytest.CaptureFixture[str], order: str, first: str) -> None:
    lines = run(capsys, layout, "--sort", order)[1].splitlines()
    heading = next(number for number, line in enumerate(lines) if line.lstrip().startswith("Frees "))
    assert lines[heading + 1].split()[8] == first


def test_groups(layout: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Rows by label, from a list on standard input."""
    folder = Path(layout)
    lines = [
        f"oci-dir:{folder}:api:1.0\tshop",
        f"oci-dir:{folder}:web:1.0\tshop",
        f"oci-dir:{folder}:worker:1.0\tdata # old",
    ]
    (tmp_path / "list.txt").write_text("# services\n" + "\n".join(lines) + "\n")
    for source in ("list.txt", "-"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((tmp_path / "list.txt").read_bytes())))
        status, report, _ = run(capsys, source, "--by", "label")
        assert status == 0
        rows = [line.split() for line in report.splitlines() if line.endswith((" shop", " data"))]
        assert sorted((row[-3], row[-2], row[-1]) for row in rows) == [("1", "1", "data"), ("2", "2", "shop")]
    assert "No reference has a node." in run(capsys, "list.txt", "--by", "node")[1]


def test_frees(layout: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer comes first; a glob that matches nothing is an error."""
    status, report, _ = run(capsys, layout, "--frees", "worker:1.1")
    assert status == 0 and "Deleting 1 reference frees 67.7 kB" in report
    status, report, errors = run(capsys, layout, "--frees", "nothing:*")
    assert (status, report) == (2, "") and "no reference matches nothing:*" in errors


def test_one_platform(layout: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, report, errors = run(capsys, layout, "--platform", "linux/arm64")
    assert status == 0 and "2 images, 2 references" in report and "Only images for linux/arm64 count" in report
    assert "13 references have no image for linux/arm64, and are left out" in errors


def test_failures_come_last(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is reported, the status is 2, and JSON has the reasons."""
    references = serve_fleet(server, many_images(3, 4, size=30))
    gone = f"{server.host}/many/app0:gone"
    status, report, _ = run(capsys, *references, gone)
    assert status == 2
    assert "3 images, 3 references" in report and "incomplete: 1 reference could not be read" in report
    assert report.rstrip().splitlines()[-1].startswith("  ") and gone in report
    status, text, _ = run(capsys, *references, gone, "-f", "json")
    assert status == 2 and json.loads(text)["failures"][0]["reference"] == gone
    assert json.loads(text)["complete"] is False


def test_nothing_can_be_read(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    status, report, errors = run(capsys, f"{server.host}/app:1", "./missing")
    assert (status, report) == (2, "")
    assert "404" in errors and "no such file or folder: ./missing" in errors


def test_a_registry_by_pattern(registry: RealRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    """All tags of the repositories of a namespace, or the newest of each; a second run asks for tags only."""
    tags = [tagged(f"shop/{name}", f"1.{number}", build_image([layer({name: b"x" * number})]))
            for name in ("api", "web") for number in range(3)]  # fmt: skip
    push_fleet(registry, tags)
    pattern = f"{registry.host}/shop/*"
    documents = [json.loads(run(capsys, pattern, *options, "-f", "json")[1]) for options in ((), ("--last", "1"))]
    assert [document["references"] for document in documents] == [6, 2]
    names = [root["references"][0].rpartition("/")[2] for root in documents[1]["roots"]]
    assert sorted(names) == ["api:1.2", "web:1.2"]
    repositories = [group["name"] for group in documents[0]["groups"] if group["kind"] == "repository"]
    assert sorted(repositories) == [f"{registry.host}/shop/api", f"{registry.host}/shop/web"]


def test_an_interrupt_ends_the_program(server: Server, home: Path, cache_folder: Path) -> None:
    """Ctrl-C ends a run that waits for a registry; what was read is in the cache."""
    references = serve_fleet(server, many_images(4, 6, size=30))
    server.on("/v2/many/app0/manifests/v3", Answer(silent=True))
    command = [sys.executable, "-m", "ocisize", "fleet", *references]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)) as process:
        cache, deadline = DiskCache(cache_folder), time.monotonic() + 60
        while cache.usage().entries < 9 and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and output == b"" and b"interrupted" in errors
    assert cache.usage().entries >= 9


def test_the_rest_of_an_interrupted_run(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The second run continues where the first one ended."""
    references = serve_fleet(server, many_images(6, 8, size=30))
    run(capsys, *references[:4])
    before = len(server.requests)
    document: dict[str, Any] = json.loads(run(capsys, *references, "-f", "json")[1])
    assert document["references"] == 6
    kinds = [f"{request.method} {request.path.split('/')[-2]}" for request in server.requests[before:]]
    assert sorted(kinds) == ["GET blobs"] * 2 + ["GET manifests"] * 2 + ["HEAD manifests"] * 4
