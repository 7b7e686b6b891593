"""The samples of output in README.md and docs/, which come from the program.

A sample is a fenced block below a comment that names its command::

    <!-- sample: ocisize testdata/example.tar -f csv | sed -n '1p;4p' -->

The command runs with bash in the repository's folder, at 80 columns. A first line ``$ …`` in the block stays as it is.
``shorten N`` cuts lines longer than N characters, ``screen`` prints a screen of ``ocisize browse``, ``query NAME`` runs a query of
docs/fleet.md, and ``tables`` lists the tables that it can read. ``$PAIR`` is a folder with the layouts of ``tests.pairs``,
``$FLEET`` one with those of ``tests.fleet.shop``, and ``$RELEASES`` one with those of ``tests.updates.service``. ``python -m
tests.samples`` writes all samples again, and the pages that other modules generate; ``tests/test_samples.py`` fails where a page
differs from what this would write.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ocisize.rules.load import load_catalog
from tests.catalogs import rules_page
from tests.played import play, played_pages
from tests.prebuilt import write_modules
from tests.reference import reference_pages, write_tables

ROOT = Path(__file__).parent.parent
_SAMPLE = re.compile(
    r"^<!-- sample: (?P<command>.+) -->\n(?P<fence>`{3,})\w+\n(?P<prompt>\$ .*\n)?(?P<output>(?:(?!(?P=fence)$).*\n)*)(?P=fence)$",
    re.MULTILINE,
)
_TOOLS = f"""\
set -euo pipefail
ocisize() {{ '{sys.executable}' -m ocisize "$@"; }}
screen() {{ '{sys.executable}' -m tests.browse.screens "$@"; }}
query() {{ '{sys.executable}' -m tests.fleet.queries "$1"; }}
tables() {{ '{sys.executable}' -m tests.fleet.queries; }}
shorten() {{ sed -E "s/^(.{{$1}}).+/\\1…/"; }}
"""


def _play_reference(page: str) -> str:
    """A page of the API reference: the outputs of its programs, and its tables of names."""
    return write_tables(play(page))


#: pages that are generated as a whole
GENERATED: Mapping[str, Callable[[], str]] = {
    "docs/rules.md": lambda: rules_page(load_catalog()),
    **{page: partial(play, page) for page in played_pages()},
    **{page: partial(_play_reference, page) for page in reference_pages()},
}


class Sample(NamedTuple):
    """A sample on a page."""

    page: str  #: path in the repository
    command: str
    output: str


def pages() -> list[str]:
    """The pages that can have samples."""
    return ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


def list_samples() -> Iterator[Sample]:
    """The samples of all pages."""
    for page in pages():
        for match in _SAMPLE.finditer((ROOT / page).read_text("utf-8")):
            yield Sample(page, match["command"], match["output"])


def run_command(command: str) -> str:
    """What a sample's command writes to standard output; its exit status may be any that ocisize documents."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "COLUMNS": "80",
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "PAIR": folder,
            "FLEET": folder,
            "RELEASES": folder,
        }
        for variable, module in (
            ("$PAIR", "tests.pairs"), ("$FLEET", "tests.fleet.shop"), ("$RELEASES", "tests.updates.service"),
        ):  # fmt: skip
            if variable in command:
                subprocess.run([sys.executable, "-m", module, folder], cwd=ROOT, env=environment, check=True, timeout=60)
        result = subprocess.run(
            ["bash", "-c", _TOOLS + command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
        )
    assert result.returncode in (0, 1, 2) and result.stdout, f"{command}: {result.stderr}"
    return result.stdout


def write_samples() -> list[str]:
    """Write all pages again; returns those that changed."""
    written = {page: _SAMPLE.sub(_rewrite, (ROOT / page).read_text("utf-8")) for page in pages()}
    written |= {page: make() for page, make in GENERATED.items()}
    changed = [page for page, text in written.items() if text != (ROOT / page).read_text("utf-8")]
    for page in changed:
        (ROOT / page).write_text(written[page], "utf-8")
    return changed


def _rewrite(match: re.Match[str]) -> str:
    before = match[0][: match.start("output") - match.start()]
    return f"{before}{run_command(match['command'])}{match['fence']}"


if __name__ == "__main__":
    write_modules()
    print("\n".join(write_samples()) or "all samples are up to date")
