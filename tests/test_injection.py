"""Names that try to break out, in every report of every command, as the command line writes it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cmarkgfm
import pytest

from ocisize import Analyzer
from ocisize.cli.command_table import COMMANDS
from ocisize.cli.main import main
from ocisize.cli.commands import advise, analyze, baseline, diff, files, tree
from ocisize.report.export.dive_json import to_dive_json
from ocisize.report.formats import FORMATS, write_report
from ocisize.report.options import ReportOptions
from ocisize.report.outline_formats import OUTLINE_DIFF_FORMATS, OUTLINE_FORMATS
from tests.hostile import HOSTILE
from tests.images import (
    BuiltImage,
    Entry,
    Hard,
    Link,
    build_image,
    index_bytes,
    for_platform,
    layer,
    layout_files,
    named,
    raw_layer,
    write_files,
)
from tests.strategies import END, header, long_name, member

_EXAMPLE = Path(__file__).parent.parent / "testdata" / "example.tar"
_NAMES = [name.replace("\0", "") for name in HOSTILE]
_CONTROLS = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_REPORTS = [
    *((command, form) for command, row in COMMANDS.items() for form in row.formats if command != "browse"),  # no report
    *(("all-platforms", form) for form, row in FORMATS.items() if row.all_platforms),
    *(("quick", form) for form in OUTLINE_FORMATS),
    *(("quick-all", form) for form in OUTLINE_FORMATS if FORMATS[form].all_platforms),
    *(("quick-diff", form) for form in OUTLINE_DIFF_FORMATS),
]


def hostile_image(version: int) -> BuiltImage:
    """An image in which everything that has a name has a hostile one."""
    base: dict[str, Entry] = {}
    for number, name in enumerate(_NAMES):
        base[f"{number}/{name}"] = f"{number}".encode() * 5000
        base[f"root/.ssh/{name}"] = b"x" * 100
        base[f"var/cache/apt/archives/{name[:200]}.deb"] = f"{number}".encode() * 9000
        base[f"link{number}"] = Link(name[:90])
        base[f"hard{number}"] = Hard(f"{number}/{name}")
        base[f"../{name[:50]}"] = b"climbs"
        base[f"usr/lib/python3/{name[:100]}/__pycache__/{name[:100]}.pyc"] = b"p" * 3000
    status = "".join(f"Package: {_line(name)}\nStatus: install ok installed\nVersion: {_line(name)}\n\n" for name in _NAMES)
    base["etc/os-release"] = f'PRETTY_NAME="{_line("".join(_NAMES[:8]))}"\nID="{_line(_NAMES[0])}"\n'.encode(
        "utf-8", "surrogateescape"
    )
    base["var/lib/dpkg/status"] = status.encode("utf-8", "surrogateescape")
    base["id_rsa"] = b"-----BEGIN PRIVATE KEY-----"
    above: dict[str, Entry] = {f"{number}/{name}": f"{number}".encode() * 5000 for number, name in enumerate(_NAMES)}
    above[f"version{version}"] = b"v" * 5000 * version
    steps = [f"RUN apt-get install -y {name} && pip install {name} # {name}" for name in _NAMES]
    top = [layer({f"var/lib/apt/lists/{number}{name[:90]}": b"l" * 2000}) for number, name in enumerate(_NAMES)]
    everything = "".join(_NAMES)[:3000]
    return build_image(
        [layer(base), layer(above), *top],
        history=[{"created_by": step, "comment": step, "author": step} for step in (steps[0], *steps, steps[1])],
        config={
            "created": everything,
            "config": {
                "User": everything,
                "Env": [f"TOKEN{name}={name}" for name in _NAMES],
                "Labels": {name: name for name in _NAMES},
                "Cmd": _NAMES,
                "Entrypoint": _NAMES,
            },
        },
    )


def _line(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images in layouts, and an index of two platforms, in a folder with a hostile name of its own."""
    place = tmp_path_factory.mktemp("hostile") / "x<b>|`=\x1b[31m"
    for version in (1, 2):
        image = hostile_image(version)
        write_files(
            layout_files(index_bytes([named(image.descriptor, "=\x1b]0;x\x07<b>")]), image.blobs), place / f"{version}"
        )
    entries, blobs = list[dict[str, Any]](), dict[str, bytes]()
    for number, name in enumerate(_NAMES[:4]):
        image = hostile_image(number)
        blobs |= image.blobs
        entries.append({**image.descriptor, "platform": {"os": "linux", "architecture": name, "variant": name}})
    write_files(layout_files(index_bytes(entries), blobs), place / "all")
    return place


def run(folder: Path, command: str, form: str, *more: str) -> tuple[str, str]:
    """Write a report to a file; what the file has, and what was said on the way."""
    report = folder / f"report-{command}-{form}"
    report.unlink(missing_ok=True)
    arguments = {
        "analyze": [str(folder / "1"), "--max-download", "1", "--forbid", "**/*.pyc"],
        "all-platforms": [str(folder / "all"), "--all-platforms"],
        "diff": ["diff", str(folder / "1"), str(folder / "2")],
        "quick": [str(folder / "1"), "--quick", "--max-download", "1"],
        "quick-all": [str(folder / "all"), "--quick", "--all-platforms", "--max-download", "1"],
        "quick-diff": ["diff", str(folder / "1"), str(folder / "2"), "--quick", "--max-download", "1"],
        "fleet export": ["fleet", "export", str(folder / "1"), "--parquet", str(folder / "exported")],
        "history": ["history", str(folder / "1"), str(folder / "2"), "--files"],
        "fleet": ["fleet", str(folder / "1"), str(folder / "2"), "--files", "--engine", "serial", "--frees", "*"],
        "fleet export": ["fleet", "export", str(folder / "1"), "--parquet", str(folder / "tables")],
        "baseline": ["baseline", "write", str(folder / "2"), "--baseline", str(folder / "kept.json")],
    }.get(command, [command, str(folder / "1")])
    assert main([*arguments, "-f", form, "-o", str(report), *more]) in (0, 1)
    return report.read_bytes().decode(), str(report)


