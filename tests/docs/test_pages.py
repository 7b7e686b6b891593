"""Pages with commands and programs: each block runs, and prints what the page says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.played import ROOT, list_programs, play, played_pages

pytestmark = pytest.mark.slow  # each block is a process
PAGES = played_pages()


@pytest.mark.parametrize("page", PAGES)
def test_blocks_print_what_the_page_says(page: str) -> None:
    """To accept a changed output, run python -m tests.samples and look at the difference."""
    assert play(page) == (ROOT / page).read_text("utf-8")


def test_programs_are_typed(tmp_path: Path) -> None:
    """Every program on these pages passes mypy --strict, as a caller's would."""
    programs = [(page, text) for page in PAGES for text in list_programs(page)]
    assert len(programs) > 10
    for number, (page, text) in enumerate(programs):
        (tmp_path / f"{Path(page).stem.replace('-', '_')}_{number}.py").write_text(text)
    options = ["--strict", "--follow-imports=silent", "--cache-dir", str(tmp_path / "cache"), "--no-error-summary"]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "."],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
