"""``ocisize packages``: its options, formats and statuses, on an image with the databases of dpkg and pip."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from ocisize.cli.completion import complete
from ocisize.cli.main import main, make_parser
from tests.images import build_image, layer, write_docker_archive, write_layout
from tests.pairs import make_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("packages") / "service"
    write_layout(make_service(), folder)
    return str(folder)


def output_of(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(["packages", *arguments, "-q"]) == status
    return capsys.readouterr().out


def test_the_table_names_what_the_databases_list(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, service)
    for words in ("gcc", "numpy (in /opt/venv)", "numpy (in /usr/local)", "replaced by 3.0.15-1", "apt lists", "asked for"):
        assert words in text, text
    table, _, layers = text.rpartition("\n\n")
    assert table.splitlines()[-1].startswith("Image")
    assert [line[8:].split()[0] for line in layers.splitlines()] == ["0", "1", "2", "3", "4"]
    assert "RUN pip install numpy==1.24.4 requests" in layers


def test_all_packages_are_in_json_and_csv(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(output_of(capsys, service, "-f", "json"))
    names = {(package["ecosystem"], package["name"], package["version"]) for package in document["packages"]}
    assert names >= {
        ("deb", "libssl3", "3.0.11-1"), ("deb", "libssl3", "3.0.15-1"), ("python", "numpy", "1.24.4"),
        ("python", "numpy", "1.26.4"), ("python", "scipy", "1.11.4"), ("deb", "python3", "3.11.2-1"),
    }  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(output_of(capsys, service, "-f", "csv"))))
    assert len([row for row in rows if row["part"] == "packages"]) == len(document["packages"])
    assert sum(int(row["content_size"]) for row in rows) == document["totals"]["content_size"]
    assert sum(int(row["compressed_size"]) for row in rows) == document["totals"]["compressed_size"]
    (old,) = [package for package in document["packages"] if package["version"] == "3.0.11-1"]
    assert (old["installed"], old["wasted_size"], old["layer"]) == (False, old["content_size"], 0)
    assert old["content_size"] >= 150_000


def test_the_cache_changes_no_report(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report on an analysis from the cache, without its file tables, is that on a new one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for form in ("text", "json", "csv", "markdown", "html"):
        texts = {output_of(capsys, service, "-f", form, *more) for more in ([], [], ["--no-cache"])}
        assert len(texts) == 1, form


def test_kinds_groups_order_and_count(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--kind", "python", "--kind", "cache,unknown", "--by", "source", "--top", "1", "--sort", "size"]
    document = json.loads(output_of(capsys, service, "-f", "json", *options))
    assert (document["kinds"], document["by"], document["sort"]) == (["python", "cache", "unknown"], "source", "size")
    assert [group["name"] for group in document["groups"]] == ["numpy"]
    assert {files["kind"] for files in document["unowned"]} <= {"cache", "unknown"}
    assert document["others"]["count"] > 0
    alone = json.loads(output_of(capsys, service, "-f", "json", "--kind", "unowned"))
    assert alone["packages"] == []
    assert alone["kinds"] == ["cache", "application", "generated", "unknown"]


@pytest.mark.parametrize(
    ("format", "words"), [("html", "<!DOCTYPE html>"), ("markdown", "| **Image** |"), ("text", "Image")]
)
def test_other_formats_are_written_to_files(
    service: str, tmp_path: Path, format: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output_of(capsys, service, "-f", f"{format}={tmp_path / 'out'}")
    text = (tmp_path / "out").read_text("utf-8")
    assert words in text
    assert "scipy" in text


def test_several_reports_have_as_many_rows_as_their_formats(
    service: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One analysis is enough for all; a file that cannot be written is an error, and the others are written."""
    table, missing = tmp_path / "all.csv", tmp_path / "no" / "x.json"
    text = output_of(capsys, service, "--top", "2", "-f", "text", "-f", f"csv={table}")
    assert "… 8 other packages" in text
    assert len([row for row in csv.DictReader(table.read_text("utf-8").splitlines()) if row["part"] == "packages"]) == 2
    assert main(["packages", service, "-q", "-f", f"json={missing}", "-f", f"csv={table}"]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert len([row for row in csv.DictReader(table.read_text("utf-8").splitlines()) if row["part"] == "packages"]) == 10


def test_an_image_without_databases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_layout(build_image([layer({"app/run": b"x" * 900, "var/cache/apt/pkgcache.bin": b"y" * 500})]), tmp_path / "bare")
    text = output_of(capsys, str(tmp_path / "bare"))
    assert "No packages: no package database was found" in text
    assert text.splitlines()[-3].startswith("Image")
    assert text.splitlines()[-1].startswith("Layers  0")


BUDGET = '[[budget]]\npackage = "python:numpy"\nmax-unpacked = "{}"\n'


@pytest.mark.parametrize("limit", ["600 kB", "2 MB"])
@pytest.mark.parametrize(
    "command", [["analyze"], ["analyze", "--all-platforms"], ["diff", "scratch"], ["analyze", "--full"]]
)
def test_budgets_read_the_packages(
    service: str, tmp_path: Path, command: list[str], limit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command that judges budgets measures packages, whether or not its report shows them."""
    file = tmp_path / "limits.toml"
    file.write_text(BUDGET.format(limit))
    status = main([*command, service, "--budget-file", str(file), "-q"])
    assert status == (1 if limit == "600 kB" else 0), capsys.readouterr()


def test_a_baseline_has_the_figures_of_packages(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ocisize.toml").write_text(BUDGET.format("+1 kB"))
    assert main(["baseline", "write", service, "-q"]) == 0
    (entry,) = [entry for images in json.loads(Path("ocisize-baseline.json").read_text())["images"].values()
                for entry in images.values()]  # fmt: skip
    assert entry["parts"]["content_size of package python:numpy"] >= 1_020_000
    assert main(["baseline", "check", service, "-q"]) == 0
    file = Path("ocisize-baseline.json")
    file.write_text(file.read_text().replace('numpy": 10', 'numpy": 9'))
    assert main(["baseline", "check", service, "-q"]) == 1
    bare = tmp_path / "bare"
    write_layout(build_image([layer({"etc/x": b"x"})]), bare)
    assert main(["diff", str(bare), service, "-q"]) == 1
    assert main(["diff", service, service, "-q"]) == 0
    capsys.readouterr()


def test_the_full_report_has_the_largest_packages(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([service, "--section", "packages", "--top", "2", "-q"]) == 0
    text = capsys.readouterr().out
    assert "10 packages (6 deb, 4 python)" in text
    assert "gcc 12.2.0-3" in text
    assert "… 8 other packages" in text
    assert "ocisize packages shows all" in text


def test_an_unknown_kind_has_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["packages", "app.tar", "--kind", "pyton"])
    assert "did you mean python?" in capsys.readouterr().err


def test_kinds_are_completed() -> None:
    assert "python,npm" in complete(["packages", "app.tar", "--kind", "python,"], make_parser).words
    assert list(complete(["packages", "app.tar", "--by", "so"], make_parser).words) == ["source"]


def test_sections_of_the_full_report(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    """``--section`` chooses from the sections that ``--full`` shows."""
    assert main([service, "--section", "packages", "-q"]) == 0
    chosen = capsys.readouterr().out
    assert main([service, "--full", "--section", "packages", "-q"]) == 0
    assert capsys.readouterr().out == chosen
    assert "Layers, base first" not in chosen


def test_names_and_reasons_narrow_the_table(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--match", "*-DEV", "--match", "python:num*,gcc", "--reason", "needed,asked"]
    document = json.loads(output_of(capsys, service, "-f", "json", *options))
    assert [package["name"] for package in document["packages"]] == ["gcc", "numpy", "numpy", "libc6-dev"]
    assert (document["names"], document["reasons"]) == (["*-DEV", "python:num*", "gcc"], ["needed", "asked"])
    assert document["unowned"] == []
    parts = (*document["packages"], document["other_kinds"])
    assert sum(part["content_size"] for part in parts) == document["totals"]["content_size"]
    text = output_of(capsys, service, *options)
    assert "… all other packages and files" in text
    rows = list(csv.DictReader(io.StringIO(output_of(capsys, service, "-f", "csv", *options))))
    assert [row["name"] for row in rows if row["part"] == "others"] == ["other packages and files"]
    assert sum(int(row["content_size"]) for row in rows) == document["totals"]["content_size"]


def test_a_name_that_no_package_has_is_explained(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["packages", service, "--match", "libsll3,gcc,zz*"]) == 0
    messages = capsys.readouterr().err
    assert messages == "hint: no package matches libsll3, did you mean libssl3?\nhint: no package matches zz*\n"


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (("--kind", "pip"), "did you mean python?"),
        (("--kind", "Node"), "did you mean npm?"),
        (("--kind", "golang"), "did you mean go?"),
        (("--reason", "askd"), "did you mean asked?"),
        (("--match", "maven:core"), "did you mean java:core?"),
    ],
)
def test_other_names_of_kinds_have_a_hint(options: tuple[str, str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["packages", "app.tar", *options])
    assert (stop.value.code, capsys.readouterr().err.splitlines()[-1]) == (2, f"hint: {hint}")


def test_files_of_no_package_have_a_name_and_a_directory(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row for row in csv.DictReader(io.StringIO(output_of(capsys, service, "-f", "csv"))) if row["part"] == "unowned"]
    places = {row["name"]: row["path"] for row in rows}
    assert places["apt lists"] == "/var/lib/apt/lists"
    assert places["/app"] == "/app"
    document = json.loads(output_of(capsys, service, "-f", "json"))
    assert {files["name"]: files["path"] for files in document["unowned"]} == places
    assert "in /var/lib/apt/lists" in output_of(capsys, service)


def test_the_download_of_an_archive_is_estimated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the head, as the report on the image does; no format guesses that of a package."""
    write_docker_archive(make_service(), tmp_path / "service.tar")
    text = output_of(capsys, str(tmp_path / "service.tar"))
    assert re.search(r"^≈ [\d.]+ MB download · 4.21 MB unpacked", text, re.MULTILINE)
    assert " Download " not in text
    rows = csv.DictReader(io.StringIO(output_of(capsys, str(tmp_path / "service.tar"), "-f", "csv")))
    assert {row["compressed_size"] for row in rows} == {""}


def test_reasons_are_completed() -> None:
    assert set(complete(["packages", "app.tar", "--reason", "asked,n"], make_parser).words) >= {"asked,needed"}