@pytest.mark.parametrize(("command", "form"), _REPORTS)
def test_no_report_steers_anything(folder: Path, command: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No control or direction character but line ends is written, in the report or beside it, and the form holds."""
    text, _ = run(folder, command, form)
    said = capsys.readouterr()
    assert not _CONTROLS.search(said.err + said.out)
    controls = _CONTROLS if form != "dive-json" else re.compile(r"[\x00-\x09\x0b-\x1f]")  # dive writes what Go writes
    assert not controls.search(text)
    _CHECKS.get(form, _json)(text)


class Terminal(io.StringIO):
    """A file that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_dives_export_with_escapes(folder: Path) -> None:
    """dive's export has some of these characters as they are; a terminal gets them as escapes that mean the same."""
    analysis, terminal = Analyzer().analyze(folder / "1"), Terminal()
    write_report("dive-json", analysis, terminal, ReportOptions())
    assert not _CONTROLS.search(terminal.getvalue())
    assert json.loads(terminal.getvalue()) == json.loads(to_dive_json(analysis))
    assert _CONTROLS.search(to_dive_json(analysis))


@pytest.mark.parametrize(
    ("command", "form", "more"),
    [("analyze", "csv", "--files"), ("analyze", "json", "--files"), ("tree", "json", "--depth=9")],
)
def test_no_report_with_all_files_steers_anything(folder: Path, command: str, form: str, more: str) -> None:
    """The same for reports that list every file."""
    text, _ = run(folder, command, form, more)
    assert not _CONTROLS.search(text)
    _CHECKS.get(form, _json)(text)


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same files as in ``folder``, of images whose paths are as deep as tars allow, and beyond."""
    place = tmp_path_factory.mktemp("deep")
    nested = b"".join(long_name(b"d/" * depth) + header(b"d/", kind=b"5") for depth in range(1, 2048))
    files = b"".join(long_name(b"d/" * 2047 + b"%d" % number) + member(b"", b"x" * number) for number in range(100, 110))
    beyond = long_name(b"e/" * 32_767 + b"f") + member(b"", b"y" * 500)
    gone = long_name(b"d/" * 1500 + b".wh.d") + member(b"")
    image = build_image([raw_layer(part + END) for part in (nested + files + beyond, files, gone)])
    other = build_image([raw_layer(nested + END), raw_layer(files + beyond + END)])
    entries = []
    for name, each in (("amd64", image), ("arm64", other)):
        entries.append(for_platform(each.descriptor, "linux", name))
        write_files(layout_files(index_bytes([named(each.descriptor, "a")]), each.blobs), place / str(len(entries)))
    write_files(layout_files(index_bytes(entries), {**image.blobs, **other.blobs}), place / "all")
    return place


@pytest.mark.parametrize(("command", "form"), _REPORTS)
def test_no_report_recurses(deep: Path, command: str, form: str) -> None:
    """Paths of thousands of directories are reported in every form."""
    assert run(deep, command, form)[0]


def _json(text: str) -> None:
    assert isinstance(json.loads(text), dict | list)


def _text(text: str) -> None:
    assert "::error" not in [line.strip()[:7] for line in text.splitlines()]


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


def _html(text: str) -> None:
    found = _Tags(text)
    file = io.StringIO()
    write_report("html", Analyzer().analyze(_EXAMPLE), file, ReportOptions())
    assert found.tags <= _Tags(file.getvalue()).tags | {
        "script",
        "table",
        "details",
        "summary",
        "pre",
        "a",
        "svg",
        "rect",
        "polyline",
    }
    assert not [name for name, value in found.attributes if name.startswith("on") or "javascript:" in (value or "")]
    assert text.count("<script") == text.count("</script>") <= 4


def _markdown(text: str) -> None:
    rendered = cmarkgfm.github_flavored_markdown_to_html(text, cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE)
    found = _Tags(rendered)
    assert not found.tags & {"script", "img", "b", "em", "iframe", "del"}
    assert found.tags & {"strong", "table"}
    assert not [value for name, value in found.attributes if name in ("href", "src") or name.startswith("on")]


def _xml(text: str) -> None:
    ElementTree.fromstring(text)


def _github(text: str) -> None:
    for line in text.splitlines():
        assert re.match(r"::(error|warning|notice) [^:]*::[^\r]*|ocisize: ", line)


def _csv(text: str) -> None:
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len({len(row) for row in rows}) == 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def _openmetrics(text: str) -> None:
    assert text.endswith("\n# EOF\n")
    assert text.count("\n# EOF") == 1
    for line in text.splitlines():
        assert re.match(r"# (TYPE|HELP|UNIT|EOF)|ocisize_[a-z_]+(\{.*\})? [0-9.e+-]+$", line), line


_CHECKS: dict[str, Callable[[str], Any]] = {
    "text": _text,
    "html": _html,
    "markdown": _markdown,
    "junit": _xml,
    "badge-svg": _xml,
    "github": _github,
    "csv": _csv,
    "openmetrics": _openmetrics,
}
