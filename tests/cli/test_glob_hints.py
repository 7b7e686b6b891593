"""ocisize files --glob: a folder selects its files, and a glob without files is explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocisize.cli.main import main
from tests.images import DIR, Link, build_image, layer, write_layout


@pytest.fixture
def image(tmp_path: Path) -> str:
    """An image with a package folder, a link, an empty folder, and a second layer."""
    first = layer({"app/node_modules/left-pad/index.js": b"1" * 300, "app/README": b"2", "lib": Link("usr/lib"), "mnt": DIR})
    return str(write_layout(build_image([first, layer({"usr/Share/x\x1b[31m": b"3"})]), tmp_path / "l"))


def files(image: str, glob: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[str], str]:
    """The paths of the files that a glob selects, and the messages."""
    assert main(["files", image, "--glob", glob, "-f", "json", *arguments]) == 0
    captured = capsys.readouterr()
    return [row["path"] for row in json.loads(captured.out)["files"]], captured.err


@pytest.mark.parametrize(
    "glob", ["node_modules", "node_modules/", "/app/node_modules", "**/node_modules/**", "left-pad/*.js"]
)
def test_a_folder_selects_its_files(glob: str, image: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With or without a slash at its end, as in budgets."""
    assert files(image, glob, capsys) == (["app/node_modules/left-pad/index.js"], "")


@pytest.mark.parametrize(
    ("glob", "hint"),
    [
        ("/lib", "/lib is a symbolic link to usr/lib"),
        ("/lib/", "/lib is a symbolic link to usr/lib"),
        ("mnt", "/mnt is a directory without files"),
        ("/node_modules", "/node_modules begins at the root; --glob node_modules finds /app/node_modules/left-pad/index.js"),
        ("Node_Modules/", "case counts: did you mean --glob node_modules/?"),
        ("readme", "case counts: did you mean --glob README?"),
        ("*.pyc", "no path in the image matches *.pyc"),
    ],
)
def test_a_glob_without_files_is_explained(glob: str, hint: str, image: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A hint says what is there instead; --quiet leaves it out."""
    assert files(image, glob, capsys) == ([], f"hint: {hint}\n")
    assert files(image, glob, capsys, "-q") == ([], "")


def test_files_of_another_layer(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A view of one layer says which layers have the files."""
    hint = "hint: node_modules matches files of layer 0: omit --layer for all layers\n"
    assert files(image, "node_modules", capsys, "--layer", "1") == ([], hint)


def test_names_cannot_steer_the_terminal(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Hints with names of the image escape control characters."""
    assert files(image, "/x*", capsys) == ([], "hint: /x* begins at the root; --glob 'x*' finds /usr/Share/x\\x1b[31m\n")
