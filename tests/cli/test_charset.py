"""Text for terminals that do not show UTF-8: ASCII signs, escapes for names, and columns that stay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ocisize.cli.charset import find_encoding, to_ascii
from tests.images import build_image, layer, write_layout

ROOT = Path(__file__).parent.parent.parent
LOCALES = ("LANG", "LC_ALL", "LC_CTYPE", "PYTHONUTF8", "PYTHONIOENCODING")
EXAMPLE = "testdata/example.tar"


def run(*arguments: str, **environment: str) -> bytes:
    kept = {name: value for name, value in os.environ.items() if name not in LOCALES}
    command = [sys.executable, "-m", "ocisize", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    ).stdout


@pytest.mark.parametrize(
    "arguments",
    [[EXAMPLE], [EXAMPLE, "--full"], ["advise", EXAMPLE], ["files", EXAMPLE], ["tree", EXAMPLE], ["--help"],
     ["diff", EXAMPLE, EXAMPLE], [EXAMPLE, "--all-platforms"], ["baseline", "check", EXAMPLE, "--layr", "3"]],
    ids=lambda words: " ".join(words).replace(EXAMPLE, "IMAGE"),
)  # fmt: skip
def test_everything_is_ascii_in_the_locale_c(arguments: list[str]) -> None:
    """No report, help or error has a byte beyond ASCII, an escape for a sign of ours, or a line that is too long."""
    text = run(*arguments, LANG="C", COLUMNS="80").decode("ascii")
    assert "\\u" not in text and "\\x" not in text
    if "--layr" not in arguments:
        assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("variable", ["LANG", "LC_ALL"])
def test_the_locale_decides(variable: str) -> None:
    """An explicit C locale is ASCII; without locale variables, as in containers, the output is UTF-8."""
    assert b" - 5 layers - " in run(EXAMPLE, **{variable: "C"})
    assert " · 5 layers · ".encode() in run(EXAMPLE, **{variable: "C.UTF-8"})
    assert " · 5 layers · ".encode() in run(EXAMPLE)


def test_names_are_escaped_and_data_stays_utf8(tmp_path: Path) -> None:
    """Letters of names become escapes; JSON and files are UTF-8 as everywhere."""
    image = str(write_layout(build_image([layer({"café …": b"1" * 100})]), tmp_path / "l"))
    assert b"/caf\\xe9 ..." in run("files", image, LANG="C")
    assert json.loads(run("files", image, "-f", "json", LANG="C"))["files"][0]["path"] == "café …"
    run(image, "-o", str(tmp_path / "out.txt"), LANG="C")
    assert " · " in (tmp_path / "out.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("encoding", "environment", "expected"),
    [
        ("utf-8", {}, None),
        ("utf-8", {"LANG": "C"}, "ascii"),
        ("utf-8", {"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "ascii"),  # LC_CTYPE is Python's
        ("utf-8", {"LANG": "C", "LC_ALL": "en_US.UTF-8"}, None),
        ("utf-8", {"LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}, "ascii"),
        ("utf-8", {"LANG": "C", "PYTHONUTF8": "1"}, None),
        ("utf-8", {"LANG": "C", "PYTHONIOENCODING": "utf-8"}, None),
        ("koi8-r", {"LANG": "ru_RU.KOI8-R"}, "koi8-r"),
        ("ocisize_ascii", {"LANG": "C"}, None),  # the stream has the codec already
    ],
)
def test_find_encoding(encoding: str, environment: dict[str, str], expected: str | None) -> None:
    """The first locale variable that the user set decides."""
    if encoding.startswith("ocisize_"):
        encoding = "ocisize_ascii"
    assert find_encoding(encoding, environment) == expected


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [
        ("RUN make ins…  12 MB", "RUN make i...  12 MB"),
        ("RUN …         12 MB", "RUN ...       12 MB"),
        ("a 1→3    deleted", "a 1->3   deleted"),
        ("/usr/…/numpy", "/usr/.../numpy"),
        ("█████▋░ 50 %", "######. 50 %"),
        ("│ └ a", "| ` a"),
        ("\x1b[2m… 38 more files\x1b[0m", "\x1b[2m... 38 more files\x1b[0m"),
        ("\x1b[2ma…\x1b[0m", "\x1b[2ma...\x1b[0m"),
        ("\x1b[2mabcd…\x1b[0m", "\x1b[2mab...\x1b[0m"),
    ],
)
def test_columns_stay(text: str, ascii_text: str) -> None:
    """What is longer in ASCII takes its columns from the cut word, or from the padding behind."""
    assert to_ascii(text) == ascii_text
