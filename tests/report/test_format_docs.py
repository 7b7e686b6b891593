"""docs/formats.md names every format, and every field of the documents that commands write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from ocisize.budgets.baseline import BaselineTotals
from ocisize.cli.main import main
from ocisize.model.sizes import Sizes
from ocisize.report.formats import FORMATS

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "formats.md").read_text()
NUMBERS = (ROOT / "docs" / "numbers.md").read_text()
SECTIONS = dict(re.findall(r"^## ([a-z-]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
EXAMPLE = str(ROOT / "testdata" / "example.tar")
HEAD = {"schema", "version", "ocisize", "source", "reference", "platform", "digest", "config_digest"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Dockerfile and no budgets."""
    monkeypatch.chdir(tmp_path)


def output_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([*arguments, "-q"]) == 0
    return capsys.readouterr().out


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys_of(item)


@pytest.mark.parametrize(
    "arguments",
    [["advise"], ["files", "--glob", "*.deb"], ["tree", "--top", "9"], ["packages"], ["packages", "--by", "source"], ["baseline", "write"], ["baseline", "check"],
     ["baseline", "write", "--all-platforms"]],
)  # fmt: skip
def test_documents_have_the_fields_that_are_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The page names each field of each document, beside its schema."""
    if "check" in arguments:
        output_of(capsys, "baseline", "write", EXAMPLE, "--name", "a")
        arguments = [*arguments, "--name", "a"]
    command, *more = arguments
    document = json.loads(output_of(capsys, command, *more[:1], EXAMPLE, *more[1:], "-f", "json") if command == "baseline"
                          else output_of(capsys, command, EXAMPLE, *more, "-f", "json"))  # fmt: skip
    assert f"`{document['schema']}`" in SECTIONS["json"]
    if command != "baseline":
        assert set(document) >= HEAD
    totals = {field.name for field in attrs.fields(BaselineTotals)}
    shares = {"wasted_compressed_size", "safe", "probably", "ask"}
    named = set(re.findall(r"`(\w+)`", SECTIONS["json"]))
    assert set(keys_of(document)) - named - totals - shares == set()


@pytest.mark.parametrize("arguments", [["--files"], ["--all-platforms"], ["--max-download", "1 GB"]])
def test_the_analysis_has_the_fields_that_are_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each field of an analysis and of an index is on this page, or is a figure on the page of numbers; and the reverse."""
    document = json.loads(output_of(capsys, EXAMPLE, "-f", "json", *arguments))
    assert f"`{document['schema']}`" in SECTIONS["json"]
    named = set(re.findall(r"`(\w+)`", SECTIONS["json"])) | set(re.findall(r"`([\w.]+)`", NUMBERS))
    fields = {key for key in keys_of(document) if not key.isdecimal()}  # rows of file tables
    assert fields - named == set()
    (table,) = re.findall(r"^\| field of `ocisize.analysis` \| content \|\n(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    rows = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in table.splitlines()[1:]]
    analysis = document["images"][0]["analysis"] if "images" in document else document
    figures = {field.name for field in attrs.fields(Sizes)}
    assert {name for row in rows for name in row} - {"budgets"} == set(analysis) - {"budgets"} - figures


def test_formats_for_all_platforms_are_listed() -> None:
    """The table of --all-platforms names the formats that can show several images, and no other."""
    (table,) = re.findall(r"^\| format \| how it separates platforms \|\n(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`([\w-]+)`", " ".join(line.split("|")[1] for line in table.splitlines()))) == {
        name for name, row in FORMATS.items() if row.all_platforms
    }


@pytest.mark.parametrize(
    "arguments", [[EXAMPLE], [EXAMPLE, "--all-platforms"], [EXAMPLE, "--max-download", "1 GB"], ["diff", EXAMPLE, EXAMPLE]]
)
def test_outlines_have_the_fields_that_are_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The same for the documents of --quick; the figures that nobody knows without the layers are null."""
    document = json.loads(output_of(capsys, *arguments, "--quick", "-f", "json"))
    assert f"`{document['schema']}`" in SECTIONS["json"]
    outline = document["images"][0]["outline"] if "images" in document else document.get("after", document)
    assert [outline[name] for name in ("content_size", "live_size", "wasted_size", "file_count")] == [None] * 4
    if "run" in outline:
        outline["run"]["labels"], outline["annotations"] = {}, {}
    assert set(keys_of(document)) - set(re.findall(r"`(\w+)`", SECTIONS["json"])) == set()
