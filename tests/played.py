"""Pages whose blocks are played in order: commands run, programs run, files are written, and outputs are compared.

A page is played in a new folder with ``testdata`` in it:

* a block ``sh`` runs with bash, in the folder in which the block before it ended;
* a block ``python`` runs as a separate program;
* a block below the name of a file in backticks is written to that file;
* a block ``text`` below a block that ran is its output; a line ``…`` takes the place of some lines;
* on a page about ``before`` and ``after``, or about ``service``, the folder has the layouts of ``tests.pairs``;
* a block below the comment ``<!-- not played -->`` is only shown.

``python -m tests.samples`` writes the outputs again, ``tests/docs/test_pages.py`` fails where a page differs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.pairs import write_layouts

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(
    r"(?:^(?P<skipped><!-- not played -->)\n)?(?:^`(?P<file>[^`\n]+)`\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$"
    r"(?:\n\n```text\n(?P<output>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
_TOOLS = f"""\
set -euo pipefail
ocisize() {{ '{sys.executable}' -m ocisize "$@"; }}
"""


def played_pages() -> list[str]:
    """The pages that are played, by their paths in the repository."""
    return [
        "docs/library.md",
        "docs/tutorial.md",
        *sorted(f"docs/{folder}/{path.name}" for folder in ("api", "howto") for path in ROOT.glob(f"docs/{folder}/*.md")),
    ]


def list_programs(page: str) -> list[str]:
    """The programs in Python on a page."""
    blocks = _BLOCK.finditer((ROOT / page).read_text("utf-8"))
    return [block["text"] for block in blocks if block["language"] == "python" and not block["skipped"]]


def play(page: str) -> str:
    """The text of a page with the outputs that its blocks have now; raises AssertionError if a block fails."""
    with tempfile.TemporaryDirectory() as folder:
        player = _Player(Path(folder))
        if re.search(r"\b(?:before after|ocisize (?:packages )?service)\b", (ROOT / page).read_text("utf-8")):
            write_layouts(player.top)
        return _BLOCK.sub(player.play_block, (ROOT / page).read_text("utf-8"))


class _Player:
    """Plays the blocks of one page."""

    def __init__(self, home: Path) -> None:
        self.place = self.top = home / "work"
        self.top.mkdir()
        (self.top / "testdata").symlink_to(ROOT / "testdata")
        self.end = home / "end"  # the folder in which a block ended
        self.environment = {
            **os.environ, "COLUMNS": "80", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT), "HOME": str(home), "END": str(self.end),
        }  # fmt: skip

    def play_block(self, match: re.Match[str]) -> str:
        language, text, output = match["language"], match["text"], match["output"]
        if match["skipped"]:
            return match[0]
        if match["file"]:
            (self.place / match["file"]).write_text(text)
        if language == "sh":
            printed = self._run(["bash", "-c", f'{_TOOLS}{text}pwd > "$END"'])
            self.place = Path(self.end.read_text().strip())
        elif language == "python":
            printed = self._run([sys.executable, "-c", text])
        else:
            return match[0]
        if output is None:
            return match[0]
        return f"{match[0][: match.start('output') - match.start()]}{_cut(printed, output)}```"

    def _run(self, command: list[str]) -> str:
        result = subprocess.run(command, cwd=self.place, env=self.environment, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, f"{command[-1]}\n{result.stdout}{result.stderr}"
        return result.stdout


def _cut(printed: str, shown: str) -> str:
    """What is printed, without the lines in the place of a line ``…``: as many are left as are shown before and behind it."""
    lines, new = shown.splitlines(), printed.splitlines(keepends=True)
    if "…" not in lines or len(new) < len(lines):
        return printed
    end = len(new) - (len(lines) - lines.index("…") - 1)
    return "".join([*new[: lines.index("…")], "…\n", *new[end:]])
